"""Requests of confirmed commits, and what holds after one."""

from __future__ import annotations

from tests.agent.handlers import Lab
from tests.agent.lab import entry

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
