"""The history as operational data: who committed what, found by subtree and XPath, and nothing hidden."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence

import pytest

from agent.datastore.records import CommitInfo, UnitChange
from agent.history import commits
from agent.operations import history
from agent.operations.asked import stays_below
from tests.agent.handlers import Lab, Remembering
from tests.agent.lab import EC, entry, top
from tests.agent.operations.guarded import NOBODY, SAM, filled, nacm, path, rule, rule_list, ruled

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
BOB = 2
TIME = "2026-11-27T00:00:00.000+00:00"
TWO = "/every-construct:top/entry[id='2']"
EVE = CommitInfo("eve", 9, "192.0.2.9")


def number(value: int) -> str:
    return entry(f"<number>{value}</number>")


def subtree(body: str) -> str:
    return f'<get><filter><agent xmlns="{AGENT}"><history>{body}</history></agent></filter></get>'


def xpath(expression: str) -> str:
    quoted = expression.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    declared = f'xmlns:a="{AGENT}" xmlns:ec="{EC}" xmlns:n="{NACM}"'
    return f'<get><filter type="xpath" {declared} select="{quoted}"/></get>'


def one(commit_id: int) -> str:
    return subtree(f"<commit><id>{commit_id}</id></commit>")


def ids(reply: str) -> list[int]:
    return [int(found) for found in re.findall(r"<commit><id>(\d+)</id>", reply)]


def target_element(entry_id: int) -> str:
    return f'<target xmlns:ec="{EC}">/ec:top/ec:entry[ec:id="{entry_id}"]</target>'


def leaf(reply: str, name: str) -> list[str]:
    return re.findall(f"<{name}>([^<]*)</{name}>", reply)


def targets(reply: str) -> list[str]:
    """Return the paths of changes, without the prefixes that a client declares anew."""
    return [re.sub(r"[\w-]+:", "", found) for found in re.findall(r"<target[^>]*>([^<]*)</target>", reply)]


async def commented(lab: Lab, body: str, comment: str, session_id: int = 1, more: str = "") -> None:
    await lab.edit(body, session_id)
    await lab.do(f'<commit>{more}<comment xmlns="{AGENT}">{comment}</comment></commit>', session_id)


@pytest.fixture
async def three(lab: Lab) -> Lab:
    """Three commits by two users."""
    lab.context.nacm._recovery = frozenset({"tester", "bob"})
    lab.callers[BOB] = Remembering(BOB, "bob", source="192.0.2.2")
    await commented(lab, number(1), "first &amp; foremost")
    await commented(
        lab, top("<entry><id>1</id><number>2</number></entry><entry><id>2</id></entry>"), "second", BOB
    )
    await lab.commit(top('<entry xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete">'
                         "<id>2</id></entry>"))  # fmt: skip
    return lab


async def test_a_commit_tells_who_when_why_and_what(three: Lab) -> None:
    reply = await three.do(one(2))
    assert ids(reply) == [2]
    for name, value in {
        "user": "bob", "session-id": "2", "source-address": "192.0.2.2", "comment": "second",
        "cause": "client", "outcome": "committed", "changed-count": "2",
    }.items():  # fmt: skip
        assert leaf(reply, name) == [value], name
    history_id = three.context.configuration.store.history_id
    assert re.fullmatch(rf"{history_id}-2-[0-9a-f]+", leaf(reply, "transaction-id")[0])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", leaf(reply, "time")[0])
    assert sorted(zip(targets(reply), leaf(reply, "operation"), strict=True)) == [
        ("/top/entry[id='1']", "modify"), ("/top/entry[id='2']", "create"),
    ]  # fmt: skip


async def test_the_newest_comes_first(three: Lab) -> None:
    reply = await three.do(subtree(""))
    assert ids(reply) == [3, 2, 1]
    for name, value in {"commit-count": "3", "oldest-commit": "1", "newest-commit": "3"}.items():
        assert leaf(reply, name) == [value]
    assert leaf(reply, "comment") == ["second", "first &amp; foremost"]
    assert leaf(reply, "operation") == ["delete", *leaf(await three.do(one(2)), "operation"), "create"]
    assert ids(await three.do("<get/>")) == [3, 2, 1]


async def test_nothing_of_it_is_configuration(three: Lab) -> None:
    reply = await three.do("<get-config><source><running/></source></get-config>")
    assert AGENT not in reply


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (subtree("<commit><user>bob</user></commit>"), [2]),
        (subtree("<commit><user> bob </user><session-id>9</session-id></commit>"), []),
        (subtree("<commit><id>1</id></commit><commit><id>3</id></commit>"), [1, 3]),
        (subtree("<commit><id>1</id><user>bob</user></commit>"), []),
        (subtree("<commit><id>7</id></commit>"), []),
        (subtree("<commit><id>x</id></commit>"), []),
        (subtree("<commit><id/><comment>second</comment></commit>"), [2]),
        (subtree("<commit><id>1</id></commit><commit><outcome>undone</outcome></commit>"), [1]),
        (subtree("<commit><cause>client</cause><source-address>127.0.0.1</source-address></commit>"), [3, 1]),
        (one(2).replace(f'xmlns="{AGENT}"', 'xmlns=""'), [2]),
        (xpath("/a:agent/a:history/a:commit[a:id='2']"), [2]),
        (xpath("/a:agent/a:history/a:commit[a:id=2]"), [2]),
        (xpath("a:agent/a:history/a:commit[a:user='bob']"), [2]),
        (xpath("/a:agent/a:history/a:commit[a:id > 1]"), [3, 2]),
        (xpath("/a:agent/a:history/a:commit[a:id <= 2 and a:id>1]"), [2]),
        (xpath("/a:agent/a:history/a:commit[a:id>=2][a:user='tester']"), [3]),
        (xpath("/a:agent/a:history/a:commit[1]"), [3]),
        (xpath("/a:agent/a:history/a:commit[position() < 3]"), [3, 2]),
        (xpath("/a:agent/a:history/a:commit[last()]"), [1]),
        (xpath("/a:agent/a:history/a:commit[2][a:user='bob']"), [2]),
        (xpath("/a:agent/a:history/a:commit[a:user='tester'][2]"), [1]),
        (xpath("/a:agent/a:history/a:commit[a:id=1]/../a:commit[a:id=3]"), [3]),
        (xpath("/a:agent/a:history/a:commit[a:id=1] | /a:agent/a:history/a:commit[a:id=3]"), [3, 1]),
        (xpath("/a:agent/a:history/a:commit[a:id=1 or a:user='bob']"), [2, 1]),
        (xpath("/a:agent/a:history/a:commit[not(a:user='bob')]"), [3, 1]),
        (xpath("/a:agent/a:history/a:commit[starts-with(a:comment, 'first')]"), [1]),
        (xpath("/a:agent/a:history/a:commit[/a:agent/a:history/a:commit[a:id=3]][a:id=1]"), [1]),
        (xpath("/a:agent/a:history/a:commit[a:change/a:operation='delete']"), [3]),
        (xpath("/a:agent/a:history/a:commit/a:change[a:operation='delete']"), [3]),
        (xpath("//a:commit[a:id=2]"), [2]),
        (xpath("/a:agent/*/a:commit[a:id=2]"), [2]),
        (xpath("/a:agent"), [3, 2, 1]),
        (xpath("/*"), [3, 2, 1]),
        (xpath("/a:agent/a:history/a:commit-count"), []),
        (xpath("/a:agent/a:limits"), []),
    ],
)  # fmt: skip
async def test_commits_are_found_by_subtree_and_xpath(three: Lab, asked: str, found: list[int]) -> None:
    assert ids(await three.do(asked)) == found


async def test_a_commit_is_found_by_its_transaction_id(three: Lab) -> None:
    (known,) = leaf(await three.do(one(2)), "transaction-id")
    path_ = "/a:agent/a:history/a:commit"
    assert ids(await three.do(xpath(f"{path_}[a:transaction-id='{known}']"))) == [2]
    assert ids(await three.do(subtree(f"<commit><transaction-id>{known}</transaction-id></commit>"))) == [2]
    assert ids(await three.do(xpath(f"{path_}[a:transaction-id='x-2-1']"))) == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (xpath("/a:agent/a:history/a:commit[a:change/a:target=\"/ec:top/ec:entry[ec:id='2']\"]"), [3, 2]),
        (xpath(f'/a:agent/a:history/a:commit[a:change/a:target="{TWO}"][1]'), [3]),
        (xpath(f"/a:agent/a:history/a:commit[a:change/a:target=\"{TWO}\" and a:user='bob']"), [2]),
        (xpath("/a:agent/a:history/a:commit[a:change/a:target='/ec:top']"), []),
        (xpath("/a:agent/a:history/a:commit[a:change/a:target='nonsense']"), []),
        (xpath("/a:agent/a:history/a:commit[a:change/a:target='/n:nacm']"), [4]),
        (subtree(f"<commit><change>{target_element(2)}</change></commit>"), [3, 2]),
        (subtree(f"<commit><user>bob</user><change>{target_element(2)}</change></commit>"), [2]),
        # What else is asked for is shown of other commits, too.
        (subtree(f"<commit><id/><change>{target_element(2)}</change></commit>"), [203, *range(202, 103, -1)]),
        (subtree(f"<commit><change>{target_element(9)}</change></commit>"), []),
    ],
)
async def test_who_changed_something_is_found_however_long_ago(
    three: Lab, asked: str, found: list[int]
) -> None:
    await three.commit(nacm(rule_list("l", ["admin"], rule("r", "permit"))))
    store = three.context.configuration.store
    for _ in range(199):
        store.finish(store.begin(EVE, [UnitChange("/every-construct:top/entry[id='1']", b"", b"<x/>")], TIME))
    assert ids(await three.do(asked)) == found


async def test_get_data_has_it_in_operational(three: Lab) -> None:
    nmda = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
    stores = "urn:ietf:params:xml:ns:yang:ietf-datastores"
    for store, found in (("operational", [2]), ("running", [])):
        body = f'<datastore xmlns:ds="{stores}">ds:{store}</datastore><subtree-filter>'
        body += f'<agent xmlns="{AGENT}"><history><commit><id>2</id></commit></history></agent>'
        assert ids(await three.do(f'<get-data xmlns="{nmda}">{body}</subtree-filter></get-data>')) == found


async def test_what_is_asked_for_decides_what_is_read(three: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """One commit by its id costs one row, however many there are; the rest of the state is not asked for."""
    db = three.context.configuration.store._db
    statements: list[str] = []
    for asked in (one(2), xpath("/a:agent/a:history/a:commit[a:id='2']")):
        statements.clear()
        db.set_trace_callback(statements.append)
        assert ids(await three.do(asked)) == [2]
        db.set_trace_callback(None)
        read = [text for text in statements if " FROM commits" in text]
        assert len(read) == 1
        assert "(id = 2) ORDER BY id DESC LIMIT 1" in read[0]
        assert three.translator.asked_for == []
    statements.clear()
    db.set_trace_callback(statements.append)
    await three.do(xpath("/a:agent/a:limits"))
    await three.do(f'<get><filter><top xmlns="{EC}"/></filter></get>')
    assert not any(" FROM commits" in text for text in statements)


@pytest.mark.parametrize(
    ("expression", "stays"),
    [
        ("/a:agent", True),
        (" /a:agent/a:history ", True),
        ("/a:agent[a:x and /b]", False),
        ("/a:agent / a:history", False),  # it might be an operator that stands before it
        ("a:agent/a:history/a:commit[a:change/a:target='/x/y[z=\"..|\"]']", True),
        ("/a:agent//a:target", True),
        ("/a:agent[a:x > 3 and not(a:y)]", True),
        ("/a:agent/*", True),
        ("/a:agent/..", False),
        ("/a:agent | /b", False),
        ("/a:agent[/b]", False),
        ("/a:agent[a:x = /b]", False),
        ("/a:agent[ /b]", False),
        ("/a:agent[//b]", False),
        ("/a:agent[3 * /b]", False),
        ("/a:agent[3 */b]", False),
        ("/a:agent[count(/b) > 1]", False),
        ("/a:agent[current()/b]", False),
        ("/a:agent[deref(a:x)/b]", False),
        ("/a:agent/following-sibling::b", False),
        ("(/a:agent)", False),
        ("/a:agent[" + " " * 2000 + "a:x]", True),
    ],
)
def test_an_expression_that_leads_out_of_where_it_begins_is_known(expression: str, stays: bool) -> None:
    assert stays_below(expression) == stays


# -- causes and outcomes -------------------------------------------------------------------------


async def test_a_commit_that_was_undone_says_why(three: Lab) -> None:
    three.translator.refuse_apply = True
    await three.edit(number(9), BOB)
    await three.refused(f'<commit><comment xmlns="{AGENT}">fourth</comment></commit>', BOB)
    reply = await three.do(one(4))
    assert leaf(reply, "outcome") == ["undone"]
    assert leaf(reply, "reason") == ["the commit was undone: refused by apply"]
    assert leaf(reply, "comment") == ["fourth"]
    assert leaf(reply, "transaction-id") == []
    assert targets(reply) == ["/top/entry[id='1']"]
    assert ids(await three.do(subtree("<commit><outcome>undone</outcome></commit>"))) == [4]


async def test_a_confirmed_commit_and_its_rollback_say_what_they_are(three: Lab) -> None:
    await commented(three, number(8), "try", BOB, "<confirmed/>")
    await three.do("<cancel-commit/>", BOB)
    reply = await three.do(subtree(""))
    assert leaf(reply, "cause")[:2] == ["rollback", "confirmed-commit"]
    assert leaf(reply, "comment")[:2] == ["rollback of commit 4: cancel", "try"]
    assert leaf(reply, "user")[:2] == ["bob", "bob"]
    assert ids(await three.do(subtree("<commit><cause>rollback</cause></commit>"))) == [5]


async def test_what_is_being_applied_shows_so(three: Lab) -> None:
    store = three.context.configuration.store
    row = store.history.commit(2)
    assert row is not None
    store.begin(EVE, [], row.time)
    assert leaf(await three.do(one(4)), "outcome") == ["applying"]


# -- the comment ---------------------------------------------------------------------------------


CONTROL = "a comment has no control characters"


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("", "is not a text of 1 to 1024 characters"),
        ("x" * 1025, "is not a text of 1 to 1024 characters"),
        ("two\nlines", CONTROL),
        ("a\ttab", CONTROL),
        ("\x85", CONTROL),
        ("\u2028", CONTROL),
        ("\u202eevil\u202c", CONTROL),
        ("\u2066y", CONTROL),
        ("\u061cy", CONTROL),
        ("\u200by", CONTROL),
        ("\ufeffy", CONTROL),
        ("\U000e0041y", CONTROL),
        ("\U0001d173y", CONTROL),
        ("\U000e0002y", "a comment has no characters that nobody sees (U+E0002)"),
        ("\u0378y", "a comment has no characters that nobody sees (U+0378)"),
        ("\u3164", "a comment has no characters that nobody sees (U+3164)"),
        ("   ", "a comment has more than blanks"),
        ("\u00a0\u3000", "a comment has more than blanks"),
    ],
)
async def test_a_comment_is_one_line_of_bounded_length(lab: Lab, comment: str, said: str) -> None:
    await lab.edit(number(1))
    (error,) = await lab.refused(f'<commit><comment xmlns="{AGENT}">{comment}</comment></commit>')
    assert (error.tag, error.info["bad-element"]) == ("invalid-value", "comment")
    assert said in str(error)
    assert lab.context.configuration.store.latest() == 0


async def test_a_comment_stands_in_the_log(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await commented(lab, number(1), "why &lt;it&gt; is, \N{SNOWMAN}")
    said = 'commit 1 by tester (session 1 from 127.0.0.1): 1 changed: comment "why <it> is, \N{SNOWMAN}"'
    assert said in caplog.text
    await commented(lab, number(2), "x" * 1024)
    assert leaf(await lab.do(one(2)), "comment") == ["x" * 1024]


async def test_a_comment_on_a_commit_that_only_confirms_stands_in_the_log(
    three: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await commented(three, number(8), "try", more="<confirmed/>")
    await three.do(f'<commit><comment xmlns="{AGENT}">it works</comment></commit>')
    said = 'a commit by tester (session 1 from 127.0.0.1) changed nothing: comment "it works"'
    assert said in caplog.text
    assert ids(await three.do(subtree(""))) == [4, 3, 2, 1]


# -- access control ------------------------------------------------------------------------------

ONE_ONLY = (
    rule("one", "permit", path("/ec:top/ec:entry[ec:id='1']", "read")),
    rule("no other", "deny", path("/ec:top/ec:entry", "read")),
)
HIDDEN = "/every-construct:top/entry[id='2']"


@pytest.fixture
async def limited(three: Lab) -> Lab:
    """The three commits, and sam, who may read entry 1 alone."""
    lab = three
    await ruled(lab, rule_list("sam", ["admin"], *ONE_ONLY))
    return lab


async def test_who_may_not_read_a_path_does_not_see_it_in_the_history(limited: Lab) -> None:
    reply = await limited.do(subtree(""), SAM)
    assert ids(reply) == [4, 3, 2, 1]
    assert set(targets(reply)) == {"/top/entry[id='1']"}
    # Neither what was said of such a change, nor how many there were.
    assert leaf(reply, "comment") == ["first &amp; foremost"]
    assert leaf(reply, "changed-count") == ["1"]
    assert leaf(await limited.do(subtree("")), "changed-count")[1:] == ["1", "2", "1"]


@pytest.mark.parametrize(
    "asked",
    [
        subtree(
            f'<commit><change><target xmlns:ec="{EC}">/ec:top/ec:entry[ec:id="2"]</target></change>'
            "</commit>"
        ),
        subtree("<commit><id>2</id><comment>second</comment></commit>"),
        subtree("<commit><comment>second</comment></commit>"),
        xpath("/a:agent/a:history/a:commit[a:change/a:target=\"/ec:top/ec:entry[ec:id='2']\"]"),
        xpath(f"/a:agent/a:history/a:commit[a:change/a:target=\"{HIDDEN}\"]"),
        xpath("/a:agent/a:history/a:commit[contains(a:change/a:target, '2')]"),
        xpath("/a:agent/a:history/a:commit[a:comment='second']"),
        xpath("/a:agent/a:history/a:commit[a:changed-count=2]"),
    ],
)  # fmt: skip
async def test_nor_is_it_found_by_a_filter(limited: Lab, asked: str) -> None:
    assert ids(await limited.do(asked)) != []
    assert ids(await limited.do(asked, SAM)) == []


async def test_rules_of_access_control_are_hidden_from_others(limited: Lab) -> None:
    assert set(targets(await limited.do(one(4)))) >= {"/nacm/groups/group[name='admin']", "/nacm"}
    assert targets(await limited.do(one(4), SAM)) == []
    assert leaf(await limited.do(one(4), NOBODY), "changed-count") == []


async def test_who_may_not_read_the_history_sees_none(limited: Lab) -> None:
    denied = rule("none", "deny", f'<path xmlns:a="{AGENT}">/a:agent/a:history</path>')
    await limited.commit(nacm(rule_list("all", ["*"], denied)))
    assert ids(await limited.do(subtree(""), SAM)) == []
    assert ids(await limited.do(one(1), SAM)) == []


async def test_secrets_are_in_no_entry(lab: Lab) -> None:
    await filled(lab)
    reply = await lab.do(subtree(""))
    assert "/interfaces/interface[name='eth0']" in targets(reply)
    assert "hush" not in reply


# -- bounds --------------------------------------------------------------------------------------


def many(lab: Lab, sizes: Sequence[int]) -> None:
    store = lab.context.configuration.store
    for size in sizes:
        units = [UnitChange(f"/every-construct:top/entry[id='{n}']", b"", b"<x/>") for n in range(size)]
        store.finish(store.begin(EVE, units, TIME))


async def test_a_get_of_all_shows_the_newest_commits_and_how_many_there_are(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_LISTED", 3)
    many(lab, [1] * 6)
    reply = await lab.do("<get/>")
    assert ids(reply) == [6, 5, 4]
    assert leaf(reply, "commit-count") == ["6"]
    assert ids(await lab.do(xpath("/a:agent/a:history/a:commit[a:id < 4]"))) == [3, 2, 1]
    named = "".join(f"<commit><id>{n}</id></commit>" for n in range(1, 7))
    assert ids(await lab.do(subtree(named))) == [1, 2, 3, 4, 5, 6]
    monkeypatch.setattr(history, "MAX_BY_ID", 4)
    assert ids(await lab.do(subtree(named))) == [3, 4, 5, 6]


async def test_a_large_commit_shows_some_changes_and_how_many_there_were(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(lab, [1500, 30])
    reply = await lab.do(one(1))
    assert (len(targets(reply)), leaf(reply, "changed-count")) == (commits.MAX_CHANGES, ["1500"])
    assert len(targets(await lab.do(one(2)))) == 30
    reply = await lab.do(subtree(""))
    assert len(targets(reply)) == 2 * commits.MAX_CHANGES_LISTED
    assert leaf(reply, "changed-count") == ["30", "1500"]
    monkeypatch.setattr(history, "MAX_CHANGES_IN_ALL", 25)
    assert len(targets(await lab.do(subtree("")))) == 25


async def test_of_a_large_commit_who_may_not_read_all_is_told_no_count(lab: Lab) -> None:
    many(lab, [1001])
    await ruled(lab, rule_list("sam", ["admin"], *ONE_ONLY))
    reply = await lab.do(one(1), SAM)
    assert targets(reply) == ["/top/entry[id='1']"]
    assert leaf(reply, "changed-count") == []


async def test_what_has_no_path_today_is_counted_and_not_shown(lab: Lab) -> None:
    store = lab.context.configuration.store
    paths = (
        "/gone:top/entry[id='1']", "/every-construct:top/entry['a\\'\"']", "/every-construct:top/gone",
        "/every-construct:top/entry[id='1']",
    )  # fmt: skip
    units = [UnitChange(path, b"", b"<x/>") for path in paths]
    store.finish(store.begin(EVE, units, TIME))
    reply = await lab.do(one(1))
    assert targets(reply) == ["/top/entry[id='1']"]
    assert leaf(reply, "changed-count") == ["4"]


async def test_a_history_that_cannot_be_read_takes_nothing_else_away(
    three: Lab, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("agent.datastore.history.History.newest", broken)
    reply = await three.do("<get/>")
    assert f'<top xmlns="{EC}">' in reply
    assert ids(reply) == []
    assert "the history cannot be read" in caplog.text


async def test_a_commit_that_is_damaged_is_left_out(three: Lab) -> None:
    with sqlite3.connect(three.context.configuration.store.path) as disk:
        disk.execute("UPDATE commits SET user = 'x' WHERE id = 2")
    disk.close()
    assert ids(await three.do(subtree(""))) == [3, 1]
