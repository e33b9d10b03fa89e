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
from console.shell.shell import Shell, Ways
from tests.console.fakes import Printed
from tests.console.shell.gateway import ME, OTHER, Gateway

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
