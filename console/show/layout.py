"""Tables and pages as lines of text that fit a terminal, whatever stands in them. Pure.

``width`` is that of the terminal in columns; None where nobody looks, so that nothing is cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from console.harmless import harmless

GAP = 2
ELLIPSIS = "…"
SHRUNK = 8
"""Columns to which a cell may be cut before its row is folded; a heading is cut by nothing but the edge."""
FOLDED = 4
"""By how much what did not fit into a row is indented below it."""


def columns_of(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes, which has been made harmless."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # what most never need takes a while to import

    return cell_len(text)


def cut(text: str, width: int) -> str:
    """Return ``text``, or as much of its beginning as fits into ``width`` columns with an ellipsis."""
    if columns_of(text) <= width:
        return text
    return text[: _fitting(text, width - 1)] + ELLIPSIS if width > 0 else ""


def padded(text: str, width: int) -> str:
    return text + " " * (width - columns_of(text))


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None, cuttable: Sequence[int] = ()
) -> str:
    """Return a table with a heading, one line for each row.

    Columns in ``cuttable`` give way where a row does not fit, the widest first. Where that is not enough the
    last columns go to a line below each row, as many as have to.
    """
    shown = [[harmless(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(columns_of(row[at]) for row in shown) for at in range(len(columns))]
    if width is None:
        return "\n".join(_line(row, widths, GAP) for row in shown)
    least = [max(SHRUNK, columns_of(name)) for name in shown[0]]
    for gap in (GAP, 1):
        fitting = _shrunk(widths, least, cuttable, width - gap * (len(widths) - 1))
        if sum(fitting) + gap * (len(fitting) - 1) <= width:
            return "\n".join(_line(row, fitting, gap) for row in shown)
    for kept in range(len(columns) - 1, 0, -1):
        first = _shrunk(widths[:kept], least, cuttable, width - GAP * (kept - 1))
        if sum(first) + GAP * (kept - 1) <= width:
            break
    return "\n".join(line for row in shown for line in _in_two(row, first, width))


def _shrunk(widths: Sequence[int], least: Sequence[int], cuttable: Sequence[int], room: int) -> list[int]:
    """Return ``widths`` narrowed towards ``room`` in all, as far as that goes."""
    narrowed = list(widths)
    while sum(narrowed) > room:
        able = [at for at in cuttable if at < len(narrowed) and narrowed[at] > least[at]]
        if not able:
            break
        narrowed[max(able, key=lambda at: narrowed[at])] -= 1
    return narrowed


def _in_two(row: Sequence[str], widths: Sequence[int], width: int) -> Iterator[str]:
    yield cut(_line(row[: len(widths)], widths, GAP), width)
    if below := (" " * GAP).join(filter(None, row[len(widths) :])):
        yield from folded(below, width, " " * FOLDED)


def _line(row: Sequence[str], widths: Sequence[int], gap: int) -> str:
    cells = [_cell(cell, room) for cell, room in zip(row, widths, strict=True)]
    return (" " * gap).join(cells).rstrip(" ")


def _cell(text: str, width: int) -> str:
    free = width - columns_of(text)
    return text + " " * free if free >= 0 else padded(cut(text, width), width)


def folded(text: str, width: int | None, indent: str = "", further: str | None = None) -> list[str]:
    """Return ``text`` in lines of at most ``width`` columns, broken at blanks where there are any.

    ``indent`` is in front of the first line, ``further`` (by default the same) of the others.
    """
    further = indent if further is None else further
    least = len(further) + 1
    text = harmless(text)
    if width is None:
        return [indent + text]
    lines: list[str] = []
    line, empty = indent, True
    for word in text.split(" "):
        if not empty and columns_of(line) + 1 + columns_of(word) > width:
            lines.append(line)
            line, empty = further, True
        line += word if empty else f" {word}"
        empty = False
        # A word that no line can hold; where none can hold a letter either, there is one in each.
        while columns_of(further) < width and (kept := max(_fitting(line, width), least)) < len(line):
            lines.append(line[:kept])
            line = further + line[kept:]
    return [*lines, line]


def _fitting(line: str, width: int) -> int:
    """Return how many characters of ``line`` fit."""
    columns = 0
    for at, one in enumerate(line):
        columns += columns_of(one)
        if columns > width:
            return at
    return len(line)


def fields(pairs: Iterable[tuple[str, str]], width: int | None) -> str:
    """Return lines of a name and a value each; those without a value are left out."""
    shown = [(name, value) for name, value in pairs if value]
    room = max((len(name) for name, _value in shown), default=0) + GAP
    lines: list[str] = []
    for name, value in shown:
        lines += folded(value, width, padded(name, room), " " * room)
    return "\n".join(lines)


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return "1 tunnel" or "2 tunnels"."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


_IDS_SHOWN = 12


def ranges(ids: Iterable[int]) -> str:
    """Return numbers as "1, 4-9, 12", with the count of those that are too many to be shown."""
    runs: list[list[int]] = []
    for one in sorted(set(ids)):
        if runs and one == runs[-1][1] + 1:
            runs[-1][1] = one
        else:
            runs.append([one, one])
    shown = ", ".join(_run(first, last) for first, last in runs[:_IDS_SHOWN])
    rest = sum(last - first + 1 for first, last in runs[_IDS_SHOWN:])
    return f"{shown} and {rest} more" if rest else shown


def _run(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first}, {last}" if last == first + 1 else f"{first}-{last}"


def sentence(text: str) -> str:
    """Return the first sentence of a description, in one line and without its full stop."""
    first = re.split(r"\.\s", " ".join(text.split()) + " ", maxsplit=1)[0]
    return first.strip().removesuffix(".")
