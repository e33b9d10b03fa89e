"""Clients of the UNIX socket, as users of this machine."""

from __future__ import annotations

import importlib
import os
import pwd
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ncclient import manager

ROOT_ONLY = "needs root, to be somebody else"
# ncclient does it with its first session: as somebody who may not look into the environment of the tests.
importlib.import_module("ncclient.devices.default")


@contextmanager
def acting_as(user: str) -> Iterator[None]:
    """Be another user meanwhile, with his own group alone; who runs the tests stays root."""
    account = pwd.getpwnam(user)
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(account.pw_gid)
    os.seteuid(account.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@contextmanager
def connected(path: Path, user: str | None = None) -> Iterator[manager.Manager]:
    """A session of ncclient, of who runs the tests or of another user."""
    if user is None:
        session = manager.connect_uds(path=str(path))
    else:
        with acting_as(user):
            session = manager.connect_uds(path=str(path))
    try:
        yield session
    finally:
        if session.connected:
            session.close_session()


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """A folder with a short name that every user can look into."""
    with tempfile.TemporaryDirectory(prefix="yangswan-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
