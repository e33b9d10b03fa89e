"""What is known of a commit whose answer was not waited for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from console.client.session import Gone
from console.shell.commands import committing
from console.shell.commands.requests import Commit
from console.shell.shell import Shell
from tests.console.fakes import Printed


@pytest.mark.parametrize(
    ("wanted", "before", "pending"),
    [(Commit(600), False, True), (Commit(), False, False), (Commit(), True, True)],
)
def test_a_confirmed_commit_may_wait_also_where_ctrl_c_ended_the_wait_for_it(
    wanted: Commit, before: bool, pending: bool
) -> None:
    def another() -> None:
        raise Gone("nobody listens")

    shell = SimpleNamespace(
        out=Printed(),
        client=SimpleNamespace(gone=None, another=another),
        editing=SimpleNamespace(pending=before),
    )
    committing._broken_off(cast(Shell, shell), wanted, 7, 0)
    assert shell.editing.pending is pending
