"""``show sessions``: who is logged in, from where, and who holds a lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from console.client.session import Element
from console.grammar.command import Command
from console.shell.console import Console
from console.show.data import AGENT, MONITORING, every, first, number, subtree, text, top, tree
from console.show.layout import folded, table
from console.show.rfc7951 import as_json
from console.show.screen import width_of
from console.show.times import distance

COLUMNS = ("ID", "USER", "FROM", "OVER", "SINCE", "LOCKS")
CUTTABLE = (1, 2)


def show_sessions(console: Console, given: Mapping[str, str]) -> None:
    """Show the sessions; one's own has an asterisk."""
    state = tree(MONITORING, "netconf-state", {"sessions": None, "datastores": None})
    pending = tree(AGENT, "agent", {"confirmed-commit": None})
    data = console.client.get(subtree(state, pending))
    if console.out.as_json:
        console.out.json(as_json(data, console.schema))
        return
    own, now = console.client.session_id, datetime.now(UTC)
    console.out.text(page(data, own, now, width=width_of(console)))


def page(data: Element, own: int, now: datetime, *, width: int | None) -> str:
    """Return the table, and below it whose confirmed commit is pending."""
    state = top(data, MONITORING, "netconf-state")
    locks = locks_of(state)
    sessions = sorted(every(state, "sessions/session"), key=lambda one: number(one, "session-id") or 0)
    rows = [_row(one, own, locks, now) for one in sessions]
    lines = [table(COLUMNS, rows, width, CUTTABLE) if rows else "You may not read who is logged in."]
    if any(row[0].endswith("*") for row in rows):
        lines.append("* is this session")
    for said in _pending(first(top(data, AGENT, "agent"), "confirmed-commit")):
        lines += folded(said, width)
    return "\n".join(lines)


def locks_of(state: Element | None) -> dict[str, list[str]]:
    """Return the names of the datastores that each session has locked, by its id."""
    found: dict[str, list[str]] = {}
    for datastore in every(state, "datastores/datastore"):
        if owner := text(datastore, "locks/global-lock/locked-by-session"):
            found.setdefault(owner, []).append(text(datastore, "name"))
        for partial in every(datastore, "locks/partial-lock"):
            owner = text(partial, "locked-by-session")
            found.setdefault(owner, []).append(f"parts of {text(datastore, 'name')}")
    return found


def _row(one: Element, own: int, locks: Mapping[str, list[str]], now: datetime) -> tuple[str, ...]:
    number = text(one, "session-id")
    return (
        f"{number}*" if number == str(own) else number,
        text(one, "username"),
        text(one, "source-host") or "this machine",
        text(one, "transport").rpartition(":")[2].removeprefix("netconf-"),
        distance(text(one, "login-time"), now),
        ", ".join(locks.get(number, ())),
    )


def _pending(pending: Element | None) -> Iterator[str]:
    if pending is None:
        return
    yield ""
    user, session = text(pending, "user"), text(pending, "session-id")
    yield (
        f"A confirmed commit of {user} (session {session}) is pending: "
        f"rolled back in {text(pending, 'remaining-s')} s unless it is confirmed"
    )


COMMANDS = (
    Command(
        "show sessions",
        "who is logged in, from where, and who holds a lock",
        show_sessions,
        words={"sessions": "the NETCONF sessions of this server"},
        json=True,
    ),
)
