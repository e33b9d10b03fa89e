"""compare-commits: two states of the configuration, by what the history holds."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from agent.datastore import spans
from agent.datastore.records import CommitInfo, UnitChange
from agent.operations import gather
from agent.served import standard_modules
from agent.yang.units import Unit
from tests.agent.handlers import Lab
from tests.agent.history.applier import applied, canonical, document
from tests.agent.lab import EC, entry, top
from tests.agent.operations.guarded import (
    JOE,
    NOBODY,
    SAM,
    filled,
    interface,
    path,
    rule,
    rule_list,
    ruled,
)

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
E = "/every-construct:top/entry[id='1']"


def compare(start: int | str, end: int | str | None = None, more: str = "") -> str:
    to = "" if end is None else f"<to>{end}</to>"
    return f'<compare-commits xmlns="{AGENT}"><from>{start}</from>{to}{more}</compare-commits>'


async def lines(
    lab: Lab, start: int | str, end: int | str | None = None, more: str = "", session_id: int = 1
) -> list[str]:
    reply = await lab.do(compare(start, end, f"<as>text</as>{more}"), session_id)
    (found,) = etree.fromstring(f"<all>{reply}</all>").findall("{*}text")
    return (found.text or "").splitlines()


def xpath(expression: str) -> str:
    return f'<xpath-filter xmlns:ec="{EC}">{expression}</xpath-filter>'


def subtree(body: str) -> str:
    return f"<subtree-filter>{body}</subtree-filter>"


async def three_commits(lab: Lab) -> None:
    await lab.commit(entry("<number>1</number>"))
    await lab.commit(top("<entry><id>1</id><number>2</number></entry><entry><id>2</id></entry>"))
    await lab.commit(entry("<number>3</number>"))


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
        (9, "no-such-commit", "there is no commit 9; the history holds commits 1 to 4 in force"),
        (
            2,
            "commit-undone",
            "commit 2 was undone, so nothing is as it left it; the history holds commits 1 to 4 in force",
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
    assert error.message == "commit 1 is no longer kept; the history holds commit 3 alone in force"


async def test_a_history_without_commits_says_so(lab: Lab) -> None:
    (error,) = await lab.refused(compare(1))
    assert error.message == "there is no commit 1; the history holds no commit in force"


@pytest.mark.parametrize("name", ["0", "-1", "startup", "", "4294967296"])
async def test_what_names_no_state_is_refused_by_its_type(lab: Lab, name: str) -> None:
    (error,) = await lab.refused(compare(name))
    assert (error.tag, error.info) == ("invalid-value", {"bad-element": "from"})


# -- who may read what ----------------------------------------------------------------------------


async def test_what_may_not_be_read_is_in_no_answer(lab: Lab) -> None:
    """Whether by a rule or by default-deny-all, and whatever it was when it was written."""
    await ruled(lab, rule_list("a", ["limited"], rule("no", "deny", path("/ec:top/ec:entry[ec:id='2']"))))
    await lab.commit(top("<entry><id>1</id></entry><entry><id>2</id><hidden>hush</hidden></entry>"))
    await lab.commit(top("<entry><id>2</id><hidden>hush2</hidden></entry>"))
    await lab.edit(top("<entry><id>2</id><hidden>hush3</hidden></entry>"))
    for start, end, there in (
        (1, 2, ["+ /every-construct:top/entry[id='1']"]),
        (2, 3, []),
        (2, "running", []),
        ("running", "candidate", []),
        ("candidate", 2, []),
    ):
        assert await lines(lab, start, end, session_id=JOE) == there
        patch = await lab.do(compare(start, end), JOE)
        assert "hush" not in patch
        assert patch.count("<edit>") == len(there)
    assert await lines(lab, 2, 3) == [
        "- /every-construct:top/entry[id='2']/hidden = hush",
        "+ /every-construct:top/entry[id='2']/hidden = hush2",
    ]
    for filter_ in (xpath("//ec:hidden"), xpath("//ec:entry[ec:hidden='hush2']")):
        assert await lines(lab, 2, 3, filter_, JOE) == []


async def test_a_secret_is_shown_to_whom_a_rule_lets_read_it(lab: Lab) -> None:
    await filled(lab)
    await ruled(lab, rule_list("a", ["limited"], rule("yes", "permit", path("/acme:interfaces"))))
    before = lab.context.configuration.store.latest()
    await lab.commit(interface("eth0", "<password>hush-new</password>"))
    shown = [
        "- /acme:interfaces/interface[name='eth0']/password = hush-eth",
        "+ /acme:interfaces/interface[name='eth0']/password = hush-new",
    ]
    assert await lines(lab, before, "running", session_id=JOE) == shown
    assert await lines(lab, before, "running", session_id=SAM) == []
    for start, end in (
        (before, "running"),
        ("beginning", "running"),
        (before, "candidate"),
        (before, before + 1),
    ):
        for written in ("text", "patch"):
            operation = compare(start, end, f"<as>{written}</as>")
            assert "hush" not in await lab.do(operation, SAM)
            assert "hush-new" in await lab.do(operation, JOE)


async def test_rules_are_read_by_who_may(lab: Lab) -> None:
    await ruled(lab, rule_list("a", ["limited"], rule("x", "deny", path("/ec:top"))))
    assert len(await lines(lab, "beginning", 1)) > 5
    assert await lines(lab, "beginning", 1, session_id=NOBODY) == []


async def test_what_does_not_fit_the_modules_is_named_to_who_may_read_it(lab: Lab) -> None:
    await ruled(lab, rule_list("a", ["limited"], rule("no", "deny", path("/ec:top"))))
    store = lab.context.configuration.store
    broken = f'<top xmlns="{EC}"><flag>9</flag></top>'.encode()
    changes = [
        UnitChange("/every-construct:top/flag", before=broken, after=b""),
        UnitChange("/gone:box[id='1']", before=b'<box xmlns="urn:gone"/>', after=b""),
    ]
    store.finish(store.begin(CommitInfo("x", 0, ""), changes, "2026-11-27T00:00:00Z"))
    told = await lab.do(compare(1, 2))
    assert re.findall("<left-out[^>]*>([^<]*)", told) == [
        "/every-construct:top/flag: /every-construct:top/flag does not fit the YANG modules of this server",
        "/gone:box[id='1']: 'box' is left out: no module of this server has the namespace urn:gone",
    ]
    assert "<edit>" not in told
    assert "left-out" not in await lab.do(compare(1, 2), JOE)
    told = await lab.do(compare(1, 2), SAM)
    assert re.findall("<left-out[^>]*>([^<]*)", told) == [
        "/every-construct:top/flag: not all of it fits the YANG modules of this server"
    ]


# -- what it costs ---------------------------------------------------------------------------------


async def test_the_cost_grows_with_the_difference(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    initialise = Unit.__init__

    def counted(unit: Unit, *arguments: object) -> None:
        initialise(unit, *arguments)  # type: ignore[arg-type]
        made.append(unit.path)

    async def work() -> list[int]:
        taken = []
        for start, end in (("running", "candidate"), (before, before + 1), (before + 1, "candidate")):
            made.clear()
            monkeypatch.setattr(Unit, "__init__", counted)
            assert len(await lines(lab, start, end)) == 2
            monkeypatch.setattr(Unit, "__init__", initialise)
            taken.append(len(made))
        return taken

    costs = []
    for count in (1, 300):
        await lab.commit(top("".join(f"<entry><id>{n}</id></entry>" for n in range(1, count + 1))))
        await lab.commit(entry("<number>1</number>"))
        before = lab.context.configuration.store.latest()
        await lab.commit(entry("<number>2</number>"))
        await lab.edit(entry("<number>3</number>"))
        costs.append(await work())
        await lab.do("<discard-changes/>")
    assert costs[0] == costs[1]
    assert max(costs[0]) < 12


async def test_rows_are_read_some_at_a_time_and_not_for_ever(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await three_commits(lab)
    expected = await lines(lab, 1, 3)
    monkeypatch.setattr(spans, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(gather, "UNITS_AT_ONCE", 1)
    assert await lines(lab, 1, 3) == expected
    monkeypatch.setattr(spans, "ROWS_MAX", 2)
    (error,) = await lab.refused(compare("beginning", 3))
    assert (error.tag, error.app_tag) == ("resource-denied", "too-many-differences")
    assert "closer to each other" in error.message
    assert await lines(lab, 2, 3)


async def test_a_commit_that_is_dropped_while_it_is_looked_at_is_said_so(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await three_commits(lab)
    read_on = spans.Span.read_on

    def then_dropped(span: spans.Span) -> bool:
        more = read_on(span)
        lab.context.configuration.store._db.execute("DELETE FROM changes WHERE commit_id < 3")
        return more

    monkeypatch.setattr(spans.Span, "read_on", then_dropped)
    (error,) = await lab.refused(compare(1, 3))
    assert (error.tag, error.app_tag) == ("invalid-value", "commit-dropped")


@pytest.mark.parametrize("bound", ["UNITS_MAX", "OCTETS_MAX"])
async def test_too_many_units_are_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    await three_commits(lab)
    await lab.edit(top("<entry><id>3</id></entry><entry><id>4</id></entry>"))
    monkeypatch.setattr(gather, bound, 1)
    points = [(1, 3)] if bound == "OCTETS_MAX" else [(1, 3), ("running", "candidate")]
    for pair in points:
        (error,) = await lab.refused(compare(*pair))
        assert (error.tag, error.app_tag) == ("resource-denied", "too-many-differences")


@pytest.mark.parametrize(
    "filter_",
    [
        subtree(f'<top xmlns="{EC}"><entry><id>2</id></entry></top>'),
        xpath("/ec:top/ec:entry[ec:id='2']"),
        xpath("/ec:top/ec:entry[ec:id='2']/ec:id"),
    ],
)
async def test_what_a_filter_cannot_select_is_not_looked_at(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, filter_: str
) -> None:
    await three_commits(lab)
    await lab.edit(top("<entry><id>3</id></entry><entry><id>4</id></entry>"))
    monkeypatch.setattr(gather, "UNITS_MAX", 1)
    assert await lines(lab, 1, 3, filter_) == ["+ /every-construct:top/entry[id='2']"]
    assert await lines(lab, 1, "candidate", filter_) == ["+ /every-construct:top/entry[id='2']"]
    (error,) = await lab.refused(compare(1, 3))
    assert error.app_tag == "too-many-differences"


@pytest.mark.parametrize("here", [100, 0])
@pytest.mark.parametrize("pair", [(1, 4), (4, 1), (1, "candidate"), ("candidate", 1)])
async def test_many_units_are_compared_part_by_part(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, here: int, pair: tuple[int | str, int | str]
) -> None:
    await three_commits(lab)
    await lab.commit(top("<entry><id>4</id></entry>") + f'<order xmlns="{EC}">x</order>')
    await lab.edit(top("<entry><id>5</id></entry>"))
    patch, text = await lab.do(compare(*pair)), await lines(lab, *pair)
    assert patch.count("<edit>") > 3
    monkeypatch.setattr(gather, "PART_UNITS", 1)
    monkeypatch.setattr("agent.operations.comparing.HERE_UNITS", here)
    assert await lab.do(compare(*pair)) == patch
    assert await lines(lab, *pair) == text
    assert bool(lab.context.apart.copies) == (here == 0)
    monkeypatch.setattr("agent.history.room.Room.__init__.__defaults__", (1000, 3))
    (error,) = await lab.refused(compare(*pair))
    assert error.app_tag == "too-many-differences"


async def test_much_is_compared_in_a_copy_of_the_process(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    await three_commits(lab)
    expected = await lines(lab, 1, 3)
    assert lab.context.apart.copies == 0
    monkeypatch.setattr("agent.operations.comparing.HERE_UNITS", 1)
    assert await lines(lab, 1, 3) == expected
    assert lab.context.apart.copies == 1
    monkeypatch.setattr("agent.apart.WORK_CPU_S", 0.05)
    monkeypatch.setattr("agent.operations.compare_commits.told", _without_end)
    (error,) = await lab.refused(compare(1, 3))
    assert (error.tag, error.app_tag) == ("resource-denied", "too-many-differences")


def _without_end(*_arguments: object) -> None:
    while True:
        pass


# -- the answer ------------------------------------------------------------------------------------


async def test_any_two_of_many_commits_and_the_way_back(lab: Lab) -> None:
    """The patch of any commit to any other gives what running was then."""
    generator = random.Random(9144)
    was = [lab.context.configuration.running.to_xml()]
    while len(was) < 7:
        content = f"<source><config>{_some(generator)}</config></source>"
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


def _some(generator: random.Random) -> str:
    entries = "".join(
        f"<entry><id>{key}</id><number>{generator.randrange(3)}</number>"
        + "".join(f"<step>{step}</step>" for step in generator.sample("abcd", generator.randrange(4)))
        + "</entry>"
        for key in generator.sample(["1", "a/b", "it's", "10"], 3)
    )
    order = generator.sample("xyz", generator.randrange(3))
    return top(entries) + "".join(f'<order xmlns="{EC}">{value}</order>' for value in order)


@pytest.mark.parametrize("as_", ["patch", "text"])
async def test_the_reply_fits_the_schema(lab: Lab, tmp_path: Path, as_: str) -> None:
    await three_commits(lab)
    await lab.commit(entry("<step>a</step><step>b</step>") + f'<order xmlns="{EC}">x</order>')
    await lab.commit(entry('<step yang:insert="first">b</step>'))
    operation = compare(1, 5, f"<as>{as_}</as>")
    assert fits("yangswan-agent", operation, await lab.do(operation), tmp_path)
    assert not fits("yangswan-agent", operation, f'<text xmlns="{AGENT}"><x/></text>', tmp_path)


def fits(module: str, operation: str, reply: str, folder: Path) -> bool:
    """Return whether yanglint takes a reply to an operation."""
    netconf = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"'
    (folder / "rpc.xml").write_text(f"<rpc {netconf}>{operation}</rpc>")
    (folder / "reply.xml").write_text(f"<rpc-reply {netconf}>{reply}</rpc-reply>")
    ietf, _, own = places = standard_modules()
    folders = [argument for place in places for argument in ("-p", str(place))]
    files = [str(ietf / "ietf-datastores.yang"), str(own / f"{module}.yang")]
    done = subprocess.run(
        ["yanglint", *folders, "-t", "nc-reply", "-R", "rpc.xml", *files, "reply.xml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0 and not done.stderr
