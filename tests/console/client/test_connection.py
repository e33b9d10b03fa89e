"""The client of the command line with a live agent: over its socket, over SSH, and when it goes away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from lxml import etree

from console.client.connection import Connection
from console.client.session import Gone, ServerErrors
from console.client.ssh import Address, Login, SshStream, address
from console.client.unix import UnixStream
from tests.agent_process import AgentProcess, running_agent
from tests.console.client.servers import NETCONF, says, server

IPSEC = "urn:yangswan:params:xml:ns:yang:ipsec"
TUNNELS = etree.XML(f'<filter><tunnels xmlns="{IPSEC}"/></filter>')
EDIT = etree.XML(
    f'<edit-config xmlns="{NETCONF}"><target><candidate/></target><config><tunnels xmlns="{IPSEC}">'
    "<ipsec><id>1</id><local-address>192.0.2.1</local-address><secret>abcdefgh</secret></ipsec></tunnels></config>"
    "</edit-config>"
)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with running_agent(tmp_path_factory.mktemp("client")) as process:
        yield process


def local(agent: AgentProcess) -> Connection:
    return Connection(lambda: UnixStream(agent.data_dir / "netconf.sock"), "the agent")


def login(agent: AgentProcess, tmp_path: Path, **others: object) -> Login:
    values = {"user": agent.user, "key": agent.key, "known_hosts": tmp_path / "known", **others}
    return Login(**values)  # type: ignore[arg-type]


def test_what_is_edited_is_committed_told_and_read(agent: AgentProcess) -> None:
    client = local(agent)
    with client.events() as events:
        client.rpc(EDIT)
        client.rpc(etree.XML(f'<commit xmlns="{NETCONF}"/>'))
        assert client.get_config("running", TUNNELS).findtext(f".//{{{IPSEC}}}id") == "1"
        assert client.get(TUNNELS).find(f".//{{{IPSEC}}}state") is not None
        told = next(event for event in events if "netconf-config-change" in etree.tostring(event).decode())
        assert etree.QName(told).localname == "notification"
    client.close()


def test_what_is_refused_is_told_with_its_path(agent: AgentProcess) -> None:
    client = local(agent)
    wrong = etree.fromstring(etree.tostring(EDIT).replace(b"192.0.2.1", b"nowhere"))
    with pytest.raises(ServerErrors) as caught:
        client.rpc(wrong)
    assert caught.value.errors[0].path.endswith("local-address")
    client.close()


def test_an_unknown_host_key_is_refused_or_asked_about_once_and_remembered(
    agent: AgentProcess, tmp_path: Path
) -> None:
    at = Address(agent.host, agent.port)
    with pytest.raises(Gone, match=r"host key of .* is not known \(ssh-ed25519 SHA256:"):
        SshStream(at, login(agent, tmp_path))
    with pytest.raises(Gone, match="was not accepted"):
        SshStream(at, login(agent, tmp_path, ask=lambda question: False))
    assert not (tmp_path / "known").exists()
    asked: list[str] = []

    def yes(question: str) -> bool:
        asked.append(question)
        return True

    def connect_twice() -> None:
        for _ in range(2):
            client = Connection(lambda: SshStream(at, login(agent, tmp_path, ask=yes)), str(at))
            assert client.user == agent.user
            client.close()

    connect_twice()
    assert len(asked) == 1
    assert (tmp_path / "known").stat().st_mode & 0o777 == 0o600
    (tmp_path / "known").write_text("other.example ssh-ed25519 AAAA")  # whose last line has no end
    connect_twice()
    assert len(asked) == 2
    assert (tmp_path / "known").read_text().startswith("other.example ssh-ed25519 AAAA\n[127.0.0.1]:")


def test_another_host_key_than_the_known_one_is_refused_without_a_question(
    agent: AgentProcess, tmp_path: Path
) -> None:
    other = paramiko.ECDSAKey.generate()
    known = tmp_path / "known"
    known.write_text(f"[{agent.host}]:{agent.port} {other.get_name()} {other.get_base64()}\n")
    at = Address(agent.host, agent.port)
    with pytest.raises(Gone, match=r"not the one that is known: .*ssh-keygen -f .* -R '\[127.0.0.1\]:"):
        SshStream(at, login(agent, tmp_path, ask=lambda question: pytest.fail("asked")))


def test_a_login_that_is_refused_is_said(agent: AgentProcess, tmp_path: Path) -> None:
    at = Address(agent.host, agent.port)
    with pytest.raises(Gone, match="does not let nobody in with the key"):
        SshStream(at, login(agent, tmp_path, user="nobody", ask=lambda question: True))
    (tmp_path / "no_key").write_text("hello")
    with pytest.raises(Gone, match="holds no private key"):
        SshStream(at, login(agent, tmp_path, key=tmp_path / "no_key"))
    with pytest.raises(Gone, match="No such file"):
        SshStream(at, login(agent, tmp_path, key=tmp_path / "none"))


def test_a_port_without_a_server_and_one_without_ssh_are_said(agent: AgentProcess, tmp_path: Path) -> None:
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def speak() -> None:
            accepted, _ = listening.accept()
            with accepted:
                accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(Gone, match="is not an SSH server"):
            SshStream(Address("127.0.0.1", port), login(agent, tmp_path))
        thread.join()
    with pytest.raises(Gone, match=rf"^nobody listens at 127\.0\.0\.1, port {port}$"):
        SshStream(Address("127.0.0.1", port), login(agent, tmp_path))


@pytest.mark.parametrize(
    ("typed", "host", "port"),
    [
        ("gw1", "gw1", 830), ("gw1:22", "gw1", 22), ("192.0.2.1:8300", "192.0.2.1", 8300),
        ("2001:db8::1", "2001:db8::1", 830),
        ("[2001:db8::1]:22", "2001:db8::1", 22), ("[::1]", "::1", 830),
    ],
)  # fmt: skip
def test_addresses(typed: str, host: str, port: int) -> None:
    assert address(typed) == Address(host, port)


@pytest.mark.parametrize(
    "typed", ["", "gw:", "gw:x", "gw:0", "gw:65536", "[::1", "-o x", "a b", "gw:22:1x", "[::1]22"]
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        address(typed)


def test_a_session_outlives_its_agent_when_it_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with running_agent(tmp_path / "data") as first:
        client = local(first)
        first.kill()
        with pytest.raises(Gone, match="the session with the agent has ended"):
            client.rpc(EDIT)
        with pytest.raises(Gone, match="no agent runs"):
            client.reconnect()
    with running_agent(tmp_path / "data"):
        client.reconnect()
        client.rpc(EDIT)
        client.close()


def test_events_of_an_agent_that_dies_end_with_the_reason(tmp_path: Path) -> None:
    with running_agent(tmp_path) as process:
        client = local(process)
        with client.events() as events:
            process.kill()
            with pytest.raises(Gone, match="has ended"):
                list(events)


def test_a_stranger_on_the_socket_is_told(tmp_path: Path) -> None:
    with (
        server(tmp_path / "s", says(b"220 mail ready\r\n")) as path,
        pytest.raises(Gone, match="before a session began"),
    ):
        Connection(lambda: UnixStream(path), "the agent")
