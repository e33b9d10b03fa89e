"""Files that are there whole or not at all, whatever ends the program."""

from __future__ import annotations

import os
from pathlib import Path

import asyncssh


def write_durably(file: Path, content: bytes, mode: int) -> None:
    """Write ``file`` with permission bits ``mode``; after a crash it is whole or missing."""
    draft = file.with_name(file.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    draft.replace(file)


def write_key_pair(file: Path, comment: str) -> None:
    """Make an ed25519 key: the private one in ``file``, the public one beside it as ``.pub``."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
    write_durably(file.with_name(file.name + ".pub"), key.export_public_key("openssh"), 0o644)
    write_durably(file, key.export_private_key("openssh"), 0o600)


def public_key(file: Path) -> tuple[str, str]:
    """Return the algorithm of the private key in ``file``, and its public half in base64 (RFC 4253, 6.6)."""
    algorithm, key, *_ = asyncssh.read_private_key(file).export_public_key().decode().split()
    return algorithm, key
