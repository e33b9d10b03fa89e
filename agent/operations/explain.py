"""explain-access of yangswan-agent: which rule decides, asked instead of guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from xml.sax.saxutils import escape

from agent.errors import AccessDenied, ErrorType, InvalidValue
from agent.nacm.access import Access, Decision
from agent.nacm.control import NACM_PATH
from agent.nacm.rules import Step, parse_path
from agent.operations.context import Caller, Context
from agent.operations.parameters import parameter, text_of
from agent.xml import Element, namespace
from agent.yang.expressions import expression_fault
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, QName, SchemaNode
from agent.yang.values import canonical


async def explain_access(context: Context, caller: Caller, operation: Element) -> bytes:
    user = text_of(operation, "user", caller.user)
    own = context.access(caller)
    if user == caller.user:
        access = own
    else:
        _refuse_curious(context, own)
        other = next((one for one in context.callers() if one.user == user), None)
        access = context.nacm.access(user, ()) if other is None else context.access(other)
    for kind, decide in (("operation", _operation), ("notification", _notification), ("path", _data)):
        if parameter(operation, kind) is not None:
            decision: Decision = await context.reader(decide, context.schema, access, operation)
            return _reply(namespace(operation), access, decision)
    raise AssertionError("the schema has a mandatory choice")


def _refuse_curious(context: Context, access: Access) -> None:
    """Raise AccessDenied for who may not read the rules themselves."""
    node = context.schema.find(f"{NACM_PATH}/rule-list")
    assert node.parent is not None
    decision = access.data([Step(node.module, "nacm", {})], node.parent, "read")
    if not decision.permit:
        raise AccessDenied(access.sentence("ask about others", decision), path=NACM_PATH)


def _operation(schema: Schema, access: Access, operation: Element) -> Decision:
    return access.operation(_named(schema, operation, "operation", schema.rpcs))


def _notification(schema: Schema, access: Access, operation: Element) -> Decision:
    return access.notification(_named(schema, operation, "notification", schema.notifications))


def _named(schema: Schema, operation: Element, kind: str, nodes: Mapping[QName, SchemaNode]) -> SchemaNode:
    """Return which of ``nodes`` the parameter ``kind`` names."""
    asked = parameter(operation, kind)
    prefix, _, name = text_of(operation, kind).rpartition(":")
    try:
        assert asked is not None
        module = _module_of(schema, asked, prefix) if prefix else "ietf-netconf"
    except ValueError as problem:
        raise _unknown(kind, str(problem)) from None
    found = nodes.get((schema.by_name[module].namespace, name))
    if found is None:
        raise _unknown(kind, f"this server has no {kind} {module}:{name}")
    return found


def _data(schema: Schema, access: Access, operation: Element) -> Decision:
    asked = parameter(operation, "path")
    assert asked is not None
    path = (asked.text or "").strip()
    if fault := expression_fault(path):
        raise _unknown("path", fault)
    try:
        steps = parse_path(path, partial(_module_of, schema, asked))
        nodes = _nodes(schema, steps)
    except ValueError as problem:
        raise _unknown("path", str(problem)) from None
    steps = tuple(_in_canonical_form(schema, *pair, asked) for pair in zip(steps, nodes, strict=True))
    return access.reach(steps, nodes, text_of(operation, "access", "read"))


def _module_of(schema: Schema, element: Element, prefix: str) -> str:
    """Return the module for which ``prefix`` stands: as the client declares it, or else one of this name.

    Raises:
        ValueError: there is none.
    """
    uri = element.nsmap.get(prefix)
    if uri in schema.by_namespace:
        return schema.by_namespace[uri].name
    if uri is not None:
        raise ValueError(f"no module of this server has the namespace '{uri}' of the prefix '{prefix}'")
    if prefix not in schema.by_name:
        raise ValueError(f"'{prefix}' is neither a prefix that is declared nor a module of this server")
    return prefix


def _nodes(schema: Schema, steps: tuple[Step, ...]) -> list[SchemaNode]:
    """Return the schema node of each step.

    Raises:
        ValueError: there is none, a key is given that is none, or no step is given.
    """
    if not steps:
        raise ValueError("a path names a data node: /MODULE:NAME/NAME")
    found: list[SchemaNode] = []
    level, actions = schema.roots, schema.roots
    for step in steps:
        qname = schema.by_name[step.module].namespace, step.name
        node = level.get(qname) or actions.get(qname)
        if node is None:
            where = f"below '{found[-1].name}'" if found else "at the top level"
            raise ValueError(f"the module {step.module} has no '{step.name}' {where}")
        found.append(node)
        if strange := sorted(step.keys.keys() - _keys_of(node)):
            keys = ", ".join(node.keys) or "none"
            raise ValueError(f"'{strange[0]}' is no key of '{step.name}': its keys are {keys}")
        level, actions = node.children, node.actions
    return found


def _in_canonical_form(schema: Schema, step: Step, node: SchemaNode, element: Element) -> Step:
    """*worker* Return ``step`` with its keys as data has them."""
    modules: dict[str | None, str] = {name: module.namespace for name, module in schema.by_name.items()}
    declared = modules | element.nsmap
    own = modules | {None: node.namespace}  # a name without a prefix is one of the same module, in JSON
    keys: dict[str, str] = {}
    for key, value in step.keys.items():
        leaf = node if key == "." else node.children[node.namespace, key]
        meant = canonical(schema, leaf, value, lambda: declared)
        keys[key] = meant or canonical(schema, leaf, value, lambda: own) or value
    return replace(step, keys=keys)


def _keys_of(node: SchemaNode) -> set[str]:
    return {"."} if node.kind is Kind.LEAF_LIST else set(node.keys)


def _unknown(name: str, message: str) -> InvalidValue:
    return InvalidValue(message, type=ErrorType.APPLICATION, info={"bad-element": name})


def _reply(uri: str, access: Access, decision: Decision) -> bytes:
    rows = [("action", "permit" if decision.permit else "deny"), ("reason", decision.reason)]
    if decision.rule is not None:
        rows += [("rule-list", decision.rule.rule_list), ("rule", decision.rule.name)]
    rows += [("group", group) for group in sorted(access.groups)]
    return "".join(f'<{name} xmlns="{uri}">{escape(text)}</{name}>' for name, text in rows).encode()
