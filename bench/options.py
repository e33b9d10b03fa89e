"""The words of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.site import FULL, QUICK, Plan

GROUPS = {
    "load": "all tunnels in one edit and a commit, and deleted again",
    "memory": "resident memory at the start, loaded, and after cycles of load and delete",
    "leaf": "one leaf and the commit",
    "whole": "a get-config of everything, and of all tunnels by a filter",
    "state": "a get with state of all tunnels, and of one",
    "one": "a get-config of one tunnel",
    "rpc": "requests in a second: serial, of another tunnel each, 16 deep, 8 sessions",
    "setup": "a session set up, until its first request is answered",
    "idle": "what a silent session costs",
    "waits": "how long another session waits for one tunnel while one asks for much",
    "start": "a start on all tunnels, until the first answer",
    "fsync": "how often a commit waits for the disk",
    "subscribers": "what 500 subscribers to changes cost, and how late the last of them hears",
    "delays": "with a charon: how long after its event each door tells that a tunnel is cut, or up",
    "charon": "with a charon: load, leaf, subnet, start, and live tunnels, beside its socket alone",
}
SIZES = (25, 100, 1000, 10_000)
NOT_QUICK = frozenset({"subscribers", "delays"})
"""Rows that wait for what comes by itself."""
QUICK_SIZES = (25, 1000)
CHARON_SIZES = (25, 1000)
QUICK_CHARON_SIZES = (25,)
TUNNELS_MAX = 20_000
REPORTS_MAX = 2
LIMIT_S = 3600.0
QUICK_LIMIT_S = 100.0


@dataclass(frozen=True, slots=True)
class Options:
    """What is to be done: a run or, of reports that there are, a table or a picture."""

    only: frozenset[str]
    sizes: tuple[int, ...]
    charon_sizes: tuple[int, ...]
    plan: Plan
    limit_s: float
    beside: frozenset[str]
    json: Path | None
    compare: tuple[Path, ...] = ()
    plot: tuple[Path, ...] = ()
    into: Path = Path()
    compared: tuple[int, ...] = ()
    """the numbers of tunnels in the table, all if there are none"""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m bench",
        description="What the agent costs, over real SSH, beside what is measured in the same run.",
        epilog="Rows: " + "; ".join(f"{name}: {what}" for name, what in GROUPS.items()) + ".",
    )
    made.add_argument("--quick", action="store_true", help="small sizes and few rounds: under two minutes")
    made.add_argument("--only", type=_groups, metavar="ROW,...", help="these rows alone (below)")
    made.add_argument("--sizes", type=_sizes, metavar="N,...", help=f"numbers of tunnels, to {TUNNELS_MAX}")
    made.add_argument(
        "--charon-sizes", type=_sizes, metavar="N,...", help="the same, for what is measured with a charon"
    )
    made.add_argument(
        "--beside",
        type=_subjects,
        metavar="PEER,...",
        help=f"what is measured beside the agent: {', '.join(sorted(BESIDE))}, or none (default: all)",
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write the report here, too")
    made.add_argument(
        "--compare",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="no run: write the reports before and after as a table, with what is to be reached",
    )
    made.add_argument("--plot", type=Path, nargs="+", metavar="FILE", help="no run: draw the growth curves")
    made.add_argument("--into", type=Path, default=Path("docs"), metavar="FOLDER", help="where (docs)")
    made.add_argument("--limit", type=_seconds, metavar="S", help="end after so many seconds")
    return made


def read(words: Sequence[str]) -> Options:
    """Return what ``words`` ask for; exits with 2 and a sentence where they cannot be used."""
    of = parser()
    found = of.parse_args(words)
    if found.compare and found.plot:
        of.error("--compare and --plot: one of them")
    if max(len(found.compare or ()), len(found.plot or ())) > REPORTS_MAX:
        of.error("a report before, and one after")
    return Options(
        only=found.only or frozenset(GROUPS) - (NOT_QUICK if found.quick else frozenset()),
        sizes=found.sizes or (QUICK_SIZES if found.quick else SIZES),
        charon_sizes=found.charon_sizes or (QUICK_CHARON_SIZES if found.quick else CHARON_SIZES),
        plan=QUICK if found.quick else FULL,
        limit_s=found.limit or (QUICK_LIMIT_S if found.quick else LIMIT_S),
        beside=BESIDE if found.beside is None else found.beside,
        json=found.json,
        compare=tuple(found.compare or ()),
        plot=tuple(found.plot or ()),
        into=found.into,
        compared=found.sizes or (),
    )


BESIDE = frozenset({"stub", "libyang", "netconfd"})


def _chosen(words: str, known: frozenset[str]) -> frozenset[str]:
    chosen = frozenset(words.split(","))
    if unknown := chosen - known:
        words = f"unknown: {', '.join(sorted(unknown))} ({', '.join(sorted(known))})"
        raise argparse.ArgumentTypeError(words)
    return chosen


def _groups(words: str) -> frozenset[str]:
    return _chosen(words, frozenset(GROUPS))


def _subjects(words: str) -> frozenset[str]:
    return frozenset() if words == "none" else _chosen(words, BESIDE)


def _sizes(words: str) -> tuple[int, ...]:
    try:
        sizes = tuple(sorted({int(word) for word in words.split(",")}))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{words!r} are no numbers") from None
    if not 1 <= sizes[0] <= sizes[-1] <= TUNNELS_MAX:
        raise argparse.ArgumentTypeError(f"from 1 to {TUNNELS_MAX}")
    return sizes


def _seconds(word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is no number") from None
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError("above 0")
    return seconds
