"""Rules of access control and what they are about, committed together, are seen together or not at all."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from agent.datastore.transaction import Transactions
from agent.errors import ResourceDenied, RpcErrors
from agent.nacm.access import Access
from agent.nacm.control import AccessControl
from agent.nacm.rules import Rules
from agent.operations.dispatch import HANDLERS, READS, dispatch, guarded
from agent.operations.same_rules import TRIES
from agent.threads import worker_of
from agent.xml import NETCONF_NS, parse
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.handlers import Lab, Remembering, running_lab
from tests.agent.lab import PREFIXES, make_schema, top
from tests.agent.operations.guarded import SAM, nacm, path, rule, rule_list
from tests.agent.operations.test_at_once import answered

PATIENCE_S = 60
MANY = 300
ALL = rule("any", "permit", "<module-name>*</module-name>")
NOT_ONE = rule("one", "deny", path("/ec:top/ec:entry[ec:id='1']", "read"))
OPEN = nacm(rule_list("all", ["*"], ALL))
SHUT = nacm(rule_list("all", ["*"], NOT_ONE.replace("<rule>", '<rule yang:insert="first">', 1)))
HIDDEN = re.compile("<id>1</id><number>77</number>")
RUNNING = "<source><running/></source>"
ONE = f"<get-config>{RUNNING}<filter>{top('<entry><id>1</id></entry>')}</filter></get-config>"
ASKED = {
    "one by its key": ONE,
    "a list": f"<get-config>{RUNNING}<filter>{top('<entry/>')}</filter></get-config>",
    "all": f"<get-config>{RUNNING}</get-config>",
    "an expression": f'<get-config>{RUNNING}<filter type="xpath" select="//ec:number"/></get-config>',
    "with state": f"<get><filter>{top('<entry><id>1</id></entry>')}</filter></get>",
    "all with state": f"<get><filter>{top('')}</filter></get>",
    "get-data": (
        '<get-data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda" '
        'xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">'
        f"<datastore>ds:running</datastore><subtree-filter>{top('')}</subtree-filter></get-data>"
    ),
}


def entries(numbers: range, number: int) -> str:
    return top("".join(f"<entry><id>{n}</id><number>{number}</number></entry>" for n in numbers))


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    writes, reads = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
    schema: Schema = await worker_of(writes)(make_schema)
    worker, reader = worker_of(writes), worker_of(reads)
    await reader(schema.frees_here)
    async with running_lab(schema, tmp_path, worker=worker, reader=reader) as made:
        made.callers[SAM] = Remembering(SAM, "sam")
        yield made
    reads.shutdown()
    writes.shutdown()


@pytest.fixture
async def committing(lab: Lab, many: bool, asks: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A commit of a rule and of what it hides, which goes on once sam has learnt what he may do for the time
    ``asks``."""
    await lab.commit(OPEN + entries(range(1, MANY if many else 4), 2))
    await lab.edit(SHUT + entries(range(1, MANY if many else 2), 77))
    begun, go, over = Event(), Event(), Event()
    asked: list[Access] = []
    swap, access = Transactions.swap, AccessControl.access

    def swap_later(*arguments: Any) -> Any:
        begun.set()
        assert go.wait(PATIENCE_S)
        try:
            return swap(*arguments)
        finally:
            over.set()

    def access_before(*arguments: Any, **more: Any) -> Access:
        found = access(*arguments, **more)
        if arguments[1] == "sam" and not over.is_set():
            asked.append(found)
        if len(asked) == asks and not over.is_set():
            go.set()
            assert over.wait(PATIENCE_S)
        return found

    monkeypatch.setattr(Transactions, "swap", swap_later)
    monkeypatch.setattr(AccessControl, "access", access_before)
    commit = asyncio.create_task(lab.do("<commit/>"))
    await lab.until(begun.is_set)
    yield
    assert over.is_set()
    await commit


both = pytest.mark.parametrize("many", [False, True], ids=["few", "many"])


@both
@pytest.mark.parametrize("asks", [2])  # the first is for whether he may read at all
@pytest.mark.parametrize("read", ASKED.values(), ids=ASKED)
async def test_what_comes_with_a_rule_that_hides_it_is_shown_to_nobody(
    lab: Lab, committing: None, read: str
) -> None:
    rpc = parse(f'<rpc xmlns="{NETCONF_NS}" {PREFIXES}>{read}</rpc>'.encode())
    answer = await dispatch(lab.context, lab.caller(SAM), rpc[0], len(read))  # small: the writer is not asked
    assert not HIDDEN.search(answer.decode())
    assert HIDDEN.search(await lab.do(ASKED["all"]))


@both
@pytest.mark.parametrize("asks", [1])
async def test_nor_where_it_is_answered_at_once(lab: Lab, committing: None) -> None:
    assert b"<data/>" in await answered(lab, ONE, user="sam")


@pytest.mark.parametrize("count", [1, MANY], ids=["few", "many"])
async def test_rules_are_in_force_before_anybody_reads_what_they_hide(
    lab: Lab, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = lab.context.configuration.published
    load, closed = AccessControl.load, []

    def load_now(control: AccessControl, running: Tree) -> None:
        closed.append(published._changer is not None or published.tree is not running)
        load(control, running)

    monkeypatch.setattr(AccessControl, "load", load_now)
    await lab.commit(OPEN + entries(range(1, count + 1), 2))
    assert closed == [True]


@pytest.mark.parametrize(("user", "tries"), [("sam", TRIES), ("tester", 1)])
async def test_rules_that_change_each_time_are_no_reason_to_read_for_ever(
    lab: Lab, user: str, tries: int
) -> None:
    done: list[str] = []

    async def work() -> bytes:
        done.append(user)
        lab.context.nacm.load(lab.context.configuration.running)
        return b"<data/>"

    read = guarded(lab.context, Remembering(7, user), "get", work, reads=True)
    if tries == 1:  # no rule is about a recovery user
        assert await read == b"<data/>"
    else:
        with pytest.raises(RpcErrors) as caught:
            await read
        assert [type(one) for one in caught.value.errors] == [ResourceDenied]
    assert len(done) == tries


@pytest.mark.parametrize("name", READS & HANDLERS.keys(), ids=lambda name: name[1])
async def test_whatever_only_reads_is_done_again_by_the_new_rules(
    lab: Lab, name: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nacm, seen = lab.context.nacm, list[Rules]()
    await lab.commit(OPEN)

    async def read(*_: object) -> bytes:
        seen.append(nacm.rules)
        if len(seen) == 1:
            nacm.load(lab.context.configuration.running)
        return b"<one/>" * len(seen)

    monkeypatch.setitem(HANDLERS, name, read)
    monkeypatch.setattr("agent.operations.dispatch.check_input", lambda *_: None)
    operation = parse(f'<{name[1]} xmlns="{name[0]}"/>'.encode())
    assert await dispatch(lab.context, lab.caller(SAM), operation) == b"<one/><one/>"
    assert seen[0] is not seen[1]
