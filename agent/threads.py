"""The threads that call libyang: work is given to them, and they end with the program.

One writes: it edits, validates, records, and changes running. One reads running meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from agent.at_work import in_context
from agent.datastore.store import Store
from agent.yang.gate import PAUSES
from agent.yang.worker import Worker

log = logging.getLogger("agent")

STOP_LIMIT_S = 10
ENOUGH_OCTETS = 4096
"""Python has less in stock itself."""
SWITCH_S = 0.0005
"""How long a thread that works in Python may keep the GIL from one that waits for it. The event loop waits
for it several times for each request, and for as long each time where a thread works: Python's own 5 ms would
make tens of them. Less gains nothing: a request takes some tenths of a millisecond itself.
"""


def thread(name: str) -> ThreadPoolExecutor:
    """Return a thread that calls libyang, and pauses between its calls for those who wait for the GIL."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=name, initializer=PAUSES.begin)


def begin(pool: ThreadPoolExecutor) -> None:
    """Have a thread of ``pool`` begin, and take the heap that is its own from now on."""
    pool.submit(bytearray, ENOUGH_OCTETS).result()


def begin_in_first_heap(*pools: ThreadPoolExecutor) -> None:
    """Have the threads of ``pools`` begin in the heap of the program's first thread, where there are two.

    The C library gives a thread that comes one heap or the other, by turns: another thread takes the second
    each time, and ends.
    """
    for pool in pools:
        begin(pool)
        with ThreadPoolExecutor(max_workers=1) as other:
            begin(other)


def worker_of(pool: ThreadPoolExecutor, ended: Callable[[object], None] | None = None) -> Worker:
    """``ended`` is called on the thread after each call."""

    async def worker(function: Callable[..., Any], *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Any] = loop.create_future()
        # The thread works on what whoever calls works on: its log lines say so.
        call = in_context(function, *arguments)
        submitted = pool.submit(_carry_out, [_Task(call, loop, result, ended=ended)])
        try:
            return await result
        except asyncio.CancelledError:
            # A call that has begun goes on to its end: what it works with must not be given up before.
            if not submitted.cancel():
                await asyncio.wait({asyncio.wrap_future(submitted)})
            raise
        finally:
            # What it raised holds this frame, and all above it: with the message that is answered.
            del call, result, submitted

    return worker


@dataclass(frozen=True, slots=True)
class _Task:
    """A call for a thread, and the ``result`` that is told of it on its ``loop``."""

    call: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    result: asyncio.Future[Any]
    ended: Callable[[object], None] | None


def _carry_out(handed: list[_Task]) -> None:
    """Do the one call that is ``handed``, and tell its result of it, which costs one wake-up."""
    # Taken out: what it raises holds this frame and the pool's, which must not hold what holds that.
    task = handed.pop()
    found, problem = None, None
    PAUSES.resume()
    try:
        found = task.call()
    except BaseException as raised:
        problem = raised
    try:
        if task.ended is not None:
            task.ended(None)
        if not task.loop.is_closed():
            task.loop.call_soon_threadsafe(_settle, task.result, found, problem)
    finally:
        del task, found, problem
        PAUSES.rest()


def _settle(result: asyncio.Future[Any], found: Any, problem: BaseException | None) -> None:
    if result.done():  # nobody waits any more
        return
    if problem is None:
        result.set_result(found)
    else:
        result.set_exception(problem)


async def end_threads(writes: ThreadPoolExecutor, reads: ThreadPoolExecutor, store: Store) -> None:
    """End the threads of libyang; if a call keeps one, end the program: what was answered is on disk."""
    loop = asyncio.get_running_loop()
    last = {loop.run_in_executor(reads, _nothing), loop.run_in_executor(writes, store.close)}
    _, late = await asyncio.wait(last, timeout=STOP_LIMIT_S)
    if late:
        log.error("a request is still being worked on after %d s; the program ends without it", STOP_LIMIT_S)
        logging.shutdown()
        os._exit(1)
    reads.shutdown()
    writes.shutdown()


def _nothing() -> None:
    """For a thread that is to show that it has done everything."""
