"""A commit that confirms itself, when something fails on the way."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from agent.datastore import confirming
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, running_lab
from tests.agent.operations.confirmations import holds, number
from tests.agent.operations.waited import ONE, begun, breaks, errors_of, rollbacks, verify

pytestmark = pytest.mark.usefixtures("soon")


async def test_a_backend_that_cannot_go_back_is_told_and_tried_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "RETRY_S", 0.1)
    await lab.commit(number(2))
    await lab.edit(number(3))
    breaks(lab, 1)
    reply = await begun(lab, verify(within_s=1))
    lab.translator.refuse_apply = True
    (error,) = await errors_of(reply)
    assert (error.tag, error.app_tag) == ("rollback-failed", "verify-failed")
    assert "refused by apply" in error.message
    lab.translator.refuse_apply = False
    await lab.until(lambda: holds(lab, 2))


async def test_what_cannot_be_recorded_is_not_confirmed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    await lab.commit(number(2))
    await lab.edit(number(3))
    breaks(lab, 1)
    reply = await begun(lab, verify(within_s=3600))

    def full(*_arguments: object) -> None:
        monkeypatch.undo()
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(lab.context.configuration.store, "finish", full)
    breaks(lab)
    (error,) = await errors_of(reply)
    assert "it works, and that could not be recorded" in error.message
    assert holds(lab, 2)


async def test_a_defect_while_looking_is_no_success(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_keys: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(lab.translator, "not_working", broken)
    await lab.edit(number(3))
    (error,) = await lab.refused(verify(within_s=1))
    assert "it could not be looked at" in error.message


async def test_a_crash_before_it_is_decided_rolls_back_and_the_history_says_so(
    schema: Schema, tmp_path: Path
) -> None:
    async with running_lab(schema, tmp_path) as lab:
        await lab.commit(number(2))
        breaks(lab, 1)
        await lab.edit(number(3))
        await lab.do(verify(within_s=3600, also="<persist>token</persist>"))
    async with running_lab(schema, tmp_path) as lab:
        assert holds(lab, 2)
        assert rollbacks(lab) == [
            f"rollback of commit 2 at start: verify: the server ended while it waited for {ONE}"
        ]


async def test_a_crash_after_it_confirmed_itself_changes_nothing(schema: Schema, tmp_path: Path) -> None:
    async with running_lab(schema, tmp_path) as lab:
        await lab.edit(number(3))
        await lab.do(verify())
    async with running_lab(schema, tmp_path) as lab:
        assert holds(lab, 3)
        assert rollbacks(lab) == []
