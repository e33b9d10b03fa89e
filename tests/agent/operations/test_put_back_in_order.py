"""The order of entries that come back: that in which they stood (RFC 7950 section 7.7.7)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from agent.yang.many import FEW, MOST_IN_PLACE
from agent.yang.schema import Schema
from agent.yang.standing import LOOKED_AT_EACH
from tests.agent.handlers import Lab, running_lab
from tests.agent.lab import EC
from tests.agent.operations.confirmations import CONFIRMED, PERSIST, SHORT
from tests.agent.operations.guarded import ACME
from tests.agent.operations.loads import commit

GONE = 'nc:operation="delete"'
counts = pytest.mark.parametrize("count", [5, FEW + 8, MOST_IN_PLACE + 100])
"""Few are replaced one by one, more of all make running anew, and very many are validated in pieces."""


class Entries:
    """Requests for a list that the system orders."""

    def __init__(self, container: str, namespace: str, *, entry: str, key: str) -> None:
        self._container, self._namespace, self._entry, self._key = container, namespace, entry, key
        self.nothing = f'<{container} xmlns="{namespace}" {GONE}/>'

    def of(self, ids: Iterable[int], attributes: str = "") -> str:
        key, entry = self._key, self._entry
        inside = "".join(f"<{entry} {attributes}><{key}>{n}</{key}></{entry}>" for n in ids)
        return f'<{self._container} xmlns="{self._namespace}">{inside}</{self._container}>'

    def order(self, lab: Lab) -> list[int]:
        return [int(found) for found in re.findall(rf"<{self._key}>(\d+)</{self._key}>", lab.running)]


BY_THEMSELVES = Entries("interfaces", ACME, entry="interface", key="name")
"""Those that change are validated alone."""
WITH_ALL = Entries("top", EC, entry="entry", key="id")
"""With one that changes everything is validated."""
kinds = pytest.mark.parametrize("some", [BY_THEMSELVES, WITH_ALL], ids=["alone", "with-all"])


@kinds
@counts
@pytest.mark.parametrize("way", ["forward", "backward", "container"])
async def test_what_goes_and_is_cancelled_stands_as_before(
    schema: Schema, tmp_path: Path, some: Entries, count: int, way: str
) -> None:
    ids = range(1, count + 1)
    bodies = {
        "forward": some.of(ids, GONE),
        "backward": some.of(reversed(ids), GONE),
        "container": some.nothing,
    }
    async with running_lab(schema, tmp_path) as lab:
        await lab.commit(some.of(ids))
        before = some.order(lab)
        assert len(before) == count
        await lab.edit(bodies[way])
        await lab.do(CONFIRMED)
        assert some.order(lab) == []
        await lab.do("<cancel-commit/>")
        assert some.order(lab) == before
    async with running_lab(schema, tmp_path) as lab:
        assert some.order(lab) == before, "a restart reads what the agent had"


@kinds
@counts
async def test_after_the_timeout_and_at_a_start_it_stands_as_before(
    schema: Schema, tmp_path: Path, some: Entries, count: int
) -> None:
    ids = range(1, count + 1)
    async with running_lab(schema, tmp_path) as lab:
        await lab.commit(some.of(ids))
        before = some.order(lab)
        await lab.edit(some.of(ids, GONE))
        await lab.do(SHORT)
        await lab.until(lambda: some.order(lab) == before and lab.context.confirmed.window is None)
        await lab.edit(some.of(ids, GONE))
        await lab.do(PERSIST)
    for _ in range(2):
        async with running_lab(schema, tmp_path) as lab:
            assert some.order(lab) == before


@kinds
@counts
async def test_what_is_loaded_stands_as_before(
    schema: Schema, tmp_path: Path, some: Entries, count: int
) -> None:
    ids = range(1, count + 1)
    async with running_lab(schema, tmp_path) as lab:
        await lab.commit(some.of(ids))
        before = some.order(lab)
        await lab.commit(some.of(ids, GONE))
        await lab.do(commit(1))
        await lab.do("<commit/>")
        assert some.order(lab) == before
    async with running_lab(schema, tmp_path) as lab:
        assert some.order(lab) == before


@kinds
@pytest.mark.parametrize("count", [6, 3 * FEW])
async def test_some_come_back_in_their_order_and_a_restart_keeps_it(
    schema: Schema, tmp_path: Path, some: Entries, count: int
) -> None:
    """Half of them go, named the other way round, and the first with another commit."""
    ids = range(1, count + 1)
    gone = [*ids[1::2]]
    order = f'<order xmlns="{EC}">b</order><order xmlns="{EC}">a</order>'
    async with running_lab(schema, tmp_path) as lab:
        await lab.commit(some.of(ids) + order)
        before = some.order(lab)
        await lab.edit(some.of(reversed(gone), GONE))
        await lab.do(CONFIRMED)
        await lab.edit(some.of([1], GONE) + f'<order xmlns="{EC}" yang:insert="first">a</order>')
        await lab.do(CONFIRMED)
        await lab.do("<cancel-commit/>")
        back = some.order(lab)
        for part in (gone, [n for n in ids[2:] if n not in gone]):
            assert [n for n in back if n in part] == [n for n in before if n in part]
        assert sorted(back) == [*ids]
        assert lab.running.index(">b</order>") < lab.running.index(">a</order>"), "the user's order is data"
    async with running_lab(schema, tmp_path) as lab:
        assert some.order(lab) == back


async def test_few_that_go_from_among_many_are_not_looked_for_among_all(
    schema: Schema, tmp_path: Path
) -> None:
    """They come back in the order of the edit: to find theirs would cost more than the change."""
    some, ids = BY_THEMSELVES, range(1, 2 * LOOKED_AT_EACH + 2)
    async with running_lab(schema, tmp_path) as lab:
        await lab.commit(some.of(ids))
        for gone, back in (([9, 7], [9, 7]), ([12, 11, 10], [10, 11, 12])):
            sorts_itself = some.order(lab) != [*ids]  # as libyang 3 does
            await lab.edit(some.of(gone, GONE))
            await lab.do(CONFIRMED)
            await lab.do("<cancel-commit/>")
            assert sorted(some.order(lab)) == [*ids]
            assert sorts_itself or [n for n in some.order(lab) if n in gone] == back
            await lab.commit(some.nothing)
            await lab.commit(some.of(ids))
