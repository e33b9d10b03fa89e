"""Joins sessions and operations: one coroutine per NETCONF session.

The session (agent.netconf) says what to do by actions; this room does it: bytes out, operations run, the
session ended. It also keeps the register of sessions and the counters that monitoring shows.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from dataclasses import dataclass, field

from agent import monitoring
from agent.errors import RpcErrors
from agent.netconf.messages import Rpc
from agent.netconf.session import Action, Close, Send, Session
from agent.operational import Provider
from agent.operations.context import Caller, Context
from agent.operations.dispatch import dispatch
from agent.operations.locking import release
from agent.translator import Json
from agent.transport.limits import Limits
from agent.transport.stream import ByteStream, Peer

log = logging.getLogger(__name__)

READ_OCTETS = 65536
LAST_WRITE_S = 2.0
"""How long the last message of a session that is to end may take."""


@dataclass(slots=True)
class Totals:
    """Counters of sessions that have ended; live ones are added when asked (RFC 6022 section 2.1.5)."""

    in_bad_hellos: int = 0
    in_sessions: int = 0
    dropped_sessions: int = 0
    in_rpcs: int = 0
    in_bad_rpcs: int = 0
    out_rpc_errors: int = 0
    out_notifications: int = 0


@dataclass(eq=False, slots=True)
class Live:
    """One session and what belongs to it.

    ``hello_by_s``: when its hello must have come (event loop time). ``ending``: why it is to end.
    """

    session: Session
    stream: ByteStream
    caller: Caller | None = None
    hello_by_s: float = 0.0
    ending: str = ""
    interrupt: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, reason: str) -> None:
        self.ending = self.ending or reason
        self.interrupt.set()


class Server:
    """The NETCONF server; ``serve`` is given to every transport."""

    def __init__(self, context: Context, limits: Limits) -> None:
        self.context = context
        self._limits = limits
        self._ids = itertools.count(1)
        self._live: dict[int, Live] = {}
        self._totals = Totals()
        self._started = context.now()
        self._capabilities = monitoring.capabilities(context.schema)
        self._tasks: set[asyncio.Task[None]] = set()
        context.callers = self._callers
        context.operational.add_translator_roots()
        context.operational.roots.update(
            {
                monitoring.NETCONF_STATE_PATH: self._netconf_state,
                monitoring.LIBRARY_PATH: _constant(monitoring.yang_library(context.schema)),
                monitoring.MODULES_STATE_PATH: _constant(monitoring.modules_state(context.schema)),
            }
        )

    async def serve(self, stream: ByteStream, peer: Peer) -> None:
        """Own one session from its hello to its end; its locks never outlive it (RFC 6241 section 7.5)."""
        session_id = next(self._ids)
        session = Session(session_id, self._capabilities, self._limits.message_octets)
        live = Live(session, stream, hello_by_s=_clock() + self._limits.hello_timeout_s)
        live.caller = Caller(
            session_id,
            peer.user,
            peer.source_host,
            peer.transport,
            self.context.now(),
            session.counters,
            live.end,
        )
        self._live[session_id] = live
        self._totals.in_sessions += 1
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        log.info("session %d: %s from %s", session_id, peer.user, peer.source_host)
        try:
            await self._drive(live)
        except (ConnectionError, TimeoutError) as problem:
            live.end(f"connection lost ({type(problem).__name__})")
        finally:
            del self._live[session_id]
            self._count_out(session, live)
            await asyncio.shield(release(self.context, session_id))
            await stream.close()
            if task is not None:
                self._tasks.discard(task)
            log.info("session %d ended: %s", session_id, live.ending or "connection closed")

    async def stop(self) -> None:
        """End every session; returns when their locks are released."""
        for live in list(self._live.values()):
            live.end("the server stops")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=10)

    # -- one session -----------------------------------------------------------------------

    async def _drive(self, live: Live) -> None:
        await self._perform(live, live.session.start())
        while not live.ending:
            data = await self._read(live)
            if data is None:
                return
            await self._perform(live, live.session.receive(data))
            if not data:
                return

    async def _read(self, live: Live) -> bytes | None:
        """Return what the client sent, b"" at its end, None when the session is to end."""
        limit = self._limits.idle_timeout_s if live.session.established else live.hello_by_s - _clock()
        read = asyncio.ensure_future(live.stream.read(READ_OCTETS))
        interrupt = asyncio.ensure_future(live.interrupt.wait())
        try:
            done, _ = await asyncio.wait(
                {read, interrupt}, timeout=limit, return_when=asyncio.FIRST_COMPLETED
            )
            if read in done:
                return read.result()
            if not done:
                live.end("idle" if live.session.established else "no hello in time")
            return None
        finally:
            for task in (read, interrupt):
                if not task.done():
                    task.cancel()

    async def _perform(self, live: Live, actions: list[Action]) -> None:
        pending = list(actions)
        while pending:
            action = pending.pop(0)
            if isinstance(action, Send):
                await self._write(live, action.data)
            elif isinstance(action, Close):
                live.end(action.reason)
                return
            else:
                pending.extend(await self._answer(live, action.rpc))
                if live.ending:
                    pending = pending[:1]  # its own reply goes out, nothing after it is begun

    async def _write(self, live: Live, data: bytes) -> None:
        """Write a message; a session that is to end waits for a client that does not read only shortly."""
        write = asyncio.ensure_future(live.stream.write(data))
        interrupt = asyncio.ensure_future(live.interrupt.wait())
        try:
            await asyncio.wait({write, interrupt}, return_when=asyncio.FIRST_COMPLETED)
            if not write.done():
                await asyncio.wait({write}, timeout=LAST_WRITE_S)
            if not write.done():
                raise TimeoutError("the client does not read")
            write.result()
        finally:
            write.cancel()
            interrupt.cancel()

    async def _answer(self, live: Live, rpc: Rpc) -> list[Action]:
        assert live.caller is not None
        try:
            body = await dispatch(self.context, live.caller, rpc.operation)
        except RpcErrors as problem:
            return live.session.reply_errors(rpc, problem.errors, self.context.schema.namespaces())
        return live.session.reply(rpc, body)

    # -- monitoring ------------------------------------------------------------------------

    def _callers(self) -> list[Caller]:
        return [live.caller for live in self._live.values() if live.caller is not None]

    def _count_out(self, session: Session, live: Live) -> None:
        totals, counters = self._totals, session.counters
        totals.in_rpcs += counters.in_rpcs
        totals.in_bad_rpcs += counters.in_bad_rpcs
        totals.out_rpc_errors += counters.out_rpc_errors
        totals.out_notifications += counters.out_notifications
        if not session.established:
            totals.in_bad_hellos += 1
        elif live.ending != "closed by the client":
            totals.dropped_sessions += 1

    async def _netconf_state(self) -> Json:
        context, totals = self.context, self._totals
        counters = [live.session.counters for live in self._live.values()]
        statistics = {
            "netconf-start-time": self._started,
            "in-bad-hellos": totals.in_bad_hellos,
            "in-sessions": totals.in_sessions,
            "dropped-sessions": totals.dropped_sessions,
        }
        for name in ("in_rpcs", "in_bad_rpcs", "out_rpc_errors", "out_notifications"):
            total = getattr(totals, name) + sum(getattr(c, name) for c in counters)
            statistics[name.replace("_", "-")] = total
        return monitoring.netconf_state(
            context.schema, context.locks, self._callers(), statistics, self._capabilities
        )


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _constant(content: Json) -> Provider:
    async def provide() -> Json:
        return content

    return provide
