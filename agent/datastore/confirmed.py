"""Confirmed commit as a state table (RFC 6241 section 8.4): no clock, no file, no task; time comes in.

The window opens with the first confirmed commit and remembers the state before it. Follow-ups change who may
confirm and until when, never what a rollback goes back to. It closes when it is confirmed, or when running
is rolled back: cancelled, too late, its session gone, or the server restarted.

                     | a confirmed   | a plain   | cancel    | too late  | session   | server
                     | commit        | commit    |           |           | ended     | started
    no window        | opens         | (commit)  | refused   | -         | -         | -
    window, ours     | follows up    | confirms  | rolls back| rolls back| rolls back| rolls back
    window, not ours | refused       | refused   | refused   |           | (nothing) |

With <persist> the window is "ours" for whoever gives the persist-id; without, for its session only. For a
cancel without persist-id it is, besides, that of every recovery session.

A commit with <verify> opens a window that decides by itself; it is open like any other until then:

                     | all of it     | not all of it works
                     | works         | in time
    window, verify   | confirmed     | rolls back

What was asked for with the newest commit of a sequence counts, here as for the time to confirm: one without
<verify> waits for a client. What has to work, if it is not named, is all that the sequence has touched. With
nothing to wait for, such a commit is a plain one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from math import ceil

from agent.errors import BadElement, ErrorType, InUse, InvalidParameter, OperationFailed, RpcError

CONFIRM_TIMEOUT_DEFAULT_S = 600
NAMED_MAX = 3
"""Entries that the history names as the reason of one rollback."""
WHY_NOT = ": verify: "
"""Stands in the comment of a rollback before what did not work, and why: that tells of state."""


@dataclass(frozen=True, slots=True)
class Verify:
    """``<verify>``: what has to work within ``within_s`` seconds after the commit is in force.

    ``entries``: paths of list entries; None: all that was touched and is to work.
    """

    within_s: int
    entries: tuple[str, ...] | None = None

    def written(self) -> str:
        """Return it as the history keeps it."""
        return json.dumps({"within-s": self.within_s, "entries": self.entries})

    @classmethod
    def read(cls, text: str) -> Verify:
        """Return what ``written`` wrote. Raises: ValueError, KeyError, TypeError: that is something else."""
        content = json.loads(text)
        return cls(int(content["within-s"]), tuple(map(str, content["entries"] or ())))


@dataclass(frozen=True, slots=True)
class Window:
    """An open window of confirmation.

    ``rollback_to``: id of the newest commit that a rollback keeps (0: none). ``deadline_s``: on the clock of
    whoever opened it. ``persist``: its token, None if it belongs to ``session_id`` alone. ``verify``: what
    it confirms itself by, with the entries named. ``touched``: paths of the entries that the sequence has
    touched and that were to work; a server that starts has no use for them.
    """

    rollback_to: int
    timeout_s: int
    deadline_s: float
    session_id: int
    user: str
    source: str
    persist: str | None = field(default=None, repr=False)
    verify: Verify | None = None
    touched: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Request:
    """The confirmed-commit parameters of ``<commit>``."""

    confirmed: bool = False
    timeout_s: int = CONFIRM_TIMEOUT_DEFAULT_S
    persist: str | None = field(default=None, repr=False)
    persist_id: str | None = field(default=None, repr=False)
    verify: Verify | None = None


def timeout_of(given_s: int | None, verify: Verify | None) -> int:
    """Return the time to confirm of a commit: the one that was given, or long enough for ``verify``."""
    if given_s is not None:
        return given_s
    return max(CONFIRM_TIMEOUT_DEFAULT_S, verify.within_s if verify is not None else 0)


def refusal(window: Window | None, request: Request, session_id: int, now_s: float) -> RpcError | None:
    """Return why a ``<commit>`` with these parameters must be refused, None if it may go on."""
    if request.persist is not None and not request.confirmed:
        return BadElement(
            "persist", "<persist> belongs to a confirmed commit: add <confirmed/>", type=ErrorType.PROTOCOL
        )
    if request.verify is not None and (problem := _verify_refusal(request, request.verify)):
        return problem
    if window is None:
        return None if request.persist_id is None else _wrong_id("no confirmed commit is pending")
    if too_late(window, now_s):
        return InUse("the time to confirm is over: it is being rolled back", type=ErrorType.PROTOCOL)
    return _not_ours(window, request.persist_id, session_id, now_s)


def _verify_refusal(request: Request, verify: Verify) -> RpcError | None:
    if not request.confirmed:
        return BadElement(
            "verify", "<verify> belongs to a confirmed commit: add <confirmed/>", type=ErrorType.PROTOCOL
        )
    if verify.within_s > request.timeout_s:
        return InvalidParameter(
            "within-s",
            f"within-s ({verify.within_s}) is more than confirm-timeout ({request.timeout_s}): it would be "
            "rolled back before; leave confirm-timeout out, or make it as long at least",
        )
    return None


def cancel_refusal(
    window: Window | None, persist_id: str | None, session_id: int, *, now_s: float, recovery: bool = False
) -> RpcError | None:
    """Return why a ``<cancel-commit>`` must be refused (RFC 6241 section 8.4.4.1), None if it may go on.

    ``recovery``: it comes from a recovery session (RFC 8341 section 3.2.3), which needs no token: nobody
    else could end what somebody holds everybody up with.
    """
    if window is None:
        if persist_id is not None:
            return _wrong_id("no confirmed commit is pending")
        return OperationFailed("no confirmed commit is pending", type=ErrorType.PROTOCOL)
    if recovery and persist_id is None:
        return None
    return _not_ours(window, persist_id, session_id, now_s)


def after_commit(
    window: Window | None,
    request: Request,
    *,
    latest: int,
    session_id: int,
    user: str,
    source: str,
    now_s: float,
    touched: frozenset[str] = frozenset(),
) -> Window | None:
    """Return the window once a commit that was not refused is in force.

    ``latest``: id of the newest commit before it, the rollback point if this one opens the window.
    ``touched``: the entries that the sequence has touched, this commit included, and that are to work.
    """
    verify = _named(request.verify, touched)
    if not request.confirmed or (verify is not None and not verify.entries):
        return None
    opened = Window(
        rollback_to=latest,
        timeout_s=request.timeout_s,
        deadline_s=now_s + request.timeout_s,
        session_id=session_id,
        user=user,
        source=source,
        persist=request.persist,
        verify=verify,
        touched=touched,
    )
    # The rollback point stays the state before the first commit of the sequence (RFC 6241 section 8.4.1).
    return opened if window is None else replace(opened, rollback_to=window.rollback_to)


def _named(verify: Verify | None, touched: frozenset[str]) -> Verify | None:
    if verify is None or verify.entries is not None:
        return verify
    return replace(verify, entries=tuple(sorted(touched)))


def too_late(window: Window, now_s: float) -> bool:
    return now_s >= window.deadline_s


def ends_with(window: Window, session_id: int) -> bool:
    """True if the window's changes must not outlive the session ``session_id``."""
    return window.persist is None and window.session_id == session_id


def _not_ours(window: Window, persist_id: str | None, session_id: int, now_s: float) -> RpcError | None:
    """Return why the window belongs to others, None if it is ours."""
    if persist_id is None:
        if ends_with(window, session_id):
            return None
        return InUse(pending_of_another(window, now_s), type=ErrorType.PROTOCOL)
    if window.persist is None:
        return _wrong_id("the pending confirmed commit was made without <persist>")
    return None if persist_id == window.persist else _wrong_id("it is not the one given as <persist>")


def _wrong_id(reason: str) -> RpcError:
    return InvalidParameter("persist-id", f"the persist-id does not fit: {reason}")


def pending_of_another(window: Window, now_s: float) -> str:
    """Return whose the window is, for how long, and what one who is held up by it can do."""
    left_s = max(0, ceil(window.deadline_s - now_s))
    persistent, ways = "", "wait for its end"
    if window.persist is not None:
        persistent, ways = "persistent ", "give its persist-id, wait for its end"
    return (
        f"session {window.session_id} of {window.user} has a {persistent}confirmed commit pending for "
        f"{left_s} s: {ways}, or have a recovery user cancel it with <cancel-commit/>"
    )
