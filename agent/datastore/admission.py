"""What would cost libyang more than its length: found before libyang parses a document, in linear time.

An entry, a leaf or a key that stands there thousands of times is compared by libyang with all that came
before it. A long key is copied into the path of each error, a long XPath expression is read again and again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from agent.datastore.edit_elements import key_elements, path_of_element
from agent.errors import BadElement, InvalidValue, RpcError, TooBig
from agent.xml import Element, local_name, namespace
from agent.yang.expressions import value_fault
from agent.yang.paths import MAX_KEY_OCTETS
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, QName, SchemaNode
from agent.yang.values import canonical

MAX_EQUAL_VALUES = 100
"""Of a leaf-list in an input, where values may stand again (RFC 7950 section 7.7)."""

Level = Mapping[QName, SchemaNode]


def costly(schema: Schema, config: Element, apart: Collection[Element] = ()) -> Iterator[RpcError]:
    """Yield an error for each node below ``config`` that must not come before libyang.

    ``apart``: elements that are parsed one by one, so that an entry may stand there again, and be deleted
    and created.
    """
    yield from _level(schema, config, schema.roots, apart)


def costly_input(schema: Schema, operation: Element) -> Iterator[RpcError]:
    """As ``costly``, of an ``<rpc>``'s payload or of what an ``<action>`` holds."""
    yield from _costly(schema, [operation], {**schema.roots, **schema.rpcs}, ())


def _costly(
    schema: Schema, elements: Element | list[Element], level: Level, apart: Collection[Element]
) -> Iterator[RpcError]:
    nodes = [_node_of(element, level) for element in elements]
    # Few hold anything twice, and most hold little.
    counts: Mapping[SchemaNode | None, int] = Counter(nodes) if len(set(nodes)) < len(nodes) else {}
    seen: dict[tuple[int, tuple[str, ...] | None], int] = {}
    for element, node in zip(elements, nodes, strict=True):
        if node is None:
            continue
        if node.is_leafy and (fault := value_fault(node, element.text or "")):
            yield InvalidValue(f"{node.name}: {fault}", path=path_of_element(schema, element))
            continue
        if long := _long_key(node, element):
            message = f"the key '{long}' has more than {MAX_KEY_OCTETS} octets"
            yield TooBig(message, path=path_of_element(schema, element))
            continue
        if counts.get(node, 1) > 1:
            identity = id(node), _identity(schema, node, element)
            seen[identity] = seen.get(identity, 0) + 1
            if identity[1] is not None and seen[identity] > _times(node):
                where = f"in '{node.parent.name}'" if node.parent and not node.has_instances else "here"
                message = f"'{node.name}' may stand only once {where}"
                yield BadElement(node.name, message, path=path_of_element(schema, element))
                continue
        if node.kind is not Kind.ANYDATA and len(element):
            yield from _level(schema, element, {**node.children, **node.actions}, apart)


def _level(schema: Schema, above: Element, level: Level, apart: Collection[Element]) -> Iterator[RpcError]:
    if not apart:
        yield from _costly(schema, above, level, apart)
        return
    yield from _costly(schema, [child for child in above if child not in apart], level, apart)
    for child in above:
        if child in apart:
            yield from _costly(schema, [child], level, apart)


def _node_of(element: Element, level: Level) -> SchemaNode | None:
    return level.get((namespace(element), local_name(element)))


def _times(node: SchemaNode) -> int:
    """Return how often the same instance of ``node`` may stand in one place."""
    return MAX_EQUAL_VALUES if node.kind is Kind.LEAF_LIST and not node.config else 1


def _long_key(node: SchemaNode, element: Element) -> str:
    """Return the name of what tells an instance from others and is too long, "" if nothing is."""
    if node.kind is Kind.LEAF_LIST:
        return node.name if len(element.text or "") > MAX_KEY_OCTETS else ""
    if node.kind is not Kind.LIST:
        return ""
    long = (e for e in key_elements(node, element) if len(e.text or "") > MAX_KEY_OCTETS)
    return next(map(local_name, long), "")


def _identity(schema: Schema, node: SchemaNode, element: Element) -> tuple[str, ...] | None:
    """Return what tells instances of ``node`` apart; None where keys are missing, which others find."""
    if node.kind is Kind.LEAF_LIST:
        return (_value(schema, node, element),)
    if node.kind is not Kind.LIST:
        return ()
    keys = key_elements(node, element)
    if len(keys) < len(node.keys) or not keys:
        return None
    return tuple(_value(schema, node.children[node.namespace, local_name(key)], key) for key in keys)


def _value(schema: Schema, node: SchemaNode, element: Element) -> str:
    return canonical(schema, node, element.text or "", lambda: element.nsmap)
