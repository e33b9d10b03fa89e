"""Opens a door for HTTP, and closes it: uvicorn's server, in the agent's own event loop."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from typing import Any, cast

import uvicorn
from uvicorn.server import ServerState

from agent.http.answers import Answers, App
from agent.http.arrival import Arrival, Guest, Hall
from agent.http.connection import Connection
from agent.http.head import host_name
from agent.http.limits import DoorLimits
from agent.http.tls import Tls, context_of
from agent.stopping import going_on
from agent.transport import address

log = logging.getLogger(__name__)

_BACKLOG = 128


class Door:
    """One application at one address.

    Args:
        listen: host and port; 0 for any free one.
        tls: without, only clients of this machine can come.
        names: what clients may call this machine, besides the address that they come to.
        what: is served, for who reads why it cannot be.
        plain_anywhere: clients of other machines may come without TLS.
    """

    def __init__(
        self,
        app: App,
        listen: tuple[str, int],
        *,
        tls: Tls | None = None,
        limits: DoorLimits | None = None,
        names: Collection[str] = (),
        what: str = "HTTP",
        plain_anywhere: bool = False,
    ) -> None:
        self.limits = limits or DoorLimits()
        self.hall = Hall(self.limits)
        self._app = app
        self._host, self._port = listen
        self._tls = tls
        self._what = what
        self._plain_anywhere = plain_anywhere
        self._hosts = frozenset(filter(None, map(host_name, (self._host, *names))))
        self._context: ssl.SSLContext | None = None
        self._taken: list[socket.socket] = []
        self._server: uvicorn.Server | None = None
        self._handshakes: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port that is listened on; differs from the configured one if that was 0."""
        return self._port

    @property
    def where(self) -> str:
        """Host and port, as a URI has them."""
        return f"[{self._host}]:{self.port}" if ":" in self._host else f"{self._host}:{self.port}"

    async def take_address(self) -> None:
        """Have the address, certificate and key, without accepting anybody yet.

        Raises:
            OSError: the address cannot be had, or may not be without TLS; the text says why.
            TlsFault: a file cannot be used.
        """
        self._context = None if self._tls is None else context_of(self._tls)
        if self._context is not None and not isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop):
            # uvloop hands over what arrives before TLS is begun, and the handshake would miss it.
            raise OSError(f"{self._what} is served with TLS on the event loop asyncio alone, not on uvloop")
        self._taken = await address.take(self._host, self._port, what=self._what)
        if self._context is None and not self._plain_anywhere:
            open_to = next((found for found in map(_address, self._taken) if not _is_here(found)), None)
            if open_to is not None:
                address.close(self._taken)
                raise OSError(
                    f"{self._what} is not served on {open_to} without TLS: give a certificate and its key"
                )
        self._port = int(self._taken[0].getsockname()[1])

    async def start(self) -> None:
        """Let clients in.

        Raises:
            OSError, TlsFault: as ``take_address``, if that was not called.
        """
        if not self._taken:
            await self.take_address()
        config = uvicorn.Config(
            cast(Any, Answers(self._app, self.limits)),
            http=cast(Any, self._made),
            ws="none",
            interface="asgi3",
            lifespan="off",
            loop="none",
            workers=1,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=cast(int, self.limits.idle_s),
            h11_max_incomplete_event_size=self.limits.head_octets,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=self._taken)
        self._server = server

    def shut(self) -> None:
        """Let nobody in any more, and end connections on which nothing is being answered.

        What is waited for of clients, the rest of a body, or that they read, is waited for only shortly.
        """
        if self._server is None:
            address.close(self._taken)
            return
        for listener in self._server.servers:
            listener.close()
        self._taken.clear()
        self.hall.closed = True  # one may have been accepted that no protocol has been made for yet
        for task in list(self._handshakes):
            task.cancel()
        for connection in list(self._server.server_state.connections):
            with going_on("a connection of a door is shut"):
                connection.shutdown()

    async def close(self, answers_s: float = 0.0) -> None:
        """Let nobody in any more; what is being answered, and its client to read it, has a little time, or
        ``answers_s`` if that is more."""
        with going_on("a door is shut"):
            self.shut()
        server, self._server = self._server, None
        if server is None:
            return
        state = server.server_state
        with suppress(TimeoutError):
            async with asyncio.timeout(max(answers_s, self.limits.close_s)):
                if state.tasks:
                    await asyncio.wait(state.tasks)
                await self.hall.empty.wait()  # each goes by itself when its client has read all
        for task in (*self._handshakes, *state.tasks):
            task.cancel()
        for connection in list(state.connections):
            cast(Connection, connection).abandon()
        try:
            async with asyncio.timeout(self.limits.close_s):
                if left := {*self._handshakes, *state.tasks}:
                    await asyncio.wait(left)
                await self.hall.empty.wait()
        except TimeoutError:
            late = len(self._handshakes) + len(state.tasks)
            log.error(
                "a door is closed though %d of its places were not given back, and %d tasks not ended",
                len(self.hall),
                late,
            )
        self.hall.lingering.close()

    def _made(self, *, config: uvicorn.Config, server_state: ServerState, **_others: Any) -> asyncio.Protocol:
        """Return the protocol of who has just come; uvicorn calls this in place of its class."""

        def speak(guest: Guest | None) -> Connection:
            return Connection(
                self.hall,
                self.limits,
                hosts=self._hosts,
                guest=guest,
                config=config,
                server_state=server_state,
            )

        if self._context is None:
            return speak(None)
        return Arrival(self.hall, self._context, self.limits, make=speak, tasks=self._handshakes)


@asynccontextmanager
async def open_door(
    app: App,
    listen: tuple[str, int],
    tls: Tls | None = None,
    limits: DoorLimits | None = None,
    **others: Any,
) -> AsyncIterator[Door]:
    """Have ``app`` served at ``listen`` meanwhile; ``others`` as ``Door``.

    Raises:
        OSError: the address cannot be had.
        TlsFault: a file cannot be used.
    """
    door = Door(app, listen, tls=tls, limits=limits, **others)
    await door.start()
    try:
        yield door
    finally:
        await door.close()


def _address(taken: socket.socket) -> str:
    return str(taken.getsockname()[0])


def _is_here(found: str) -> bool:
    return ip_address(found.partition("%")[0]).is_loopback
