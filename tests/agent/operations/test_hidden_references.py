"""Nobody learns by a path that must exist whether what he may not read is there."""

from __future__ import annotations

import pytest

from agent.yang.schema import Schema
from tests.agent.handlers import Lab
from tests.agent.lab import EC, MODULES, entry, make_schema

P, NACM = "urn:yangswan:test:pointing", "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
RITA = 2
RULE = (
    "<rule><name>{0}</name><module-name>{0}</module-name><access-operations>{1}</access-operations>"
    "<action>{2}</action></rule>"
)
RULES = (
    f'<nacm xmlns="{NACM}"><groups><group><name>g</name><user-name>rita</user-name></group></groups>'
    f"<rule-list><name>l</name><group>g</group>{RULE.format('pointing', '*', 'permit')}"
    f"{RULE.format('every-construct', 'read', 'deny')}</rule-list></nacm>"
)
ENTRY = "/ec:top/ec:entry[ec:id='{}']"
TARGETS = (ENTRY.format(1), ENTRY.format(2), ENTRY.format(1) + "/ec:word", ENTRY.format(1) + "/ec:number")
READABLE = "/p:signs/p:perhaps"


@pytest.fixture(scope="module")
def schema() -> Schema:
    return make_schema("pointing")


@pytest.fixture(autouse=True)
async def ruled(lab: Lab) -> None:
    lab.translator.yang_files = [MODULES / "pointing.yang"]
    lab.caller(RITA).user = "rita"
    await lab.commit(RULES + entry("<word>a</word>") + signs("<perhaps>/p:signs</perhaps>"))


def signs(body: str) -> str:
    return f'<signs xmlns="{P}" xmlns:p="{P}" xmlns:ec="{EC}">{body}</signs>'


def visit(place: str) -> str:
    return f'<visit xmlns="{P}" xmlns:p="{P}" xmlns:ec="{EC}"><place>{place}</place></visit>'


def requests(body: str) -> list[str]:
    config, into = f"<config>{signs(body)}</config>", "<target><candidate/></target>"
    return [
        f"<edit-config>{into}<test-option>test-only</test-option>{config}</edit-config>",
        f"<edit-config>{into}<default-operation>replace</default-operation>{config}</edit-config>",
        f"<edit-config>{into}{config}</edit-config>",
        f"<copy-config>{into}<source>{config}</source></copy-config>",
        f"<validate><source>{config}</source></validate>",
    ]


@pytest.mark.parametrize("node", ["to", "more"])
async def test_the_answer_is_one_whether_it_is_there_or_not(lab: Lab, node: str) -> None:
    before = lab.candidate
    told = set()
    for target in TARGETS:
        for request in requests(f"<{node}>{target}</{node}>"):
            (error,) = await lab.refused(request, RITA)
            told.add((error.tag, error.path, error.message))
        (error,) = await lab.refused(visit(target), RITA)
        assert (error.tag, error.path) == ("access-denied", "/pointing:visit/place")
    ((tag, path, message),) = told
    assert (tag, path) == ("access-denied", f"/pointing:signs/{node}")
    assert "rita" in message
    assert "entry" not in message or "'entry' above it" in message
    assert lab.candidate == before


async def test_what_may_be_read_may_be_referred_to(lab: Lab) -> None:
    lab.translator.outputs["visit"] = {}
    await lab.edit(signs(f"<to>{READABLE}</to>"), RITA)
    await lab.do("<validate><source><candidate/></source></validate>", RITA)
    await lab.do(visit(READABLE), RITA)
    assert "rpc visit" in lab.translator.log


async def test_so_may_what_need_not_exist(lab: Lab) -> None:
    await lab.edit(signs(f"<perhaps>{TARGETS[1]}</perhaps>"), RITA)
    await lab.do("<validate><source><candidate/></source></validate>", RITA)


async def test_who_may_read_everything_learns_that_it_is_not_there(lab: Lab) -> None:
    await lab.edit(signs(f"<to>{TARGETS[1]}</to>"))
    (error,) = await lab.refused("<commit/>")
    assert (error.tag, error.app_tag) == ("data-missing", "instance-required")
    await lab.edit(signs(f"<to>{TARGETS[0]}</to>"))
    await lab.do("<commit/>")
    await lab.edit(signs('<to nc:operation="remove"/>'), RITA)
    await lab.edit(signs(f'<more nc:operation="remove">{TARGETS[0]}</more>'), RITA)
