"""Around an application: its answers go out in pieces, with a date, and in a time that their size allows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any

from agent.http.arrival import Guest
from agent.http.limits import DoorLimits

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
"""An ASGI application."""

PIECE_OCTETS = 64 * 1024
"""As much as waits in memory of this process for a client that does not read, besides the answer itself."""


class Noting:
    """Sends on what an application answers, and notes that it has begun.

    A fault after that is told by no other answer: the connection is aborted, for nothing else says of an
    answer that it is not whole.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        self.has_begun = True
        await self._send(message)


class Answers:
    """An application, bounded; an ASGI application itself."""

    def __init__(self, app: App, limits: DoorLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        guest: Guest = scope["state"]["guest"]

        async def bounded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._begin(message, guest)
            await self._sent(message, send)

        try:
            await self._app(scope, receive, bounded)
        except asyncio.CancelledError:
            return  # the door is closed, and the connection gone

    def _begin(self, message: Message, guest: Guest) -> None:
        headers = [(bytes(name).lower(), bytes(value)) for name, value in message.get("headers", ())]
        message["headers"] = [*headers, (b"date", formatdate(usegmt=True).encode())]
        length = next((value for name, value in headers if name == b"content-length"), None)
        if length is not None:
            guest.expect_read_in(self._limits.write_s + int(length) / self._limits.slowest_octets)

    async def _sent(self, message: Message, send: Send) -> None:
        body = message.get("body", b"")
        if len(body) <= PIECE_OCTETS:
            await send(message)
            return
        whole = memoryview(body)
        for start in range(0, len(whole), PIECE_OCTETS):
            piece = bytes(whole[start : start + PIECE_OCTETS])
            more = start + PIECE_OCTETS < len(whole) or message.get("more_body", False)
            await send({"type": "http.response.body", "body": piece, "more_body": more})
