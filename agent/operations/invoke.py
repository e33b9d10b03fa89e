"""rpcs of the translators' modules, and actions (RFC 7950 sections 7.14 and 7.15)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from agent.datastore.admission import costly_input
from agent.datastore.edit_elements import is_key_of
from agent.errors import (
    AccessDenied,
    DataMissing,
    ErrorType,
    MissingElement,
    OperationNotSupported,
    RpcErrors,
    UnknownNamespace,
    raise_all,
)
from agent.nacm.access import Access
from agent.nacm.rules import Step
from agent.operations.context import Caller, Context
from agent.operations.disclosure import hidden_references, step_of
from agent.operations.parameters import refuse_attributes, strays
from agent.translator import Json, Translator
from agent.xml import Element, local_name, namespace, serialize
from agent.yang.invocation import Invocation
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, QName, SchemaNode

log = logging.getLogger(__name__)


async def invoke_rpc(context: Context, caller: Caller, operation: Element) -> bytes:
    """Invoke an rpc that a translator's module defines."""
    call = await _parse(context, context.access(caller), operation)
    for translator in context.operational.translators:
        if call.node.module in map(context.schema.by_file.get, translator.yang_files):
            output = await translator.rpc(call.node.name, call.input)
            try:
                return await _reply(context, call, output)
            except BaseException:
                await asyncio.shield(_taken_back(translator, call, output))
                raise
    raise OperationNotSupported(f"nothing on this server carries out <{call.node.name}>")


async def _taken_back(translator: Translator, call: Invocation, output: Json) -> None:
    try:
        await translator.take_back(call.node.name, call.input, output)
    except Exception:
        # The caller hears why there is no reply, which came first.
        log.exception("what the rpc %s has begun could not be taken back", call.node.name)


async def invoke_action(context: Context, caller: Caller, operation: Element) -> bytes:
    """Invoke the action inside ``<action>``."""
    if len(operation) != 1:
        raise MissingElement(
            "action", "<action> must hold one data node with one action", type=ErrorType.PROTOCOL
        )
    raise_all(strays(operation))
    access = context.access(caller)
    refusal = await context.worker(_refusal, context.schema, access, operation[0])
    if refusal is not None:
        context.nacm.count_denied_operation(refusal)
        raise refusal
    call = await _parse(context, access, operation[0])
    if call.node.kind is not Kind.ACTION:
        raise MissingElement(
            local_name(operation[0]), "<action> holds no action of a data node", type=ErrorType.PROTOCOL
        )
    refusal = await context.worker(access.data_refusal, context.schema, call.operation, "exec")
    if refusal is not None:
        context.nacm.count_denied_operation(refusal)
        raise refusal
    if not await context.worker(call.exists_in, context.configuration.running):
        raise DataMissing(
            "the data node that the action belongs to does not exist in running",
            path=await context.worker(getattr, call, "holder_path"),
        )
    for translator in context.operational.translators:
        if call.holder is not None and call.holder.path == translator.config_list:
            output = await translator.action(call.keys, call.node.name, call.input)
            return await _reply(context, call, output)
    raise OperationNotSupported(f"nothing on this server carries out the action '{call.node.name}'")


def _refusal(schema: Schema, access: Access, element: Element) -> AccessDenied | None:
    """*worker* Return why an action may not be invoked, if that can be told without parsing it."""
    steps: list[Step] = []
    nodes: list[SchemaNode] = []
    level: Mapping[QName, SchemaNode] = schema.roots
    while (node := level.get((namespace(element), local_name(element)))) is not None:
        step = step_of(schema, node, element)
        if len(step.keys) < len(node.keys):
            return None
        steps.append(step)
        nodes.append(node)
        if node.kind is Kind.ACTION:
            return access.action_refusal(steps, nodes)
        following = next((child for child in element if not is_key_of(node, child)), None)
        if following is None:
            return None
        element, level = following, {**node.children, **node.actions}
    return None


async def _parse(context: Context, access: Access, element: Element) -> Invocation:
    schema = context.schema
    await context.worker(lambda: raise_all(costly_input(schema, element)))
    await context.worker(refuse_attributes, schema, element)
    node = schema.rpcs.get((namespace(element), local_name(element)))
    level = schema.roots if node is None else node.children
    above = element.getparent() if node is None else element
    if above is not None:
        await context.worker(lambda: raise_all(hidden_references(schema, access, above, level)))
    try:
        changing = context.configuration.published.changing
        call: Invocation = await context.worker(Invocation.parse, schema, serialize(element), changing)
    except RpcErrors as problem:
        for error in problem.errors:
            if isinstance(error, UnknownNamespace):  # libyang names the namespace only
                uri = error.info["bad-namespace"]
                error.info["bad-element"] = next(
                    (local_name(e) for e in element.iter() if namespace(e) == uri), ""
                )
        raise
    return call


async def _reply(context: Context, call: Invocation, output: Json) -> bytes:
    body: bytes = await context.worker(call.output_xml, context.schema, output)
    return body
