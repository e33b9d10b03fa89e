"""Ctrl-C at each request of a commit: what is said is so, and whose the lock is stays known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from console.client.connection import Connection
from console.shell.commands.candidate import lock, unlock
from console.shell.commands.committing import put_in_force
from console.shell.commands.contexts import abort, leave
from console.shell.commands.requests import Commit
from console.shell.output import Terminal
from console.shell.script import Plan, carry_out
from console.shell.shell import Shell, Status, Ways
from tests.console.fakes import Printed
from tests.console.shell.gateway import ME, OTHER, Gateway

IN_FORCE = "commit 1 was carried out, and is in force"
NOT_SENT = "not committed: the wait was over before the commit was sent"
A_COMMIT = ("get-config", "get", "commit", "unlock", "get")


def edited(server: Gateway) -> tuple[Shell, Printed]:
    """A shell that has edited the candidate, and has its lock."""
    out = Printed()
    grammar = SimpleNamespace(read=None)
    ways = cast(Ways, SimpleNamespace(secret=None, exec_grammar=grammar, grammar=lambda _: grammar))
    shell = Shell(cast(Connection, server), cast(Terminal, out), ways, gateway="gw1")
    server.held, server.differs = ME, True
    shell.editing.locked = shell.editing.edited = shell.editing.differs = True
    return shell, out


def interrupted(at: int, late: bool) -> tuple[Shell, Printed, Gateway]:
    server = Gateway(interrupts=at, late=late)
    shell, out = edited(server)
    shell.interactive = True
    with pytest.raises(KeyboardInterrupt):
        put_in_force(shell, Commit())
    return shell, out, server


MOMENTS = [(at, late) for at in range(len(A_COMMIT)) for late in (False, True)]


def test_a_commit_asks_what_is_interrupted_here() -> None:
    server = Gateway()
    shell, out = edited(server)
    assert put_in_force(shell, Commit()) == Status.OK
    assert (tuple(server.asked), out.texts) == (A_COMMIT, ["Committed: commit 1 is in force."])


@pytest.mark.parametrize(("at", "late"), MOMENTS)
def test_what_became_of_the_commit_is_said_wherever_ctrl_c_comes(at: int, late: bool) -> None:
    _, out, server = interrupted(at, late)
    said = "\n".join(out.warnings)
    assert (IN_FORCE in said) is bool(server.commits)
    assert (NOT_SENT in said) is (at < A_COMMIT.index("commit"))
    assert out.warnings


@pytest.mark.parametrize(("at", "late"), MOMENTS)
def test_whose_the_lock_is_is_found_out_after_it(at: int, late: bool) -> None:
    shell, _, server = interrupted(at, late)
    shell.editing.find_out()
    shell.editing.refresh()
    assert (server.held == ME) is shell.editing.locked
    assert shell.editing.locked is shell.editing.edited is not bool(server.commits)


@pytest.mark.parametrize("command", [abort, leave, unlock])
def test_what_gives_the_lock_back_goes_on_where_it_is_given_back_already(command: object) -> None:
    shell, _, server = interrupted(A_COMMIT.index("unlock"), True)
    shell.editing.locked, shell.editing.unsure = True, False  # it was not noticed
    assert callable(command)
    assert not command(shell, {})
    assert (shell.editing.locked, shell.context, server.held) == (False, None, 0)
    shell.editing.hold()
    assert server.held == ME


def test_a_lock_is_said_to_be_ours_only_where_the_server_has_granted_it() -> None:
    shell, out, server = interrupted(A_COMMIT.index("unlock"), True)
    shell.editing.locked, shell.editing.unsure = True, False
    lock(shell, {})
    assert (server.held, out.texts[-1].startswith("The candidate is yours")) == (ME, True)


def test_edits_of_others_are_not_taken_for_those_that_went_with_our_lock() -> None:
    """Ctrl-C comes as 'unlock' has dropped what was edited; before the next line somebody else edits."""
    server = Gateway(interrupts=0, late=True)
    shell, _ = edited(server)
    with pytest.raises(KeyboardInterrupt):
        shell.editing.release()
    server.held, server.differs = OTHER, True
    shell.editing.find_out()
    shell.editing.refresh()
    assert (shell.editing.locked, shell.editing.foreign) == (False, True)


@pytest.mark.parametrize(("at", "late"), MOMENTS)
def test_a_script_says_one_thing_of_a_commit_that_ctrl_c_ended_the_wait_for(at: int, late: bool) -> None:
    server = Gateway(interrupts=at, late=late)
    shell, out = edited(server)
    assert carry_out(shell, (), Plan(commit=True)) == Status.INTERRUPTED
    said = "\n".join(out.warnings)
    assert (IN_FORCE in said) is bool(server.commits)
    if server.commits or at == A_COMMIT.index("commit"):
        assert "nothing of it is in force" not in said
    else:
        assert "what was edited before it is dropped: nothing of it is in force" in said
