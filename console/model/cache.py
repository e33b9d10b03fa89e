"""Texts of YANG modules, kept between sessions: below the user's cache folder, for nobody else to read.

What is kept is only ever used for a server that says the same of itself, word by word, as the one that it
came from. A file that is damaged, foreign, or readable to others is as good as none, and so is a folder
that cannot be written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

LARGEST_OCTETS = 64 * 2**20
MOST_KEPT = 12
"""Servers, by what they say. The ones used last stay."""

MOST_AGE_S = 24 * 3600
"""A module may change without a new revision where it is being written; a day later that is seen."""

_MAGIC = b"yangswan modules 1 "


def folder() -> Path | None:
    """Return where the cache is, None if there is no home for one."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # what is not absolute is to be ignored, the specification says
        home = os.environ.get("HOME", "")
        if not os.path.isabs(home):
            return None
        base = os.path.join(home, ".cache")
    return Path(base) / "yangswan" / "modules"


class Cache:
    """The cache in ``place``; without one it keeps nothing."""

    def __init__(self, place: Path | None) -> None:
        self._place = place

    def load(self, said: str) -> Mapping[str, str] | None:
        """Return the modules of the server that says ``said``, None if they are not here."""
        if self._place is None or not self._is_ours():
            return None
        path = self._place / _name(said)
        try:
            content = _read(path)
        except OSError:
            return None
        modules = _decoded(content, said)
        with contextlib.suppress(OSError):
            if modules is None:
                path.unlink()
            else:
                os.utime(path)  # it was used
        return modules

    def save(self, said: str, modules: Mapping[str, str]) -> None:
        """Keep ``modules`` of the server that says ``said``; that it cannot be done is no error."""
        content = _encoded(said, modules)
        if self._place is None or len(content) > LARGEST_OCTETS:
            return
        with contextlib.suppress(OSError):
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_ours():
                return
            _write(self._place, _name(said), content)
            self._prune()

    def _is_ours(self) -> bool:
        """Return whether the folder is the user's own, and nobody else may write or look into it."""
        if self._place is None:
            return False
        try:
            status = os.lstat(self._place)
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
                return False
            if status.st_mode & 0o077:
                os.chmod(self._place, 0o700)
            return True
        except OSError:
            return False

    def _prune(self) -> None:
        assert self._place is not None
        kept = sorted(self._place.iterdir(), key=lambda path: path.lstat().st_mtime_ns, reverse=True)
        for path in kept[MOST_KEPT:]:
            path.unlink(missing_ok=True)


def _name(said: str) -> str:
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def _encoded(said: str, modules: Mapping[str, str]) -> bytes:
    body = json.dumps({"said": said, "at": int(time.time()), "modules": dict(modules)}).encode()
    return _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _decoded(content: bytes, said: str) -> Mapping[str, str] | None:
    head, _, body = content.partition(b"\n")
    if head != _MAGIC + hashlib.sha256(body).hexdigest().encode():
        return None
    try:
        found = json.loads(body)
        modules = found["modules"]
        fresh = 0 <= time.time() - found["at"] < MOST_AGE_S
        whole = (
            fresh
            and found["said"] == said
            and all(isinstance(name, str) and isinstance(text, str) for name, text in modules.items())
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return dict(modules) if whole else None


def _read(path: Path) -> bytes:
    """Return the content of a file of the user's own, of no more than ``LARGEST_OCTETS``."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as file:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            raise OSError("it is no file of this user")
        content = file.read(LARGEST_OCTETS + 1)
    return content if len(content) <= LARGEST_OCTETS else b""


def _write(place: Path, name: str, content: bytes) -> None:
    """Write a file that is there whole or not at all."""
    number, temporary = tempfile.mkstemp(prefix=".", dir=place)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        os.replace(temporary, place / name)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
