"""One live session: its stream driven, its requests answered one after the other, its events sent.

The session (agent.netconf) says what to do by actions; this room does it. What is written is whole
messages (agent.live_writing): a reply and a notification never mix.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

from agent.at_work import bind_commit
from agent.breakable import Breakable
from agent.errors import ErrorType, OperationFailed, RpcError
from agent.live_caller import LiveCaller
from agent.live_writing import Writing
from agent.memory import LARGE_OCTETS, LONG_S, give_back
from agent.netconf.messages import Rpc
from agent.netconf.session import Action, Close, Dispatch, Parse, Send, Session
from agent.notifications import Subscription
from agent.operations.context import Ending, EndKind
from agent.operations.dispatch import only_reads
from agent.transport.limits import Limits
from agent.transport.stream import ByteStream, Peer
from agent.turns import Account, Turns
from agent.unfinished import Unfinished
from agent.xml import NETCONF_NS, local_name, namespace

log = logging.getLogger(__name__)

READ_OCTETS = 65536
PIECE_OCTETS = 8192
"""Of what was read, so much is taken apart at a time: it may hold a chunk for each octet."""
SMALL_OCTETS = 2048
"""So much is taken apart at once where nobody waits for his turn."""
TOGETHER_OCTETS = 32 * 1024
"""Replies are written together up to about so much."""


class Live(LiveCaller):
    """One session and what belongs to it; handlers know it as their Caller.

    Args:
        answer: carries out a request and returns what to do next.
        answer_at_once: the same without a wait; None for what waits.
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
        answer_at_once: Callable[[Live, Rpc], list[Action] | None],
        may_idle: Callable[[Live], bool],
        turns: Turns,
        unfinished: Unfinished,
    ) -> None:
        super().__init__(session, peer)
        self.login_time = login_time
        self.ending: Ending | None = None
        self._stream = stream
        self._limits = limits
        self._answer = answer
        self._answer_at_once = answer_at_once
        self._may_idle = may_idle
        self._turns = turns
        self._account = Account()
        self._unfinished = unfinished
        self._hello_by_s = _clock() + limits.hello_timeout_s
        self._interrupt = asyncio.Event()
        self._is_to_end = asyncio.Event()
        self._last: Ending | None = None
        self._gone = False
        self._answering = False
        self._reading = False
        self._waits: Breakable | None = None
        self._silent_since_s = 0.0
        self._patience: asyncio.TimerHandle | None = None
        self._begun_s = 0.0
        self._writing = Writing(stream)
        self._to_subscribe: Subscription | None = None
        self._subscriber: asyncio.Task[None] | None = None
        self._after_reply: list[Callable[[], None]] = []
        self._followers: set[asyncio.Task[None]] = set()

    # -- what handlers see -----------------------------------------------------------------

    def end(self, ending: Ending) -> None:
        self.ending = self.ending or ending
        if self._interrupt.is_set():
            return
        self._is_to_end.set()
        self._interrupt.set()
        if self._waits is not None:
            self._waits.break_off()
        self._writing.end()

    def finish(self, ending: Ending) -> None:
        """End the session when the client has the answer to what is being done, also to a read; one that does
        not read is not waited for. What it has sent after that is refused, but for <close-session>."""
        self._last = self._last or ending
        self._is_to_end.set()
        self._writing.finish()
        if self._reading and self._waits is not None:
            self._waits.break_off()

    async def ended(self) -> None:
        """Return when the session is to end, or its client is gone."""
        await self._is_to_end.wait()

    def take_over(self, limits: Limits) -> None:
        """Have other limits from now on, also of the silence that goes on at the moment."""
        self._limits = limits
        if self._patience is not None:
            self._patience.cancel()
            self._be_patient()

    def subscribed(self) -> bool:
        return self._to_subscribe is not None or self._subscriber is not None

    def subscribe(self, subscription: Subscription) -> None:
        self._to_subscribe = subscription

    def after_reply(self, do: Callable[[], None]) -> None:
        self._after_reply.append(do)

    def follow(self, run: Callable[[], Awaitable[None]]) -> None:
        self.after_reply(lambda: self._begin(run))

    async def send(self, message: bytes) -> None:
        for action in self.session.notify(message):
            if isinstance(action, Send):
                await self._writing.message(action.data)

    # -- the stream ------------------------------------------------------------------------

    async def drive(self, established: Callable[[Live], None]) -> None:
        """Serve the client until it goes or is to go; ``established`` is called after the hellos."""
        watch = asyncio.create_task(self._watch())
        self._turns.at_work += 1
        try:
            await self._perform(self.session.start())
            greeted, octets = False, 0
            while self.ending is None and self._last is None:
                data = await self._read()
                if data is None:
                    return
                if octets < READ_OCTETS:  # all was taken before, so that other things were done meanwhile
                    self._begun_s = time.perf_counter()
                octets = len(data)
                for start in range(0, max(1, octets), PIECE_OCTETS):
                    actions = await self._taken(data[start : start + PIECE_OCTETS])
                    if self.session.established and not greeted:
                        greeted = True
                        self._stop_looking()  # from now on it may be silent for another time
                        established(self)
                    await self._perform(actions)
                    del actions  # or it holds the last request as long as its client is silent
                    if self._interrupt.is_set():
                        return
                del data
        except (ConnectionError, TimeoutError) as problem:
            self._lost(problem)
        finally:
            self.ending = self.ending or self._last
            self._turns.at_work -= 1
            watch.cancel()
            self._stop_looking()
            self._unfinished.forget(self)

    async def _watch(self) -> None:
        """Note that the client is gone: what is being answered is for nobody."""
        await self._stream.gone()
        self._gone = True
        if self._answering:
            self._end_as_gone()

    async def _taken(self, data: bytes) -> list[Action]:
        take = self._turns.soon if len(data) <= SMALL_OCTETS else self._turns.done
        actions = await take(self._account, lambda: self.session.receive(data))
        self._unfinished.holds(self, self.session.held_octets, arriving=True)
        return actions

    def _lost(self, problem: Exception) -> None:
        self.end(Ending(EndKind.DROPPED, f"connection lost ({type(problem).__name__})"))

    def _end_as_gone(self) -> None:
        self.end(Ending(EndKind.DROPPED, "the client is gone"))

    async def close(self) -> None:
        """End the subscriptions and the stream."""
        sending = {*self._followers, *([] if self._subscriber is None else [self._subscriber])}
        for task in sending:
            task.cancel()
        if sending:
            await asyncio.wait(sending)
        await self._stream.close()

    async def _read(self) -> bytes | None:
        """Return what the client sent, b"" at its end, None when the session is to end."""
        self._silent_since_s = _clock()
        self._reading = True
        self._turns.at_work -= 1
        if self._patience is None:
            self._be_patient()
        try:
            with Breakable() as self._waits:
                return await self._stream.read(READ_OCTETS)
        finally:
            self._waits = None
            self._reading = False
            self._turns.at_work += 1
        return None

    def _be_patient(self) -> None:
        """Look after the silence when it may have been too long: one timer for all of them."""
        patience_s = self._hello_by_s - _clock()
        if self.session.established:
            patience_s = self._silent_since_s + self._limits.idle_timeout_s - _clock()
        self._patience = asyncio.get_running_loop().call_later(max(0.0, patience_s), self._look)

    def _stop_looking(self) -> None:
        """Look after the silence no more until the next read."""
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None

    def _look(self) -> None:
        self._patience = None
        if not self._reading:  # whoever reads next is patient anew
            return
        established, now_s = self.session.established, _clock()
        if now_s < (self._silent_since_s + self._limits.idle_timeout_s if established else self._hello_by_s):
            self._be_patient()
        elif not established:
            self.end(Ending(EndKind.TIMEOUT, "no hello in time"))
        elif not self.subscribed() and not self._followers and not self._may_idle(self):
            self.end(Ending(EndKind.TIMEOUT, "idle"))
        else:
            self._silent_since_s = now_s
            self._be_patient()

    async def _perform(self, actions: list[Action]) -> None:
        pending = deque(actions)
        while pending:
            action = pending.popleft()
            if isinstance(action, Send):
                await self._writing.message(self._with_more(action.data, pending))
                self._replied()
            elif isinstance(action, Close):
                self.end(self._ending(action))
                return
            elif isinstance(action, Parse):
                message = action.message
                del action
                found = await asyncio.get_running_loop().run_in_executor(None, self.session.read, message)
                if self._interrupt.is_set():
                    return
                pending.extend(self.session.parsed(message, found))
                del message, found  # it is held no longer than while it is carried out
            else:
                if self._turns.is_over(self._begun_s):
                    await asyncio.sleep(0)
                    self._begun_s = time.perf_counter()
                if self._interrupt.is_set():
                    return
                if (answers := self._refused(action.rpc) or self._at_once(action.rpc)) is not None:
                    pending.extend(answers)
                    continue
                octets, begun_s = action.rpc.octets, time.monotonic()
                self._unfinished.holds(self, octets + self.session.held_octets, arriving=False)
                pending.extend(await self._answered(action.rpc))
                self._unfinished.holds(self, self.session.held_octets, arriving=True)
                if self.ending is not None:
                    while len(pending) > 1:  # its own reply goes out, nothing after it is begun
                        pending.pop()
                if octets >= LARGE_OCTETS or time.monotonic() - begun_s >= LONG_S:
                    del action  # the message itself is part of what is given back
                    await asyncio.get_running_loop().run_in_executor(None, give_back)

    def _refused(self, rpc: Rpc) -> list[Action] | None:
        """Refuse ``rpc`` if the session ends before it, else None."""
        if self._last is None:
            return None
        operation = rpc.operation
        if (namespace(operation), local_name(operation)) == (NETCONF_NS, "close-session"):
            return None
        message = f"{self._last.reason}, and this was not begun"
        return self.session.reply_errors(rpc, [OperationFailed(message, type=ErrorType.PROTOCOL)], {})

    def _at_once(self, rpc: Rpc) -> list[Action] | None:
        """Answer ``rpc`` if that needs no wait, else None."""
        if rpc.waits or self._gone or self._last is not None:
            return None
        answers = self._answer_at_once(self, rpc)
        rpc.waits = answers is None
        return answers

    def _with_more(self, data: bytes, pending: deque[Action]) -> bytes:
        """Return a message with those that can follow it without a wait: one write costs as much as many."""
        parts, octets = [data], len(data)
        while pending and octets < TOGETHER_OCTETS and self._to_subscribe is None and not self._after_reply:
            action = pending[0]
            if isinstance(action, Send):
                parts.append(action.data)
                octets += len(action.data)
                pending.popleft()
                continue
            if not isinstance(action, Dispatch) or self._turns.is_over(self._begun_s):
                break
            if (answers := self._at_once(action.rpc)) is None:
                break
            pending.popleft()
            pending.extend(answers)
        return data if len(parts) == 1 else b"".join(parts)

    async def _answered(self, rpc: Rpc) -> list[Action]:
        """Carry out ``rpc``; what only reads is broken off when nobody waits for it any more."""
        self._answering = True
        if self._gone:
            self._end_as_gone()
        try:
            if not only_reads(rpc.operation):
                try:
                    return await self._answer(self, rpc)
                finally:
                    bind_commit(None)  # what was noted there of a commit is not of the session
            if self._interrupt.is_set():
                return []
            with Breakable() as self._waits:
                return await self._answer(self, rpc)
        finally:
            self._waits = None
            self._answering = False
        return []

    def _ending(self, close: Close) -> Ending:
        if close.by_client:
            return Ending(EndKind.DROPPED, close.reason)
        return Ending(EndKind.BAD_HELLO if close.at_hello else EndKind.OTHER, close.reason)

    # -- the subscription ------------------------------------------------------------------

    def _replied(self) -> None:
        if self._to_subscribe is not None:
            self._subscriber = asyncio.create_task(self._run(self._to_subscribe))
            self._to_subscribe = None
        while self._after_reply:
            self._after_reply.pop(0)()

    def _begin(self, run: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._follow(run))
        self._followers.add(task)
        task.add_done_callback(self._followers.discard)

    async def _follow(self, run: Callable[[], Awaitable[None]]) -> None:
        try:
            await run()
        except (ConnectionError, TimeoutError) as problem:
            self._lost(problem)
        except Exception as problem:
            log.error("a subscription of session %d failed", self.session_id, exc_info=problem)
            self.end(Ending(EndKind.OTHER, "a subscription failed: see the log"))

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
