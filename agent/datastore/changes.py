"""What a commit changed, told as netconf-config-change (RFC 6470 section 2.2)."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterable
from itertools import islice

from agent.datastore.store import CommitInfo
from agent.translator import Json, Notification
from agent.yang.difference import Difference, Operation
from agent.yang.native import NULL
from agent.yang.tree import Tree, parent_of, path_of
from agent.yang.units import Unit, unit_differences

MAX_EDITS = 1000
"""More edits than this are not listed one by one: only the top-level nodes that they lie in."""

_NETCONF_OPERATION = {
    Operation.CREATE: "create",
    Operation.UPDATE: "merge",
    Operation.DELETE: "delete",
}


def edits(units: Iterable[Unit], before: Tree, after: Tree) -> list[Json]:
    """*worker* Return the ``edit`` entries for what ``units`` changed; paths only, never a value."""
    units = list(units)
    if len(units) <= MAX_EDITS:
        found = list(islice(unit_differences(units, before, after, every_node=False), MAX_EDITS + 1))
        if len(found) <= MAX_EDITS:
            return [{"target": _target(d), "operation": _NETCONF_OPERATION[d.operation]} for d in found]
    tops = {path_of(unit.probe.first, last_predicate=False) for unit in units}
    return [{"target": top, "operation": "merge"} for top in sorted(tops)]


def _target(difference: Difference) -> str:
    """Return an instance-identifier that a client can read, of the node or of what it lies in."""
    node = difference.node
    if difference.schema_node.is_leafy and difference.schema_node.secret:
        return path_of(node, last_predicate=False)
    path = path_of(node)
    while parent_of(node) != NULL and _has_both_quotes(path):
        node = parent_of(node)
        path = path_of(node, last_predicate=False)
    return path


def _has_both_quotes(path: str) -> bool:
    return "'" in path and '"' in path


def config_change(info: CommitInfo, changed: list[Json]) -> Notification:
    content: Json = {"changed-by": changed_by(info), "datastore": "running"}
    if changed:
        content["edit"] = changed
    return Notification({"ietf-netconf-notifications:netconf-config-change": content})


def changed_by(info: CommitInfo) -> Json:
    return session_parameters(info) if info.session_id else {"server": [None]}


def session_parameters(info: CommitInfo) -> Json:
    """Return common-session-parms (RFC 6470): who it was, and from where."""
    content: Json = {"username": info.user, "session-id": info.session_id}
    with contextlib.suppress(ValueError):  # not every transport has an address
        content["source-host"] = str(ipaddress.ip_address(info.source.partition("%")[0]))
    return content
