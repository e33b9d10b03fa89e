"""The rpcs of RFC 8639 over NETCONF (RFC 8640): establish-, modify-, delete- and kill-subscription."""

from __future__ import annotations

from agent.errors import BadElement, ErrorType, InvalidValue, OperationNotSupported, RpcError, RpcErrors
from agent.operations import parameters
from agent.operations.context import Caller, Context
from agent.operations.datastore_target import DatastoreTarget
from agent.operations.parameters import canonical_value, parameter
from agent.operations.streams import StreamTarget
from agent.operations.subscribe import time_of
from agent.operations.targets import Request, Target
from agent.push.refusal import (
    DELETE,
    ENCODING_UNSUPPORTED,
    FILTER_UNSUPPORTED,
    NO_SUCH_SUBSCRIPTION,
    SN_NS,
    Declined,
    Structure,
)
from agent.xml import Element, local_name, namespace
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode

TARGETS: list[Target] = [StreamTarget(), DatastoreTarget()]
"""Every kind of what a subscription can be to; the first is meant where nothing says which."""


XPATHS = ("stream-xpath-filter", "datastore-xpath-filter")


def check_input(schema: Schema, node: SchemaNode, operation: Element) -> None:
    """*worker* Check the parameters of an rpc, as of any other; what has an identity is told by that.

    Raises:
        RpcErrors: they cannot be used.
    """
    _refuse_encoding(operation)
    try:
        parameters.check_input(schema, node, operation)
    except RpcErrors as problem:
        raise RpcErrors(_told(operation, error) for error in problem.errors) from None


def _refuse_encoding(operation: Element) -> None:
    """Refuse an encoding that exists and is not served, before the schema, which does not know it, does.

    Raises:
        Declined: encoding-unsupported.
    """
    found = parameter(operation, "encoding")
    if found is None:
        return
    prefix, _, name = (found.text or "").strip().rpartition(":")
    if name == "encode-json" and found.nsmap.get(prefix or None, SN_NS) == SN_NS:
        message = "notifications over NETCONF are encoded in XML here, encode-xml"
        raise Declined(ENCODING_UNSUPPORTED, message).told_in(_structure(operation))


def _told(operation: Element, error: RpcError) -> RpcError:
    """Return what is told of a parameter: of a filter that is no XPath by the identity for it."""
    if error.tag != InvalidValue.tag or error.info.get("bad-element") not in XPATHS:
        return error
    hints = {"filter-failure-hint": error.message}
    return Declined(FILTER_UNSUPPORTED, error.message, hints=hints).told_in(_structure(operation))


def _structure(operation: Element) -> Structure:
    target = _target(operation, TARGETS[0])
    return target.modifying if local_name(operation) == "modify-subscription" else target.establishing


async def establish_subscription(context: Context, caller: Caller, operation: Element) -> bytes:
    target = _target(operation, TARGETS[0])
    if caller.subscribed():
        raise OperationNotSupported(  # RFC 8640 section 4
            "this session has a subscription of create-subscription, and can have none of "
            "establish-subscription beside it: take another session",
            type=ErrorType.PROTOCOL,
        )
    subscribed = None
    try:
        subscribed = context.subscriptions.reserved(caller)
        subscribed.stop = time_of(operation, "stop-time")
        established = await target.established(
            Request(
                context,
                caller=caller,
                operation=operation,
                id=subscribed.id,
                stop=subscribed.stop,
                counters=subscribed.counters,
            )
        )
        context.subscriptions.refuse_large(subscribed, established.source)
    except BaseException as problem:
        if subscribed is not None:
            context.subscriptions.given_back(subscribed)
        if isinstance(problem, Declined):
            raise problem.told_in(target.establishing) from None
        raise
    if subscribed.over:  # with its session, while it was being established
        established.source.close()
    subscribed.target, subscribed.source = target, established.source
    caller.follow(subscribed.run)
    return f'<id xmlns="{SN_NS}">{subscribed.id}</id>'.encode() + established.output


async def modify_subscription(context: Context, caller: Caller, operation: Element) -> bytes:
    asked = _target(operation, TARGETS[0])
    try:
        subscribed = context.subscriptions.own(caller, await _id(context, operation))
        target = next(each for each in TARGETS if each is subscribed.target)
        if asked is not target:
            element = next(child for child in operation if _qname(child) in asked.parameters)
            message = "what a subscription is to cannot be modified: establish another one"
            raise BadElement(local_name(element), message, type=ErrorType.PROTOCOL)
        given = time_of(operation, "stop-time")
        stop = subscribed.stop if given is None else given
        before = subscribed.source
        assert before is not None
        source = await target.modified(
            Request(
                context,
                caller=caller,
                operation=operation,
                id=subscribed.id,
                stop=stop,
                counters=subscribed.counters,
            ),
            before,
        )
        context.subscriptions.refuse_large(subscribed, source)
    except Declined as problem:
        raise problem.told_in(asked.modifying) from None
    subscribed.offer(source, stop)
    caller.after_reply(subscribed.accept)
    return b""


async def delete_subscription(context: Context, caller: Caller, operation: Element) -> bytes:
    try:
        context.subscriptions.own(caller, await _id(context, operation)).delete()
    except Declined as problem:
        raise problem.told_in(DELETE) from None
    return b""


async def kill_subscription(context: Context, _caller: Caller, operation: Element) -> bytes:
    try:
        context.subscriptions.of(await _id(context, operation)).terminate(NO_SUCH_SUBSCRIPTION)
    except Declined as problem:
        raise problem.told_in(DELETE) from None
    return b""


async def _id(context: Context, operation: Element) -> int:
    node = context.schema.rpcs[SN_NS, local_name(operation)].children[SN_NS, "id"]
    found = parameter(operation, "id")
    assert found is not None, "it is mandatory"
    # YANG writes 0x10 for 16, so the canonical form counts.
    return int(await context.worker(canonical_value, context.schema, node, found))


def _target(operation: Element, first: Target) -> Target:
    """Return the target whose parameters an rpc has.

    Raises:
        BadElement: it has parameters of two.
    """
    meant: Target | None = None
    for child in operation:
        for target in TARGETS:
            if _qname(child) not in target.parameters:
                continue
            if meant is not None and meant is not target:
                name = local_name(child)
                message = f"<{name}> is not for what this subscription is to"
                raise BadElement(name, message, type=ErrorType.PROTOCOL)
            meant = target
    return meant or first


def _qname(element: Element) -> tuple[str, str]:
    return namespace(element), local_name(element)
