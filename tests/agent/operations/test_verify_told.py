"""Who is told what does not work of a commit that was to confirm itself."""

from __future__ import annotations

import pytest

from agent.operations.parameters import AGENT_NS
from tests.agent.handlers import Lab
from tests.agent.lab import top
from tests.agent.operations.confirmations import PERSIST, SUBSCRIBE, number
from tests.agent.operations.waited import (
    ONE,
    SAM,
    TWO,
    WAITING,
    begun,
    blind,
    breaks,
    errors_of,
    rollbacks,
    state_of,
    verify,
)

pytestmark = pytest.mark.usefixtures("soon")


async def test_the_history_names_only_what_the_rollback_changes(lab: Lab) -> None:
    """It is shown to whoever may read what was changed, and he may not read everything else."""
    await lab.commit(top("<entry><id>1</id></entry><entry><id>2</id></entry>"))
    await lab.edit(top("<entry><id>2</id><number>5</number></entry>"))
    breaks(lab, 1, 2)
    assert len(await lab.refused(verify(ONE, TWO, within_s=1))) == 2
    assert rollbacks(lab) == [
        f"rollback of commit 2: verify: not everything worked within 1 s; {TWO}: {WAITING}; and others"
    ]


async def test_what_he_may_not_read_is_not_there_for_who_names_it(lab: Lab) -> None:
    await lab.commit(number(2))
    await blind(lab)
    (hidden,) = await lab.refused(verify(ONE), SAM)
    (absent,) = await lab.refused(verify(TWO), SAM)
    assert (hidden.tag, hidden.app_tag, hidden.message) == (absent.tag, absent.app_tag, absent.message)
    await lab.do(verify(ONE))


async def test_why_something_does_not_work_is_told_to_who_may_read_it(lab: Lab) -> None:
    await blind(lab)
    breaks(lab, 1, 2)
    await lab.do(SUBSCRIBE, SAM)
    await lab.do(SUBSCRIBE, 2)
    lab.context.operational.roots["/yangswan-agent:agent"] = lambda: state_of(lab)
    await lab.edit(top("<entry><id>1</id></entry><entry><id>2</id></entry>"), SAM)
    reply = await begun(lab, verify(within_s=2), SAM)
    await lab.until(lambda: len(lab.translator.looks) > 0)
    state = f'<get><filter><agent xmlns="{AGENT_NS}"><confirmed-commit/></agent></filter></get>'
    everything, seen = await lab.do(state, 2), await lab.do(state, SAM)
    assert [everything.count(f"id='{n}'") + seen.count(f"id='{n}'") for n in (1, 2)] == [1, 2]
    assert seen.count(WAITING) == 1
    first, second = await errors_of(reply)
    assert WAITING not in first.message
    assert WAITING in second.message
    assert second.path == TWO
    event = await lab.caller(2).got("verify-ended")
    assert event.count(b"<not-working>") == 2
    event = await lab.caller(SAM).got("verify-ended")
    assert event.count(b"<not-working>") == 1
    assert b"id='2'" in event


async def test_a_key_that_no_path_can_hold_is_waited_for_and_not_named(lab: Lab) -> None:
    await lab.do(SUBSCRIBE, 2)
    quoted = """'\""""
    lab.translator.broken = {(quoted,): WAITING}
    await lab.edit(top(f"<entry><id>{quoted}</id></entry>"))
    (error,) = await lab.refused(verify(within_s=1))
    assert "not everything worked within 1 s" in error.message
    assert b"<not-working>" not in await lab.caller(2).got("<outcome>rolled-back</outcome>")


HISTORY = f'<get><filter><agent xmlns="{AGENT_NS}"><history><commit/></history></agent></filter></get>'


async def test_why_something_does_not_work_is_told_to_nobody_who_may_not_read_its_state(lab: Lab) -> None:
    await blind(lab, "/ec:top/ec:entry[ec:id='1']/ec:state")
    breaks(lab, 1, 2)
    await lab.do(SUBSCRIBE, SAM)
    await lab.do(SUBSCRIBE, 2)
    lab.context.operational.roots["/yangswan-agent:agent"] = lambda: state_of(lab)
    await lab.edit(top("<entry><id>1</id></entry><entry><id>2</id></entry>"), SAM)
    reply = await begun(lab, verify(within_s=2), SAM)
    await lab.until(lambda: len(lab.translator.looks) > 0)
    state = f'<get><filter><agent xmlns="{AGENT_NS}"><confirmed-commit/></agent></filter></get>'
    everything, seen = await lab.do(state, 2), await lab.do(state, SAM)
    assert (everything.count(WAITING), seen.count(WAITING)) == (2, 1)
    assert "id='2'" in seen
    first, second = await errors_of(reply)
    assert (first.path, second.path) == (ONE, TWO)
    assert "why, you may not read" in first.message
    assert WAITING not in first.message
    assert WAITING in second.message
    assert (await lab.caller(2).got("verify-ended")).count(b"<not-working>") == 2
    event = await lab.caller(SAM).got("verify-ended")
    assert event.count(b"<not-working>") == 1
    assert b"id='2'" in event
    del lab.context.operational.roots["/yangswan-agent:agent"]
    assert WAITING in await lab.do(HISTORY, 2)
    seen = await lab.do(HISTORY, SAM)
    assert "<cause>rollback</cause>" in seen
    assert "<changed-count>2</changed-count>" in seen
    assert WAITING not in seen


async def test_a_key_with_a_quote_is_told_of_by_its_state(lab: Lab) -> None:
    await blind(lab, '/ec:top/ec:entry[ec:id="o\'1"]/ec:state')
    lab.translator.broken = {("o'1",): WAITING}
    await lab.do(SUBSCRIBE, SAM)
    await lab.do(SUBSCRIBE, 2)
    await lab.edit(top("<entry><id>o'1</id></entry>"))
    await lab.refused(verify(within_s=1))
    assert b"<not-working>" in await lab.caller(2).got("verify-ended")
    assert b"<not-working>" not in await lab.caller(SAM).got("verify-ended")


async def test_of_other_rollbacks_is_told_what_was_said_though_no_state_may_be_read(lab: Lab) -> None:
    await blind(lab, "/ec:top/ec:entry/ec:state")
    await lab.edit(top("<entry><id>1</id></entry>"))
    await lab.do(PERSIST)
    await lab.do("<cancel-commit><persist-id>token</persist-id></cancel-commit>")
    assert ": cancel</comment>" in await lab.do(HISTORY, SAM)
