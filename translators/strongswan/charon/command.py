"""A command run to its end, with a time limit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence


async def run(command: Sequence[str], limit_s: float) -> tuple[int | None, bytes]:
    """Return the exit code of ``command`` and what it wrote to standard error.

    Raises:
        TimeoutError: it took longer than ``limit_s`` seconds, and was ended with all that it had started.
        OSError: it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        # Whatever it starts, systemctl's question for a password among it, ends with it.
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limit_s):
            _, words = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return process.returncode, words
