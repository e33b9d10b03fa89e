"""What is recorded of an older model, in the words of today's: units and snapshots, octets in and octets out.

The document is read once and written as it is read, so a large snapshot costs its own size and that of its
elements in libxml2, and no more. What no move concerns is copied.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from agent.datastore.moved_rules import ANY, Rule, RulePath, moved_rules, parse_path, path_text
from agent.datastore.moves import CannotMove, Path, Relocation, Step, moved_path, schema_path
from agent.xml import (
    Element,
    Piece,
    XmlError,
    local_name,
    namespace,
    parse,
    piece_of,
    prefixes_of,
    serialize,
    written,
)

_NACM = "ietf-netconf-acm"
_RULE_LIST: Path = ((_NACM, "nacm"), (_NACM, "rule-list"))


Arrival = tuple[Path, Piece]
"""A piece that comes from elsewhere, and the containers in which it belongs from here on."""

AtEach = Callable[[], None]
"""Is called for each element that is rewritten; what it raises ends the work."""

_FIRST = re.compile(rb"<([\w.-]+)(?:\s[^>]*?)??\sxmlns=(?:\"([^\"]*)\"|'([^']*)')")


def _nothing() -> None:
    pass


def concerned(relocation: Relocation, unit_path: str) -> bool:
    """True if what is recorded of this unit may have to be written in another way."""
    path = schema_path(unit_path)
    return relocation.concerns(path) or path == _RULE_LIST


def refuse_strange(relocation: Relocation, unit_path: str, content: bytes) -> None:
    """Refuse ``content`` if it is that of another unit.

    No move concerns what the path says; but one may concern what it said before it was damaged.

    Raises:
        CannotMove: it is.
    """
    if not content:
        return
    first = _FIRST.match(content)
    if first is None:
        raise CannotMove("it does not begin with an element in a namespace")
    uri = (first[2] or first[3] or b"").decode(errors="replace")
    if (relocation.module_of(uri), first[1].decode(errors="replace")) != schema_path(unit_path)[0] and (
        relocation.is_served(uri) or schema_path(unit_path)[0][0] in relocation.namespaces
    ):
        raise CannotMove("it holds something else than its path says")


def moved_unit(relocation: Relocation, unit_path: str, content: bytes, at_each: AtEach = _nothing) -> bytes:
    """Return the content of a unit (XML, inside its containers; b"" for none) after the moves.

    Raises:
        CannotMove: it is no XML, or would no longer be one unit.
    """
    if not content:
        return b""
    way = [
        (relocation.namespace_of(module), name)
        for module, name in schema_path(moved_path(relocation, unit_path))
    ]
    return written(_one_unit(_Rewriting(relocation, at_each).document(content), way))


def moved_snapshot(relocation: Relocation, content: bytes, at_each: AtEach = _nothing) -> bytes:
    """Return a whole configuration (XML, its top-level elements one after the other) after the moves.

    Raises:
        CannotMove: it is no XML.
    """
    return written(_Rewriting(relocation, at_each).document(content))


def _one_unit(pieces: Iterable[Piece], way: Sequence[tuple[str, str]]) -> Iterator[Piece]:
    """Yield ``pieces`` unless something in them is not on the ``way`` (names with namespaces) to the unit."""
    for each in pieces:
        if (each.namespace, each.name) != way[0]:
            raise CannotMove(f"what was one unit would be more than one, with '{each.name}'")
        below = way[1:]
        yield replace(each, children=_one_unit(each.children, below)) if below else each


class _Rewriting:
    """Goes through a document in the old form; everything that is called ``path`` is of the old model."""

    def __init__(self, relocation: Relocation, at_each: AtEach) -> None:
        self._relocation = relocation
        self._at_each = at_each
        self._tops = {path[0] for move in relocation.moves for path in move} | {_RULE_LIST[0]}

    def document(self, content: bytes) -> Iterator[Piece]:
        """Yield the top-level elements of ``content``.

        Raises:
            CannotMove: it is no XML.
        """
        try:
            root = parse(b"<all>" + content + b"</all>", max_elements=len(content) + 1)
        except XmlError as problem:
            raise CannotMove(str(problem)) from None
        yield from self._children(root, (), ())

    def _step(self, element: Element) -> Step:
        uri, name = _names(element)
        return self._relocation.module_of(uri), name

    def _children(self, element: Element, path: Path, coming: Iterable[Arrival]) -> Iterator[Piece]:
        """Yield what is in ``element`` now: what stays and what arrives, not what goes elsewhere."""
        here, further = _sorted((*coming, *self._arrivals(element, path)))
        for child in element:
            self._at_each()
            below = (*path, self._step(child))
            if not path and below[0] not in self._tops:
                yield Piece(*_names(child), copied=serialize(child))
                continue
            if self._relocation.is_displaced(below):
                continue
            arriving = further.pop(self._relocation.place(below)[-1], [])
            if arriving or not self._is_emptied(child, below, len(below)):
                yield self._piece(child, below, arriving)
        yield from here
        yield from (self._container(step, arriving) for step, arriving in further.items())

    def _arrivals(self, element: Element, path: Path) -> Iterator[Arrival]:
        """Yield what lies below ``element`` and was displaced to another place below it."""
        for down, way in self._relocation.anchored(path):
            for found in self._at(element, down):
                moved = self._piece(found, (*path, *down), ())
                yield way[:-1], replace(moved, declared=prefixes_of(found))

    def _at(self, element: Element, down: Path) -> Iterator[Element]:
        for child in element:
            if self._step(child) == down[0]:
                yield from self._at(child, down[1:]) if len(down) > 1 else (child,)

    def _is_emptied(self, element: Element, path: Path, depth: int) -> bool:
        """True if there is something in ``element``, and all of it left the node that it has at ``depth``."""
        if not self._relocation.loses(path, depth) or len(element) == 0:
            return False
        below = ((child, (*path, self._step(child))) for child in element)
        return all(
            self._relocation.leaves(place, depth) or self._is_emptied(child, place, depth)
            for child, place in below
        )

    def _piece(self, element: Element, path: Path, arriving: Iterable[Arrival]) -> Piece:
        module, name = self._relocation.place(path)[-1]
        below = self._rules(element) if path == _RULE_LIST else self._children(element, path, arriving)
        return replace(piece_of(element, below), namespace=self._relocation.namespace_of(module), name=name)

    def _container(self, step: Step, coming: Iterable[Arrival]) -> Piece:
        """Return a container that has to be made for what belongs in it."""
        here, further = _sorted(coming)
        inner = [self._container(below, arriving) for below, arriving in further.items()]
        return Piece(self._relocation.namespace_of(step[0]), step[1], children=(*here, *inner))

    # -- rules of access control -------------------------------------------------------------

    def _rules(self, rule_list: Element) -> Iterator[Piece]:
        """Yield the content of a rule-list, in which rules may have got copies."""
        elements = [child for child in rule_list if local_name(child) == "rule"]
        rules = [self._rule(element) for element in elements]
        for child in rule_list:
            if local_name(child) != "rule":
                yield self._piece(child, (*_RULE_LIST, self._step(child)), ())
        for index, rule in moved_rules(rules, self._relocation):
            old = self._piece(elements[index], (*_RULE_LIST, (_NACM, "rule")), ())
            same = rule == rules[index]
            yield old if same else replace(old, children=list(self._rule_content(list(old.children), rule)))

    def _rule(self, element: Element) -> Rule:
        given = {local_name(child): (child.text or "").strip() for child in element}
        path = next((child for child in element if local_name(child) == "path"), None)
        return Rule(
            given.get("name", ""),
            given.get("module-name", ANY),
            operation=given.get("rpc-name"),
            notification=given.get("notification-name"),
            path=None if path is None else parse_path(given["path"], lambda name: self._module(path, name)),
        )

    def _module(self, element: Element, prefix: str) -> str:
        uri = element.nsmap.get(prefix)
        if uri is None:
            raise CannotMove("a rule of access control has a prefix that is declared nowhere")
        # A module that is not served now may be again; nothing moves in it.
        return self._relocation.module_of(uri)

    def _rule_content(self, content: Sequence[Piece], rule: Rule) -> Iterator[Piece]:
        """Yield ``content``, that of a rule as it was, with what ``rule`` says in its place."""
        texts = {
            "name": rule.name,
            "module-name": rule.module,
            "rpc-name": rule.operation,
            "notification-name": rule.notification,
        }
        has_module = any(leaf.name == "module-name" for leaf in content)
        for leaf in content:
            if leaf.name == "path" and rule.path is not None:
                prefixes = self._prefixes(rule.path)
                declared = {prefix: self._relocation.namespace_of(m) for m, prefix in prefixes.items()}
                yield replace(leaf, text=path_text(rule.path, prefixes), declared=declared)
            else:
                yield replace(leaf, text=texts.get(leaf.name) or leaf.text)
            if leaf.name == "name" and not has_module and rule.module != ANY:
                yield replace(leaf, name="module-name", text=rule.module)

    def _prefixes(self, path: RulePath) -> dict[str, str]:
        """Return a prefix for each module of ``path``: its own, unless another one has it already."""
        found: dict[str, str] = {}
        for module, _ in (each.step for each in path):
            served = self._relocation.namespaces.get(module)
            own = served[0] if served else "other"
            if own in found.values():
                own = module if served else f"other{len(found)}"
            found.setdefault(module, own)
        return found


def _sorted(coming: Iterable[Arrival]) -> tuple[list[Piece], dict[Step, list[Arrival]]]:
    """Return which pieces belong right here, and which in a container, by that container's step."""
    here: list[Piece] = []
    further: dict[Step, list[Arrival]] = {}
    for way, piece in coming:
        if way:
            further.setdefault(way[0], []).append((way[1:], piece))
        else:
            here.append(piece)
    return here, further


def _names(element: Element) -> tuple[str, str]:
    return namespace(element), local_name(element)
