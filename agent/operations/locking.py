"""lock and unlock (RFC 6241 sections 7.5 and 7.6)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from agent.errors import LockDenied
from agent.operations.context import Caller, Context
from agent.operations.parameters import datastore_name
from agent.xml import Element


async def lock(context: Context, caller: Caller, operation: Element) -> bytes:
    target = datastore_name(context.schema, operation, "target")
    context.locks.refuse_held(target)
    committer = context.configuration.committer
    if committer is not None and committer != caller.session_id:
        raise LockDenied(target, committer, message=f"session {committer} is committing")
    pending = context.confirmed.owner
    if target == "running" and pending is not None and pending != caller.session_id:
        alive = any(other.session_id == pending for other in context.callers())
        raise LockDenied(target, pending if alive else 0, message=context.confirmed.told_to_others)
    if target == "candidate":
        # A candidate with changes that nobody committed cannot be locked (RFC 6241 section 7.5).
        async with context.configuration.writing:
            context.locks.refuse_held(target)
            configuration = context.configuration
            if await context.worker(configuration.candidate.differing, configuration.running):
                raise LockDenied(
                    target,
                    0,
                    message="the candidate holds uncommitted changes: commit or discard them first",
                )
    context.locks.lock(target, caller.session_id, context.now())
    return b""


async def unlock(context: Context, caller: Caller, operation: Element) -> bytes:
    target = datastore_name(context.schema, operation, "target")
    context.locks.refuse_unlock(target, caller.session_id)
    if target == "candidate":
        await _discard(context)
    context.locks.unlock(target, caller.session_id)
    return b""


@contextlib.asynccontextmanager
async def changing_candidate(context: Context, caller: Caller) -> AsyncIterator[None]:
    """Hold ``writing`` to change the candidate.

    Raises:
        InUse: another session has locked it, before or while ``writing`` was waited for.
    """
    context.locks.refuse_others("candidate", caller.session_id)
    async with context.configuration.writing:
        context.locks.refuse_others("candidate", caller.session_id)
        yield


async def release(context: Context, session_id: int) -> None:
    """Give back what a session that ended held, and roll back what it has not confirmed.

    Its candidate lock takes the changes with it.
    """
    owner = context.locks.owner("candidate")
    try:
        await context.confirmed.session_ended(session_id)
        if owner is not None and owner[0] == session_id:
            await _discard(context)
    finally:
        context.locks.release_all(session_id)


async def _discard(context: Context) -> None:
    """Discard what was edited under the candidate lock (RFC 6241 section 8.3.5.2)."""
    async with context.configuration.writing:
        await context.configuration.discard()
