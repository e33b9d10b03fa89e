"""create-subscription (RFC 5277 section 2.1.1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from agent.errors import (
    BadElement,
    ErrorType,
    InvalidParameter,
    MissingElement,
    OperationFailed,
    OperationNotSupported,
    TooBig,
)
from agent.nacm.events import readable_event
from agent.notifications import STREAM, Door, Event, Subscription
from agent.operations.budget import MAX_ELEMENTS_SUBSCRIBED, MAX_OCTETS_SUBSCRIBED, TooMuchHere, refuse_large
from agent.operations.context import Caller, Context
from agent.operations.parameters import moment, text_of
from agent.operations.read import Filter, read_filter
from agent.operations.readers import apart, carried_out
from agent.operations.subtree import refuse_mixed
from agent.operations.xpath import calls_quick_only, most_visits
from agent.xml import Element, parse, serialize
from agent.yang.invocation import notification_tree
from agent.yang.schema import Schema

MAX_VISITS = 1_000_000
"""Nodes that a filter may visit in one event on libyang's thread: some tens of milliseconds.

What may visit more is applied in a copy of the process, which takes longer to make than such an event.
"""


async def create_subscription(context: Context, caller: Caller, operation: Element) -> bytes:
    stream = text_of(operation, "stream", STREAM)
    if stream != STREAM:
        raise InvalidParameter("stream", f"this server has no stream '{stream}', only {STREAM}")
    await context.stream.settled()
    start, stop = time_of(operation, "startTime"), time_of(operation, "stopTime")
    _check_times(start, stop, context.stream.now())
    filter_ = alone(read_filter(context.schema, operation))
    if context.subscriptions.of_session(caller.session_id):
        raise OperationNotSupported(  # RFC 8640 section 4
            "this session has subscriptions of establish-subscription, and can have none of "
            "create-subscription beside them: take another session, or delete them",
            type=ErrorType.PROTOCOL,
        )
    if caller.subscribed():
        raise OperationFailed("this session has a subscription already", type=ErrorType.PROTOCOL)
    await carried_out(
        context, caller, filter_, lambda: try_on_event(context.schema, filter_), thread=context.worker
    )
    caller.subscribe(
        Subscription(
            context.stream,
            send=caller.send,
            wants=None if filter_.empty else filter_.matches_event,
            may=lambda node: context.nacm.may_be_told(context.access(caller), node),
            start=start,
            stop=stop,
            door=lambda: door_for(context, caller),
            carry_out=lambda event, work: look_at(context, caller, filter_, event, work),
        )
    )
    return b""


async def tried(context: Context, caller: Caller, filter_: Filter) -> None:
    """Find out that a filter can be used at all.

    Raises:
        RpcError, RpcErrors: it cannot, or costs too much.
    """

    def work() -> None:
        try_on_event(context.schema, filter_)

    await carried_out(context, caller, filter_, work, thread=context.worker)


async def look_at(
    context: Context, caller: Caller, filter_: Filter, event: Event, work: Callable[[], bytes]
) -> bytes:
    """Return what ``work`` returns, which applies ``filter_`` to ``event``."""
    async with context.shared.turn(caller.user):
        if _is_quick(filter_, event):
            try:
                done: bytes = await context.worker(work)
                return done
            except TooMuchHere:
                pass
        return await apart(context, caller, work, thread=context.worker)


def _is_quick(filter_: Filter, event: Event) -> bool:
    """True if ``filter_`` may begin on libyang's thread; one that is a subtree counts for itself."""
    if filter_.xpath is None:
        return True
    expression = filter_.xpath.text
    return calls_quick_only(expression) and most_visits(expression, event.body.count(b"<")) <= MAX_VISITS


def alone(filter_: Filter) -> Filter:
    """Return ``filter_`` without the message that it is a part of, which would be kept as long as it is.

    Raises:
        TooBig: it has too many elements or octets to be kept and applied to each event.
    """
    if filter_.xpath is not None:
        texts = [filter_.xpath.text, *filter_.xpath.declared.values()]
        _refuse_long(sum(len(text.encode()) for text in texts))
    if filter_.subtree is None:
        return filter_
    refuse_large(filter_.subtree, MAX_ELEMENTS_SUBSCRIBED)
    written = serialize(filter_.subtree)
    _refuse_long(len(written))
    return Filter(subtree=parse(written))


def _refuse_long(octets: int) -> None:
    if octets > MAX_OCTETS_SUBSCRIBED:
        message = f"the filter of a subscription has at most {MAX_OCTETS_SUBSCRIBED} octets"
        raise TooBig(message, type=ErrorType.PROTOCOL)


def door_for(context: Context, caller: Caller) -> Door | None:
    access = context.access(caller)
    if access.everything(["read"], but_secrets=True):  # events name what is secret, and do not tell it
        return None
    return lambda event: readable_event(access, context.schema, event.body, event.names)


def try_on_event(schema: Schema, filter_: Filter) -> None:
    """*worker* Find out on some event that the filter can be used at all."""
    if filter_.subtree is not None:
        refuse_mixed(filter_.subtree)
    tree, _ = notification_tree(schema, b'{"nc-notifications:replayComplete": {}}')
    filter_.matches_event(tree)


def time_of(operation: Element, name: str) -> datetime | None:
    """Return a parameter that is a time, None if it is not there.

    Raises:
        InvalidParameter: it is no point in time.
    """
    text = text_of(operation, name)
    return moment(name, text) if text else None


def _check_times(start: datetime | None, stop: datetime | None, now: datetime) -> None:
    if start is None:
        if stop is not None:
            raise MissingElement("startTime", "<stopTime> needs <startTime>", type=ErrorType.PROTOCOL)
        return
    if start > now:
        raise BadElement("startTime", "<startTime> lies in the future", type=ErrorType.PROTOCOL)
    if stop is not None and stop <= start:
        raise BadElement("stopTime", "<stopTime> must be later than <startTime>", type=ErrorType.PROTOCOL)
