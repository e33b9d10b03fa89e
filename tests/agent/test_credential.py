"""The host key that systemd gives: used as it is, refused where others may read it or where it is none."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import asyncssh
import pytest

from agent import credential
from agent.credential import GIVE_ANOTHER, faults, host_key
from agent.data_folder import CREDENTIAL_TRACE, Lost, Unused, may_begin, refuse_lost, refuse_traceless
from agent.first_start import keep_trace
from agent.settings import Settings
from agent.transport.files import write_key_pair

ANOTHER = os.geteuid() + 1000


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "credentials" / "host_key"
    file.parent.mkdir()
    write_key_pair(file, "of the site")
    file.chmod(0o400)
    return file


def test_it_is_found_where_systemd_puts_it(key: Path, tmp_path: Path) -> None:
    assert host_key({"CREDENTIALS_DIRECTORY": str(key.parent)}) == key
    assert host_key({"CREDENTIALS_DIRECTORY": str(tmp_path)}) is None
    assert host_key({"CREDENTIALS_DIRECTORY": ""}) is None
    assert host_key({}) is None


def test_a_key_of_its_user_alone_is_used(key: Path) -> None:
    assert faults(key) == []


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o444, 0o420, 0o402])
def test_one_that_others_may_read_or_write_is_refused(key: Path, mode: int) -> None:
    key.chmod(mode)
    assert faults(key) == [f"the credential {key} may be read by others (mode {mode:04o}): {GIVE_ANOTHER}"]


def acl(*entries: tuple[int, int, int]) -> bytes:
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NOBODY = 0xFFFFFFFF
OWNER, GROUP, MASK, OTHER = (1, 4, NOBODY), (4, 0, NOBODY), (0x10, 4, NOBODY), (0x20, 0, NOBODY)


@pytest.mark.parametrize(
    ("granted", "who"),
    [
        ((OWNER, (2, 4, os.geteuid()), GROUP, MASK, OTHER), None),  # as systemd lets the service's user in
        ((OWNER, (2, 4, ANOTHER), GROUP, MASK, OTHER), f"user {ANOTHER}"),
        ((OWNER, (2, 4, ANOTHER), GROUP, (0x10, 0, NOBODY), OTHER), None),
        ((OWNER, (4, 4, NOBODY), MASK, OTHER), "a group"),
        ((OWNER, GROUP, (8, 4, 7), MASK, OTHER), "a group"),
    ],
)
def test_an_access_control_list_is_read_as_such(
    key: Path, granted: tuple[tuple[int, int, int], ...], who: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bits of the group are then the mask: 0440 for a file that only the service's user may read."""
    key.chmod(0o440)
    monkeypatch.setattr(os, "getxattr", lambda _file, _name: acl(*granted))
    assert faults(key) == ([f"the credential {key} may be read by {who}: {GIVE_ANOTHER}"] if who else [])
    key.chmod(0o444)
    assert len(faults(key)) == 1


WITH_A_PASSPHRASE = asyncssh.generate_private_key("ssh-ed25519").export_private_key("pkcs8-pem", "not said")


@pytest.mark.parametrize("content", [b"", b"no key", b"ssh-ed25519 AAAA", WITH_A_PASSPHRASE])
def test_one_that_is_no_key_is_refused_with_what_to_do(key: Path, content: bytes) -> None:
    key.chmod(0o600)
    key.write_bytes(content)
    (sentence,) = faults(key)
    assert sentence.startswith(f"the host key {key} cannot be read: ")
    assert sentence.endswith(GIVE_ANOTHER)


def test_what_is_no_file_or_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert faults(tmp_path) == [f"the credential {tmp_path} is no file: {GIVE_ANOTHER}"]
    link = tmp_path / "host_key"
    link.symlink_to("nowhere")
    assert host_key({"CREDENTIALS_DIRECTORY": str(tmp_path)}) == link
    assert faults(link) == [f"the credential {link} cannot be read: No such file or directory"]

    def refuse(_file: Path) -> os.stat_result:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(credential.os, "stat", refuse)
    assert faults(link) == [f"the credential {link} cannot be read: Permission denied"]


def test_its_public_half_shows_that_there_was_a_history(key: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", credential=key)
    settings.data_dir.mkdir()
    with pytest.raises(Unused):
        refuse_traceless(settings.data_dir)
    keep_trace(settings)
    assert [file.name for file in settings.data_dir.iterdir()] == [CREDENTIAL_TRACE]
    assert (settings.data_dir / CREDENTIAL_TRACE).read_text().startswith("ssh-ed25519 ")
    assert not may_begin(settings.data_dir)
    refuse_traceless(settings.data_dir)
    with pytest.raises(Lost, match=f"{CREDENTIAL_TRACE} shows that it was not"):
        refuse_lost(settings.data_dir)


def test_another_key_than_at_the_last_start_is_said(
    key: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(data_dir=tmp_path, credential=key)
    keep_trace(settings)
    keep_trace(settings)
    assert caplog.text == ""
    key.unlink()
    write_key_pair(key, "another")
    keep_trace(settings)
    assert "the host key is another one than at the last start" in caplog.text
    caplog.clear()
    keep_trace(settings)
    keep_trace(Settings(data_dir=tmp_path))
    assert caplog.text == ""


def test_a_folder_that_takes_nothing_is_no_reason_not_to_serve(
    key: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep_trace(Settings(data_dir=tmp_path / "missing", credential=key))
    assert f"{tmp_path / 'missing' / CREDENTIAL_TRACE} could not be written" in caplog.text
