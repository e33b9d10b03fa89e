"""The one thread that owns libyang: work is given to it, and it ends with the program."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agent.at_work import in_context
from agent.datastore.store import Store
from agent.yang.worker import Worker

log = logging.getLogger("agent")

STOP_LIMIT_S = 10


def worker_of(pool: ThreadPoolExecutor, ended: Callable[[object], None] | None = None) -> Worker:
    """``ended`` is called on the thread after each call."""

    async def worker(function: Callable[..., Any], *arguments: Any) -> Any:
        # The thread works on what whoever calls works on: its log lines say so.
        call = pool.submit(in_context(function, *arguments))
        if ended is not None:
            call.add_done_callback(ended)
        result = asyncio.wrap_future(call)
        try:
            return await asyncio.shield(result)
        except asyncio.CancelledError:
            # A call that has begun goes on to its end: what it works with must not be given up before.
            if not call.cancel():
                await asyncio.wait({result})
            raise
        finally:
            # What it raised holds this frame, and all above it: with the message that is answered.
            del call, result

    return worker


async def end_worker(pool: ThreadPoolExecutor, store: Store) -> None:
    """End the libyang thread; if a call keeps it, end the program: what was answered is on disk."""
    last = asyncio.get_running_loop().run_in_executor(pool, store.close)
    _, late = await asyncio.wait({last}, timeout=STOP_LIMIT_S)
    if late:
        log.error("a request is still being worked on after %d s; the program ends without it", STOP_LIMIT_S)
        logging.shutdown()
        os._exit(1)
    pool.shutdown()
