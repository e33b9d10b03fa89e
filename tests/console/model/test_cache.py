"""What is kept of a server is only used for who says the same, as long as it is whole and private."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from console.model import cache
from console.model.cache import Cache, folder

MODULES = {"m": "module m { } # é", "n": ""}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "yangswan" / "modules"


class Clock:
    def __init__(self, now_s: float) -> None:
        self._now_s = now_s

    def time(self) -> float:
        return self._now_s


def only_file(place: Path) -> Path:
    (found,) = place.iterdir()
    return found


def test_what_was_kept_is_there_for_who_says_the_same(place: Path) -> None:
    Cache(place).save("I am a", MODULES)
    assert Cache(place).load("I am a") == MODULES
    assert Cache(place).load("I am b") is None


def test_nobody_else_may_read_it(place: Path) -> None:
    Cache(place).save("a", MODULES)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(place).stat().st_mode) == 0o600
    place.chmod(0o777)
    assert Cache(place).load("a") == MODULES
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[:40],
        lambda content: content.replace(b"module m", b"module x"),
        lambda content: b"\x80\x04garbage",
        lambda content: content + b" ",
        lambda content: content.partition(b"\n")[2],
    ],
)
def test_a_damaged_file_is_as_good_as_none_and_goes_away(place: Path, damage: object) -> None:
    Cache(place).save("a", MODULES)
    file = only_file(place)
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    assert Cache(place).load("a") is None
    assert not file.exists()
    Cache(place).save("a", MODULES)
    assert Cache(place).load("a") == MODULES


def test_what_another_server_said_is_not_believed_under_this_name(place: Path) -> None:
    Cache(place).save("a", MODULES)
    Cache(place).save("b", {"m": "other"})
    paths = {cache._name(said): place / cache._name(said) for said in ("a", "b")}
    paths[cache._name("b")].replace(paths[cache._name("a")])
    assert Cache(place).load("a") is None


@pytest.mark.parametrize(("age_s", "there"), [(0, True), (86_399, True), (86_400, False), (-5, False)])
def test_what_is_a_day_old_is_asked_for_again(
    place: Path, monkeypatch: pytest.MonkeyPatch, age_s: int, there: bool
) -> None:
    monkeypatch.setattr(cache, "time", Clock(1_000_000))
    Cache(place).save("a", MODULES)
    monkeypatch.setattr(cache, "time", Clock(1_000_000 + age_s))
    assert (Cache(place).load("a") == MODULES) is there


def test_a_link_a_pipe_and_a_folder_are_no_files(place: Path, tmp_path: Path) -> None:
    Cache(place).save("a", MODULES)
    file = only_file(place)
    moved = tmp_path / "moved"
    file.rename(moved)
    file.symlink_to(moved)
    assert Cache(place).load("a") is None
    file.unlink(missing_ok=True)
    os.mkfifo(file)
    assert Cache(place).load("a") is None
    file.unlink(missing_ok=True)
    file.mkdir()
    assert Cache(place).load("a") is None
    assert moved.exists()


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    Cache(tmp_path / "file" / "modules").save("a", MODULES)
    assert Cache(tmp_path / "file" / "modules").load("a") is None
    Cache(None).save("a", MODULES)
    assert Cache(None).load("a") is None


def test_a_folder_that_is_a_link_is_not_ours(place: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / "elsewhere")
    Cache(place).save("a", MODULES)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_it_does_not_grow(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        Cache(place).save(str(number), MODULES)
        os.utime(place / cache._name(str(number)), (number, number))
    Cache(place).save("last", MODULES)
    assert len(list(place.iterdir())) == cache.MOST_KEPT
    assert Cache(place).load("last") == MODULES
    assert Cache(place).load("0") is None
    monkeypatch.setattr(cache, "LARGEST_OCTETS", 100)
    Cache(place).save("large", {"m": "x" * 200})
    assert Cache(place).load("large") is None
    assert Cache(place).load("last") is None


def test_a_write_that_fails_leaves_nothing_behind(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Cache(place).save("a", MODULES)

    def fail(*paths: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(os, "replace", fail)
    Cache(place).save("b", MODULES)
    assert len(list(place.iterdir())) == 1


@pytest.mark.parametrize(
    ("xdg", "home", "expected"),
    [
        ("/x", "/h", "/x/yangswan/modules"),
        ("", "/h", "/h/.cache/yangswan/modules"),
        ("relative", "/h", "/h/.cache/yangswan/modules"),
        ("", "", None),
    ],
)
def test_it_is_where_the_specification_of_base_folders_says(
    monkeypatch: pytest.MonkeyPatch, xdg: str, home: str, expected: str | None
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    monkeypatch.setenv("HOME", home)
    assert folder() == (Path(expected) if expected else None)
