"""<verify> of a commit: what has to work for it to confirm itself, and the wait of its session for that."""

from __future__ import annotations

import asyncio
from typing import Any

from agent.datastore.confirmed import Verify
from agent.datastore.verifying import Outcome, Verdict, Verification
from agent.errors import ErrorType, OperationFailed, RollbackFailed, RpcError, raise_all
from agent.nacm.state import state_reader
from agent.operations.context import Caller, Context
from agent.operations.parameters import AGENT_NS, canonical_value
from agent.translator import Reader
from agent.xml import NETCONF_NS, Element, local_name, namespace
from agent.yang.schema import Schema

WITHIN_DEFAULT_S = 60
ENTRIES_MAX = 1000
"""Both as the YANG module says."""


def verify_of(schema: Schema, operation: Element) -> Verify | None:
    """*worker* Return ``<verify>``, None if there is none. Raises: OperationFailed, it names too much."""
    element = next((child for child in operation if _is(child, "verify")), None)
    if element is None:
        return None
    node = schema.rpcs[NETCONF_NS, "commit"].children[AGENT_NS, "verify"]
    within_s, entries = WITHIN_DEFAULT_S, [child for child in element if _is(child, "entry")]
    if len(entries) > ENTRIES_MAX:
        raise OperationFailed(
            f"<verify> may name {ENTRIES_MAX} entries at most, and names {len(entries)}: leave all of "
            "them out to wait for everything that the commit touches",
            app_tag="too-many-elements",
            type=ErrorType.PROTOCOL,
        )
    for child in element:
        if _is(child, "within-s"):
            within_s = int(canonical_value(schema, node.children[AGENT_NS, "within-s"], child))
    leaf = node.children[AGENT_NS, "entry"]
    named = dict.fromkeys(canonical_value(schema, leaf, entry) for entry in entries)
    return Verify(within_s, tuple(named) if entries else None)


def _is(element: Element, name: str) -> bool:
    return local_name(element) == name and namespace(element) == AGENT_NS


async def seen_to_work(context: Context, caller: Caller, verification: Verification) -> None:
    """Return once a commit of ``caller`` has confirmed itself.

    Raises:
        RpcError, RpcErrors: it was rolled back, or will be, and why.
    """
    ended = asyncio.ensure_future(caller.ended())
    either: set[asyncio.Future[Any]] = {verification.verdict, ended}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.cancel()
    if not verification.verdict.done():
        raise OperationFailed("the session is to end: what it has not confirmed is rolled back")
    verdict = verification.verdict.result()
    if verdict.outcome is not Outcome.ROLLED_BACK:
        return
    if verdict.trouble is not None:
        raise RollbackFailed(
            f"{verdict.reason}, and the rollback failed: {verdict.trouble}. It is tried again, and again",
            app_tag="verify-failed",
        )
    may_read = state_reader(context.schema, context.access(caller).reader(context.schema))
    raise_all(_failure(path, why, verdict, may_read) for path, why in verdict.not_working.items())
    raise OperationFailed(f"the commit was rolled back: {verdict.reason}", app_tag="verify-failed")


def _failure(path: str, why: str, verdict: Verdict, may_read: Reader) -> RpcError:
    told = why if may_read(path) else "why, you may not read"
    message = f"it does not work ({told}), and the commit was rolled back: {verdict.reason}"
    return OperationFailed(message, path=path, app_tag="verify-failed")
