"""The rows of the manual at the nodes of a schema: to changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from console.grammar import fixed, syntax
from console.grammar.arcs import Arc, Rank, Value
from console.grammar.fixed import Given
from console.grammar.manual import ALIASES, ROWS, SOURCES, Clear, Effect, Fresh, Put, Reset, Row
from console.grammar.model_words import DataState, Names, first_sentence, value_of
from console.grammar.syntax import Expr
from console.grammar.typed import Refused
from console.grammar.values import (
    Change,
    Changes,
    Meaning,
    Mistake,
    Operation,
    Path,
    SecretMissing,
    Span,
    Step,
)
from console.model.schema import Kind, Node, Schema

_STEP = re.compile(r"([^/[\]]+)(?:\[([^\]]*)\])?")


@dataclass(frozen=True, slots=True)
class Bound:
    """A value for a placeholder, with its columns."""

    text: str
    span: Span


class Manual:
    """The manual, as far as a schema has its nodes."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._rows: dict[str, list[RowForm]] = {}
        self._sources = {leaf: self._path(list(path)) for leaf, path in SOURCES.items()}
        self._names = Names(schema, self)
        aliased = ((self._node(key), word) for key, word in ALIASES.items())
        self._aliases = {id(node): word for node, word in aliased if node is not None}
        for row in ROWS:
            node = self._node(row.at)
            if node is not None and (nodes := row_nodes(row, node)) is not None:
                self._rows.setdefault(row.at, []).append(
                    RowForm(row=row, node=node, nodes=nodes, names=self._names)
                )

    @property
    def names(self) -> Names:
        return self._names

    def alias(self, node: Node) -> str:
        return self._aliases.get(id(node), "")

    def source(self, node: str) -> Path | str:
        return self._sources.get(node, "")

    def forms(self, node: str) -> Sequence[RowForm]:
        return self._rows.get(node, ())

    def rows(self, node: str, at: DataState) -> Sequence[Arc]:
        found: list[Arc] = []
        for form in self.forms(node):
            placed = PlacedRow(form, at)
            state = fixed.start(placed, form.row.syntax, Rank.OURS, negated=at.negated)
            if state is not None:
                found += state.arcs()
        return found

    def _node(self, key: str) -> Node | None:
        path = self._path(key.split("/"))
        return path[-1].node if path else None

    def _path(self, names: Sequence[str]) -> Path:
        """Return the path to a node without keys, () if the schema does not have it."""
        children: Mapping[str, Node] = self._schema.roots
        path: list[Step] = []
        for name in names:
            if name not in children:
                return ()
            path.append(Step(children[name]))
            children = children[name].children
        return tuple(path)


def row_nodes(row: Row, node: Node) -> Mapping[str, Node] | None:
    """Return each node below ``node`` that a row names, by path without keys; None if one is not there."""
    found = {}
    paths = [effect.path for effect in (*row.does, *row.undoes)]
    for path in (*paths, *row.types.values()):
        at: Node | None = node
        for name, _ in steps_of(path):
            at = at.children.get(name) if at is not None else None
        if at is None:
            return None
        found[bare(path)] = at
    return found


def steps_of(path: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each step of a row's path, and its key or ""."""
    for match in _STEP.finditer(path):
        yield match[1], match[2] or ""


def bare(path: str) -> str:
    return "/".join(name for name, _ in steps_of(path))


@dataclass(frozen=True, slots=True)
class RowForm:
    """A row whose nodes are there, below ``node``."""

    row: Row
    node: Node
    nodes: Mapping[str, Node]
    names: Names
    _told: dict[str, str] = field(default_factory=dict)

    @property
    def heading(self) -> tuple[str, ...]:
        """The words that it begins with."""
        return syntax.head(syntax.compiled(self.row.syntax.removeprefix("[no] ")))

    def value(self, name: str) -> Value:
        row = self.row
        path = row.types[name]
        found = value_of(self.nodes[path], f"{row.at}/{path}", self.names)
        label = self.heading[0]
        reads = row.reads.get(name)
        return Value(
            name=label if len(row.types) == 1 or reads else found.name,
            placeholder=name,
            description=found.description,
            type=found.type,
            units=found.units,
            default=found.default,
            source=found.source,
            rest=row.rest == name,
            secret=found.secret,
            reads=reads,
        )

    def words(self, word: str, rest: Expr) -> str:
        if word not in self._told:
            self._told[word] = self._describe(word)
        return self._told[word]

    def _describe(self, word: str) -> str:
        row, heading = self.row, self.heading
        if word in heading:
            if word == heading[-1] and row.help:
                return row.help
            node: Node | None = self.node
            for name in heading[: heading.index(word) + 1]:
                node = node.children.get(name) if node is not None else None
            if node is None and word == heading[-1]:
                node = self.nodes[bare(row.does[-1].path)]
            return first_sentence(node.description) if node is not None else ""
        for effect in row.does:  # a word that stands before the value of a leaf of its name
            path = bare(effect.path)
            if path.rpartition("/")[2] == word:
                return first_sentence(self.nodes[path].description)
        return ""


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A row at an entry."""

    form: RowForm
    at: DataState

    def value(self, name: str) -> Value:
        found = self.form.value(name)
        if self.at.negated and found.source == "" and (clear := self._cleared(name)) is not None:
            return Value(
                name=found.name,
                placeholder=name,
                description=found.description,
                type=found.type,
                source=clear,
                reads=found.reads,
            )
        return found.named_by_no() if self.at.negated else found

    def _cleared(self, name: str) -> Path | None:
        """Return where the values are that ``no`` can name."""
        for effect in self.form.row.undoes:
            if isinstance(effect, Clear) and effect.value == name:
                return self._path(effect.path, {})
        return None

    def words(self, word: str, rest: Expr) -> str:
        return self.form.words(word, rest)

    def meaning(self, given: Sequence[Given], negated: bool) -> Meaning:
        bound = self._bound(given)
        whole = Span(given[0].span.start, given[-1].span.end)
        effects: Sequence[Effect] = self.form.row.undoes if negated else self.form.row.does
        expected: list[Change] = []
        if negated and (expected := list(self._expected(bound))):
            effects = self._named(effects)
        changes = [change for effect in effects for change in self._changes(effect, bound, whole)]
        return Changes((*self.at.changes, *expected, *changes))

    def _named(self, undoes: Sequence[Effect]) -> Sequence[Effect]:
        """Return what is undone where the line names values: of several entries the one that they are of."""
        entry = next((one for one in self.form.row.does if isinstance(one, Fresh)), None)
        return undoes if entry is None else (Reset(entry.path),)

    def _expected(self, bound: Mapping[str, list[Bound]]) -> Iterator[Change]:
        """Yield what has to be set for ``no`` with values to undo it."""
        for effect in self.form.row.does:
            if isinstance(effect, Put) and effect.value in self.form.row.types:
                path = self._path(effect.path, bound)
                for one in bound.get(effect.value, ()):
                    yield Change(path=path, operation=Operation.EXPECT, value=one.text, span=one.span)

    def asked(self, given: Sequence[Given], missing: str) -> Meaning | None:
        if not self.form.value(missing).secret:
            return None
        for effect in self.form.row.does:
            if isinstance(effect, Put) and effect.value == missing:
                path = self._path(effect.path, self._bound(given))
                return SecretMissing(
                    Change(path=path, operation=Operation.MERGE, value=None, span=given[-1].span)
                )
        return None

    def _bound(self, given: Sequence[Given]) -> Mapping[str, list[Bound]]:
        row = self.form.row
        found: dict[str, list[Bound]] = {}
        for one in given:
            if one.name in row.joins:
                target, join = row.joins[one.name]
                before = found[target].pop()
                try:
                    joined = join(before.text, one.text)
                except Refused as problem:
                    name = self.form.value(target).name
                    raise Mistake(f"{name} {problem.said}", one.span) from None
                found[target].append(Bound(joined, Span(before.span.start, one.span.end)))
            elif one.name in row.types:
                found.setdefault(one.name, []).append(Bound(one.text, one.span))
        for name, finish in row.ends.items():
            some = found.get(name, [])
            finished = [_finished(finish, one, alone=True) for one in some]
            if len(some) > 1:
                finished = [_finished(finish, one, alone=False) for one in some]
            found[name] = finished
        return found

    def _changes(self, effect: Effect, bound: Mapping[str, list[Bound]], whole: Span) -> Iterator[Change]:
        path = self._path(effect.path, bound)
        match effect:
            case Put(value=value) if value in self.form.row.types:
                for one in bound.get(value, ()):
                    yield Change(path=path, operation=Operation.MERGE, value=one.text, span=one.span)
            case Put(value=value):
                yield Change(path=path, operation=Operation.MERGE, value=value, span=whole)
            case Fresh():
                yield Change(path=path, operation=Operation.REPLACE, value=None, span=whole)
            case Clear(value=value) if bound.get(value):
                for one in bound[value]:
                    yield Change(path=path, operation=Operation.REMOVE, value=one.text, span=one.span)
            case Reset() | Clear():
                yield Change(path=path, operation=Operation.REMOVE, value=None, span=whole)

    def _path(self, text: str, bound: Mapping[str, list[Bound]]) -> Path:
        found = list(self.at.path)
        node = found[-1].node
        for name, key in steps_of(text):
            node = node.children[name]
            keyed = bound[key][0].text if key in bound else key
            found.append(Step(node, (keyed,) if node.kind is Kind.LIST and key else ()))
        return tuple(found)


def _finished(finish: Callable[[str, bool], str], one: Bound, *, alone: bool) -> Bound:
    try:
        return Bound(finish(one.text, alone), one.span)
    except Refused as problem:
        raise Mistake(problem.said, one.span) from None
