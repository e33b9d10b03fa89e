"""edit-config, copy-config and delete-config (RFC 6241 sections 7.2 to 7.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from agent.datastore.candidate import Savepoint
from agent.datastore.conditions import Condition
from agent.datastore.edit import edit
from agent.datastore.edit_attributes import EditAttributes
from agent.datastore.edit_beforehand import SMALL_ELEMENTS, cut, outline_of, refuse_costly
from agent.datastore.edit_check import check_document
from agent.datastore.edit_conditions import conditions_of
from agent.errors import (
    UNSEEN,
    AccessDenied,
    ErrorType,
    InvalidValue,
    OperationNotSupported,
    RpcError,
    RpcErrors,
    UnknownAttribute,
    raise_all,
)
from agent.nacm.access import WRITES, Access
from agent.nacm.alike import Alike
from agent.operations.context import Caller, Context
from agent.operations.disclosure import hidden_units, named_refusals, names_hidden, tries_counted
from agent.operations.locking import changing_candidate
from agent.operations.parameters import datastore_of, parameter, quote_variables, text_of
from agent.operations.read import read_defaults, readable
from agent.operations.txid import ok
from agent.translator import Reader
from agent.xml import NETCONF_NS, Element, drop, has_more_elements, local_name, qname, rename, serialize
from agent.yang.implicit import open_empty_containers
from agent.yang.leaf_lists import changes_what_it_prints, printed_with
from agent.yang.nodes import Defaults, keys_of
from agent.yang.repeated import repeated
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import Unit, unit_differences, units_by_path


async def edit_config(context: Context, caller: Caller, operation: Element) -> bytes:
    return await apply_edit(context, caller, operation)


def refuse_in_vain(context: Context, caller: Caller, config: Element) -> None:
    """Refuse a large configuration of who may change nothing, without a look at all of it.

    Of a small one he learns what exactly he may not change.
    """
    refusal = _in_vain(context, caller, config)
    context.nacm.refuse_writes([] if refusal is None else [refusal])


def _in_vain(context: Context, caller: Caller, config: Element) -> AccessDenied | None:
    """Return why who sends a large ``config`` may change nothing, with the path of the first node in it."""
    if not has_more_elements(config, SMALL_ELEMENTS):
        return None
    node = context.schema.roots.get(qname(config[0]))
    return context.access(caller).change_refusal(None if node is None else node.path)


async def apply_edit(context: Context, caller: Caller, operation: Element) -> bytes:
    """Apply the ``<config>`` of edit-config or edit-data to the candidate; returns the reply.

    Raises:
        RpcError, RpcErrors: everything wrong with the edit; the candidate is unchanged.
    """
    config = parameter(operation, "config")
    assert config is not None, "the choice is mandatory, and <url> is no part of this schema"
    in_vain = _in_vain(context, caller, config)
    rename(config, f"{{{NETCONF_NS}}}config")  # that of edit-data is in another namespace
    default_operation = text_of(operation, "default-operation", "merge")
    test_option = text_of(operation, "test-option", "set")
    if in_vain is not None and (default_operation == "replace" or not cut(context.schema, config)):
        context.nacm.refuse_writes([in_vain])
    quote_variables(config)
    async with changing_candidate(context, caller):
        candidate = context.configuration.candidate
        access = context.access(caller)
        if test_option != "set":
            context.nacm.tries.refuse_more(access.user)

        def work() -> Savepoint:
            if not access.everything(["read", *WRITES]):
                context.nacm.refuse_writes(named_refusals(context.schema, access, config))
            blind = names_hidden(context.schema, access, config)
            savepoint = edit(candidate, config, default_operation)
            if blind:
                savepoint.mark_blind()
            if not access.everything(WRITES):
                _refuse_denied(context, access, savepoint)
            if in_vain is not None:
                savepoint.take_back()
            return savepoint

        try:
            savepoint: Savepoint = await context.worker(work)
        except RpcErrors as problem:
            if in_vain is None:
                raise
            if all(isinstance(error, AccessDenied) for error in problem.errors):
                last = problem.errors[-1]
                last.left_out = last.left_out or UNSEEN
                raise
        if in_vain is not None:  # what was looked at says nothing of the rest
            context.nacm.refuse_writes([in_vain])
        if test_option != "set":
            reader = access.reader(context.schema)
            async with tries_counted(context, caller):
                await _test(context, savepoint, reader, keep=test_option == "test-then-set")
        return await ok(context, operation, "candidate")


def _refuse_denied(context: Context, access: Access, savepoint: Savepoint) -> None:
    """*worker* Take an edit back that changed what its author may not change."""
    try:
        context.nacm.refuse_changes(access, savepoint.differences(may_be_for(access)))
    except RpcErrors:
        savepoint.take_back()
        raise


def may_be_for(access: Access) -> Callable[[Unit, Sequence[str]], bool]:
    """*worker* Return what says if ``access`` lets its user do some things to all that may be in a unit; of
    those that are many entries of one list."""
    lists: dict[SchemaNode, Alike] = {}

    def may_be(unit: Unit, accesses: Sequence[str]) -> bool:
        node = unit.schema_node
        if not unit.is_entry:
            return False
        alike = lists.get(node) or lists.setdefault(node, Alike(access, node))
        keys = dict(zip(node.keys, keys_of(unit.target, node), strict=True)) if alike.needs_keys else {}
        return alike.permits(keys, accesses)

    return may_be


async def _test(context: Context, savepoint: Savepoint, may_read: Reader, *, keep: bool) -> None:
    """Validate the candidate with the edit in it; without ``keep``, or if it is invalid, take the edit back.

    Without any test-option nothing is tested, though RFC 6241 section 7.2 has test-then-set as the default:
    a candidate becomes valid in several steps, and every client and server in use counts on that.
    """
    valid = False
    try:
        await context.configuration.validate(context.configuration.candidate, may_read)
        valid = True
    finally:
        if not (valid and keep):
            await context.worker(savepoint.take_back)


async def copy_config(context: Context, caller: Caller, operation: Element) -> bytes:
    source = datastore_of(operation, "source")
    refuse_in_vain(context, caller, source)
    name = local_name(source)
    if name == "candidate":
        raise InvalidValue("source and target are both the candidate", type=ErrorType.PROTOCOL)
    async with changing_candidate(context, caller):
        access = context.access(caller)
        defaults = read_defaults(operation)
        free = access.everything(["read", *WRITES])
        if name == "running" and defaults is Defaults.EXPLICIT and free:
            await context.configuration.discard()
        elif name == "running":
            await context.worker(_copy_running, context, access, defaults)
        else:
            demanded: list[Condition] = []
            content = await context.worker(permitted_content, context, access, source, demanded)
            await context.worker(_replace_candidate, context, access, content, demanded)
    return b""


def permitted_content(
    context: Context, access: Access, config: Element, demanded: list[Condition] | None = None
) -> Tree:
    """*worker* Return the content of a ``<config>`` element; what it demands is added to ``demanded``.

    Raises:
        RpcErrors: it names what its author may neither read nor write, or does not fit the schema.
    """
    if not access.everything(["read", *WRITES]):
        context.nacm.refuse_writes(named_refusals(context.schema, access, config))
    return inline_config(context.schema, config, demanded)


def _copy_running(context: Context, access: Access, defaults: Defaults) -> None:
    """*worker* Copy running as <get-config> would report it (RFC 6243 section 4.5.3, RFC 8341 3.2.7)."""
    running = context.configuration.running
    found = readable(access, running)
    if found is running and changes_what_it_prints(context.schema, defaults):  # others read it meanwhile
        found = found.duplicate()
    printed = printed_with(found, defaults)
    _replace_candidate(context, access, Tree.parse(context.schema, printed, state=False))


def _replace_candidate(
    context: Context, access: Access, content: Tree, demanded: Iterable[Condition] = ()
) -> None:
    """*worker* Make the candidate hold ``content``, or leave it as it is if the caller may not do that."""
    candidate, running = context.configuration.candidate, context.configuration.running
    before, changed, blind = candidate.tree, candidate.changed, candidate.blind
    conditions = candidate.conditions
    candidate.replace_all(content, running, hidden_units(access, content))
    try:
        candidate.demand(demanded)
        if access.everything(WRITES):
            return
        units = units_by_path(before, candidate.tree)
        context.nacm.refuse_changes(access, unit_differences(units.values(), before, candidate.tree))
    except (RpcError, RpcErrors):
        candidate.tree, candidate.changed, candidate.blind = before, changed, blind
        candidate.unsettle(changed.values())
        candidate.conditions = conditions
        raise


def inline_config(schema: Schema, config: Element, demanded: list[Condition] | None = None) -> Tree:
    """*worker* Return the content of a ``<config>`` element; what it demands is added to ``demanded``.

    Raises:
        RpcErrors: it does not fit the schema; all faults are named.
    """
    quote_variables(config)
    outline = outline_of(schema, config)
    attributes = EditAttributes(schema, config, outline)
    plain = outline is not None and outline.plain
    instructed = {**attributes.operation, **attributes.insert}
    refused = (
        UnknownAttribute(
            "operation" if element in attributes.operation else "insert",
            local_name(element),
            "a whole configuration is copied as it is: only edit-config takes instructions",
        )
        for element in instructed
    )
    raise_all(chain(attributes.errors, refused))
    if attributes.tagged:
        check_document(schema, config, attributes)
        for element in attributes.tagged:
            drop(element)
    if not plain:
        refuse_costly(schema, config, attributes)
    try:
        content = Tree.parse(schema, b"".join(map(serialize, config)), state=False)
        if not plain:
            raise_all(repeated(schema, content.first))
        if attributes.empty:
            for node in content.top_level():
                open_empty_containers(node)
        if demanded is not None:
            demanded.extend(conditions_of(schema, attributes.txids))
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
