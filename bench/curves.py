"""Growth curves: what a row costs against the number of tunnels, one picture of all, as SVG and PNG.

It is drawn of the JSON of a run and of nothing else, so that it can be drawn again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.figures import Report, Row
from bench.table import OURS

NAME = "performance"
PANELS = (
    ("load.total", "load all, and commit"),
    ("leaf.total", "change a leaf, and commit"),
    ("whole.filter", "get-config of all"),
    ("state.all", "get of all, with state"),
    ("one.get-config", "get-config of one"),
    ("rpc.serial", "requests, one after the other"),
    ("memory.loaded", "resident, loaded"),
    ("start.first-answer", "start, to the first answer"),
    ("waits.load.p99", "another's request at a load, p99"),
)
COLUMNS = 3
COLOURS = {OURS: "#0b6e4f", "stub": "#8d99ae", "libyang": "#c17c00", "netconfd": "#7d4e9e"}
STYLES = ("-", "--", ":")
DOTS_PER_INCH = 110


def draw(reports: Mapping[str, Report], folder: Path) -> list[Path]:
    """Draw ``reports``, by what each is called, into ``folder``; returns the files.

    The first has whole lines, the second broken ones. A panel that has no row says so.
    """
    # Else each drawing has other ids and a date, and is a change where nothing changed.
    matplotlib.rcParams.update({"svg.hashsalt": NAME, "svg.fonttype": "none", "font.size": 9})
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    panels = figure.subplots(-(-len(PANELS) // COLUMNS), COLUMNS)
    for axes, (name, title) in zip(panels.flat, PANELS, strict=True):
        for style, (called, report) in zip(STYLES, reports.items(), strict=False):
            _lines(axes, name, report, style, called if len(reports) > 1 else "")
        _finish(axes, title, _unit(reports, name))
    files = [folder / f"{NAME}.{kind}" for kind in ("svg", "png")]
    for file in files:
        metadata = {"Date": None} if file.suffix == ".svg" else {"Software": None}
        figure.savefig(file, dpi=DOTS_PER_INCH, metadata=metadata)
    return files


def _lines(axes: Axes, name: str, report: Report, style: str, called: str) -> None:
    """Draw the medians of each subject, and a band between the quartiles; of ours the processor, too."""
    for subject, colour in COLOURS.items():
        rows = _rows(report, name, subject)
        if not rows:
            continue
        sizes = [row.tunnels for row in rows]
        label = f"{subject} {called}".strip()
        axes.plot(sizes, [row.median for row in rows], style, color=colour, marker=".", label=label)
        used = [(row.tunnels, row.cpu_ms) for row in rows if row.cpu_ms and row.unit == "ms"]
        if subject == OURS and used:
            axes.plot(
                *zip(*used, strict=True), style, color="#d1495b", linewidth=1, label=f"{label}, processor"
            )
        low, high = zip(*(row.quartiles for row in rows), strict=True)
        axes.fill_between(sizes, low, high, color=colour, alpha=0.15, linewidth=0)


def _rows(report: Report, name: str, subject: str) -> list[Row]:
    rows = [row for row in report.rows if (row.name, row.subject) == (name, subject) and row.median > 0]
    return sorted(rows, key=lambda row: row.tunnels)


def _unit(reports: Mapping[str, Report], name: str) -> str:
    return next((row.unit for one in reports.values() for row in one.rows if row.name == name), "")


def _finish(axes: Axes, title: str, unit: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("tunnels")
    axes.margins(x=0.08)
    axes.set_ylabel(unit)
    axes.set_xscale("log")
    axes.grid(visible=True, alpha=0.3)
    if not axes.lines:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color="#666666")
        return
    axes.set_yscale("log")
    axes.legend(fontsize=7, frameon=False)
    for axis, subs in ((axes.xaxis, (1.0,)), (axes.yaxis, (1.0, 2.0, 5.0))):
        axis.set_major_locator(LogLocator(subs=subs))
        axis.set_major_formatter(FuncFormatter(_number))
        axis.set_minor_locator(NullLocator())


def _number(value: float, _place: int | None) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
