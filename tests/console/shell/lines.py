"""The command line as its users run it: a process of its own, beside a live agent."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pexpect

from tests.agent_process import AgentProcess

ROOT = Path(__file__).parents[3]
LIMIT_S = 20
_NOT_OF_USERS = frozenset({"NO_COLOR", "PAGER", "PYTHONUNBUFFERED"})
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")


@dataclass(frozen=True)
class CommandLine:
    """``home``: where its cache, its history and host keys are."""

    agent: AgentProcess
    home: Path

    @property
    def environ(self) -> Mapping[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if name not in _NOT_OF_USERS},
            "YANGSWAN_SOCKET": str(self.agent.data_dir / "netconf.sock"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "TERM": "xterm",
            "PYTHONPATH": str(ROOT),
        }

    @property
    def history(self) -> Path:
        return self.home / "state" / "yangswan" / "history"

    def run(
        self, *words: str, typed: str = "", limit_s: int = LIMIT_S, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "console", *words], env={**self.environ, **environ}, input=typed,
            capture_output=True, text=True, timeout=limit_s, check=False, cwd=self.home,
        )  # fmt: skip

    def lines(self, *lines: str, commit: bool = False) -> subprocess.CompletedProcess[str]:
        return self.run("-c", "; ".join(lines), *(["--commit"] if commit else []))

    @contextmanager
    def typing(self) -> Iterator[Typing]:
        """A command line that reads standard input, line after line."""
        process = subprocess.Popen(
            [sys.executable, "-m", "console"], env=self.environ, cwd=self.home, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            yield Typing(process)
        finally:
            process.kill()
            process.communicate()

    def terminal(self, *words: str, columns: int = 100, rows: int = 40, **environ: str) -> Terminal:
        child = pexpect.spawn(
            sys.executable, ["-m", "console", "--name", "alice", *words], timeout=LIMIT_S, encoding="utf-8",
            dimensions=(rows, columns), env={**self.environ, **environ}, cwd=str(self.home),
        )  # fmt: skip
        return Terminal(child)


class Typing:
    """A command line at the other end of a pipe."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def types(self, *lines: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{one}\n" for one in lines))
        self.process.stdin.flush()

    def ends(self) -> subprocess.CompletedProcess[str]:
        """End the input, and return what came of it all."""
        output, errors = self.process.communicate(timeout=LIMIT_S)
        return subprocess.CompletedProcess([], self.process.returncode, output, errors)


class Terminal:
    """A pseudo terminal with a command line in it."""

    def __init__(self, child: pexpect.spawn) -> None:
        self.child = child
        self.shown = ""

    def sees(self, pattern: str) -> str:
        """Wait until ``pattern`` is there; returns what came up to it, without what moves the cursor."""
        self.child.expect(pattern)
        found = _CONTROL.sub("", self.child.before + self.child.after)
        self.shown += found
        return found

    def at(self, where: str) -> str:
        """Wait for the empty prompt of ``where``, which has its asterisk if there is one."""
        return self.sees(rf"(?<!\*){re.escape(where)}#>(?:\x1b\[[0-9;?]*[A-Za-z])*\x1b\[\?25h")

    def types(self, line: str) -> Terminal:
        self.child.send(f"{line}\r")
        return self

    def sends(self, keys: str) -> Terminal:
        self.child.send(keys)
        return self

    def ends(self) -> int | None:
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus
