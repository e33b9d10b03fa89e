"""What can never be a data folder is told from what cannot be one at the moment, and nothing is written."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.data_folder import faults, hindrances


def test_a_folder_that_is_there_or_can_be_made_is_taken_and_not_made(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "new", tmp_path / "some" / "way" / "down"):
        assert (faults(folder), hindrances(folder)) == ([], [])
    assert os.listdir(tmp_path) == []


def test_what_is_no_folder_or_cannot_hold_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nothing")
    long = tmp_path / ("x" * 256)
    for path, reason in (
        (tmp_path / "file", "Not a directory"),
        (tmp_path / "file" / "below", "Not a directory"),
        (tmp_path / "link", "where this link leads there is nothing"),
        (tmp_path / "link" / "below", f"{tmp_path}/link: where this link leads there is nothing"),
        (Path("/dev/null"), "Not a directory"),
        (Path("/proc/x"), "/proc: Operation not supported"),
        (Path("/sys/a/b"), "/sys: Operation not supported"),
        (long, "File name too long"),
    ):
        assert faults(path) == [f"{path} cannot be the data folder: {reason}"]
        assert hindrances(path) == []


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_may_recover_hinders_a_new_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    open_as_it_is = os.open

    def broken(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE and Path(path).exists():
            raise OSError(reason, os.strerror(reason), path)
        return open_as_it_is(path, flags, mode)

    monkeypatch.setattr(os, "open", broken)
    assert (faults(tmp_path), hindrances(tmp_path)) == ([], [])
    new = tmp_path / "new"
    assert faults(new) == []
    assert hindrances(new) == [f"{new} cannot be the data folder: {tmp_path}: {os.strerror(reason)}"]


def test_a_full_disk_hinders_a_new_folder_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems make files, but give them no room."""
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_blocks=1000, f_bfree=0))
    new = tmp_path / "new"
    assert (hindrances(tmp_path), faults(new)) == ([], [])
    assert hindrances(new) == [f"{new} cannot be the data folder: {tmp_path}: No space left on device"]


def test_a_file_system_without_files_that_have_no_name_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(path: str, *_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP), path)

    monkeypatch.setattr(os, "open", unsupported)
    assert faults(tmp_path) == []


@pytest.mark.parametrize("name", ["", "lock", "history.db", "strongswan/private-keys/gateway"])
def test_what_another_user_has_left_there_is_named_with_what_to_do(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root has for an agent that is a user of its own."""
    (tmp_path / "strongswan/private-keys").mkdir(parents=True)
    for file in ("lock", "history.db", "strongswan/private-keys/gateway"):
        (tmp_path / file).touch(0o600)
    (tmp_path / "history.db").write_bytes(b"something")
    foreign = tmp_path / name
    real = Path.lstat

    def lstat(path: Path) -> os.stat_result:
        found = real(path)
        return os.stat_result((*found[:4], os.geteuid() + 1, *found[5:10])) if path == foreign else found

    monkeypatch.setattr(Path, "lstat", lstat)
    assert faults(tmp_path) == [], "root may, and whoever is in the right group"
    monkeypatch.setattr(os, "access", lambda path, _mode: path != foreign)
    (sentence,) = faults(tmp_path)
    assert sentence.startswith(f"{foreign} belongs to ")
    assert sentence.endswith(f" {tmp_path}")
    assert "who may not use it: chown -R " in sentence
