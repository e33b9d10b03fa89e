"""What is being worked on: bound for tasks and for the thread of libyang, and for nobody else."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from agent import at_work
from agent.at_work import bind_commit, bind_session, ids, in_context, of_commit, of_tunnel, on_tunnel, unbound
from agent.threads import worker_of
from agent.turns import Account, Turns
from translators.strongswan.tasks import Background


async def said() -> dict[str, str]:
    return ids()


async def test_a_task_works_on_what_whoever_began_it_works_on() -> None:
    bind_session(12, "admin")
    bind_commit(345)
    found = await asyncio.create_task(said())
    assert found == {"session": "12", "user": "admin", "commit": "345"}


async def test_what_a_task_binds_is_not_bound_for_whoever_began_it() -> None:
    async def work() -> None:
        bind_session(12, "admin")
        bind_commit(345)

    await asyncio.create_task(work())
    assert ids() == {}


async def test_the_thread_of_libyang_works_on_what_whoever_calls_it_works_on() -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        worker = worker_of(pool)

        async def session(number: int) -> list[dict[str, str]]:
            bind_session(number, "admin")
            return [await worker(ids) for _ in range(3)]

        found = await asyncio.gather(*(session(number) for number in range(5)))
        assert found == [[{"session": str(number), "user": "admin"}] * 3 for number in range(5)]
        assert await worker(ids) == {}


def test_a_call_for_another_thread_has_its_arguments() -> None:
    assert in_context(divmod, 7, 2)() == (3, 1)


async def test_a_task_that_outlives_what_began_it_has_a_context_of_its_own() -> None:
    bind_session(12, "admin")
    bind_commit(345)
    loop = asyncio.get_running_loop()
    assert await loop.create_task(said(), context=unbound()) == {}
    assert await loop.create_task(said(), context=of_tunnel("7")) == {"tunnel": "7"}
    assert await loop.create_task(said(), context=of_commit(3)) == {"commit": "3"}
    assert await loop.create_task(said(), context=of_commit(None)) == {}


async def test_what_a_translator_does_in_the_background_is_of_no_commit() -> None:
    bind_commit(345)
    found: list[dict[str, str]] = []
    done = asyncio.Event()

    async def work() -> None:
        found.append(ids())
        done.set()

    background = Background()
    background.start(work())
    await done.wait()
    await background.stop()
    assert found == [{}]


def test_a_tunnel_is_worked_on_inside_the_block_alone() -> None:
    with on_tunnel("7"):
        assert ids() == {"tunnel": "7"}
        with on_tunnel("8"):
            assert ids() == {"tunnel": "8"}
        assert ids() == {"tunnel": "7"}
    assert at_work.TUNNEL.get() is None


async def test_a_turn_is_worked_on_for_whose_it_is_whoever_began_the_turns() -> None:
    turns, mine = Turns(), Account()

    async def other() -> dict[str, str]:
        bind_session(12, "admin")
        return await turns.done(Account(), ids)

    found = await asyncio.gather(other(), turns.done(mine, ids), other(), turns.done(mine, ids))
    assert found == [{"session": "12", "user": "admin"}, {}] * 2
