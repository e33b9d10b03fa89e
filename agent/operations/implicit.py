"""An edit of running itself (RFC 8040 section 1.4): through the candidate, which is committed at once.

Nobody else changes the candidate meanwhile: it is locked as by <lock>. What others have in it is never
committed along, though the section lets a server do that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from agent.errors import ErrorType, InUse, LockDenied
from agent.operations.commit import commit
from agent.operations.context import Caller, Context
from agent.operations.locking import lock, release
from agent.operations.write import edit_config
from agent.xml import NETCONF_NS, Element, parse

EDIT_CONFIG = (NETCONF_NS, "edit-config")
_OPERATIONS = ((NETCONF_NS, "lock"), EDIT_CONFIG, (NETCONF_NS, "commit"))
"""What it is made of: who may not carry out one of them changes nothing."""
_LOCK = f'<lock xmlns="{NETCONF_NS}"><target><candidate/></target></lock>'.encode()
_COMMIT = f'<commit xmlns="{NETCONF_NS}"/>'.encode()


def refuse_edit(context: Context, caller: Caller, path: str | None = None) -> None:
    """Refuse who may change nothing, whatever it is: before anything is read, looked at or locked for him.

    ``path``: of what he names.

    Raises:
        AccessDenied, RpcErrors: he may not; counted and logged.
    """
    access = context.access(caller)
    for name in _OPERATIONS:
        context.nacm.refuse_operation(access, context.schema.rpcs[name])
    context.nacm.refuse_any_change(access, path)


async def edit_running(
    context: Context,
    caller: Caller,
    operation: Element,
    *,
    before: Callable[[], Awaitable[None]],
    after: Callable[[], Awaitable[None]],
) -> bytes:
    """Carry out ``operation``, an <edit-config> of the candidate, and commit; nothing is left of a failure.

    Args:
        before: looks at running; what it raises is raised. It is called twice: while others may be at work,
            so that what it refuses locks them out at no time, and while nobody changes anything.
        after: looks at what was committed, before anybody else can change it; it raises nothing.

    Raises:
        InUse: the candidate is locked, or differs from running; or a confirmed commit is pending.
        RpcError, RpcErrors: as edit-config and commit.
    """
    refuse_edit(context, caller)
    if context.confirmed.window is not None:
        raise InUse(context.confirmed.told_to_others, type=ErrorType.PROTOCOL)
    await before()
    try:
        await lock(context, caller, parse(_LOCK))
    except LockDenied as problem:
        raise InUse(problem.message, type=ErrorType.PROTOCOL) from None
    try:
        await before()
        await edit_config(context, caller, operation)
        await commit(context, caller, parse(_COMMIT))
        await after()
    finally:
        await asyncio.shield(release(context, caller.session_id))
    return b""
