"""POST, PUT, PATCH and DELETE of data (RFC 8040 sections 4.4 to 4.7): the edit-config that each is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from agent.operations.context import Caller, Context
from agent.operations.dispatch import guarded
from agent.operations.implicit import edit_running
from agent.operations.parameters import canonical_value
from agent.restconf.documents import copied, element_of, named, nested, value_piece
from agent.restconf.problems import Problem
from agent.restconf.queries import EditQuery
from agent.restconf.retrieval import is_seen
from agent.restconf.uris import Place, Step, place_of
from agent.restconf.validators import Validators, has_conditions, refuse_changed
from agent.xml import NETCONF_NS, YANG_NS, Element, Piece, local_name, namespace
from agent.yang.paths import literal
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode

OPERATION = {"POST": "create", "PUT": "replace", "PATCH": "merge", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Edit:
    """What a client wants. ``content``: nodes of its body; ``fields``: its conditions, by their names;
    ``validators``: tells those of what is at ``place`` now; ``left``: those of what is at a place after it,
    as fields of the answer."""

    method: str
    place: Place
    content: Sequence[Element]
    query: EditQuery
    fields: Mapping[str, str]
    validators: Callable[[], Validators]
    left: Callable[[Place], Awaitable[dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Done:
    """``created``: where what was not there is now, None if nothing was. ``fields``: the validators of what
    the edit has left."""

    created: Place | None
    fields: Mapping[str, str]


async def carry_out(context: Context, caller: Caller, edit: Edit) -> Done:
    """Change running.

    Raises:
        Problem, RpcErrors: nothing was changed.
    """
    schema, place = context.schema, edit.place
    target = place
    if edit.method == "POST":
        target = await context.worker(_child_of, schema, place, edit.content[0])
    elif place.steps and edit.content:
        await context.worker(_refuse_other, schema, place, edit.content[0])
    # It may be large, and is written and read once more for it: the event loop has other things to do.
    operation = await asyncio.to_thread(lambda: element_of(_operation(schema, edit, target)))
    there = True
    fields: dict[str, str] = {}
    refused: list[Problem] = []

    async def before() -> None:
        nonlocal there
        looked_at = place.above if edit.method == "PUT" and place.steps else place
        if edit.method == "DELETE":
            there = await is_seen(context, caller, target)
        else:
            there = await _is_there(context, caller, target)
        if edit.method in ("PATCH", "DELETE") and not there:
            refused.append(_missing(place))
        elif edit.method in ("POST", "PUT") and not await _is_there(context, caller, looked_at):
            refused.append(_missing(looked_at))
        try:
            await _refuse_changed(context, caller, edit)
        except Problem as problem:
            refused.append(problem)
        if refused:
            raise refused[0]

    def created() -> Place | None:
        return None if there and edit.method != "POST" else target

    async def after() -> None:
        if edit.method != "DELETE":
            fields.update(await edit.left(created() or place))

    async def work() -> bytes:
        try:
            return await edit_running(context, caller, operation, before=before, after=after)
        except Problem:
            return b""  # it is told apart from what handlers refuse

    await guarded(context, caller, "edit-config", work)
    if refused:
        raise refused[0]
    return Done(created(), fields)


def _missing(place: Place) -> Problem:
    return Problem(404, "invalid-value", f"there is nothing at {place.path}")


async def _is_there(context: Context, caller: Caller, place: Place) -> bool:
    """Return whether running holds something that the caller may read at ``place``."""
    return all(step.node.is_np_container for step in place.steps) or await is_seen(context, caller, place)


async def _refuse_changed(context: Context, caller: Caller, edit: Edit) -> None:
    """Refuse an edit against its conditions.

    Raises:
        Problem: one does not hold (412).
    """
    if has_conditions(edit.fields):
        seen = await is_seen(context, caller, edit.place)
        refuse_changed(edit.fields, edit.validators() if seen else None)


def _operation(schema: Schema, edit: Edit, target: Place) -> Piece:
    word = OPERATION[edit.method]
    if not target.steps:
        content = [copied(element) for element in edit.content]
        return _edit_config(word, Piece(NETCONF_NS, "config", children=content))
    node = target.steps[-1].node
    declared = {"nc": NETCONF_NS, "yang": YANG_NS, "own": node.namespace}
    if edit.method == "DELETE":
        inner = nested(schema, target.steps[-1:], [])
        changed = Piece(
            inner.namespace,
            inner.name,
            inner.text,
            declared=inner.declared,
            # An empty one is there all the same (RFC 7950 section 7.5.1), and is not missing.
            attributes={"nc:operation": "remove" if node.is_np_container else word},
            children=list(inner.children),
        )
    else:
        element = edit.content[0]
        element.set(f"{{{NETCONF_NS}}}operation", word)
        for name, value in _insertion(schema, edit, target).items():
            element.set(f"{{{YANG_NS}}}{name}", value)
        changed = copied(element)
    above = target.steps[:-1]
    inside = nested(schema, above, [changed]) if above else changed
    return _edit_config("none", Piece(NETCONF_NS, "config", declared=declared, children=[inside]))


def _edit_config(default: str, config: Piece) -> Piece:
    candidate = Piece(NETCONF_NS, "target", children=[Piece(NETCONF_NS, "candidate")])
    default_operation = Piece(NETCONF_NS, "default-operation", default)
    return Piece(NETCONF_NS, "edit-config", children=[candidate, default_operation, config])


def _insertion(schema: Schema, edit: Edit, target: Place) -> dict[str, str]:
    """Return the attributes that say where an entry is put (RFC 7950 sections 7.7.9 and 7.8.6).

    Raises:
        Problem: it is no entry of a list that a user orders, or the point is none of its entries.
    """
    insert, point = edit.query.insert, edit.query.point
    if insert is None:
        return {}
    node = target.steps[-1].node
    if not node.user_ordered or edit.method == "PATCH":
        raise Problem(400, "invalid-value", "'insert' is for entries of a list that a user orders")
    if point is None:
        return {"insert": insert}
    segments = [segment for segment in point.split("/") if segment]
    while segments and ":" not in segments[0].partition("=")[0]:  # a whole URI begins with /restconf/data
        segments.pop(0)
    other = place_of(schema, segments)
    if not other.steps or other.steps[-1].node is not node or other.above != target.above or other.is_many:
        raise Problem(400, "invalid-value", "'point' is the path of another entry of the same list")
    keys = other.steps[-1].keys
    if node.kind is Kind.LEAF_LIST:
        return {"insert": insert, "value": keys[0]}
    tests = "".join(f"[own:{key}={literal(value)}]" for key, value in zip(node.keys, keys, strict=True))
    return {"insert": insert, "key": tests}


def _child_of(schema: Schema, place: Place, element: Element) -> Place:
    """*worker* Return the place of a child that is to be created.

    Raises:
        Problem: there can be no such child (400).
    """
    level = schema.roots if place.node is None else place.node.children
    node = level.get((namespace(element), local_name(element)))
    if node is None or not node.config:
        what = "the configuration" if place.node is None else f"'{place.node.name}'"
        raise Problem(
            400, "unknown-element", f"<{local_name(element)[:200]}> is no child of {what} that can be made"
        )
    keys: list[str] = []
    if node.kind is Kind.LEAF_LIST:
        keys = [canonical_value(schema, node, element)]
    elif node.kind is Kind.LIST:
        for key in node.keys:
            leaf = element.find(f"{{{node.namespace}}}{key}")
            if leaf is None:
                raise Problem(400, "missing-element", f"'{node.name}' needs its key '{key}'")
            keys.append(canonical_value(schema, node.children[node.namespace, key], leaf))
    return Place((*place.steps, Step(node, tuple(keys))))


def _refuse_other(schema: Schema, place: Place, element: Element) -> None:
    """*worker* Refuse a body that is not what is at ``place`` (sections 4.5 and 4.6).

    Raises:
        Problem: it is something else, or has other keys (400).
    """
    last = place.steps[-1]
    if not named(element, place):
        raise Problem(400, "invalid-value", f"the body is not '{last.node.module}:{last.node.name}'")
    if last.node.has_instances and not _has_keys(schema, last, element):
        raise Problem(400, "invalid-value", "the keys in the body are not those in the path")


def _has_keys(schema: Schema, step: Step, element: Element) -> bool:
    node = step.node
    if node.kind is Kind.LEAF_LIST:
        return canonical_value(schema, node, element) == _canonical(schema, node, step.keys[0])
    for key, value in zip(node.keys, step.keys, strict=True):
        leaf = node.children[node.namespace, key]
        found = element.find(f"{{{node.namespace}}}{key}")
        if found is None or canonical_value(schema, leaf, found) != _canonical(schema, leaf, value):
            return False
    return True


def _canonical(schema: Schema, node: SchemaNode, value: str) -> str:
    return canonical_value(schema, node, element_of(value_piece(schema, node, value)))
