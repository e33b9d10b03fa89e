"""Events as they come (RFC 8040 section 6): a subscription of RFC 5277 that ends with its connection.

It is a cursor into the record of events, as every subscription is: a client that does not read waits for
nobody, and misses what the record does not hold any more.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from agent.errors import RpcError, RpcErrors
from agent.http.answers import Send
from agent.notifications import NOTIFICATION_NS, STREAM, Subscription
from agent.operations.context import Context
from agent.operations.dispatch import guarded
from agent.operations.streams import NO_NODES
from agent.operations.subscribe import create_subscription
from agent.operations.xpath import Expression, as_boolean
from agent.restconf.caller import Requester
from agent.restconf.documents import element_of
from agent.restconf.media import Media
from agent.restconf.outputs import event_json
from agent.restconf.problems import Problem
from agent.restconf.queries import StreamQuery
from agent.restconf.request import Gone, Request
from agent.xml import Piece, local_name, parse, serialize
from agent.yang.schema import Schema

MEDIA = "text/event-stream"
ENCODINGS = {"json": Media.JSON, "xml": Media.XML}
TIMES = {"startTime": "start-time", "stopTime": "stop-time"}
"""Parameters of create-subscription, and of a query."""


async def follow(
    context: Context, caller: Requester, request: Request, *, query: StreamQuery, media: Media, send: Send
) -> None:
    """Send events until their stop time, or for as long as the client is there.

    Raises:
        Problem, RpcErrors: the parameters cannot be used; nothing was sent.
    """
    await _subscribe(context, caller, query)
    assert caller.subscription is not None

    async def sender(message: bytes) -> None:
        data = await _event(context, message, media)
        if data is not None:
            lines = b"".join(b"data: %b\n" % line for line in data.splitlines() or [b""])
            await send({"type": "http.response.body", "body": lines + b"\n", "more_body": True})

    # The subscription asks for it when it is made, and calls what it was given.
    caller.subscription.send = sender
    headers = [(b"content-type", MEDIA.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b": follows\n\n", "more_body": True})
    try:
        await request.while_there(_run(caller.subscription, caller))
    except Gone:
        return
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _subscribe(context: Context, caller: Requester, query: StreamQuery) -> None:
    """Subscribe ``caller``; a filter that selects no nodes has a value, true or false (section 4.8.4).

    Raises:
        Problem, RpcErrors: the parameters cannot be used.
    """

    async def subscribed(with_filter: str | None) -> None:
        operation = element_of(_operation(context.schema, replace(query, filter=with_filter)))
        await guarded(
            context, caller, "create-subscription", lambda: create_subscription(context, caller, operation)
        )

    try:
        await subscribed(query.filter)
    except RpcErrors as problem:
        _refuse_time(problem.errors[0])
        if query.filter is None or NO_NODES not in str(problem):
            raise
        await subscribed(as_boolean(Expression(query.filter, {})).text)


async def _run(subscription: Subscription, caller: Requester) -> None:
    """Send events until there are no more, or the stream is to end."""
    task, over = asyncio.ensure_future(subscription.run()), asyncio.ensure_future(caller.ended())
    try:
        await asyncio.wait((task, over), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        for one in (task, over):
            one.cancel()
        await asyncio.wait((task, over))


async def _event(context: Context, message: bytes, media: Media) -> bytes | None:
    """Return what is sent of a <notification>, None for those of RFC 5277 that RESTCONF has not."""
    root = parse(message)
    time, event = root[0].text or "", root[1]
    if local_name(event) in ("replayComplete", "notificationComplete"):
        return None
    if media is Media.XML:
        return message
    printed: bytes = await context.worker(event_json, context.schema, time, serialize(event))
    return printed


def _refuse_time(error: RpcError) -> None:
    """Tell what is wrong with a time in the words of a query.

    Raises:
        Problem: that is what is wrong (400).
    """
    if error.info.get("bad-element") in TIMES:
        message = error.message
        for element, name in TIMES.items():
            message = message.replace(f"<{element}>", f"'{name}'")
        raise Problem(400, "invalid-value", message)


def _operation(schema: Schema, query: StreamQuery) -> Piece:
    parameters = [Piece(NOTIFICATION_NS, "stream", STREAM)]
    if query.filter is not None:
        attributes = {"type": "xpath", "select": query.filter}
        declared = _declared(schema, query.filter)
        parameters.append(Piece(NOTIFICATION_NS, "filter", declared=declared, attributes=attributes))
    for name, time in zip(TIMES, (query.start, query.stop), strict=True):
        if time is not None:
            parameters.append(Piece(NOTIFICATION_NS, name, time))
    return Piece(NOTIFICATION_NS, "create-subscription", children=parameters)


def _declared(schema: Schema, expression: str) -> dict[str, str]:
    """Return what a filter uses of what is declared for it: the names of all modules (section 4.8.4), and the
    prefixes that they give themselves where these are no such name."""
    spaces = schema.namespaces()
    known = dict(spaces.values()) | {name: uri for name, (_, uri) in spaces.items()}
    return {prefix: uri for prefix, uri in known.items() if f"{prefix}:" in expression}
