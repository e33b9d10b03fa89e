"""Into the configuration, around in it, and out of it; as on the routers of the manual."""

from __future__ import annotations

from collections.abc import Mapping

from console.grammar.command import Command, Where
from console.shell.commands.committing import ARGUMENTS, WORDS, not_sent_yet, put_in_force, wanted_by
from console.shell.shell import Leave, Shell, Status

_OF_OTHERS = (
    "others may have edited along with you ('diff' shows all of it): 'discard' drops it, 'end' leaves it"
)


def config(shell: Shell, given: Mapping[str, str]) -> None:
    """Go to the top of the configuration."""
    shell.editing.shared = shell.editing.always_shared or "shared" in given
    if shell.editing.refresh() and shell.editing.foreign:
        shell.out.warn(
            "the candidate has changes that others made and did not commit ('diff' shows them)"
            + ("" if shell.editing.shared else "; before you can edit they have to be committed or discarded")
        )
    shell.context = ()
    shell.tunnel = False


def tunnel(shell: Shell, given: Mapping[str, str]) -> None:
    shell.tunnel = True


def end(shell: Shell, given: Mapping[str, str]) -> None:
    """Go one level up."""
    if shell.context is None:
        shell.tunnel = False
    elif shell.context:
        shell.context = shell.context[:-1]
    else:
        _out(shell)


def leave(shell: Shell, given: Mapping[str, str]) -> int:
    """Commit, and go out; stay if that is refused."""
    with not_sent_yet(shell):
        differs = shell.editing.refresh()
    if differs and (status := put_in_force(shell, wanted_by(given))) != Status.OK:
        return status
    if shell.editing.locked and not shell.editing.kept:
        shell.editing.release()
    shell.context = None
    return Status.OK


def abort(shell: Shell, given: Mapping[str, str]) -> int:
    """Drop what was edited here, and go out; what others edited stays, or is asked about."""
    editing = shell.editing
    # Without the lock nobody knows whose edits are whose.
    with_others = editing.edited and not editing.locked and editing.refresh()
    if with_others and not shell.confirm("Others may have edited along with you ('diff'). Drop all of it?"):
        if not shell.interactive:
            shell.out.warn(_OF_OTHERS)
        return Status.REFUSED
    if editing.edited:
        editing.discard()
        shell.out.text("All that was edited is dropped." if with_others else "What was edited is dropped.")
    elif editing.locked and not editing.kept:
        editing.release()
    shell.context = None
    return Status.OK


def leave_or_up(shell: Shell, given: Mapping[str, str]) -> None:
    """Go one level up, and out of the program at the top."""
    if shell.context is None and not shell.tunnel:
        raise Leave
    end(shell, given)


def leave_program(shell: Shell, given: Mapping[str, str]) -> None:
    raise Leave


def _out(shell: Shell) -> None:
    shell.context = None
    if shell.editing.edited and shell.editing.refresh():
        shell.out.warn("what was edited is not in force: 'commit' puts it in force, 'discard' drops it")


COMMANDS = (
    Command(
        "config [shared]",
        "change the configuration; edits are in force after 'commit' or 'leave'",
        config,
        Where.EXEC | Where.TUNNEL,
        words={
            "config": "change the configuration",
            "shared": "along with others who edit at the same time; without, the first edit locks others out",
        },
    ),
    Command(
        "tunnel", "the level of the tunnels", tunnel, Where.EXEC, words={"tunnel": "the level of the tunnels"}
    ),
    Command(
        "end",
        "one level up; nothing is committed and nothing dropped by it",
        end,
        Where.TUNNEL | Where.CONFIG,
        words={"end": "one level up"},
    ),
    Command(
        "leave [verify [WITHIN]] [even-if-cut-off] [comment TEXT]",
        "commit what was edited, and leave the configuration",
        leave,
        Where.CONFIG,
        words={**WORDS, "leave": "commit, and leave the configuration"},
        arguments={name: ARGUMENTS[name] for name in ("WITHIN", "TEXT")},
    ),
    Command(
        "abort",
        "drop what was edited, and leave the configuration",
        abort,
        Where.CONFIG,
        words={"abort": "drop what was edited, and leave the configuration"},
    ),
    Command(
        "exit", "one level up; at the top, the end", leave_or_up, words={"exit": "one level up, or the end"}
    ),
    Command("quit", "end this command line", leave_program, words={"quit": "end this command line"}),
)
