"""explain-access of yangswan-agent: which rule decides, asked instead of guessed."""

from __future__ import annotations

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
from agent.yang.schema_node import Kind, SchemaNode


async def explain_access(context: Context, caller: Caller, operation: Element) -> bytes:
    user = text_of(operation, "user", caller.user)
    own = context.access(caller)
    if user == caller.user:
        access = own
    else:
        _refuse_curious(context, own)
        groups = next((c.groups for c in context.callers() if c.user == user), ())
        access = context.nacm.access(user, groups)
    for kind, decide in (("operation", _operation), ("notification", _notification), ("path", _data)):
        if parameter(operation, kind) is not None:
            decision = decide(context.schema, access, operation)
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
    module, _, name = text_of(operation, "operation").rpartition(":")
    module = module or "ietf-netconf"
    for node in schema.rpcs.values():
        if (node.module, node.name) == (module, name):
            return access.operation(node)
    raise _unknown("operation", f"this server has no operation {module}:{name}")


def _notification(schema: Schema, access: Access, operation: Element) -> Decision:
    module, _, name = text_of(operation, "notification").rpartition(":")
    for node in schema.notifications.values():
        if (node.module, node.name) == (module, name):
            return access.notification(node)
    raise _unknown("notification", f"this server has no notification {module}:{name}")


def _data(schema: Schema, access: Access, operation: Element) -> Decision:
    path = text_of(operation, "path")
    if fault := expression_fault(path):
        raise _unknown("path", fault)
    try:
        steps = parse_path(path, own_keys=True)
        nodes = _nodes(schema, steps)
    except (ValueError, KeyError):
        raise _unknown("path", "this server has no data node of this path; write /MODULE:NAME/NAME") from None
    return access.reach(steps, nodes, text_of(operation, "access", "read"))


def _nodes(schema: Schema, steps: tuple[Step, ...]) -> list[SchemaNode]:
    """Return the schema node of each step.

    Raises:
        KeyError: there is none, or a key is given that is none; ValueError: no step is given.
    """
    if not steps:
        raise ValueError("no node")
    found: list[SchemaNode] = []
    level, actions = schema.roots, schema.roots
    for step in steps:
        qname = schema.by_name[step.module].namespace, step.name
        found.append(level[qname] if qname in level else actions[qname])
        if not step.keys.keys() <= _keys_of(found[-1]):
            raise KeyError(step.name)
        level, actions = found[-1].children, found[-1].actions
    return found


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
