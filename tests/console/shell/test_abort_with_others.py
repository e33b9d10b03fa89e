"""``abort`` where others may have edited along: nothing of theirs is dropped unasked."""

from __future__ import annotations

import pytest

from console.shell.commands.contexts import abort
from console.shell.shell import Shell, Status
from tests.console.fakes import Printed
from tests.console.shell.gateway import Gateway
from tests.console.shell.test_ctrl_c_at_a_commit import edited


def along_with_others() -> tuple[Shell, Printed, Gateway]:
    server = Gateway()
    shell, out = edited(server)
    server.held = 0
    shell.editing.locked, shell.editing.shared, shell.context = False, True, ()
    return shell, out, server


@pytest.mark.parametrize("yes", [False, True])
def test_it_is_asked_whether_all_of_it_goes(yes: bool) -> None:
    shell, out, server = along_with_others()
    asked: list[str] = []
    shell.interactive = True
    shell.confirm = lambda question: bool(asked.append(question)) or yes
    assert abort(shell, {}) == (Status.OK if yes else Status.REFUSED)
    assert ["Others may have edited along" in one for one in asked] == [True]
    assert (server.differs, shell.context) == ((False, None) if yes else (True, ()))
    assert out.texts == (["All that was edited is dropped."] if yes else [])


def test_a_script_is_told_what_to_type() -> None:
    shell, out, server = along_with_others()
    assert abort(shell, {}) == Status.REFUSED
    assert (server.differs, ["'discard' drops it" in one for one in out.warnings]) == (True, [True])


@pytest.mark.parametrize("differs", [False, True])
def test_what_is_surely_our_own_or_gone_is_not_asked_about(differs: bool) -> None:
    shell, out, server = along_with_others() if not differs else (*edited(Gateway()), None)
    if server is not None:
        server.differs = False  # somebody else has dropped it
    assert abort(shell, {}) == Status.OK
    assert (shell.context, out.warnings) == (None, [])
