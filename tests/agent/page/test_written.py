"""Notifications become JSON as RESTCONF writes it, in pieces, and once for all who are sent the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.notifications import message
from agent.page import written as room
from agent.page.written import ENTRIES_AT_ONCE, SMALL_OCTETS, Written
from agent.push.updates import push_change_update, push_update
from agent.restconf.outputs import event_json
from agent.xml import parse, serialize
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, running_lab
from tests.agent.lab import EC, direct

MANY = 10_000
WORDS = '"datastore-contents": {}&lt;/datastore-contents&gt;\\ \u20ac'


def contents(count: int) -> bytes:
    entries = "".join(
        f"<entry><id>{number}</id><number>{number % 100}</number><word>{'x' * (number % 40)}</word></entry>"
        for number in range(count)
    )
    return f'<top xmlns="{EC}"><flag>true</flag>{entries}</top>'.encode()


def patch(count: int) -> bytes:
    edits = "".join(
        f"<edit><edit-id>{number}</edit-id><operation>replace</operation>"
        f"<target>/every-construct:top/entry={number}/number</target>"
        f'<value><number xmlns="{EC}">{number % 100}</number></value></edit>'
        for number in range(count)
    )
    return edits.encode()


def notification(lab: Lab, body: bytes) -> bytes:
    return message(lab.context.stream.now(), body)


def plainly(lab: Lab, whole: bytes) -> Any:
    time, event = parse(whole)
    return json.loads(event_json(lab.context.schema, time.text or "", serialize(event)))


@pytest.mark.parametrize("count", [0, 1, ENTRIES_AT_ONCE, 5 * ENTRIES_AT_ONCE + 1, 3000])
@pytest.mark.parametrize(
    "made",
    [lambda count: push_update(7, contents(count)), lambda count: push_change_update(7, 3, patch(count))],
    ids=["update", "patch"],
)
async def test_in_pieces_it_is_the_same(lab: Lab, made: Callable[[int], bytes], count: int) -> None:
    whole = notification(lab, made(count))
    found = await Written(lab.context).json(whole)
    assert found is not None
    assert b"\n" not in found
    assert json.loads(found) == plainly(lab, whole)


async def test_text_is_kept_whatever_is_in_it(lab: Lab) -> None:
    body = f'<top xmlns="{EC}">' + "".join(
        f"<entry><id>{n}</id><word>{WORDS}</word></entry>" for n in range(1000)
    )
    whole = notification(lab, push_update(1, f"{body}</top>".encode()))
    assert len(whole) > SMALL_OCTETS
    found = await Written(lab.context).json(whole)
    assert found is not None
    assert json.loads(found) == plainly(lab, whole)


async def test_what_restconf_does_not_know_is_nothing(lab: Lab) -> None:
    body = b'<replayComplete xmlns="urn:ietf:params:xml:ns:netmod:notification"/>'
    assert await Written(lab.context).json(notification(lab, body)) is None


async def test_ten_thousand_entries_are_many_small_pieces(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what holds the thread that reads none is large, and nothing large is done on the event loop."""
    sizes: list[int] = []
    texts = room._texts

    def noting(schema: Schema, elements: Any, level: Any, module: str) -> Any:
        sizes.append(len(elements))
        return texts(schema, elements, level, module)

    monkeypatch.setattr(room, "_texts", noting)
    for body in (push_update(1, contents(MANY)), push_change_update(1, 0, patch(MANY))):
        sizes.clear()
        assert await Written(lab.context).json(notification(lab, body)) is not None
        assert max(sizes) <= ENTRIES_AT_ONCE
        assert len(sizes) >= MANY / ENTRIES_AT_ONCE


async def test_others_have_their_turn_in_between(lab: Lab) -> None:
    written = Written(lab.context)
    large = asyncio.create_task(written.json(notification(lab, push_update(1, contents(MANY)))))
    small = notification(lab, push_update(2, contents(1)))
    while written.pieces < 10:  # noqa: ASYNC110 - there is no event of it
        await asyncio.sleep(0)
    assert await written.json(small) is not None
    assert not large.done()
    before = written.pieces
    assert await large is not None
    assert written.pieces - before > 100


async def test_the_same_is_written_once_for_all(lab: Lab) -> None:
    written = Written(lab.context)
    body = contents(2000)
    alone = Written(lab.context)
    await alone.json(notification(lab, push_update(1, body)))
    found = await asyncio.gather(
        *(written.json(notification(lab, push_update(number, body))) for number in range(1, 21))
    )
    assert written.pieces == alone.pieces + 19
    ids = [json.loads(one or b"")["ietf-restconf:notification"][UPDATE]["id"] for one in found]
    assert ids == [*range(1, 21)]


UPDATE = "ietf-yang-push:push-update"


async def test_who_waits_no_more_takes_it_from_nobody(lab: Lab) -> None:
    written = Written(lab.context)
    body = contents(2000)
    first, second = (
        asyncio.create_task(written.json(notification(lab, push_update(number, body)))) for number in (1, 2)
    )
    while not written._large:  # noqa: ASYNC110 - there is no event of it
        await asyncio.sleep(0)
    first.cancel()
    assert await second is not None
    await lab.until(lambda: not written._large)  # and it is not kept


async def test_a_failure_is_not_kept(schema: Schema, tmp_path: Path) -> None:
    broken = True

    async def reader(work: Any, *arguments: Any) -> Any:
        if broken and work is room._texts:
            raise RuntimeError("a defect")
        return await direct(work, *arguments)

    async with running_lab(schema, tmp_path, reader=reader) as lab:
        written = Written(lab.context)
        whole = notification(lab, push_update(1, contents(2000)))
        with pytest.raises(RuntimeError, match="a defect"):
            await written.json(whole)
        broken = False
        assert await written.json(whole) is not None
