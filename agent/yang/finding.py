"""Nodes are found in a tree: an entry by its keys, and whatever an XPath expression selects."""

from __future__ import annotations

from agent.errors import ErrorType, InvalidValue
from agent.yang import lookup, native
from agent.yang.native import NULL, c_str
from agent.yang.nodes import Node, instances, keys_of
from agent.yang.paths import MAX_KEY_OCTETS, literal
from agent.yang.prefixed import Declared, Refusal, select_nodes
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree
from agent.yang.wording import of_expression


def entry_with_keys(first: Node, schema_node: SchemaNode, keys: tuple[str, ...]) -> Node:
    """Return the list entry with these canonical keys among ``first`` and its siblings, or NULL."""
    if first == NULL or max(map(len, keys)) > MAX_KEY_OCTETS:
        return NULL
    if looked_through_for(keys):
        same = (n for n in instances(first, schema_node) if keys_of(n, schema_node) == keys)
        return next(same, NULL)
    predicates = "".join(f"[{n}={literal(key)}]" for n, key in zip(schema_node.keys, keys, strict=True))
    found = lookup.find_instance(first, schema_node.pointer, c_str(predicates))
    if found == NULL:
        # A key that does not fit its type leaves an error behind, which the next failure would show.
        native.forget_errors(schema_node.ctx)
    return found


def looked_through_for(keys: tuple[str, ...]) -> bool:
    """Return whether all entries are looked at for one with ``keys``: no XPath literal holds both quotes."""
    return any("'" in key and '"' in key for key in keys)


def find_all(tree: Tree, expression: str, declared: Declared | None = None) -> list[Node]:
    """Return the nodes that an XPath expression selects from the root of ``tree``.

    Where other threads read it, they wait meanwhile.

    Args:
        declared: namespaces by prefix; None if the prefixes are names of modules.

    Raises:
        InvalidValue: it is not a valid expression or no node-set.
    """
    if tree.empty:
        return []
    found = select_nodes(tree.schema.ctx, tree.first, expression, declared, alone=tree.shared)
    if isinstance(found, Refusal):
        reason = of_expression(found.message)
        raise InvalidValue(f"the XPath expression cannot be used: {reason}", type=ErrorType.PROTOCOL)
    return found
