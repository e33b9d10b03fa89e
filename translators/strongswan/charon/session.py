"""All connections to one charon, from the moment it answers until it is lost.

Three VICI connections, because one carries a single command at a time: commands (changes), polling
(list-sas for readers, which must not wait behind a long change), events. Beside them the error-notify
socket, where there is one. Any of them breaking means the charon, or what it holds, is gone: the session
is lost as a whole and the translator starts the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from translators.strongswan.charon.event_stream import EventStream
from translators.strongswan.charon.vici import (
    Connection,
    Section,
    ViciError,
    ViciUnavailable,
    short_path,
)
from translators.strongswan.status.drift import OwnLoads
from translators.strongswan.status.events import NOTICE, Notice, Source, parse_notice
from translators.strongswan.status.state import strings
from translators.strongswan.translation.proposals import Available

log = logging.getLogger(__name__)

EVENTS = ("ike-updown", "child-updown", "ike-rekey", "child-rekey", "alert")
LOG = "log"
LIST_LIMIT_S = 30.0
NO_LOG = "this charon does not tell what it logs: why a tunnel fails is not known where only its log says it"

OnEvent = Callable[["CharonSession", str, Section], None]
OnNotice = Callable[[Notice], None]


class CharonSession:
    """One life of the connections; use ``open``. ``lost`` is set when any of them breaks."""

    def __init__(self, commands: Connection, polling: Connection, events: EventStream) -> None:
        self._commands = commands
        self._polling = polling
        self._events = events
        self._tasks: list[asyncio.Task[None]] = []
        self.lost = asyncio.Event()
        self.version = ""
        self.algorithms: Available = {}
        self.plugins: Sequence[str] = ()
        self.source = Source.LOG
        self.own_loads = OwnLoads()
        self._asked_for_log = False

    @classmethod
    async def open(
        cls,
        vici_socket: Path,
        notify_socket: Path,
        *,
        on_event: OnEvent,
        on_notice: OnNotice,
        log_later: bool = False,
    ) -> CharonSession:
        """Connect, learn what this charon can do, and begin to hand on its events. ``log_later``: its log
        only once ``hear_log`` is called.

        Raises:
            ViciError: charon does not answer, or not as a charon does.
        """
        async with contextlib.AsyncExitStack() as opened:
            commands = await Connection.open(vici_socket)
            opened.push_async_callback(commands.close)
            polling = await Connection.open(vici_socket)
            opened.push_async_callback(polling.close)
            events = await EventStream.open(vici_socket)
            opened.push_async_callback(events.close)
            session = cls(commands, polling, events)
            await session._introduce()
            await session._listen(notify_socket, on_event, on_notice, log_later=log_later)
            opened.pop_all()
            return session

    async def _introduce(self) -> None:
        self.version = str((await self._commands.request("version")).get("version", ""))
        kinds = await self._commands.request("get-algorithms")
        self.algorithms = {kind: frozenset(names) for kind, names in kinds.items() if isinstance(names, dict)}
        self.plugins = strings((await self._commands.request("stats")).get("plugins"))

    async def _listen(
        self, notify_socket: Path, on_event: OnEvent, on_notice: OnNotice, *, log_later: bool
    ) -> None:
        self._asked_for_log = not log_later
        known = await self._events.subscribe(EVENTS if log_later else (*EVENTS, LOG))
        if self._asked_for_log and not self.hears_log:
            log.error(NO_LOG)
        if "alert" in known:
            self.source = Source.ALERT
        self._tasks.append(asyncio.create_task(self._read_events(on_event)))
        if self.source is Source.ALERT:
            return
        try:
            with short_path(notify_socket) as path:
                reader, writer = await asyncio.open_unix_connection(path)
        except OSError:
            log.info("charon has no error-notify socket at %s; failures are read from its log", notify_socket)
            return
        self.source = Source.ERROR_NOTIFY
        self._tasks.append(asyncio.create_task(self._read_notices(reader, writer, on_notice)))

    @property
    def hears_log(self) -> bool:
        """Whether charon's log is handed on: it has one, and has been asked for it."""
        return self._events.hears(LOG)

    async def hear_log(self) -> None:
        """Have charon's log handed on from now on, if it is not yet.

        Raises:
            ViciUnavailable: charon is lost.
        """
        if self._asked_for_log:
            return
        self._asked_for_log = True
        try:
            await self._events.add(LOG)
        except ViciUnavailable:
            raise
        except ViciError:
            log.error(NO_LOG)
        # Of what we loaded until now no line comes: charon makes none before somebody listens.
        self.own_loads = OwnLoads()

    async def _read_events(self, on_event: OnEvent) -> None:
        try:
            async for name, message in self._events:
                on_event(self, name, message)
        except ViciUnavailable:
            pass
        except Exception:
            log.exception("defect while handling an event of charon; the session begins anew")
        finally:
            self.lost.set()

    async def _read_notices(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_notice: OnNotice
    ) -> None:
        try:
            while True:
                on_notice(parse_notice(await reader.readexactly(NOTICE.size)))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.lost.set()

    async def request(self, command: str, message: Mapping[str, object] | None = None) -> Section:
        """Run a command that changes charon.

        Raises:
            ViciError: charon refused it.
            ViciUnavailable: charon is lost.
        """
        self.own_loads.sent(command, message or {})
        try:
            return await self._commands.request(command, message)
        except ViciUnavailable:
            raise
        except ViciError:
            self.own_loads.refused(command, message or {})
            raise
        finally:
            self._notice_break()

    async def each(self, requests: Sequence[tuple[str, Mapping[str, object]]]) -> list[ViciError | None]:
        """Run commands in order, without waiting for the reply to one before the next; return for each why
        charon refused it, None where it did not.

        Raises:
            ViciUnavailable: charon is lost.
        """
        for command, message in requests:
            self.own_loads.sent(command, message)
        try:
            found = await self._commands.each(requests)
        finally:
            self._notice_break()
        for (command, message), refused in zip(requests, found, strict=True):
            if refused is not None:
                self.own_loads.refused(command, message)
        return found

    async def together(self, requests: Sequence[tuple[str, Mapping[str, object]]]) -> None:
        """Run commands with nothing in between, see ``Connection.together``. Raises: as ``request``."""
        for command, message in requests:
            self.own_loads.sent(command, message)
        try:
            await self._commands.together(requests)
        finally:
            self._notice_break()

    async def held(self, kind: str, flag: str = "") -> frozenset[str]:
        """Return the digests (SHA-256, hexadecimal) of the certificates of ``kind``, or CRLs, in charon.

        Raises: as ``request``.
        """
        found: set[str] = set()

        def seen(message: Mapping[str, object]) -> None:
            if isinstance(data := message.get("data"), bytes):
                found.add(hashlib.sha256(data).hexdigest())

        message = {"type": kind, **({"flag": flag} if flag else {})}
        try:
            await self._polling.stream("list-certs", "list-cert", message, LIST_LIMIT_S, seen)
        finally:
            self._notice_break()
        return frozenset(found)

    async def connection(self, name: str) -> Section | None:
        """Return the connection ``name`` as list-conns shows it, None if there is none.

        Raises: as ``request``.
        """
        for reply in await self._listed("list-conns", "list-conn", name):
            if isinstance(listed := reply.get(name), dict):
                return listed
        return None

    async def stats(self) -> Section:
        """Return charon's ``stats``. Raises: as ``request``."""
        try:
            return await self._polling.request("stats")
        finally:
            self._notice_break()

    async def list_sas(self, name: str | None = None) -> list[Section]:
        """Return the IKE_SAs of the connection ``name``, or all; each as list-sas shows it, with its
        connection's name added as ``name``. Raises: as ``request``."""
        return [
            {"name": sa_name, **sa}
            for reply in await self._listed("list-sas", "list-sa", name)
            for sa_name, sa in reply.items()
            if isinstance(sa, dict)
        ]

    async def _listed(self, command: str, event: str, name: str | None) -> list[Section]:
        try:
            return await self._polling.stream(command, event, {"ike": name} if name else {}, LIST_LIMIT_S)
        finally:
            self._notice_break()

    async def loaded(self) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of all connections, and the handles of all secrets. Raises: as ``request``."""
        connections = strings((await self.request("get-conns")).get("conns"))
        secrets = strings((await self.request("get-shared")).get("keys"))
        return connections, secrets

    def _notice_break(self) -> None:
        if self._commands.broken or self._polling.broken:
            self.lost.set()

    async def close(self) -> None:
        """Close every connection; the events end."""
        connections = (self._commands, self._polling, self._events)
        for task in self._tasks:
            task.cancel()
        for connection in connections:
            connection.abandon()  # all of them before the first await, at which this may be cancelled
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in connections:
            with contextlib.suppress(ViciError):
                await connection.close()
        self.lost.set()


async def try_request(session: CharonSession, command: str, message: Mapping[str, object]) -> None:
    """Run a command of which it does not matter if charon refuses it.

    Raises:
        ViciUnavailable: charon is lost.
    """
    try:
        await session.request(command, message)
    except ViciUnavailable:
        raise
    except ViciError as error:
        log.debug("%s", error)
