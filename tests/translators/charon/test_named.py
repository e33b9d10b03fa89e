"""Options that name what charon cannot be run with, or reached at."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from translators.strongswan.charon.named import faults
from translators.strongswan.options import Options


def test_a_program_and_plugins_that_are_there_are_no_fault(tmp_path: Path) -> None:
    binary = tmp_path / "charon"
    binary.touch(0o755)
    (tmp_path / "libstrongswan-nonce.so").touch()
    assert faults(Options(charon_binary=binary, plugin_dir=tmp_path), "managed") == []
    assert faults(Options(), "managed") == []


@pytest.mark.parametrize(
    ("key", "path", "reason"),
    [
        ("charon-binary", "nope", "No such file or directory"),
        ("charon-binary", "text", "Permission denied"),
        ("charon-binary", "text/x", "Not a directory"),
        ("charon-binary", "folder", "it is no program"),
        ("plugin-dir", "nope", "No such file or directory"),
        ("plugin-dir", "text", "Not a directory"),
        ("plugin-dir", "folder", "there is no plugin of strongSwan in it"),
    ],
)
def test_what_a_charon_of_our_own_cannot_be_run_with_is_named(
    tmp_path: Path, key: str, path: str, reason: str
) -> None:
    (tmp_path / "text").touch(0o644)
    (tmp_path / "folder").mkdir()
    options = Options.parse({key: str(tmp_path / path)})
    assert faults(options, "managed") == [f"[translator.strongswan] {key}: {tmp_path / path}: {reason}"]
    assert faults(options, "external") == faults(options, "none") == []


def test_where_a_charon_of_the_system_cannot_be_reached_is_named(tmp_path: Path) -> None:
    there = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(there))
    for path in (there, tmp_path / "comes-later"):
        assert faults(Options(vici_socket=path, error_notify_socket=path), "external") == []
    (tmp_path / "file").touch()
    long = tmp_path / ("x" * 90)
    options = Options(vici_socket=tmp_path / "file", error_notify_socket=long)
    assert faults(options, "external") == [
        f"[translator.strongswan] vici-socket: {tmp_path / 'file'}: it is no socket",
        f"[translator.strongswan] error-notify-socket: {long}: the name is too long for a socket",
    ]
    assert faults(options, "managed") == []
