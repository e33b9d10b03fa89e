"""compare-commits: what it costs, and where it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from agent.datastore import spans
from agent.datastore.records import UnitChange
from agent.operations import compare_commits, comparing, gather
from agent.yang.units import Unit
from tests.agent.handlers import Lab, Remembering
from tests.agent.lab import EC, entry, top
from tests.agent.operations.comparisons import E, compare, lines, subtree, three_commits, xpath


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
    monkeypatch.setattr(spans, "UNITS_AT_ONCE", 1)
    assert await lines(lab, 1, 3) == expected
    monkeypatch.setattr(spans, "OCTETS_AT_ONCE", 1)
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


@pytest.mark.parametrize(
    ("users", "at_once"), [(("tester", "tester", "tester"), 1), (("tester", "tester", "a"), 2), ("abcd", 2)]
)
async def test_a_few_comparisons_are_made_at_a_time_and_one_of_each_user(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, users: Sequence[str], at_once: int
) -> None:
    await three_commits(lab)
    under_way: list[int] = []
    most = 0
    go_on = asyncio.Event()
    compared = comparing.compared

    async def seen(*arguments: object, **named: object) -> object:
        nonlocal most
        under_way.append(1)
        most = max(most, len(under_way))
        await go_on.wait()
        under_way.pop()
        return await compared(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(compare_commits, "compared", seen)
    for session_id, user in enumerate(users, 1):
        lab.callers[session_id] = Remembering(session_id, user)
    answers = [asyncio.create_task(lab.do(compare(1, 3), number + 1)) for number in range(len(users))]
    await lab.until(lambda: len(under_way) == at_once)
    for _ in range(100):
        await asyncio.sleep(0)
    go_on.set()
    assert len(await asyncio.gather(*answers)) == len(users)
    assert most == at_once


@pytest.mark.parametrize(("start", "last"), [(3, 4), ("beginning", 1), (5, 6), (3, 3)])
async def test_commits_that_are_dropped_before_they_are_looked_at_are_missed(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, start: int | str, last: int
) -> None:
    """What is left of them would tell of a part of what differs only."""
    for number in range(1, 7):
        await lab.commit(entry(f"<number>{number}</number>"))
    read_on = spans.Span.read_on

    def dropped(span: spans.Span) -> bool:
        for table, column in (("changes", "commit_id"), ("commits", "id")):
            lab.context.configuration.store._db.execute(f"DELETE FROM {table} WHERE {column} <= {last}")
        return read_on(span)

    monkeypatch.setattr(spans.Span, "read_on", dropped)
    if start == last:
        assert await lines(lab, start, 6) == [f"- {E}/number = 3", f"+ {E}/number = 6"], "nothing is missed"
        return
    (error,) = await lab.refused(compare(start, 6))
    assert (error.tag, error.app_tag) == ("invalid-value", "commit-dropped")
    assert error.message == "the oldest of these commits has been dropped meanwhile: ask for younger ones"


@pytest.mark.parametrize("bound", ["UNITS_MAX", "OCTETS_MAX"])
async def test_too_many_units_are_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    await three_commits(lab)
    await lab.commit(
        top('<entry><id>1</id><number>1</number></entry><entry nc:operation="delete"><id>2</id></entry>')
    )
    monkeypatch.setattr(spans, bound, 1)
    for pair in ((1, 3), (1, 4)):
        (error,) = await lab.refused(compare(*pair))
        assert (error.tag, error.app_tag) == ("resource-denied", "too-many-differences"), (
            "the same again, too"
        )


async def test_too_many_units_of_the_candidate_are_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    await lab.edit(top("<entry><id>3</id></entry><entry><id>4</id></entry>"))
    monkeypatch.setattr(gather, "UNITS_MAX", 1)
    (error,) = await lab.refused(compare("running", "candidate"))
    assert (error.tag, error.app_tag) == ("resource-denied", "too-many-differences")


async def test_no_step_looks_at_more_than_some_units_whether_they_differ_or_not(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = 0
    row = spans.Span._row

    def counted(span: spans.Span, *arguments: object) -> UnitChange:
        nonlocal looked_at
        looked_at += 1
        return row(span, *arguments)  # type: ignore[arg-type]

    async def in_steps(step: Callable[..., object], *arguments: object) -> object:
        nonlocal looked_at
        looked_at = 0
        result = step(*arguments)
        most.append(looked_at)
        return result

    most: list[int] = []
    await lab.commit(entry("<number>0</number>"))
    for number in (1, 2, 1):
        rows = "".join(f"<entry><id>{n}</id><number>{number}</number></entry>" for n in range(2, 12))
        await lab.commit(top(rows))
    monkeypatch.setattr(spans.Span, "_row", counted)
    monkeypatch.setattr(spans, "UNITS_AT_ONCE", 2)
    lab.context.worker = in_steps  # type: ignore[assignment]
    assert await lines(lab, 2, 4) == []
    assert sum(most) == 20
    assert max(most) == 4


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
    monkeypatch.setattr(spans, "UNITS_MAX", 1)
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
