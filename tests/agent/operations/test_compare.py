"""compare (RFC 9144): how two datastores differ."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from agent.apart import TooCostly
from agent.yang.units import Unit
from tests.agent.handlers import Lab
from tests.agent.lab import EC, entry, top
from tests.agent.operations.comparisons import fits, subtree, xpath
from tests.agent.operations.guarded import JOE, path, rule, rule_list, ruled

NS = "urn:ietf:params:xml:ns:yang:ietf-nmda-compare"
DS = "urn:ietf:params:xml:ns:yang:ietf-datastores"
OR = "urn:ietf:params:xml:ns:yang:ietf-origin"
NO_MATCHES = f'<no-matches xmlns="{NS}"/>'
E = "/every-construct:top/entry=1"
ONLY = subtree(f'<top xmlns="{EC}"/>')


def compare(source: str, target: str, more: str = "") -> str:
    return (
        f'<compare xmlns="{NS}" xmlns:ds="{DS}"><source>ds:{source}</source>'
        f"<target>ds:{target}</target>{more}</compare>"
    )


async def rows(lab: Lab, source: str, target: str, more: str = "", session_id: int = 1) -> list[str]:
    """Return operation and target of each edit."""
    reply = etree.fromstring(await lab.do(compare(source, target, more), session_id))
    assert reply.tag == f"{{{NS}}}differences"
    return [f"{edit[1].text} {edit[2].text}" for edit in reply.iter("{*}edit")]


@pytest.fixture(autouse=True)
async def filled(lab: Lab) -> None:
    await lab.commit(top("<entry><id>1</id><number>2</number></entry><entry><id>2</id></entry>"))


async def test_candidate_and_running_each_way(lab: Lab) -> None:
    assert await rows(lab, "running", "candidate") == []
    await lab.edit(top("<entry><id>1</id><number>3</number></entry><entry><id>3</id></entry>"))
    created = "create /every-construct:top/entry=3"
    assert await rows(lab, "running", "candidate") == [f"replace {E}/number", created]
    deleted = created.replace("create", "delete")
    assert await rows(lab, "candidate", "running") == [f"replace {E}/number", deleted]
    assert await rows(lab, "candidate", "candidate") == await rows(lab, "running", "running") == []


async def test_rfc9144_5_the_reply_says_what_and_from_what(lab: Lab) -> None:
    await lab.edit(entry("<number>3</number>"))
    assert await lab.do(compare("running", "candidate")) == (
        f'<differences xmlns="{NS}"><yang-patch><patch-id>running to candidate</patch-id><edit>'
        f"<edit-id>1</edit-id><operation>replace</operation><target>{E}/number</target>"
        f'<value><number xmlns="{EC}">3</number></value>'
        f'<source-value><number xmlns="{EC}">2</number></source-value></edit></yang-patch></differences>'
    )


async def test_without_all_state_is_no_difference_and_neither_is_a_default_in_use(lab: Lab) -> None:
    for pair in (("running", "operational"), ("operational", "running"), ("candidate", "operational")):
        assert await rows(lab, *pair) == []
    await lab.edit(top("<flag>true</flag><entry><id>1</id><number>3</number></entry>"))
    assert await rows(lab, "operational", "candidate") == [f"replace {E}/number"]
    assert await rows(lab, "running", "candidate") == [
        f"replace {E}/number",
        "create /every-construct:top/flag",
    ], "among the others it counts whether somebody has set it"
    assert await rows(lab, "operational", "operational", "<all/>") == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<mode>special</mode>", ["create /hostile:box/dep", "replace /hostile:box/mode"]),
        ("<bx>a</bx>", ["create /hostile:box/bc/bcv", "create /hostile:box/bx"]),
    ],
)
@pytest.mark.parametrize("filter_", ["", subtree('<box xmlns="urn:hostile"/>'), xpath("/h:box[1 = 1]")])
async def test_a_default_in_use_that_depends_on_another_unit_is_a_difference(
    lab: Lab, filter_: str, body: str, expected: list[str]
) -> None:
    filter_ = filter_.replace("xmlns:ec=", 'xmlns:h="urn:hostile" xmlns:ec=')
    await lab.edit(f'<box xmlns="urn:hostile">{body}</box>')
    assert await rows(lab, "operational", "candidate", filter_) == expected
    back = sorted(row.replace("create", "delete") for row in expected)
    assert sorted(await rows(lab, "candidate", "operational", filter_)) == back
    assert len(await rows(lab, "running", "candidate", filter_)) == 1
    await lab.do("<discard-changes/>")
    assert await rows(lab, "operational", "candidate", filter_) == []


async def test_all_brings_the_state(lab: Lab) -> None:
    assert await rows(lab, "running", "operational", f"<all/>{ONLY}") == [
        f"create {E}/state/seen",
        "create /every-construct:top/entry=2/state/seen",
    ]
    deleted = f"delete {E}/state/seen"
    one = subtree(f'<top xmlns="{EC}"><entry><id>1</id></entry></top>')
    assert await rows(lab, "operational", "running", f"<all/>{one}") == [deleted]
    await lab.edit(entry("<number>3</number>"))
    assert await rows(lab, "operational", "candidate", f"<all/>{one}") == [deleted, f"replace {E}/number"]
    assert await rows(lab, "running", "candidate", f"<all/>{one}") == [f"replace {E}/number"]
    whole = await rows(lab, "running", "operational", "<all/>")
    assert f"create {E}/state/seen" in whole
    assert "create /ietf-yang-library:yang-library/module-set=complete" in whole


async def test_report_origin_is_told_of_what_is_operational(lab: Lab) -> None:
    await lab.edit(top('<entry nc:operation="delete"><id>1</id></entry>'))
    origin = await lab.do(compare("operational", "candidate", "<report-origin/>"))
    assert f'<entry xmlns="{EC}" xmlns:or="{OR}" or:origin="or:intended"><id>1</id>' in origin
    assert '<speed or:origin="or:default">100</speed>' in origin
    plain = await lab.do(compare("operational", "candidate"))
    assert "<speed>100</speed>" in plain
    assert "origin" not in plain
    await lab.edit(entry("<number>7</number>"))
    origin = await lab.do(compare("candidate", "operational", "<report-origin/>"))
    assert f'<value><number xmlns="{EC}" xmlns:or="{OR}" or:origin="or:intended">2</number></value>' in origin
    assert f'<source-value><number xmlns="{EC}">7</number></source-value>' in origin
    (error,) = await lab.refused(compare("running", "candidate", "<report-origin/>"))
    assert (error.tag, error.info) == ("invalid-value", {"bad-element": "report-origin"})


@pytest.mark.parametrize(
    "filter_",
    [
        subtree(f'<top xmlns="{EC}"><entry><id>7</id></entry></top>'),
        subtree(f'<top xmlns="{EC}"><entry><number>9</number></entry></top>'),
        subtree('<nothing xmlns="urn:nothing"/>'),
        subtree(f'<order xmlns="{EC}"/>'),
        subtree(""),
        xpath("/ec:top/ec:entry[ec:id='7']"),
        xpath("/ec:order"),
        xpath("//ec:entry[count(ec:number) = 2]"),
        xpath("/ec:top[ec:flag='false']"),
    ],
)
async def test_a_filter_that_selects_nothing_has_no_matches(lab: Lab, filter_: str) -> None:
    for pair in (("running", "candidate"), ("running", "operational"), ("candidate", "candidate")):
        assert await lab.do(compare(*pair, filter_)) == NO_MATCHES
    assert await lab.do(compare("running", "operational", f"<all/>{filter_}")) == NO_MATCHES


@pytest.mark.parametrize(
    "filter_",
    [
        subtree(f'<top xmlns="{EC}"><entry><id>1</id></entry></top>'),
        subtree(f'<top xmlns="{EC}"><entry><number>2</number></entry></top>'),
        subtree(f'<top xmlns="{EC}"><flag>true</flag></top>'),
        ONLY,
        xpath("/ec:top/ec:entry[ec:id='1']"),
        xpath("/ec:top/ec:entry"),
        xpath("/ec:top"),
        xpath("//ec:entry[count(../ec:entry) = 2]"),
        "",
    ],
)
async def test_what_is_selected_and_the_same_is_no_difference(lab: Lab, filter_: str) -> None:
    assert await rows(lab, "running", "candidate", filter_) == []
    assert await rows(lab, "running", "operational", filter_) == []
    await lab.edit(top("<entry><id>1</id><number>3</number></entry>"))
    assert await rows(lab, "running", "candidate", filter_) == [f"replace {E}/number"]


@pytest.mark.parametrize("name", ["intended", "startup", "factory-default", "conventional"])
async def test_a_datastore_that_is_not_there_is_refused(lab: Lab, name: str) -> None:
    for pair, element in (((name, "running"), "source"), (("running", name), "target")):
        (error,) = await lab.refused(compare(*pair))
        assert error.tag == "invalid-value"
        assert error.info == {"bad-element": element}


async def test_what_may_not_be_read_is_no_match_and_no_difference(lab: Lab) -> None:
    await ruled(lab, rule_list("a", ["limited"], rule("no", "deny", path("/ec:top/ec:entry[ec:id='2']"))))
    await lab.edit(top("<entry><id>2</id><hidden>hush</hidden></entry>"))
    assert await rows(lab, "running", "candidate", session_id=JOE) == []
    assert await rows(lab, "running", "operational", f"<all/>{ONLY}", JOE) == [f"create {E}/state/seen"]
    only = subtree(f'<top xmlns="{EC}"><entry><id>2</id></entry></top>')
    hidden = subtree(f'<top xmlns="{EC}"><entry><hidden/></entry></top>')
    for filter_ in (only, hidden, xpath("//ec:entry[ec:hidden]")):
        assert await lab.do(compare("running", "candidate", filter_), JOE) == NO_MATCHES
        assert await lab.do(compare("running", "operational", f"<all/>{filter_}"), JOE) == NO_MATCHES


async def test_to_find_that_a_filter_matches_no_more_is_looked_at_than_it_takes(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lab.commit(top("".join(f"<entry><id>{n}</id></entry>" for n in range(300))))
    made: list[object] = []
    locate = Unit.locate
    monkeypatch.setattr(Unit, "locate", lambda unit, tree: made.append(unit) or locate(unit, tree))
    for filter_ in (ONLY, xpath("/ec:top/ec:entry[ec:id='299']"), xpath("/ec:top")):
        made.clear()
        assert await rows(lab, "running", "candidate", filter_) == []
        assert 0 < len(made) < 40
    assert lab.context.apart.copies == 0
    nowhere = subtree(f'<top xmlns="{EC}"><entry><number>9</number></entry></top>')
    assert await lab.do(compare("running", "candidate", nowhere)) == NO_MATCHES
    assert lab.context.apart.copies == 1, "all are looked at, and nobody waits for it"


@pytest.mark.parametrize("more", ["", "<all/>", "<report-origin/>"])
async def test_the_reply_fits_the_schema(lab: Lab, tmp_path: Path, more: str) -> None:
    await lab.edit(entry("<step>a</step><step>b</step><side>1</side>"))
    operation = compare("operational", "candidate", more)
    assert fits("ietf-nmda-compare", operation, await lab.do(operation), tmp_path)
    operation = compare("running", "operational", f"<all/>{subtree(f'<top xmlns={EC!r}/>')}")
    assert fits("ietf-nmda-compare", operation, await lab.do(operation), tmp_path)
    assert fits("ietf-nmda-compare", operation, NO_MATCHES, tmp_path)
    assert not fits("ietf-nmda-compare", operation, f'<other xmlns="{NS}"/>', tmp_path)


COSTLY = xpath("//ec:entry[ec:number=//ec:entry/ec:number]")


def takes_for_ever(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have whatever is done in a copy of the process take too long."""

    async def done(*_arguments: object) -> None:
        raise TooCostly

    monkeypatch.setattr(lab.context.apart, "done", done)


async def test_a_filter_that_takes_too_long_is_named_as_what_does(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lab.edit(entry("<number>3</number>"))
    takes_for_ever(lab, monkeypatch)
    (error,) = await lab.refused(compare("running", "candidate", COSTLY))
    assert (error.tag, error.app_tag, error.type.value) == ("resource-denied", None, "protocol")
    assert "too long to find what the filter selects" in error.message


async def test_where_nothing_differs_no_filter_takes_too_long(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes_for_ever(lab, monkeypatch)
    assert await rows(lab, "running", "candidate", COSTLY) == []
    assert await rows(lab, "candidate", "running", COSTLY) == []


async def test_what_the_caller_may_not_read_makes_no_filter_take_too_long(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = rule("no", "deny", path("/ec:top/ec:entry[ec:id='1']"))
    await ruled(lab, rule_list("a", ["limited"], hidden))
    await lab.edit(entry("<number>3</number>"))
    takes_for_ever(lab, monkeypatch)
    assert await rows(lab, "running", "candidate", COSTLY, session_id=JOE) == []
    await lab.refused(compare("running", "candidate", COSTLY))
