"""What systemd passes: taken if it is for this process and clients can come to it, else refused in words."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.transport import activation
from agent.transport.activation import Unserviceable, mismatch, taken_from

FIRST = 700
"""Stands for 3, which is taken here."""

Pass = Callable[..., MutableMapping[str, str]]


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pass]:
    """Puts descriptors where systemd would, and returns the environment that goes with them."""
    monkeypatch.setattr(activation, "FIRST", FIRST)
    numbers: list[int] = []

    def put(*descriptors: int, names: str = "netconf") -> MutableMapping[str, str]:
        for descriptor in descriptors:
            numbers.append(os.dup2(descriptor, FIRST + len(numbers), inheritable=True))
        return {
            "LISTEN_PID": str(os.getpid()),
            "LISTEN_FDS": str(len(descriptors)),
            "LISTEN_FDNAMES": names,
            "PATH": "/bin",
        }

    yield put
    for number in numbers:
        with suppress(OSError):  # a socket of the test has closed it
            os.close(number)


def listener(host: str = "127.0.0.1", family: int = socket.AF_INET) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.bind((host, 0))
    made.listen()
    return made


def local(file: Path, mode: int = 0o660) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(str(file))
    file.chmod(mode)
    made.listen()
    return made


def test_sockets_of_tcp_and_of_the_unix_domain_are_told_apart_and_not_left_to_children(
    passed: Pass, tmp_path: Path
) -> None:
    with listener() as tcp, local(tmp_path / "door") as unix:
        environment = passed(tcp.fileno(), unix.fileno(), names="netconf:door")
        found = taken_from(environment)
        assert [one.getsockname() for one in found.tcp] == [tcp.getsockname()]
        assert [one.getsockname() for one in found.unix] == [unix.getsockname()]
        assert environment == {"PATH": "/bin"}
        for one in (*found.tcp, *found.unix):
            assert not one.get_inheritable()
            assert not one.getblocking()
            one.close()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},  # of the parent, who has not taken it out
        {"LISTEN_PID": "x", "LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "-1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "one"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0", "LISTEN_FDNAMES": ""},
        {"LISTEN_PID": str(os.getpid())},
    ],
)
def test_what_is_for_nobody_or_another_process_is_left(environment: dict[str, str]) -> None:
    found = taken_from(environment)
    assert not found.tcp
    assert not found.unix
    assert environment == {}


def _datagrams() -> int:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach()


def _not_listened_on() -> int:
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM).detach()


def _packets() -> int:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).detach()


def _null() -> int:
    return os.open(os.devnull, os.O_RDWR)


@pytest.mark.parametrize(
    ("made", "what"),
    [
        (_datagrams, "no stream socket"),
        (_not_listened_on, "a connection and not listened on"),
        (_packets, "of the family 16"),
        (_null, "no socket"),
    ],
)
@pytest.mark.parametrize("names", ["netconf:other", ":other", ""])
def test_what_nobody_can_connect_to_is_refused_by_its_name(
    made: Callable[[], int], what: str, names: str, passed: Pass
) -> None:
    descriptor = made()
    named = "'other'" if "other" in names else f"descriptor {FIRST + 1}"
    with listener() as good:
        try:
            with pytest.raises(Unserviceable, match=f"systemd passes {named}, which is .*{what}"):
                taken_from(passed(good.fileno(), descriptor, names=names))
        finally:
            os.close(descriptor)


@pytest.mark.parametrize("mode", [0o666, 0o662, 0o661])
def test_a_unix_socket_to_which_everybody_could_come_is_refused(
    passed: Pass, tmp_path: Path, mode: int
) -> None:
    """SocketMode= is 0666 if nobody says otherwise."""
    with (
        local(tmp_path / "door", mode) as unix,
        pytest.raises(Unserviceable, match=r"everybody could come \(SocketMode=0660\)"),
    ):
        taken_from(passed(unix.fileno()))


def test_a_unix_socket_whose_file_is_gone_is_refused(passed: Pass, tmp_path: Path) -> None:
    with local(tmp_path / "gone") as gone:
        (tmp_path / "gone").unlink()
        with pytest.raises(Unserviceable, match="restart the socket unit"):
            taken_from(passed(gone.fileno()))


def test_a_unix_socket_of_no_file_is_refused(passed: Pass) -> None:
    with socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("")
        abstract.listen()
        with pytest.raises(Unserviceable, match="of no file"):
            taken_from(passed(abstract.fileno()))


def test_of_unix_sockets_one_is_served(passed: Pass, tmp_path: Path) -> None:
    with (
        local(tmp_path / "one") as one,
        local(tmp_path / "other") as other,
        pytest.raises(Unserviceable, match="more than one socket of the UNIX domain"),
    ):
        taken_from(passed(one.fileno(), other.fileno()))


def test_a_descriptor_that_is_not_there_is_refused(passed: Pass) -> None:
    environment = passed() | {"LISTEN_FDS": "1"}
    with pytest.raises(Unserviceable, match=r"'netconf', which is nothing \(Bad file descriptor\)"):
        taken_from(environment)


@pytest.mark.parametrize(
    ("protocol", "unfit"), [(socket.IPPROTO_TCP, False), (socket.IPPROTO_MPTCP, False), (132, True)]
)
def test_another_protocol_than_tcp_is_refused(protocol: int, unfit: bool) -> None:
    made = SimpleNamespace(
        family=socket.AF_INET, type=socket.SOCK_STREAM, proto=protocol, getsockopt=lambda _level, _name: 1
    )
    why = activation._unfit(made)  # type: ignore[arg-type]
    assert why == ("of another protocol than TCP (SocketProtocol=)" if unfit else None)


def test_more_sockets_than_anybody_needs_are_refused() -> None:
    with pytest.raises(Unserviceable, match="systemd passes 65 sockets"):
        taken_from({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "65"})


@pytest.mark.parametrize(
    ("host", "family", "setting", "agrees"),
    [
        ("127.0.0.1", socket.AF_INET, "127.0.0.1", True),
        ("127.0.0.1", socket.AF_INET, "127.0.0.2", False),
        ("127.0.0.1", socket.AF_INET, "0.0.0.0", False),
        ("0.0.0.0", socket.AF_INET, "0.0.0.0", True),
        ("0.0.0.0", socket.AF_INET, "::", False),
        ("::", socket.AF_INET6, "::", True),
        ("::", socket.AF_INET6, "0.0.0.0", True),  # as ListenStream=830 makes it
        ("::1", socket.AF_INET6, "::1", True),
        ("::1", socket.AF_INET6, "127.0.0.1", False),
        ("127.0.0.1", socket.AF_INET, "gateway.example.org", True),
    ],
)
def test_another_address_than_that_of_the_settings_is_said(
    host: str, family: int, setting: str, agrees: bool
) -> None:
    with listener(host, family) as made:
        port = made.getsockname()[1]
        sentence = mismatch([made], setting, port)
        assert (sentence is None) == agrees
        assert (mismatch([made], setting, 0) is None) == agrees
        assert sentence is None or f"and not on {'[::]' if setting == '::' else setting}:{port}" in sentence
        other = mismatch([made], setting, port % 60000 + 1)
        assert other is not None
        assert f":{port} for this agent" in other


def test_a_socket_for_ipv6_alone_is_not_that_of_all_addresses() -> None:
    with closing(socket.socket(socket.AF_INET6, socket.SOCK_STREAM)) as made:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(("::", 0))
        made.listen()
        assert mismatch([made], "0.0.0.0", 0) is not None
        assert mismatch([], "0.0.0.0", 830) is None
