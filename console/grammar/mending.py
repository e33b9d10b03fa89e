"""What to type about an error of the server: the lines that may mend it, in the words of the grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator

from console.grammar import typed
from console.grammar.manual import Put
from console.grammar.model_words import value_of
from console.grammar.placing import steps
from console.grammar.rows import Manual, bare
from console.grammar.values import Path, Step
from console.grammar.words import quoted
from console.model.schema import Kind, Node

MOST = 4
"""Lines to choose from."""
_LONGEST_CHOICE = 40
_LONGEST_SYNTAX = 80
_LEAFS = (Kind.LEAF, Kind.LEAF_LIST)
_CHOICE = re.compile(r"missing-choice ([^\s;]+)")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]")


class Mending:
    """``manual``: the words of one server."""

    def __init__(self, manual: Manual) -> None:
        self._manual = manual
        self._names = manual.names

    def lines(self, error_path: str, message: str, info: str = "", at: Path | None = None) -> str:
        """Return "type 'tunnel', 'ipsec 2', 'secret SECRET' or 'certificate own OWN'" for an rpc-error; "" if
        nothing is known.

        ``info``: of its <error-info>, in words. ``at``: where one is, None outside of the configuration.
        """
        path = self._path(error_path)
        if not path or not all(step.node.config for step in path):
            return ""
        base = len(path)
        while base and (base > self._deepest(path) or not self._entered(path[:base])):
            base -= 1
        wanted = list(dict.fromkeys(self._wanted(path, path[:base], message, info)))[:MOST]
        if not wanted:
            return ""
        way = [f"'{line}'" for line in self._way(path[:base], at)]
        *some, last = (f"'{line}'" for line in wanted)
        choices = " or ".join(filter(None, (", ".join(some), last)))
        return f"type {', '.join([*way, choices])}{self._named(path, message)}"

    def _path(self, error_path: str) -> Path:
        """Return the nodes of an error-path, () if one of them is not known."""
        found: list[Step] = []
        for name, keys in steps(error_path):
            below = self._names.below(tuple(found))
            inner = {child.name: child for child in found[-1].node.children.values()} if found else {}
            node = below.get(name) or inner.get(name)
            if node is None:
                return ()
            found.append(Step(node, tuple(keys[key] for key in node.keys if key in keys)))
        return tuple(found)

    def _deepest(self, path: Path) -> int:
        """Return how far one enters: to what the manual has lines for, else to the last entry."""
        ends = range(len(path), 0, -1)
        written = (end for end in ends if self._manual.forms(self._names.key(path[:end])))
        entries = (end for end in ends if path[end - 1].node.kind is Kind.LIST)
        return next(written, next(entries, 1))

    def _entered(self, path: Path) -> bool:
        last = path[-1]
        return last.node.kind is Kind.CONTAINER or (
            last.node.kind is Kind.LIST and len(last.keys) == len(last.node.keys)
        )

    def _way(self, base: Path, at: Path | None) -> Iterator[str]:
        """Yield the lines from where one is to ``base``."""
        if at is None:
            yield "config"
            at = ()
        shared = 0
        while shared < min(len(at), len(base)) and at[shared] == base[shared]:
            shared += 1
        yield from ["end"] * (len(at) - shared)
        for end in range(shared, len(base)):
            yield " ".join((self._word(base[:end], base[end].node), *map(quoted, base[end].keys)))

    def _wanted(self, path: Path, base: Path, message: str, info: str) -> Iterator[str]:
        """Yield the lines at ``base`` that set what is missing, or change what is wrong."""
        node = path[-1].node
        if choice := _CHOICE.search(info):
            for one in _of_choice(node, choice[1]):
                yield from self._setting((*path, Step(one)), base)
            return
        beside = path if node.kind not in _LEAFS else path[:-1]
        if node.kind in _LEAFS:
            # A line that can say only this has said it already.
            yield from (line for line in self._setting(path, base) if node.mandatory or line != node.name)
        said = set(_WORD.findall(message))
        others = beside[-1].node.children.values() if beside else ()
        named = [child for child in others if child.config and child is not node and child.name in said]
        mended = [child for child in named if child.name not in beside[-1].node.keys]
        for child in mended:
            yield from self._setting((*beside, Step(child)), base)
        if node.kind in _LEAFS and not node.mandatory and "missing" not in said:
            yield f"no {self._words(path, base)}"
        if node.kind not in _LEAFS and path != base and not mended:
            yield f"{self._words(path, base)} ..."

    def _named(self, path: Path, message: str) -> str:
        """Return how to make what a leaf names, if it names an entry of a list."""
        node = path[-1].node
        if node.type is None or "missing" in message:
            return ""
        found = value_of(node, self._names.key(path), self._names).source
        if not isinstance(found, tuple) or not any(step.node.kind is Kind.LIST for step in found):
            return ""
        end = max(place for place, step in enumerate(found, 1) if step.node.kind is Kind.LIST)
        words = (self._words(found[:end], ()), *(key.upper() for key in found[end - 1].node.keys))
        return f"; '{' '.join(words)}' at the top of the configuration makes what it names"

    def _setting(self, path: Path, base: Path) -> Iterator[str]:
        """Yield the line that sets a node, or what has to be set in it."""
        node = path[-1].node
        if row := self._row(path, base):
            yield row
        elif node.kind in _LEAFS:
            yield f"{self._words(path, base)} {_value(node)}".rstrip()
        else:
            needed = [child for child in node.children.values() if child.mandatory and child.kind in _LEAFS]
            if needed and node.kind is Kind.CONTAINER:
                yield from self._setting((*path, Step(needed[0])), base)
            else:
                yield f"{self._words(path, base)} ..."

    def _row(self, path: Path, base: Path) -> str:
        """Return the syntax of the manual that sets a leaf, "" if it has none."""
        below = "/".join(step.node.name for step in path[len(base) :])
        for form in self._manual.forms(self._names.key(base)):
            if any(isinstance(one, Put) and bare(one.path) == below for one in form.row.does):
                syntax = form.row.syntax.removeprefix("[no] ")
                return syntax if len(syntax) <= _LONGEST_SYNTAX else f"{' '.join(form.heading)} ..."
        return ""

    def _words(self, path: Path, base: Path) -> str:
        words: list[str] = []
        for end in range(len(base), len(path)):
            words += [self._word(path[:end], path[end].node), *map(quoted, path[end].keys)]
        return " ".join(words)

    def _word(self, above: Path, node: Node) -> str:
        if alias := self._manual.alias(node):
            return alias
        return next((word for word, one in self._names.below(above).items() if one is node), node.name)


def _of_choice(node: Node, choice: str) -> Iterator[Node]:
    """Yield of each case of ``choice`` below ``node`` what has to be set, or else its first node."""
    cases: dict[str, list[Node]] = {}
    for child in node.children.values():
        for name, case in child.case:
            if name == choice and child.config:
                cases.setdefault(case, []).append(child)
    for found in cases.values():
        yield next((one for one in found if one.mandatory), found[0])


def _value(node: Node) -> str:
    assert node.type is not None
    if node.type.base == "empty":
        return ""
    words = "|".join(choice.name for choice in typed.shown(node.type.choices))
    return f"({words})" if words and len(words) <= _LONGEST_CHOICE else node.name.upper()
