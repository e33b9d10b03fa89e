"""Random changes of an agent that runs, and who knows RFC 8641 alone (tests/agent/push/subscriber.py)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.agent.lab import EC, MODULES
from tests.agent.push.subscriber import Subscriber, meaning
from tests.agent_process import AgentProcess, running_agent
from tests.wire.raw_client import BASE, RawClient, chunked, raw_client, rpc
from tests.wire.test_push import DS, NMDA, YP, establish
from tests.wire.test_sessions import settings as settings_file

NAMESPACES = {"every-construct": EC}
KEYS = {
    "entry": ["id"],
    "tag": ["."],
    "step": ["."],
    "stage": ["name"],
    "address": ["ip", "port"],
    "order": ["."],
}
ORDERED = ("step", "stage", "order")
SELECTED = f'<top xmlns="{EC}"/><order xmlns="{EC}"/>'
MODULE_NAMES = ("every-augment", "every-construct", "every-third")
YANG = "urn:ietf:params:xml:ns:yang:1"
UPDATE_OCTETS_MAX = 4000

IDS = st.sampled_from(["1", "a/b", "a,b=c", "it's \"", "é ü", "10"])
TEXTS = st.sampled_from(["x", "y", "<&>", "100%", " a  b "])
WORDS = st.sampled_from(["alpha", "beta", "gamma", "delta"])


def leaf(name: str, value: object, attributes: str = "") -> str:
    return f"<{name}{attributes}>{escape(str(value))}</{name}>"


def maybe(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), values.map(lambda value: leaf(name, value)))


def leaf_list(name: str, most: int) -> st.SearchStrategy[str]:
    values = st.lists(WORDS, unique=True, max_size=most)
    return values.map(lambda found: "".join(leaf(name, value) for value in found))


STAGES = st.lists(
    st.tuples(WORDS, maybe("effort", st.integers(0, 3))), unique_by=lambda row: row[0], max_size=4
).map(lambda rows: "".join(f"<stage>{leaf('name', name)}{rest}</stage>" for name, rest in rows))
ADDRESSES = st.lists(st.tuples(IDS, st.integers(1, 2)), unique=True, max_size=3).map(
    lambda rows: "".join(f"<address>{leaf('ip', ip)}{leaf('port', port)}</address>" for ip, port in rows)
)
SHAPES = st.one_of(
    st.just(""), st.just("<radius>1.5</radius><colour>red</colour>"), st.just("<side>3</side>")
)
CONTENTS = st.tuples(
    maybe("word", WORDS),
    SHAPES,
    st.sampled_from(["", "<marker/>"]),
    leaf_list("tag", 3),
    leaf_list("step", 4),
    STAGES,
    ADDRESSES,
    st.sampled_from(["", "<present><needed>a</needed></present>", "<present><needed>b</needed></present>"]),
    st.one_of(st.just(""), TEXTS.map(lambda text: f"<plain>{leaf('note', text)}</plain>")),
).map("".join)


def top(body: str, attributes: str = "") -> str:
    return f'<top xmlns="{EC}"{attributes}>{body}</top>'


def operation(name: str) -> str:
    return f' nc:operation="{name}"'


def whole(entry: tuple[str, str], how: str) -> str:
    return top(f"<entry{operation(how)}>{leaf('id', entry[0])}{entry[1]}</entry>")


def inserted(id_: str, value: str, where: str) -> str:
    """Put a value of a leaf-list ordered by user at one end."""
    return top(f"<entry>{leaf('id', id_)}{leaf('step', value, f' yang:insert={where!r}')}</entry>")


EDITS = st.one_of(
    st.tuples(st.tuples(IDS, CONTENTS), st.sampled_from(["replace", "merge"])).map(lambda row: whole(*row)),
    IDS.map(lambda id_: top(f"<entry{operation('remove')}>{leaf('id', id_)}</entry>")),
    st.just(top("", operation("remove"))),
    st.tuples(IDS, WORDS, st.sampled_from(["first", "last"])).map(lambda row: inserted(*row)),
    st.permutations(["alpha", "beta", "gamma"]).map(
        lambda values: "".join(leaf("order", v, f' xmlns="{EC}" yang:insert="first"') for v in values)
    ),
    st.sampled_from(["true", "false"]).map(lambda flag: top(leaf("flag", flag))),
)
STEPS = st.lists(
    st.one_of(
        st.lists(EDITS, min_size=1, max_size=3),  # in one commit
        st.just("resync"),
        st.just("discard"),
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    folder = tmp_path_factory.mktemp("agent")
    options = [word for name in MODULE_NAMES for word in ("--yang-module", str(MODULES / f"{name}.yang"))]
    limits = settings_file(folder, f"push-update-octets = {UPDATE_OCTETS_MAX * 100}")
    with running_agent(folder / "data", [*limits, *options]) as running:
        yield running


def edit(body: str) -> str:
    declared = f'xmlns:nc="{BASE}" xmlns:yang="{YANG}"'
    return f"<edit-config><target><candidate/></target><config {declared}>{body}</config></edit-config>"


async def shown(client: RawClient, datastore: str) -> Any:
    reply = await client.ask(
        f'<get-data xmlns="{NMDA}" xmlns:ds="{DS}"><datastore>ds:{datastore}</datastore>'
        f"<subtree-filter>{SELECTED}</subtree-filter></get-data>"
    )
    return meaning(etree.fromstring(reply).find("{*}data"), ordered=ORDERED)


async def followed(watcher: RawClient, subscriber: Subscriber, expected: Any) -> None:
    """Take updates until the subscriber has what is expected."""
    try:
        while meaning(subscriber.data, ordered=ORDERED) != expected:
            subscriber.take(await watcher.until_message(b"<push-"))
    except TimeoutError:
        assert meaning(subscriber.data, ordered=ORDERED) == expected


async def subscribed(watcher: RawClient, datastore: str) -> int:
    watcher.send(chunked(rpc(establish(datastore, "<yp:on-change/>", SELECTED))))
    found = re.search(rb"<id[^>]*>(\d+)<", await watcher.until_message(b"rpc-reply"))
    assert found is not None
    return int(found[1])


async def carried_out(worker: RawClient, edits: Sequence[str]) -> None:
    """Edit and commit; what cannot be is undone."""
    for body in edits:
        await worker.ask(edit(body))
    if b"<ok/>" not in await worker.ask("<commit/>"):
        assert b"<ok/>" in await worker.ask("<discard-changes/>")


async def walked(
    agent: AgentProcess, datastore: str, steps: Sequence[Any], after: Callable[..., Awaitable[None]]
) -> Subscriber:
    """Go through ``steps``; ``after`` each is waited for what it says."""
    async with raw_client(agent, greet="1.1") as watcher, raw_client(agent, greet="1.1") as worker:
        await carried_out(
            worker, [top("", operation("remove")), f'<order xmlns="{EC}"{operation("remove")}>x</order>']
        )
        subscriber = Subscriber(NAMESPACES, KEYS)
        id_ = await subscribed(watcher, datastore)
        subscriber.take(await watcher.until_message(b"<push-"))
        syncs = 1
        for step in steps:
            if step == "resync":
                watcher.send(
                    chunked(rpc(f'<resync-subscription xmlns="{YP}"><id>{id_}</id></resync-subscription>'))
                )
                syncs += 1
                while subscriber.syncs < syncs:  # patches of what was changed before may come first
                    subscriber.take(await watcher.until_message(b"<push-"))
            elif step == "discard":
                await worker.ask("<discard-changes/>")
            else:
                await carried_out(worker, step)
            await after(watcher, subscriber, worker)
        await followed(watcher, subscriber, await shown(worker, datastore))
        assert subscriber.syncs == syncs
        return subscriber


@pytest.mark.parametrize("datastore", ["running", "candidate", "operational"])
@settings(max_examples=12, deadline=None)
@given(steps=STEPS)
def test_after_each_change_the_subscriber_has_what_a_get_shows(
    agent: AgentProcess, datastore: str, steps: Sequence[Any]
) -> None:
    async def after(watcher: RawClient, subscriber: Subscriber, worker: RawClient) -> None:
        await followed(watcher, subscriber, await shown(worker, datastore))

    asyncio.run(walked(agent, datastore, steps, after))


@pytest.mark.parametrize("datastore", ["running", "operational"])
@settings(max_examples=8, deadline=None)
@given(steps=STEPS)
def test_after_many_changes_at_once_too(agent: AgentProcess, datastore: str, steps: Sequence[Any]) -> None:
    async def after(*_who: object) -> None:
        """Nobody waits."""

    asyncio.run(walked(agent, datastore, steps, after))


def test_every_operation_of_a_patch_comes(agent: AgentProcess) -> None:
    """What the others try at random is all there."""
    steps = [
        [whole(("1", "<word>alpha</word><step>a</step><step>b</step>"), "replace")],
        [whole(("1", "<word>beta</word><step>b</step><step>a</step><step>c</step>"), "replace")],
        [top("", operation("remove"))],
    ]
    seen: set[bytes] = set()

    async def after(watcher: RawClient, subscriber: Subscriber, worker: RawClient) -> None:
        expected = await shown(worker, "running")
        while meaning(subscriber.data, ordered=ORDERED) != expected:
            message = await watcher.until_message(b"<push-")
            seen.update(re.findall(rb"<operation>(\w+)<", message))
            subscriber.take(message)

    subscriber = asyncio.run(walked(agent, "running", steps, after))
    assert seen == {b"create", b"replace", b"move", b"insert", b"delete"}
    assert subscriber.patches == 3


async def test_who_was_suspended_and_resumed_has_what_a_get_shows(tmp_path: Path) -> None:
    """It is suspended while what is selected is too large for an update, and resumed when it is not."""
    options = [word for name in MODULE_NAMES for word in ("--yang-module", str(MODULES / f"{name}.yang"))]
    limits = settings_file(tmp_path, f"push-update-octets = {UPDATE_OCTETS_MAX}")
    with running_agent(tmp_path / "data", [*limits, *options]) as agent:
        async with raw_client(agent, greet="1.1") as watcher, raw_client(agent, greet="1.1") as worker:
            subscriber = Subscriber(NAMESPACES, KEYS)
            await carried_out(worker, [whole(("1", "<step>a</step><step>b</step>"), "replace")])
            await subscribed(watcher, "running")
            await followed(watcher, subscriber, await shown(worker, "running"))
            await carried_out(
                worker, [whole(("2", f"<plain><note>{'x' * UPDATE_OCTETS_MAX}</note></plain>"), "replace")]
            )
            told = await watcher.until_message(b"<")
            assert b"<subscription-suspended" in told
            assert b"update-too-big" in told
            await carried_out(worker, [whole(("1", "<step>b</step><step>a</step>"), "replace")])
            await carried_out(worker, [top(f"<entry{operation('delete')}><id>2</id></entry>")])
            assert b"<subscription-resumed" in await watcher.until_message(b"<")
            await followed(watcher, subscriber, await shown(worker, "running"))
            await carried_out(worker, [top("", operation("delete"))])
            await followed(watcher, subscriber, await shown(worker, "running"))
