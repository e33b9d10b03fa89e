"""The socket of this machine, and what is said when there is no way to it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from console.client import unix
from console.client.session import Gone
from console.client.unix import UnixStream


def test_no_socket_says_that_no_agent_runs_and_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(Gone, match=r"no agent runs here: .*systemctl start yangswan.*--socket.*--host"):
        UnixStream(tmp_path / "none")


def test_a_socket_that_was_left_says_that_no_agent_runs(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "s"))
    with pytest.raises(Gone, match=r"no agent runs: nobody listens"):
        UnixStream(tmp_path / "s")


@pytest.mark.parametrize(
    ("mode", "group", "why"),
    [
        (0o660, "adm", r"you are not in the group adm \(sudo usermod -aG adm \S+, and log in again\)"),
        (0o600, "adm", r"only root may use .*; use sudo"),
    ],
)
def test_without_permission_the_group_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, group: str, why: str
) -> None:
    path = tmp_path / "s"
    path.touch()
    path.chmod(mode)

    class Forbidding(socket.socket):
        def connect(self, address: object) -> None:
            raise PermissionError(13, "Permission denied")

    found = path.stat()
    monkeypatch.setattr(unix.socket, "socket", Forbidding)
    monkeypatch.setattr(Path, "stat", lambda self: _Owned(found.st_mode))
    monkeypatch.setattr(unix, "_group", lambda gid: group)
    with pytest.raises(Gone, match=why):
        UnixStream(path)


class _Owned:
    """A file of root and a group that is not root's."""

    st_uid = 0
    st_gid = 4

    def __init__(self, mode: int) -> None:
        self.st_mode = mode


def test_a_path_that_is_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(Gone, match="too long"):
        UnixStream(tmp_path / ("x" * 200))
