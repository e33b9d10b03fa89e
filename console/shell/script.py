"""Lines that nobody types while they are carried out: of a file, of -c, of a pipe, or one command of a shell.

All or nothing: where a line fails, what the lines before it edited is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from console.client.session import Gone, ServerErrors
from console.grammar.values import Mistake, Span
from console.shell.commands.committing import put_in_force
from console.shell.commands.requests import Commit
from console.shell.editing import Occupied
from console.shell.gathering import gathered
from console.shell.shell import Leave, Shell, Status

LONGEST_SECRET_FILE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """``commit``: after the last line. ``shared``: also if others edit. ``numbered``: errors say where."""

    commit: bool = False
    comment: str = ""
    shared: bool = False
    numbered: bool = True


def carry_out(shell: Shell, lines: Iterable[str], plan: Plan) -> int:
    """Carry out all lines, up to the first that fails; returns the exit status."""
    try:
        return _carried_out(shell, lines, plan)
    except Gone as problem:
        shell.out.warn(str(problem))
        return Status.NO_SESSION
    except ServerErrors as problem:
        shell.out.warn(str(problem))
        return Status.REFUSED
    except KeyboardInterrupt:
        _drop(shell)
        return Status.INTERRUPTED


def _carried_out(shell: Shell, lines: Iterable[str], plan: Plan) -> int:
    shell.editing.shared = plan.shared
    shell.in_batches = True
    status = 0
    number = 0
    try:
        for number, line in gathered(lines, shell.waits):
            if status := shell.run(line, number if plan.numbered else None):
                break
        status = status or shell.flush()
    except Leave:
        pass
    except UnicodeDecodeError:
        shell.out.warn(f"line {number + 1}: it is not in UTF-8")
        status = Status.MISTAKE
    if status:
        if _drop(shell):
            shell.out.warn("what was edited before it is dropped: nothing of it is in force")
        return status
    return _finish(shell, plan)


def _finish(shell: Shell, plan: Plan) -> int:
    editing = shell.editing
    if plan.commit:
        if not editing.edited and not plan.shared and editing.refresh():
            shell.out.warn("not committed: what is in the candidate is of others (--shared commits it, too)")
            return Status.REFUSED
        if status := put_in_force(shell, Commit(comment=plan.comment)):
            _drop(shell)
            return status
    elif editing.edited and editing.refresh():
        _drop(shell)
        shell.out.warn(
            "what was edited is dropped, for nothing commits it: --commit does, and the line 'commit'"
        )
        return Status.REFUSED
    if editing.pending:
        shell.out.warn("the confirmed commit is taken back now, for the session that would confirm it ends")
        return Status.REFUSED
    return Status.OK


def _drop(shell: Shell) -> bool:
    """Drop what this session has edited; True if there was something."""
    editing = shell.editing
    try:
        if shell.client.gone is None and editing.edited and not editing.shared:
            editing.discard()
            return True
    except (Gone, ServerErrors, Occupied) as problem:
        shell.out.warn(str(problem))
    return False


class Secrets:
    """Secrets for lines that lack theirs: the lines of a file, one after the other."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    def __call__(self, name: str) -> str:
        value = next(self._lines, "")
        if not value:
            raise Mistake(
                f"the {name} is missing: --secret-file names a file with it, one line for each", Span(0, 0)
            )
        return value
