"""The socket of the machine: what the subsystem of a sshd says of its user, and who is believed."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from agent.transport import unix
from agent.transport.limits import Limits
from agent.transport.preamble import OCTETS_MAX, WORD
from agent.transport.stream import Peer
from tests.agent.transport.test_unix import clients, local, machine, path, preamble
from tests.agent.transport.unix_server import (
    ANN,
    GROUPS,
    Machine,
    connect,
    serving,
    until,
)

__all__ = ["clients", "machine", "path"]


async def test_root_is_believed_for_whom_he_comes(machine: Machine, path: Path) -> None:
    machine.uid = 0
    async with serving(path) as served:
        client = await connect(served)
        client.writer.write(preamble())
        assert await client.echo(b"<hello/>") == b"<hello/>"
    assert served.peers == [
        Peer(
            "ann",
            source_host="192.0.2.7",
            source_port=50022,
            transport="netconf-ssh",
            groups=GROUPS["ann"],
            local_host="192.0.2.1",
        )
    ]


@pytest.mark.parametrize(("user", "administers"), [("root", True), ("ann", False), ("stranger", False)])
async def test_who_comes_as_root_through_the_subsystem_is_root(
    machine: Machine, path: Path, user: str, administers: bool
) -> None:
    machine.uid = 0
    async with serving(path) as served:
        client = await connect(served)
        client.writer.write(preamble(user=user))
        await client.echo(b"<")
    assert [(peer.user, peer.administers) for peer in served.peers] == [(user, administers)]


@pytest.mark.parametrize("limits", [Limits(), Limits(read_buffer_octets=1)], ids=["usual", "scarce"])
async def test_it_may_come_octet_by_octet(machine: Machine, path: Path, limits: Limits) -> None:
    for machine.uid in (0, ANN):
        async with serving(path, limits) as served:
            client = await connect(served)
            for octet in preamble():
                client.writer.write(bytes([octet]))
                await client.writer.drain()
                await asyncio.to_thread(int)
            assert await client.echo(b"<hello/>") == b"<hello/>"
        assert served.peers[0].user == "ann"


async def test_root_who_says_nothing_comes_for_himself(
    machine: Machine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some clients wait for the server's <hello>."""
    monkeypatch.setattr(unix, "PREAMBLE_WAIT_S", 0.0)
    machine.uid = 0
    async with serving(path) as served:
        served.to_say = b"hello"
        client = await connect(served)
        assert await client.reader.readexactly(5) == b"hello"
        assert await client.echo(preamble()) == preamble()  # too late: it is what a client says
    assert served.peers == [local("root", administers=True)]


@pytest.mark.parametrize("user", ["bea", "root"])
async def test_anybody_else_is_not_believed_to_be_another(
    machine: Machine, path: Path, caplog: Any, user: str
) -> None:
    async with serving(path) as served:
        client = await connect(served)
        client.writer.write(preamble(user=user))
        assert await client.echo(b"<hello/>") == b"<hello/>"
    assert served.peers == [local("ann")]
    assert f"ann said to be '{user}' at the socket: not believed, for he is not root" in caplog.text


async def test_nor_from_where_he_comes_but_it_is_noted(machine: Machine, path: Path, caplog: Any) -> None:
    caplog.set_level(logging.INFO)
    async with serving(path) as served:
        client = await connect(served)
        client.writer.write(preamble())
        assert await client.echo(b"<hello/>") == b"<hello/>"
    assert served.peers == [local("ann")]
    assert "ann says that he comes from 192.0.2.7" in caplog.text


@pytest.mark.parametrize("uid", [0, ANN])
@pytest.mark.parametrize("line", [b"{}\n", b"nonsense\n", b"x" * OCTETS_MAX, b"[" * 900 + b"\n"])
async def test_what_is_garbled_ends_the_session_with_a_line_in_the_log(
    machine: Machine, path: Path, caplog: Any, uid: int, line: bytes
) -> None:
    machine.uid = uid
    async with serving(path) as served:
        client = await connect(served)
        client.writer.write(WORD + line + b"<hello/>")
        assert await client.rest() == b""
        await until(lambda: served.ended == len(served.peers))
        assert served.places.sessions.total() == 0
    assert "what the subsystem says of its user cannot be used" in caplog.text


@pytest.mark.parametrize("uid", [0, ANN])
async def test_one_that_ends_in_its_middle_is_garbled(
    machine: Machine, path: Path, caplog: Any, uid: int
) -> None:
    machine.uid = uid
    async with serving(path) as served:
        client = await connect(served)
        client.writer.write(WORD + b"{")
        client.writer.write_eof()
        assert await client.rest() == b""
    assert "it ends in its middle" in caplog.text


async def test_who_says_nothing_at_all_is_no_fault(machine: Machine, path: Path, caplog: Any) -> None:
    for machine.uid in (0, ANN):
        async with serving(path) as served:
            client = await connect(served)
            client.writer.write_eof()
            assert await client.rest() == b""
    assert caplog.text == ""


async def test_root_that_says_nothing_has_few_places(
    machine: Machine, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(unix, "PREAMBLE_WAIT_S", 3600.0)
    machine.uid = 0
    async with serving(path, Limits(unauthenticated=2)) as served:
        waiting = [await connect(served) for _ in range(2)]
        await until(lambda: len(served.transport._of_root) == 2)
        assert await (await connect(served)).rest() == b""
        assert "too many of root" in caplog.text
        assert await waiting[0].echo(b"<") == b"<"  # his place is free again
        await (await connect(served)).echo(b"<")
