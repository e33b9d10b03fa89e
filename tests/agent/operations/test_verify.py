"""A commit that confirms itself, from request to backend (agent.datastore.verifying)."""

from __future__ import annotations

import pytest

from agent.datastore import verifying
from tests.agent.handlers import Lab
from tests.agent.lab import entry, top
from tests.agent.operations.confirmations import COMPLETE, START, SUBSCRIBE, TIMEOUT, holds, number
from tests.agent.operations.waited import ONE, TWO, WAITING, begun, breaks, errors_of, rollbacks, verify
from tests.agent.recording_translator import DORMANT

pytestmark = pytest.mark.usefixtures("soon")


async def test_what_works_confirms_itself(lab: Lab) -> None:
    await lab.do(SUBSCRIBE, 2)
    await lab.edit(number(2))
    assert await lab.do(verify()) == ""
    assert holds(lab, 2)
    assert lab.context.confirmed.window is None
    assert lab.context.configuration.store.window() is None
    await lab.caller(2).got(START)
    event = await lab.caller(2).got(COMPLETE)
    assert b"<username>yangswan</username><session-id>0</session-id>" in event
    event = await lab.caller(2).got("verify-ended")
    assert b"<commit>1</commit>" in event
    assert b"<outcome>confirmed</outcome><reason>everything works</reason>" in event
    assert lab.translator.looks[0] == [("1",)]


async def test_what_does_not_work_in_time_is_rolled_back_and_the_reply_says_why(lab: Lab) -> None:
    await lab.do(SUBSCRIBE, 2)
    await lab.commit(number(2))
    breaks(lab, 1)
    await lab.edit(number(3))
    (error,) = await lab.refused(verify(within_s=1))
    assert holds(lab, 2)
    assert (error.tag, error.app_tag, error.path) == ("operation-failed", "verify-failed", ONE)
    assert error.message == (
        "it does not work (it waits for its peer), and the commit was rolled back: "
        "not everything worked within 1 s"
    )
    event = await lab.caller(2).got("verify-ended")
    assert b"<outcome>rolled-back</outcome><reason>not everything worked within 1 s</reason>" in event
    assert b"entry[ec:id='1']</entry><reason>it waits for its peer</reason>" in event.replace(
        b"every-construct:", b"ec:"
    )
    assert b"session-id" not in await lab.caller(2).got(TIMEOUT)
    assert rollbacks(lab) == [
        f"rollback of commit 2: verify: not everything worked within 1 s; {ONE}: {WAITING}"
    ]


async def test_it_confirms_itself_as_soon_as_the_state_changes(lab: Lab) -> None:
    breaks(lab, 1)
    await lab.edit(number(2))
    reply = await begun(lab, verify(within_s=3600))
    await lab.until(lambda: len(lab.translator.looks) > 0)
    assert not reply.done()
    breaks(lab)
    assert await reply == ""
    assert holds(lab, 2)


async def test_what_works_for_a_moment_only_does_not_count(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "STEADY_S", 3600)
    await lab.commit(number(2))
    await lab.edit(number(3))
    reply = await begun(lab, verify(within_s=1))
    await lab.until(lambda: len(lab.translator.looks) == 1)
    breaks(lab, 1)
    (error,) = await errors_of(reply)
    assert error.path == ONE
    assert holds(lab, 2)


async def test_all_that_was_touched_has_to_work_and_nothing_else(lab: Lab) -> None:
    await lab.commit(top("<entry><id>1</id></entry><entry><id>2</id></entry>"))
    await lab.edit(
        top(f"<entry><id>2</id><number>5</number></entry><entry><id>3</id><number>{DORMANT}</number></entry>")
    )
    breaks(lab, 1, 3)
    await lab.do(verify())
    assert {key for look in lab.translator.looks for key in look} == {("2",)}


async def test_what_is_named_has_to_work_and_nothing_else(lab: Lab) -> None:
    await lab.commit(top("<entry><id>1</id></entry><entry><id>2</id></entry>"))
    await lab.edit(top("<entry><id>2</id><number>5</number></entry>"))
    breaks(lab, 2)
    await lab.do(verify(ONE, ONE))
    assert {key for look in lab.translator.looks for key in look} == {("1",)}


async def test_with_nothing_to_wait_for_it_is_confirmed_at_once(lab: Lab) -> None:
    await lab.do(SUBSCRIBE, 2)
    await lab.commit(number(2))
    await lab.edit(entry("", 'nc:operation="delete"'))
    await lab.do(verify())
    assert lab.translator.looks == []
    assert lab.context.confirmed.window is None
    event = await lab.caller(2).got("verify-ended")
    assert b"<reason>there was nothing to wait for</reason>" in event


async def test_without_a_change_what_is_named_is_waited_for(lab: Lab) -> None:
    await lab.commit(number(2))
    breaks(lab, 1)
    (error,) = await lab.refused(verify(ONE, within_s=1))
    assert error.path == ONE
    assert holds(lab, 2)
    assert lab.context.configuration.store.window() is None
    breaks(lab)
    await lab.do(verify(ONE, within_s=1))


@pytest.mark.parametrize(
    ("path", "app_tag"),
    [
        ("/every-construct:top/entry[id='7']", "verify-no-entry"),
        (TWO, "verify-no-entry"),
        ("/every-construct:top", "verify-no-entry"),
        ("/ietf-netconf-acm:nacm/enable-nacm", "verify-no-entry"),
        ("/every-construct:top/entry[id='1']/number", "verify-no-entry"),
        ("/every-construct:top/entry[id='3']", "verify-cannot-tell"),
    ],
)
async def test_what_cannot_be_waited_for_is_refused_before_anything_changes(
    lab: Lab, path: str, app_tag: str
) -> None:
    await lab.commit(
        top(
            f"<entry><id>1</id></entry><entry><id>2</id></entry><entry><id>3</id><number>{DORMANT}</number></entry>"
        )
    )
    before, log = lab.running, list(lab.translator.log)
    await lab.edit(
        top('<entry><id>1</id><number>4</number></entry><entry nc:operation="delete"><id>2</id></entry>')
    )
    (error,) = await lab.refused(verify(path))
    assert (error.tag, error.app_tag, error.path) == ("invalid-value", app_tag, path)
    assert (lab.running, lab.translator.log) == (before, log)
    assert lab.context.confirmed.window is None


@pytest.mark.parametrize(
    ("commit", "tag", "element"),
    [
        (verify(confirmed=""), "bad-element", "verify"),
        (verify(within_s=3601), "invalid-value", "within-s"),
        (verify(within_s=0), "invalid-value", "within-s"),
        (verify(within_s=20, also="<confirm-timeout>19</confirm-timeout>"), "invalid-value", "within-s"),
        (verify("no path"), "invalid-value", "entry"),
        (verify("/every-construct:top/entry"), "invalid-value", "entry"),
        (verify("/every-construct:top/entry[id='1'][id='2']"), "invalid-value", "entry"),
    ],
)
async def test_what_means_nothing_is_refused(lab: Lab, commit: str, tag: str, element: str) -> None:
    (error,) = await lab.refused(commit)
    assert (error.tag, error.info.get("bad-element")) == (tag, element)


async def test_more_entries_than_the_module_says_are_refused(lab: Lab) -> None:
    (error,) = await lab.refused(verify(*[ONE] * 1001))
    assert (error.tag, error.app_tag) == ("operation-failed", "too-many-elements")
    await lab.commit(number(2))
    await lab.do(verify(*[ONE] * 1000))
