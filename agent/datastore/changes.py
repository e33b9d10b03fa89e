"""What a commit changed, told as netconf-config-change (RFC 6470 section 2.2)."""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import islice

from agent.datastore.records import CommitInfo, address_of
from agent.translator import Json, Notification
from agent.yang.difference import Difference, Operation
from agent.yang.many import Found, locate_all
from agent.yang.nodes import (
    NO_NODE,
    Node,
    children,
    instances,
    is_default,
    keys_of,
    parent_of,
    path_of,
    upwards,
    value_of,
)
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import Unit, unit_differences

MAX_EDITS = 1000
"""More edits than this are not listed one by one: only the top-level nodes that they lie in."""

_Row = tuple[Unit, Sequence[Node]]
"""A unit, and its nodes after."""

_NETCONF_OPERATION = {
    Operation.CREATE: "create",
    Operation.UPDATE: "merge",
    Operation.DELETE: "delete",
}


def edits(units: Sequence[Unit], before: Tree, after: Tree, found: Found) -> list[Json]:
    """*worker* Return the ``edit`` entries for what ``units`` changed; paths only, never a value.

    ``found``: the nodes of ``units`` in ``after``.
    """
    if len(units) <= MAX_EDITS:
        differing = unit_differences(units, before, after, every_node=False, found=found)
        some_more = list(islice(differing, MAX_EDITS + 1))
        if len(some_more) <= MAX_EDITS:
            told = (_edit(before.schema, difference) for difference in some_more)
            return list({tuple(edit.values()): edit for edit in told if edit is not None}.values())
    return _short(units, before, found)


def _short(units: Sequence[Unit], before: Tree, found: Found) -> list[Json]:
    """Return one edit of each top-level node that ``units`` lie in, with what became of it as a whole."""
    rows: dict[SchemaNode, list[_Row]] = {}
    tops: dict[SchemaNode, str] = {}
    for row in zip(units, found, strict=True):
        root = row[0].schema_node.root
        if root not in tops:
            tops[root] = path_of(row[0].probe.first, last_predicate=False)
        rows.setdefault(root, []).append(row)
    return [
        {"target": tops[root], "operation": _became(root, rows[root], before)}
        for root in sorted(tops, key=tops.__getitem__)
    ]


def _became(root: SchemaNode, rows: Sequence[_Row], before: Tree) -> str:
    """Return the operation that made of what ``root`` held ``before`` what ``rows`` say.

    What is default-deny-all does not count, so that nobody learns whether it is there.
    """
    was = [node for node in instances(before.first, root) if _is_set(before.schema, node)]
    hidden = {node for node in {unit.schema_node for unit, _ in rows} if _is_hidden(node)}
    told = [row for row in rows if row[0].schema_node not in hidden]
    absent = [unit for unit, nodes in told if all(is_default(node) for node in nodes)]
    stays = len(absent) < len(told)
    old = (node for nodes in locate_all(absent, before) for node in nodes)
    gone = {node for node in old if not is_default(node)}
    if not was:
        return "create" if stays else "merge"
    if not gone:
        return "merge"
    if stays or any(_is_set(before.schema, node, but=gone) for node in was):
        return "replace"
    return "delete"


def _is_set(schema: Schema, node: Node, but: Container[Node] = ()) -> bool:
    """Return whether somebody has set ``node``, or what it holds if it only holds others, and may tell.
    ``but``: what does not count."""
    schema_node = schema.node_of(node.schema)
    if is_default(node) or schema_node.deny_all or node in but:
        return False
    return not schema_node.shell or any(_is_set(schema, each, but) for each in children(node))


def _is_hidden(schema_node: SchemaNode | None) -> bool:
    return schema_node is not None and (schema_node.deny_all or _is_hidden(schema_node.parent))


def _edit(schema: Schema, difference: Difference) -> Json | None:
    """Return one edit, of the node itself or of what it lies in.

    What is default-deny-all is told as a change of the node at which that begins: who may be told of the
    event may not be told of keys and values there. Nor can a key with both kinds of quotes be written.
    """
    shown = difference.node
    for node in upwards(difference.node):
        schema_node = schema.node_of(node.schema)
        if schema_node.deny_all and schema_node.has_instances:
            shown = parent_of(node)
        elif schema_node.deny_all or _unwritable(schema_node, node):
            shown = node if schema_node.deny_all else parent_of(node)
    if shown == NO_NODE:
        return None
    operation = difference.operation if shown == difference.node else Operation.UPDATE
    return {"target": path_of(shown), "operation": _NETCONF_OPERATION[operation]}


def _unwritable(schema_node: SchemaNode, node: Node) -> bool:
    values = keys_of(node, schema_node) if schema_node.kind is Kind.LIST else ()
    if schema_node.kind is Kind.LEAF_LIST:
        values = (value_of(node),)
    return any("'" in value and '"' in value for value in values)


def config_change(info: CommitInfo, changed: list[Json]) -> Notification:
    content: Json = {"changed-by": changed_by(info), "datastore": "running"}
    if changed:
        content["edit"] = changed
    return base_event("netconf-config-change", content)


def base_event(name: str, content: Json) -> Notification:
    """Return the event ``name`` (RFC 6470 section 2.2)."""
    return Notification({f"ietf-netconf-notifications:{name}": content})


def changed_by(info: CommitInfo) -> Json:
    return session_parameters(info) if info.session_id else {"server": [None]}


def session_parameters(info: CommitInfo) -> Json:
    """Return common-session-parms (RFC 6470): who it was, and from where."""
    content: Json = {"username": info.user, "session-id": info.session_id}
    if address := address_of(info.source):  # not every transport has one
        content["source-host"] = address
    return content
