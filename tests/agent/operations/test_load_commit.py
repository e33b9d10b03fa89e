"""load-commit: the configuration as a commit left it is in the candidate, and a commit makes it running."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.datastore import spans
from agent.datastore.records import CommitInfo, UnitChange
from agent.yang.units import Unit
from tests.agent.handlers import Lab, Remembering
from tests.agent.lab import EC, entry, top
from tests.agent.operations.comparisons import AGENT, lines, some_content, three_commits
from tests.agent.operations.guarded import JOE, NOBODY, path, rule, rule_list, ruled
from tests.agent.operations.loads import E, ago, changed_units, commit, load


async def test_a_commit_is_loaded_and_made_running(lab: Lab) -> None:
    await lab.commit(entry("<number>1</number>"))
    first = lab.running
    await lab.commit(top("<entry><id>1</id><number>2</number></entry><entry><id>2</id></entry>"))
    now = lab.running
    assert await lab.do(commit(1)) == f'<commit xmlns="{AGENT}">1</commit>'
    assert lab.running == now, "only the candidate has changed"
    assert lab.candidate == first
    assert await lines(lab, 1, "candidate") == []
    lab.translator.log.clear()
    await lab.do("<commit/>")
    assert lab.running == first
    assert await lines(lab, 1, 3) == []
    assert set(lab.translator.holds) == {("1",)}


async def test_commits_ago(lab: Lab) -> None:
    await three_commits(lab)
    for count, number in ((0, 3), (1, 2), (2, 1)):
        assert await lab.do(ago(count)) == f'<commit xmlns="{AGENT}">{number}</commit>'
        assert await lines(lab, number, "candidate") == []
    assert await lab.do(ago(3)) == "", "that was before the oldest commit"
    assert lab.candidate == ""
    (error,) = await lab.refused(ago(4))
    assert (error.tag, error.app_tag) == ("invalid-value", "no-such-commit")
    assert (
        error.message == "the history goes back 3 commits, not 4; the history holds commits 1 to 3 in force"
    )
    assert error.info == {"bad-element": "commits-ago"}
    assert lab.candidate == "", "what is refused changes nothing"


async def test_commits_that_were_undone_do_not_count(lab: Lab) -> None:
    await lab.commit(entry("<number>1</number>"))
    lab.translator.refuse_apply = True
    await lab.edit(entry("<number>2</number>"))
    await lab.refused("<commit/>")
    lab.translator.refuse_apply = False
    (error,) = await lab.refused(commit(2))
    assert (error.tag, error.app_tag) == ("invalid-value", "commit-undone")
    await lab.commit(entry("<number>3</number>"))
    assert await lab.do(ago(1)) == f'<commit xmlns="{AGENT}">1</commit>'


async def test_what_else_was_in_the_candidate_is_gone(lab: Lab) -> None:
    await three_commits(lab)
    await lab.edit(top("<entry><id>7</id></entry><flag>false</flag>"))
    await lab.do(commit(2))
    assert await lines(lab, 2, "candidate") == []
    await lab.do(ago(0))
    assert lab.candidate == lab.running
    assert lab.context.configuration.candidate.differing(lab.context.configuration.running) == []


async def test_any_commit_of_many_from_any_candidate(lab: Lab) -> None:
    generator = random.Random(3)
    was = []
    for _ in range(6):
        content = f"<source><config>{some_content(generator)}</config></source>"
        await lab.do(f"<copy-config><target><candidate/></target>{content}</copy-config>")
        await lab.do("<commit/>")
    count = lab.context.configuration.store.latest()
    for number in generator.choices(range(1, count + 1), k=12):
        await lab.do(commit(number))
        assert await lines(lab, number, "candidate") == []
        was.append(number)
        if len(was) % 3 == 0:
            await lab.do("<commit/>")
            assert await lines(lab, number) == []
        await lab.edit(top('<entry nc:operation="remove"><id>10</id></entry>'))


async def test_the_defaults_in_use_are_those_of_then(lab: Lab) -> None:
    await lab.commit(entry("<plain><speed>1</speed></plain>"))
    await lab.commit(top("<flag>false</flag>"))
    await lab.commit(entry('<plain><speed nc:operation="delete"/></plain>'))
    await lab.do(commit(1))
    got = "<get-config><source><candidate/></source><with-defaults xmlns="
    got += '"urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults">report-all</with-defaults></get-config>'
    shown = await lab.do(got)
    assert "<speed>1</speed>" in shown
    assert "<flag>true</flag>" in shown


async def test_only_what_differs_is_touched(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    replace = Unit.replace_in

    def counted(unit: Unit, *arguments: object, **more: object) -> None:
        made.append(unit.path)
        replace(unit, *arguments, **more)  # type: ignore[arg-type]

    costs = []
    for count in (1, 300):
        await lab.commit(top("".join(f"<entry><id>{n}</id></entry>" for n in range(1, count + 1))))
        await lab.commit(entry("<number>1</number>"))
        before = lab.context.configuration.store.latest()
        await lab.commit(entry("<number>2</number>"))
        await lab.edit(top("<entry><id>0</id></entry>"))
        with monkeypatch.context() as patch:
            patch.setattr(Unit, "replace_in", counted)
            made.clear()
            await lab.do(commit(before))
            costs.append(len(made))
        assert [change.path for change in changed_units(lab)] == [E]
        await lab.do("<discard-changes/>")
    assert costs[0] == costs[1] < 12


async def test_it_is_read_in_turns_and_not_without_end(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    await three_commits(lab)
    monkeypatch.setattr(spans, "UNITS_AT_ONCE", 1)
    await lab.do(commit(1))
    assert await lines(lab, 1, "candidate") == []
    with monkeypatch.context() as patch:
        patch.setattr(spans, "UNITS_MAX", 1)
        (error,) = await lab.refused(commit(1))
    assert (error.tag, error.app_tag) == ("resource-denied", "too-many-differences")
    assert await lines(lab, 1, "candidate") == []


async def test_others_read_between_the_steps_and_see_all_of_it_or_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows(number: int) -> str:
        return top("".join(f"<entry><id>{n}</id><number>{number}</number></entry>" for n in range(6)))

    await lab.commit(rows(1))
    then = lab.candidate
    await lab.commit(rows(2))
    await ruled(lab, rule_list("a", ["limited"], rule("x", "permit", path("/ec:top"))))
    rules = lab.context.configuration.store.latest()
    await lab.commit(rows(1))
    before, touched = lab.candidate, 0
    replace_in = Unit.replace_in

    def counted(unit: Unit, *arguments: object, **more: object) -> None:
        nonlocal touched
        touched += 1
        replace_in(unit, *arguments, **more)  # type: ignore[arg-type]

    async def in_steps(step: Callable[..., object], *arguments: object) -> object:
        nonlocal touched
        touched = 0
        seen.add(lab.candidate)
        result = step(*arguments)
        most.append(touched)
        return result

    most: list[int] = []
    seen: set[str] = set()
    monkeypatch.setattr(Unit, "replace_in", counted)
    monkeypatch.setattr("agent.operations.load_commit.UNITS_AT_ONCE", 2)
    monkeypatch.setattr(lab.context, "worker", in_steps)
    await lab.do(commit(rules), JOE)
    assert len(most) > 6
    assert max(most) <= 4
    assert seen <= {before, lab.candidate}
    assert lab.candidate != before
    assert lab.candidate.count("<number>2<") == then.count("<number>1<") == 6


async def test_a_lock_of_another_session_is_respected(lab: Lab) -> None:
    await three_commits(lab)
    await lab.do("<lock><target><candidate/></target></lock>", 2)
    (error,) = await lab.refused(commit(1))
    assert error.tag == "in-use"
    await lab.do(commit(1), 2)
    await lab.do("<unlock><target><candidate/></target></unlock>", 2)
    assert await lines(lab, "running", "candidate") == []


@pytest.mark.parametrize(
    ("body", "tag"),
    [
        ("", "missing-element"),
        ("<commit>1</commit><commits-ago>1</commits-ago>", "bad-element"),
        ("<commit>0</commit>", "invalid-value"),
        ("<commit>99</commit>", "invalid-value"),
    ],
)
async def test_what_names_no_commit_is_refused(lab: Lab, body: str, tag: str) -> None:
    await three_commits(lab)
    assert tag in {error.tag for error in await lab.refused(load(body))}


# -- what does not fit --------------------------------------------------------------------------------


def recorded(lab: Lab, *changes: UnitChange) -> None:
    store = lab.context.configuration.store
    store.finish(store.begin(CommitInfo("x", 0, ""), changes, "2026-11-27T00:00:00Z"))


async def test_what_no_longer_fits_is_named_and_the_rest_is_loaded(lab: Lab) -> None:
    await lab.commit(entry("<number>1</number>"))
    await lab.commit(entry("<number>2</number>"))
    broken = f'<top xmlns="{EC}"><flag>9</flag></top>'.encode()
    torn = f'<top xmlns="{EC}"><entry><id>5</id><more xmlns="urn:gone">1</more></entry></top>'.encode()
    recorded(
        lab,
        UnitChange("/every-construct:top/flag", before=broken, after=b""),
        UnitChange("/every-construct:top/entry[id='5']", before=torn, after=b""),
    )
    reply = await lab.do(commit(1))
    assert re.findall("<left-out[^>]*>([^<]*)", reply) == [
        "/every-construct:top/flag: /every-construct:top/flag does not fit the YANG modules of this server",
        "/every-construct:top/entry[id='5']: 'more' is left out: no module of this server has the namespace "
        "urn:gone",
    ]
    assert await lines(lab, "running", "candidate") == [
        f"- {E}/number = 2",
        f"+ {E}/number = 1",
        "+ /every-construct:top/entry[id='5']",
    ]


async def test_access_control_that_does_not_fit_is_refused(lab: Lab) -> None:
    await lab.commit(entry("<number>1</number>"))
    nacm = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
    opens = (
        f'<nacm xmlns="{nacm}"><rule-list><name>a</name><rule><name>old</name>'
        f'<path xmlns:x="{EC}">/x:top/x:older</path><action>deny</action></rule></rule-list></nacm>'
    ).encode()
    recorded(lab, UnitChange("/ietf-netconf-acm:nacm/rule-list", before=opens, after=b""))
    await lab.edit(entry("<number>7</number>"))
    (error,) = await lab.refused(commit(1))
    assert (error.tag, error.app_tag) == ("operation-failed", "access-control-does-not-fit")
    assert error.message.startswith(
        "access control cannot be put back as it was: rule 'old' of rule-list 'a'"
    )
    assert error.path == "/ietf-netconf-acm:nacm/rule-list"
    assert "<number>7</number>" in lab.candidate, "it is as it was"
    lab.callers[NOBODY] = Remembering(NOBODY, "nobody")
    lab.context.nacm.rules = replace(lab.context.nacm.rules, write_default=True)
    (error,) = await lab.refused(commit(1), NOBODY)
    assert error.app_tag == "access-control-does-not-fit"
    assert "old" not in error.message
