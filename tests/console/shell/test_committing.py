"""What is known of a commit whose answer was not waited for."""

from __future__ import annotations

import signal
import threading
from types import SimpleNamespace
from typing import cast

import pytest
from lxml import etree

from console.client.connection import Connection
from console.client.documents import NETCONF
from console.client.session import Element, Gone, ServerError, ServerErrors
from console.shell.commands import committing, outcome
from console.shell.commands.requests import Commit, Recorded
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
        interactive=True,
    )
    committing._broken_off(cast(Shell, shell), committing._Way(wanted, 7, 0))
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


@pytest.mark.parametrize(
    ("is_over", "said"),
    [(False, "has none of the commit so far"), (True, "was not carried out (or changed nothing)")],
)
def test_a_commit_that_is_not_in_the_history_may_be_looked_at_still_while_its_session_goes_on(
    monkeypatch: pytest.MonkeyPatch, is_over: bool, said: str
) -> None:
    other = SimpleNamespace(close=lambda: None)
    shell = SimpleNamespace(out=Printed(), client=SimpleNamespace(another=lambda: other))
    monkeypatch.setattr(outcome, "commit_of", lambda *_: None)
    monkeypatch.setattr(outcome, "owner_of_confirmed", lambda _: None)
    outcome.tell(cast(Shell, shell), 7, 4, is_over=is_over)
    assert [said in one for one in shell.out.warnings] == [True]


def test_a_commit_whose_session_is_over_is_told_once_it_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server takes it back when it has noticed that the session is over; that is a commit, too."""
    waits = iter((7, 7, None))
    backs = iter(("", "", "6"))
    shell = SimpleNamespace(
        out=Printed(), client=SimpleNamespace(another=lambda: SimpleNamespace(close=lambda: None))
    )
    monkeypatch.setattr(outcome, "LOOK_AGAIN_S", 0.0)
    monkeypatch.setattr(outcome, "owner_of_confirmed", lambda _: next(waits))
    monkeypatch.setattr(outcome, "commit_of", lambda *_: Recorded(5, "committed", taken_back_by=next(backs)))
    outcome.tell(cast(Shell, shell), 7, 4, is_over=True)
    assert shell.out.warnings == ["commit 5 was taken back by commit 6 ('rollback 5' loads it again)"]


def test_what_a_commit_waits_for_is_asked_no_longer_where_ctrl_c_comes_as_that_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[threading.Event] = []
    threads: list[threading.Thread] = []
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        threads.append(thread)
        signal.raise_signal(signal.SIGINT)
        start(thread)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(committing, "_watch", lambda _shell, _say, over: begun.append(over))
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    shell = cast(Shell, SimpleNamespace(interactive=True))
    with pytest.raises(KeyboardInterrupt), committing._watched(shell, Commit(verify_s=1), print):
        pass
    for thread in threads:
        thread.join(30)
    assert [over.is_set() for over in begun] == [True]
