"""How often a command waits for the disk is counted by the kernel, to the call."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from bench.peers.sync_counter import NUMBERS, count_of

pytestmark = pytest.mark.skipif(platform.machine() not in NUMBERS, reason="its system calls are not known")

WRITES = """
import os, sys, threading
file = open(sys.argv[1], "w")
def wait(): os.fsync(file.fileno())
for _ in range(3): wait()
os.fdatasync(file.fileno())
thread = threading.Thread(target=wait)
thread.start()
thread.join()
print(os.getpid())
"""


def counted(folder: Path, *command: str) -> tuple[int, subprocess.Popen[str]]:
    file = folder / "count"
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.peers.sync_counter", str(file), *command],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    process.wait(60)
    return count_of(file), process


def test_each_call_of_each_thread_is_counted(tmp_path: Path) -> None:
    found, process = counted(tmp_path, sys.executable, "-c", WRITES, str(tmp_path / "file"))
    assert process.returncode == 0
    assert process.stdout is not None
    assert int(process.stdout.read()) == process.pid
    process.stdout.close()
    assert found == 5


def test_a_command_that_waits_for_nothing_counts_nothing(tmp_path: Path) -> None:
    found, process = counted(tmp_path, sys.executable, "-c", "print()")
    assert process.stdout is not None
    process.stdout.close()
    assert (found, process.returncode) == (0, 0)
