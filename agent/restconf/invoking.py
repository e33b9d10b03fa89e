"""POST on operations and actions (RFC 8040 sections 4.4.2 and 3.6)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence

from agent.operations.context import Caller, Context
from agent.operations.dispatch import dispatch
from agent.restconf.documents import copied, element_of, nested
from agent.restconf.media import Media
from agent.restconf.outputs import output_json
from agent.restconf.problems import NAMESPACE, Problem
from agent.restconf.uris import Place
from agent.xml import YANG_NS, Element, Piece
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode

_OF_SESSIONS = frozenset({
    "ietf-netconf", "ietf-netconf-monitoring", "ietf-netconf-nmda", "ietf-subscribed-notifications",
    "ietf-yang-push", "notifications",
})  # fmt: skip
"""Modules whose operations are NETCONF's own, or have to do with a session that lasts."""
_OF_CANDIDATE = "load-commit"
"""It edits the candidate, which is nobody's here when the request is over."""


def offered(schema: Schema) -> Iterable[SchemaNode]:
    """Yield the operations that can be invoked here."""
    return (
        node
        for node in schema.rpcs.values()
        if node.module not in _OF_SESSIONS and node.name != _OF_CANDIDATE
    )


def operation_of(schema: Schema, segment: str) -> SchemaNode:
    """Return the operation that is written as MODULE:NAME.

    Raises:
        Problem: there is none such here (404).
    """
    module, _, name = segment.rpartition(":")
    found = next((node for node in offered(schema) if (node.module, node.name) == (module, name)), None)
    if found is None:
        raise Problem(404, "invalid-value", f"there is no operation '{segment[:200]}' here")
    return found


def listed(schema: Schema, media: Media) -> bytes:
    """Return {+restconf}/operations (section 3.3.2)."""
    nodes = sorted(offered(schema), key=lambda node: (node.module, node.name))
    if media is Media.JSON:
        names = {f"{node.module}:{node.name}": [None] for node in nodes}
        return json.dumps({"ietf-restconf:operations": names}).encode()
    inside = "".join(f'<{node.name} xmlns="{node.namespace}"/>' for node in nodes)
    return f'<operations xmlns="{NAMESPACE}">{inside}</operations>'.encode()


async def invoke(
    context: Context, caller: Caller, operation: SchemaNode, content: Sequence[Element], *, media: Media
) -> bytes | None:
    """Return the output of an operation, None if it has none.

    Raises:
        RpcErrors: it failed, or was refused.
    """

    def request(inside: list[Piece]) -> Piece:
        return Piece(operation.namespace, operation.name, children=inside)

    return await _carried_out(context, caller, operation, content=content, request=request, media=media)


async def act(
    context: Context, caller: Caller, place: Place, content: Sequence[Element], *, media: Media
) -> bytes | None:
    """Return the output of the action that ``place`` leads to, None if it has none.

    Raises:
        RpcErrors: it failed, or was refused.
    """

    def request(inside: list[Piece]) -> Piece:
        return Piece(YANG_NS, "action", children=[nested(context.schema, place.steps, inside)])

    node = place.steps[-1].node
    return await _carried_out(context, caller, node, content=content, request=request, media=media)


async def _carried_out(
    context: Context,
    caller: Caller,
    node: SchemaNode,
    *,
    content: Sequence[Element],
    request: Callable[[list[Piece]], Piece],
    media: Media,
) -> bytes | None:
    """Return the output of ``node``, whose request is made apart: its content may be large."""
    element = await asyncio.to_thread(lambda: element_of(request([copied(one) for one in content])))
    return await _output(context, node, await dispatch(context, caller, element), media)


async def _output(context: Context, node: SchemaNode, body: bytes, media: Media) -> bytes | None:
    if not body or not node.output:
        return None
    if media is Media.XML:
        return b'<output xmlns="%b">%b</output>' % (node.namespace.encode(), body)
    printed: bytes = await context.worker(output_json, context.schema, node, body)
    return printed
