"""edit-config, copy-config and delete-config (RFC 6241 sections 7.2 to 7.4)."""

from __future__ import annotations

from agent.datastore.candidate import Savepoint
from agent.datastore.edit import edit
from agent.datastore.edit_check import EditAttributes, check_document
from agent.datastore.transaction import Configuration
from agent.errors import (
    BadElement,
    ErrorType,
    InvalidValue,
    OperationNotSupported,
    RpcErrors,
    UnknownAttribute,
)
from agent.operations.context import Caller, Context
from agent.operations.parameters import datastore_of, parameter, text_of
from agent.operations.read import read_defaults
from agent.xml import Element, drop, local_name, serialize
from agent.yang.repeated import repeated
from agent.yang.schema import Schema
from agent.yang.tree import Defaults, Tree


def refuse_running(target: str) -> None:
    """Raise what editing anything but the candidate deserves."""
    if target == "candidate":
        return
    if target == "running":
        raise OperationNotSupported(
            "running cannot be edited directly (no writable-running): edit the candidate and commit",
            type=ErrorType.PROTOCOL,
        )
    raise BadElement(target, f"<{target}> is no target of this operation", type=ErrorType.PROTOCOL)


async def edit_config(context: Context, caller: Caller, operation: Element) -> bytes:
    refuse_running(local_name(datastore_of(operation, "target")))
    config = parameter(operation, "config")
    if config is None:  # the schema allows <url> only with the url feature
        raise OperationNotSupported("only <config> can be edited", type=ErrorType.PROTOCOL)
    default_operation = text_of(operation, "default-operation", "merge")
    test_option = text_of(operation, "test-option", "set")
    context.locks.refuse_others("candidate", caller.session_id)
    async with context.configuration.writing:
        context.locks.refuse_others("candidate", caller.session_id)
        candidate = context.configuration.candidate
        savepoint: Savepoint = await context.worker(edit, candidate, config, default_operation)
        if test_option != "set":
            await _test(context, savepoint, keep=test_option == "test-then-set")
    return b""


async def _test(context: Context, savepoint: Savepoint, *, keep: bool) -> None:
    """Validate the candidate with the edit in it; without ``keep``, or if it is invalid, take the edit back.

    Without any test-option nothing is tested, though RFC 6241 section 7.2 has test-then-set as the default:
    a candidate becomes valid in several steps, and every client and server in use counts on that.
    """
    valid = False
    try:
        await context.configuration.validate(context.configuration.candidate)
        valid = True
    finally:
        if not (valid and keep):
            await context.worker(savepoint.take_back)


async def copy_config(context: Context, caller: Caller, operation: Element) -> bytes:
    target = local_name(datastore_of(operation, "target"))
    refuse_running(target)
    source = datastore_of(operation, "source")
    name = local_name(source)
    if name == target:
        raise InvalidValue(f"source and target are both {target}", type=ErrorType.PROTOCOL)
    context.locks.refuse_others("candidate", caller.session_id)
    async with context.configuration.writing:
        context.locks.refuse_others("candidate", caller.session_id)
        configuration = context.configuration
        defaults = read_defaults(operation)
        if name == "running" and defaults is Defaults.EXPLICIT:
            await context.worker(configuration.candidate.discard, configuration.running)
        elif name == "running":
            await context.worker(_copy_running, configuration, defaults)
        elif name == "config":
            content = await context.worker(inline_config, context.schema, source)
            await context.worker(configuration.candidate.replace_all, content, configuration.running)
        else:
            raise BadElement(name, f"<{name}> is no source of this operation", type=ErrorType.PROTOCOL)
    return b""


def _copy_running(configuration: Configuration, defaults: Defaults) -> None:
    """*worker* Copy running as <get-config> would report it (RFC 6243 section 4.5.3)."""
    printed = configuration.running.to_xml(defaults)
    content = Tree.parse(configuration.schema, printed, state=False)
    configuration.candidate.replace_all(content, configuration.running)


def inline_config(schema: Schema, config: Element) -> Tree:
    """*worker* Return the content of a ``<config>`` element.

    Raises:
        RpcErrors: it does not fit the schema; all faults are named.
    """
    attributes = EditAttributes(schema, config)
    instructed = {**attributes.operation, **attributes.insert}
    errors = attributes.errors + [
        UnknownAttribute(
            "operation" if element in attributes.operation else "insert",
            local_name(element),
            "a whole configuration is copied as it is: only edit-config takes instructions",
        )
        for element in instructed
    ]
    if errors:
        raise RpcErrors(errors)
    if attributes.tagged:
        check_document(schema, config, attributes)
        for element in attributes.tagged:
            drop(element)
    try:
        content = Tree.parse(schema, b"".join(serialize(element) for element in config), state=False)
        if twice := list(repeated(schema, content.first)):
            raise RpcErrors(twice)
        return content
    except RpcErrors:
        check_document(schema, config, attributes)
        raise


async def delete_config(_context: Context, _caller: Caller, operation: Element) -> bytes:
    target = local_name(datastore_of(operation, "target"))
    raise OperationNotSupported(
        f"<{target}> cannot be deleted: only startup or a URL could be, and this server has neither",
        type=ErrorType.PROTOCOL,
    )
