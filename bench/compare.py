"""Two reports beside each other, as a table for docs/performance.md."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from bench.figures import Report, Row
from bench.table import OURS, figure
from bench.wishes import AT_TUNNELS, WISHES


def lines(reports: Sequence[Report], sizes: Collection[int] = ()) -> Iterator[str]:
    """Yield a table of one report, or of one before and one after; what is to be reached is in it.

    ``sizes``: the numbers of tunnels that it is of, all if there are none.
    """
    for name, report in zip(_names(reports), reports, strict=True):
        start, end = report.load
        yield f"{name}: {report.began} to {report.ended}, load average {start:g} to {end:g}."
    yield ""
    columns = [
        "tunnels",
        "row",
        "of",
        *_names(reports),
        *(("times",) if len(reports) > 1 else ()),
        "to reach",
    ]
    yield _cells(columns)
    yield _cells(["---:", "---", "---", *["---:"] * (len(columns) - 4), "---"])
    for tunnels, name, subject in _keys(reports):
        if sizes and tunnels not in sizes:
            continue
        rows = [report.find(name, subject, tunnels) for report in reports]
        times = [_times(*rows)] if len(rows) > 1 else []
        yield _cells([str(tunnels), name, subject, *map(_cell, rows), *times, _wish(tunnels, subject, rows)])
    for name, report in zip(_names(reports), reports, strict=True):
        for sentence in report.missing:
            yield f"\nNot measured, {name}: {sentence.splitlines()[0]}."


def _names(reports: Sequence[Report]) -> Sequence[str]:
    return ("before", "after")[: len(reports)]


def _keys(reports: Sequence[Report]) -> list[tuple[int, str, str]]:
    """Return each row that any report has, the rows of a number of tunnels together."""
    rows = [row for report in reports for row in report.rows]
    order = {name: place for place, name in enumerate(dict.fromkeys(row.name for row in rows))}
    keys = dict.fromkeys((row.tunnels, row.name, row.subject) for row in rows)
    return sorted(keys, key=lambda key: (key[0], order[key[1]]))


def _cells(words: Sequence[str]) -> str:
    return f"| {' | '.join(words)} |"


def _cell(row: Row | None) -> str:
    if row is None:
        return "-"
    low, high = row.quartiles
    spread = f" ({figure(low)} to {figure(high)})" if len(row.values) > 1 else ""
    cpu = "" if row.cpu_ms is None else f"; cpu {figure(row.cpu_ms)} ms"
    return f"{figure(row.median)} {row.unit}{spread}{cpu}"


def _times(before: Row | None, after: Row | None) -> str:
    """Return how much better it has become, 2.0 for twice as fast or half as much."""
    if before is None or after is None or not before.median or not after.median:
        return "-"
    better = before.median / after.median
    return f"{1 / better if before.unit == 'rpc/s' else better:.1f}"


def _wish(tunnels: int, subject: str, rows: Sequence[Row | None]) -> str:
    name = next(row.name for row in rows if row is not None)
    wish = WISHES.get(name)
    if wish is None or subject != OURS or tunnels != AT_TUNNELS:
        return ""
    last = rows[-1]
    return f"{wish}: {'-' if last is None else 'yes' if wish.holds(last.median) else 'no'}"
