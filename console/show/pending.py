"""A confirmed commit that waits (RFC 6241 section 8.4): which commits that are, and until when. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from console.client.session import Element
from console.show.data import Wanted, first, number, text
from console.show.times import clock, when

LEAFS: Wanted = {
    **dict.fromkeys(("session-id", "user", "persistent", "rollback-to", "remaining-s")),
    "verify": {"commit": None, "remaining-s": None},
}


@dataclass(frozen=True, slots=True)
class Pending:
    """``kept``: the newest commit that a rollback keeps. ``until``: None if that may not be read.

    ``session``: the one that takes it back when it ends, "" for none. ``verified``: it confirms itself.
    """

    kept: int
    until: datetime | None
    session: str = ""
    verified: bool = False

    def has(self, commit: Element) -> bool:
        """Return whether ``commit`` is taken back unless something confirms it."""
        in_force = text(commit, "outcome") == "committed" and not text(commit, "taken-back-by")
        return in_force and (number(commit, "id") or 0) > self.kept

    def cell(self, now: datetime, zone: tzinfo | None = None) -> str:
        """Return what a table has room for: "to be confirmed by 12:05:00"."""
        what = "being verified" if self.verified else "to be confirmed"
        if self.until is None:
            return what
        day, _, hour = clock(self.until.isoformat(), zone).partition(" ")
        today = clock(now.isoformat(), zone).startswith(day)
        return f"{what}{', until' if self.verified else ' by'} {hour if today else f'{day} {hour}'}"

    def in_words(self, now: datetime, zone: tzinfo | None = None) -> str:
        until = "" if self.until is None else when(self.until.isoformat(timespec="seconds"), now, zone)
        ends = f", or when session {self.session} ends" if self.session else ""
        if self.verified:
            last = f", {until} at the latest" if until else ""
            return f"until everything works that it is about{last}; else it is taken back{ends}"
        by = f" by {until}" if until else ""
        return f"to be confirmed{by}; else it is taken back{' then' if until else ''}{ends}"


def pending_of(agent: Element | None, now: datetime) -> Pending | None:
    """Return the confirmed commit of which ``agent`` tells, None if it tells of none."""
    found = first(agent, "confirmed-commit")
    kept = number(found, "rollback-to")
    if found is None or kept is None:  # who may not read it does not know which commits are meant
        return None
    left_s = number(found, "remaining-s")
    return Pending(
        kept=kept,
        until=None if left_s is None else now + timedelta(seconds=left_s),
        session="" if text(found, "persistent") == "true" else text(found, "session-id"),
        verified=first(found, "verify") is not None,
    )
