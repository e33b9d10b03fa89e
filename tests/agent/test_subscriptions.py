"""What drives a subscription: its updates, what ends it, and subscribers that do not read."""

from __future__ import annotations

import weakref
from datetime import UTC, datetime, timedelta

import pytest

from agent.push.refusal import INSUFFICIENT_RESOURCES, NO_SUCH_SUBSCRIPTION, Declined, Suspend, Terminate
from agent.push.source import Backlog, Update
from agent.push.subscription import State
from agent.subscribed import Bounds
from agent.subscriptions import Subscriptions
from tests.agent.subscribers import BOUNDS, Client, Source, running, stalled, until


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
