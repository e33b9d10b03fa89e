"""Commits that confirm themselves, for the tests of them."""

from __future__ import annotations

import asyncio
import re

import pytest

from agent.errors import RpcError, RpcErrors
from agent.operations.parameters import AGENT_NS
from agent.translator import Json
from tests.agent.handlers import Lab, Remembering
from tests.agent.lab import EC
from tests.agent.operations.guarded import NACM

ONE, TWO = "/every-construct:top/entry[id='1']", "/every-construct:top/entry[id='2']"
STATE = "/every-construct:top/entry[id='{}']/state"
WAITING = "it waits for its peer"


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


async def state_of(lab: Lab) -> Json:
    verification = lab.context.confirmed.verification
    assert verification is not None
    return {"confirmed-commit": {"verify": verification.state()}}
