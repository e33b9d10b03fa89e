"""What the history records: who commits, and the units of a commit."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address


@dataclass(frozen=True, slots=True)
class UnitChange:
    """One unit of a commit: XML of it inside its containers; empty where it does not exist."""

    path: str
    before: bytes
    after: bytes


class Cause(StrEnum):
    """What caused a commit, in the words of our YANG module."""

    CLIENT = "client"
    CONFIRMED_COMMIT = "confirmed-commit"
    ROLLBACK = "rollback"
    START = "start"
    REPAIR = "repair"
    IMPORT = "import"


def whence(source: str) -> str:
    """Return from where a session came, in words; ``source`` is "" where it came through the socket."""
    return f"from {source}" if source else "through the socket"


@lru_cache(1024)
def address_of(source: str) -> str:
    """Return the address of ``source`` as the models have it: "" if it has none, and without a zone, whose
    name on Linux may have characters that inet:ip-address has not ("fe80::1%br-lan"; RFC 4007 section 11)."""
    try:
        return str(ip_address(source.partition("%")[0]))
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """Who commits: user name, session-id (0: the agent itself), source address ("" where there is none), free
    comment; and why."""

    user: str
    session_id: int
    source: str
    comment: str = ""
    cause: Cause = Cause.CLIENT

    @property
    def occasion(self) -> str:
        """From where it was committed, or why the agent itself did it, in words."""
        if self.session_id:
            return f"session {self.session_id} {whence(self.source)}"
        return self.comment or "by itself"

    @property
    def said(self) -> str:
        """The comment for the log, so that what a client says cannot be taken for what the agent says."""
        quoted = json.dumps(self.comment, ensure_ascii=False)
        by_client = self.session_id and self.cause in (Cause.CLIENT, Cause.CONFIRMED_COMMIT)
        return f"comment {quoted}" if by_client else self.comment


SERVER = CommitInfo("yangswan", 0, "", cause=Cause.START)
"""Who commits when the server does it by itself; unless it says otherwise, as a part of its start."""


def recorded(commit_id: int, path: object, before: object, after: object) -> UnitChange:
    """Return what a row holds; SQLite keeps any kind of value in any column.

    Raises:
        sqlite3.DatabaseError: it holds no unit.
    """
    if isinstance(path, str) and isinstance(before, bytes) and isinstance(after, bytes):
        return UnitChange(path, before, after)
    name = path if isinstance(path, str) else "a path"
    raise sqlite3.DatabaseError(f"{name} of commit {commit_id} is damaged: it has not the kinds of a row")


def timestamp() -> str:
    """Return the time of now as a commit records it (UTC, milliseconds)."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
