"""What a process has used, and how one that was started is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from console.live.ending import put_off

CPU_CLOCK_OF_PROCESS = 2
TICKS_S = os.sysconf("SC_CLK_TCK")
END_LIMIT_S = 10.0
SETTLE_LIMIT_S = 3.0
SETTLE_STEP_S = 0.2


def cpu_s(pid: int) -> float:
    """Return the seconds of a processor that a process has used, with its children that have ended.

    Its own to the nanosecond, by the clock that the kernel keeps for each process (clock_getcpuclockid(3));
    the children's in ticks of 10 ms.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = sum(int(ticks) for ticks in fields[13:15]) / TICKS_S
    return time.clock_gettime(~pid << 3 | CPU_CLOCK_OF_PROCESS) + children


def resident_kib(pid: int) -> int:
    """Return what of a process is in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def settled_kib(pid: int) -> int:
    """Return what of a process is in memory once that no longer changes, or after a while."""
    before = resident_kib(pid)
    deadline = time.monotonic() + SETTLE_LIMIT_S
    while time.monotonic() < deadline:
        time.sleep(SETTLE_STEP_S)
        now = resident_kib(pid)
        if now == before:
            break
        before = now
    return before


@contextmanager
def running(command: Sequence[str], folder: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended with the block, and all that it started. ``more``: of its environment.

    What it writes to standard error is in ``folder``, in a file of its program's name.
    """
    process: subprocess.Popen[bytes] | None = None
    try:
        # A signal that comes while it is begun would leave it without anybody who ends it.
        with put_off(), (folder / f"{Path(command[0]).name}.err").open("ab") as errors:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
                start_new_session=True,
                env={**os.environ, **more},
            )
        yield process
    finally:
        if process is not None:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End the leader of a session and all that is in it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(END_LIMIT_S)
            break
        except subprocess.TimeoutExpired:
            continue
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
