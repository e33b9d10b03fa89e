"""Turns: who has taken least goes first, whatever others have waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from agent import turns
from agent.turns import TURN_S, Account, Turns


class Clock:
    """Time that passes only by work."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def until(true: Callable[[], bool]) -> None:
    """Let the loop go on, a turn at a time."""
    while not true():
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(turn.set_result, None)
        await turn


async def all_done(turns: Turns) -> None:
    await until(lambda: not turns._waiting and not turns._due)


def worker(clock: Clock, log: list[str], name: str, cost_s: float) -> Callable[[], None]:
    def work() -> None:
        clock.now_s += cost_s
        log.append(name)

    return work


async def test_who_has_taken_least_goes_first() -> None:
    clock, log = Clock(), []
    turns, busy, quiet = Turns(clock), Account(), Account()
    turns.ask(busy, worker(clock, log, "busy", 1))
    await all_done(turns)
    for _ in range(3):
        turns.ask(busy, worker(clock, log, "busy", 1))
    turns.ask(quiet, worker(clock, log, "quiet", 1))
    await all_done(turns)
    assert log == ["busy", "quiet", "busy", "busy", "busy"]


async def test_pieces_of_one_client_keep_their_order() -> None:
    clock, log = Clock(), []
    turns, account = Turns(clock), Account()
    for name in "abcdef":
        turns.ask(account, worker(clock, log, name, 0.001))
    await all_done(turns)
    assert log == list("abcdef")


async def test_the_loop_does_other_things_between_expensive_pieces() -> None:
    clock, log = Clock(), []
    turns, loop = Turns(clock), asyncio.get_running_loop()
    for _ in range(9):
        turns.ask(Account(), worker(clock, log, "p", 2 * TURN_S))

    def other() -> None:
        log.append("o")
        if log.count("p") < 9:
            loop.call_soon(other)

    other()
    await all_done(turns)
    assert "pp" not in "".join(log)


async def test_sixteen_busy_clients_keep_a_quiet_one_from_nothing() -> None:
    """Each busy one asks again at once; the quiet one has its turn after the pieces under way, each time."""
    clock, log = Clock(), []
    turns, busy, quiet = Turns(clock), [Account() for _ in range(16)], Account()

    def again(account: Account) -> Callable[[], None]:
        def work() -> None:
            clock.now_s += 0.004
            log.append("busy")
            if len(log) < 2000:
                turns.ask(account, work)

        return work

    for account in busy:
        turns.ask(account, again(account))
    await until(lambda: len(log) >= 500)
    for _ in range(20):
        before = len(log)
        assert await turns.done(quiet, lambda: clock.now_s) is not None
        assert len(log) - before <= 20
        await until(lambda mark=before + 40: len(log) >= mark)
    await all_done(turns)


async def test_a_rest_saves_nothing_up_and_much_work_is_no_debt() -> None:
    clock, log = Clock(), []
    turns, old, new = Turns(clock), Account(), Account()
    for _ in range(10):
        turns.ask(old, worker(clock, log, "old", 1))
    await all_done(turns)
    log.clear()
    # The new one has taken nothing: it is let in where the old one stands, and not ten seconds ahead.
    for _ in range(4):
        turns.ask(new, worker(clock, log, "new", 1))
        turns.ask(old, worker(clock, log, "old", 1))
        await all_done(turns)
    assert log.count("old") == log.count("new") == 4
    assert "new new" not in " ".join(log[:3])


async def test_what_work_returns_and_raises_comes_to_who_waits() -> None:
    turns, account = Turns(), Account()
    assert await turns.done(account, lambda: 42) == 42

    def fail() -> int:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await turns.done(account, fail)
    assert await turns.done(account, lambda: 43) == 43


async def test_work_of_who_has_gone_is_not_done() -> None:
    turns, log = Turns(), []
    waiting = asyncio.ensure_future(turns.done(Account(), lambda: log.append("done")))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    await all_done(turns)
    assert log == []


@pytest.mark.parametrize("turn_s", [0.0, 60.0])
async def test_long_work_is_done_in_pieces_to_its_result(
    monkeypatch: pytest.MonkeyPatch, turn_s: float
) -> None:
    """Without time for a turn there still is a piece in each."""
    monkeypatch.setattr(turns, "TURN_S", turn_s)
    monkeypatch.setattr(turns, "REST_S", 0.0)

    def work() -> turns.Pieces[int]:
        for number in range(3):
            done.append(number)
            yield
        return 7

    done: list[int] = []
    task = asyncio.create_task(turns.in_turns(work()))
    await asyncio.sleep(0)
    assert done == ([0] if turn_s == 0.0 else [0, 1, 2])
    assert await task == 7
    assert done == [0, 1, 2]


async def test_what_is_small_is_done_at_once_where_nobody_waits() -> None:
    turns, account = Turns(Clock()), Account()
    coroutine = turns.soon(account, lambda: 42)
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)  # to its end, without a wait
    assert done.value.value == 42

    def fail() -> int:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await turns.soon(account, fail)


async def test_who_comes_while_others_wait_waits_with_them() -> None:
    clock, log = Clock(), []
    turns, busy, quiet = Turns(clock), Account(), Account()
    turns.ask(busy, worker(clock, log, "busy", 2 * TURN_S))
    await all_done(turns)
    for _ in range(3):
        turns.ask(busy, worker(clock, log, "busy", 2 * TURN_S))
    await turns.soon(quiet, worker(clock, log, "quiet", TURN_S))
    assert log == ["busy", "quiet"] or log == ["busy", "busy", "quiet"]
    await all_done(turns)


async def test_what_is_done_at_once_takes_no_more_than_half_of_the_time() -> None:
    clock, log = Clock(), []
    turns, account = Turns(clock), Account()
    await turns.soon(account, worker(clock, log, "small", 2 * TURN_S))
    waits = asyncio.ensure_future(turns.soon(account, worker(clock, log, "waits", TURN_S)))
    await asyncio.sleep(0)
    assert log == ["small"]
    await waits
    clock.now_s += 4 * TURN_S  # others work, or nobody
    turns.soon(account, worker(clock, log, "again", TURN_S)).close()
    with pytest.raises(StopIteration):
        turns.soon(account, worker(clock, log, "again", TURN_S)).send(None)


async def test_what_was_done_at_once_counts_when_turns_are_given() -> None:
    clock, log = Clock(), []
    turns, busy, quiet = Turns(clock), Account(), Account()
    await turns.soon(busy, worker(clock, log, "small", 1))
    turns.ask(busy, worker(clock, log, "busy", 1))
    turns.ask(quiet, worker(clock, log, "quiet", 1))
    await all_done(turns)
    assert log == ["small", "quiet", "busy"]


def test_each_at_work_has_his_part_of_a_turn() -> None:
    clock = Clock()
    turns = Turns(clock)
    turns.at_work = 1
    clock.now_s = 0.9 * TURN_S
    assert not turns.is_over(0.0)
    turns.at_work = 2
    assert turns.is_over(0.0)
    assert not turns.is_over(0.5 * TURN_S)


async def test_what_is_done_at_once_is_done_or_not_begun() -> None:
    clock, log = Clock(), list[str]()
    turns = Turns(clock)
    account, quiet = Account(), Account()
    assert turns.at_once(account, worker(clock, log, "first", 4 * TURN_S))
    assert not turns.at_once(account, worker(clock, log, "no time", TURN_S))
    clock.now_s += 8 * TURN_S
    turns.ask(account, worker(clock, log, "waits", 0))
    assert not turns.at_once(quiet, worker(clock, log, "others wait", 0))
    await all_done(turns)
    assert turns.at_once(quiet, worker(clock, log, "last", 0))
    assert log == ["first", "waits", "last"]
