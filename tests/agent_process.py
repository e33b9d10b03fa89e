"""The agent as its users run it: a process of its own, told to be ready by its own line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from console.live.ending import put_off

START_LIMIT_S = 60
STOP_LIMIT_S = 30


@dataclass
class AgentProcess:
    """A running agent; ``log`` collects what it wrote to standard error."""

    process: subprocess.Popen[str]
    data_dir: Path
    port: int
    log: list[str] = field(default_factory=list)
    readers: list[threading.Thread] = field(default_factory=list)

    user = "admin"
    host = "127.0.0.1"

    @property
    def key(self) -> Path:
        return self.data_dir / "client_key"

    def line_with(self, text: str) -> str:
        """Return the first line of the log that has ``text`` in it; what was written before "ready" comes by
        another pipe, and may come later."""
        end_s = time.monotonic() + START_LIMIT_S
        while (found := next((line for line in self.log if text in line), None)) is None:
            assert time.monotonic() < end_s, f"no line of the log has {text!r}"
            time.sleep(0.01)
        return found

    def stop(self) -> int:
        """Stop cleanly; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._end()

    def kill(self) -> None:
        """End it as a power failure would."""
        self.process.kill()
        self._end()

    def _end(self) -> int:
        code = self.process.wait(STOP_LIMIT_S)
        for reader in self.readers:
            reader.join(STOP_LIMIT_S)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return code


def start_agent(
    data_dir: Path,
    options: Sequence[str] = (),
    *,
    prefix: Sequence[str] = (),
    charon: str = "none",
    log_level: str = "debug",
    pass_fds: Sequence[int] = (),
) -> AgentProcess:
    """Start an agent on a free port of loopback and return when clients may connect.

    Without ``log_level`` it is that of the settings.
    """
    command = [
        *prefix,
        sys.executable,
        "-m",
        "agent",
        "--data-dir",
        str(data_dir),
        "--listen",
        "127.0.0.1:0",
        "--charon",
        charon,
        *(["--log-level", log_level] if log_level else []),
        *options,
    ]
    agent: AgentProcess | None = None
    alarm: threading.Timer | None = None
    try:
        # A signal that comes while it is begun would leave it without anybody who ends it.
        with put_off():
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[1],
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                pass_fds=pass_fds,
            )
            agent = AgentProcess(process, data_dir, 0)
        assert process.stdout is not None
        assert process.stderr is not None
        agent.readers.append(_reader(process.stderr, agent.log))
        alarm = threading.Timer(START_LIMIT_S, process.kill)
        alarm.start()
        for line in process.stdout:
            if line.startswith("ready "):
                agent.port = int(line.rsplit(":", 1)[1])
                break
    except BaseException:
        if agent is not None:
            agent.kill()
        raise
    finally:
        if alarm is not None:
            alarm.cancel()
    if not agent.port:
        agent._end()
        raise AssertionError("the agent did not start:\n" + "".join(agent.log))
    agent.readers.append(_reader(process.stdout, []))
    return agent


def _reader(stream: IO[str], lines: list[str]) -> threading.Thread:
    thread = threading.Thread(target=lambda: lines.extend(iter(stream.readline, "")), daemon=True)
    thread.start()
    return thread


@contextmanager
def running_agent(
    data_dir: Path,
    options: Sequence[str] = (),
    *,
    prefix: Sequence[str] = (),
    charon: str = "none",
    log_level: str = "debug",
) -> Iterator[AgentProcess]:
    """An agent that is stopped when the block ends. Arguments: as of ``start_agent``."""
    agent = start_agent(data_dir, options, prefix=prefix, charon=charon, log_level=log_level)
    try:
        yield agent
    finally:
        if agent.process.poll() is None:
            agent.stop()
