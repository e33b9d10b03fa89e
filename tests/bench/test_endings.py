"""However a run ends, nothing that it started goes on, and what was measured is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.figures import read

ROOT = Path(__file__).parents[2]
LIMIT_S = 120


@contextmanager
def bench(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A run whose files are below ``folder``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", *words, "--json", str(folder / "report.json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        start_new_session=True,
    )
    alarm = threading.Timer(LIMIT_S, process.kill)
    alarm.start()
    try:
        yield process
    finally:
        alarm.cancel()
        process.kill()
        process.communicate()


def left_below(folder: Path) -> list[str]:
    """Return the commands of processes that have to do with ``folder``."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes()
        except OSError:
            continue  # it has ended
        if str(folder).encode() in command:
            found.append(command.replace(b"\0", b" ").decode())
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", ["memory.start", "one.get-config         stub"])
def test_on_a_signal_all_is_ended(tmp_path: Path, number: signal.Signals, after: str) -> None:
    words = ("--quick", "--sizes", "3", "--only", "memory,one,rpc,setup", "--beside", "stub")
    with bench(tmp_path, *words) as process:
        assert process.stderr is not None
        wanted = after.split()
        while wanted != [word for word in process.stderr.readline().split() if word in wanted]:
            assert process.poll() is None
        process.send_signal(number)
        output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    assert "not measured: the rest: interrupted" in output
    assert "memory.start" in [row.name for row in read(tmp_path / "report.json").rows]
    assert left_below(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_on_a_signal_an_agent_that_starts_is_ended(tmp_path: Path) -> None:
    with bench(tmp_path, "--quick", "--sizes", "3", "--only", "one", "--beside", "none") as process:
        while not any("-m agent" in command for command in left_below(tmp_path)):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    # What an agent itself has begun, as the compiler by which it looks for libraries, ends a moment after it.
    deadline = time.monotonic() + LIMIT_S
    while left_below(tmp_path):
        assert time.monotonic() < deadline, left_below(tmp_path)


def test_when_the_time_is_up_the_rest_is_left_out(tmp_path: Path) -> None:
    with bench(tmp_path, "--quick", "--sizes", "3", "--only", "one", "--limit", "0.000001") as process:
        output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    assert "no time left" in output
    assert json.loads((tmp_path / "report.json").read_text())["rows"] == []
    assert left_below(tmp_path) == []
