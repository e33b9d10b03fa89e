"""The event loop is the library's, and uvloop's for who says so."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import pytest
import uvloop

from agent.loop import VARIABLE, chosen
from agent.settings import SettingsError
from tests.agent_process import running_agent
from tests.wire.raw_client import raw_client

STANDARD = asyncio.new_event_loop


def has_uvloop(pid: int) -> bool:
    return "/uvloop/" in Path(f"/proc/{pid}/maps").read_text()


GET = "<get-config><source><running/></source></get-config>"


@pytest.mark.parametrize("asked", [None, "", "asyncio"])
def test_uvloop_is_used_where_somebody_says_so(asked: str | None) -> None:
    assert chosen({} if asked is None else {VARIABLE: asked}) is STANDARD
    made = chosen({VARIABLE: "uvloop"})()
    made.close()
    assert isinstance(made, uvloop.Loop)


def test_without_uvloop_who_asks_for_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with pytest.raises(SettingsError, match="not installed"):
        chosen({VARIABLE: "uvloop"})


def test_another_name_is_refused() -> None:
    with pytest.raises(SettingsError, match="uvloop or asyncio, not 'Trio'"):
        chosen({VARIABLE: "Trio"})


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_an_agent_serves_on_the_loop_that_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: str
) -> None:
    monkeypatch.setenv(VARIABLE, loop)
    with running_agent(tmp_path) as agent:
        assert has_uvloop(agent.process.pid) == (loop == "uvloop")
        async with raw_client(agent, greet="1.1") as client:
            assert b"<data" in await client.ask(GET)
        assert agent.stop() == 0


@pytest.mark.parametrize("name", ["uvloop", "asyncio"])
def test_datagrams_of_every_family_come(name: str) -> None:
    """Those of netlink do not with uvloop alone."""

    class Protocol(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.came: asyncio.Queue[bytes | None] = asyncio.Queue()

        def datagram_received(self, data: bytes, addr: object) -> None:
            self.came.put_nowait(data)

        def connection_lost(self, exc: Exception | None) -> None:
            self.came.put_nowait(None)

    async def receive() -> list[bytes | None]:
        ours, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.setblocking(False)
        transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(Protocol, sock=ours)
        other.send(b"one")
        other.send(b"two")
        came = [await protocol.came.get(), await protocol.came.get()]
        transport.close()
        transport.close()
        other.close()
        return [*came, await protocol.came.get()]

    with asyncio.Runner(loop_factory=chosen({VARIABLE: name})) as runner:
        assert runner.run(receive()) == [b"one", b"two", None]
