"""The UNIX socket as a file: who may come, what it replaces, and what it leaves alone."""

from __future__ import annotations

import grp
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.transport import local_socket
from agent.transport.local_socket import NAME_OCTETS_MAX, faults, give_up, take

NO_GROUP = "no-such-group"
OWN_GROUP = grp.getgrgid(os.getegid()).gr_name


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A name that is short enough, wherever the folder is."""
    folder = tmp_path
    folder.chmod(0o755)
    here = Path.cwd()
    os.chdir(folder)
    yield Path("socket")
    os.chdir(here)


def dead(path: Path) -> None:
    """Leave at ``path`` what a killed agent leaves."""
    give = socket.socket(socket.AF_UNIX)
    give.bind(str(path))
    give.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_members_of_the_group_may_come(path: Path) -> None:
    taken = take(path, OWN_GROUP)
    assert mode(path) == 0o660
    assert path.stat().st_gid == os.getegid()
    assert taken.whom == f"for the members of the group '{OWN_GROUP}'"
    give_up(taken)
    assert not path.exists()


def test_without_the_group_only_its_user_may_come_and_it_is_said(path: Path) -> None:
    taken = take(path, NO_GROUP)
    assert mode(path) == 0o600
    assert taken.whom.startswith("for this user and root alone: the system has no group 'no-such-group'")
    give_up(taken)


def test_a_group_that_the_agent_may_not_give_it_to_is_said(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(local_socket.os, "chown", refused)
    taken = take(path, OWN_GROUP)
    assert mode(path) == 0o600
    assert "cannot be given to the group" in taken.whom
    give_up(taken)


def test_there_is_no_moment_at_which_others_may_come(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0)
    modes = []
    chown = os.chown
    try:
        monkeypatch.setattr(
            local_socket.os, "chown", lambda *words, **more: (modes.append(mode(path)), chown(*words, **more))
        )
        give_up(take(path, OWN_GROUP))
    finally:
        os.umask(before)
    assert modes == [0o600]


def test_what_a_killed_agent_left_is_replaced(path: Path) -> None:
    dead(path)
    taken = take(path, NO_GROUP)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    give_up(taken)


def test_the_socket_of_an_agent_that_lives_is_refused(path: Path) -> None:
    taken = take(path, NO_GROUP)
    with pytest.raises(OSError, match="another agent or program listens there"):
        take(path, NO_GROUP)
    assert path.exists()
    give_up(taken)


def test_one_that_has_much_to_do_lives_too(path: Path) -> None:
    busy = socket.socket(socket.AF_UNIX)
    busy.bind(str(path))
    busy.listen(0)
    waiting = socket.socket(socket.AF_UNIX)
    waiting.connect(str(path))
    with pytest.raises(OSError, match="another agent or program listens there"):
        take(path, NO_GROUP)
    waiting.close()
    busy.close()


def test_a_socket_of_another_kind_is_left_alone(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        with pytest.raises(OSError, match="cannot be served at the socket socket: "):
            take(path, NO_GROUP)
    assert path.is_socket()


@pytest.mark.parametrize("what", ["file", "folder", "pipe", "link", "dangling link"])
def test_nothing_of_others_is_removed(path: Path, what: str) -> None:
    if what == "file":
        path.write_text("mine")
    elif what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        if what == "link":
            dead(path.with_name("other"))
        path.symlink_to("other")
    before = path.lstat()
    assert len(faults(path, own_folder=Path("elsewhere"))) == 1
    with pytest.raises(OSError, match=r"which the agent leaves alone|the agent leaves it alone"):
        take(path, NO_GROUP)
    assert path.lstat() == before


def test_a_socket_of_another_user_is_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead(path)
    if os.getuid() == 0:
        os.chown(path, 64_001, -1)
    other = os.getuid() + 1
    monkeypatch.setattr(local_socket.os, "geteuid", lambda: other)
    (fault,) = faults(path, own_folder=Path("elsewhere"))
    with pytest.raises(OSError, match="belongs to another user"):
        take(path, NO_GROUP)
    assert "belongs to another user" in fault
    assert path.is_socket()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have a socket of root's")
def test_one_of_root_s_may_be_systemd_s_and_is_never_removed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent of another user is passed it, and a check of the settings cannot know."""
    dead(path)
    monkeypatch.setattr(local_socket.os, "geteuid", lambda: 64_001)
    assert faults(path, own_folder=Path("elsewhere")) == []
    with pytest.raises(OSError, match="belongs to another user"):
        take(path, NO_GROUP)
    assert path.is_socket()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder away")
def test_a_folder_of_another_user_is_not_used_and_root_may_look_at_it(path: Path) -> None:
    """He may ask with --check about an agent that has a user of its own."""
    Path("folder").mkdir()
    os.chown("folder", 64_001, 64_001)
    assert faults(Path("folder/s"), own_folder=Path("elsewhere")) == []
    with pytest.raises(OSError, match="the folder folder belongs to another user"):
        take(Path("folder/s"), NO_GROUP)


@pytest.mark.parametrize("bits", [0o020, 0o002])
def test_a_folder_in_which_others_may_write_is_refused(tmp_path: Path, bits: int) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755 | bits)
    (fault,) = faults(folder / "s", own_folder=tmp_path)
    assert f"chmod go-w {folder}" in fault
    with pytest.raises(OSError, match="others may write in the folder"):
        take(folder / "s", NO_GROUP)
    folder.chmod(0o1777)  # as /tmp is: nobody takes away what is another's
    assert faults(folder / "s", own_folder=tmp_path) == []


def test_a_name_that_is_too_long_is_said(tmp_path: Path) -> None:
    path = tmp_path / ("x" * NAME_OCTETS_MAX)
    (fault,) = faults(path, own_folder=tmp_path)
    assert fault.endswith(f"its name has {len(bytes(path))} octets, and that of a socket has 107 at most")
    assert faults(tmp_path / "x", own_folder=tmp_path) == []


def test_the_longest_name_that_there_may_be(path: Path) -> None:
    longest = Path("x" * NAME_OCTETS_MAX)
    give_up(take(longest, NO_GROUP))
    with pytest.raises(OSError, match="has 108 octets"):
        take(Path("x" * (NAME_OCTETS_MAX + 1)), NO_GROUP)


def test_octets_count_and_not_characters(path: Path) -> None:
    (fault,) = faults(Path("ä" * 54), own_folder=Path())
    assert "108 octets" in fault


def test_a_folder_that_is_missing_or_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder, why in (("missing", "No such file"), ("file", "Not a directory")):
        (fault,) = faults(tmp_path / folder / "s", own_folder=tmp_path)
        assert why in fault
    assert faults(tmp_path / "new" / "s", own_folder=tmp_path / "new") == []


def test_the_folder_of_the_system_is_made_for_all_to_look_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    monkeypatch.setattr(local_socket, "SYSTEM_FOLDER", folder)
    assert faults(folder / "s", own_folder=tmp_path) == []
    assert not folder.exists()
    before = os.umask(0o077)
    try:
        give_up(take(folder / "s", NO_GROUP))
    finally:
        os.umask(before)
    assert mode(folder) == 0o755


def test_a_file_that_has_come_in_its_place_is_not_removed(path: Path) -> None:
    taken = take(path, NO_GROUP)
    path.unlink()
    path.write_text("mine")
    give_up(taken)
    assert path.read_text() == "mine"
