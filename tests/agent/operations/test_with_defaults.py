"""with-defaults (RFC 6243)."""

from __future__ import annotations

import re

import pytest

from agent.operations.readers import for_printing
from agent.yang.nodes import Defaults
from tests.agent.handlers import Lab
from tests.agent.lab import entry, top

WD = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults"
TAGGED = 'xmlns:ncwd="urn:ietf:params:xml:ns:netconf:default:1.0" ncwd:default="true"'
PLAIN = "<plain><speed>100</speed></plain>"
IMPLICIT = f"<plain><speed {TAGGED}>100</speed></plain>"
# What is reported of a value that the client set to the default, and of one that it did not set.
MODES = {
    "explicit": (PLAIN, ""),
    "trim": ("", ""),
    "report-all": (PLAIN, PLAIN),
    "report-all-tagged": (IMPLICIT, IMPLICIT),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("operation", ["get-config", "get"])
async def test_rfc6243_3_the_four_modes(lab: Lab, mode: str, operation: str) -> None:
    set_by_client = "<plain><speed>100</speed></plain>"
    await lab.commit(top(f"<entry><id>1</id>{set_by_client}</entry><entry><id>2</id></entry>"))
    source = "<source><running/></source>" if operation == "get-config" else ""
    ask = f'<{operation}>{source}<with-defaults xmlns="{WD}">{mode}</with-defaults></{operation}>'
    reply = await lab.do(ask)
    found = [re.search("<plain>.*</plain>", part) for part in reply.split("<entry>")[1:]]
    assert tuple(match[0] if match else "" for match in found) == MODES[mode]


async def test_without_with_defaults_the_basic_mode_is_explicit(lab: Lab) -> None:
    await lab.commit(entry(""))
    assert "<speed" not in await lab.do("<get-config><source><running/></source></get-config>")


async def test_an_unknown_mode_is_refused(lab: Lab) -> None:
    ask = f'<get><with-defaults xmlns="{WD}">sometimes</with-defaults></get>'
    assert [e.tag for e in await lab.refused(ask)] == ["invalid-value"]


@pytest.mark.parametrize(
    ("mode", "explicit"), [("report-all", True), ("report-all-tagged", False), ("trim", False)]
)
async def test_rfc6243_4_5_3_copy_config_copies_what_the_mode_reports(
    lab: Lab, mode: str, explicit: bool
) -> None:
    await lab.commit(entry(""))
    await lab.do(
        "<copy-config><target><candidate/></target><source><running/></source>"
        f'<with-defaults xmlns="{WD}">{mode}</with-defaults></copy-config>'
    )
    reply = await lab.do("<get-config><source><candidate/></source></get-config>")
    assert ("<speed>100</speed>" in reply) is explicit


async def test_copy_config_of_values_tagged_as_default_leaves_them_implicit(lab: Lab) -> None:
    tagged = entry(f"<number>1</number>{IMPLICIT}")
    await lab.do(
        f"<copy-config><target><candidate/></target><source><config>{tagged}</config></source></copy-config>"
    )
    reply = await lab.do("<get-config><source><candidate/></source></get-config>")
    assert "<number>1</number>" in reply
    assert "<speed>" not in reply


async def test_a_deleted_leaf_has_its_default_again(lab: Lab) -> None:
    await lab.commit(top("<flag>false</flag>"))
    await lab.commit(top('<flag nc:operation="delete"/>'))
    for source in ("running", "candidate"):
        ask = f'<source><{source}/></source><with-defaults xmlns="{WD}">report-all</with-defaults>'
        assert "<flag>true</flag>" in await lab.do(f"<get-config>{ask}</get-config>")


@pytest.mark.parametrize("mode", MODES)
async def test_a_candidate_that_is_running_itself_is_not_marked_while_it_is_printed(
    lab: Lab, mode: str
) -> None:
    """Others read it meanwhile."""
    await lab.commit(entry("<plain><speed>100</speed></plain>"))
    configuration = lab.context.configuration
    assert configuration.candidate.rest()
    for_candidate, for_running = [
        for_printing(lab.context, name, Defaults[mode.upper().replace("-", "_")])
        for name in ("candidate", "running")
    ]
    assert (for_candidate is configuration.running) is (for_running is configuration.running)
    assert configuration.candidate.is_running
    ask = f'<with-defaults xmlns="{WD}">{mode}</with-defaults></get-config>'
    of_candidate = await lab.do(f"<get-config><source><candidate/></source>{ask}")
    assert of_candidate == await lab.do(f"<get-config><source><running/></source>{ask}")
    assert configuration.candidate.is_running
