"""A confirmed commit that waits for this session: asked of the server, and never guessed.

It may end without a word to the session that made it: its time is over, or a recovery user cancels it.
"""

from __future__ import annotations

from console.client.connection import Connection
from console.shell.commands.requests import Recorded, commit_named, newest_commit, owner_of_confirmed
from console.shell.editing import Editing

_WHY = {"timeout": "nobody confirmed it in time", "cancel": "it was cancelled"}


def look(editing: Editing) -> str:
    """Return in words how our confirmed commit has ended, if it has since it was looked at last; else ""."""
    if editing.pending is None:
        return ""
    told = ended(editing.client, editing.pending, editing.client.session_id)
    if told:
        editing.pending, editing.ended = None, told
    return told


def ended(client: Connection, commit: int, session_id: int) -> str:
    """Return in words how the confirmed ``commit`` of ``session_id`` has ended; "" while it waits.

    ``commit``: 0 if the history has no number for it. Who may not read the history is told nothing.
    """
    if owner_of_confirmed(client) == session_id or not newest_commit(client):
        return ""
    found = commit_named(client, commit) if commit else None
    if found is None:
        return "the confirmed commit does not wait any more"
    return taken_back(client, found) or f"commit {commit} has been confirmed already"


def taken_back(client: Connection, commit: Recorded | None) -> str:
    """Return in words by whom ``commit`` was taken back, and why; "" if it was not."""
    if commit is None or not commit.taken_back_by:
        return ""
    back = commit_named(client, int(commit.taken_back_by))
    told = f"commit {commit.number} was taken back by commit {commit.taken_back_by}"
    if back is None:
        return told
    why = back.comment.partition(": ")[2]
    by = f", by {back.user} in session {back.session_id}" if back.session_id else ""
    if why == "cancel" and back.session_id == commit.session_id:
        return f"{told} (its session cancelled it, or ended)"
    return f"{told} ({_WHY.get(why, why) or 'a confirmed commit ended'}{by})"
