"""Work in a copy of the process: its answer comes back, its end is sure, and nothing of it is left."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent import apart
from agent.apart import Apart, CopyLost, NoCopy, TooCostly, at_most
from agent.errors import (
    BadElement,
    ErrorType,
    InvalidParameter,
    InvalidValue,
    LockDenied,
    MissingAttribute,
    MissingElement,
    RpcError,
    RpcErrors,
    UnknownNamespace,
)
from tests.agent.lab import direct

LIMIT_S = 60


def endless() -> None:
    while True:
        pass


def children() -> set[str]:
    task = Path(f"/proc/self/task/{os.getpid()}/children")
    return set(task.read_text(encoding="ascii").split())


def open_files() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


async def test_what_the_work_returns_comes_back_however_long_it_is() -> None:
    before = open_files()
    assert await Apart().done("u", direct, lambda: b"x" * 5_000_000) == b"x" * 5_000_000
    assert open_files() == before
    assert children() == set()


async def test_what_it_raises_comes_back_with_the_place_where_it_was_raised() -> None:
    def work() -> None:
        raise KeyError("a", "b")

    with pytest.raises(KeyError) as caught:
        await Apart().done("u", direct, work)
    assert caught.value.args == ("a", "b")
    assert "in work" in caught.value.__notes__[0]


async def test_what_it_changes_is_not_changed_here() -> None:
    here = [1]
    assert await Apart().done("u", direct, lambda: here.append(2) or list(here)) == [1, 2]
    assert here == [1]


async def test_the_copy_holds_no_file_or_connection_of_the_process(tmp_path: Path) -> None:
    with (tmp_path / "held").open("w", encoding="ascii") as file:
        inherited = await Apart().done("u", direct, lambda: open_files() & {str(file.fileno())})
    assert inherited == set()


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(endless, id="time"),
        pytest.param(lambda: len(bytearray(4 * apart.ROOM_OCTETS)), id="memory"),
    ],
)
async def test_a_copy_that_takes_too_much_is_ended(
    work: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "WORK_CPU_S", 0.2)
    async with asyncio.timeout(LIMIT_S):
        with pytest.raises(TooCostly):
            await Apart().done("u", direct, work)
    assert children() == set()


@pytest.mark.parametrize(
    ("work", "said"),
    [
        pytest.param(lambda: os._exit(9), "exit code 9", id="end"),
        pytest.param(os.abort, f"signal {signal.SIGABRT:d}", id="crash"),
        pytest.param(lambda: os.kill(os.getpid(), signal.SIGKILL), f"signal {signal.SIGKILL:d}", id="killed"),
    ],
)
async def test_a_copy_that_ends_by_a_fault_is_logged_and_no_matter_of_its_costs(
    work: Callable[[], Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(CopyLost):
        await Apart().done("u", direct, work)
    (record,) = caplog.records
    assert (record.levelno, said in record.getMessage()) == (logging.ERROR, True)
    assert children() == set()


async def test_it_leaves_no_dump_of_its_memory() -> None:
    assert await Apart().done("u", direct, lambda: resource.getrlimit(resource.RLIMIT_CORE)) == (0, 0)


async def test_who_gives_up_waiting_reads_of_no_fault(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "PATIENCE_S", 0.2)
    monkeypatch.setattr(apart, "WORK_CPU_S", 0.1)
    for work in (endless, _sleep):
        with pytest.raises(TooCostly):
            await Apart().done("u", direct, work)
    assert caplog.records == []


ERRORS: list[RpcError | RpcErrors] = [
    InvalidParameter("stream", "there is none"),
    BadElement("startTime", "it is late", type=ErrorType.PROTOCOL, path="/m:a"),
    MissingElement("startTime", "it is missing"),
    MissingAttribute("select", "filter"),
    UnknownNamespace("x", "urn:x", type=ErrorType.PROTOCOL),
    LockDenied("running", 3),
    InvalidValue("no", app_tag="t", info={"bad-element": ("a", "b")}),
    RpcErrors([InvalidParameter("x", "y"), UnknownNamespace("x", "urn:x")]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_every_error_comes_back_as_it_was(error: RpcError | RpcErrors) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        await Apart().done("u", direct, work)
    facts = dict(caught.value.__dict__)
    assert "in work" in facts.pop("__notes__")[0]
    assert [one.__dict__ for one in facts.pop("errors", ())] == [
        one.__dict__ for one in getattr(error, "errors", ())
    ]
    assert facts == {name: value for name, value in error.__dict__.items() if name != "errors"}
    assert (type(caught.value), str(caught.value)) == (type(error), str(error))


async def test_a_part_of_the_work_has_a_limit_of_its_own() -> None:
    def work() -> None:
        with at_most(30):
            pass
        with at_most(0.1):
            endless()

    async with asyncio.timeout(LIMIT_S):
        with pytest.raises(TooCostly):
            await Apart().done("u", direct, work)


def test_outside_of_a_copy_nothing_is_limited() -> None:
    with at_most(0.001):
        assert sum(range(100_000))


async def test_one_that_sleeps_is_ended_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "PATIENCE_S", 0.2)
    with pytest.raises(TooCostly):
        await Apart().done("u", direct, _sleep)
    assert children() == set()


def _sleep() -> None:
    os.read(os.pipe()[0], 1)


async def begun(copies: Apart, work: Callable[[], Any], user: str = "u") -> asyncio.Task[Any]:
    """Return the task that waits for a copy that is there, while its worker is free again."""
    free = asyncio.Event()

    async def worker(function: Callable[..., Any], *arguments: Any) -> Any:
        result = await direct(function, *arguments)
        free.set()
        return result

    task = asyncio.create_task(copies.done(user, worker, work))
    await free.wait()
    assert len(children()) == 1
    assert not task.done()
    return task


async def test_it_goes_when_nobody_waits_for_it_any_more() -> None:
    copies, before = Apart(), open_files()
    async with asyncio.timeout(LIMIT_S):
        task = await begun(copies, endless)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert children() == set()
        assert open_files() == before
        assert await copies.done("u", direct, lambda: 1) == 1


async def test_one_who_gives_up_before_it_began_leaves_none() -> None:
    asked, let = asyncio.Event(), asyncio.Event()

    async def slow(function: Callable[..., Any], *arguments: Any) -> Any:
        asked.set()
        await let.wait()
        return function(*arguments)

    task = asyncio.create_task(Apart().done("u", slow, endless))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() == set()


async def test_one_user_has_one_copy_at_a_time_and_keeps_nobody_else_waiting() -> None:
    copies = Apart()
    async with asyncio.timeout(LIMIT_S):
        task = await begun(copies, endless, "one")
        second = asyncio.create_task(copies.done("one", direct, lambda: 1))
        assert await copies.done("other", direct, lambda: 2) == 2
        assert not second.done()
        task.cancel()
        assert await second == 1
    assert copies._few._users == {}


async def test_a_system_that_makes_no_more_processes_refuses_the_work(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    before = open_files()
    with pytest.raises(NoCopy):
        await Apart().done("u", direct, lambda: 1)
    assert "Resource temporarily unavailable" in caplog.text
    assert open_files() == before
