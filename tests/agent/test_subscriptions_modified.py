"""What becomes of the updates of a subscription that is modified, and of its source before."""

from __future__ import annotations

from agent.push.refusal import NO_SUCH_SUBSCRIPTION
from agent.push.source import Backlog
from agent.push.subscription import State
from tests.agent.subscribers import Client, Source, running, stalled, until


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
