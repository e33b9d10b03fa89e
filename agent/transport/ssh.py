"""NETCONF over SSH (RFC 6242): public keys, the subsystem netconf, nothing else.

asyncssh has no limit on tries, on connections that never authenticate, on what it takes at once, or on what
it buffers for a client that stops reading TCP; all four are here.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

import asyncssh

from agent.transport import address
from agent.transport.accounts import Lookups, Unanswered, system_groups
from agent.transport.doorway import Doorway, Favoured, source_of
from agent.transport.files import host_key as key_of
from agent.transport.files import read_key
from agent.transport.key_exchanges import ciphers, key_exchanges
from agent.transport.limits import Limits, Refused
from agent.transport.lockout import Lockout
from agent.transport.places import STOP_S, Places, Sessions
from agent.transport.ssh_between import stand_between
from agent.transport.ssh_channel import NetconfChannel
from agent.transport.stream import ByteStream, Peer, Serve
from agent.transport.users import read_keys
from agent.turns import Turns

log = logging.getLogger(__name__)

_REQUESTS_OF_A_LOGIN = 2
_CLOSING_S = 2.0
"""How long a client has to close its channel, and so to read what was sent on it, when the agent stops."""


class SshTransport:
    """Listens for SSH clients and hands their NETCONF channels to ``serve``.

    Args:
        places: of the sessions of all transports.
        turns: in which connections are worked on.
        users: user name to file of authorized public keys (read at each login, so changes take effect).
        host_key: file of the host key; made (ed25519, mode 0600) if it does not exist. Beside it stands what
            is remembered of sources.
        credential: file of a host key that is used instead, and never made.
        passed: sockets that are listened on already, instead of ``host`` and ``port``.
    """

    def __init__(
        self,
        host: str,
        port: int,
        host_key: Path,
        users: Mapping[str, Path],
        places: Places,
        serve: Serve,
        turns: Turns | None = None,
        credential: Path | None = None,
        passed: Sequence[socket.socket] = (),
        lookups: Lookups | None = None,
    ) -> None:
        limits = places.limits
        self.places = places
        self.sessions = Sessions(places, self._serve_user)
        self._serve = serve
        self._peers: list[Peer] = []
        self.turns = turns or Turns()
        self.lookups = lookups or Lookups()
        self.lockout = Lockout(host_key.with_name("lockout.json"), limits.lockout_tries, limits.lockout_s)
        self.users = users
        self.favoured = Favoured(host_key.with_name("recovery.json"), any_users=bool(places.recovery_users))
        self.doorway = Doorway(limits.unauthenticated, limits.unauthenticated_per_source, self.favoured)
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self._host = host
        self._port = port
        self._host_key_file = host_key
        self._host_key: asyncssh.SSHKey | None = None
        self._credential = credential
        self._passed = list(passed)
        self._taken: list[socket.socket] = []
        self._listeners: list[asyncssh.SSHAcceptor] = []
        self.is_shut = False

    @property
    def limits(self) -> Limits:
        return self.places.limits

    @property
    def refused(self) -> Refused:
        return self.places.refused

    @property
    def port(self) -> int:
        """The port that is listened on; differs from the configured one if that was 0."""
        return self._listeners[0].get_port() if self._listeners else self._port

    async def take_address(self) -> None:
        """Have the address and the host key, without accepting anybody yet.

        Raises:
            OSError: one of them cannot be had.
        """
        taken = self._passed or await address.take(self._host, self._port)
        try:
            credential = self._credential
            self._host_key = key_of(self._host_key_file) if credential is None else read_key(credential)
        except BaseException:
            address.close(taken)
            raise
        self._taken = taken

    async def start(self) -> None:
        """Begin to accept clients.

        Raises:
            OSError: the address cannot be listened on, or there is no host key.
        """
        if not self._taken:
            await self.take_address()
        try:
            while self._taken:
                self._listeners.append(await self._listen(self._taken[0]))
                del self._taken[0]
        except BaseException:
            address.close(self._taken)
            raise

    async def _listen(self, taken: socket.socket) -> asyncssh.SSHAcceptor:
        limits = self.limits
        return await asyncssh.listen(
            sock=taken,
            server_factory=lambda: _Connection(self),
            server_host_keys=[self._host_key],
            kex_algs=key_exchanges(),
            encryption_algs=ciphers(),
            # A small packet could become hundreds of megabytes.
            compression_algs=["none"],
            login_timeout=limits.login_timeout_s,
            keepalive_interval=limits.keepalive_interval_s,
            keepalive_count_max=limits.keepalive_count,
            # A terminal is granted, and nothing is done with it: OpenSSH, when told to force one, as
            # scrapli-netconf does by default, gives up without.
            encoding=None,
            allow_pty=True,
            agent_forwarding=False,
            line_editor=False,
            x11_forwarding=False,
            password_auth=False,
            kbdint_auth=False,
            host_based_auth=False,
            gss_host=None,
            backlog=128,
        )

    def shut(self) -> None:
        """Let nobody in any more: neither connections nor channels; those without a channel end."""
        self.is_shut = True
        address.close(self._taken)
        for listener in self._listeners:
            listener.close()
        for connection in list(self.connections):
            owner = connection.get_owner()
            if isinstance(owner, _Connection):
                owner.close_if_barred()

    async def stop(self, within_s: float = STOP_S) -> None:
        """Stop accepting, end every channel, and wait for their sessions to be over, ``within_s`` in all."""
        self.shut()
        if not self._listeners:
            return
        if not self.sessions.are_open and self.connections:
            closed = [asyncio.ensure_future(one.wait_closed()) for one in self.connections]
            _, late = await asyncio.wait(closed, timeout=min(_CLOSING_S, within_s))
            for one in late:
                one.cancel()
        for connection in list(self.connections):
            connection.close()
        await self.sessions.over(within_s)  # of which nothing is used yet if there is one
        for connection in list(self.connections):
            connection.abort()
        for kept in (self.lockout.kept, self.favoured.kept):
            await kept.written()

    def take_over(
        self, users: Mapping[str, Path], *, limits: Limits, recovery_users: Collection[str]
    ) -> frozenset[Peer]:
        """Have other users and limits from now on; return whose sessions are to end, as he could not log in.

        A connection of a user who is gone ends as soon as no session is on it. What counts from the beginning
        of a connection counts for those that come.
        """
        self.users = users
        self.favoured.begin(any_users=bool(recovery_users))
        self.doorway.bound(limits.unauthenticated, limits.unauthenticated_per_source)
        self.lockout.bound(limits.lockout_tries, limits.lockout_s)
        for listener in self._listeners:
            listener.update(
                login_timeout=limits.login_timeout_s,
                keepalive_interval=limits.keepalive_interval_s,
                keepalive_count_max=limits.keepalive_count,
            )
        for connection in list(self.connections):
            connection.set_keepalive(limits.keepalive_interval_s, limits.keepalive_count)
            owner = connection.get_owner()
            if isinstance(owner, _Connection):
                owner.close_if_barred()
        return frozenset(peer for peer in self._peers if peer.user not in users)

    def may_open(self, peer: Peer) -> bool:
        return not self.is_shut and peer.user in self.users and self.places.may_open(peer)

    def opened(self, channel: ByteStream, peer: Peer) -> None:
        self.sessions.begin(channel, peer)

    async def _serve_user(self, channel: ByteStream, peer: Peer) -> None:
        """Serve a session, unless its user was taken out since it was admitted."""
        if peer.user not in self.users:
            return
        self._peers.append(peer)
        try:
            await self._serve(channel, peer)
        finally:
            self._peers.remove(peer)


class _Connection(asyncssh.SSHServer):
    """One SSH connection: its place among the unauthenticated, its tries, its channels."""

    def __init__(self, transport: SshTransport) -> None:
        self._transport = transport
        self._connection: asyncssh.SSHServerConnection | None = None
        self._source = self._counted = self._local = ""
        self._source_port = 0
        self._tries = 0
        self._tries_max = transport.limits.authentication_tries
        self._granted = 0
        self._drained = asyncio.Event()
        self._drained.set()
        self._channels = 0
        self._logged_in = False

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        address = conn.get_extra_info("peername")
        self._source, self._source_port = str(address[0]), int(address[1])
        self._local = str(conn.get_extra_info("sockname")[0])
        stand_between(conn, self._transport.turns, drained=self._drained, refused=self._count_try)
        transport = self._transport
        transport.connections.add(conn)
        if transport.is_shut:  # the system had accepted it before
            conn.abort()
            return
        known = transport.favoured.remembered(
            self._source
        )  # counts for itself, whoever else is in its network
        self._counted = self._source if known else source_of(self._source)
        if transport.lockout.remaining_s(self._counted) and not known:
            log.info("refused a connection from %s: locked out", self._source)
            self._refuse(conn)
        elif not transport.doorway.enter(conn, self._counted):
            log.warning("refused a connection from %s: too many have not logged in", self._source)
            self._refuse(conn)

    def _refuse(self, conn: asyncssh.SSHServerConnection) -> None:
        self._transport.refused.connections += 1
        conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave_doorway()
        if self._connection is not None:
            self._transport.connections.discard(self._connection)
        if exc is not None:
            log.info("connection from %s lost: %s", self._source, type(exc).__name__)

    def begin_auth(self, username: str) -> bool:
        return True  # never without authentication

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        if self._is_authorized(username, key):
            # A login asks whether the key would do, and then signs. A public key is no secret, so that asking
            # for it is open to anybody.
            self._granted += 1
            if self._granted > _REQUESTS_OF_A_LOGIN:
                self._count_try()
            return True
        self._transport.lockout.failed(self._counted)
        log.warning(
            "login of %r from %s refused: key %s is not authorized",
            username,
            self._source,
            key.get_fingerprint(),
        )
        return False

    def _count_try(self) -> None:
        """Count a request of whatever method that did not log in (RFC 4252 section 4)."""
        self._tries += 1
        if self._tries == self._tries_max and self._connection is not None:
            log.warning("closed a connection from %s: too many tries to log in", self._source)
            self._connection.disconnect(
                asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "too many authentication failures", "en"
            )

    def auth_completed(self) -> None:
        assert self._connection is not None
        self._logged_in = True
        self._leave_doorway()
        self._transport.lockout.succeeded(self._counted)
        if self._connection.get_extra_info("username") in self._transport.places.recovery_users:
            self._transport.favoured.logged_in(self._source)
        self._close_later_if_unused()

    def session_requested(self) -> Awaitable[asyncssh.SSHServerSession[bytes]]:
        self._refuse_barred()
        if self._channels >= self._transport.limits.sessions_per_user:
            self._transport.refused.connections += 1
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "too many channels")
        self._channels += 1
        return self._session()

    async def _session(self) -> asyncssh.SSHServerSession[bytes]:
        """Return the session of a channel, with the groups that its user is in now.

        Raises:
            asyncssh.ChannelOpenError: they are not told. A rule that keeps a group from something must not
                be lost.
        """
        assert self._connection is not None
        transport, user = self._transport, str(self._connection.get_extra_info("username"))
        try:
            groups = await self._groups(user)
            self._refuse_barred()
        except BaseException:
            self._channel_ended()
            raise
        peer = Peer(
            user,
            source_host=self._source,
            source_port=self._source_port,
            transport="netconf-ssh",
            groups=groups,
            local_host=self._local,
        )
        return NetconfChannel(peer, admission=transport, drained=self._drained, ended=self._channel_ended)

    async def _groups(self, user: str) -> tuple[str, ...]:
        transport = self._transport
        try:
            return await transport.lookups.ask(partial(system_groups, user))
        except Unanswered as problem:
            if user in transport.places.recovery_users:
                return ()  # no rule holds for him
            transport.refused.connections += 1
            log.warning("refused a session of %s from %s: %s", user, self._source, problem)
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, str(problem)) from None

    def _refuse_barred(self) -> None:
        if self._transport.is_shut:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "the server stops")
        if self._is_barred():
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "the user may not log in any more"
            )

    def _channel_ended(self) -> None:
        self._channels -= 1
        self.close_if_barred()
        self._close_later_if_unused()

    def close_if_barred(self) -> None:
        """End the connection of a user who was taken out of the settings, or of anybody when the agent stops,
        unless a session is on it."""
        if self._transport.is_shut or self._is_barred():
            self._close_if_unused()

    def _is_barred(self) -> bool:
        """Whether somebody has logged in who could not now."""
        if self._connection is None or not self._logged_in:
            return False
        return self._connection.get_extra_info("username") not in self._transport.users

    def _is_authorized(self, username: str, key: asyncssh.SSHKey) -> bool:
        file = self._transport.users.get(username)
        if file is None:
            return False
        try:
            keys = read_keys(file)
        except (OSError, ValueError) as problem:
            log.error("the authorized keys of %r cannot be read: %s", username, problem)
            return False
        return keys.validate(key, self._source, self._source) is not None

    def _close_later_if_unused(self) -> None:
        limit_s = self._transport.limits.hello_timeout_s
        asyncio.get_running_loop().call_later(limit_s, self._close_if_unused)

    def _close_if_unused(self) -> None:
        if self._channels == 0 and self._connection is not None:
            self._connection.close()

    def _leave_doorway(self) -> None:
        if self._connection is not None:
            self._transport.doorway.leave(self._connection, self._counted)
