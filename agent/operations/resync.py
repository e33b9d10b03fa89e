"""resync-subscription (RFC 8641 section 4.4)."""

from __future__ import annotations

from agent.operations.context import Caller, Context
from agent.operations.on_change import SYNC_UNSUPPORTED, OnChangeSource
from agent.operations.parameters import canonical_text
from agent.operations.push_terms import PUSH
from agent.push.refusal import Declined, Structure
from agent.push.updates import PUSH_NS
from agent.xml import Element

RESYNC = Structure(PUSH_NS, "resync-subscription-error")
NO_SUCH_SUBSCRIPTION = f"{PUSH}:no-such-subscription-resync"


async def resync_subscription(context: Context, caller: Caller, operation: Element) -> bytes:
    id = int(await context.worker(canonical_text, context.schema, operation, "id"))
    try:
        source = _source(context, caller, id)
        source.refuse_resync()
    except Declined as problem:
        raise problem.told_in(RESYNC) from None
    caller.after_reply(source.resync)
    return b""


def _source(context: Context, caller: Caller, id: int) -> OnChangeSource:
    """Return what makes the updates of a subscription of this session.

    Raises:
        Declined: there is none, or it is none to changes.
    """
    try:
        source = context.subscriptions.own(caller, id).source
    except Declined as problem:
        raise Declined(NO_SUCH_SUBSCRIPTION, problem.message) from None
    if not isinstance(source, OnChangeSource):
        raise Declined(SYNC_UNSUPPORTED, f"subscription {id} is not one to the changes of a datastore")
    return source
