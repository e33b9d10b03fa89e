"""Two cases of one choice at every door at which data comes in (RFC 7950 section 8.3.1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.handlers import Lab, running_lab
from tests.agent.lab import CHOOSING, make_schema
from tests.requests import edit_candidate

BOTH = "<lane>1</lane><train><number>2</number></train>"
TRIP = f'<trip xmlns="{CHOOSING}"><name>1</name>{BOTH}</trip>'
PATH = "/choosing:trip[name='1']/train"
SOURCE = f"<source><config>{TRIP}</config></source>"
NMDA = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
DATASTORES = "urn:ietf:params:xml:ns:yang:ietf-datastores"
YANG = "urn:ietf:params:xml:ns:yang:1"
DOORS = {
    "edit-config": (edit_candidate(TRIP), PATH),
    "edit-data": (
        f'<edit-data xmlns="{NMDA}" xmlns:ds="{DATASTORES}"><datastore>ds:candidate</datastore>'
        f"<config>{TRIP}</config></edit-data>",
        PATH,
    ),
    "copy-config": (f"<copy-config><target><candidate/></target>{SOURCE}</copy-config>", PATH),
    "validate": (f"<validate>{SOURCE}</validate>", PATH),
    "an rpc": (f'<leave xmlns="{CHOOSING}">{BOTH}</leave>', "/choosing:leave/train"),
    "an action": (
        f'<action xmlns="{YANG}"><trip xmlns="{CHOOSING}"><name>1</name><go>{BOTH}</go></trip></action>',
        "/choosing:trip[name='1']/go/train",
    ),
}


@pytest.fixture
async def choosing(tmp_path: Path) -> AsyncIterator[Lab]:
    async with running_lab(make_schema("choosing"), tmp_path) as made:
        yield made


@pytest.mark.parametrize(("request_", "path"), DOORS.values(), ids=DOORS)
async def test_two_cases_are_refused(choosing: Lab, request_: str, path: str) -> None:
    await choosing.commit(TRIP.replace(BOTH, ""))
    (error,) = await choosing.refused(request_)
    assert (error.tag, error.path, error.info) == ("bad-element", path, {"bad-element": "train"})


async def test_what_has_no_keys_may_stand_twice_in_an_input(choosing: Lab) -> None:
    twice = 2 * "<companion><name>a</name></companion><word>b</word>"
    (error,) = await choosing.refused(f'<leave xmlns="{CHOOSING}">{twice}</leave>')
    assert error.tag == "operation-not-supported"  # it was read; nothing carries it out here


async def test_two_cases_of_parameters_are_refused(choosing: Lab) -> None:
    (error,) = await choosing.refused("<get-config><source><running/><candidate/></source></get-config>")
    assert (error.tag, error.info) == ("bad-element", {"bad-element": "candidate"})


async def test_a_mandatory_node_of_the_case_that_was_chosen_must_be_there(choosing: Lab) -> None:
    """explain-access has a mandatory choice, and in one of its cases a node that is mandatory."""
    agent = "urn:yangswan:params:xml:ns:yang:agent"
    (error,) = await choosing.refused(
        f'<explain-access xmlns="{agent}"><access>read</access></explain-access>'
    )
    assert (error.tag, error.info) == ("missing-element", {"bad-element": "path"})
    (error,) = await choosing.refused(f'<explain-access xmlns="{agent}"/>')
    assert (error.tag, error.info) == ("missing-element", {"bad-element": "what"})


async def test_but_not_a_thousand_times(choosing: Lab) -> None:
    errors = await choosing.refused(f'<leave xmlns="{CHOOSING}">{1000 * "<word>b</word>"}</leave>')
    assert {error.tag for error in errors} == {"bad-element"}
