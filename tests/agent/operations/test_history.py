"""The history as operational data: who committed what, what became of it, and what was said of it."""

from __future__ import annotations

import re

import pytest

from tests.agent.handlers import Lab
from tests.agent.lab import entry
from tests.agent.operations.recorded import (
    AGENT,
    BOB,
    EVE,
    commented,
    ids,
    leaf,
    number,
    one,
    subtree,
    targets,
)


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


async def test_get_data_has_it_in_operational(three: Lab) -> None:
    nmda = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
    stores = "urn:ietf:params:xml:ns:yang:ietf-datastores"
    for store, found in (("operational", [2]), ("running", [])):
        body = f'<datastore xmlns:ds="{stores}">ds:{store}</datastore><subtree-filter>'
        body += f'<agent xmlns="{AGENT}"><history><commit><id>2</id></commit></history></agent>'
        assert ids(await three.do(f'<get-data xmlns="{nmda}">{body}</subtree-filter></get-data>')) == found


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


def _replaced(body: str) -> str:
    return entry(body, 'nc:operation="replace"')


async def test_a_commit_that_only_orders_anew_is_not_on_record(lab: Lab) -> None:
    store = lab.context.configuration.store
    await lab.commit(entry("<tag>a</tag><tag>b</tag><step>a</step><step>b</step>"))
    first = store.history.ends()
    await lab.commit(_replaced("<tag>b</tag><tag>a</tag><step>a</step><step>b</step>"))
    assert store.history.ends() == first == (1, 1)
    await lab.commit(_replaced("<tag>b</tag><tag>a</tag><step>b</step><step>a</step>"))
    assert store.history.ends() == (1, 2)
