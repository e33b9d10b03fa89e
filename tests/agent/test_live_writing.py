"""What a session writes while it is to end: for how long it waits for who does not read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from agent.live_writing import PIECE_OCTETS, Writing

LARGE = b"x" * (3 * PIECE_OCTETS - 1)


class Stream:
    """Takes a piece when it is let."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.waits = asyncio.Event()
        self._room = asyncio.Event()
        self.aborted = False

    async def write(self, data: bytes) -> None:
        self.waits.set()
        await self._room.wait()
        self._room.clear()
        self.taken.append(data)

    async def take_one(self) -> None:
        """Take the piece that waits, and return when the next one does."""
        await self.waits.wait()
        self.waits.clear()
        self._room.set()
        await self.waits.wait()

    async def take_last(self) -> None:
        await self.waits.wait()
        self._room.set()

    async def read(self, octets: int) -> bytes:
        raise NotImplementedError

    async def gone(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    def abort(self) -> None:
        self.aborted = True


class Timers:
    """Those that were set, in their order; they go off by hand."""

    def __init__(self) -> None:
        self.set: list[Callable[[], None]] = []

    def later(self, _seconds: float, call: Callable[[], None]) -> None:
        self.set.append(call)

    def go_off(self) -> None:
        due, self.set = self.set, []
        for call in due:
            call()


async def begun() -> tuple[Writing, Stream, Timers, asyncio.Task[None]]:
    """Return what writes a large message, of which a client has taken nothing."""
    stream, timers = Stream(), Timers()
    writing = Writing(stream, timers.later)
    task = asyncio.create_task(writing.message(LARGE))
    await stream.waits.wait()
    return writing, stream, timers, task


async def test_who_may_go_on_has_the_time_of_the_stream() -> None:
    _writing, stream, timers, task = await begun()
    assert timers.set == []
    await stream.take_one()
    await stream.take_one()
    await stream.take_last()
    await task
    assert b"".join(stream.taken) == LARGE


async def test_a_write_that_is_under_way_is_given_up_when_nothing_is_taken() -> None:
    writing, stream, timers, task = await begun()
    writing.finish()
    timers.go_off()
    with pytest.raises(TimeoutError, match="does not read"):
        await task
    assert stream.taken == []


async def test_who_takes_something_is_waited_for_until_he_does_not() -> None:
    writing, stream, timers, task = await begun()
    writing.finish()
    for _ in range(2):
        await stream.take_one()
        timers.go_off()
        assert not task.done()
    timers.go_off()
    with pytest.raises(TimeoutError):
        await task
    assert len(stream.taken) == 2


async def test_a_message_that_comes_later_is_given_up_as_well() -> None:
    stream, timers = Stream(), Timers()
    writing = Writing(stream, timers.later)
    writing.finish()
    task = asyncio.create_task(writing.message(b"<late/>"))
    await stream.waits.wait()
    timers.go_off()
    with pytest.raises(TimeoutError):
        await task


async def test_a_timer_of_a_message_that_was_written_is_nothing_to_the_next() -> None:
    stream, timers = Stream(), Timers()
    writing = Writing(stream, timers.later)
    writing.finish()
    first = asyncio.create_task(writing.message(b"<first/>"))
    await stream.take_last()
    await first
    of_first = timers.set[:]
    stream.waits.clear()
    second = asyncio.create_task(writing.message(b"<second/>"))
    await stream.waits.wait()
    for call in of_first:
        call()
    assert len(timers.set) == len(of_first) + 1, "its own, and no other for what is written"
    await stream.take_last()
    await second
    assert stream.taken == [b"<first/>", b"<second/>"]


async def test_who_is_to_be_gone_is_waited_for_shortly_though_he_reads() -> None:
    writing, stream, timers, task = await begun()
    writing.end()
    await stream.take_one()
    timers.go_off()
    with pytest.raises(TimeoutError):
        await task


async def test_a_message_that_comes_when_he_is_to_be_gone_is_given_up_shortly() -> None:
    stream, timers = Stream(), Timers()
    writing = Writing(stream, timers.later)
    writing.end()
    late = asyncio.create_task(writing.message(b"<late/>"))
    await stream.waits.wait()
    timers.go_off()
    with pytest.raises(TimeoutError):
        await late


async def two(first: bytes, second: bytes) -> tuple[Stream, Timers, list[asyncio.Task[None]]]:
    """Return a stream of which a client took one piece of ``first``; ``second`` waits for its turn."""
    stream, timers = Stream(), Timers()
    writing = Writing(stream, timers.later)
    tasks = [asyncio.create_task(writing.message(message)) for message in (first, second)]
    await stream.take_one()
    writing.finish()
    return stream, timers, tasks


@pytest.mark.parametrize(
    "messages",
    [(LARGE, b"<notification/>"), (b"n" * (2 * PIECE_OCTETS), b"<rpc-reply/>")],
    ids=["reply first", "notification first"],
)
async def test_nothing_follows_a_message_that_ended_in_its_middle(messages: tuple[bytes, bytes]) -> None:
    stream, timers, (first, second) = await two(*messages)
    timers.go_off()
    with pytest.raises(TimeoutError):
        await first
    with pytest.raises(ConnectionResetError, match="not written whole"):
        await second
    assert stream.aborted
    assert stream.taken == [messages[0][:PIECE_OCTETS]]


async def test_a_message_that_is_cancelled_in_its_middle_is_the_last() -> None:
    stream, _timers, (first, second) = await two(LARGE, b"<late/>")
    first.cancel()
    with pytest.raises(ConnectionResetError):
        await second
    assert stream.aborted


async def test_a_message_follows_one_of_which_nothing_was_written() -> None:
    writing, stream, timers, first = await begun()
    second = asyncio.create_task(writing.message(b"<late/>"))
    writing.finish()
    timers.go_off()
    with pytest.raises(TimeoutError):
        await first
    await stream.take_last()
    await second
    assert not stream.aborted
    assert stream.taken == [b"<late/>"]
