"""Stand-ins for systemctl, put first on the PATH."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from translators.strongswan.charon.daemon import ManagedCharon
from translators.strongswan.options import Options


def put_on_path(monkeypatch: pytest.MonkeyPatch, folder: Path, program: str) -> Path:
    """Make ``program`` (Python) the systemctl of this process and its children; return its file.

    What it is called with is appended to the file ``called`` beside it.
    """
    folder.mkdir(exist_ok=True)
    file = folder / "systemctl"
    called = f"open({str(folder / 'called')!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')"
    file.write_text(f"#!{sys.executable}\nimport sys\n{called}\n{program}\n")
    file.chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return file


def restarts_charon_of(folder: Path) -> str:
    """Return a program that ends the charon of ``folder`` as systemd would, and starts the next."""
    root = str(Path(__file__).parents[2])
    return f"""
sys.path.insert(0, {root!r})
import asyncio
from pathlib import Path
from translators.strongswan.charon.daemon import ManagedCharon
from translators.strongswan.options import Options

async def restart():
    charon = ManagedCharon(Path({str(folder)!r}), Options())
    assert await charon.start(), "there was no charon to restart"
    await charon.stop()
    await charon.start()

asyncio.run(restart())
"""


async def charon_alone(folder: Path, options: Options | None = None) -> None:
    """Start a charon that no agent manages in ``folder``."""
    await ManagedCharon(folder, options or Options()).start()


def sockets_of(folder: Path) -> dict[str, str]:
    """Return the settings of an agent that uses the charon in ``folder``."""
    return {"vici-socket": f"{folder}/vici.sock", "error-notify-socket": f"{folder}/notify.sock"}
