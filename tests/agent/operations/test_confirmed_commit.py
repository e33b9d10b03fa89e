"""Confirmed commit from request to backend; the cases carry the names by which other servers test them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from agent.datastore import confirming, recovery
from agent.datastore.candidate import Candidate
from agent.errors import RpcErrors
from agent.operations.locking import release
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, running_lab
from tests.agent.lab import EC, entry, top
from tests.agent.operations.confirmations import (
    CANCEL,
    CONFIRMED,
    EXTEND,
    PERSIST,
    SHORT,
    START,
    SUBSCRIBE,
    TIMEOUT,
    confirmed,
    holds,
    number,
)


async def test_sameas_commit(lab: Lab) -> None:
    await confirmed(lab, 2)
    assert holds(lab, 2)
    await lab.do("<commit/>")
    assert lab.context.confirmed.window is None
    assert holds(lab, 2)


async def test_timeout_runout(lab: Lab) -> None:
    await lab.do(SUBSCRIBE, 2)
    await lab.commit(number(2))
    await confirmed(lab, 3, SHORT)
    await lab.until(lambda: holds(lab, 2))
    event = await lab.caller(2).got(TIMEOUT)
    await lab.until(lambda: lab.context.confirmed.window is None)
    assert b"session-id" not in event
    # Nothing else may be needed for it: a get in between does not keep it from happening.
    await confirmed(lab, 3, SHORT)
    await lab.do("<get/>")
    await lab.until(lambda: holds(lab, 2))
    # It leaves no lock behind, and a candidate that counts as unchanged.
    await lab.until(lambda: lab.context.confirmed.window is None)
    for datastore in ("running", "candidate"):
        await lab.do(f"<lock><target><{datastore}/></target></lock>", 2)


async def test_timeout_confirm(lab: Lab) -> None:
    await confirmed(lab, 3, SHORT)
    await lab.do("<commit/>")
    timer = lab.context.confirmed._timer
    assert timer is None
    assert holds(lab, 3)


async def test_timeout_confirm_modify(lab: Lab) -> None:
    await lab.commit(number(2))
    await confirmed(lab, 3)
    await lab.edit(number(4))
    await lab.do("<commit/>")
    assert lab.context.confirmed.window is None
    assert holds(lab, 4)


async def test_timeout_followup(lab: Lab) -> None:
    """The rollback point stays the state before the first; the timer is that of the last."""
    await lab.do(SUBSCRIBE, 2)
    await lab.commit(number(2))
    await confirmed(lab, 3)
    await confirmed(lab, 4)
    await confirmed(lab, 5, SHORT)
    await lab.caller(2).got(EXTEND, 2)
    await lab.until(lambda: holds(lab, 2))


async def test_a_followup_may_add_what_the_rollback_takes_away_again(lab: Lab) -> None:
    await lab.commit(number(2))
    before = lab.running
    await confirmed(lab, 3)
    await lab.edit(top('<entry><id>2</id></entry><entry><id>1</id><number nc:operation="delete"/></entry>'))
    await lab.do(CONFIRMED)
    assert set(lab.translator.holds) == {("1",), ("2",)}
    await lab.do("<cancel-commit/>")
    assert lab.running == before == lab.candidate
    assert set(lab.translator.holds) == {("1",)}


async def test_cancel(lab: Lab) -> None:
    await lab.do(SUBSCRIBE, 2)
    await lab.commit(number(2))
    await confirmed(lab, 3)
    await lab.do("<cancel-commit/>")
    assert holds(lab, 2)
    assert b"<session-id>1</session-id>" in await lab.caller(2).got(CANCEL)
    (error,) = await lab.refused("<cancel-commit/>")
    assert error.tag == "operation-failed"


@pytest.mark.parametrize("fault", ["check", "backend", "disk", "invalid"])
async def test_failed_commit_arms_nothing(lab: Lab, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A confirmed commit that fails leaves no window, no timer, no token and no event."""
    await lab.do(SUBSCRIBE, 2)
    await lab.commit(number(2))
    await lab.edit(number(3) if fault != "invalid" else entry("<twice>1</twice>"))
    lab.translator.refuse_check = fault == "check"
    lab.translator.refuse_apply = fault == "backend"

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        if fault == "disk":
            broken.setattr(lab.context.configuration.store, "finish", full)
        await lab.refused(PERSIST)
    lab.translator.refuse_check = lab.translator.refuse_apply = False
    assert ("<twice>1</twice>" if fault == "invalid" else "<number>3</number>") in lab.candidate
    assert lab.context.confirmed.window is None
    assert lab.context.confirmed._timer is None
    assert lab.context.configuration.store.window() is None
    (error,) = await lab.refused("<commit><persist-id>token</persist-id></commit>", 2)
    assert error.tag == "invalid-value"
    await lab.do("<discard-changes/>")
    await lab.commit(number(4), 2)  # nothing is pending for others either
    await lab.caller(2).got("netconf-config-change", 2)
    assert not any(b"netconf-confirmed-commit" in message for message in lab.caller(2).sent)


async def test_failed_followup_keeps_the_window_as_it_was(lab: Lab) -> None:
    await lab.commit(number(2))
    await confirmed(lab, 3)
    window = lab.context.confirmed.window
    lab.translator.refuse_apply = True
    await lab.edit(number(4))
    await lab.refused("<commit><confirmed/><confirm-timeout>1</confirm-timeout></commit>")
    assert lab.context.confirmed.window is window
    lab.translator.refuse_apply = False
    await lab.do("<cancel-commit/>")
    assert "<number>2</number>" in lab.running


async def test_a_rollback_that_the_backend_refuses_is_tried_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "RETRY_S", 0.01)
    await lab.commit(number(2))
    await confirmed(lab, 3)
    lab.translator.refuse_apply = True
    await release(lab.context, 1)
    assert "<number>3</number>" in lab.running
    lab.translator.refuse_apply = False
    await lab.until(lambda: lab.context.confirmed.window is None)
    assert holds(lab, 2)


async def test_a_rollback_keeps_what_another_session_is_editing(lab: Lab) -> None:
    await lab.commit(number(2))
    await confirmed(lab, 3)
    await lab.edit(top("<entry><id>2</id><number>9</number></entry>"), 2)
    await lab.do("<cancel-commit/>")
    assert "<number>2</number>" in lab.running
    assert "<id>2</id>" not in lab.running
    assert "<number>2</number>" in lab.candidate
    assert "<number>9</number>" in lab.candidate
    await lab.do("<commit/>", 2)
    assert set(lab.translator.holds) == {("1",), ("2",)}
    assert lab.translator.holds[("1",)]["number"] == 2


async def test_a_confirmed_commit_of_nothing_opens_a_window_too(lab: Lab) -> None:
    await lab.commit(number(2))
    await lab.do(CONFIRMED)
    await confirmed(lab, 3)
    await lab.do("<cancel-commit/>")
    assert holds(lab, 2)


async def test_a_confirmed_commit_of_nothing_costs_no_copy_of_the_tree(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError

    async with running_lab(schema, tmp_path) as lab:
        await lab.commit(number(2))
        with monkeypatch.context() as patched:
            patched.setattr(Candidate, "__init__", never)
            for end in ("<commit/>", "<cancel-commit/>"):
                await lab.do(CONFIRMED)
                assert lab.context.confirmed.window is not None
                await lab.do(end)
                assert lab.context.confirmed.window is None
                assert lab.context.configuration.store.window() is None
            await lab.do(SHORT)
            await lab.until(lambda: lab.context.confirmed.window is None)
            await lab.do(PERSIST)
    monkeypatch.setattr(recovery, "as_of", never)
    async with running_lab(schema, tmp_path) as lab:
        assert lab.context.configuration.store.window() is None
        assert "<number>2</number>" in lab.running


async def test_a_restart_inside_the_window_rolls_back(schema: Schema, tmp_path: Path) -> None:
    async with running_lab(schema, tmp_path) as lab:
        await lab.commit(number(2))
        before = lab.running
        await confirmed(lab, 3)
        await confirmed(lab, 4, PERSIST)
    async with running_lab(schema, tmp_path) as lab:
        assert lab.running == before == lab.candidate
        assert holds(lab, 2)
        assert lab.context.confirmed.window is None
        (error,) = await lab.refused("<commit><persist-id>token</persist-id></commit>")
        assert error.tag == "invalid-value"
        await lab.commit(number(5))
    async with running_lab(schema, tmp_path) as lab:
        assert holds(lab, 5)


async def test_a_restart_after_the_confirmation_keeps_it(schema: Schema, tmp_path: Path) -> None:
    async with running_lab(schema, tmp_path) as lab:
        await confirmed(lab, 3)
        await lab.do("<commit/>")
    async with running_lab(schema, tmp_path) as lab:
        assert holds(lab, 3)


async def test_a_list_ordered_by_the_user_gets_its_order_back(lab: Lab) -> None:
    await lab.commit(f'<order xmlns="{EC}">a</order><order xmlns="{EC}">b</order>')
    before = lab.running
    await lab.edit(f'<order xmlns="{EC}" yang:insert="first">b</order>')
    await lab.do(CONFIRMED)
    assert lab.running != before
    await lab.do("<cancel-commit/>")
    assert lab.running == before


async def test_a_case_of_a_choice_gives_way_and_comes_back(lab: Lab) -> None:
    await lab.commit(entry("<radius>1.0</radius><colour>red</colour>"))
    before = lab.running
    await lab.edit(entry("<side>2</side>"))
    await lab.do(CONFIRMED)
    assert "<radius>" not in lab.running
    assert "side" in lab.translator.holds[("1",)]
    await lab.do("<cancel-commit/>")
    assert lab.running == before == lab.candidate
    assert "side" not in lab.translator.holds[("1",)]


async def test_what_depends_on_a_when_goes_and_comes_back(lab: Lab) -> None:
    await lab.commit(entry("<word>a</word><only-with-word>x</only-with-word>"))
    before = lab.running
    await lab.edit(entry('<word nc:operation="delete"/><only-with-word nc:operation="delete"/>'))
    await lab.do(CONFIRMED)
    assert "only-with-word" not in lab.running
    await lab.do("<cancel-commit/>")
    assert lab.running == before == lab.candidate


async def test_timeout_and_token_are_checked(lab: Lab) -> None:
    (error,) = await lab.refused("<commit><confirmed/><confirm-timeout>0</confirm-timeout></commit>")
    assert (error.tag, error.info) == ("invalid-value", {"bad-element": "confirm-timeout"})
    (error,) = await lab.refused("<commit><persist>x</persist></commit>")
    assert (error.tag, error.info) == ("bad-element", {"bad-element": "persist"})


async def test_the_events_tell_who_and_how_long(lab: Lab) -> None:
    await lab.do(SUBSCRIBE, 2)
    await confirmed(lab, 3)
    start = await lab.caller(2).got(START)
    assert b"<timeout>600</timeout>" in start
    assert (
        b"<username>tester</username><session-id>1</session-id><source-host>127.0.0.1</source-host>" in start
    )


async def test_a_caller_that_ends_while_nothing_is_pending_changes_nothing(lab: Lab) -> None:
    await lab.commit(number(2))
    await release(lab.context, 1)
    assert holds(lab, 2)
    with pytest.raises(RpcErrors):
        await lab.do("<cancel-commit/>")
    assert EC in lab.running
