"""A commit that would cut off its author is refused, with what he may know of the reason."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.errors import RpcError
from agent.operations.cut_off import cut_off, route_of
from agent.translator import Captured, Route
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, Remembering, running_lab
from tests.agent.lab import top

LIST = "/every-construct:top/entry"
AUTHOR, OTHER = Route("10.8.0.1", "10.5.0.9"), Route("10.8.0.1", "10.5.0.7")
EVEN = '<commit><even-if-cut-off xmlns="urn:yangswan:params:xml:ns:yang:agent"/></commit>'
VERIFY = '<verify xmlns="urn:yangswan:params:xml:ns:yang:agent"/>'
CONFIRMED = "<commit><confirmed/></commit>"
NAMED = (
    "this commit would cut off your own session: entry 1 would take it; have it in bypass, make it a "
    "confirmed commit without <verify>, which takes itself back unless it is confirmed, or commit with "
    "<even-if-cut-off/>"
)


def captured(route: Route) -> Captured:
    path = f"{LIST}[id='1']"
    return Captured(
        route,
        path=path,
        prefix="10.5.0.0/16",
        why="entry 1 would take it",
        instead="have it in bypass",
        tells=(path, f"{path}/word"),
    )


@pytest.fixture
async def lab(schema: Schema, tmp_path: Path) -> AsyncIterator[Lab]:
    async with running_lab(schema, tmp_path) as lab:
        for session_id, route in ((1, AUTHOR), (2, OTHER)):
            lab.callers[session_id] = Remembering(session_id, source=route.remote, local=route.local)
        yield lab


def entry(number: int, word: str = "a") -> str:
    return top(f"<entry><id>{number}</id><word>{word}</word></entry>")


async def test_its_author_is_told_what_to_do_instead(lab: Lab) -> None:
    lab.translator.captures = [captured(AUTHOR), captured(OTHER)]
    await lab.edit(entry(1))
    before = lab.running
    (error,) = await lab.refused("<commit/>")
    assert (error.tag, error.app_tag, error.path) == (
        "operation-failed",
        "would-cut-off-session",
        f"{LIST}[id='1']",
    )
    assert error.message == NAMED
    assert lab.running == before
    assert lab.translator.holds == {}
    assert set(lab.translator.routes) == {AUTHOR, OTHER}
    assert "<word>a</word>" in lab.candidate  # nothing of it is lost


async def test_what_may_confirm_itself_is_refused_too(lab: Lab) -> None:
    lab.translator.captures = [captured(AUTHOR)]
    await lab.edit(entry(1))
    (error,) = await lab.refused(f"<commit><confirmed/>{VERIFY}</commit>")
    assert (error.app_tag, error.message) == ("would-cut-off-session", NAMED)
    assert lab.context.confirmed.window is None


@pytest.mark.parametrize("commit", [EVEN, CONFIRMED])
async def test_it_is_taken_from_whom_it_does_not_hurt(
    lab: Lab, commit: str, caplog: pytest.LogCaptureFixture
) -> None:
    lab.translator.captures = [captured(AUTHOR)]
    await lab.edit(entry(1))
    with caplog.at_level(logging.WARNING):
        await lab.do(commit)
    assert ("1",) in lab.translator.holds
    said = "a commit of session 1 may cut off session 1 of tester from 10.5.0.9: entry 1 would take it"
    assert said in caplog.text


async def test_the_log_names_others_whom_it_cuts_off(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.translator.captures = [captured(OTHER)]
    with caplog.at_level(logging.WARNING):
        await lab.commit(entry(1))
    assert "a commit of session 1 may cut off session 2 of tester from 10.5.0.7: entry 1" in caplog.text


async def test_all_sessions_of_an_address_are_found(lab: Lab) -> None:
    lab.callers[2] = Remembering(2, source="::ffff:10.5.0.9", local="::ffff:10.8.0.1")
    lab.translator.captures = [captured(AUTHOR)]
    await lab.edit(entry(1))
    configuration = lab.context.configuration
    prepared = configuration.prepare(configuration.candidate)
    found = await cut_off(lab.context, prepared.changes)
    assert [one.caller.session_id for one in found] == [1, 2]
    assert lab.translator.routes == (AUTHOR,)


async def test_what_is_not_the_translators_asks_it_nothing(lab: Lab) -> None:
    await lab.commit(top("<flag>false</flag>"))
    assert lab.translator.routes == ()


async def test_what_confirms_and_what_takes_back_is_not_refused(lab: Lab) -> None:
    lab.translator.captures = [captured(AUTHOR)]
    await lab.edit(entry(1))
    await lab.do(CONFIRMED)
    await lab.do("<commit/>")  # nothing differs any more
    assert lab.context.confirmed.window is None
    await lab.edit(entry(2))
    await lab.do(CONFIRMED)
    await lab.do("<cancel-commit/>")
    assert ("2",) not in lab.translator.holds


async def test_a_confirming_commit_is_asked_for_what_it_changes_itself(lab: Lab) -> None:
    await lab.edit(entry(1))
    await lab.do(CONFIRMED)
    lab.translator.captures = [captured(AUTHOR)]
    await lab.edit(entry(2))
    (error,) = await lab.refused("<commit/>")
    assert error.app_tag == "would-cut-off-session"
    assert lab.context.confirmed.window is not None


async def test_other_refusals_come_first(lab: Lab) -> None:
    lab.translator.captures = [captured(AUTHOR)]
    lab.translator.refuse_check = True
    await lab.edit(entry(1))
    (error,) = await lab.refused("<commit/>")
    assert error.message == "refused by check"


NACM = """<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><write-default>permit</write-default>
<groups><group><name>editors</name><user-name>ann</user-name></group></groups>
<rule-list><name>r</name><group>editors</group>
<rule><name>one</name>
<path xmlns:ec="urn:yangswan:test:every-construct">/ec:top/ec:entry[ec:id='1']{leaf}</path>
<access-operations>read</access-operations><action>deny</action></rule></rule-list></nacm>"""


@pytest.mark.parametrize("leaf", ["", "/ec:word"])
async def test_who_may_not_read_the_reason_is_told_that_there_is_one(lab: Lab, leaf: str) -> None:
    await lab.commit(NACM.format(leaf=leaf))
    lab.callers[2].user = "ann"
    lab.translator.captures = [captured(OTHER)]
    await lab.edit(entry(1), 1)  # an administrator wrote it, and she commits what is in the shared candidate
    (error,) = await lab.refused("<commit/>", 2)
    assert (error.app_tag, error.path) == ("would-cut-off-session", None)
    assert_tells_nothing(error)
    assert "confirmed commit" in error.message


def assert_tells_nothing(error: RpcError) -> None:
    assert "entry" not in error.message
    assert "bypass" not in error.message


@pytest.mark.parametrize(
    ("local", "remote", "expected"),
    [
        ("10.8.0.1", "10.5.0.9", AUTHOR),
        ("::ffff:10.8.0.1", "::ffff:10.5.0.9", AUTHOR),
        ("2001:DB8::1", "2001:db8::2", Route("2001:db8::1", "2001:db8::2")),
        ("fe80::1%eth0", "fe80::2%eth0", Route("fe80::1", "fe80::2")),
        ("127.0.0.1", "127.0.0.1", None),
        ("::1", "::1", None),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.2", None),
        # From an address of this machine to itself.
        ("10.8.0.1", "10.8.0.1", None),
        # A transport without addresses.
        ("", "", None),
        ("", "10.5.0.9", None),
    ],
)
def test_whose_packets_leave_this_machine(local: str, remote: str, expected: Route | None) -> None:
    assert route_of(Remembering(1, source=remote, local=local)) == expected
