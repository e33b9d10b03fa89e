"""An export is for its owner alone, whole or not there, and never in the place of something else unasked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.offline import output
from agent.offline.output import Refused, write_file
from tests.agent.offline.lab import EVERY_LEAF, Shell


def test_a_file_has_mode_0600_whatever_the_umask_is_from_its_first_octet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []
    make = os.open

    def seen(path: object, flags: int, mode: int = 0o777, **more: object) -> int:
        descriptor = make(path, flags, mode, **more)  # type: ignore[call-overload]
        modes.append(os.fstat(descriptor).st_mode & 0o777)
        return int(descriptor)

    monkeypatch.setattr(output.os, "open", seen)
    before = os.umask(0)
    try:
        write_file(tmp_path / "x", b"secret", force=False)
    finally:
        os.umask(before)
    assert modes[0] == 0o600
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["x"]


def test_what_is_there_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"old")
    file.chmod(0o644)
    with pytest.raises(Refused, match="--force"):
        write_file(file, b"new", force=False)
    assert file.read_bytes() == b"old"
    write_file(file, b"new", force=True)
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o600)


@pytest.mark.parametrize("kind", ["a link", "a folder", "no regular file"])
@pytest.mark.parametrize("force", [False, True])
def test_nothing_but_a_file_is_replaced(tmp_path: Path, kind: str, force: bool) -> None:
    there = tmp_path / "x"
    if kind == "a link":
        there.symlink_to(tmp_path / "elsewhere")
    elif kind == "a folder":
        there.mkdir()
    else:
        os.mkfifo(there)
    with pytest.raises(Refused, match=f"{there} is {kind}"):
        write_file(there, b"new", force=force)
    assert os.listdir(tmp_path) == ["x"]


def test_a_file_that_comes_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x"
    monkeypatch.setattr(output.os, "fsync", lambda _: file.write_bytes(b"other"))
    with pytest.raises(Refused, match="is there already"):
        write_file(file, b"new", force=False)
    assert file.read_bytes() == b"other"
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("force", [False, True])
def test_nothing_is_left_where_the_disk_does_not_take_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output.os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as problem:
        write_file(tmp_path / "x", b"new", force=force)
    assert problem.value.filename == str(tmp_path / "x")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_not_there_is_named_by_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as problem:
        write_file(tmp_path / "nope" / "x", b"", force=False)
    assert problem.value.filename == str(tmp_path / "nope" / "x")


@pytest.mark.parametrize(("task", "said"), [("history", ""), ("check", ""), ("export", ": say -o FILE")])
def test_what_nobody_can_get_is_refused(
    used: Shell, monkeypatch: pytest.MonkeyPatch, task: str, said: str
) -> None:
    words = [str(EVERY_LEAF)] if task == "check" else []
    monkeypatch.setattr(output.sys, "stdout", None)
    done = used(task, *words)
    assert (done.status, done.said) == (1, f"yangswand: standard output is closed{said}\n")
