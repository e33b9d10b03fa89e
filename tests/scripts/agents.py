"""An agent as a user starts it, and commands as the documents write them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READY_LIMIT_S = 60
COMMAND_LIMIT_S = 120
DOCUMENTED_PORT = "8300"


@dataclass(frozen=True, slots=True)
class Agent:
    """A running agent; ``folder`` is where its user stands: ``./var`` and ``./examples`` are there."""

    process: subprocess.Popen[str]
    folder: Path
    port: int
    output: tuple[str, ...]

    def run_as_written(self, language: str, text: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the documents, changed only in the port that this agent happens to have."""
        program = {"sh": ["bash", "-eu", "-c"], "python": [sys.executable, "-c"]}[language]
        return subprocess.run(
            [*program, text.replace(DOCUMENTED_PORT, str(self.port))],
            cwd=self.folder, env=environment(self.folder), check=False, capture_output=True, text=True,
            timeout=COMMAND_LIMIT_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip


def environment(home: Path) -> dict[str, str]:
    """Return the surroundings of a user who has nothing but a checkout and what its commands have made."""
    own = str(Path(sys.executable).parent)
    return {
        "PATH": os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if folder != own),
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def running_agent(folder: Path) -> Iterator[Agent]:
    """Start an agent without charon on a free port, and end it."""
    # The folder by name: a program from a checkout has its own there, wherever it is started.
    command = [sys.executable, "-m", "agent", "--charon", "none", "--listen", "127.0.0.1:0"]
    command += ["--data-dir", "var"]
    with (folder / "agent.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(folder), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    try:
        output = lines_until(process, "ready ")
        assert output, (folder / "agent.log").read_text()
        port = int(output[-1].rpartition(":")[2])
        copy_examples(folder / "examples", str(port))
        (folder / ".venv").symlink_to(Path(sys.prefix))
        yield Agent(process, folder, port, output)
    finally:
        process.terminate()
        process.wait(READY_LIMIT_S)
        assert process.stdout is not None
        process.stdout.close()


def lines_until(process: subprocess.Popen[str], text: str) -> tuple[str, ...]:
    """Return the lines of output up to one that holds ``text``; () if none comes in time."""
    assert process.stdout is not None
    limit = threading.Timer(READY_LIMIT_S, process.kill)
    limit.start()
    lines = []
    try:
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if text in line:
                return tuple(lines)
        return ()
    finally:
        limit.cancel()


def copy_examples(target: Path, port: str) -> None:
    shutil.copytree(ROOT / "examples", target, ignore=shutil.ignore_patterns("__pycache__"))
    for path in target.rglob("*"):
        if path.is_file():
            path.write_text(path.read_text(encoding="utf-8").replace(DOCUMENTED_PORT, port), encoding="utf-8")
