"""``commit``, and what belongs to a confirmed commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from console.client.session import Gone, ServerErrors
from console.grammar.command import Argument, Command
from console.harmless import harmless
from console.live.ending import put_off
from console.shell import saying, waiting
from console.shell.commands import outcome
from console.shell.commands.requests import (
    Commit,
    commit_named,
    commit_of,
    empty,
    newest_commit,
    not_working,
    validate,
)
from console.shell.editing import Editing
from console.shell.shell import Shell, Status
from console.show.history import differences
from console.show.layout import counted

CONFIRMED_S = 600
VERIFY_S = 60
LOOK_AGAIN_S = 2.0
_CUT_OFF = "would-cut-off-session"
_VERIFY_FAILED = "verify-failed"
_NOT_SENT = "not committed: the wait was over before the commit was sent"
_MOST_SHOWN = 3
_MOST_DIFFERENCES = 100


def commit(shell: Shell, given: Mapping[str, str]) -> int:
    """Put the candidate in force; or, with nothing in it, confirm what waits for it."""
    return put_in_force(shell, wanted_by(given))


def wanted_by(given: Mapping[str, str]) -> Commit:
    """Return the commit that the words of a line ask for."""
    return Commit(
        confirmed_s=int(given.get("SECONDS") or CONFIRMED_S) if "confirmed" in given else None,
        verify_s=int(given.get("WITHIN") or VERIFY_S) if "verify" in given else None,
        comment=given.get("TEXT", ""),
        even_if_cut_off="even-if-cut-off" in given,
    )


@dataclass(slots=True)
class _Way:
    """How far a commit has come. ``since``: the newest commit before it was sent; None: it is not sent."""

    wanted: Commit
    session_id: int
    since: int | None = None
    answered: bool = False
    said: bool = False


def put_in_force(shell: Shell, wanted: Commit) -> int:
    """Commit as ``wanted``, ask what has to be asked, and say what became of it."""
    way = _Way(wanted, shell.client.session_id)
    with _told_of_ctrl_c(shell, way):
        status = _put_in_force(shell, way)
        if status is not None:
            return status
    return put_in_force(shell, replace(wanted, even_if_cut_off=True))


@contextmanager
def not_sent_yet(shell: Shell) -> Iterator[None]:
    """Inside, a Ctrl-C is told that nothing came of the commit that was asked for."""
    with _told_of_ctrl_c(shell, _Way(Commit(), shell.client.session_id)):
        yield


@contextmanager
def _told_of_ctrl_c(shell: Shell, way: _Way) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if way.since is None:
            shell.out.warn(_NOT_SENT)
        elif not way.said:
            _broken_off(shell, way)
        raise


def _put_in_force(shell: Shell, way: _Way) -> int | None:
    """Return the exit status; None if it is to be committed although it cuts this session off."""
    editing, wanted = shell.editing, way.wanted
    differs = editing.refresh()
    told = waiting.look(editing)
    if not differs and editing.pending is None and wanted == Commit(comment=wanted.comment):
        return _nothing(shell, way)
    if told:
        shell.out.warn(told)
    if differs and (editing.foreign or editing.shared):
        if occupied := editing.occupied():
            shell.out.warn(occupied)
            return Status.REFUSED
        if not _may_commit_of_others(shell):
            return Status.REFUSED
    if differs and editing.always_shared and not shell.interactive:
        _say_what_goes(shell)
    before = newest_commit(shell.client)
    confirmed = editing.pending
    way.since = before
    try:
        _carry_out(shell, way)
    except ServerErrors as problem:
        way.answered = True
        return _refused(shell, way, problem)
    _settle(shell)
    status = _say_done(shell, wanted, before, confirmed)
    way.said = True
    return status


def _refused(shell: Shell, way: _Way, problem: ServerErrors) -> int | None:
    editing = shell.editing
    if any(error.app_tag == _CUT_OFF for error in problem.errors) and not way.wanted.even_if_cut_off:
        for _, text in saying.refused(problem):
            shell.out.warn(f"not committed: {text}")
        way.said = True
        return _cut_off(shell)
    for text in saying.incomplete(problem, shell.mending):
        shell.out.warn(f"not committed: {text}")
    way.said = not any(error.app_tag == _VERIFY_FAILED for error in problem.errors)
    if not editing.refresh() and not way.said:
        # It was in force, so it is in the history, and no longer in the candidate.
        shell.out.warn(outcome.in_words(commit_of(shell.client, way.session_id, way.since or 0)))
        way.said = True
        _settle(shell)
    return Status.REFUSED


def _settle(shell: Shell) -> None:
    try:
        shell.editing.settle()
    except ServerErrors as problem:
        for _, text in saying.refused(problem):
            shell.out.warn(f"the commit is done, but the lock of the candidate is not given back: {text}")


def _nothing(shell: Shell, way: _Way) -> int:
    """Say that nothing differs and nothing of ours waits."""
    told, shell.editing.ended = shell.editing.ended, ""
    if told:
        shell.out.warn(f"nothing to confirm: {told}")
        return Status.REFUSED
    way.since = newest_commit(shell.client)
    shell.client.rpc(empty("commit"))  # one of another session with its token could wait for it
    shell.out.text("There is nothing to commit.")
    way.said = True
    return Status.OK


def check(shell: Shell, given: Mapping[str, str]) -> int:
    """Have the candidate looked at, and change nothing."""
    try:
        with shell.out.progress("the server looks at the configuration"):
            shell.client.rpc(validate())
    except ServerErrors as problem:
        for text in saying.incomplete(problem, shell.mending):
            shell.out.warn(text)
        return Status.REFUSED
    shell.out.text("The configuration is complete, and may be committed.")
    return Status.OK


def cancel(shell: Shell, given: Mapping[str, str]) -> None:
    """Take a confirmed commit back."""
    shell.client.rpc(empty("cancel-commit"))
    shell.editing.pending = None
    shell.editing.refresh()
    shell.out.text("The confirmed commit was taken back.")


def _carry_out(shell: Shell, way: _Way) -> None:
    editing, wanted = shell.editing, way.wanted
    try:
        with shell.out.progress("committing") as say, _watched(shell, wanted, say):
            shell.client.rpc(wanted.request())
            way.answered = True
    except Gone as problem:
        shell.out.warn(str(problem))
        outcome.tell(shell, way.session_id, way.since or 0, is_over=True)
        way.said = True
        editing.edited = False  # what became of that is said
        raise
    editing.pending, editing.ended = None, ""


def _broken_off(shell: Shell, way: _Way) -> None:
    """Ctrl-C: nothing may be in force that nobody waited for to be confirmed."""
    editing, wanted = shell.editing, way.wanted
    is_over = wanted.verify_s is not None and not way.answered
    if is_over:
        # The server takes the commit back when the session that waits for it ends.
        shell.out.warn("the wait is over, and with it this session: the server takes the commit back")
        shell.client.cut()
        editing.edited = False  # what became of that is said
        shell.again()
    elif not way.answered:
        shell.out.warn("the wait is over; what the server has begun it ends")
    waits = wanted.confirmed_s is not None and wanted.verify_s is None
    if waits and editing.pending is None:
        editing.pending = 0
    found = outcome.tell(shell, way.session_id, way.since or 0, is_over=is_over, answered=way.answered)
    if found is not None and found.outcome == "committed":
        editing.edited = False
        editing.unsure = editing.unsure or editing.locked  # nothing needs the lock: find_out gives it back
    elif not way.answered and not shell.interactive and (found is None or found.outcome == "applying"):
        editing.edited = False  # it may be in force by now: nothing can be said of it but that
    if is_over and shell.client.gone is None:
        editing.refresh()


@contextmanager
def _watched(shell: Shell, wanted: Commit, say: Callable[[str], None]) -> Iterator[None]:
    """Tell meanwhile what a commit with verify waits for."""
    if wanted.verify_s is None or not shell.interactive:
        yield
        return
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(shell, say, over), daemon=True)
    try:
        with put_off():
            watcher.start()
        yield
    finally:
        with put_off():
            over.set()


def _watch(shell: Shell, say: Callable[[str], None], over: threading.Event) -> None:
    try:
        other = shell.client.another()
    except Gone:
        return
    try:
        while not over.wait(LOOK_AGAIN_S):
            waiting = [f"{saying.path_in_words(entry)}: {why}" for entry, why in not_working(other)]
            shown = "; ".join(waiting[:_MOST_SHOWN]) + (" ..." if len(waiting) > _MOST_SHOWN else "")
            say(f"in force; not working yet: {harmless(shown)}" if shown else "committing")
    except (Gone, ServerErrors):
        pass  # it is a comfort, and no more
    finally:
        other.close()


def _cut_off(shell: Shell) -> int | None:
    if shell.confirm("Commit all the same, and perhaps lose this session?"):
        return None
    if not shell.interactive:
        shell.out.warn("('commit even-if-cut-off' commits it all the same)")
    return Status.REFUSED


def _may_commit_of_others(shell: Shell) -> bool:
    if shell.editing.always_shared:
        return True
    if shell.editing.shared and shell.editing.edited and not shell.interactive and not shell.editing.joined:
        return True
    if not shell.editing.shared or not shell.interactive:
        mine = "also " if shell.editing.edited else ""
        shell.out.warn(f"the candidate has {mine}changes that others made ('diff' shows them)")
        return shell.confirm("Commit them, too?")
    return True


def _say_what_goes(shell: Shell) -> None:
    """Who has edited which of it is not known: all of it is told."""
    try:
        lines = differences(shell.client, shell.schema)
    except ServerErrors:  # another server may not compare
        lines = ["all of the candidate (the server does not tell how it differs)"]
    shell.out.text("\n".join(["This is committed, whoever has edited it:", *lines[:_MOST_DIFFERENCES]]))
    if len(lines) > _MOST_DIFFERENCES:
        shell.out.text(f"... and {counted(len(lines) - _MOST_DIFFERENCES, 'line')} more")


def _say_done(shell: Shell, wanted: Commit, since: int, confirmed: int | None) -> int:
    """Say what the commit was that the server has carried out; ``confirmed``: what waited for it before."""
    editing, client = shell.editing, shell.client
    if wanted.confirmed_s is not None and wanted.verify_s is None:
        editing.pending = confirmed or 0  # before anything is asked: the session may end
    made = commit_of(client, client.session_id, since)
    name = f"commit {made.number}" if made else "nothing new"
    if editing.pending is not None:
        if made:
            editing.pending = made.number
        shell.out.text(
            f"{name.capitalize()} is in force, and is taken back in {wanted.confirmed_s} s, or when this "
            "session ends, unless 'commit' confirms it ('cancel-commit' takes it back now)."
        )
        return Status.OK
    # It may have been taken back just before this commit could confirm it.
    back = waiting.taken_back(client, commit_named(client, confirmed)) if confirmed else ""
    editing.stays = made.number if made else (0 if back else confirmed or 0) or editing.stays
    if wanted.verify_s is not None:
        shell.out.text(f"Everything works: {name} is in force, and confirmed.")
    elif made or confirmed is None or not since:
        shell.out.text(f"Committed: {name} is in force." if made else "Committed.")
    elif not back:
        shell.out.text("Confirmed.")
        return Status.OK
    if back:
        shell.out.warn(back if made else f"nothing to confirm: {back}")
    return Status.REFUSED if back else Status.OK


def pending_of(editing: Editing) -> str:
    """Return what is lost when the session ends, in words; "" for nothing."""
    if editing.pending is not None:
        return "A confirmed commit waits for 'commit': without it, it is taken back."
    if editing.edited and editing.differs:
        return "What you have edited is not committed, and is dropped."
    return ""


WORDS = {
    "commit": "put what was edited in force, or confirm a confirmed commit",
    "confirmed": "take it back by itself unless 'commit' confirms it in time",
    "verify": "wait until the tunnels work that it touches, and take it back if they do not",
    "comment": "why, for the history",
    "even-if-cut-off": "also if it would take the way of this session into a tunnel",
    "check": "have it looked at only",
}

ARGUMENTS = {
    "SECONDS": Argument(f"seconds until it is taken back; {CONFIRMED_S} without", number=(1, 2**32 - 1)),
    "WITHIN": Argument(f"seconds that it may take; {VERIFY_S} without", number=(1, 3600)),
    "TEXT": Argument("up to 1024 characters, to the end of the line", rest=True),
}

COMMANDS = (
    Command(
        "commit [confirmed [SECONDS]] [verify [WITHIN]] [even-if-cut-off] [comment TEXT]",
        "put what was edited in force, or confirm a confirmed commit",
        commit,
        words=WORDS,
        arguments=ARGUMENTS,
    ),
    Command("commit check", "have what was edited looked at, and change nothing", check, words=WORDS),
    Command(
        "cancel-commit",
        "take back a confirmed commit that is not confirmed yet",
        cancel,
        words={"cancel-commit": "take back a confirmed commit that is not confirmed yet"},
    ),
)
