"""The candidate as a command line has it, where Ctrl-C ends a wait in the middle."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from lxml import etree

from console.client.connection import Connection
from console.client.documents import NETCONF
from console.client.session import Element, ServerError, ServerErrors
from console.model.schema import Schema
from console.shell.editing import Editing, Occupied

ME = 7
SCHEMA = Schema(roots={}, rpcs={}, notifications={}, namespaces={}, prefixes={})


class Server:
    """Answers an operation by what it does first."""

    session_id = ME
    capabilities = frozenset[str]()

    def __init__(self, **does: Callable[[], None]) -> None:
        self.does = does
        self.edits: list[Element] = []

    def get(self, subtree: Element) -> Element:
        return subtree

    def rpc(self, request: Element) -> Element:
        if etree.QName(request).localname == "edit-config":
            self.edits.append(request)
        self.does.get(etree.QName(request).localname.replace("-", "_"), lambda: None)()
        reply = etree.Element(f"{{{NETCONF}}}rpc-reply")
        etree.SubElement(reply, f"{{{NETCONF}}}data")
        return reply


def interrupted() -> None:
    raise KeyboardInterrupt


def held_by(session: int) -> Callable[[], None]:
    def denied() -> None:
        raise ServerErrors((ServerError("lock-denied", "the lock is held", session_id=session),))

    return denied


def editing(server: Server) -> Editing:
    return Editing(cast(Connection, server))


def test_a_lock_whose_answer_was_not_waited_for_is_ours() -> None:
    server = Server(lock=interrupted)
    one = editing(server)
    with pytest.raises(KeyboardInterrupt):
        one.hold()
    server.does["lock"] = held_by(ME)
    one.hold()
    assert one.locked


def test_a_lock_of_somebody_else_is_not() -> None:
    one = editing(Server(lock=held_by(ME + 1)))
    with pytest.raises(Occupied, match="is editing"):
        one.hold()
    assert not one.locked


def test_an_edit_whose_answer_was_not_waited_for_is_ours() -> None:
    one = editing(Server(load_commit=interrupted))
    with pytest.raises(KeyboardInterrupt):
        one.load(etree.Element("load-commit"))
    one.differs = True
    assert (one.edited, one.foreign) == (True, False)


@pytest.mark.parametrize(
    ("announced", "option"),
    [
        ("urn:ietf:params:netconf:capability:rollback-on-error:1.0", "rollback-on-error"),
        ("urn:ietf:params:netconf:capability:candidate:1.0", None),
    ],
)
def test_of_lines_that_are_sent_together_none_is_taken_where_one_is_refused(
    announced: str, option: str | None
) -> None:
    server = Server()
    server.capabilities = frozenset({announced})
    editing(server).send((), SCHEMA)
    assert [one.findtext(f"{{{NETCONF}}}error-option") for one in server.edits] == [option]


def test_an_edit_that_is_refused_is_none() -> None:
    one = editing(Server(load_commit=held_by(ME)))
    with pytest.raises(ServerErrors):
        one.load(etree.Element("load-commit"))
    assert not one.edited


@pytest.mark.parametrize(("session", "occupied"), [(ME + 1, True), (ME, False), (0, False)])
def test_whose_lock_keeps_a_commit_away_is_told_and_of_edits_without_one_nobody(
    session: int, occupied: bool
) -> None:
    told = editing(Server(lock=held_by(session))).occupied()
    assert ("is editing: wait for the commit" in told) is occupied


def test_a_lock_that_was_only_tried_is_given_back() -> None:
    given_back: list[bool] = []
    one = editing(Server(unlock=lambda: given_back.append(True)))
    assert (one.occupied(), one.locked, given_back) == ("", False, [True])
    one.hold()
    assert (one.occupied(), one.locked, given_back) == ("", True, [True])
