"""Which event loop the agent runs on: that of the standard library, or uvloop for who asks for it.

uvloop takes less time for the same. It is not the default: it refuses to write to a program that has ended
already, where the other loop passes over it, and nft is such a program. What it refuses, too, is here:
datagrams of another family than those of the Internet, as netlink is.
"""

from __future__ import annotations

import asyncio
import importlib
import socket
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from agent.settings import SettingsError

VARIABLE = "YANGSWAN_EVENT_LOOP"
"""Of the environment: names one of the two, and may be missing or empty."""
UVLOOP, STANDARD = "uvloop", "asyncio"
DATAGRAM_OCTETS = 256 * 1024
"""As in asyncio."""

NewLoop = Callable[[], asyncio.AbstractEventLoop]


def chosen(environment: Mapping[str, str]) -> NewLoop:
    """Return what makes the loop that ``environment`` asks for.

    Raises:
        SettingsError: there is no such loop, or it is not installed.
    """
    asked = environment.get(VARIABLE, "")
    if asked not in ("", UVLOOP, STANDARD):
        raise SettingsError(f"{VARIABLE} is {UVLOOP} or {STANDARD}, not {asked!r}")
    if asked != UVLOOP:
        return asyncio.new_event_loop
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        raise SettingsError(f"{VARIABLE} is {UVLOOP}, which is not installed") from None
    return _with_datagrams(uvloop.Loop)


@cache
def _with_datagrams(kind: type[asyncio.AbstractEventLoop]) -> NewLoop:
    """Return ``kind`` with datagrams of every family."""

    class Loop(kind):  # type: ignore[valid-type, misc]
        async def create_datagram_endpoint(
            self,
            protocol_factory: Callable[[], asyncio.DatagramProtocol],
            *arguments: Any,
            sock: socket.socket | None = None,
            **options: Any,
        ) -> tuple[asyncio.DatagramTransport, asyncio.DatagramProtocol]:
            if sock is None or sock.family in (socket.AF_INET, socket.AF_INET6):
                made: tuple[asyncio.DatagramTransport, asyncio.DatagramProtocol]
                made = await super().create_datagram_endpoint(
                    protocol_factory, *arguments, sock=sock, **options
                )
                return made
            protocol = protocol_factory()
            return Datagrams(self, sock, protocol), protocol

    return Loop


class Datagrams(asyncio.DatagramTransport):
    """Datagrams that come to ``sock`` are given to ``protocol``; sends nothing, as nobody asks for it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, protocol: asyncio.DatagramProtocol
    ) -> None:
        super().__init__({"socket": sock})
        self._loop = loop
        self._socket = sock
        self._protocol = protocol
        self._closing = False
        sock.setblocking(False)
        protocol.connection_made(self)
        loop.add_reader(sock.fileno(), self._read)

    def _read(self) -> None:
        try:
            data, source = self._socket.recvfrom(DATAGRAM_OCTETS)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as problem:
            self._protocol.error_received(problem)
        else:
            self._protocol.datagram_received(data, source)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._loop.remove_reader(self._socket.fileno())
        self._loop.call_soon(self._over)

    def abort(self) -> None:
        self.close()

    def _over(self) -> None:
        self._protocol.connection_lost(None)
        self._socket.close()
