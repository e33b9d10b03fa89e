"""NETCONF over a UNIX socket, for users of this machine: the system says who they are.

The messages are those of SSH (RFC 6242), and so are limits. There is no login: the permissions of the file
decide who may come, access control what he may do. ``yangswan netconf-subsystem`` comes here, too, and tells
for whom (``preamble``); it is believed where it runs as root, who could say anything here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from agent.transport import local_socket
from agent.transport.accounts import Lookups, Unanswered, name_of, number_of, system_groups
from agent.transport.limits import Limits
from agent.transport.local_socket import Taken
from agent.transport.places import STOP_S, Places, Sessions
from agent.transport.preamble import Garbled, Preamble, is_name, read
from agent.transport.stream import ByteStream, Peer, Serve
from agent.transport.unix_stream import UnixStream

log = logging.getLogger(__name__)

LOCAL = "yangswan-agent:netconf-unix"
PREAMBLE_WAIT_S = 1.0
"""How long root may be silent until it is clear that he comes for himself: the subsystem speaks at once."""
ACCEPTED_AT_ONCE = 16
"""Before others have their turn on the event loop."""
_ROOT = 0
_CLOSING_S = 2.0
"""How long a client has to read what was sent to it, when the agent stops."""


class UnixTransport:
    """Listens at a UNIX socket and hands each connection to ``serve``.

    Args:
        path: of the socket; None: there is none.
        group: whose members may come.
        insists: whether it has to be had; otherwise the log says why it is not there.
        passed: one that systemd listens on, in the place of ``path`` and ``group``.
        lookups: of users and their groups.
        places: of the sessions of all transports.
    """

    def __init__(
        self,
        path: Path | None,
        group: str,
        *,
        insists: bool,
        places: Places,
        serve: Serve,
        passed: Sequence[socket.socket] = (),
        lookups: Lookups | None = None,
    ) -> None:
        self.places = places
        self.sessions = Sessions(places, serve)
        self.streams: set[UnixStream] = set()
        self._path = path
        self._group = group
        self._insists = insists
        self._passed = passed
        self._taken: Taken | None = None
        self._server: asyncio.Server | None = None
        self._lookups = lookups or Lookups()
        self._of_root: set[asyncio.Task[None]] = set()
        self._of_others: set[asyncio.Task[None]] = set()
        self.is_shut = False

    def take_address(self) -> None:
        """Have the socket, without accepting anybody yet.

        Raises:
            OSError: it cannot be had.
        """
        if self._passed:
            self._taken = local_socket.passed_on(self._passed[0])
            return
        if self._path is None:
            return
        try:
            self._taken = local_socket.take(self._path, self._group)
        except OSError as problem:
            if self._insists:
                raise
            log.warning("%s", problem)

    async def start(self) -> None:
        """Begin to accept clients."""
        if self._taken is None:
            return
        self.is_shut = False
        loop = asyncio.get_running_loop()
        taken = self._taken.socket
        # create_unix_server would remove the file at the end, from Python 3.13 on, also of systemd's socket.
        self._server = await loop.create_server(self._stream, sock=taken, backlog=ACCEPTED_AT_ONCE)
        taken.listen(local_socket.BACKLOG)  # asyncio has made it as short as what it accepts at once
        log.info("NETCONF is served at %s %s", self._taken.path, self._taken.whom)

    def shut(self) -> None:
        """Let nobody in any more, also of those who have come and have no session yet."""
        self.is_shut = True
        if self._server is not None:
            self._server.close()
        if self._taken is not None:
            local_socket.give_up(self._taken)
        for task in self._of_root | self._of_others:
            task.cancel()

    async def stop(self, within_s: float = STOP_S) -> None:
        """Stop accepting, end every connection, and wait for their sessions to be over, ``within_s`` in
        all."""
        self.shut()
        until_s = _clock() + within_s
        for stream in list(self.streams):
            await stream.close()
        await self.sessions.over(within_s)
        if self.streams:
            gone = [asyncio.ensure_future(stream.gone()) for stream in self.streams]
            _, late = await asyncio.wait(gone, timeout=max(0.0, min(_CLOSING_S, until_s - _clock())))
            for one in late:
                one.cancel()
        for stream in list(self.streams):
            stream.abort()

    def _limits(self) -> Limits:
        return self.places.limits

    def _stream(self) -> UnixStream:
        return UnixStream(self._limits, came=self._came, went=self.streams.discard)

    # -- who comes -------------------------------------------------------------------------

    def _came(self, stream: UnixStream) -> None:
        self.streams.add(stream)
        if self.is_shut:  # the system had accepted the connection before
            stream.abort()
            return
        uid = stream.uid
        if uid == _ROOT:
            # Nobody else can keep root out.
            if len(self._of_root) >= self._limits().unauthenticated:
                self._refuse(stream, "too many of root have said nothing yet")
            else:
                self._go_on(self._of_root, self._admit_root(stream))
        elif len(self._of_others) >= self._limits().sessions:
            self._refuse(stream, "as many are being looked up already as there may be sessions")
        else:
            self._go_on(self._of_others, self._admit_other(stream, uid))

    def _go_on(self, under_way: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    async def _admit_other(self, stream: UnixStream, uid: int) -> None:
        try:
            user = await self._lookups.ask(partial(name_of, uid))
            if user is None or not is_name(user):
                named = "no name" if user is None else f"the name {user!r}"
                self._refuse(stream, f"user {uid} of this machine has {named}")
                return
            peer = await self._peer(user, uid)
        except Unanswered as problem:
            self._refuse(stream, f"user {uid} of this machine: {problem}")
            return
        self._admit(_Unbelieved(stream, user), stream, peer)

    async def _admit_root(self, stream: UnixStream) -> None:
        """Hear for whom root comes. Who says so later than he may is not understood: it is no message."""
        line = None
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PREAMBLE_WAIT_S):
                    line = await stream.preamble()
            peer = await (self._root() if line is None else self._told(read(line)))
        except Garbled as problem:
            self._refuse(stream, f"what the subsystem says of its user cannot be used: {problem}")
            return
        except Unanswered as problem:
            self._refuse(stream, f"whom the subsystem names: {problem}")
            return
        self._admit(stream, stream, peer)

    async def _root(self) -> Peer:
        try:
            user = await self._lookups.ask(partial(name_of, _ROOT))
        except Unanswered:
            user = None
        return await self._peer(user if user and is_name(user) else "root", _ROOT)

    async def _told(self, said: Preamble) -> Peer:
        """Return for whom root comes; for himself if it is the user root."""
        uid = await self._lookups.ask(partial(number_of, said.user))
        return replace(
            await self._peer(said.user, uid),
            source_host=said.source_host,
            source_port=said.source_port,
            transport="netconf-ssh",
            local_host=said.local_host,
        )

    async def _peer(self, user: str, uid: int | None) -> Peer:
        """Return who he is.

        Raises:
            Unanswered: his groups are not told. A rule that keeps a group from something must not be lost.
        """
        administers = uid in (_ROOT, os.geteuid())
        try:
            groups = await self._lookups.ask(partial(system_groups, user))
        except Unanswered:
            if not administers and user not in self.places.recovery_users:
                raise
            groups = ()  # no rule holds for him
        return Peer(
            user,
            source_host="",
            source_port=0,
            transport=LOCAL,
            groups=groups,
            administers=administers,
        )

    def _admit(self, channel: ByteStream, stream: UnixStream, peer: Peer) -> None:
        if self.places.may_open(peer):
            self.sessions.begin(channel, peer)
        else:
            self._refuse(stream, f"{peer.user} {peer.whence} has too many sessions, or all have")

    def _refuse(self, stream: UnixStream, why: str) -> None:
        self.places.refused.connections += 1
        log.warning("refused a connection through the socket: %s", why)
        stream.abort()


class _Unbelieved:
    """A ByteStream of who may say of himself what he likes: it is noted, and changes nothing."""

    def __init__(self, stream: UnixStream, user: str) -> None:
        self._stream = stream
        self._user = user
        self._heard = False
        self.write, self.gone, self.close = stream.write, stream.gone, stream.close
        self.abort = stream.abort

    async def read(self, octets: int) -> bytes:
        if not self._heard:
            try:
                if (line := await self._stream.preamble()) is not None:
                    self._note(read(line))
            except Garbled as problem:
                log.warning(
                    "a session of %s through the socket ends: what the subsystem says of its user cannot be "
                    "used: %s",
                    self._user,
                    problem,
                )
                raise ConnectionAbortedError("the first line is not understood") from None
            self._heard = True
        return await self._stream.read(octets)

    def _note(self, said: Preamble) -> None:
        if said.user != self._user:
            log.warning(
                "%s said to be %r at the socket: not believed, for he is not root", self._user, said.user
            )
        elif said.source_host:
            log.info("%s says that he comes from %s: noted here alone", self._user, said.source_host)


def _clock() -> float:
    return asyncio.get_running_loop().time()
