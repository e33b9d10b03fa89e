"""Files of known hosts, as OpenSSH and people write them."""

from __future__ import annotations

from pathlib import Path

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paramiko.hostkeys import HostKeys

from console.client.known_hosts import KnownHosts
from console.client.session import Gone

AT = "[Gw.example.org]:830"
KEY = paramiko.ECDSAKey.generate()
OTHER = paramiko.ECDSAKey.generate()
TEXT = f"{KEY.get_name()} {KEY.get_base64()}"
OTHERS = f"{OTHER.get_name()} {OTHER.get_base64()}"
HASHED = HostKeys.hash_host(AT.lower())


def known(*files: Path) -> tuple[bool, bool]:
    """Return whether KEY is known as that of AT, and whether it is revoked."""
    keys = HostKeys()
    found = KnownHosts(keys, AT)
    found.take(*files)
    return keys.check(AT, KEY), KEY in found.revoked


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([f"[gw.example.org]:830 {TEXT}"], (True, False)),
        ([f"[gw.example.org]:830 {TEXT} admin@gw"], (True, False)),
        ([f"gw.example.org {TEXT}"], (False, False)),
        ([f"[gw.example.org]:22 {TEXT}"], (False, False)),
        ([f"{HASHED} {TEXT}"], (True, False)),
        ([f"other,[*.EXAMPLE.org]:8?0 {TEXT}"], (True, False)),
        ([f"*,![gw.example.org]:830 {TEXT}"], (False, False)),
        (["", "# gw", "gw", f"@cert-authority * {OTHERS}", f"* x {TEXT}", f"* {TEXT}"], (True, False)),
        (["h ssh-ed25519 AAAA", "|1|x ssh-ed25519 AAAA", f"|1|x|y|z {TEXT}", f"* {TEXT}"], (True, False)),
        ([f"@cert-authority * {TEXT}"], (False, False)),
        ([f"* {TEXT}", f"@revoked * {TEXT}"], (False, True)),
        ([f"* {TEXT}", f"@revoked other {TEXT}"], (True, False)),
        ([f"* {OTHERS}", f"@revoked * {OTHERS}", f"* {TEXT}"], (True, False)),
        ([f"* {OTHERS}", f"* {TEXT}"], (False, False)),
    ],
)
def test_what_is_known_of_a_server(tmp_path: Path, lines: list[str], expected: tuple[bool, bool]) -> None:
    (tmp_path / "known").write_text("".join(f"{line}\n" for line in lines))
    assert known(tmp_path / "none", tmp_path / "known") == expected


@given(st.lists(st.lists(st.sampled_from(["|1|a|b", "*", "@revoked", *TEXT.split(), "AAAA", "\x80", "a=="]))))
def test_any_line_is_read_or_left_out(words: list[list[str]]) -> None:
    for line in words:
        KnownHosts(HostKeys(), AT)._of(" ".join(line))


def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(Gone, match="cannot be read: Is a directory"):
        known(tmp_path)
