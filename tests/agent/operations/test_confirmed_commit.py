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
from tests.agent.handlers import Lab, Remembering, running_lab
from tests.agent.lab import EC, entry, top
from tests.agent.operations.guarded import NACM

CONFIRMED = "<commit><confirmed/></commit>"
SHORT = "<commit><confirmed/><confirm-timeout>1</confirm-timeout></commit>"
PERSIST = "<commit><confirmed/><persist>token</persist></commit>"
FOR_EVER = "<confirm-timeout>4294967295</confirm-timeout>"
LOCK = "<lock><target><running/></target></lock>"
START, EXTEND, COMPLETE, CANCEL, TIMEOUT = (
    f"<confirm-event>{event}</confirm-event>"
    for event in ("start", "extend", "complete", "cancel", "timeout")
)
SUBSCRIBE = '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>'


def number(value: int) -> str:
    return entry(f"<number>{value}</number>")


async def confirmed(lab: Lab, value: int, commit: str = CONFIRMED, session_id: int = 1) -> None:
    await lab.edit(number(value), session_id)
    await lab.do(commit, session_id)


def holds(lab: Lab, value: int) -> bool:
    """True if running, the backend and the candidate all hold ``value``."""
    text = f"<number>{value}</number>"
    backend = lab.translator.holds.get(("1",), {}).get("number")
    return text in lab.running and text in lab.candidate and backend == value


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


async def test_rollback_disconnect(lab: Lab) -> None:
    await lab.commit(number(2))
    await confirmed(lab, 3)
    await release(lab.context, 2)
    assert holds(lab, 3)
    await release(lab.context, 1)
    assert holds(lab, 2)


async def test_rollback_locked(lab: Lab) -> None:
    """The rollback asks no lock, and leaves the locks of others as they are."""
    await lab.commit(number(2))
    await lab.do("<lock><target><running/></target></lock>")
    await confirmed(lab, 3)
    await lab.do("<lock><target><candidate/></target></lock>", 2)
    await release(lab.context, 1)
    assert holds(lab, 2)
    assert lab.context.locks.owner("running") is None
    assert lab.context.locks.owner("candidate") == (2, lab.context.now())


async def test_running_cannot_be_locked_by_another_while_one_is_pending(lab: Lab) -> None:
    await confirmed(lab, 3)
    (error,) = await lab.refused("<lock><target><running/></target></lock>", 2)
    assert (error.tag, error.info) == ("lock-denied", {"session-id": "1"})
    await lab.do("<lock><target><running/></target></lock>", 1)


async def test_running_cannot_be_locked_while_one_is_pending_that_outlived_its_session(lab: Lab) -> None:
    await confirmed(lab, 3, PERSIST)
    await lab.do("<lock><target><running/></target></lock>", 1)
    await release(lab.context, 1)
    lab.context.callers = lambda: [lab.caller(2)]
    (error,) = await lab.refused("<lock><target><running/></target></lock>", 2)
    assert (error.tag, error.info) == ("lock-denied", {"session-id": "0"})


async def test_confirm_persist(lab: Lab) -> None:
    await lab.do(SUBSCRIBE, 2)
    await confirmed(lab, 3, PERSIST)
    await release(lab.context, 1)
    assert holds(lab, 3)
    await lab.do("<commit><persist-id>token</persist-id></commit>", 2)
    assert lab.context.confirmed.window is None
    assert holds(lab, 3)
    assert b"<session-id>2</session-id>" in await lab.caller(2).got(COMPLETE)


async def test_cancel_persist(lab: Lab) -> None:
    await lab.commit(number(2))
    await confirmed(lab, 3, PERSIST)
    await lab.do("<cancel-commit><persist-id>token</persist-id></cancel-commit>", 2)
    assert holds(lab, 2)


async def test_a_persistent_one_is_rolled_back_in_time_when_its_session_is_gone(lab: Lab) -> None:
    await lab.commit(number(2))
    await confirmed(lab, 3, SHORT.replace("</commit>", "<persist>token</persist></commit>"))
    await release(lab.context, 1)
    await lab.until(lambda: holds(lab, 2))


async def test_wrong_session(lab: Lab) -> None:
    await may_do_anything(lab)
    await confirmed(lab, 3)
    for operation in ("<commit/>", CONFIRMED, "<cancel-commit/>"):
        (error,) = await lab.refused(operation, 2)
        assert error.tag == "in-use"
    assert lab.context.confirmed.window is not None
    assert holds(lab, 3)


async def may_do_anything(lab: Lab) -> None:
    """Have session 2 be of somebody whom rules permit everything: no recovery user."""
    rule = "<rule><name>all</name><module-name>*</module-name><action>permit</action></rule>"
    await lab.commit(
        f'<nacm xmlns="{NACM}"><groups><group><name>all</name><user-name>eve</user-name></group></groups>'
        f"<rule-list><name>all</name><group>all</group>{rule}</rule-list></nacm>"
    )
    lab.callers[2] = Remembering(2, "eve")


@pytest.mark.parametrize("commit", [CONFIRMED, PERSIST.replace("<persist>", f"{FOR_EVER}<persist>")])
async def test_a_recovery_user_takes_back_what_holds_everybody_up(
    lab: Lab, commit: str, caplog: pytest.LogCaptureFixture
) -> None:
    await lab.commit(number(2))
    await may_do_anything(lab)
    await confirmed(lab, 3, commit, session_id=2)
    if commit != CONFIRMED:
        await release(lab.context, 2)
    for operation, tag in (("<commit/>", "in-use"), (LOCK, "lock-denied")):
        (error,) = await lab.refused(operation)
        assert error.tag == tag
        assert "session 2 of eve has a " in error.message
        assert "have a recovery user cancel it with <cancel-commit/>" in error.message
    (error,) = await lab.refused("<cancel-commit><persist-id>guess</persist-id></cancel-commit>")
    assert (error.tag, error.info) == ("invalid-value", {"bad-element": "persist-id"})
    await lab.do("<cancel-commit/>")
    assert holds(lab, 2)
    assert "of eve rolled back (cancelled by recovery user tester in session 1)" in caplog.text
    await lab.do(LOCK)
    await lab.do("<commit/>")


async def test_whom_no_rule_hinders_is_no_recovery_user_for_that(lab: Lab) -> None:
    await may_do_anything(lab)
    await lab.commit(f'<nacm xmlns="{NACM}"><enable-nacm>false</enable-nacm></nacm>')
    await confirmed(lab, 3, PERSIST)
    (error,) = await lab.refused("<cancel-commit/>", 2)
    assert error.tag == "in-use"
    assert holds(lab, 3)


async def test_who_administers_the_agent_needs_no_name_among_the_recovery_users_for_it(lab: Lab) -> None:
    """The name alone does not do it: somebody of SSH may be called so, too."""
    await confirmed(lab, 3, PERSIST)
    for administers in (False, True):
        lab.callers[2] = Remembering(2, "root", source="", administers=administers)
        if not administers:
            (error,) = await lab.refused("<cancel-commit/>", 2)
            assert error.tag == "in-use"
    await lab.do("<cancel-commit/>", 2)
    assert lab.context.confirmed.window is None


async def test_wrong_persist_id(lab: Lab) -> None:
    await confirmed(lab, 3, PERSIST)
    for operation in (
        "<commit><persist-id>wrong</persist-id></commit>",
        "<cancel-commit><persist-id>wrong</persist-id></cancel-commit>",
    ):
        for session_id in (1, 2):
            (error,) = await lab.refused(operation, session_id)
            assert (error.tag, error.info) == ("invalid-value", {"bad-element": "persist-id"})
            assert "token" not in error.message
    assert lab.context.confirmed.window is not None


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
