"""Where the files of a charon lie: in its folder, and in memory where that takes nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from translators.strongswan.charon import place


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "memory"
    made.mkdir()
    monkeypatch.setattr(place, "MEMORY", made)
    return made


def full(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Have nothing be written below ``folders``."""
    write = place._write_something

    def refuse(folder: Path) -> None:
        if any(folder.is_relative_to(each) for each in folders):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(folder)

    monkeypatch.setattr(place, "_write_something", refuse)


def test_a_folder_that_takes_files_is_made_and_private(memory: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data/strongswan"
    assert place.choose(folder) == folder
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == list(memory.iterdir()) == []


def test_for_one_that_takes_none_there_is_one_in_memory_until_it_does(
    memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "strongswan"
    with monkeypatch.context() as patched:
        full(patched, folder)
        found = place.choose(folder)
    assert found == place.stand_in(folder)
    assert (found.parent, found.stat().st_mode & 0o777) == (memory, 0o700)
    assert f"{folder} cannot be written (No space left on device)" in caplog.text
    (found / "charon.log").write_text("of before")
    assert place.choose(folder) == folder
    assert list(memory.iterdir()) == []


def test_two_folders_have_two_in_memory(memory: Path, tmp_path: Path) -> None:
    assert place.stand_in(tmp_path / "a") != place.stand_in(tmp_path / "b")
    assert place.stand_in(tmp_path / "a") == place.stand_in(tmp_path / "b/../a")


def test_without_memory_the_folder_is_tried(
    memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full(monkeypatch, tmp_path)
    assert place.choose(tmp_path / "strongswan") == tmp_path / "strongswan"


def test_what_somebody_put_in_its_place_is_not_used(
    memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, elsewhere = tmp_path / "strongswan", tmp_path / "elsewhere"
    elsewhere.mkdir()
    place.stand_in(folder).symlink_to(elsewhere)
    full(monkeypatch, folder)
    assert place.choose(folder) == folder
    assert list(elsewhere.iterdir()) == []
