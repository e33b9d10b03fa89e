"""How a configuration is written into a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum

from agent.offline import instance_data
from agent.offline.instance_data import Described
from agent.xml import NETCONF_NS, Piece, indented, written
from agent.yang.leaf_lists import printed_with
from agent.yang.nodes import JSON, Defaults, is_default, print_node
from agent.yang.tree import Tree


class Format(Enum):
    """The words of ``--format``."""

    INSTANCE_XML = "instance-xml"
    INSTANCE_JSON = "instance-json"
    XML = "xml"
    JSON = "json"

    def __str__(self) -> str:
        return self.value


def file_of(tree: Tree, described: Described, format: Format) -> bytes:
    """Return ``tree``, what was configured of it, as the content of a file that ends with a line feed."""
    if format in (Format.JSON, Format.INSTANCE_JSON):
        document = _members(tree)
        if format is Format.INSTANCE_JSON:
            document = instance_data.json_of(described, document)
        return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"
    content = Piece("", "", copied=printed_with(tree, Defaults.EXPLICIT))
    if format is Format.XML:
        return indented(written([Piece(NETCONF_NS, "config", children=[content])]))
    return indented(written([instance_data.xml_of(described, content)]))


def _members(tree: Tree) -> Mapping[str, object]:
    if tree.empty:
        return {}
    found: dict[str, object] = json.loads(print_node(tree.first, JSON, siblings=True))
    return found


def modules_of(tree: Tree) -> list[str]:
    """Return the modules that ``tree`` may be of, each as NAME@REVISION."""
    schema = tree.schema
    tops = [schema.node_of(node.schema) for node in tree.top_level() if not is_default(node)]
    names = {node.module for top in set(tops) for node in top.subtree() if node.config}
    modules = [schema.by_name[name] for name in sorted(names)]
    return [f"{one.name}@{one.revision}" if one.revision else one.name for one in modules]
