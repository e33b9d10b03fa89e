"""A commit that confirms itself, and what sessions do meanwhile."""

from __future__ import annotations

import pytest

from agent.operations.context import Ending, EndKind
from agent.operations.locking import release
from tests.agent.handlers import Lab, Remembering
from tests.agent.lab import top
from tests.agent.operations.confirmations import PERSIST, SUBSCRIBE, holds, number
from tests.agent.operations.guarded import NACM
from tests.agent.operations.waited import begun, breaks, errors_of, verify
from tests.agent.recording_translator import DORMANT

pytestmark = pytest.mark.usefixtures("soon")


async def test_others_are_answered_meanwhile(lab: Lab) -> None:
    await may_change_little(lab)
    breaks(lab, 1)
    await lab.edit(number(2))
    reply = await begun(lab, verify(within_s=3600))
    await lab.edit(top("<entry><id>2</id></entry>"), 2)
    await lab.do("<get-config><source><running/></source></get-config>", 2)
    (error,) = await lab.refused("<commit/>", 2)
    assert error.tag == "in-use"
    (error,) = await lab.refused("<cancel-commit/>", ANN)
    assert error.tag == "in-use"
    assert not reply.done()
    breaks(lab)
    await reply


async def test_a_session_that_ends_while_it_waits_takes_its_commit_along(lab: Lab) -> None:
    await lab.do(SUBSCRIBE, 2)
    await lab.commit(number(2))
    breaks(lab, 1)
    await lab.edit(number(3))
    reply = await begun(lab, verify(within_s=3600))
    lab.caller(1).end(Ending(EndKind.KILLED, "killed"))
    (error,) = await errors_of(reply)
    assert "the session is to end" in error.message
    await release(lab.context, 1)
    assert holds(lab, 2)
    event = await lab.caller(2).got("verify-ended")
    assert b"<outcome>rolled-back</outcome><reason>its session ended</reason>" in event


async def test_with_persist_the_reply_comes_at_once_and_the_outcome_is_told(lab: Lab) -> None:
    await lab.do(SUBSCRIBE, 2)
    await lab.commit(number(2))
    breaks(lab, 1)
    await lab.edit(number(3))
    await lab.do(verify(within_s=1, also="<persist>token</persist>"))
    assert lab.context.confirmed.window is not None
    await release(lab.context, 1)
    await lab.caller(2).got("<outcome>rolled-back</outcome>")
    assert holds(lab, 2)


@pytest.mark.parametrize(
    ("operation", "value", "words"),
    [
        (
            "<commit><persist-id>token</persist-id></commit>",
            3,
            "confirmed</outcome><reason>confirmed by session 2",
        ),
        (
            "<cancel-commit><persist-id>token</persist-id></cancel-commit>",
            2,
            "rolled-back</outcome><reason>cancelled by session 2",
        ),
    ],
)
async def test_whoever_knows_the_token_may_decide_sooner(
    lab: Lab, operation: str, value: int, words: str
) -> None:
    await lab.do(SUBSCRIBE, 2)
    await lab.commit(number(2))
    breaks(lab, 1)
    await lab.edit(number(3))
    await lab.do(verify(within_s=3600, also="<persist>token</persist>"))
    await lab.do(operation, 2)
    assert holds(lab, value)
    await lab.caller(2).got(words)
    assert lab.context.confirmed.verification is None


async def test_a_followup_waits_for_all_that_the_sequence_has_touched(lab: Lab) -> None:
    await lab.do(SUBSCRIBE, 2)
    breaks(lab, 1)
    await lab.edit(number(3))
    await lab.do(verify(within_s=3600, also="<persist>token</persist>"))
    await lab.edit(top("<entry><id>2</id></entry>"))
    await lab.do(verify(within_s=1, also="<persist>token</persist><persist-id>token</persist-id>"))
    event = await lab.caller(2).got("<outcome>superseded</outcome>")
    assert b"<commit>1</commit>" in event
    await lab.until(lambda: [("1",), ("2",)] in [sorted(look) for look in lab.translator.looks])
    event = await lab.caller(2).got("<outcome>rolled-back</outcome>")
    assert b"<commit>2</commit>" in event
    assert lab.running == ""


async def test_what_a_followup_deletes_or_disables_is_not_waited_for(lab: Lab) -> None:
    breaks(lab, 1, 2)
    await lab.edit(top("<entry><id>1</id></entry><entry><id>2</id></entry><entry><id>3</id></entry>"))
    await lab.do(PERSIST)
    await lab.edit(
        top(
            '<entry nc:operation="delete"><id>1</id></entry>'
            f"<entry><id>2</id><number>{DORMANT}</number></entry>"
        )
    )
    await lab.do(verify(also="<persist-id>token</persist-id>"))
    assert {key for look in lab.translator.looks for key in look} == {("3",)}


async def test_a_followup_without_it_waits_for_a_client(lab: Lab) -> None:
    await lab.do(SUBSCRIBE, 2)
    breaks(lab, 1)
    await lab.edit(number(3))
    await lab.do(verify(within_s=3600, also="<persist>token</persist>"))
    await lab.do(PERSIST.replace("</commit>", "<persist-id>token</persist-id></commit>"))
    await lab.caller(2).got("<outcome>superseded</outcome>")
    assert lab.context.confirmed.verification is None
    assert lab.context.confirmed.window is not None


JOE, ANN = 3, 4
KILL = "<kill-session><session-id>{}</session-id></kill-session>"


async def may_change_little(lab: Lab) -> None:
    """Have sessions of users who may change the entries, and nothing else."""
    rule = (
        "<rule><name>entries</name><module-name>every-construct</module-name>"
        "<access-operations>*</access-operations><action>permit</action></rule>"
    )
    users = "<user-name>joe</user-name><user-name>ann</user-name>"
    await lab.commit(
        f'<nacm xmlns="{NACM}"><groups><group><name>few</name>{users}</group></groups>'
        f"<rule-list><name>few</name><group>few</group>{rule}</rule-list></nacm>"
    )
    lab.callers |= {JOE: Remembering(JOE, "joe"), ANN: Remembering(ANN, "ann")}
    lab.context.callers = lambda: list(lab.callers.values())


async def test_who_may_kill_the_session_that_waits_need_not_wait_for_it(lab: Lab) -> None:
    await lab.commit(number(2))
    await may_change_little(lab)
    breaks(lab, 1)
    await lab.edit(number(3), JOE)
    reply = await begun(lab, verify(within_s=3600), JOE)
    for who in (ANN, 1):
        (error,) = await lab.refused("<commit/>", who)
        assert error.tag == "in-use"
        assert error.message.startswith(f"session {JOE} of joe has a confirmed commit pending for ")
    (error,) = await lab.refused("<cancel-commit/>", ANN)
    assert error.tag == "in-use"
    (error,) = await lab.refused(KILL.format(JOE), ANN)
    assert error.tag == "access-denied"
    await lab.do(KILL.format(JOE))
    await errors_of(reply)
    await release(lab.context, JOE)
    assert holds(lab, 2)
    await lab.commit(number(4))


@pytest.mark.parametrize("also", [verify(within_s=3600, also="<persist>token</persist>"), PERSIST])
async def test_one_with_a_token_holds_as_any_confirmed_commit_with_a_token_does(lab: Lab, also: str) -> None:
    await lab.commit(number(2))
    await may_change_little(lab)
    breaks(lab, 1)
    await lab.edit(number(3), JOE)
    await lab.do(also, JOE)
    (error,) = await lab.refused("<commit/>")
    assert error.tag == "in-use"
    assert error.message.startswith(f"session {JOE} of joe has a persistent confirmed commit pending for ")
    assert ": give its persist-id, wait for its end, or have a recovery user cancel it" in error.message
    (error,) = await lab.refused("<cancel-commit><persist-id>guess</persist-id></cancel-commit>")
    assert (error.tag, error.info.get("bad-element")) == ("invalid-value", "persist-id")
    await lab.do("<cancel-commit><persist-id>token</persist-id></cancel-commit>", ANN)
    assert holds(lab, 2)
    await lab.commit(number(4))
