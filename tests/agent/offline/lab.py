"""What the tests of a stopped agent share: its command line within this process, and folders to work on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.offline.looking import MORE
from agent.offline.tasks import carry_out

ROOT = Path(__file__).parents[3]
INSTANCES = ROOT / "tests" / "yang" / "instances"
EVERY_CONSTRUCT = ROOT / "tests" / "modules" / "every-construct.yang"
EVERY_LEAF = INSTANCES / "valid" / "every-leaf.xml"
SECRETS = ('!"$%&', "0123456789abcdef")


@dataclass(frozen=True)
class Done:
    """What a command has said, and its exit status."""

    status: int
    out: str
    said: str

    @property
    def lines(self) -> list[str]:
        return self.said.splitlines()


def errors(done: Done) -> list[str]:
    """Return the lines without the last one that says that there may be more."""
    return [line for line in done.lines if not line.endswith(f": {MORE}")]


class Shell:
    """Types commands for an agent with the data folder ``folder`` and without charon."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capture = folder, capture

    def __call__(self, task: str, *words: str | Path, folder: Path | None = None) -> Done:
        self._capture.readouterr()
        options = ["--charon", "none", "--data-dir", str(folder or self.folder)]
        try:
            status = carry_out([task, *map(str, words), *options])
        except SystemExit as end:
            status = int(end.code or 0)
        out, said = self._capture.readouterr()
        return Done(status, out, said)

    def good(self, task: str, *words: str | Path, folder: Path | None = None) -> str:
        done = self(task, *words, folder=folder)
        assert done.status == 0, done.said
        return done.out


def content_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return all files below ``folder`` with their content and mode."""
    return {
        str(file.relative_to(folder)): (file.read_bytes(), file.stat().st_mode)
        for file in folder.rglob("*")
        if file.is_file()
    }
