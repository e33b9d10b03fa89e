"""Files that the transport keeps: the event loop does not wait for the disk."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.transport import files
from agent.transport.doorway import Favoured
from agent.transport.files import Latest
from agent.transport.lockout import Lockout


class Disk:
    """Takes what is written once ``go`` is set."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.written: list[bytes] = []

    def write(self, _file: Path, content: bytes, _mode: int) -> None:
        self.written.append(content)
        self.begun.set()
        self.go.wait()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    monkeypatch.setattr(files, "write_durably", made.write)
    return made


async def test_the_latest_of_what_waits_for_the_disk_is_written(tmp_path: Path, disk: Disk) -> None:
    latest = Latest(tmp_path / "file")
    latest.write(b"1")
    await asyncio.to_thread(disk.begun.wait)
    for content in (b"2", b"3"):
        latest.write(content)
    disk.go.set()
    await latest.written()
    assert disk.written == [b"1", b"3"]
    latest.write(b"4")
    await latest.written()
    assert disk.written[-1] == b"4"


def lock_out(file: Path) -> Latest:
    made = Lockout(file, tries=1, first_s=1)
    made.failed("192.0.2.1")
    return made.kept


def log_in(file: Path) -> Latest:
    made = Favoured(file, any_users=True)
    made.logged_in("192.0.2.1")
    return made.kept


@pytest.mark.parametrize("happen", [lock_out, log_in])
async def test_a_login_does_not_wait_for_the_disk(
    tmp_path: Path, disk: Disk, happen: Callable[[Path], Latest]
) -> None:
    kept = happen(tmp_path / "file")  # on the loop it would wait for ever
    disk.go.set()
    await kept.written()
    assert list(json.loads(disk.written[0])) == ["192.0.2.1"]


@pytest.mark.parametrize("happen", [lock_out, log_in])
async def test_what_cannot_be_written_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, happen: Callable[[Path], Latest]
) -> None:
    await happen(tmp_path / "missing" / "file").written()
    assert f"{tmp_path / 'missing' / 'file'} cannot be written: No such file" in caplog.text
