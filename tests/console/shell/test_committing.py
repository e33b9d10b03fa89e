"""What is known of a commit whose answer was not waited for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from lxml import etree

from console.client.connection import Connection
from console.client.documents import NETCONF
from console.client.session import Element, Gone, ServerError, ServerErrors
from console.shell.commands import committing
from console.shell.commands.requests import Commit
from console.shell.editing import Editing
from console.shell.shell import Shell
from tests.console.fakes import Printed


@pytest.mark.parametrize(
    ("wanted", "before", "pending"),
    [(Commit(600), None, 0), (Commit(), None, None), (Commit(), 4, 4), (Commit(600), 4, 4)],
)
def test_a_confirmed_commit_may_wait_also_where_ctrl_c_ended_the_wait_for_it(
    wanted: Commit, before: int | None, pending: int | None
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


def test_a_commit_is_no_less_done_where_the_lock_is_not_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def rpc(request: Element) -> Element:
        if etree.QName(request).localname == "unlock":
            raise ServerErrors((ServerError("operation-failed", "not now"),))
        return etree.Element(f"{{{NETCONF}}}rpc-reply")

    client = cast(Connection, SimpleNamespace(rpc=rpc, session_id=7, gone=None, capabilities=frozenset()))
    out = Printed()
    editing = Editing(client, locked=True, edited=True)
    shell = SimpleNamespace(out=out, client=client, editing=editing, interactive=False)
    monkeypatch.setattr(committing, "newest_commit", lambda _: 4)
    monkeypatch.setattr(committing, "commit_of", lambda *_: None)
    assert committing.put_in_force(cast(Shell, shell), Commit()) == 0
    assert "not committed" not in f"{out.warnings}"
    assert "the commit is done, but the lock" in f"{out.warnings}"
    assert (editing.edited, editing.locked) == (False, True)
