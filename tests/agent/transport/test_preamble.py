"""The line that netconf-subsystem says before NETCONF: what is one, and what is none."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.transport.preamble import OCTETS_MAX, WORD, Garbled, Preamble, cut, is_whole, read
from console import subsystem

ALL = {"user": "ann", "source-host": "192.0.2.7", "source-port": 50022, "local-host": "2001:db8::1"}


def line(said: object) -> bytes:
    return WORD + json.dumps(said).encode() + b"\n"


def test_all_that_it_can_say() -> None:
    assert read(line(ALL)) == Preamble(
        "ann", source_host="192.0.2.7", source_port=50022, local_host="2001:db8::1"
    )
    assert read(line({"user": "ann"})) == Preamble("ann")
    assert read(line({**ALL, "source-host": "fe80::1%eth0"})).source_host == "fe80::1%eth0"


def test_the_subsystem_and_the_agent_mean_the_same() -> None:
    assert subsystem.WORD == WORD
    environ = {"SSH_CONNECTION": "192.0.2.7 50022 2001:db8::1 22", "SUDO_USER": "ann"}
    said = read(subsystem.preamble(environ))
    assert (said.source_host, said.source_port, said.local_host) == ("192.0.2.7", 50022, "2001:db8::1")


@pytest.mark.parametrize("cut_at", range(1, len(line(ALL))))
def test_it_is_whole_when_its_line_feed_is_there(cut_at: int) -> None:
    assert not is_whole(line(ALL)[:cut_at])


def test_what_comes_after_it_stays() -> None:
    arrived = bytearray(line(ALL) + b"<hello/>")
    assert is_whole(arrived)
    assert cut(arrived) == line(ALL)
    assert arrived == b"<hello/>"


@pytest.mark.parametrize(
    "first", [b"<", b"\n<hello", b"yangswan-netconf-subsystem\n", b"y ", b"\xef\xbb\xbf<"]
)
def test_what_begins_otherwise_is_no_preamble(first: bytes) -> None:
    arrived = bytearray(first)
    assert is_whole(arrived)
    assert cut(arrived) is None
    assert arrived == first


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_one_without_an_end_is_not_waited_for(ending: bytes) -> None:
    assert not is_whole(WORD + b"x" * (OCTETS_MAX - len(WORD) - 1))
    with pytest.raises(Garbled, match=str(OCTETS_MAX)):
        is_whole(WORD + b"x" * (OCTETS_MAX - len(WORD)) + ending)


@pytest.mark.parametrize(
    "said",
    [
        b"", b"ann", b"[]", b"[" * 900, b'{"user": "ann"', b'"ann"', b"null", b"\xff",
        *(
            json.dumps(one).encode()
            for one in (
                {}, {"source-host": "192.0.2.7"}, {**ALL, "groups": ["admin"]}, {**ALL, "user": None},
                {**ALL, "user": ""}, {**ALL, "user": "a\nb"}, {**ALL, "user": " ann"},
                {**ALL, "user": "\udc80"},
                {**ALL, "user": "x" * 256}, {**ALL, "user": ["ann"]}, {**ALL, "user": "\x1b[2J"},
                {**ALL, "source-host": "gateway"}, {**ALL, "source-host": "192.0.2.7\n"},
                {**ALL, "source-host": "fe80::1%a\nb"}, {**ALL, "source-host": "fe80::1%\ud800"},
                {**ALL, "source-host": f"fe80::1%{'x' * 100}"}, {**ALL, "source-host": "192.0.2.7%eth0"},
                {**ALL, "source-host": "1" * 300}, {**ALL, "local-host": "UNKNOWN"},
                {**ALL, "source-port": "22"}, {**ALL, "source-port": -1}, {**ALL, "source-port": 65536},
                {**ALL, "source-port": True}, {**ALL, "source-port": 1.0},
            )
        ),
    ],
)  # fmt: skip
def test_what_is_garbled_is_refused(said: bytes) -> None:
    with pytest.raises(Garbled):
        read(WORD + said + b"\n")


@given(st.binary(max_size=OCTETS_MAX))
def test_nothing_else_than_garbled_comes_of_any_octets(octets: bytes) -> None:
    with contextlib.suppress(Garbled):
        read(WORD + octets)
