"""A session whose client is not there any more: what only reads is broken off, the rest is done."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from agent import at_work
from agent.live import TOGETHER_OCTETS, Live
from agent.netconf.messages import Rpc
from agent.netconf.session import LARGE_OCTETS, Action, Read, Session
from agent.operations.context import Ending, EndKind
from agent.threads import worker_of
from agent.transport.limits import Limits
from agent.transport.stream import Peer
from agent.turns import Turns
from agent.unfinished import Unfinished
from agent.xml import local_name
from tests.wire.raw_client import EOM, hello, rpc

LIMIT_S = 60
BASE = "urn:ietf:params:netconf:base:1.0"


@dataclass
class Stream:
    """What the client has sent, and whether it is still there."""

    sent: list[bytes]
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    written: list[bytes] = field(default_factory=list)
    silent: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, octets: int) -> bytes:
        if not self.sent:
            self.silent.set()
            await self.lost.wait()
            return b""
        return self.sent.pop(0)

    async def write(self, data: bytes) -> None:
        if self.lost.is_set():
            raise ConnectionResetError
        self.written.append(data)

    async def gone(self) -> None:
        await self.lost.wait()

    async def close(self) -> None:
        self.lost.set()

    def abort(self) -> None:
        self.lost.set()


@dataclass
class Work:
    """A request that takes until somebody says that it is done."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    ended: list[str] = field(default_factory=list)

    async def __call__(self, live: Live, rpc: Rpc) -> list[Action]:
        self.begun.set()
        try:
            await self.done.wait()
        except asyncio.CancelledError:
            self.ended.append("broken off")
            raise
        self.ended.append("done")
        return live.session.reply(rpc, b"")


def never(_live: Live, _rpc: Rpc) -> list[Action] | None:
    return None


def session(
    work: Callable[[Live, Rpc], Awaitable[list[Action]]],
    *operations: str,
    limits: Limits | None = None,
    at_once: Callable[[Live, Rpc], list[Action] | None] = never,
) -> tuple[Live, Stream]:
    stream = Stream([hello("1.0") + EOM, *(rpc(operation) + EOM for operation in operations)])
    live = Live(
        Session(1, [BASE]),
        stream=stream,
        peer=Peer("ann", source_host="192.0.2.1", source_port=4711, transport="netconf-ssh"),
        login_time="",
        limits=limits or Limits(),
        answer=work,
        answer_at_once=at_once,
        may_idle=lambda _live: False,
        turns=Turns(),
        unfinished=Unfinished(10**9, 10**9, lambda _session, _reason: None),
    )
    return live, stream


READS = ["<get/>", "<get-config><source><running/></source></get-config>"]
KILLED = Ending(EndKind.KILLED, "killed", killed_by=2)


@pytest.mark.parametrize("operation", READS)
async def test_a_read_is_broken_off_when_the_client_is_gone(operation: str) -> None:
    work = Work()
    live, stream = session(work, operation, operation)
    driven = asyncio.ensure_future(live.drive(lambda _live: None))
    await work.begun.wait()
    stream.lost.set()
    await driven
    assert work.ended == ["broken off"]
    assert live.ending is not None
    assert live.ending.kind is EndKind.DROPPED


@pytest.mark.parametrize("operation", READS)
async def test_a_read_is_broken_off_when_the_session_is_killed(operation: str) -> None:
    work = Work()
    live, stream = session(work, operation)
    driven = asyncio.ensure_future(live.drive(lambda _live: None))
    await work.begun.wait()
    live.end(KILLED)
    await driven
    assert work.ended == ["broken off"]
    assert live.ending is KILLED
    assert len(stream.written) == 1, "our hello, and no reply"


@pytest.mark.parametrize("operation", ["<commit/>", "<edit-config/>", "<close-session/>", "<validate/>"])
@pytest.mark.parametrize("how", ["gone", "killed"])
async def test_what_changes_something_is_carried_out_to_its_end(operation: str, how: str) -> None:
    work = Work()
    live, stream = session(work, operation, "<commit/>")
    driven = asyncio.ensure_future(live.drive(lambda _live: None))
    await work.begun.wait()
    if how == "gone":
        stream.lost.set()
    else:
        live.end(KILLED)
    await asyncio.wait({driven}, timeout=0)
    assert work.ended == []
    work.done.set()
    await driven
    assert work.ended == ["done"], "and what came after it is not begun"


STOPS = Ending(EndKind.OTHER, "the server stops")


@pytest.mark.parametrize("operation", [*READS, "<commit/>"])
async def test_a_session_that_finishes_answers_what_is_under_way_and_refuses_the_rest(operation: str) -> None:
    work = Work()
    live, stream = session(work, operation, "<commit/>", "<get/>")
    stream.sent = [b"".join(stream.sent)]  # all has come before
    driven = asyncio.ensure_future(live.drive(lambda _live: None))
    await work.begun.wait()
    live.finish(STOPS)
    await asyncio.wait({asyncio.ensure_future(live.ended())})  # who waits for that waits no longer
    assert not driven.done()
    work.done.set()
    await driven
    assert work.ended == ["done"]
    _hello, answer, *refused = b"".join(stream.written).split(EOM)[:-1]
    assert b"<ok/>" in answer
    assert [b"the server stops, and this was not begun" in one for one in refused] == [True, True]
    assert live.ending is STOPS


async def test_a_session_that_finishes_and_takes_too_long_is_ended() -> None:
    work = Work()
    live, stream = session(work, "<get/>", "<get/>")
    driven = asyncio.ensure_future(live.drive(lambda _live: None))
    await work.begun.wait()
    live.finish(STOPS)
    live.end(STOPS)
    await driven
    assert work.ended == ["broken off"]
    assert len(stream.written) == 1, "our hello"


@pytest.mark.parametrize("idle_timeout_s", [1, 3600])
async def test_other_limits_count_for_the_silence_that_goes_on(idle_timeout_s: int) -> None:
    live, stream = session(Work())
    established = asyncio.Event()
    driven = asyncio.ensure_future(live.drive(lambda _live: established.set()))
    await established.wait()
    live.take_over(replace(Limits(), idle_timeout_s=idle_timeout_s))
    live.take_over(replace(Limits(), idle_timeout_s=idle_timeout_s))  # twice in a row, too
    if idle_timeout_s == 1:
        async with asyncio.timeout(30):
            await driven
        assert live.ending == Ending(EndKind.TIMEOUT, "idle")
        return
    assert (await asyncio.wait({driven}, timeout=0))[0] == set()
    stream.lost.set()
    await driven


async def test_the_limit_of_silence_counts_from_the_hello_on_though_that_had_more_time() -> None:
    live, _stream = session(Work(), limits=replace(Limits(), hello_timeout_s=3600, idle_timeout_s=0))
    async with asyncio.timeout(30):
        await live.drive(lambda _live: None)
    assert live.ending == Ending(EndKind.TIMEOUT, "idle")


@pytest.mark.parametrize("when", ["while a reply is written", "while others have their turn"])
async def test_what_waits_is_not_begun_in_a_session_that_was_killed(
    monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    work = Work()
    work.done.set()
    live, stream = session(work, "<commit/>", "<commit/>")
    stream.sent[1:] = [b"".join(stream.sent[1:]), b""]
    write = stream.write

    async def kill(data: bytes) -> None:
        await write(data)
        if len(stream.written) == 2:
            if when == "while a reply is written":
                live.end(KILLED)
            else:
                asyncio.get_running_loop().call_soon(live.end, KILLED)

    monkeypatch.setattr(stream, "write", kill)
    monkeypatch.setattr(Turns, "is_over", lambda _turns, _begun_s: True)
    await live.drive(lambda _live: None)
    assert work.ended == ["done"], "the first, and not the second"


async def test_a_call_into_libyang_that_has_begun_is_waited_for() -> None:
    """What the call works with must not be given up under its hands."""
    with ThreadPoolExecutor(1) as pool:
        worker, begun, free, late = worker_of(pool), threading.Event(), threading.Event(), []

        def call() -> None:
            begun.set()
            free.wait()

        running = asyncio.ensure_future(worker(call))
        waiting = asyncio.ensure_future(worker(late.append, 1))
        await asyncio.to_thread(begun.wait)
        running.cancel()
        waiting.cancel()
        await asyncio.wait({waiting})
        await asyncio.wait({running}, timeout=0)
        assert not running.done()
        free.set()
        await asyncio.wait({running})
        assert running.cancelled()
        assert await worker(lambda: 42) == 42
        assert late == []


async def test_a_large_message_is_parsed_on_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    read = Session.read

    def note(self: Session, message: bytes) -> Read:
        threads.append(threading.current_thread())
        return read(self, message)

    monkeypatch.setattr(Session, "read", note)
    work = Work()
    work.done.set()
    large = f"<edit-config>{' ' * LARGE_OCTETS}</edit-config>"
    live, stream = session(work, "<commit/>", large, "<commit/>")
    stream.sent.append(b"")
    await live.drive(lambda _live: None)
    assert work.ended == ["done"] * 3
    assert [thread is threading.main_thread() for thread in threads] == [True, False, True]
    assert len(stream.written) == 4


async def test_a_large_message_is_not_held_while_it_is_carried_out() -> None:
    """What it says is held as elements, which let go of themselves when they are done with."""
    held: list[object] = []

    async def answer(live: Live, rpc: Rpc) -> list[Action]:
        for frame, _line in traceback.walk_stack(inspect.currentframe()):
            if frame.f_code is Live._perform.__code__:
                held.extend(value for value in frame.f_locals.values() if isinstance(value, bytes | Rpc))
        return live.session.reply(rpc, b"")

    live, stream = session(Work(), f"<get>{' ' * LARGE_OCTETS}</get>")
    stream.sent.append(b"")
    live._answer = answer
    await live.drive(lambda _live: None)
    assert len(stream.written) == 2
    assert held == []


@pytest.mark.parametrize("octets", [10, LARGE_OCTETS])
async def test_a_session_that_is_silent_holds_nothing_of_what_it_asked_for(octets: int) -> None:
    live, stream = session(answered)
    message = rpc(f"<get>{' ' * octets}</get>") + EOM
    stream.sent.append(message)
    driven = asyncio.ensure_future(live.drive(lambda _live: None))
    async with asyncio.timeout(LIMIT_S):
        await stream.silent.wait()
    assert len(stream.written) == 2
    gc.collect()
    of_nobody_else = b"".join([b"another", EOM])
    assert sys.getrefcount(message) == sys.getrefcount(of_nobody_else)
    held = [one for one in gc.get_objects() if isinstance(one, Rpc) and one.octets == len(message) - len(EOM)]
    assert held == []
    live.end(KILLED)
    await driven


async def answered(live: Live, rpc: Rpc) -> list[Action]:
    return live.session.reply(rpc, b"")


async def test_a_large_message_of_a_session_that_is_killed_meanwhile_is_not_carried_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, free, read = threading.Event(), threading.Event(), Session.read

    def wait(self: Session, message: bytes) -> Read:
        begun.set()
        free.wait()
        return read(self, message)

    monkeypatch.setattr(Session, "read", wait)
    work = Work()
    live, _ = session(work, f"<edit-config>{' ' * LARGE_OCTETS}</edit-config>")
    driven = asyncio.ensure_future(live.drive(lambda _live: None))
    await asyncio.to_thread(begun.wait)
    live.end(KILLED)
    free.set()
    await driven
    assert not work.begun.is_set()


async def test_what_a_commit_notes_of_itself_is_not_of_its_session() -> None:
    """It is what lines of the log say they are about."""
    noted: list[dict[str, str]] = []

    async def commit(live: Live, rpc: Rpc) -> list[Action]:
        noted.append(at_work.ids())
        at_work.bind_commit(7)
        return live.session.reply(rpc, b"")

    live, stream = session(Work(), "<commit/>", "<get/>", "<commit/>")
    live._answer = commit
    stream.sent.append(b"")
    await live.drive(lambda _live: None)
    assert noted[0] == noted[1] == {}


async def test_a_client_that_has_much_waiting_lets_others_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its requests need not wait for anything, so that nobody else would have his turn."""
    log: list[str] = []

    async def answer(live: Live, rpc: Rpc) -> list[Action]:
        log.append("request")
        return live.session.reply(rpc, b"")

    def other() -> None:
        log.append("other")
        if not driven.done():
            asyncio.get_running_loop().call_soon(other)

    live, stream = session(Work(), *["<get/>"] * 50)
    stream.sent[1:] = [b"".join(stream.sent[1:]), b""]
    live._answer = answer
    monkeypatch.setattr(Turns, "is_over", lambda _turns, _begun_s: True)
    driven = asyncio.ensure_future(live.drive(lambda _live: None))
    other()
    await driven
    assert log.count("request") == 50
    assert "request request" not in " ".join(log[log.index("request") + 2 :])


async def test_a_client_that_does_not_read_keeps_a_session_that_is_to_end_only_shortly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agent.live_writing.LAST_WRITE_S", 0.0)
    live, stream = session(Work())
    writes = asyncio.Event()

    async def write(_data: bytes) -> None:
        writes.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(stream, "write", write)
    driven = asyncio.ensure_future(live.drive(lambda _live: None))
    await writes.wait()
    live.end(KILLED)
    await driven
    assert live.ending is KILLED


def named(live: Live, rpc: Rpc) -> list[Action]:
    return live.session.reply(rpc, f"<{local_name(rpc.operation)}/>".encode())


async def behind_each_other(body: bytes, *operations: str) -> list[bytes]:
    """Return what is written for requests that come in one piece; <get> is answered at once, ``body``."""

    async def answer(live: Live, rpc: Rpc) -> list[Action]:
        await asyncio.sleep(0)
        return named(live, rpc)

    def at_once(live: Live, rpc: Rpc) -> list[Action] | None:
        return live.session.reply(rpc, body) if local_name(rpc.operation) == "get" else None

    live, stream = session(answer, at_once=at_once)
    stream.sent.append(b"".join(rpc(operation) + EOM for operation in operations) + b"nothing" + EOM)
    stream.sent.append(b"")
    await live.drive(lambda _live: None)
    return stream.written[1:]


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's turn is over, however little of a processor there is."""
    monkeypatch.setattr(Turns, "is_over", lambda _turns, _begun_s: False)


@pytest.mark.usefixtures("unhurried")
async def test_what_is_answered_at_once_is_written_together_and_in_the_order_of_the_requests() -> None:
    written = await behind_each_other(b"<here/>", "<get/>", "<get/>", "<lock/>", "<get/>", "<get/>")
    assert len(written) == 2
    answers = [part.partition(b"<")[2] for part in b"".join(written).split(b"</rpc-reply>")]
    assert [next(n for n in (b"here", b"lock", b"rpc-error", b"") if n in a) for a in answers] == (
        [b"here", b"here", b"lock", b"here", b"here", b"rpc-error", b""]
    )


@pytest.mark.usefixtures("unhurried")
async def test_what_is_written_together_is_bounded() -> None:
    body = b"<a>" + b"x" * (TOGETHER_OCTETS // 2) + b"</a>"
    written = await behind_each_other(body, *["<get/>"] * 5)
    assert [data.count(b"<rpc-reply") for data in written] == [2, 2, 2]


async def test_what_follows_a_reply_is_done_before_the_next_one_is_written() -> None:
    done: list[int] = []

    async def answer(live: Live, rpc: Rpc) -> list[Action]:
        live.after_reply(lambda: done.append(len(stream.written)))
        return named(live, rpc)

    live, stream = session(answer, at_once=lambda live, rpc: None if not rpc.waits else named(live, rpc))
    stream.sent.append((rpc("<lock/>") + EOM) + b"nothing" + EOM)
    stream.sent.append(b"")
    await live.drive(lambda _live: None)
    assert (done, len(stream.written)) == ([2], 3)
