"""Who compares gets an answer that was true at one moment, whatever is committed meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from agent.operations import compare as datastores
from agent.operations import compare_commits, comparing
from tests.agent.handlers import Lab
from tests.agent.lab import EC, entry
from tests.agent.operations.comparisons import E, compare, lines, xpath

NMDA = "urn:ietf:params:xml:ns:yang:ietf-nmda-compare"
DATASTORES = "urn:ietf:params:xml:ns:yang:ietf-datastores"
WHOLE = xpath("//ec:entry[count(//ec:entry) &gt; 0]")


def committing(lab: Lab, monkeypatch: pytest.MonkeyPatch, numbers: list[int], where: object) -> None:
    """Commit each of ``numbers`` once when something is about to be compared."""

    async def compared(*arguments: object, **named: object) -> object:
        if numbers:
            await lab.commit(entry(f"<number>{numbers.pop(0)}</number>"), 2)
            await lab.edit(entry("<number>9</number>"), 2)
        return await comparing.compared(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(where, "compared", compared)


async def five_commits(lab: Lab) -> None:
    for number in range(1, 6):
        await lab.commit(entry(f"<number>{number}</number>"))
    await lab.edit(entry("<number>9</number>"))


@pytest.mark.parametrize("pair", [(5, "candidate"), ("candidate", 5), ("running", "candidate")])
async def test_a_commit_before_the_candidate_is_compared(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, pair: tuple[int | str, int | str]
) -> None:
    await five_commits(lab)
    expected = await lines(lab, *pair)
    assert len(expected) == 2
    committing(lab, monkeypatch, [66], compare_commits)
    assert await lines(lab, *pair) == expected


async def test_a_commit_at_any_step_on_the_way(lab: Lab) -> None:
    await lab.commit(entry("<number>0</number>"))
    for delay in range(25):
        await lab.commit(entry("<number>1</number>"))
        last = lab.context.configuration.store.latest()
        await lab.edit(entry("<number>9</number>"))
        answer = asyncio.create_task(lines(lab, last, "candidate"))
        for _ in range(delay):
            await asyncio.sleep(0)
        await lab.do("<commit/>", 2)
        assert await answer == [f"- {E}/number = 1", f"+ {E}/number = 9"], delay


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ((3, 5), (3, 5)),
        ((3, "running"), (3, 66)),
        ((3, "candidate"), (3, 9)),
        (("running", "candidate"), (66, 9)),
        (("candidate", 2), (9, 2)),
    ],
)
async def test_a_commit_before_whole_states_are_compared(
    lab: Lab,
    monkeypatch: pytest.MonkeyPatch,
    pair: tuple[int | str, int | str],
    expected: tuple[int, int],
) -> None:
    await five_commits(lab)
    committing(lab, monkeypatch, [66], compare_commits)
    before, after = expected
    assert await lines(lab, *pair, WHOLE) == [f"- {E}/number = {before}", f"+ {E}/number = {after}"]


async def test_a_commit_each_time_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    await five_commits(lab)
    committing(lab, monkeypatch, [11, 12, 13], compare_commits)
    (error,) = await lab.refused(compare(3, 5, WHOLE))
    assert (error.tag, error.app_tag) == ("resource-denied", "changed-meanwhile")
    assert error.message.endswith("try again later, or lock it")
    assert len(await lines(lab, 3, 5, WHOLE)) == 2


@pytest.mark.parametrize("more", ["<all/>", ""])
async def test_a_commit_before_datastores_are_compared(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    await five_commits(lab)
    operation = (
        f'<compare xmlns="{NMDA}" xmlns:ds="{DATASTORES}"><source>ds:operational</source>'
        f"<target>ds:candidate</target>{more}"
        f'<xpath-filter xmlns:ec="{EC}">/ec:top/ec:entry/ec:number</xpath-filter></compare>'
    )
    before = await lab.do(operation)
    assert ">5<" in before
    assert ">9<" in before
    committing(lab, monkeypatch, [66], datastores)
    now = await lab.do(operation)
    assert now in (before, before.replace(">5<", ">66<"))
    assert (now == before) is not bool(more), "state is asked for again"
