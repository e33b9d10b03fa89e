"""What drives a subscription: its updates, what happens to it meanwhile, and subscribers that do not read."""

from __future__ import annotations

import asyncio
import re
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from agent.push.refusal import INSUFFICIENT_RESOURCES, NO_SUCH_SUBSCRIPTION, Declined, Suspend, Terminate
from agent.push.source import Backlog, Update
from agent.push.subscription import State
from agent.subscribed import Bounds, Subscribed
from agent.subscriptions import Subscriptions

LIMIT_S = 30
BOUNDS = Bounds(all=6, per_user=4, per_session=3, events=10, octets=1000, suspended_s=5)


async def until(condition: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            turn = loop.create_future()
            loop.call_later(0.005, turn.set_result, None)
            await turn


@dataclass
class Client:
    """A session that takes one message for each ``reads``; it takes all if that is None."""

    session_id: int = 1
    user: str = "tester"
    reads: asyncio.Semaphore | None = None
    got: list[str] = field(default_factory=list)
    fault: Exception | None = None

    async def _send(self, message: bytes) -> None:
        if self.reads is not None:
            await self.reads.acquire()
        if self.fault is not None:
            raise self.fault
        found = re.search(rb"</eventTime><([\w-]+)", message)
        assert found is not None
        reason = re.search(rb">sn:([\w-]+)</reason>", message) or re.search(rb"<count>(\d+)<", message)
        self.got.append(found[1].decode() + (f" {reason[1].decode()}" if reason else ""))

    @property
    def send(self) -> Callable[[bytes], object]:
        return self._send


@dataclass
class Source:
    """Numbers its updates; what is put into ``due`` comes next."""

    name: str = "u"
    due: asyncio.Queue[object] = field(default_factory=asyncio.Queue)
    waiting: Backlog = field(default_factory=Backlog)
    lost: int = 0
    closed: int = 0
    followed: list[str] = field(default_factory=list)
    well: asyncio.Event = field(default_factory=asyncio.Event)

    def follow(self, before: Source) -> None:
        assert not before.closed
        self.followed += [*before.followed, before.name]

    async def next(self) -> Update | None:
        due = await self.due.get()
        if isinstance(due, Exception):
            raise due
        if due is None or isinstance(due, Update):
            return due
        return Update(datetime.now(UTC), f"<{self.name}{due}/>".encode())

    async def recovered(self) -> None:
        await self.well.wait()

    def behind(self) -> Backlog:
        return self.waiting

    def skip(self) -> int:
        self.waiting = Backlog()
        return self.lost

    def described(self) -> bytes:
        return b"<stream>NETCONF</stream>"

    def close(self) -> None:
        self.closed += 1


@dataclass
class Run:
    register: Subscriptions
    client: Client
    source: Source
    subscribed: Subscribed
    task: asyncio.Task[None]

    def look(self, after_s: float) -> None:
        """Look at all as if ``after_s`` had gone by since now."""
        self.register.look(asyncio.get_running_loop().time() + after_s)


@asynccontextmanager
async def running(client: Client, source: Source | None = None) -> AsyncIterator[Run]:
    register = Subscriptions(BOUNDS, now=lambda: datetime.now(UTC))
    subscribed = register.reserved(client)  # type: ignore[arg-type]
    subscribed.source = source = source or Source()
    task = asyncio.create_task(subscribed.run())
    try:
        yield Run(register, client, source, subscribed, task)
    finally:
        task.cancel()
        await asyncio.wait([task])
        register.stop()


@pytest.fixture
def stuck() -> Client:
    return Client(reads=asyncio.Semaphore(0))


async def stalled(run: Run) -> None:
    """Have an update wait for a client that does not read, and more behind it than may be."""
    run.source.due.put_nowait(1)
    await until(run.source.due.empty)
    await until(lambda: run.subscribed._sending_since_s is not None)
    run.source.waiting, run.source.lost = Backlog(11, 100), 4


async def test_updates_are_sent_one_after_the_other_and_counted() -> None:
    async with running(Client()) as run:
        for number in range(3):
            run.source.due.put_nowait(number)
        await until(lambda: run.client.got == ["u0", "u1", "u2"])
        assert run.subscribed.counters.sent == 3


async def test_a_source_is_asked_again_only_when_the_session_has_taken_what_it_gave(stuck: Client) -> None:
    async with running(stuck) as run:
        run.source.due.put_nowait(1)
        run.source.due.put_nowait(2)
        await until(lambda: run.source.due.qsize() == 1)
        await until(lambda: run.subscribed._sending_since_s is not None)
        assert run.source.due.qsize() == 1
        assert stuck.reads is not None
        stuck.reads.release()
        await until(lambda: run.source.due.empty())


async def test_who_does_not_read_is_suspended_and_told_when_it_reads_again(stuck: Client) -> None:
    async with running(stuck) as run:
        await stalled(run)
        run.look(after_s=0.5)  # not long enough to say that it does not read
        assert run.subscribed.state is State.ACTIVE
        run.look(after_s=2)
        assert run.subscribed.state is State.SUSPENDED
        assert stuck.reads is not None
        for _ in range(5):
            stuck.reads.release()
        run.source.due.put_nowait(2)
        await until(lambda: len(stuck.got) == 5)
        assert stuck.got == [
            "u1",
            "subscription-suspended unsupportable-volume",
            "subscription-resumed",
            "notifications-missed 4",
            "u2",
        ]
        assert run.subscribed.state is State.ACTIVE
        assert run.subscribed.counters.missed == 4
        assert run.subscribed.counters.sent == 2


@pytest.mark.parametrize(
    ("waiting", "state"),
    [
        (Backlog(10, 1000), State.ACTIVE),
        (Backlog(11, 0), State.SUSPENDED),
        (Backlog(1, 1001), State.SUSPENDED),
    ],
)
async def test_the_bound_is_in_events_and_in_octets(stuck: Client, waiting: Backlog, state: State) -> None:
    async with running(stuck) as run:
        await stalled(run)
        run.source.waiting = waiting
        run.look(after_s=2)
        assert run.subscribed.state is state


async def test_who_reads_is_not_suspended_however_much_waits() -> None:
    async with running(Client()) as run:
        run.source.waiting = Backlog(10_000, 10_000_000)
        run.look(after_s=100)
        assert run.subscribed.state is State.ACTIVE


async def test_a_suspension_that_lasts_ends_the_subscription_and_the_client_can_read_why(
    stuck: Client,
) -> None:
    async with running(stuck) as run:
        await stalled(run)
        run.look(after_s=2)
        run.look(after_s=6)
        assert run.subscribed.state is State.ENDED
        with pytest.raises(Declined):
            run.register.of(run.subscribed.id)
        assert stuck.reads is not None
        for _ in range(3):
            stuck.reads.release()
        await run.task
        assert stuck.got[1:] == [
            "subscription-suspended unsupportable-volume",
            "subscription-terminated suspension-timeout",
        ]
        assert run.source.closed == 1


async def test_a_stop_time_ends_a_suspension_too(stuck: Client) -> None:
    async with running(stuck) as run:
        await stalled(run)
        run.look(after_s=2)
        run.subscribed.stop = datetime.now(UTC) - timedelta(seconds=1)
        run.look(after_s=3)
        assert run.subscribed.state is State.ENDED


async def test_the_register_looks_by_itself(stuck: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.subscriptions.LOOK_S", 0.01)
    monkeypatch.setattr("agent.subscribed.STALLED_S", 0.0)
    async with running(stuck) as run:
        await stalled(run)
        await until(lambda: run.subscribed.state is State.SUSPENDED)


async def test_one_that_is_killed_hears_of_it_while_it_waits() -> None:
    async with running(Client()) as run:
        run.register.of(run.subscribed.id).terminate(NO_SUCH_SUBSCRIPTION)
        await run.task
        assert run.client.got == ["subscription-terminated no-such-subscription"]
        assert run.source.closed == 1


async def test_one_that_is_deleted_ends_without_a_word() -> None:
    async with running(Client()) as run:
        run.register.own(run.client, run.subscribed.id).delete()  # type: ignore[arg-type]
        await run.task
        assert run.client.got == []
        assert run.source.closed == 1


async def test_one_that_is_deleted_sends_nothing_that_waited_before(stuck: Client) -> None:
    async with running(stuck) as run:
        await stalled(run)
        run.look(after_s=2)
        run.subscribed.delete()
        assert stuck.reads is not None
        for _ in range(5):
            stuck.reads.release()
        await run.task
        assert stuck.got == ["u1"]  # it was on its way


async def test_a_modification_is_told_before_anything_that_is_sent_by_it() -> None:
    async with running(Client()) as run:
        run.source.due.put_nowait(1)
        await until(lambda: run.client.got == ["u1"])
        other = Source("v")
        run.subscribed.modify(other, None)
        other.due.put_nowait(2)
        run.source.due.put_nowait(3)
        await until(lambda: len(run.client.got) == 3)
        assert run.client.got == ["u1", "subscription-modified", "v2"]
        assert (run.source.closed, other.closed) == (1, 0)


async def test_what_is_modified_lets_go_of_what_was_before_though_nothing_is_sent_then() -> None:
    async with running(Client()) as run:
        sources = [run.source]
        for name in ("v", "w"):
            sources.append(Source(name))
            run.subscribed.modify(sources[-1], None)
            await until(lambda: run.client.got.count("subscription-modified") == len(sources) - 1)
            await until(lambda: [source.closed for source in sources] == [1] * (len(sources) - 1) + [0])
        assert sources[-1].followed == ["u", "v"]


async def test_of_many_modifications_that_nobody_reads_only_the_last_is_kept(stuck: Client) -> None:
    async with running(stuck) as run:
        await stalled(run)
        sources = [Source(f"v{number}") for number in range(2000)]  # more than a stack is deep
        for source in sources:
            run.subscribed.modify(source, None)
        assert [source.closed for source in sources] == [1] * 1999 + [0]
        assert run.source.closed == 0
        run.source.waiting = Backlog(11, 100)
        run.look(after_s=2)  # it is looked what waits where it was asked last
        assert run.subscribed.state is State.SUSPENDED
        run.subscribed.delete()
        assert (run.source.closed, sources[-1].closed) == (1, 1)


async def test_what_is_resumed_after_a_modification_goes_on_from_where_it_was(stuck: Client) -> None:
    async with running(stuck) as run:
        await stalled(run)
        last = Source("v", lost=4)
        run.subscribed.modify(last, None)
        run.look(after_s=2)
        assert run.subscribed.state is State.SUSPENDED
        assert stuck.reads is not None
        for _ in range(5):
            stuck.reads.release()
        await until(lambda: "notifications-missed 4" in stuck.got)
        assert (last.followed, run.source.closed, last.closed) == (["u"], 1, 0)


async def test_a_modification_ends_a_suspension(stuck: Client) -> None:
    async with running(stuck) as run:
        await stalled(run)
        run.look(after_s=2)
        run.subscribed.modify(Source("v"), None)
        assert run.subscribed.state is State.ACTIVE
        assert stuck.reads is not None
        for _ in range(3):
            stuck.reads.release()
        await until(lambda: len(stuck.got) == 3)
        assert stuck.got[1:] == ["subscription-suspended unsupportable-volume", "subscription-modified"]


async def test_a_modification_of_what_has_ended_lets_go_of_its_source() -> None:
    async with running(Client()) as run:
        run.subscribed.terminate(NO_SUCH_SUBSCRIPTION)
        late = Source("v")
        run.subscribed.modify(late, None)
        assert late.closed == 1


async def test_what_is_offered_and_never_accepted_ends_with_the_subscription() -> None:
    async with running(Client()) as run:
        first, second = Source("v"), Source("w")
        run.subscribed.offer(first, None)
        run.subscribed.offer(second, None)
        assert (first.closed, second.closed) == (1, 0)
        run.register.session_ended(1)
        run.subscribed.accept()
        assert (run.source.closed, first.closed, second.closed) == (1, 1, 1)
        late = Source("x")
        run.subscribed.offer(late, None)
        assert late.closed == 1


async def test_what_is_offered_counts_when_it_is_accepted() -> None:
    async with running(Client()) as run:
        other = Source("v")
        run.subscribed.offer(other, None)
        run.source.due.put_nowait(1)
        await until(lambda: run.client.got == ["u1"])
        run.subscribed.accept()
        other.due.put_nowait(2)
        await until(lambda: run.client.got == ["u1", "subscription-modified", "v2"])
        assert (run.source.closed, other.closed) == (1, 0)


async def test_a_source_can_ask_for_a_suspension_and_end_it() -> None:
    async with running(Client()) as run:
        run.source.due.put_nowait(Suspend(INSUFFICIENT_RESOURCES))
        await until(lambda: run.subscribed.state is State.SUSPENDED)
        await until(lambda: run.client.got == ["subscription-suspended insufficient-resources"])
        run.source.well.set()
        run.source.due.put_nowait(1)
        await until(lambda: run.client.got[1:] == ["subscription-resumed", "u1"])


async def test_a_source_can_end_the_subscription() -> None:
    async with running(Client()) as run:
        run.source.due.put_nowait(Terminate(NO_SUCH_SUBSCRIPTION))
        await run.task
        assert run.client.got == ["subscription-terminated no-such-subscription"]


async def test_a_fault_of_a_source_ends_its_subscription_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(Client()) as run:
        run.source.due.put_nowait(ValueError("ours"))
        await run.task
        assert run.client.got == ["subscription-terminated no-such-subscription"]
        assert "ours" in caplog.text


async def test_a_stop_time_ends_it() -> None:
    async with running(Client()) as run:
        run.source.due.put_nowait(None)
        await run.task
        assert run.subscribed.state is State.ENDED
        assert run.client.got == []


async def test_a_client_that_is_gone_ends_it() -> None:
    async with running(Client(fault=ConnectionResetError())) as run:
        run.source.due.put_nowait(1)
        with pytest.raises(ConnectionResetError):
            await run.task
        assert run.source.closed == 1
        assert run.register.of_session(1) == []


async def test_what_never_began_to_run_ends_with_its_session() -> None:
    register = Subscriptions(BOUNDS, now=lambda: datetime.now(UTC))
    subscribed = register.reserved(Client())  # type: ignore[arg-type]
    subscribed.source = source = Source()
    register.session_ended(1)
    assert (source.closed, register.of_session(1)) == (1, [])
    register.stop()


async def test_there_are_as_many_as_there_may_be_of_a_session_of_a_user_and_in_all() -> None:
    register = Subscriptions(BOUNDS, now=lambda: datetime.now(UTC))

    def reserve(session_id: int, user: str) -> str:
        try:
            register.reserved(Client(session_id, user))  # type: ignore[arg-type]
        except Declined as problem:
            return f"{problem.message.partition(' has ')[0]}: {problem.identity}"
        return "had"

    full = f": {INSUFFICIENT_RESOURCES}"

    assert [reserve(1, "a") for _ in range(4)] == ["had"] * 3 + ["this session" + full]
    assert [reserve(2, "a") for _ in range(2)] == ["had", "a" + full]
    assert [reserve(3, "b") for _ in range(3)] == ["had", "had", "this server" + full]
    register.take_over(Bounds(all=7, per_user=5, per_session=3, events=1, octets=1, suspended_s=1))
    assert reserve(2, "a") == "had"
    register.stop()


async def test_of_another_session_none_is_told() -> None:
    async with running(Client()) as run:
        with pytest.raises(Declined) as one:
            run.register.own(Client(2), run.subscribed.id)  # type: ignore[arg-type]
        with pytest.raises(Declined) as none:
            run.register.own(Client(2), 99)  # type: ignore[arg-type]
        assert one.value.identity == none.value.identity == NO_SUCH_SUBSCRIPTION
        assert one.value.message.replace("1", "99") == none.value.message


class Watched(Update):
    """An update of which it can be seen whether somebody holds it."""

    __slots__ = ("__weakref__",)


async def test_nothing_is_held_of_an_update_that_was_sent() -> None:
    """It may be as large as a datastore, and the next one may be due never."""
    async with running(Client()) as run:
        update = Watched(datetime.now(UTC), b"<large/>")
        held = weakref.ref(update)
        run.source.due.put_nowait(update)
        del update
        await until(lambda: run.client.got == ["large"])
        await until(lambda: held() is None)
