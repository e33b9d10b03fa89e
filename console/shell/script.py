"""Lines that nobody types while they are carried out: of a file, of -c, of a pipe, or one command of a shell.

All or nothing: where a line fails, what the lines before it edited is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from console.client.session import Gone, ServerErrors
from console.grammar.values import Mistake, Span
from console.shell import waiting
from console.shell.commands.committing import put_in_force
from console.shell.commands.requests import Commit
from console.shell.editing import Occupied
from console.shell.gathering import gathered
from console.shell.shell import Leave, Shell, Status

_STAYS = "stays in the candidate that is edited along with others"


@dataclass(frozen=True, slots=True)
class Plan:
    """``commit``: after the last line. ``numbered``: errors say where.

    ``shared``: edit without a lock, along with others; and a commit has what all have edited.
    ``ends``: the lines are all there, so that what is behind a ``quit`` can be looked at.
    """

    commit: bool = False
    comment: str = ""
    shared: bool = False
    numbered: bool = True
    ends: bool = True


def carry_out(shell: Shell, lines: Iterable[str], plan: Plan) -> int:
    """Carry out all lines, up to the first that fails; returns the exit status."""
    try:
        return _carried_out(shell, lines, plan)
    except Gone as problem:
        shell.out.warn(str(problem))
        return _broken_off(shell, Status.NO_SESSION)
    except ServerErrors as problem:
        shell.out.warn(str(problem))
        return _broken_off(shell, Status.REFUSED)
    except BrokenPipeError:
        shell.out.discard()
        if not _drop(shell):
            raise
        shell.out.warn("what was edited is dropped, for nobody reads what the lines show")
        return Status.REFUSED
    except OSError:  # what was to be shown is lost, or the lines cannot be read on
        _broken_off(shell, Status.REFUSED)
        raise
    except KeyboardInterrupt:
        return _broken_off(shell, Status.INTERRUPTED)


def _carried_out(shell: Shell, lines: Iterable[str], plan: Plan) -> int:
    shell.editing.shared = shell.editing.always_shared = plan.shared
    shell.in_batches = True
    status = 0
    number = 0
    numbered = gathered(lines, shell.waits)
    try:
        try:
            for number, line in numbered:
                if status := shell.run(line, number if plan.numbered else None):
                    break
            status = status or shell.flush()
        except Leave:
            if plan.ends or plan.commit:
                status = _behind(shell, number, numbered)
    except UnicodeDecodeError:
        shell.out.warn(f"line {number + 1}: it is not in UTF-8")
        status = Status.MISTAKE
    return _broken_off(shell, status) if status else _finish(shell, plan)


def _broken_off(shell: Shell, status: int) -> int:
    """Drop what was edited since the last commit, and say what is in force and what is not."""
    editing = shell.editing
    stays = f"; commit {editing.stays} before it is in force" if editing.stays else ""
    if shell.client.gone is not None and editing.edited and editing.locked:
        shell.out.warn(f"what was edited is lost with that session: nothing of it is in force{stays}")
    elif _drop(shell):
        shell.out.warn(f"what was edited before it is dropped: nothing of it is in force{stays}")
    elif editing.edited and editing.shared:
        shell.out.warn(f"what was edited before it {_STAYS}{stays}")
    elif stays:
        shell.out.warn(f"commit {editing.stays} before it is in force")
    if editing.pending is not None:
        shell.out.warn(_taken_back(shell))
    return status


def _taken_back(shell: Shell) -> str:
    """Return what becomes of the confirmed commit that nothing has confirmed."""
    try:
        if shell.client.gone is None and (told := waiting.look(shell.editing)):
            return told
    except (Gone, ServerErrors):
        pass  # so much is known without an answer
    return "the confirmed commit is taken back now, for the session that would confirm it ends"


def _behind(shell: Shell, number: int, further: Iterator[tuple[int, str]]) -> int:
    """Say of the lines behind the one that ends everything that nobody carries them out."""
    for left_out, line in further:
        if line.strip() and not line.lstrip().startswith("#"):
            shell.out.warn(
                f"line {left_out}: line {number} has ended everything, so this cannot be carried out"
            )
            return Status.MISTAKE
    return Status.OK


def _finish(shell: Shell, plan: Plan) -> int:
    editing = shell.editing
    if plan.commit:
        if not editing.edited and not plan.shared and editing.refresh():
            shell.out.warn("not committed: what is in the candidate is of others (--shared commits it, too)")
            return Status.REFUSED
        if status := put_in_force(shell, Commit(comment=plan.comment)):
            return _broken_off(shell, status)
    elif editing.edited and editing.refresh():
        what = _STAYS if editing.shared else "is dropped"
        _drop(shell)
        shell.out.warn(
            f"what was edited {what}, for nothing commits it: --commit does, and the line 'commit'"
        )
        return Status.REFUSED
    if editing.pending is not None:
        shell.out.warn(_taken_back(shell))
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
    """Secrets for lines that lack theirs: the lines of ``where``, one after the other; "" for nowhere."""

    def __init__(self, lines: Iterator[str], where: str = "") -> None:
        self._lines = lines
        self._where = where
        self._read = 0

    def __call__(self, name: str) -> str:
        value = next(self._lines, None)
        if value:
            self._read += 1
            return value
        if not self._where:
            said = f"the {name} is missing: --secret-file names a file with it, one line for each"
        elif value is None and not self._read:
            said = f"the {name} is missing: {self._where} is empty"
        elif value is None:
            lines = "line 1" if self._read == 1 else f"lines 1 to {self._read}"
            said = f"the {name} is missing: {self._where} has {lines}, and ends there"
        else:
            said = f"the {name} is missing: line {self._read + 1} of {self._where} is empty"
        raise Mistake(said, Span(0, 0))
