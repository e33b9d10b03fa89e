"""A report in lines."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import Report, Row
from bench.wishes import AT_TUNNELS, WISHES

OURS = "yangswan"


def figure(value: float) -> str:
    """Return a value in three digits, or all before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def line(row: Row) -> str:
    low, high = row.quartiles
    spread = f"({figure(low)} .. {figure(high)})" if len(row.values) > 1 else ""
    cpu = "" if row.cpu_ms is None else f"cpu {figure(row.cpu_ms)} ms"
    words = (
        f"{row.tunnels:6} {row.name:20} {row.subject:10} {figure(row.median):>8} {row.unit:5} "
        f"{spread:20} {cpu:16} {row.note}"
    )
    return words.rstrip()


def ratios(report: Report, row: Row) -> str:
    """Return how often the figures of others go into that of a row of ours, "" without others."""
    beside = [
        other
        for other in report.rows
        if (other.name, other.tunnels) == (row.name, row.tunnels) and other.subject != row.subject
    ]
    return ", ".join(f"{row.median / other.median:.2f} x {other.subject}" for other in beside if other.median)


def lines(report: Report) -> Iterator[str]:
    """Yield the report, rows of the same thing beside each other, and what they are to reach."""
    yield "; ".join(f"{name} {value}" for name, value in report.machine.items())
    yield f"load average {report.load[0]} at the start, {report.load[1]} at the end; {report.command}"
    yield ""
    order = {name: place for place, name in enumerate(dict.fromkeys(row.name for row in report.rows))}
    for row in sorted(report.rows, key=lambda row: (row.tunnels, order[row.name])):
        yield line(row)
        if row.subject == OURS and (beside := ratios(report, row)):
            yield f"{'':27} {beside}"
    yield from verdicts(report)
    for sentence in report.missing:
        yield f"not measured: {sentence}"


def verdicts(report: Report) -> Iterator[str]:
    for row in report.rows:
        wish = WISHES.get(row.name)
        if row.subject == OURS and row.tunnels == AT_TUNNELS and wish is not None:
            reached = "reached" if wish.holds(row.median) else "not reached"
            yield f"wish: {row.name} {wish} {row.unit}: {figure(row.median)}, {reached}"
