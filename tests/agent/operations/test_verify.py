"""A commit that confirms itself, from request to backend (agent.datastore.verifying)."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from pathlib import Path

import pytest

from agent.datastore import confirming, verifying
from agent.errors import RpcError, RpcErrors
from agent.operations.context import Ending, EndKind
from agent.operations.locking import release
from agent.operations.parameters import AGENT_NS
from agent.translator import Json
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, Remembering, running_lab
from tests.agent.lab import EC, entry, top
from tests.agent.operations.guarded import NACM
from tests.agent.operations.test_confirmed_commit import (
    COMPLETE,
    PERSIST,
    START,
    SUBSCRIBE,
    TIMEOUT,
    holds,
    number,
)
from tests.agent.recording_translator import DORMANT

ONE, TWO = "/every-construct:top/entry[id='1']", "/every-construct:top/entry[id='2']"
STATE = "/every-construct:top/entry[id='{}']/state"
WAITING = "it waits for its peer"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "STEADY_S", 0.05)
    monkeypatch.setattr(verifying, "PAUSE_S", 0.01)


def verify(
    *entries: str, within_s: int | None = None, also: str = "", confirmed: str = "<confirmed/>"
) -> str:
    """Return a commit with <verify> that names ``entries``."""
    within = "" if within_s is None else f"<within-s>{within_s}</within-s>"
    named = "".join(f"<entry>{prefixed(path)}</entry>" for path in entries)
    prefixes = f'xmlns="{AGENT_NS}" xmlns:every-construct="{EC}" xmlns:ietf-netconf-acm="{NACM}"'
    return f"<commit>{confirmed}{also}<verify {prefixes}>{within}{named}</verify></commit>"


def prefixed(path: str) -> str:
    """Return a path as XML has it: with a prefix at each name."""
    module = path.lstrip("/").partition(":")[0]
    return re.sub(r"([/\[])(?![\w-]+:)(?=\w)", rf"\g<1>{module}:", path)


def breaks(lab: Lab, *numbers: int, why: str = WAITING) -> None:
    lab.translator.broken = {(str(n),): why for n in numbers}
    lab.context.operational.state_changed([STATE.format(n) for n in (*numbers, 1, 2)])


async def begun(lab: Lab, commit: str, session_id: int = 1) -> asyncio.Task[str]:
    """Send ``commit`` and return, while it is waited for, what will be its reply."""
    task = asyncio.ensure_future(lab.do(commit, session_id))
    await lab.until(lambda: lab.context.confirmed.verification is not None or task.done())
    return task


async def errors_of(reply: asyncio.Task[str]) -> list[RpcError]:
    with pytest.raises(RpcErrors) as caught:
        await reply
    return list(caught.value.errors)


def rollbacks(lab: Lab) -> list[str]:
    rows = lab.context.configuration.store._db.execute("SELECT comment FROM commits WHERE session = 0")
    return [comment for (comment,) in rows]


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
        "1 entry did not work within 1 s"
    )
    event = await lab.caller(2).got("verify-ended")
    assert b"<outcome>rolled-back</outcome><reason>1 entry did not work within 1 s</reason>" in event
    assert b"entry[ec:id='1']</entry><reason>it waits for its peer</reason>" in event.replace(
        b"every-construct:", b"ec:"
    )
    assert b"session-id" not in await lab.caller(2).got(TIMEOUT)
    assert rollbacks(lab) == [
        f"rollback of commit 2: verify: 1 entry did not work within 1 s; {ONE}: {WAITING}"
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


async def test_the_history_names_only_what_the_rollback_changes(lab: Lab) -> None:
    """It is shown to whoever may read what was changed, and he may not read everything else."""
    await lab.commit(top("<entry><id>1</id></entry><entry><id>2</id></entry>"))
    await lab.edit(top("<entry><id>2</id><number>5</number></entry>"))
    breaks(lab, 1, 2)
    assert len(await lab.refused(verify(ONE, TWO, within_s=1))) == 2
    assert rollbacks(lab) == [
        f"rollback of commit 2: verify: 2 entries did not work within 1 s; {TWO}: {WAITING}; and 1 more"
    ]


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


async def test_others_are_answered_meanwhile(lab: Lab) -> None:
    breaks(lab, 1)
    await lab.edit(number(2))
    reply = await begun(lab, verify(within_s=3600))
    await lab.edit(top("<entry><id>2</id></entry>"), 2)
    await lab.do("<get-config><source><running/></source></get-config>", 2)
    (error,) = await lab.refused("<commit/>", 2)
    assert error.tag == "in-use"
    (error,) = await lab.refused("<cancel-commit/>", 2)
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


SAM = 3


async def blind(lab: Lab, path: str = "/ec:top/ec:entry[ec:id='1']") -> None:
    """Have session 3 of a user who may do everything but read ``path``."""
    rules = (
        f'<rule><name>hide</name><path xmlns:ec="{EC}">{path}</path>'
        "<access-operations>read</access-operations><action>deny</action></rule>"
        "<rule><name>all</name><action>permit</action></rule>"
    )
    await lab.commit(
        f'<nacm xmlns="{NACM}"><groups><group><name>some</name><user-name>sam</user-name></group></groups>'
        f"<rule-list><name>some</name><group>some</group>{rules}</rule-list></nacm>"
    )
    lab.callers[SAM] = Remembering(SAM, "sam")


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


async def state_of(lab: Lab) -> Json:
    verification = lab.context.confirmed.verification
    assert verification is not None
    return {"confirmed-commit": {"verify": verification.state()}}


async def test_a_key_that_no_path_can_hold_is_waited_for_and_not_named(lab: Lab) -> None:
    await lab.do(SUBSCRIBE, 2)
    quoted = """'\""""
    lab.translator.broken = {(quoted,): WAITING}
    await lab.edit(top(f"<entry><id>{quoted}</id></entry>"))
    (error,) = await lab.refused(verify(within_s=1))
    assert "1 entry did not work within 1 s" in error.message
    assert b"<not-working>" not in await lab.caller(2).got("<outcome>rolled-back</outcome>")


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
