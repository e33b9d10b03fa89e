"""Confirmed commits and sessions: locks, disconnects, tokens, and who may take back what others began."""

from __future__ import annotations

import pytest

from agent.operations.locking import release
from tests.agent.handlers import Lab, Remembering
from tests.agent.operations.confirmations import (
    COMPLETE,
    CONFIRMED,
    FOR_EVER,
    LOCK,
    PERSIST,
    SHORT,
    SUBSCRIBE,
    confirmed,
    holds,
    number,
)
from tests.agent.operations.guarded import NACM


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
