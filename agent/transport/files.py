"""Files that are there whole or not at all, whatever ends the program."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import asyncssh

log = logging.getLogger(__name__)


def write_durably(file: Path, content: bytes, mode: int) -> None:
    """Write ``file`` with permission bits ``mode``; after a crash it is whole or missing.

    Raises:
        OSError: it cannot be written; the error has its name.
    """
    draft = file.with_name(file.name + ".new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        draft.replace(file)
    except OSError as problem:  # a full disk is told by descriptor, which names nothing
        raise OSError(problem.errno, problem.strerror, str(file)) from problem


class Latest:
    """A file of which the latest content counts, written durably without keeping the event loop.

    What cannot be written is logged. Without a running loop it is written at once.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._waiting: bytes | None = None
        self._task: asyncio.Task[None] | None = None

    def write(self, content: bytes) -> None:
        """Have ``content`` written; one that waits still is left out."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._store(content)
            return
        self._waiting = content
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._store_all())

    async def written(self) -> None:
        """Return when nothing waits to be written."""
        if self._task is not None:
            await self._task

    async def _store_all(self) -> None:
        while self._waiting is not None:
            content, self._waiting = self._waiting, None
            await asyncio.get_running_loop().run_in_executor(None, self._store, content)

    def _store(self, content: bytes) -> None:
        try:
            write_durably(self._file, content, 0o600)
        except OSError as problem:
            log.error("%s cannot be written: %s", self._file, problem.strerror)


class DamagedKey(OSError):
    """A file holds no private key; the message says what and what to do."""


REMOVE = "remove it to have one made"
HOST_KEY = "host key"


def host_key(file: Path) -> asyncssh.SSHKey:
    """Return the key in ``file``; one is made (ed25519, mode 0600) if there is none.

    Raises:
        DamagedKey: what is there is no key.
        OSError: it cannot be read, or not be made.
    """
    if not file.exists():
        write_key_pair(file, "yangswan host key")
    return read_key(file)


def damaged(file: Path, instead: str = REMOVE, *, what: str = HOST_KEY) -> list[str]:
    """Return in a sentence why what is in ``file`` is no key, and what to do ``instead``; whether it can be
    read is not asked here."""
    try:
        if file.is_file():
            read_key(file, instead, what=what)
    except DamagedKey as problem:
        return [str(problem)]
    except OSError:
        pass
    return []


def read_key(file: Path, instead: str = REMOVE, *, what: str = HOST_KEY) -> asyncssh.SSHKey:
    """Return the key in ``file``; ``what``: as which it is told of.

    Raises:
        DamagedKey: what is there is no key; the message says what to do ``instead``.
        OSError: it cannot be read.
    """
    try:
        return asyncssh.read_private_key(str(file))
    except ValueError as problem:  # asyncssh has several, all of this kind
        raise DamagedKey(f"the {what} {file} cannot be read: {problem}; {instead}") from None


def write_key_pair(file: Path, comment: str) -> None:
    """Make an ed25519 key: the private one in ``file``, the public one beside it as ``.pub``."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
    write_durably(file.with_name(file.name + ".pub"), key.export_public_key("openssh"), 0o644)
    write_durably(file, key.export_private_key("openssh"), 0o600)


def public_key(file: Path) -> tuple[str, str]:
    """Return the algorithm of the private key in ``file``, and its public half in base64 (RFC 4253, 6.6)."""
    algorithm, key, *_ = asyncssh.read_private_key(file).export_public_key().decode().split()
    return algorithm, key
