"""What a candidate reports with its defaults is what running will report once it is committed (RFC 6243)."""

from __future__ import annotations

from itertools import product

import pytest

from agent.operations.read import WITH_DEFAULTS_NS
from agent.yang.leaf_lists import printed_with
from agent.yang.nodes import Defaults
from agent.yang.schema import Schema
from agent.yang.validate import validate
from tests.agent.handlers import Lab
from tests.agent.lab import CHOOSING, entry, make_schema

H = "urn:hostile"
W = "urn:yangswan:test:wordy"
MODES = ("report-all", "report-all-tagged")


@pytest.fixture(scope="module")
def schema() -> Schema:
    return make_schema("choosing", "also-choosing", "wordy")


def box(body: str, attributes: str = "") -> str:
    return f'<box xmlns="{H}" {attributes}>{body}</box>'


def trip(body: str) -> str:
    return f'<trip xmlns="{CHOOSING}"><name>1</name>{body}</trip>'


def oven(body: str, attributes: str = "") -> str:
    return f'<oven xmlns="{CHOOSING}" {attributes}>{body}</oven>'


REPLACED, REMOVED = 'nc:operation="replace"', 'nc:operation="remove"'
EDITS = {
    "a when comes to hold": [box("<mode>special</mode>")],
    "a when holds no more": [box("<mode>special</mode>"), box(f"<mode {REMOVED}/>")],
    "a when comes to hold by a replace": [box("<mode>special</mode>", REPLACED)],
    "what depends on a when goes": [box("<mode>special</mode><dep>x</dep>"), box(f"<dep {REMOVED}/>")],
    "another case": [box("<bx>a</bx>")],
    "the case by default again": [box("<bx>a</bx>"), box(f"<bx {REMOVED}/>")],
    "the first case": [box("<bx>a</bx>"), box("<ay>x</ay>")],
    "all is removed": [box("<bx>a</bx><mode>special</mode>"), box("", REMOVED)],
    "a new entry": [entry("")],
    "an empty container": [entry("<plain/>")],
    "an empty container is replaced": [
        entry("<plain><speed>5</speed></plain>"), entry(f"<plain {REPLACED}/>"),
    ],
    "a tagged default": [entry('<plain><speed wd:default="true">100</speed></plain>')],
    "a leaf of a container goes": [
        entry("<plain><speed>5</speed></plain>"), entry(f"<plain><speed {REMOVED}/></plain>"),
    ],
    "an empty container at the top": [oven("")],
    "an empty container at the top is replaced": [oven("<timer>9</timer>"), oven("", REPLACED)],
    "a container at the top goes": [oven("<timer>9</timer>"), oven("", REMOVED)],
    "a leaf-list": [oven("<heat>x</heat>"), oven(f"<heat {REMOVED}>x</heat>")],
    "a case of an entry": [trip("<train/>"), trip("<lane>1</lane>")],
    "a case of an entry goes": [trip("<train><number>1</number></train>"), trip(f"<train {REMOVED}/>")],
    "a when inside of a unit": [f'<box xmlns="{W}"><size>1</size><colour>red</colour></box>'],
}  # fmt: skip


async def reported(lab: Lab, datastore: str, mode: str) -> str:
    ask = f'<with-defaults xmlns="{WITH_DEFAULTS_NS}">{mode}</with-defaults>'
    return await lab.do(f"<get-config><source><{datastore}/></source>{ask}</get-config>")


def as_validated(lab: Lab) -> str:
    """Return the candidate with the defaults that libyang finds to be in use."""
    tree = lab.context.configuration.candidate.tree.duplicate()
    validate(tree, everything=True)
    return printed_with(tree, Defaults.REPORT_ALL).decode()


@pytest.mark.parametrize("name", EDITS)
async def test_defaults_in_use_are_reported_before_the_commit(lab: Lab, name: str) -> None:
    for body in EDITS[name]:
        await lab.edit(body)
        assert await reported(lab, "candidate", "report-all") == f"<data>{as_validated(lab)}</data>", body
    before = [await reported(lab, "candidate", mode) for mode in MODES]
    await lab.do("<commit/>")
    for datastore in ("candidate", "running"):
        assert [await reported(lab, datastore, mode) for mode in MODES] == before


@pytest.mark.parametrize("name", EDITS)
async def test_what_was_reported_may_be_sent_back(lab: Lab, name: str) -> None:
    """A container of which all was a default is empty then, as the server reads it."""
    for body in EDITS[name]:
        await lab.edit(body)
    for mode, way in product(MODES, ("replace", "copy")):
        before = await reported(lab, "candidate", "report-all")
        config = (await reported(lab, "candidate", mode)).removeprefix("<data>").removesuffix("</data>")
        if way == "replace":
            await lab.edit(config.replace(">", f" {REPLACED}>", 1))
            options = "<default-operation>replace</default-operation>"
            await lab.do(
                f"<edit-config><target><candidate/></target>{options}<config>{config}</config></edit-config>"
            )
        else:
            source = f"<source><config>{config}</config></source>"
            await lab.do(f"<copy-config><target><candidate/></target>{source}</copy-config>")
        after = await reported(lab, "candidate", "report-all")
        assert sorted(after.split("<")) == sorted(before.split("<")), (mode, way)
        assert after == f"<data>{as_validated(lab)}</data>"


@pytest.mark.parametrize("name", EDITS)
async def test_what_is_taken_back_takes_its_defaults_along(lab: Lab, name: str) -> None:
    before = await reported(lab, "candidate", "report-all")
    for body in EDITS[name]:
        await lab.edit(body)
        await reported(lab, "candidate", "report-all")
    await lab.do("<discard-changes/>")
    assert await reported(lab, "candidate", "report-all") == before
    for body in EDITS[name]:
        test = "<test-option>test-only</test-option>"
        await lab.do(f"<edit-config><target><candidate/></target>{test}<config>{body}</config></edit-config>")
        assert await reported(lab, "candidate", "report-all") == before


async def test_a_filter_finds_defaults_of_the_candidate(lab: Lab) -> None:
    await lab.edit(box("<mode>special</mode>") + entry("<plain/>"))
    ask = f'<with-defaults xmlns="{WITH_DEFAULTS_NS}">report-all</with-defaults>'
    for path, found in (("/h:box/h:dep", "<dep>depdef</dep>"), ("//e:speed[. = 100]", "<speed>100</speed>")):
        declared = f'xmlns:h="{H}" xmlns:e="urn:yangswan:test:every-construct"'
        filter_ = f'<filter type="xpath" {declared} select="{path}"/>'
        assert found in await lab.do(f"<get-config><source><candidate/></source>{filter_}{ask}</get-config>")


async def test_a_rollback_brings_the_defaults_of_what_is_being_edited_up_to_date(lab: Lab) -> None:
    await lab.edit(box("<mode>special</mode>"))
    await lab.do("<commit/>")
    await lab.edit(box("<dep>x</dep>"))
    await lab.do("<commit><confirmed/><persist>token</persist></commit>")
    await lab.edit(box(f"<mode {REMOVED}/>"))
    await reported(lab, "candidate", "report-all")
    await lab.do("<cancel-commit><persist-id>token</persist-id></cancel-commit>")
    assert await reported(lab, "candidate", "report-all") == f"<data>{as_validated(lab)}</data>"
