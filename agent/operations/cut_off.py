"""Sessions that a commit would cut off: that of its author, which refuses it, and those of others.

The backends say whose packets would go another way (``Translator.captured``). Here it is known whose sessions
these are, and what their author may be told.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from agent.datastore.backends import Changes
from agent.datastore.records import whence
from agent.datastore.transaction import Vet
from agent.errors import OperationFailed, RpcError, RpcErrors
from agent.operations.context import Caller, Context
from agent.translator import Captured, Reader, Route

log = logging.getLogger(__name__)

SESSIONS = 1024
"""Of so many it is known between which addresses they are, for each commit asks for all."""
APP_TAG = "would-cut-off-session"
_OTHERWISE = (
    "make it a confirmed commit without <verify>, which takes itself back unless it is confirmed",
    "or commit with <even-if-cut-off/>",
)
_UNTOLD = "the packets of your session would go another way, by something that you may not read"


@dataclass(frozen=True, slots=True)
class CutOff:
    """A session, and why it may be lost."""

    caller: Caller
    captured: Captured

    def __str__(self) -> str:
        caller = self.caller
        return f"session {caller.session_id} of {caller.user} {whence(caller.source)}: {self.captured.why}"


async def cut_off(context: Context, changes: Changes) -> list[CutOff]:
    """Return all sessions that ``changes`` (of a Prepared) would cut off, by session id."""
    callers: dict[Route, list[Caller]] = {}
    for caller in context.callers():
        if (route := route_of(caller)) is not None:
            callers.setdefault(route, []).append(caller)
    captured = await context.configuration.captured(changes, list(callers))
    found = [CutOff(caller, one) for one in captured for caller in callers[one.route]]
    return sorted(found, key=lambda one: one.caller.session_id)


def keeping_connected(context: Context, caller: Caller, *, tolerated: bool) -> Vet:
    """Return what refuses a commit that would cut off ``caller``, unless that is ``tolerated``, and has the
    log name all whom it may cut off."""

    async def vet(changes: Changes) -> None:
        found = await cut_off(context, changes)
        own = [one for one in found if one.caller.session_id == caller.session_id]
        if own and not tolerated:
            raise RpcErrors([refusal(own[0].captured, context.access(caller).reader(context.schema))])
        for one in found:
            log.warning("a commit of session %d may cut off %s", caller.session_id, one)

    return vet


def refusal(captured: Captured, may_read: Reader) -> RpcError:
    """Return what to tell the author of a commit that would cut him off."""
    is_told = all(may_read(path) for path in (captured.path, *captured.tells))
    why = captured.why if is_told else _UNTOLD
    instead = [captured.instead] if is_told and captured.instead else []
    return OperationFailed(
        f"this commit would cut off your own session: {why}; {', '.join([*instead, *_OTHERWISE])}",
        path=captured.path if is_told else None,
        app_tag=APP_TAG,
    )


def route_of(caller: Caller) -> Route | None:
    """Return between which addresses the packets of a session go, None if they stay on this machine."""
    return _between(caller.local, caller.source)


@lru_cache(SESSIONS)
def _between(local_text: str, remote_text: str) -> Route | None:
    local, remote = _plain(local_text), _plain(remote_text)
    if local is None or remote is None or local == remote or ip_address(remote).is_loopback:
        return None
    return Route(local, remote)


def _plain(text: str) -> str | None:
    """Return an address without zone, IPv4 as such; None for what is none."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
