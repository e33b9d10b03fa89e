"""A key to log in with at a peer that makes none itself."""

from __future__ import annotations

from pathlib import Path

import asyncssh

USER_KEY = "user_key"


def make_key(folder: Path) -> Path:
    """Write a key and, as ``authorized_keys``, its public half; return the key's file."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    path = folder / USER_KEY
    path.touch(mode=0o600)
    key.write_private_key(path)
    key.write_public_key(folder / "authorized_keys")
    return path
