"""Doors of which one time ends before any other, and clients that take theirs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, MutableMapping
from typing import Any

from agent.http.door import Door
from agent.http.limits import DoorLimits
from tests.agent.http.door_lab import PATIENCE_S

HERE = ("127.0.0.1", 0)
SHORT_S = 0.05
LONG_S = 300.0
LIMITS = DoorLimits(
    head_s=LONG_S, body_s=LONG_S, idle_s=LONG_S, write_s=LONG_S, handshake_s=LONG_S, close_s=LONG_S,
    body_octets=1000, methods=frozenset({"GET", "HEAD", "POST", "OPTIONS"}),
)  # fmt: skip


def sending(octets: int, *, length: bool) -> Any:
    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"%d" % octets)] if length else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(octets)})

    return app


def reading_little(port: int) -> socket.socket:
    """Return a connection with little room for what comes."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made


async def emptied(door: Door) -> None:
    await asyncio.wait_for(door.hall.empty.wait(), PATIENCE_S)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - there is no event of it
            await asyncio.sleep(0)


async def held(port: int, count: int) -> list[asyncio.StreamWriter]:
    return [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(count)]


class Nowhere(asyncio.Transport):
    """Where nobody is."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 0) if name in ("peername", "sockname") else default

    def abort(self) -> None:
        """There is nothing to end."""
