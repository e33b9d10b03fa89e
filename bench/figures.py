"""What a run found, and as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.spread import median, quantile

FORMAT = 1
OCTETS_MAX = 64 * 1024 * 1024


class Damaged(Exception):
    """A file holds no report that this version can read; the text says where."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one measure gave.

    ``name``: the group that it is chosen by, a dot, and what of it. ``subject``: whose figure it is.
    ``tunnels``: how many there were. ``values``: one for each round, in ``unit``. ``cpu_ms``: milliseconds
    of a processor that the peer's process used for each round, None where that says nothing.
    """

    name: str
    subject: str
    tunnels: int
    unit: str
    values: tuple[float, ...]
    cpu_ms: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        return quantile(self.values, 0.25), quantile(self.values, 0.75)


@dataclass(slots=True)
class Report:
    """All rows of a run. ``missing``: what could not be measured, and why. ``load``: the load average of
    one minute at the start and at the end."""

    machine: dict[str, str]
    command: str
    began: str
    ended: str = ""
    load: tuple[float, float] = (0.0, 0.0)
    rows: list[Row] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def find(self, name: str, subject: str, tunnels: int) -> Row | None:
        wanted = (name, subject, tunnels)
        return next((row for row in self.rows if (row.name, row.subject, row.tunnels) == wanted), None)


def write(report: Report, path: Path) -> None:
    """Write ``report`` in place of what is at ``path``; half of one is never there."""
    content = {"format": FORMAT, **asdict(report)}
    beside = path.with_name(path.name + ".part")
    beside.write_text(json.dumps(content, indent=1) + "\n")
    beside.replace(path)


def read(path: Path) -> Report:
    """Return the report at ``path``.

    Raises:
        Damaged: it is none, or one of another version.
    """
    try:
        with path.open("rb") as file:
            text = file.read(OCTETS_MAX + 1)
    except OSError as error:
        raise Damaged(f"{path}: {error.strerror}") from error
    if len(text) > OCTETS_MAX:
        raise Damaged(f"{path}: larger than {OCTETS_MAX} octets")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{path}: no JSON: {error}") from error
    try:
        return _report(content)
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"{path}: no report of this version of bench: {error!r}") from error


def _report(content: object) -> Report:
    of = _object(content)
    if of["format"] != FORMAT:
        raise ValueError(f"format {of['format']!r}")
    machine = {name: _text(value) for name, value in _object(of["machine"]).items()}
    start, end = (_number(value) for value in _list(of["load"]))
    return Report(
        machine=machine,
        command=_text(of["command"]),
        began=_text(of["began"]),
        ended=_text(of["ended"]),
        load=(start, end),
        rows=[_row(_object(row)) for row in _list(of["rows"])],
        missing=[_text(one) for one in _list(of["missing"])],
    )


def _row(of: dict[str, object]) -> Row:
    values = tuple(_number(value) for value in _list(of["values"]))
    if not values:
        raise ValueError(f"{of['name']!r} has no values")
    tunnels = of["tunnels"]
    if not isinstance(tunnels, int) or isinstance(tunnels, bool) or tunnels < 0:
        raise ValueError(f"{tunnels!r} is no number of tunnels")
    return Row(
        name=_text(of["name"]),
        subject=_text(of["subject"]),
        tunnels=tunnels,
        unit=_text(of["unit"]),
        values=values,
        cpu_ms=None if of["cpu_ms"] is None else _number(of["cpu_ms"]),
        note=_text(of["note"]),
    )


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.60} is no object")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r:.60} is no list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is no text")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"{value!r:.60} is no number")
    return float(value)
