"""Reads of running: none waits for a write, or sees half of one, and little is copied for them."""

from __future__ import annotations

import asyncio
import gc
import re
import weakref
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, get_ident
from typing import Any, NoReturn

import pytest

from agent.errors import RpcErrors
from agent.operations import nmda
from agent.operations.dispatch import dispatch
from agent.operations.read import Filter, report, selected
from agent.operations.small import MAX_ELEMENTS, is_small
from agent.operations.subtree import MAX_OTHERS, selected_whole
from agent.operations.xpath import read_expression
from agent.threads import worker_of
from agent.translator import EntryChange, Plan
from agent.xml import NETCONF_NS, parse
from agent.yang.nodes import Defaults
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.handlers import Lab, running_lab
from tests.agent.lab import EC, PREFIXES, config, empty_running, make_schema, top
from tests.agent.recording_translator import RecordingTranslator

PATIENCE_S = 60
MANY = 300
ROUNDS = 200


@dataclass
class Slow(RecordingTranslator):
    """Waits in one of its steps until it is let go."""

    waits_in: str = ""
    waits: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def _step(self, name: str) -> None:
        if self.waits_in == name:
            self.waits.set()
            await self.let_go.wait()

    async def prepare(self, changes: Sequence[EntryChange]) -> Plan:
        await self._step("prepare")
        return await super().prepare(changes)

    async def apply(self, plan: Plan) -> None:
        await self._step("apply")
        await super().apply(plan)


@dataclass
class Threads:
    writes: ThreadPoolExecutor
    reads: ThreadPoolExecutor
    lab: Lab
    translator: Slow


@pytest.fixture
async def threads(tmp_path: Path) -> AsyncIterator[Threads]:
    """A server whose writes and reads have threads of their own."""
    writes, reads = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
    schema: Schema = await worker_of(writes)(make_schema)
    worker, reader = worker_of(writes), worker_of(reads)
    await reader(schema.frees_here)
    translator = Slow()
    async with running_lab(schema, tmp_path, translator, worker=worker, reader=reader) as lab:
        yield Threads(writes, reads, lab, translator)
    reads.shutdown()
    writes.shutdown()


def entries(count: int, number: int) -> str:
    return top("".join(f"<entry><id>{n}</id><number>{number}</number></entry>" for n in range(1, count + 1)))


RUNNING = "<source><running/></source>"
ONE, ALL = top("<entry><id>1</id></entry>"), top("<entry/>")


def xpath(expression: str) -> str:
    return f'<filter type="xpath" select="{expression}"/>'


READS = {
    "one by its key": f"<get-config>{RUNNING}<filter>{ONE}</filter></get-config>",
    "all": f"<get-config>{RUNNING}</get-config>",
    "all of a list": f"<get-config>{RUNNING}<filter>{ALL}</filter></get-config>",
    "a long filter": f"<get-config>{RUNNING}<filter>{ALL}{'<absent/>' * 300}</filter></get-config>",
    "a plain path": f"<get-config>{RUNNING}{xpath('/ec:top/ec:entry/ec:number')}</get-config>",
    "an expression": f"<get-config>{RUNNING}{xpath('//ec:number[. &gt; 1]')}</get-config>",
    "one with its state": f"<get><filter>{ONE}</filter></get>",
    "all with their state": f"<get><filter>{ALL}</filter></get>",
    "an expression on state": f"<get>{xpath('/ec:top/ec:entry[ec:number &gt; 1]')}</get>",
    "operational": (
        '<get-data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda" '
        'xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">'
        f"<datastore>ds:operational</datastore><subtree-filter>{top('')}</subtree-filter></get-data>"
    ),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_read_is_answered_while_the_thread_that_writes_is_busy(threads: Threads, read: str) -> None:
    await threads.lab.commit(entries(3, 2))
    end = Event()
    threads.writes.submit(end.wait, PATIENCE_S)
    try:
        async with asyncio.timeout(PATIENCE_S):
            answer = await _dispatched(threads.lab, read)
    finally:
        end.set()
    assert "<number>2</number>" in answer


AGENT = "urn:yangswan:params:xml:ns:yang:agent"
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
OF_THE_SERVER = {
    "the library": (
        '<get><filter><yang-library xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-library"/></filter></get>',
        "<name>every-construct</name>",
    ),
    "counters of access control": (
        '<get><filter><nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><denied-operations/></nacm>'
        "</filter></get>",
        "denied-operations",
    ),
    "a decision": (
        f'<explain-access xmlns="{AGENT}"><path>/ec:top/ec:entry[ec:id="1"]</path></explain-access>',
        "permit",
    ),
    "a module": (
        f'<get-schema xmlns="{MONITORING}"><identifier>every-construct</identifier></get-schema>',
        "module every-construct",
    ),
}


@pytest.mark.parametrize(("read", "part"), OF_THE_SERVER.values(), ids=OF_THE_SERVER)
async def test_what_is_told_of_the_server_waits_for_no_write(threads: Threads, read: str, part: str) -> None:
    end = Event()
    threads.writes.submit(end.wait, PATIENCE_S)
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert part in await _dispatched(threads.lab, read)
    finally:
        end.set()


REFUSED = {
    "a parameter": f"<get-config>{RUNNING}<nonsense/></get-config>",
    "a filter": f"<get-config>{RUNNING}{xpath('/ec:top[')}</get-config>",
    "a module": f'<get-schema xmlns="{MONITORING}"><identifier>nonsense</identifier></get-schema>',
}


@pytest.mark.parametrize("read", REFUSED.values(), ids=REFUSED)
async def test_what_is_wrong_with_a_read_is_told_without_a_wait(threads: Threads, read: str) -> None:
    end = Event()
    threads.writes.submit(end.wait, PATIENCE_S)
    try:
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(RpcErrors):
                await _dispatched(threads.lab, read)
    finally:
        end.set()


async def _dispatched(lab: Lab, read: str) -> str:
    rpc = parse(f'<rpc xmlns="{NETCONF_NS}" {PREFIXES}>{read}</rpc>'.encode())
    return (await dispatch(lab.context, lab.caller(2), rpc[0], len(read))).decode()


@pytest.mark.parametrize("point", ["prepare", "apply"])
async def test_reads_go_on_while_a_commit_is_held_still(threads: Threads, point: str) -> None:
    lab, translator = threads.lab, threads.translator
    await lab.commit(entries(3, 2))
    await lab.edit(entries(3, 3))
    translator.waits_in = point
    commit = asyncio.create_task(lab.do("<commit/>"))
    async with asyncio.timeout(PATIENCE_S):
        await translator.waits.wait()
        for read in READS.values():
            answer = await lab.do(read, session_id=2)
            assert "<number>2</number>" in answer
            assert "<number>3</number>" not in answer
    translator.let_go.set()
    await commit
    for read in READS.values():
        assert "<number>3</number>" in await lab.do(read, session_id=2)


@pytest.mark.parametrize("read", ["all", "all of a list", "a plain path", "all with their state"])
async def test_nobody_sees_half_of_a_commit(threads: Threads, read: str) -> None:
    lab = threads.lab
    await lab.commit(entries(MANY, 0))
    commits = asyncio.create_task(_commits(lab))
    seen: list[str] = []
    for _ in range(ROUNDS):
        answer = await lab.do(READS[read], session_id=2)
        numbers = re.findall(r"<number>(\d+)</number>", answer)
        assert len(numbers) == MANY
        assert len(set(numbers)) == 1
        seen.append(numbers[0])
        if commits.done():
            break
    await commits
    assert seen == sorted(seen, key=int)


async def _commits(lab: Lab) -> None:
    for number in range(1, 6):
        await lab.commit(entries(MANY, number))


# -- what is read on the event loop ---------------------------------------------------------------


def running(schema: Schema, body: str) -> Tree:
    tree = empty_running(schema)
    tree.merge(Tree.parse(schema, top(body).encode()))
    return tree


FEW = "<entry><id>1</id><number>2</number></entry><entry><id>2</id></entry>"
SMALL = [
    top("<entry><id>1</id></entry>"),
    top("<entry><id>1</id><number/></entry><entry><id>2</id></entry>"),
    top("<entry><id>77</id></entry>"),
    '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><enable-nacm/></nacm>',
    "<nothing/>",
]
LARGE = [
    top(""),
    top("<entry/>"),
    top("<entry><number>2</number></entry>"),
    top("<entry><id/></entry>"),
    top("<entry><id>both ' and \"</id></entry>"),  # for which all entries are looked at
    top("".join(f"<entry><id>{n}</id></entry>" for n in range(MAX_ELEMENTS))),
]


@pytest.mark.parametrize(("filters", "small"), [(SMALL, True), (LARGE, False)])
def test_a_filter_is_small_if_it_gives_all_keys(schema: Schema, filters: list[str], small: bool) -> None:
    tree = running(schema, FEW)
    assert {body: is_small(tree, config(body), None) for body in filters} == dict.fromkeys(filters, small)


@pytest.mark.parametrize(
    ("path", "small"),
    [
        ("/ec:top/ec:entry[ec:id='1']", True),
        ("/ec:top/ec:entry[ec:id='1']/ec:number", True),
        ("/ec:top/ec:entry", False),
        ("/ec:top/ec:entry[ec:number='2']", False),
        ("//ec:entry[ec:id='1']", False),
        ("/ec:top/ec:entry[ec:id='1'] | //ec:number", False),
    ],
)
def test_a_path_is_small_if_it_gives_all_keys(schema: Schema, path: str, small: bool) -> None:
    expression = read_expression(schema, path, {"ec": EC})
    assert is_small(running(schema, FEW), None, expression) is small


def test_no_filter_is_not_small(schema: Schema) -> None:
    assert not is_small(running(schema, FEW), None, None)


def test_an_entry_that_holds_much_is_not_small(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.operations.small.MAX_NODES", 4)
    tags = "<number>2</number><tag>a</tag><tag>b</tag><tag>c</tag>"
    tree = running(schema, f"<entry><id>1</id>{tags}</entry><entry><id>2</id></entry>")
    assert not is_small(tree, config(top("<entry><id>1</id></entry>")), None)
    assert is_small(tree, config(top("<entry><id>2</id></entry>")), None)


def _busy(begun: Event, end: Event) -> None:
    begun.set()
    end.wait(PATIENCE_S)


async def test_a_small_read_makes_no_hop_and_leaves_nothing(threads: Threads) -> None:
    lab = threads.lab
    await lab.commit(entries(3, 2))
    end = Event()
    for pool in (threads.writes, threads.reads):
        begun = Event()
        pool.submit(_busy, begun, end)
        assert begun.wait(PATIENCE_S)  # what it did before may free trees of the commit at its end
    gc.collect()
    of_the_commit = len(lab.context.schema._orphans)  # which wait for one of these threads
    try:
        for name in ("one by its key", "one with its state"):
            assert "<number>2</number>" in await _dispatched(lab, READS[name])
        assert len(lab.context.schema._orphans) == of_the_commit
    finally:
        end.set()


async def test_parameters_that_are_many_are_read_on_the_thread_that_writes(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    on: list[int] = []

    def read(*arguments: Any) -> nmda.DataRequest:
        on.append(get_ident())
        return before(*arguments)

    before = nmda._read_request
    monkeypatch.setattr(nmda, "_read_request", read)
    monkeypatch.setattr(nmda, "FEW", 3)
    asks = READS["operational"].replace("<subtree", "<max-depth>1</max-depth>{}<subtree", 1)
    origin = '<origin-filter xmlns:or="urn:ietf:params:xml:ns:yang:ietf-origin">or:intended</origin-filter>'
    for count in (0, 2):
        await _dispatched(threads.lab, asks.format(count * origin))
    writer = await asyncio.wrap_future(threads.writes.submit(get_ident))
    assert on == [get_ident(), writer]


async def test_a_read_that_waits_for_its_turn_keeps_nothing_that_was_replaced(threads: Threads) -> None:
    lab, end = threads.lab, Event()
    await lab.commit(entries(3, 2))
    threads.reads.submit(end.wait, PATIENCE_S)
    try:
        read = asyncio.create_task(_dispatched(lab, READS["all"]))
        await asyncio.sleep(0)
        assert not threads.reads._work_queue.empty()
        before = weakref.ref(lab.context.configuration.running)
        await lab.commit(entries(MANY, 3))
        assert before() is None
    finally:
        end.set()
    assert "<number>3</number>" in await read


# -- what is not copied ---------------------------------------------------------------------------


def forbidden(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError("it was copied")


@pytest.mark.parametrize("body", [top(""), top("<entry/>"), f"{top('')}<absent xmlns='{EC}'/>"])
def test_what_is_selected_as_a_whole_is_printed_as_it_stands(
    schema: Schema, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    tree = Tree.parse(schema, top(FEW).encode())
    filter_ = Filter(subtree=config(body))
    copied = report(filter_.apply(tree), Defaults.EXPLICIT)
    for name in ("copy_into", "duplicate"):
        monkeypatch.setattr(Tree, name, forbidden)
    assert selected(tree, filter_, Defaults.EXPLICIT) == copied


@pytest.mark.parametrize("defaults", Defaults)
@pytest.mark.parametrize(
    "body",
    [
        *SMALL,
        *LARGE,
        top("<entry/><plain/>"),
        top("<entry/>") + top(""),
        top("<nothing/>"),
        '<top xmlns="urn:other"/>',
        f'<top xmlns="{EC}" kind="x"/>',
        "<top/>",
        f"{top('')}<nacm xmlns='urn:ietf:params:xml:ns:yang:ietf-netconf-acm'/>",
    ],
)
def test_what_is_printed_is_what_is_selected(schema: Schema, body: str, defaults: Defaults) -> None:
    tree = running(schema, FEW)
    filter_ = Filter(subtree=config(body))
    assert selected(tree, filter_, defaults) == report(filter_.apply(tree), defaults)


def test_parts_are_not_taken_for_the_whole(schema: Schema) -> None:
    tree = Tree.parse(schema, top(FEW).encode())
    nothing = (top("<present/>"), top("<entry><id/></entry>"), top("<entry><id>1</id></entry>"))
    for body in nothing:
        assert selected_whole(tree, config(body)) is None
    assert [whole.without for whole in selected_whole(tree, config(top("<entry/>"))) or ()] == [[]]


@pytest.mark.parametrize(("others", "seen"), [(1, True), (MAX_OTHERS, True), (MAX_OTHERS + 1, False)])
def test_what_else_a_container_holds_is_left_out(schema: Schema, others: int, seen: bool) -> None:
    chosen = "".join(f"<chosen>{n}</chosen>" for n in range(others))
    held = f"{chosen}<pair><name>a</name></pair><pair><name>b</name></pair>"
    tree = Tree.parse(schema, f'<references xmlns="{EC}">{held}</references>'.encode())
    filter_ = Filter(subtree=config(f'<references xmlns="{EC}"><pair/></references>'))
    assert filter_.subtree is not None
    assert (selected_whole(tree, filter_.subtree) is not None) is seen
    assert selected(tree, filter_, Defaults.EXPLICIT) == report(filter_.apply(tree), Defaults.EXPLICIT)
    assert tree.to_xml().count(b"<chosen>") == others
