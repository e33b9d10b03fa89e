"""A configuration to the lines that make it: pasted at the top of an empty configuration they give the same.

Each line enters one step, or changes something where it stands; ``end`` goes one step up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from console.grammar import typed, written_rows
from console.grammar.configured import Data
from console.grammar.fixed import NO
from console.grammar.prefixed import Prefixed
from console.grammar.reading import DO
from console.grammar.rows import Manual
from console.grammar.values import Path, Step
from console.grammar.words import quoted
from console.model.schema import Kind, Node, Schema

Element = etree._Element

END = "end"
_INDENT = "  "
_ROOT = Node(name="", module="", namespace="", kind=Kind.CONTAINER)


def lines(
    data: Element,
    schema: Schema,
    at: Path = (),
    *,
    may_read: Callable[[str], bool] | None = None,
    explicit: bool = False,
) -> Iterator[str]:
    """Yield the lines of all that is in ``data``, <data> or <config>; comments for what no line can say.

    ``at``: only what is in it, as it is typed there. ``may_read``: whether the user may read the node at a
    path (RFC 7951 section 6.11), so that a secret that is not in ``data`` is none; without, nobody knows.
    ``explicit``: ``data`` has no default that nobody has set; else none is written.
    """
    writer = _Writer(schema, may_read or (lambda path: False))
    here: Data | None = Data(Step(_ROOT), data, Prefixed(schema), explicit=explicit).fill(schema.roots)
    for step in at:
        below = () if here is None else here.below
        here = next((one for one in below if one.node is step.node and one.step.keys == step.keys), None)
    if here is not None:
        yield from writer.inside(here, at, "")


class _Writer:
    def __init__(self, schema: Schema, may_read: Callable[[str], bool]) -> None:
        self._may_read = may_read
        self._manual = Manual(schema)
        self._names = self._manual.names

    def inside(self, data: Data, path: Path, indent: str) -> Iterator[str]:
        """Yield the lines of what is below a node."""
        missing = [name for name in _missing(data) if not self._may_read(_path(path, name))]
        for form in self._manual.forms(self._names.key(path)):
            for line in written_rows.lines(form, data):
                yield f"{indent}{line}"
        by_node: dict[int, list[Data]] = {}
        for child in data.below:
            by_node.setdefault(id(child.node), []).append(child)
        for word, node in self._names.below(path).items():
            for child in by_node.pop(id(node), ()):
                for line in self._child(child, self._word(word, node), path):
                    yield f"{indent}{line}"
                child.forget()
        for rest in by_node.values():
            yield f"{indent}# {rest[0].node.name} cannot be written as commands"
        for name in dict.fromkeys(data.unknown):
            yield f"{indent}# {quoted(name)} is not known: no module of the server has it"
        for name in data.withheld:
            yield f"{indent}# {name} is not shown"
        for name in missing:
            yield f"{indent}# {name}, if there is one, is not shown"

    def _word(self, word: str, node: Node) -> str:
        if alias := self._manual.alias(node):
            return alias
        return f"{node.module}:{node.name}" if word in (NO, DO) else word

    def _child(self, child: Data, word: str, path: Path) -> Iterator[str]:
        below = (*path, child.step)
        if child.node.kind in (Kind.LEAF, Kind.LEAF_LIST):
            yield _leaf(child, word)
        elif child.node.kind is Kind.CONTAINER and self._is_flat(child, below):
            for line in self.inside(child, below, ""):
                yield line if line.startswith("#") else f"{word} {line}"
        else:
            keys = zip(child.node.keys, child.step.keys, strict=True)
            yield " ".join((word, *(_value(child.node.children[name], key) for name, key in keys)))
            yield from self.inside(child, below, _INDENT)
            yield END

    def _is_flat(self, data: Data, path: Path) -> bool:
        """Return whether a container has leaves only, or others of which that is so."""
        if data.node.presence or self._manual.forms(self._names.key(path)):
            return False
        return all(
            child.node.kind in (Kind.LEAF, Kind.LEAF_LIST)
            or (child.node.kind is Kind.CONTAINER and self._is_flat(child, (*path, child.step)))
            for child in data.below
        )


def _leaf(data: Data, word: str) -> str:
    if data.node.type is not None and data.node.type.base == "empty":
        return word
    return f"{word} {_value(data.node, data.value)}"


def _value(node: Node, value: str) -> str:
    if node.type is not None and node.type.base == "identityref":
        short = typed.shown(node.type.choices)
        names = zip(node.type.choices, short, strict=True)
        value = next((one.name for choice, one in names if choice.name == value), value)
    return quoted(value)


def _path(path: Path, leaf: str) -> str:
    """Return an instance-identifier as in JSON."""
    found, module = "", ""
    for step in (*path, Step(path[-1].node.children[leaf])):
        node = step.node
        found += f"/{node.name}" if node.module == module else f"/{node.module}:{node.name}"
        module = node.module
        for name, key in zip(node.keys, step.keys, strict=False):
            quote = '"' if "'" in key else "'"
            found += f"[{name}={quote}{key}{quote}]"
    return found


def _missing(data: Data) -> Iterator[str]:
    """Yield the secrets that could be there, and are not: the server does not show them to everybody."""
    there = {child.node.name for child in data.below} | set(data.withheld)
    for node in data.node.children.values():
        if not node.secret or not node.config or node.type is None or node.name in there:
            continue
        if node.name in data.node.keys:
            continue
        if node.case:
            some = [data.node.children[name] for name in data.withheld]
            some += [child.node for child in data.below]
            if not any(_in_choice(one, node.case[0][0]) for one in some):
                yield node.name
        elif there:
            yield node.name


def _in_choice(node: Node, choice: str) -> bool:
    return bool(node.case) and node.case[0][0] == choice
