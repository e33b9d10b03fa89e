"""What a large edit document is made of, found with a look at each form that its entries have.

Ten thousand entries have a handful of forms: which elements stand in them, and how they lie in each other.
What has to be known of a document before libyang gets it follows from the forms, but for what keys and
lengths say. An Outline only tells that nothing is the matter; what is, and where, others find, element by
element.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.datastore.edit_pieces import Pieces
from agent.xml import Element, is_text, with_attributes
from agent.yang.cases import exclusions
from agent.yang.expressions import value_fault
from agent.yang.paths import MAX_KEY_OCTETS
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.values import canonical

SHORT = 4096
"""Characters that a value of any type may have, in a key or not."""
MAX_FORMS = 1000
"""That are remembered: a document in which no two entries are alike is one of few alike."""

Tags = tuple[str, ...]
Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """What follows from the tags of an entry and all in it, in the order of the document.

    ``nodes``: of each element. ``keys``: where those of the entry are. ``several``: for each list or
    leaf-list of which more than one instance stands in one place, where the keys of each are. ``empty``: a
    container has nothing in it.
    """

    nodes: tuple[SchemaNode, ...]
    keys: tuple[int, ...]
    several: tuple[tuple[tuple[int, ...], ...], ...]
    empty: bool


class _Unclear(Exception):
    """It has to be looked at element by element."""


class Outline:
    """The outline of a ``<config>``.

    ``plain``: all elements are known and configuration, and all keys are there; nothing is long, an XPath
    expression, anydata, or to be taken for a name; nothing stands there twice or beside what excludes it.
    No text stands beside entries. Attributes are not looked at. ``empty``: a container has nothing in it.
    ``attributed``: the elements with an attribute, in the order of the document.

    Args:
        pieces: is given what is plain as soon as that is known, unless something has an attribute.
    """

    def __init__(self, schema: Schema, config: Element, pieces: Pieces | None = None) -> None:
        self.empty = False
        self.attributed = with_attributes(config)
        self._pieces = None if config.attrib or self.attributed else pieces
        self._schema = schema
        self._levels: dict[SchemaNode | None, dict[str, SchemaNode]] = {}
        self._forms: dict[tuple[SchemaNode, Tags, Sizes], Form] = {}
        try:
            self._level(config, None)
            self.plain = True
        except _Unclear:
            self.plain = False
        self._forms.clear()
        self._pieces = None

    def _level(self, above: Element, parent: SchemaNode | None) -> None:
        """Look at what stands in a shell, or in the <config>."""
        level = self._tags_below(parent)
        seen: dict[SchemaNode, set[tuple[str, ...]]] = {}
        if is_text(above.text):
            raise _Unclear
        for child in above:
            node = level.get(str(child.tag))
            if node is None or not node.config or is_text(child.tail):
                raise _Unclear
            identity: tuple[str, ...] = ()
            if node.shell:
                self.empty = self.empty or not len(child)
                self._level(child, node)
            else:
                identity = self._entry(child, node)
            known = seen.setdefault(node, set())
            if identity in known:
                raise _Unclear
            known.add(identity)
            if self._pieces is not None and not node.shell:
                self._pieces.add(child, node)
        _refuse_exclusions(list(seen))

    def _entry(self, element: Element, node: SchemaNode) -> tuple[str, ...]:
        """Look at what lies in no shell; returns what tells it from other instances of ``node``."""
        elements = [*element.iter()]  # at once, as lxml makes an object of each for as long as it is held
        tags = tuple([found.tag for found in elements])
        sizes = tuple([len(found) for found in elements])
        texts = [found.text or "" for found in elements]
        form = self._forms.get((node, tags, sizes))
        if form is None:
            form = self._form(node, tags, sizes)
            if len(self._forms) < MAX_FORMS:
                self._forms[node, tags, sizes] = form
        if max(map(len, texts)) > SHORT:
            _refuse_long(form.nodes, texts)
        self.empty = self.empty or form.empty
        for instances in form.several:
            if len({self._identity(form, at, texts) for at in instances}) < len(instances):
                raise _Unclear
        return self._identity(form, form.keys, texts)

    def _identity(self, form: Form, keys: Sequence[int], texts: Sequence[str]) -> tuple[str, ...]:
        return tuple([self._canonical(form.nodes[at], texts[at]) for at in keys])

    def _canonical(self, node: SchemaNode, text: str) -> str:
        if node.holds_names:
            raise _Unclear  # it depends on what is declared where it stands
        return canonical_key(self._schema, node, text)

    def _tags_below(self, parent: SchemaNode | None) -> dict[str, SchemaNode]:
        level = self._levels.get(parent)
        if level is None:
            nodes = self._schema.roots if parent is None else parent.children
            level = self._levels[parent] = {f"{{{uri}}}{name}": node for (uri, name), node in nodes.items()}
        return level

    def _form(self, top: SchemaNode, tags: Tags, sizes: Sizes) -> Form:
        nodes: list[SchemaNode] = []
        below: list[list[int]] = []  # where what stands in each is
        open_: list[tuple[int, int]] = []  # elements that are not over, and how many stand in them
        for at, (tag, size) in enumerate(zip(tags, sizes, strict=True)):
            while open_ and len(below[open_[-1][0]]) == open_[-1][1]:
                open_.pop()
            node: SchemaNode | None = top
            if open_:
                above = open_[-1][0]
                below[above].append(at)
                node = self._tags_below(nodes[above]).get(tag)
            if node is None or not _is_simple(node) or (size and not node.is_interior):
                raise _Unclear
            nodes.append(node)
            below.append([])
            if size:
                open_.append((at, size))
        several: list[tuple[tuple[int, ...], ...]] = []
        keys: list[tuple[int, ...]] = [
            (at,) if nodes[at].kind is Kind.LEAF_LIST else () for at in range(len(nodes))
        ]
        for at, inside in enumerate(below):
            keys[at] = keys[at] or _keys(nodes[at], {nodes[one]: one for one in inside})
        for inside in below:
            several += _several(nodes, inside, keys)
        empty = any(n.kind is Kind.CONTAINER and not size for n, size in zip(nodes, sizes, strict=True))
        return Form(tuple(nodes), keys=keys[0], several=tuple(several), empty=empty)


def canonical_key(schema: Schema, node: SchemaNode, text: str) -> str:
    """Return the canonical form of a value in a plain outline, in which no key holds names."""
    if node.json_number and text.isascii() and text.isdigit() and text[0] != "0":
        return text
    return canonical(schema, node, text, dict)


def is_bare(config: Element) -> bool:
    """True if no text stands beside elements."""
    for element in config.iter():
        if is_text(element.tail) or (len(element) and is_text(element.text)):
            return False
    return True


def _is_simple(node: SchemaNode) -> bool:
    if not node.config or node.kind is Kind.ANYDATA:
        return False
    return not (node.confusable or node.is_expression)


def _keys(node: SchemaNode, inside: dict[SchemaNode, int]) -> tuple[int, ...]:
    """Return where the keys of an entry are."""
    if node.kind is not Kind.LIST:
        return ()
    found = [inside.get(node.children[node.namespace, key]) for key in node.keys]
    keys = tuple([at for at in found if at is not None])
    if not keys or len(keys) < len(node.keys):
        raise _Unclear
    return keys


def _several(
    nodes: Sequence[SchemaNode], inside: Sequence[int], keys: Sequence[tuple[int, ...]]
) -> list[tuple[tuple[int, ...], ...]]:
    """Return the keys of what stands more than once among siblings, instance by instance."""
    by_node: dict[SchemaNode, list[int]] = {}
    for at in inside:
        by_node.setdefault(nodes[at], []).append(at)
    _refuse_exclusions(list(by_node))
    found = {node: ats for node, ats in by_node.items() if len(ats) > 1}
    if not all(node.has_instances for node in found):
        raise _Unclear
    return [tuple([keys[at] for at in ats]) for ats in found.values()]


def _refuse_exclusions(nodes: Sequence[SchemaNode]) -> None:
    if any(True for _ in exclusions((node, node) for node in nodes)):
        raise _Unclear


def _refuse_long(nodes: Sequence[SchemaNode], texts: Sequence[str]) -> None:
    for node, text in zip(nodes, texts, strict=True):
        as_key = node.is_key or node.kind is Kind.LEAF_LIST
        if value_fault(node, text) or (as_key and len(text) > MAX_KEY_OCTETS):
            raise _Unclear
