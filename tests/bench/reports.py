"""Reports for tests."""

from __future__ import annotations

from bench.figures import Report, Row


def row(name: str = "load.total", subject: str = "yangswan", tunnels: int = 25, *values: float) -> Row:
    return Row(
        name=name, subject=subject, tunnels=tunnels, unit="ms", values=values or (3.0, 1.0, 2.0), cpu_ms=0.5
    )


def report(*rows: Row) -> Report:
    return Report(
        machine={"kernel": "6.1"},
        command="python -m bench",
        began="2026-01-01T00:00:00+00:00",
        ended="2026-01-01T00:01:00+00:00",
        load=(0.5, 1.5),
        rows=list(rows),
        missing=["netconfd, 25 tunnels: it is not installed"],
    )
