"""One live session: its stream driven, its requests answered one after the other, its events sent.

The session (agent.netconf) says what to do by actions; this room does it. What is written is whole
messages, one at a time: a reply and a notification never mix.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from agent.errors import RpcError
from agent.memory import LARGE_OCTETS, LONG_S, give_back
from agent.netconf.messages import Rpc
from agent.netconf.session import Action, Close, Counters, Send, Session
from agent.notifications import Subscription
from agent.operations.context import Ending, EndKind
from agent.operations.dispatch import only_reads
from agent.transport.limits import Limits
from agent.transport.stream import ByteStream, Peer
from agent.turns import Account, Turns
from agent.unfinished import Unfinished

log = logging.getLogger(__name__)

READ_OCTETS = 65536
PIECE_OCTETS = 8192
"""Of what was read, so much is taken apart at a time: it may hold a chunk for each octet."""
LAST_WRITE_S = 2.0
"""How long the last message of a session that is to end may take."""


class Live:
    """One session and what belongs to it; handlers know it as their Caller.

    Args:
        answer: carries out a request and returns what to do next.
        turns: in which sessions take apart what they read.
        unfinished: what all of them hold meanwhile.
        may_idle: True if the session may be silent for as long as it likes.
    """

    def __init__(
        self,
        session: Session,
        stream: ByteStream,
        peer: Peer,
        login_time: str,
        limits: Limits,
        answer: Callable[[Live, Rpc], Awaitable[list[Action]]],
        may_idle: Callable[[Live], bool],
        turns: Turns,
        unfinished: Unfinished,
    ) -> None:
        self.session = session
        self.login_time = login_time
        self.ending: Ending | None = None
        self._peer = peer
        self._stream = stream
        self._limits = limits
        self._answer = answer
        self._may_idle = may_idle
        self._turns = turns
        self._account = Account()
        self._unfinished = unfinished
        self._hello_by_s = _clock() + limits.hello_timeout_s
        self._interrupt = asyncio.Event()
        self._nudge: asyncio.Future[None] | None = None
        self._writing = asyncio.Lock()
        self._to_subscribe: Subscription | None = None
        self._subscriber: asyncio.Task[None] | None = None

    # -- what handlers see -----------------------------------------------------------------

    @property
    def session_id(self) -> int:
        return self.session.session_id

    @property
    def peer(self) -> Peer:
        return self._peer

    @property
    def user(self) -> str:
        return self._peer.user

    @property
    def groups(self) -> tuple[str, ...]:
        return self._peer.groups

    @property
    def source(self) -> str:
        return self._peer.source_host

    @property
    def local(self) -> str:
        return self._peer.local_host

    @property
    def transport(self) -> str:
        return self._peer.transport

    @property
    def administers(self) -> bool:
        return self._peer.administers

    @property
    def counters(self) -> Counters:
        return self.session.counters

    def end(self, ending: Ending) -> None:
        self.ending = self.ending or ending
        self._interrupt.set()

    async def ended(self) -> None:
        """Return when the session is to end, or its client is gone."""
        await self._interrupt.wait()

    def take_over(self, limits: Limits) -> None:
        """Have other limits from now on, also of the silence that goes on at the moment."""
        self._limits = limits
        if self._nudge is not None and not self._nudge.done():
            self._nudge.set_result(None)

    def subscribed(self) -> bool:
        return self._to_subscribe is not None or self._subscriber is not None

    def subscribe(self, subscription: Subscription) -> None:
        self._to_subscribe = subscription

    async def send(self, message: bytes) -> None:
        for action in self.session.notify(message):
            if isinstance(action, Send):
                await self._write(action.data)

    # -- the stream ------------------------------------------------------------------------

    async def drive(self, established: Callable[[Live], None]) -> None:
        """Serve the client until it goes or is to go; ``established`` is called after the hellos."""
        try:
            await self._perform(self.session.start())
            greeted = False
            while self.ending is None:
                data = await self._read()
                if data is None:
                    return
                for start in range(0, max(1, len(data)), PIECE_OCTETS):
                    actions = await self._taken(data[start : start + PIECE_OCTETS])
                    if self.session.established and not greeted:
                        greeted = True
                        established(self)
                    await self._perform(actions)
                    if self._interrupt.is_set():
                        return
        except (ConnectionError, TimeoutError) as problem:
            self._lost(problem)
        finally:
            self._unfinished.forget(self)

    async def _taken(self, data: bytes) -> list[Action]:
        actions = await self._turns.done(self._account, lambda: self.session.receive(data))
        self._unfinished.holds(self, self.session.held_octets, arriving=True)
        return actions

    def _lost(self, problem: Exception) -> None:
        self.end(Ending(EndKind.DROPPED, f"connection lost ({type(problem).__name__})"))

    async def close(self) -> None:
        """End the subscription and the stream."""
        if self._subscriber is not None:
            self._subscriber.cancel()
            await asyncio.wait([self._subscriber])
        await self._stream.close()

    async def _read(self) -> bytes | None:
        """Return what the client sent, b"" at its end, None when the session is to end."""
        read = asyncio.ensure_future(self._stream.read(READ_OCTETS))
        interrupt = asyncio.ensure_future(self._interrupt.wait())
        silent_since_s = _clock()
        try:
            while True:
                self._nudge = nudge = asyncio.get_running_loop().create_future()
                awaited: set[asyncio.Future[Any]] = {read, interrupt, nudge}
                waited, _ = await asyncio.wait(
                    awaited,
                    timeout=self._patience_s(silent_since_s),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if read in waited:
                    return read.result()
                if interrupt in waited:
                    return None
                if waited:  # there are other limits
                    continue
                if not self.session.established:
                    self.end(Ending(EndKind.TIMEOUT, "no hello in time"))
                    return None
                if not self.subscribed() and not self._may_idle(self):
                    self.end(Ending(EndKind.TIMEOUT, "idle"))
                    return None
                silent_since_s = _clock()
        finally:
            self._nudge = None
            for task in (read, interrupt):
                if not task.done():
                    task.cancel()

    def _patience_s(self, silent_since_s: float) -> float:
        if not self.session.established:
            return self._hello_by_s - _clock()
        return max(0.0, silent_since_s + self._limits.idle_timeout_s - _clock())

    async def _perform(self, pending: list[Action]) -> None:
        while pending:
            action = pending.pop(0)
            if isinstance(action, Send):
                await self._write(action.data)
                self._begin_subscription()
            elif isinstance(action, Close):
                self.end(self._ending(action))
                return
            else:
                octets, begun_s = action.rpc.octets, _clock()
                self._unfinished.holds(self, octets + self.session.held_octets, arriving=False)
                pending.extend(await self._answered(action.rpc))
                self._unfinished.holds(self, self.session.held_octets, arriving=True)
                if self.ending is not None:
                    del pending[1:]  # its own reply goes out, nothing after it is begun
                if octets >= LARGE_OCTETS or _clock() - begun_s >= LONG_S:
                    del action  # the message itself is part of what is given back
                    await asyncio.get_running_loop().run_in_executor(None, give_back)

    async def _answered(self, rpc: Rpc) -> list[Action]:
        """Carry out ``rpc``; what only reads is broken off when nobody waits for it any more."""
        answer = asyncio.ensure_future(self._answer(self, rpc))
        gone = asyncio.ensure_future(self._stream.gone())
        interrupt = asyncio.ensure_future(self._interrupt.wait())
        try:
            await asyncio.wait({answer, gone, interrupt}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                self.end(Ending(EndKind.DROPPED, "the client is gone"))
            if not answer.done() and only_reads(rpc.operation):
                answer.cancel()
                await asyncio.wait({answer})
                if answer.cancelled():
                    return []
            return await answer
        finally:
            for task in (answer, gone, interrupt):
                task.cancel()

    def _ending(self, close: Close) -> Ending:
        if close.by_client:
            return Ending(EndKind.DROPPED, close.reason)
        return Ending(EndKind.BAD_HELLO if close.at_hello else EndKind.OTHER, close.reason)

    async def _write(self, data: bytes) -> None:
        """Write a message; a session that is to end waits for a client that does not read only shortly."""
        async with self._writing:
            write = asyncio.ensure_future(self._stream.write(data))
            interrupt = asyncio.ensure_future(self._interrupt.wait())
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

    # -- the subscription ------------------------------------------------------------------

    def _begin_subscription(self) -> None:
        if self._to_subscribe is not None:
            self._subscriber = asyncio.create_task(self._run(self._to_subscribe))
            self._to_subscribe = None

    async def _run(self, subscription: Subscription) -> None:
        try:
            await subscription.run()
        except (ConnectionError, TimeoutError) as problem:
            self._lost(problem)
        except Exception as problem:
            # A subscriber that waits for events that never come would not notice anything else.
            reason = problem.message if isinstance(problem, RpcError) else "see the log"
            log.error("the subscription of session %d failed", self.session_id, exc_info=problem)
            self.end(Ending(EndKind.OTHER, f"its subscription failed: {reason}"))
        finally:
            self._subscriber = None


def _clock() -> float:
    return asyncio.get_running_loop().time()
