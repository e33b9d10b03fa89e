"""What agent.yang.units does unit by unit, for many units at once.

Only entries of lists can be many, as the containers above units have no keys: so what an entry lies in is
looked up once for all entries of its list, and each of them costs a few calls of libyang. The results are
those of one unit after the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from weakref import WeakKeyDictionary

from agent.yang.native import NULL, copy_below, lib, text
from agent.yang.nodes import (
    JSON,
    XML,
    Defaults,
    Json,
    Node,
    children,
    content_of,
    first_child,
    is_default,
    parent_of,
    print_node,
    sibling_like,
    sibling_of_schema,
    siblings,
    upwards,
)
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import Unit

Found = Sequence[Sequence[Node]]
"""The nodes of each of some units: none, one, or the instances of a group."""
PIECE_OCTETS = 256 * 1024
"""With about so much JSON is read in one step, which nobody can interrupt: a few milliseconds."""
Shown = Callable[[Node], bytes]
"""Returns what a node that holds all entries of a list is printed as."""
FEW = 64
MOST_IN_PLACE = 1000
"""Units that are replaced one by one at most: others may wait for the tree meanwhile, some 50 ms."""
TIMES_CHEAPER = 4
"""A copy of a unit with all others costs so much less than to replace it."""
_DECODER = json.JSONDecoder()
MOST_ROOTS = 500
"""With more top-level nodes libyang looks too long for the place of each."""


def are_many(count: int, tree: Tree) -> bool:
    """Return whether ``tree`` is to be made anew, rather than ``count`` of its units be replaced one by one.

    It costs no more than what they do.
    """
    if not FEW < count <= MOST_IN_PLACE:
        return count > FEW
    return are_few(tree, TIMES_CHEAPER * count)


def are_few(tree: Tree, most: int = FEW) -> bool:
    """Return whether ``tree`` holds ``most`` units at most; it costs no more than a look at so many."""
    return sum(1 for _ in islice(_unit_nodes(tree.schema, siblings(tree.first)), most + 1)) <= most


def _unit_nodes(schema: Schema, nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        if schema.node_of(node.schema).shell:
            yield from _unit_nodes(schema, children(node))
        else:
            yield node


def locate_all(units: Iterable[Unit], tree: Tree) -> list[list[Node]]:
    """Return what ``Unit.locate`` finds of each in ``tree``."""
    firsts: dict[SchemaNode, Node] = {}
    found: list[list[Node]] = []
    units = list(units)
    if len(units) == 1:
        return [units[0].locate(tree)]
    for unit in units:
        if not unit.is_entry:
            found.append(unit.locate(tree))
            continue
        list_node = unit.schema_node
        first = firsts.get(list_node)
        if first is None:
            # Where there is no entry at all, nothing is looked for ten thousand times.
            first = firsts[list_node] = sibling_of_schema(unit.first_beside(tree), list_node)
        node = NULL if first == NULL else sibling_like(first, unit.target)
        found.append([] if node == NULL else [node])
    return found


def copy_all(units: Iterable[Unit], found: Found, tree: Tree) -> list[Node]:
    """Add the nodes of ``units`` to ``tree``, which holds none of them; see ``Unit.replace_in``.

    Returns:
        The copy of each entry, NULL for any other unit.
    """
    parents: dict[SchemaNode, Node] = {}
    copies: list[Node] = []
    for unit, nodes in zip(units, found, strict=True):
        if not unit.is_entry or not nodes:
            if not unit.is_entry:  # it may have a default
                unit.replace_in(tree, list(nodes))
            copies.append(NULL)
            continue
        list_node = unit.schema_node
        if list_node not in parents:
            parents[list_node] = unit.parent_in(tree)
        copies.append(copy_below(parents[list_node], nodes[0]))
    return copies


def locate_copies(units: Sequence[Unit], copies: Sequence[Node], tree: Tree) -> list[list[Node]]:
    """Return what ``locate_all`` does of a tree that ``copy_all`` has filled, and that was validated since.

    That takes an entry out only where a choice or a when says so.
    """
    stays = {node: not is_conditional(node) for node in {unit.schema_node for unit in units}}
    known = [copy != NULL and stays[unit.schema_node] for unit, copy in zip(units, copies, strict=True)]
    unknown = [unit for unit, is_known in zip(units, known, strict=True) if not is_known]
    others = iter(locate_all(unknown, tree))
    return [[copy] if is_known else next(others) for copy, is_known in zip(copies, known, strict=True)]


def is_conditional(node: SchemaNode | None) -> bool:
    """Return whether a choice or a when decides about ``node`` or what it lies in."""
    return node is not None and (node.conditional or is_conditional(node.parent))


def move_entries(entries: Iterable[tuple[Unit, Node]], source: Tree, target: Tree) -> list[tuple[Unit, Node]]:
    """Move entries of ``source`` to ``target``, which holds none of them, and return those that were moved:
    not where the order counts, what they stand in is not there, or a choice or a when decides about them."""
    parents: dict[SchemaNode, Node] = {}
    moved: list[tuple[Unit, Node]] = []
    for unit, node in entries:
        list_node = unit.schema_node
        parent = parents.get(list_node)
        if parent is None:
            moves = not (list_node.user_ordered or is_conditional(list_node))
            parent = parents[list_node] = target.find_like(parent_of(node)) if moves else NULL
        if parent != NULL:
            target.insert(parent, source.detach(node))
            moved.append((unit, node))
    return moved


def printed_xml(node: Node) -> bytes:
    return print_node(node, XML, keep_empty=True)


def printed_json(node: Node) -> bytes:
    return print_node(node, JSON, Defaults.REPORT_ALL)


def print_all(units: Sequence[Unit], found: Found, shown: Shown = printed_xml) -> list[bytes]:
    """Return what was configured of each unit as XML inside its containers, b"" if nothing was.

    ``shown`` does what ``printed_xml`` does, or has done it.
    """
    if not units:
        return []
    around = _around(units, found)
    together = _printed_together(around, units, found, shown)
    return [
        together.get(unit.path) or _printed_within(around, unit, nodes) or printed(unit, nodes)
        for unit, nodes in zip(units, found, strict=True)
    ]


def printed(unit: Unit, nodes: Sequence[Node]) -> bytes:
    """Return what was configured of a unit as XML inside its containers, b"" if nothing was."""
    if all(is_default(node) for node in nodes):
        return b""
    copy = Tree(unit.probe.schema)
    unit.replace_in(copy, list(nodes))
    return copy.to_xml(keep_empty=True)


class _Around:
    """What stands before and behind the XML of each entry of a list, whose own begins with ``start``."""

    __slots__ = ("after", "before", "start")

    def __init__(self, start: bytes, before: bytes, after: bytes) -> None:
        self.start = start
        self.before = before
        self.after = after


_LEARNT: WeakKeyDictionary[Schema, dict[SchemaNode, _Around]] = WeakKeyDictionary()


def _around(units: Sequence[Unit], found: Found) -> dict[SchemaNode, _Around]:
    """Learn from an entry of each list, printed with its containers and without, what these are as text.

    It is the same for all entries of a list, and as long as there is the schema.
    """
    learnt = _LEARNT.setdefault(units[0].probe.schema, {})
    tried = set(learnt)
    for unit, nodes in zip(units, found, strict=True):
        list_node = unit.schema_node
        if list_node not in tried and unit.is_entry and nodes and not _is_annotated_above(unit):
            tried.add(list_node)
            whole, bare = printed(unit, nodes), printed_xml(nodes[0])
            start = bare[: bare.index(b">") + 1].removesuffix(b"/>").removesuffix(b">")
            declared = f' xmlns="{list_node.namespace}"'.encode()
            for shown in (bare, bare.replace(declared, b"", 1)):
                before, there, after = whole.partition(shown)
                if there and start.endswith(declared):
                    within = start if shown is bare else start.removesuffix(declared)
                    learnt[list_node] = _Around(start, before + within, after)
                    break
    return learnt


def _printed_within(around: dict[SchemaNode, _Around], unit: Unit, nodes: Sequence[Node]) -> bytes:
    """Return an entry with its containers around it; b"" if that is not known of it."""
    known = around.get(unit.schema_node)
    if known is None or not nodes or _is_annotated_above(unit):
        return b""
    bare = printed_xml(nodes[0])
    if not bare.startswith(known.start):
        return b""
    return known.before + bare[len(known.start) :] + known.after


def _printed_together(
    around: dict[SchemaNode, _Around], units: Sequence[Unit], found: Found, shown: Shown
) -> dict[str, bytes]:
    """Return by path what is printed of the entries of lists of which all are among ``units``: each list in
    one call, and cut where its entries begin.

    No value holds the tag that they begin with, for a value has no "<". What else holds it, as an entry of
    another list of the same name in it, or one with an attribute, is seen by their number.
    """
    texts: dict[str, bytes] = {}
    for list_node, (some, nodes) in _of_each_list(units, found).items():
        known = around.get(list_node)
        if known is None or len(some) < FEW or not are_all(nodes) or _is_annotated_above(some[0]):
            continue
        name = list_node.name.encode()
        begin, end = b"<%b>" % name, b"</%b>" % name
        pieces = shown(parent_of(nodes[0])).split(begin)[1:]
        if len(pieces) != len(some) or pieces[-1].count(end) != 1:  # there may be a list of that name behind
            continue
        pieces[-1] = pieces[-1][: pieces[-1].rfind(end) + len(end)]
        if all(piece.endswith(end) for piece in pieces):
            before, after = known.before + b">", known.after
            texts.update({u.path: before + p + after for u, p in zip(some, pieces, strict=True)})
    return texts


def _of_each_list(units: Sequence[Unit], found: Found) -> dict[SchemaNode, tuple[list[Unit], list[Node]]]:
    """Return the entries that were found of each list."""
    lists: dict[SchemaNode, tuple[list[Unit], list[Node]]] = {}
    for unit, nodes in zip(units, found, strict=True):
        if unit.is_entry and nodes:
            some, theirs = lists.setdefault(unit.schema_node, ([], []))
            some.append(unit)
            theirs.append(nodes[0])
    return lists


def are_all(nodes: Sequence[Node]) -> bool:
    """Return whether these are all instances that stand beside the first of them, in their order."""
    schema, before, behind = nodes[0].schema, nodes[0].prev, nodes[-1].next
    if parent_of(nodes[0]) == NULL or (behind != NULL and behind.schema == schema):
        return False
    if before.next != NULL and before.schema == schema:  # the first of all has the last before it
        return False
    return all(node.next == following for node, following in pairwise(nodes))


def _is_annotated_above(unit: Unit) -> bool:
    return any(node.meta != NULL for node in upwards(parent_of(unit.target)))


def json_all(nodes: Iterable[Node], shown: Shown = printed_json) -> Iterator[Json]:
    """Yield each container, list entry or leaf as ``to_json`` returns it; ``shown`` does what
    ``printed_json`` does, or has done it."""
    given = list(nodes)
    if len(given) >= FEW and given[0].schema.nodetype == lib.LYS_LIST and are_all(given):
        yield from _json_together(given, shown) or _json_of_each(given)
    else:
        yield from _json_of_each(given)


def _json_together(nodes: Sequence[Node], shown: Shown) -> list[Json]:
    """Return what is printed of entries, which are all of a list, in one call; [] if it cannot be cut.

    It is cut between entries, where "},{" is followed by the name of the first key: no value holds that, for
    in a value a backslash stands before each quotation mark. Where it stands between the entries of a list
    within an entry, either a piece is no JSON or their number is another one. Only where the list is of the
    module of what it stands in is it called by its name alone, which a list of that module may have, too.
    """
    if nodes[0].schema.module != parent_of(nodes[0]).schema.module:
        return []
    document = shown(parent_of(nodes[0])).decode()
    name, key = text(nodes[0].schema.name), text(first_child(nodes[0]).schema.name)
    opening = f'"{name}":[{{"{key}":'
    between = f'}},{{"{key}":'
    begin = document.find(opening)
    if begin < 0 or document.find(opening, begin + 1) >= 0:
        return []
    begin += len(name) + 3  # at the bracket
    found: list[Json] = []
    try:
        while (cut := document.find(between, begin + PIECE_OCTETS)) >= 0:
            found += json.loads(f"[{document[begin + 1 : cut + 1]}]")
            begin = cut + 1
        found += _DECODER.raw_decode(f"[{document[begin + 1 :]}")[0]
    except ValueError:
        return []
    return found if len(found) == len(nodes) else []


def _json_of_each(nodes: Iterable[Node]) -> Iterator[Json]:
    piece: list[Node] = []
    texts: list[bytes] = []
    octets = 0
    for node in nodes:
        piece.append(node)
        texts.append(printed_json(node))
        octets += len(texts[-1])
        if octets >= PIECE_OCTETS:
            yield from _read(piece, texts)
            piece, texts, octets = [], [], 0
    yield from _read(piece, texts)


def _read(nodes: Sequence[Node], texts: Sequence[bytes]) -> Iterator[Json]:
    # What is read together has the names of its members in memory once.
    documents = json.loads(b"[%b]" % b",".join(texts))
    yield from (content_of(node, document) for node, document in zip(nodes, documents, strict=True))


def rebuilt(tree: Tree, units: Sequence[Unit], source: Tree, found: Found, *, restore_default: bool) -> Tree:
    """Return a copy of ``tree`` in which ``units`` are as in ``source``, where they were ``found`` and whose
    nodes it takes; see ``Unit.replace_in``."""
    if sum(1 for _ in islice(siblings(tree.first), MOST_ROOTS + 1)) > MOST_ROOTS:
        copy = tree.duplicate()
        for unit in units:
            unit.replace_in(copy, unit.locate(source), restore_default=restore_default)
        return copy
    entries = [(unit, own) for unit, own in zip(units, found, strict=True) if unit.is_entry]
    building = _Building(tree)
    building.take([unit for unit, _ in entries], [own for _, own in entries])
    for unit in units:
        if not unit.is_entry:
            unit.replace_in(building.made, unit.locate(source), restore_default=restore_default)
    return building.made


class _Building:
    """A copy of ``tree`` in the making."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.made = Tree(tree.schema)
        self._instead: dict[Node, Node] = {}
        self._lists: set[Node] = set()
        self._on_the_way: set[Node] = set()

    def take(self, entries: Sequence[Unit], after: Found) -> None:
        """Copy everything but ``entries``, which are moved from where they are ``after``, or not there any
        more."""
        fresh: list[tuple[Unit, Node]] = []
        last: dict[SchemaNode, tuple[Unit, Node]] = {}
        for unit, was, now in zip(entries, locate_all(entries, self._tree), after, strict=True):
            self._mark(unit.schema_node)
            if was:
                self._instead[was[0]] = now[0] if now else NULL
                if not now:
                    last[unit.schema_node] = unit, was[0]
            elif now:
                fresh.append((unit, now[0]))
        for _, node in last.values():
            del self._instead[node]
        self._copy(NULL, self._tree.first)
        parents: dict[SchemaNode, Node] = {}
        for unit, node in fresh:
            if unit.schema_node not in parents:
                parents[unit.schema_node] = unit.parent_in(self.made)
            self.made.insert(parents[unit.schema_node], node)
        for unit, _ in last.values():  # what becomes of the containers around nothing is decided there
            unit.replace_in(self.made, [])

    def _mark(self, list_node: SchemaNode) -> None:
        if list_node.pointer in self._lists:
            return
        self._lists.add(list_node.pointer)
        above = list_node.parent
        while above is not None:
            self._on_the_way.add(above.pointer)
            above = above.parent

    def _copy(self, parent: Node, first: Node) -> None:
        for node in siblings(first):
            if node.schema in self._lists:
                instead = self._instead.get(node)
                if instead is None:
                    copy_below(parent, node)
                elif instead != NULL:
                    self.made.insert(parent, instead)
            elif node.schema in self._on_the_way:
                copy = self.made.copy_into(parent, node, recursive=False)
                self._copy(copy, first_child(node))
                copy.flags = node.flags  # what is put into a default makes it none
            else:
                self.made.copy_into(parent, node)
