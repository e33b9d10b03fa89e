"""Many changes are planned in turns with others, and as they are planned at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.errors import OperationFailed, RpcError, RpcErrors
from agent.translator import EntryChange, Settings
from tests.lab import change
from tests.translators.tunnels import at_alice
from translators.strongswan import tasks
from translators.strongswan.assembly import make
from translators.strongswan.pieces import Pieces
from translators.strongswan.planning import AT_ONCE
from translators.strongswan.translator import StrongSwanTranslator

MANY = 3 * AT_ONCE


def translator(folder: Path) -> StrongSwanTranslator:
    return make(Settings(folder, "none"))


def entry(number: int, **members: Any) -> dict[str, Any]:
    return at_alice(number, peer=f"192.0.2.{number}", remote_subnet=[f"10.{number}.0.0/16"], **members)


def added() -> list[EntryChange]:
    return [change(None, entry(number)) for number in range(1, MANY + 1)]


async def test_a_plan_made_in_turns_is_the_one_made_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "TURN_S", 0.0)
    made, turns = translator(tmp_path), 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    watching = asyncio.create_task(others())
    plan = await made.prepare(added())
    watching.cancel()
    assert plan == made.parts.planning.plan(added())
    assert turns > MANY
    assert await made.check_in_turns(added()) == made.check(added()) == []


@pytest.mark.parametrize(
    ("faults", "told"), [(100, ""), (101, "1 more error is left out"), (103, "3 more errors are left out")]
)
async def test_how_many_faults_are_not_told_is_said(tmp_path: Path, faults: int, told: str) -> None:
    changes = [
        change(None, entry(number, description="bad name", local_id={"certificate": "none"}))
        for number in range(1, faults + 1)
    ]
    made = translator(tmp_path)
    assert len(made.check(changes)) == faults
    with pytest.raises(RpcErrors) as caught:
        await made.prepare(changes)
    last = caught.value.errors[-1]
    assert last.told == (f"{last.message} ({told})" if told else last.message)


async def test_what_is_refused_is_told_of_many_changes_too(tmp_path: Path) -> None:
    changes = [*added(), change(None, entry(201, remote_id={"name": "bob1"}, local_id={"name": "alice1"}))]
    made = translator(tmp_path)
    with pytest.raises(RpcErrors) as refused:
        await made.prepare(changes)
    assert [error.app_tag for error in refused.value.errors] == ["identity-conflict"]
    assert [error.app_tag for error in await made.check_in_turns(changes)] == ["identity-conflict"]


async def test_a_plan_is_made_anew_if_what_is_desired_changes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = translator(tmp_path)
    planning, desired, rounds = made.parts.planning, made.parts.shared.desired, 0
    real = planning.plan_in_pieces

    def interrupted(changes: Any, *arguments: Any) -> Any:
        nonlocal rounds
        rounds += 1
        plan = yield from real(changes, *arguments)
        if rounds == 1:
            desired.put("1", entry(1, description="somebody was faster"))
        return plan

    monkeypatch.setattr(planning, "plan_in_pieces", interrupted)
    plan: Any = await made.prepare(added())
    assert rounds == 2
    assert plan.before["1"] == entry(1, description="somebody was faster")


async def test_a_commit_of_many_is_carried_out_to_its_end_though_it_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "TURN_S", 0.0)
    made = translator(tmp_path)
    plan = await made.prepare(added())
    desired, begun = made.parts.shared.desired, asyncio.Event()
    real = desired.put

    def put(*arguments: Any) -> None:
        real(*arguments)
        begun.set()

    monkeypatch.setattr(desired, "put", put)
    applying = asyncio.create_task(made.apply(plan))
    await begun.wait()
    assert len(desired.entries) < MANY
    applying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await applying
    assert len(desired.entries) == MANY


@pytest.mark.parametrize("how", ["refuses", "fails", "succeeds"])
@pytest.mark.parametrize("times", [1, 10])
async def test_what_was_found_of_two_moments_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, times: int
) -> None:
    """As where charon was started again meanwhile, and all was translated anew."""
    made, calls = translator(tmp_path), 0
    planning = made.parts.planning
    check = planning.check_in_pieces

    def changing(*arguments: Any) -> Pieces[Sequence[RpcError]]:
        nonlocal calls
        calls += 1
        if calls > times:
            return (yield from check(*arguments))
        made.parts.shared.desired.replace({})
        yield
        if how == "fails":
            raise KeyError("gone")
        return [OperationFailed("of another moment")] if how == "refuses" else []

    monkeypatch.setattr(planning, "check_in_pieces", changing)
    if times == 1:
        assert await made.check_in_turns(added()) == []
        calls = 0
        assert await made.prepare(added()) == planning.plan(added())
        assert calls == 3
    else:
        with contextlib.suppress(KeyError):
            await made.check_in_turns(added())
        assert calls == tasks.TRIES + 1, "the last one at once, whatever is found"
