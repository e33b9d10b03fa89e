"""close-session and kill-session (RFC 6241 sections 7.8 and 7.9)."""

from __future__ import annotations

from agent.errors import InvalidParameter
from agent.operations.context import Caller, Context, Ending, EndKind
from agent.operations.parameters import canonical_value, parameter
from agent.xml import NETCONF_NS, Element


async def close_session(_context: Context, caller: Caller, _operation: Element) -> bytes:
    caller.end(Ending(EndKind.CLOSED, "closed by the client"))
    return b""


async def kill_session(context: Context, caller: Caller, operation: Element) -> bytes:
    leaf = context.schema.rpcs[NETCONF_NS, "kill-session"].children[NETCONF_NS, "session-id"]
    found = parameter(operation, "session-id")
    assert found is not None, "it is mandatory"
    # YANG writes 0143 for 99, so the canonical form counts.
    session_id = int(await context.worker(canonical_value, context.schema, leaf, found))
    if session_id == caller.session_id:
        raise InvalidParameter("session-id", "a session cannot kill itself: use close-session")
    for other in context.callers():
        if other.session_id == session_id:
            other.end(Ending(EndKind.KILLED, f"killed by session {caller.session_id}", caller.session_id))
            return b""
    raise InvalidParameter("session-id", f"there is no session {session_id}")
