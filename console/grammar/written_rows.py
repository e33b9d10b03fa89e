"""The rows of the manual, the other way round: what of a configuration one of them writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from console.grammar import syntax
from console.grammar.configured import Data
from console.grammar.fixed import NO
from console.grammar.manual import Clear, Effect, Fresh, Put, Reset, Row
from console.grammar.rows import RowForm, bare, steps_of
from console.grammar.words import quoted
from console.model.schema import Kind

# Words with one blank between two, none of which would begin quotes or a comment, or end a line.
_PLAIN = re.compile(r"""[^\s"'#;][^\s;]*(?: [^\s"'#;][^\s;]*)*""")


def lines(form: RowForm, data: Data) -> Iterator[str]:
    """Yield the lines that the row writes of ``data``, and take out what they say."""
    row = form.row
    if not row.writes:
        return
    for key in _keys(row, data):
        found = _Reversed(row, data, key).line(row.does)
        if found is None and row.undoes and row.syntax.startswith(f"[{NO}] "):
            found = _Reversed(row, data, key).negated(row.undoes)
        if found is not None:
            line, said = found
            data.drop(said)
            yield line


def _keys(row: Row, data: Data) -> list[str]:
    """Return the keys of the entries that a row with a key could be about; "" for a row without one."""
    for effect in row.does:
        if isinstance(effect, Fresh):
            *_, (_, key) = steps_of(effect.path)
            if key in row.types:
                return [
                    one.step.keys[0] for one in data.at(_anywhere(effect.path)) if len(one.step.keys) == 1
                ]
    return [""]


def _anywhere(path: str) -> Iterator[tuple[str, str]]:
    return iter([(name, "") for name, _ in steps_of(path)])


class _Reversed:
    """A row that may be what somebody typed to get to ``data``."""

    def __init__(self, row: Row, data: Data, key: str) -> None:
        self._row = row
        self._data = data
        self._key = key
        self._bound: dict[str, list[str]] = {}
        self._said: list[Data] = []

    def line(self, effects: tuple[Effect, ...]) -> tuple[str, list[Data]] | None:
        """Return the line and all that it says, None if the row says less than there is, or more."""
        if not all(self._fits(effect) for effect in effects) or not self._said:
            return None
        expression = syntax.compiled(self._row.syntax.removeprefix(f"[{NO}] "))
        words = syntax.written(expression, self._values())
        return (" ".join(words), self._said) if words is not None else None

    def negated(self, effects: tuple[Effect, ...]) -> tuple[str, list[Data]] | None:
        if any(isinstance(effect, Put) and effect.value in self._row.types for effect in effects):
            return None
        if not all(self._fits(effect) for effect in effects) or not self._said:
            return None
        heading = syntax.head(syntax.compiled(self._row.syntax.removeprefix(f"[{NO}] ")))
        return " ".join((NO, *heading)), self._said

    def _values(self) -> Mapping[str, list[str]]:
        return {name: [self._typed(name, text) for text in texts] for name, texts in self._bound.items()}

    def _typed(self, name: str, text: str) -> str:
        if name == self._row.rest and _PLAIN.fullmatch(text) and text.isprintable():
            return text
        return quoted(text)

    def _fits(self, effect: Effect) -> bool:
        match effect:
            case Put(value=value) if value in self._row.types:
                found = self._at(effect.path)
                if found:
                    self._bound[value] = [one.value for one in found]
                    self._said += found
                return True
            case Put(value=value):
                found = self._at(effect.path)
                self._said += found
                return [one.value for one in found] == [value]
            case Reset():
                return not self._at(effect.path)
            case Fresh():
                return self._entry(effect)
            case Clear():
                return True

    def _entry(self, effect: Fresh) -> bool:
        """Return whether the entry is there, and has nothing that the row does not say."""
        found = self._at(effect.path)
        *_, (_, key) = steps_of(effect.path)
        if len(found) != 1:
            return False
        if key in self._row.types:
            self._bound[key] = [self._key]
        self._said += found
        said = {bare(other.path) for other in self._row.does if isinstance(other, Put)}
        return all(
            f"{bare(effect.path)}/{child.node.name}" in said and child.node.kind is not Kind.CONTAINER
            for child in found[0].below
        )

    def _at(self, path: str) -> list[Data]:
        keyed = ((name, self._key if key in self._row.types else key) for name, key in steps_of(path))
        return self._data.at(iter(list(keyed)))
