"""What became of a commit whose answer did not come, because the wait or the session ended."""

from __future__ import annotations

from console.client.session import Gone, ServerErrors
from console.shell.commands.requests import Recorded, commit_of
from console.shell.shell import Shell


def tell(shell: Shell, session_id: int, since: int) -> None:
    """Look in the history for a commit of ``session_id`` after the commit ``since``, and say what it is."""
    try:
        other = shell.client.another()
    except Gone:
        shell.out.warn(
            "whether the commit was carried out is not known: 'show history' tells, once you are in again"
        )
        return
    try:
        shell.out.warn(in_words(commit_of(other, session_id, since)))
    except (Gone, ServerErrors) as problem:
        shell.out.warn(f"whether the commit was carried out cannot be looked up: {problem}")
    finally:
        other.close()


def in_words(found: Recorded | None) -> str:
    if found is None:
        return "the commit was not carried out (or changed nothing): the history has none of it"
    number = found.number
    if found.taken_back_by:
        back = found.taken_back_by
        return f"commit {number} was taken back by commit {back} ('rollback {number}' loads it again)"
    if found.outcome == "committed":
        return f"commit {number} was carried out, and is in force"
    if found.outcome == "applying":
        return f"commit {number} is being carried out: 'show history {number}' tells what becomes of it"
    return f"commit {number} was not carried out: {found.reason or found.outcome}"
