"""rpcs of the translators' modules, and actions (RFC 7950 sections 7.14 and 7.15)."""

from __future__ import annotations

import asyncio

from agent.errors import (
    DataMissing,
    ErrorType,
    MissingElement,
    OperationNotSupported,
    RpcErrors,
    UnknownNamespace,
)
from agent.operations.context import Caller, Context
from agent.operations.parameters import strays
from agent.translator import Json
from agent.xml import Element, local_name, namespace, serialize
from agent.yang.invocation import Invocation
from agent.yang.schema_node import Kind


async def invoke_rpc(context: Context, _caller: Caller, operation: Element) -> bytes:
    """Invoke an rpc that a translator's module defines."""
    call = await _parse(context, operation)
    for translator in context.operational.translators:
        if call.node.module in map(context.schema.by_file.get, translator.yang_files):
            output = await translator.rpc(call.node.name, call.input)
            try:
                return await _reply(context, call, output)
            except BaseException:
                await asyncio.shield(translator.take_back(call.node.name, call.input, output))
                raise
    raise OperationNotSupported(f"nothing on this server carries out <{call.node.name}>")


async def invoke_action(context: Context, caller: Caller, operation: Element) -> bytes:
    """Invoke the action inside ``<action>``."""
    if len(operation) != 1:
        raise MissingElement(
            "action", "<action> must hold one data node with one action", type=ErrorType.PROTOCOL
        )
    if stray := list(strays(operation)):
        raise RpcErrors(stray)
    call = await _parse(context, operation[0])
    if call.node.kind is not Kind.ACTION:
        raise MissingElement(
            local_name(operation[0]), "<action> holds no action of a data node", type=ErrorType.PROTOCOL
        )
    access = context.access(caller)
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


async def _parse(context: Context, element: Element) -> Invocation:
    running = context.configuration.running
    try:
        call: Invocation = await context.worker(Invocation.parse, context.schema, serialize(element), running)
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
