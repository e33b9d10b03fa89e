"""A reply with transaction ids, without what its client knows.

As draft-ietf-netconf-transaction-id says, sections 3.3 and 3.4. A node that the client knows has the id "="
and nothing in it but the keys of an entry. State has no id and may have changed all the same: where a reply
holds state, that of a known node stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agent.datastore.txids import MATCH, View
from agent.nacm.access import Access
from agent.nacm.rules import Step
from agent.operations.subtree import Look, given_keys, is_content_match, named, refuse_mixed
from agent.operations.txid import Given
from agent.xml import Element, drop
from agent.yang.annotations import bare, is_annotated
from agent.yang.leaf_lists import whole_defaults
from agent.yang.nodes import (
    NO_NODE,
    XML,
    Defaults,
    Node,
    children,
    first_child,
    instances,
    is_default,
    keys_of,
    print_node,
    sibling_of_schema,
    siblings,
    value_of,
)
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import is_versioned, unit_path

Ask = tuple[Element | None, str | None]
"""An element of the filter that selects a node, None below one that selects all; the client's id of it."""
Asks = list[Ask]


@dataclass(frozen=True, slots=True)
class Ids:
    """What a client knows, and the ids of the datastore that he asks for."""

    given: Given
    view: View

    @property
    def all_known(self) -> bool:
        """True if nothing has changed since the client's id of the datastore."""
        return self.given.is_known(self.given.root, self.view, self.view.root)

    @property
    def start(self) -> bytes:
        """The attributes of <data>."""
        return self.given.start(self.view, known=self.all_known)


@contextmanager
def without_known(
    ids: Ids, filter_element: Element | None, *, tree: Tree, access: Access
) -> Iterator[list[bytes]]:
    """*worker* Take from a filter of configuration what its client knows as a whole, and yield the answers to
    that.

    Raises:
        BadElement: the filter holds text beside elements.
    """
    if filter_element is None:
        yield []
        return
    known = _known_shells(ids.given, ids.view, filter_element, tree=tree, access=access)
    before = list(filter_element)
    try:
        for element in known:
            drop(element)
        yield list(known.values())
    finally:
        filter_element[:] = before


def _known_shells(
    given: Given, view: View, filter_element: Element, *, tree: Tree, access: Access
) -> dict[Element, bytes]:
    """*worker* Return the elements of a filter for containers above units that the client knows, and the
    answer to each. No unit in them is looked at."""
    refuse_mixed(filter_element)
    schema = tree.schema
    named_by: dict[SchemaNode, list[Element]] = {}
    for element in filter_element:
        for node in named(element, schema.roots):
            named_by.setdefault(node, []).append(element)
    found: dict[Element, bytes] = {}
    for node, elements in named_by.items():
        element = elements[0]
        if len(elements) > 1 or len(named(element, schema.roots)) > 1 or element.attrib or not node.shell:
            continue
        value = given.known.get(element, given.root)
        if given.is_known(value, view, view.of_shell(node.path)) and _is_shown(node, tree, access):
            start = f'<{node.name} xmlns="{node.namespace}"'.encode()
            found[element] = start + given.attribute(MATCH) + b"/>"
    return found


def _is_shown(node: SchemaNode, tree: Tree, access: Access) -> bool:
    if sibling_of_schema(tree.first, node) == NO_NODE:
        return False
    if access.everything(["read"]):
        return True
    return access.data([Step(node.module, node.name, {})], node, "read").permit


def pruned(tree: Tree, defaults: Defaults, ids: Ids, subtree: Element | None = None) -> bytes:
    """*worker* Return what was selected as XML; ``subtree``: the filter that did it, if it is one."""
    with whole_defaults(tree, defaults):
        printer = _Printer(tree.schema, defaults, ids)
        return b"".join(printer.level(tree.first, [(subtree, ids.given.root)], "", ids.view.root))


@dataclass(slots=True)
class _Level:
    """The elements of a filter for one list: those that give all keys, by these, and the others."""

    by_keys: dict[tuple[str, ...], list[Element]]
    others: list[Element]


class _Printer:
    """Prints what was selected; ``commit_id`` of a place is that of the versioned node that it lies in."""

    def __init__(self, schema: Schema, defaults: Defaults, ids: Ids) -> None:
        self._schema = schema
        self._defaults = defaults
        self._given = ids.given
        self._view = ids.view
        self._look = Look(schema)
        self._levels: dict[tuple[Element, int], _Level] = {}
        self._answers: dict[tuple[str | None, int | None], bool] = {}
        self._attributes: dict[int | None, bytes] = {}

    def level(self, first: Node, asks: Asks, above: str, commit_id: int | None) -> Iterator[bytes]:
        """Yield the siblings from ``first`` on; ``above`` is the default namespace there."""
        for node in siblings(first):
            schema_node = self._schema.node_of(node.schema)
            if schema_node.is_key or not schema_node.config:
                yield self._printed(node, schema_node, above)
            else:
                yield self._node(node, schema_node, self._asks_of(node, schema_node, asks), above, commit_id)

    def _node(
        self, node: Node, schema_node: SchemaNode, asks: Asks, above: str, commit_id: int | None
    ) -> bytes:
        if self._is_nothing(node, schema_node, asks):
            return b""
        own = is_versioned(schema_node)
        if own:
            commit_id = self._commit_of(node, schema_node)
        if asks and all(self._is_known(value, commit_id) for _, value in asks):
            return self._known(node, schema_node, above)
        wanted = own and any(known is not None for _, known in asks)
        attribute = self._attribute(commit_id) if wanted else b""
        inner = schema_node.shell and any(known is not None for _, known in asks)
        if not inner and not self._is_hot(asks):
            return self._printed(node, schema_node, above, attribute)
        inside = b"".join(self.level(first_child(node), asks, schema_node.namespace, commit_id))
        if not inside and not attribute and schema_node.is_np_container:
            return b""
        return self._around(node, schema_node, above, attribute, inside)

    def _is_known(self, value: str | None, commit_id: int | None) -> bool:
        key = value, commit_id
        if key not in self._answers:
            self._answers[key] = self._given.is_known(value, self._view, commit_id)
        return self._answers[key]

    def _attribute(self, commit_id: int | None) -> bytes:
        if commit_id not in self._attributes:
            value = self._view.written(self._given.mechanism, commit_id)
            self._attributes[commit_id] = self._given.attribute(value)
        return self._attributes[commit_id]

    def _known(self, node: Node, schema_node: SchemaNode, above: str) -> bytes:
        """Return a node that the client knows: its name, its keys, and the state in it."""
        attribute = self._given.attribute(MATCH)
        if schema_node.kind is Kind.LEAF_LIST:
            return self._printed(node, schema_node, above, attribute)  # the value is all that tells it
        inside = b""
        if schema_node.is_interior:
            inside = b"".join(self._state(first_child(node), schema_node.namespace))
        return self._around(node, schema_node, above, attribute, inside)

    def _state(self, first: Node, above: str) -> Iterator[bytes]:
        """Yield the keys and the state of what the client knows the configuration of."""
        for node in siblings(first):
            schema_node = self._schema.node_of(node.schema)
            if schema_node.is_key or not schema_node.config:
                yield self._printed(node, schema_node, above)
            elif schema_node.is_interior and _holds_state(self._schema, node):
                inside = b"".join(self._state(first_child(node), schema_node.namespace))
                yield self._around(node, schema_node, above, b"", inside)

    def _is_nothing(self, node: Node, schema_node: SchemaNode, asks: Asks) -> bool:
        """True of a container that nothing is configured in, unless it is asked for by its name."""
        if not schema_node.is_np_container or not is_default(node):
            return False
        named_here = any(element is not None for element, _ in asks)
        return not named_here and not print_node(node, XML, self._defaults)

    def _commit_of(self, node: Node, schema_node: SchemaNode) -> int | None:
        if schema_node.shell:
            return self._view.of_shell(schema_node.path)
        return self._view.of_unit(unit_path(self._schema, node))

    def _is_hot(self, asks: Asks) -> bool:
        return any(element in self._given.hot for element, _ in asks if element is not None and len(element))

    # -- who asks for what -----------------------------------------------------------------

    def _asks_of(self, node: Node, schema_node: SchemaNode, asks: Asks) -> Asks:
        """Return the elements among those in ``asks`` that select ``node``, with the ids that hold for it."""
        found: Asks = []
        for element, known in asks:
            if element is None:
                found.append((None, known))
                continue
            selected = list(self._selecting(element, node, schema_node))
            found += [(one, self._given.known.get(one, known)) for one in selected]
            if not selected and _selects_all(element):
                found.append((None, known))
        return found

    def _selecting(self, element: Element, node: Node, schema_node: SchemaNode) -> Iterator[Element]:
        self._look.spend()
        key = element, id(schema_node)
        if key not in self._levels:
            self._levels[key] = self._level_of(element, schema_node)
        level = self._levels[key]
        if level.by_keys:
            yield from level.by_keys.get(keys_of(node, schema_node), ())
        for one in level.others:
            self._look.spend()
            if self._holds(one, node, schema_node):
                yield one

    def _level_of(self, element: Element, schema_node: SchemaNode) -> _Level:
        level = _Level({}, [])
        for one in element:
            if not one.attrib and named(one, {schema_node.qname: schema_node}):
                keys = given_keys(self._schema, one, schema_node)
                if keys is None:
                    level.others.append(one)
                else:
                    level.by_keys.setdefault(keys, []).append(one)
        return level

    def _holds(self, element: Element, node: Node, schema_node: SchemaNode) -> bool:
        """True if the content match nodes of ``element``, or itself if it is one, are those of ``node``."""
        if schema_node.is_leafy:
            return not is_content_match(element) or value_of(node) == self._look.value(schema_node, element)
        return all(self._is_there(test, node, schema_node) for test in self._look.parts(element)[0])

    def _is_there(self, test: Element, node: Node, schema_node: SchemaNode) -> bool:
        for leaf in named(test, schema_node.children):
            for child in instances(first_child(node), leaf):
                self._look.spend()
                if leaf.is_leafy and value_of(child) == self._look.value(leaf, test):
                    return True
        return False

    # -- printing --------------------------------------------------------------------------

    def _printed(self, node: Node, schema_node: SchemaNode, above: str, attribute: bytes = b"") -> bytes:
        """Return a node with all that is in it, with ``attribute`` behind its name."""
        text = print_node(node, XML, self._defaults)
        if not text and attribute and schema_node.is_np_container:
            return self._around(node, schema_node, above, attribute, b"")
        return self._begun(text, schema_node, above, attribute)

    def _around(
        self, node: Node, schema_node: SchemaNode, above: str, attribute: bytes, inside: bytes
    ) -> bytes:
        """Return ``inside`` in the tags of ``node``."""
        name = schema_node.name.encode()
        text = b'<%b xmlns="%b"/>' % (name, schema_node.namespace.encode())
        if is_annotated(node):
            head = bare(self._schema, node)
            text = print_node(head.first, XML, Defaults.REPORT_ALL, keep_empty=True)
        text = self._begun(text, schema_node, above, attribute)
        return b"%b>%b</%b>" % (text.removesuffix(b"/>"), inside, name) if inside else text

    def _begun(self, text: bytes, schema_node: SchemaNode, above: str, attribute: bytes) -> bytes:
        name, space = schema_node.name.encode(), schema_node.namespace.encode()
        declared = b'<%b xmlns="%b"' % (name, space)
        if not text.startswith(declared):
            return text
        kept = b"<" + name if schema_node.namespace == above else declared
        return kept + attribute + text[len(declared) :]


def _selects_all(element: Element) -> bool:
    """True if an element of a filter selects all that is in its node: it holds nothing else than tests."""
    return all(map(is_content_match, element))


def _holds_state(schema: Schema, node: Node) -> bool:
    """True if there is state in ``node``."""
    for child in children(node):
        schema_node = schema.node_of(child.schema)
        if not schema_node.config or (schema_node.is_interior and _holds_state(schema, child)):
            return True
    return False
