"""What became of a commit whose answer did not come, because the wait or the session ended."""

from __future__ import annotations

import threading
import time

from console.client.session import Client, Gone, ServerErrors
from console.shell.commands.requests import Recorded, commit_of, owner_of_confirmed
from console.shell.shell import Shell

DECIDED_WITHIN_S = 30.0
LOOK_AGAIN_S = 0.3
_NOT_YET = (
    "the history has none of the commit so far: if the server is still looking at it, 'show history' tells "
    "what becomes of it"
)


def tell(
    shell: Shell, session_id: int, since: int, *, is_over: bool, answered: bool = False
) -> Recorded | None:
    """Look in the history for a commit of ``session_id`` after the commit ``since``, and say what it is.

    ``is_over``: the session has ended, so what waits for it to be confirmed is about to be taken back.
    ``answered``: the server is done with it. Returns it; None if it is not found, or nothing can be asked.
    """
    try:
        other = shell.client.another()
    except Gone:
        shell.out.warn(
            "whether the commit was carried out is not known: 'show history' tells, once you are in again"
        )
        return None
    try:
        with shell.out.progress("looking what became of the commit"):
            waits = not is_over and owner_of_confirmed(other) == session_id
            found = _decided(other, session_id, since) if is_over else commit_of(other, session_id, since)
        decided = found is not None or is_over or answered
        shell.out.warn(in_words(found, waits=waits) if decided else _NOT_YET)
        return found
    except (Gone, ServerErrors) as problem:
        shell.out.warn(f"whether the commit was carried out cannot be looked up: {problem}")
        return None
    finally:
        other.close()


def _decided(client: Client, session_id: int, since: int) -> Recorded | None:
    """Return the commit once the server has done with it what the end of its session brings about."""
    deadline_s = time.monotonic() + DECIDED_WITHIN_S
    while True:
        # In this order: what is taken back between the two is seen as taken back.
        waits = owner_of_confirmed(client) == session_id
        found = commit_of(client, session_id, since)
        under_way = waits or (found is not None and found.outcome == "applying")
        if not under_way or time.monotonic() >= deadline_s:
            return found
        threading.Event().wait(LOOK_AGAIN_S)


def in_words(found: Recorded | None, *, waits: bool = False) -> str:
    """Return what became of a commit; ``waits``: a confirmed commit of its session is not confirmed yet."""
    if found is None:
        return "the commit was not carried out (or changed nothing): the history has none of it"
    number = found.number
    if found.taken_back_by:
        back = found.taken_back_by
        return f"commit {number} was taken back by commit {back} ('rollback {number}' loads it again)"
    if found.outcome == "committed" and found.cause == "confirmed-commit" and waits:
        done = f"commit {number} was carried out, and is in force"
        return f"{done}; it is taken back unless 'commit' confirms it"
    if found.outcome == "committed":
        return f"commit {number} was carried out, and is in force"
    if found.outcome == "applying":
        return f"commit {number} is being carried out: 'show history {number}' tells what becomes of it"
    return f"commit {number} was not carried out: {found.reason or found.outcome}"
