"""What a filter costs is bounded at every door, and what is honest gets its answer."""

from __future__ import annotations

import os
import signal
from contextlib import AbstractContextManager, nullcontext

import pytest

from agent import apart
from agent.operations import budget
from agent.operations.read import Filter
from agent.operations.xpath import is_plain, most_visits
from agent.translator import Notification
from agent.yang.native import lib
from tests.agent.handlers import Lab
from tests.agent.lab import EC, top
from tests.agent.operations.test_costly import DATASTORES, NMDA

ENTRIES = 300
PATH = "/ec:top/ec:entry"
NESTED = {
    "absolute paths": f"{PATH}[{PATH}[{PATH}[{PATH}/ec:number='x']]]",
    "the way up": f"{PATH}[../ec:entry[../ec:entry[../ec:entry/ec:number='x']]]",
    "a function": f"{PATH}[count({PATH}[count({PATH}[count({PATH}) = 0]) = 1]) = 2]",
    "searches": "//*[count(//*[count(//*) &gt; position()]) &gt; 0]",
    "the way forth and back": "//*[preceding::*[following::*[preceding::*[. = 'x']]]]",
    "sums": f"{PATH}[sum({PATH}[sum({PATH}[. = {PATH}]/ec:number) &gt; position()]/ec:number) &gt; 0]/ec:id",
}
NOTIFICATIONS = "urn:ietf:params:xml:ns:netconf:notification:1.0"


def gone(_cpu_s: float) -> AbstractContextManager[None]:
    """End the copy that this is called in, as if it had taken its time."""
    if apart.in_copy():
        os.kill(os.getpid(), signal.SIGPROF)
    return nullcontext()


async def many(lab: Lab) -> None:
    entries = "".join(f"<entry><id>{n}</id><number>{n % 200}</number></entry>" for n in range(ENTRIES))
    await lab.commit(top(entries))


def got(filter_: str, operation: str = "get") -> str:
    source = "" if operation == "get" else "<source><running/></source>"
    return f"<{operation}>{source}{filter_}</{operation}>"


def got_data(filter_: str, datastore: str) -> str:
    named = f'<datastore xmlns:ds="{DATASTORES}">ds:{datastore}</datastore>'
    return f'<get-data xmlns="{NMDA}">{named}{filter_}</get-data>'


def xpath(expression: str) -> str:
    return f'<filter type="xpath" select="{expression}"/>'


def doors(expression: str) -> list[str]:
    in_data = f"<xpath-filter>{expression}</xpath-filter>"
    by_datastore = [got_data(in_data, name) for name in ("running", "candidate", "operational")]
    return [got(xpath(expression)), got(xpath(expression), "get-config"), *by_datastore]


@pytest.mark.parametrize("name", NESTED)
async def test_an_expression_that_takes_too_long_is_given_up_at_every_door(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("agent.operations.xpath.SEARCH_CPU_S", 0.05)
    await many(lab)
    for operation in doors(NESTED[name]):
        (error,) = await lab.refused(operation)
        assert (error.tag, error.type.value) == ("resource-denied", "protocol")
        assert "keys of list entries" in error.message


HONEST = [
    f"{PATH}[ec:number='7']",
    f"{PATH}[ec:number &gt; 100 and not(ec:id='150')]/ec:id",
    f"{PATH}[starts-with(ec:id, '1')] | /ec:top/ec:flag",
    "//ec:number",
    f"{PATH}[last()]",
    f"{PATH}/ec:id/..",
    f"{PATH}[ec:id = {PATH}[ec:number = 5]/ec:id]",
    "//*",
    f"{PATH}[descendant::ec:id = '7']",
    f"{PATH}[.//ec:number = 7]/ec:id",
    f"{PATH}[ec:id = '7' and //ec:flag]",
    f"{PATH}[ec:id = '7'][count(following-sibling::*) &gt; 1]",
    f"{PATH}[ec:id = '7'][preceding::ec:id]",
]


@pytest.mark.parametrize("expression", HONEST)
async def test_what_a_copy_finds_is_what_is_found_here(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, expression: str
) -> None:
    await many(lab)
    in_copies = [await lab.do(operation) for operation in doors(expression)]
    assert lab.context.apart.copies == 5 * (not is_plain(expression))
    monkeypatch.setattr("agent.operations.readers.is_plain", lambda _: True)
    assert in_copies == [await lab.do(operation) for operation in doors(expression)]
    assert "<data" in in_copies[0]
    assert "<id>" in in_copies[0]


async def test_an_error_of_an_expression_comes_out_of_the_copy(lab: Lab) -> None:
    for operation in doors("/ec:top[count('x')]"):
        (error,) = await lab.refused(operation)
        assert (error.tag, error.type.value) == ("invalid-value", "protocol")


async def test_a_copy_that_crashes_is_no_matter_of_costs(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.operations.xpath.at_most", lambda _: os.abort())
    for operation in doors("/ec:top[1]"):
        (error,) = await lab.refused(operation)
        assert (error.tag, error.app_tag) == ("operation-failed", "internal-error")


async def test_nor_is_one_that_the_system_does_not_make(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    for operation in doors("/ec:top[1]"):
        (error,) = await lab.refused(operation)
        assert (error.tag, "try again later" in error.message) == ("resource-denied", True)


async def test_libyang_without_memory_is(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.yang.prefixed.find_from_root", lambda *_, **__: (lib.LY_EMEM, None))
    await many(lab)
    for operation in doors("/ec:top[1]"):
        (error,) = await lab.refused(operation)
        assert (error.tag, error.type.value) == ("resource-denied", "protocol")


@pytest.mark.parametrize(
    ("expression", "plain"),
    [
        ("/m:a/m:b", True),
        ("/m:a/m:b[m:k='1'][m:l=\"2\"]/c", True),
        ("/m:a[k=']['] ", False),
        ("/m:a[k='][']", True),
        ("/m:a" + "[k='1']" * 8, True),
        ("/m:a" + "[k='1']" * 9, False),
        ("/m:a[m:b/m:c='1']", False),
        ("/m:a[m:b]", False),
        ("/m:a/..", False),
        ("/m:a/*", False),
        ("//m:a", False),
        ("/m:a | /m:b", False),
        ("/m:a[count(m:b)='1']", False),
    ],
)
def test_a_plain_path_compares_values_only(expression: str, plain: bool) -> None:
    assert is_plain(expression) is plain


def test_how_often_nodes_may_be_visited_grows_with_each_bracket() -> None:
    assert most_visits("/a/b", 10) == 300
    assert most_visits("/a[b]", 10) == 3000
    assert most_visits("/a[b[c]]", 10) == 40_000
    assert most_visits("/a['[[[[']", 10) == 3000


# -- subscriptions -------------------------------------------------------------------------------


def subscribed(expression: str) -> str:
    return f'<create-subscription xmlns="{NOTIFICATIONS}">{xpath(expression)}</create-subscription>'


HAPPENED = Notification({"every-construct:happened": {"what": "it"}})


@pytest.mark.parametrize(
    ("expression", "copies"),
    [
        ("/ec:happened[ec:what='it']", 0),
        ("/ec:happened[ec:what[../ec:what[../ec:what='it']]]", 1),
        ("//ec:what", 0),
        ("//ec:what[//ec:what = 'it']", 0),
        ("//ec:what[//*[//*[//*[. = 'it']]]]", 1),
        ("/*[ec:what]", 0),
        ("/ec:happened[ec:what='it' or not(ec:what)]", 0),
        ("/ec:happened[re-match(ec:what, '(i|t)*')]", 1),
        ("/ec:happened[translate(ec:what, 'i', 'a') = 'at']", 1),
    ],
)
async def test_the_filter_of_a_subscription_goes_apart_when_it_may_take_long(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, expression: str, copies: int
) -> None:
    monkeypatch.setattr("agent.operations.subscribe.MAX_VISITS", 3000)
    await lab.do(subscribed(expression))
    before = lab.context.apart.copies
    lab.context.stream.publish(HAPPENED)
    assert b"<what>it</what>" in await lab.caller(1).got("happened")
    assert lab.context.apart.copies - before == copies


async def test_so_does_one_that_turns_out_to_need_much(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    body = f'<happened xmlns="{EC}"><what>it</what></happened>'
    await lab.do(
        f'<create-subscription xmlns="{NOTIFICATIONS}"><filter>{body}</filter></create-subscription>'
    )
    before = lab.context.apart.copies
    monkeypatch.setattr(budget, "HERE_COMPARISONS", 0)
    lab.context.stream.publish(HAPPENED)
    assert b"<what>it</what>" in await lab.caller(1).got("happened")
    assert lab.context.apart.copies - before == 1


async def test_a_subscription_whose_filter_takes_too_long_ends(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.operations.subscribe.MAX_VISITS", 0)
    await lab.do(subscribed("/ec:happened[ec:what='it']"))
    monkeypatch.setattr("agent.operations.xpath.at_most", gone)
    lab.context.stream.publish(HAPPENED)
    task = lab.caller(1).task
    assert task is not None
    await lab.until(task.done)
    assert "resource-denied" in repr(task.exception())


# -- subtree filters -----------------------------------------------------------------------------


def subtree(body: str) -> str:
    return f"<filter>{top(body)}</filter>"


def subtree_doors(body: str) -> list[str]:
    in_data = f"<subtree-filter>{top(body)}</subtree-filter>"
    return [
        got(subtree(body)),
        got(subtree(body), "get-config"),
        got_data(in_data, "running"),
        got_data(in_data, "operational"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        "<entry>" + "<id>x</id>" * budget.MAX_ELEMENTS + "<number/>" * budget.MAX_ELEMENTS + "</entry>",
        "<entry><id>1</id></entry>" * budget.MAX_ELEMENTS,
        "<entry>" + "<id>1</id>" * budget.MAX_ELEMENTS + "</entry>",
        "<nothing/>" * budget.MAX_ELEMENTS,
    ],
)
async def test_a_subtree_filter_has_so_many_elements_and_no_more(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr("agent.operations.read.narrow", lambda *_: pytest.fail("it was looked at"))
    for operation in subtree_doors(body):
        (error,) = await lab.refused(operation)
        assert (error.tag, error.type.value) == ("too-big", "protocol")
        assert f"{budget.MAX_ELEMENTS} elements" in error.message


@pytest.mark.parametrize(
    "body",
    [
        "<entry>" + "<id/>" * 20 + "<number/>" * 20 + "</entry>",
        "<entry><number>7</number></entry>" * 20,
        "<entry>" + "<id>1</id>" * 20 + "</entry>",
    ],
)
async def test_each_look_at_an_entry_is_counted(lab: Lab, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    await many(lab)
    monkeypatch.setattr(budget, "MAX_COMPARISONS", 20 * ENTRIES - 1)
    for operation in subtree_doors(body):
        (error,) = await lab.refused(operation)
        assert error.tag == "too-big"
    assert lab.context.apart.copies == 0


async def test_a_filter_that_needs_many_comparisons_goes_on_in_a_copy(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await many(lab)
    body = "<entry><number>7</number><id/></entry>"
    here = [await lab.do(operation) for operation in subtree_doors(body)]
    assert lab.context.apart.copies == 0
    monkeypatch.setattr(budget, "HERE_COMPARISONS", ENTRIES)
    assert here == [await lab.do(operation) for operation in subtree_doors(body)]
    assert lab.context.apart.copies == len(here)
    assert here[0].count("<id>") == 2
    monkeypatch.setattr("agent.operations.subtree.at_most", gone)
    assert (await lab.refused(subtree_doors(body)[0]))[0].tag == "resource-denied"


async def test_entries_that_are_named_by_their_keys_cost_no_more_than_they_are(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await many(lab)
    monkeypatch.setattr(budget, "HERE_COMPARISONS", 10 * ENTRIES)
    body = "".join(f"<entry><id>{n}</id></entry>" for n in range(ENTRIES))
    assert (await lab.do(got(subtree(body)))).count("<id>") == ENTRIES
    assert lab.context.apart.copies == 0


async def test_the_state_of_an_entry_is_asked_once_however_often_it_is_named(lab: Lab) -> None:
    await many(lab)
    again = "<entry><id>1</id></entry>" * 50
    assert (await lab.do(got(subtree(again)))).count("<id>") == 1
    asked = [line for line in lab.translator.log if "state" in str(line)]
    assert all(str(line).count("'1'") <= 1 for line in asked)


async def test_the_filter_of_a_subscription_is_smaller_for_each_event_meets_it(lab: Lab) -> None:
    body = f'<happened xmlns="{EC}"/>' * (budget.MAX_ELEMENTS_SUBSCRIBED + 1)
    subscription = (
        f'<create-subscription xmlns="{NOTIFICATIONS}"><filter>{body}</filter></create-subscription>'
    )
    (error,) = await lab.refused(subscription)
    assert error.tag == "too-big"


LONG = "x" * budget.MAX_OCTETS_SUBSCRIBED


@pytest.mark.parametrize(
    "filter_",
    [
        f'<filter><happened xmlns="{EC}"><what>{LONG}</what></happened></filter>',
        f'<filter xmlns:x="urn:{LONG}"><happened xmlns="{EC}"><what>x:y</what></happened></filter>',
        f'<nc:filter xmlns:nc="{NOTIFICATIONS}" xmlns="urn:{LONG}" type="xpath" select="//ec:what"/>',
        f'<filter xmlns:x="urn:{LONG}" type="xpath" select="/ec:happened[ec:what = \'x:y\']"/>',
    ],
)
async def test_so_many_octets_of_it_are_kept_and_no_more(lab: Lab, filter_: str) -> None:
    (error,) = await lab.refused(
        f'<create-subscription xmlns="{NOTIFICATIONS}">{filter_}</create-subscription>'
    )
    assert (error.tag, error.type.value) == ("too-big", "protocol")
    assert not lab.caller(1).subscribed()


async def test_the_message_that_it_came_in_is_not(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Filter] = []
    monkeypatch.setattr(Filter, "matches_event", lambda self, _tree: kept.append(self) or True)
    body = f'<happened xmlns="{EC}" xmlns:p="{EC}"><pet>p:cat</pet></happened>'
    await lab.do(
        f'<create-subscription xmlns="{NOTIFICATIONS}"><filter>{body}</filter></create-subscription>'
    )
    element = kept[0].subtree
    assert element is not None
    assert element.getparent() is None
    assert element[0][0].nsmap["p"] == EC
    assert element[0][0].nsmap["ec"] == EC
