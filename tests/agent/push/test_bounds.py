"""What subscriptions to datastores may cost, and what happens where that is not enough."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from agent.errors import OperationFailed, ResourceDenied
from agent.operational import StateError
from agent.operations import publisher
from agent.operations.publisher import Bounds, OnTheirWay, Publisher
from agent.operations.watching import Held, Reading, Watch, Watches
from agent.push.pieces import Piece
from agent.translator import Json, Keys
from agent.yang.schema import Schema
from tests.agent.handlers import Remembering
from tests.agent.lab import direct
from tests.agent.push.held_clock import HeldClock
from tests.agent.push.links import ALL, PushLab, datastore, link_path, on_change, push_lab
from tests.agent.push.states import CH


@pytest.fixture
async def lab(changing: Schema, tmp_path: Path) -> AsyncIterator[PushLab]:
    async with push_lab(changing, tmp_path) as made:
        await made.configure("<link><name>a</name></link>", "<link><name>b</name></link>")
        made.set_state("a", {"status": "up"})
        yield made


def piece(text: str) -> Piece:
    return Piece((), f'<engine xmlns="{CH}"><status>{text}</status></engine>'.encode())


class Store:
    """Something to watch: ``holds`` by path. ``asked``: what was read, None is all of it."""

    def __init__(self, schema: Schema, **more: Any) -> None:
        self.holds: dict[str, Piece] = {"/changing:engine": piece("up")}
        self.asked: list[Collection[str] | None] = []
        self.fault: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.reading = Reading(
            schema, direct, whole=self.whole, part=self.part, may_select=lambda path: path != "/other", **more
        )

    async def whole(self) -> Mapping[str, Piece]:
        return await self._read(None)

    async def part(self, paths: Collection[str]) -> Mapping[str, Piece]:
        return await self._read(tuple(paths))

    async def _read(self, paths: Collection[str] | None) -> Mapping[str, Piece]:
        self.asked.append(paths)
        found = {path: held for path, held in self.holds.items() if paths is None or path in paths}
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return found


class Counting:
    def __init__(self) -> None:
        self.woken = 0
        self.forgot: list[Held] = []

    def wake(self) -> None:
        self.woken += 1

    def forget(self, but: Held) -> None:
        self.forgot.append(but)


# -- watching ------------------------------------------------------------------------------


async def test_many_who_ask_at_once_have_one_look(changing: Schema) -> None:
    store = Store(changing)
    watch = Watch(store.reading)
    helds = await asyncio.gather(*(watch.current() for _ in range(100)))
    assert store.asked == [None]
    assert len(set(map(id, helds))) == 1


async def test_what_is_noted_during_a_look_needs_another(changing: Schema) -> None:
    store = Store(changing)
    watch = Watch(store.reading)
    await watch.current()
    store.gate.clear()
    watch.touch(["/changing:engine"])
    first = asyncio.ensure_future(watch.current())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    store.holds["/changing:engine"] = piece("down")
    watch.touch(["/changing:engine"])
    second = asyncio.ensure_future(watch.current())
    await asyncio.sleep(0)
    store.gate.set()
    await first
    assert (await second).pieces["/changing:engine"] == piece("down")
    assert store.asked == [None, ("/changing:engine",), ("/changing:engine",)]
    assert not watch.touched


async def test_a_look_that_fails_is_made_up_for(changing: Schema) -> None:
    store = Store(changing)
    watch = Watch(store.reading)
    store.fault = OperationFailed("not now")
    for _ in range(2):
        with pytest.raises(OperationFailed):
            await watch.current()
    assert watch.touched
    store.fault = None
    assert (await watch.current()).pieces == store.holds
    assert store.asked == [None] * 3


async def test_a_look_goes_on_when_who_waits_for_it_is_gone(changing: Schema) -> None:
    store = Store(changing)
    watch = Watch(store.reading)
    store.gate.clear()
    waits = asyncio.ensure_future(watch.current())
    await asyncio.sleep(0)
    waits.cancel()
    store.gate.set()
    assert (await watch.current()).pieces == store.holds
    assert store.asked == [None]


async def test_what_has_not_changed_wakes_nobody_twice(changing: Schema) -> None:
    store = Store(changing)
    watch, watcher = Watch(store.reading), Counting()
    watch.watchers.add(watcher)
    before = await watch.current()
    watch.touch(["/other"])
    assert watcher.woken == 0
    watch.touch(["/changing:engine"])
    assert watcher.woken == 1
    assert await watch.current() is before


async def test_a_patch_is_made_once_for_all_and_again_after_a_fault(changing: Schema) -> None:
    store = Store(changing)
    watch = Watch(store.reading)
    before = await watch.current()
    store.holds["/changing:engine"] = piece("down")
    watch.touch(None)
    after = await watch.current()
    first, second = await asyncio.gather(*(watch.patch(before, after, frozenset()) for _ in range(2)))
    assert first is second
    assert first.count == 1
    assert (await watch.patch(after, after, frozenset())).count == 0


async def test_paths_find_those_who_wait_for_them(changing: Schema) -> None:
    watches, watchers = Watches(), {}
    for name, only in (("a", {"/a"}), ("both", {"/a", "/b"}), ("wide", None)):
        store = Store(changing, only=None if only is None else frozenset(only))
        watch = Watch(store.reading)
        watchers[name] = Counting()
        watch.watchers.add(watchers[name])
        watches.add(("running", name), watch)

    def woken() -> dict[str, int]:
        return {name: watcher.woken for name, watcher in watchers.items()}

    watches.touch(["/a"])
    assert woken() == {"a": 1, "both": 1, "wide": 1}
    watches.touch(["/b"])
    assert woken() == {"a": 1, "both": 2, "wide": 2}
    watches.touch(["/b"], which=lambda key: key[0] != "running")  # type: ignore[index]
    assert woken() == {"a": 1, "both": 2, "wide": 2}
    watches.touch(None)
    assert woken() == {"a": 2, "both": 3, "wide": 3}
    watches.find(("running", "both")).watchers.clear()  # type: ignore[union-attr]
    watches.drop_unused()
    watches.touch([f"/{number}" for number in range(1000)] + ["/a", "/b"])
    assert woken() == {"a": 3, "both": 3, "wide": 4}
    assert len(watches) == 2


# -- memory --------------------------------------------------------------------------------


async def test_what_others_were_sent_earlier_is_counted_and_forgotten(changing: Schema) -> None:
    store, watches = Store(changing), Watches()
    watch, watcher = Watch(store.reading), Counting()
    watch.watchers.add(watcher)
    watches.add("one", watch)
    before = await watch.current()
    now = watches.octets
    store.holds["/changing:engine"] = piece("down" * 1000)
    watch.touch(None)
    await watch.current()
    assert watch.octets_before == now
    watches.bound(watches.octets)
    assert not watcher.forgot
    watches.bound(watches.octets - 1)
    assert watcher.forgot == [watch.held]
    del before
    assert watch.octets_before == 0


async def test_what_is_the_same_is_kept_once(changing: Schema) -> None:
    store = Store(changing)
    store.holds["/b"] = piece("b")
    watch = Watch(store.reading)
    before = await watch.current()
    store.holds = {"/changing:engine": piece("down"), "/b": piece("b")}
    watch.touch(None)
    after = await watch.current()
    assert after.pieces["/b"] is before.pieces["/b"]


async def dampened(lab: PushLab, more: str = "") -> int:
    lab.context.publisher.clock = HeldClock()
    body = f"<yp:dampening-period>1000</yp:dampening-period>{more}"
    return await lab.establish(datastore() + ALL + on_change(body))


async def grown(lab: PushLab) -> None:
    """Have so much change that what was sent last is too much to be kept, for whoever is not told yet."""
    bounds = Bounds(octets=lab.context.publisher.watches.octets + 1000)
    lab.context.publisher.bounds = bounds
    await lab.establish(datastore() + ALL + on_change(), session_id=2)
    quick = lab.follow(2)
    await quick.until(await lab.shown(2))
    for status in ("x", "y"):
        lab.set_state("a", {"status": status * 400})
        lab.set_state("b", {"status": status * 400})
        await quick.until(await lab.shown(2))


async def test_who_was_sent_what_is_forgotten_is_sent_everything(lab: PushLab) -> None:
    await dampened(lab)
    caller = lab.lab.caller(1)
    await caller.got("push-update")
    await grown(lab)
    assert len(caller.sent) == 1
    lab.context.publisher.clock.pass_(10)
    await caller.got("push-update", 2)
    reader = lab.follow()
    await reader.until(await lab.shown())


async def test_without_a_sync_it_is_an_incomplete_update(lab: PushLab) -> None:
    await dampened(lab, "<yp:sync-on-start>false</yp:sync-on-start>")
    caller = lab.lab.caller(1)
    lab.set_state("a", {"status": "first"})
    await caller.got("push-change-update")
    await grown(lab)
    source = lab.context.subscriptions.own(caller, 1).source
    assert source._sent.lost
    lab.context.publisher.clock.pass_(10)
    message = await caller.got("push-change-update", 2)
    update = etree.fromstring(message)
    assert update.find(".//{*}incomplete-update") is not None
    assert {edit.findtext("{*}operation") for edit in update.iter("{*}edit")} == {"create"}


async def test_large_updates_that_nobody_takes_leave_room_for_one() -> None:
    way = OnTheirWay(lambda: 100_000)
    one, other, small = object(), object(), object()
    await way.take(one, 90_000, "a")
    await way.take(small, 1000, "b")
    assert way.octets == 90_000
    waits = asyncio.ensure_future(way.take(other, 90_000, "b"))
    await asyncio.sleep(0)
    assert not waits.done()
    way.leave(small)
    way.leave(one)
    await waits
    assert way.octets == 90_000
    way.leave(other)
    await way.take(one, 500_000, "a")  # a single one may be larger
    assert way.octets == 500_000


async def test_updates_of_one_user_leave_room_for_those_of_others() -> None:
    way = OnTheirWay(lambda: 1_000_000)
    first, second, others = object(), object(), object()
    await way.take(first, 200_000, "a")
    waits = asyncio.ensure_future(way.take(second, 200_000, "a"))
    await asyncio.sleep(0)
    assert not waits.done()
    await way.take(others, 800_000, "b")
    way.leave(first)
    way.leave(others)
    await waits
    assert way.octets == 200_000


class Stuck(Remembering):
    async def _send(self, message: bytes) -> None:
        await self.ended()


async def test_who_does_not_read_is_in_the_way_of_no_other_user(
    lab: PushLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "SMALL_OCTETS", 10)
    lab.context.publisher.bounds = Bounds(octets=8000)
    lab.lab.callers[2] = Remembering(2, "other")
    lab.context.nacm._recovery = frozenset({"tester", "other"})
    stuck = lab.lab.callers[1] = Stuck(1)
    lab.set_state("a", {"status": "x" * 1500})
    for _ in range(6):
        await lab.establish(datastore() + ALL + on_change(), 1)
    await lab.lab.until(lambda: lab.context.publisher.on_their_way.octets > 0)
    await lab.establish(datastore() + ALL + on_change(), 2)
    await lab.lab.caller(2).got("push-update")
    assert not stuck.sent


async def test_who_waits_for_room_too_long_is_suspended(
    lab: PushLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "PATIENCE_S", 0.01)
    monkeypatch.setattr(publisher, "SMALL_OCTETS", 10)
    lab.context.publisher.bounds = Bounds(octets=10_000)
    await lab.context.publisher.on_their_way.take(self := object(), 10_000, "another")
    await lab.establish(datastore() + ALL + on_change())
    told = await lab.lab.caller(1).got("subscription-suspended")
    assert b"insufficient-resources" in told
    lab.context.publisher.on_their_way.leave(self)


# -- faults --------------------------------------------------------------------------------


class Recovering(publisher.Clock):
    """Waits for nothing that is not there."""

    def __init__(self) -> None:
        self.waits = 0

    async def wait(self, woken: asyncio.Event, seconds: float | None) -> None:
        self.waits += 1
        if seconds is None:
            await woken.wait()
        else:
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (OperationFailed("charon does not answer"), b"insufficient-resources"),
        (StateError("nonsense"), b"insufficient-resources"),
        (ResourceDenied("no copy"), b"insufficient-resources"),
    ],
)
async def test_what_cannot_be_read_suspends_until_it_can(
    lab: PushLab, fault: Exception, reason: bytes
) -> None:
    lab.context.publisher.clock = Recovering()
    await lab.establish(datastore() + ALL + on_change())
    reader, caller = lab.follow(), lab.lab.caller(1)
    await reader.until(await lab.shown())
    entry_state, faults = lab.links.entry_state, [fault, fault]

    async def failing(keys: Sequence[Keys]) -> Mapping[Keys, Json]:
        if faults:
            raise faults.pop()
        return await entry_state(keys)

    lab.links.entry_state = failing  # type: ignore[method-assign]
    lab.set_state("a", {"status": "down"})
    assert reason in await caller.got("subscription-suspended")
    await caller.got("subscription-resumed")
    await reader.until(await lab.shown())
    assert reader.subscriber.syncs == 2


def test_bounds_that_are_read_anew_count_for_what_comes() -> None:
    made = Publisher(Bounds(octets=1))
    made.bounds = Bounds(octets=2)
    assert made.on_their_way._most() == 2


def test_a_link_path_is_what_libyang_writes() -> None:
    assert link_path("a") == "/changing:links/link[name='a']"
