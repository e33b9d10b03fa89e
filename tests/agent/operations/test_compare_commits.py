"""compare-commits: two states of the configuration, by what the history holds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.agent.handlers import Lab
from tests.agent.history.applier import applied, canonical, document
from tests.agent.lab import EC, entry, top
from tests.agent.operations.comparisons import (
    AGENT,
    E,
    compare,
    fits,
    lines,
    some_content,
    subtree,
    three_commits,
    xpath,
)


async def test_two_commits_each_way(lab: Lab) -> None:
    await three_commits(lab)
    assert await lines(lab, 1, 3) == [
        f"- {E}/number = 1",
        f"+ {E}/number = 3",
        "+ /every-construct:top/entry[id='2']",
    ]
    assert await lines(lab, 3, 1) == [
        f"- {E}/number = 3",
        f"+ {E}/number = 1",
        "- /every-construct:top/entry[id='2']",
    ]
    assert await lines(lab, 2, 2) == []


async def test_running_is_what_is_compared_with_unless_something_else_is_named(lab: Lab) -> None:
    await three_commits(lab)
    await lab.edit(entry("<number>4</number>"))
    assert await lines(lab, 2) == await lines(lab, 2, 3) == [f"- {E}/number = 2", f"+ {E}/number = 3"]
    assert await lines(lab, "running", "candidate") == [f"- {E}/number = 3", f"+ {E}/number = 4"]
    assert await lines(lab, "candidate", "running") == [f"- {E}/number = 4", f"+ {E}/number = 3"]
    assert await lines(lab, 2, "candidate") == [f"- {E}/number = 2", f"+ {E}/number = 4"]
    assert await lines(lab, "candidate", "candidate") == await lines(lab, "running", "running") == []


async def test_the_beginning_is_before_the_oldest_commit(lab: Lab) -> None:
    assert await lines(lab, "beginning") == []
    await three_commits(lab)
    assert await lines(lab, "beginning", 1) == [f"+ {E}", f"+ {E}/number = 1"]
    lab.context.configuration.store._db.execute("DELETE FROM changes WHERE commit_id = 1")
    lab.context.configuration.store._db.execute("DELETE FROM commits WHERE id = 1")
    assert await lines(lab, "beginning", 2) == [
        f"- {E}/number = 1",
        f"+ {E}/number = 2",
        "+ /every-construct:top/entry[id='2']",
    ]


async def test_what_was_changed_and_changed_back_is_no_difference(lab: Lab) -> None:
    await three_commits(lab)
    await lab.commit(entry("<number>2</number>"))
    assert await lines(lab, 2, 4) == []
    reply = await lab.do(compare(2, 4))
    assert reply == (
        f'<differences xmlns="{AGENT}"><yang-patch><patch-id>commit 2 to commit 4</patch-id></yang-patch>'
        "</differences>"
    )


async def test_a_filter_selects_what_is_compared(lab: Lab) -> None:
    await three_commits(lab)
    second = ["+ /every-construct:top/entry[id='2']"]
    for filter_ in (
        subtree(f'<top xmlns="{EC}"><entry><id>2</id></entry></top>'),
        xpath("/ec:top/ec:entry[ec:id='2']"),
        xpath("//ec:entry[ec:id='2']"),
        xpath("/ec:top/ec:entry[not(ec:number)]"),
    ):
        assert await lines(lab, 1, 3, filter_) == second, filter_
    assert await lines(lab, 1, 3, xpath("/ec:top/ec:flag")) == []


async def test_a_node_that_a_filter_selects_by_its_value_is_told_as_changed(lab: Lab) -> None:
    await three_commits(lab)
    for filter_ in (
        subtree(f'<top xmlns="{EC}"><entry><number>3</number></entry></top>'),
        xpath("/ec:top/ec:entry[ec:number='3']"),
    ):
        assert await lines(lab, 1, 3, filter_) == [f"- {E}/number = 1", f"+ {E}/number = 3"]


async def test_a_filter_leaves_the_order_of_the_user_as_it_is(lab: Lab) -> None:
    def stages(first: int, second: int) -> str:
        rows = (("a", first), ("b", second))
        return entry("".join(f"<stage><name>{n}</name><effort>{e}</effort></stage>" for n, e in rows))

    await lab.commit(stages(1, 2))
    await lab.commit(stages(2, 1))
    expected = await lines(lab, 1, 2)
    assert len(expected) == 4
    by_value = "<entry><stage><effort>1</effort></stage></entry>"
    by_name = "".join(f"<entry><stage><name>{name}</name></stage></entry>" for name in "ba")
    for body in (by_value, by_name):
        assert await lines(lab, 1, 2, subtree(f'<top xmlns="{EC}">{body}</top>')) == expected
    await lab.commit(entry('<stage yang:insert="first"><name>b</name></stage>'))
    moved = f"~ {E}/stage[name='b'] first"
    assert await lines(lab, 2, 3, subtree(f'<top xmlns="{EC}">{by_name}</top>')) == [moved]


@pytest.mark.parametrize(
    "filter_",
    [
        subtree(f'<top xmlns="{EC}"><flag>false</flag><entry/></top>'),
        xpath("/ec:top[ec:flag='false']/ec:entry"),
        xpath("/ec:top/ec:entry[../ec:flag='false']"),
        xpath("/ec:top/ec:entry[count(../ec:entry) = 2]"),
    ],
)
async def test_a_filter_may_look_at_what_does_not_differ(lab: Lab, filter_: str) -> None:
    await lab.commit(top("<flag>false</flag>"))
    await three_commits(lab)
    assert await lines(lab, 3, 4, filter_) == [f"- {E}/number = 2", f"+ {E}/number = 3"]
    await lab.commit(top('<flag>true</flag><entry nc:operation="delete"><id>2</id></entry>'))
    await lab.commit(entry("<number>9</number>"))
    assert await lines(lab, 5, 6, filter_) == []


@pytest.mark.parametrize(
    ("number", "app_tag", "message"),
    [
        (9, "no-such-commit", "there is no commit 9; the history holds commits 1 to 4"),
        (
            2,
            "commit-undone",
            "commit 2 was undone, so nothing is as it left it; the history holds commits 1 to 4",
        ),
    ],
)
async def test_a_commit_that_is_not_there_is_refused(
    lab: Lab, number: int, app_tag: str, message: str
) -> None:
    await lab.commit(entry("<number>1</number>"))
    lab.translator.refuse_apply = True
    await lab.edit(entry("<number>2</number>"))
    await lab.refused("<commit/>")
    lab.translator.refuse_apply = False
    await lab.do("<discard-changes/>")
    for value in (3, 4):
        await lab.commit(entry(f"<number>{value}</number>"))
    for operation, element in ((compare(number, 1), "from"), (compare(1, number), "to")):
        (error,) = await lab.refused(operation)
        assert (error.tag, error.app_tag, error.message) == ("invalid-value", app_tag, message)
        assert error.info == {"bad-element": element}


async def test_a_commit_that_is_no_longer_kept_is_said_so(lab: Lab) -> None:
    await three_commits(lab)
    for table, column in (("changes", "commit_id"), ("commits", "id")):
        lab.context.configuration.store._db.execute(f"DELETE FROM {table} WHERE {column} < 3")
    (error,) = await lab.refused(compare(1))
    assert (error.tag, error.app_tag) == ("invalid-value", "commit-dropped")
    assert error.message == "commit 1 is no longer kept; the history holds commit 3 alone"


async def test_a_history_without_commits_says_so(lab: Lab) -> None:
    (error,) = await lab.refused(compare(1))
    assert error.message == "there is no commit 1; the history holds no commit"


@pytest.mark.parametrize("name", ["0", "-1", "startup", "", "4294967296"])
async def test_what_names_no_state_is_refused_by_its_type(lab: Lab, name: str) -> None:
    (error,) = await lab.refused(compare(name))
    assert (error.tag, error.info) == ("invalid-value", {"bad-element": "from"})


# -- the answer ------------------------------------------------------------------------------------


async def test_any_two_of_many_commits_and_the_way_back(lab: Lab) -> None:
    """The patch of any commit to any other gives what running was then."""
    generator = random.Random(9144)
    was = [lab.context.configuration.running.to_xml()]
    while len(was) < 7:
        content = f"<source><config>{some_content(generator)}</config></source>"
        await lab.do(f"<copy-config><target><candidate/></target>{content}</copy-config>")
        await lab.do("<commit/>")
        if (now := lab.context.configuration.running.to_xml()) != was[-1]:
            was.append(now)
    schema = lab.context.schema
    for start, before in enumerate(was):
        for end, after in enumerate(was):
            patch = await lab.do(compare(start or "beginning", end or "beginning"))
            result = applied(schema, before, patch.encode())
            assert canonical(schema, result) == canonical(schema, document(after)), (start, end)


@pytest.mark.parametrize("as_", ["patch", "text"])
async def test_the_reply_fits_the_schema(lab: Lab, tmp_path: Path, as_: str) -> None:
    await three_commits(lab)
    await lab.commit(entry("<step>a</step><step>b</step>") + f'<order xmlns="{EC}">x</order>')
    await lab.commit(entry('<step yang:insert="first">b</step>'))
    operation = compare(1, 5, f"<as>{as_}</as>")
    assert fits("yangswan-agent", operation, await lab.do(operation), tmp_path)
    assert not fits("yangswan-agent", operation, f'<text xmlns="{AGENT}"><x/></text>', tmp_path)
