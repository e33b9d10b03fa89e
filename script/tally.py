"""Adds up JUnit reports into one closing line, ``N passed, N failed``; see script/test.

A test that failed among all others and passed when it was run again is neither: it is named, and counted
apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

Outcome = tuple[str, str, str]
"""(outcome, test, why)."""


def outcomes(report: Path) -> list[Outcome]:
    """Return (outcome, test, why) of every test in ``report``; one failure if there is no report."""
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError) as problem:
        return [("failed", str(report), f"no usable report: {problem}")]
    if not cases:
        return [("failed", str(report), "not one test was run")]
    return [_outcome(case) for case in cases]


def _outcome(case: ElementTree.Element) -> Outcome:
    test = f"{case.get('classname')}::{case.get('name')}"
    for element, outcome in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        found = case.find(element)
        if found is not None:
            return outcome, test, found.get("message") or ""
    return "passed", test, ""


def with_again(first: Sequence[Outcome], again: Sequence[Path]) -> list[Outcome]:
    """Return the outcomes ``first``, where those that failed and passed in ``again`` are unstable."""
    later = {test: outcome for report in again for outcome, test, _ in outcomes(report)}
    return [
        ("unstable", test, why)
        if outcome == "failed" and later.get(test) == "passed"
        else (outcome, test, why)
        for outcome, test, why in first
    ]


def failed_environments(reports: Sequence[Path]) -> list[str]:
    """Return the tox environments that did not succeed in the last of ``reports`` (tox --result-json) with
    them."""
    succeeded: dict[str, bool] = {}
    for report in reports:
        try:
            environments = json.loads(report.read_text(encoding="utf-8"))["testenvs"]
        except (OSError, ValueError, KeyError):
            return ["tox left no report"]
        for name, found in environments.items():
            succeeded[name] = found.get("result", {}).get("success", True)
    return [name for name, success in succeeded.items() if not success]


def are_few(report: Path, most: int) -> bool:
    """Return whether tests failed in ``report``, and no more than ``most``."""
    try:
        cases = [_outcome(case) for case in ElementTree.parse(report).iter("testcase")]
    except (OSError, ElementTree.ParseError):
        return False
    return 0 < sum(outcome == "failed" for outcome, _, _ in cases) <= most


def main(arguments: Sequence[str]) -> int:
    """Print every test that did not pass, then the line; return 1 if something failed."""
    parser = argparse.ArgumentParser(prog="tally", description=__doc__)
    parser.add_argument("reports", nargs="*", type=Path)
    parser.add_argument(
        "--tox", type=Path, action="append", default=[],
        help="tox's own report: an environment that failed counts as one; a later one is about a later run",
    )  # fmt: skip
    parser.add_argument(
        "--again", type=Path, action="append", default=[], help="what became of tests that had failed"
    )
    parser.add_argument(
        "--are-few", type=int, metavar="N",
        help="print nothing: 0 if in each report tests failed, but at most N",
    )  # fmt: skip
    parser.add_argument("--no-skips", action="store_true", help="a skipped test counts as failed")
    options = parser.parse_args(arguments)
    if options.are_few is not None:
        return 0 if all(are_few(report, options.are_few) for report in options.reports) else 1
    counted: Counter[str] = Counter()
    for report in options.reports:
        for outcome, test, why in with_again(outcomes(report), options.again):
            if outcome == "skipped" and options.no_skips:
                outcome, why = "failed", f"skipped, and nothing may be skipped here: {why}"
            if outcome != "passed":
                print(f"{outcome}: {test}: {why.splitlines()[0] if why else ''}")
            counted[outcome] += 1
    for environment in failed_environments(options.tox):
        print(f"failed: the tox environment {environment}")
        counted["failed"] += 1
    unstable = f", {counted['unstable']} unstable" if counted["unstable"] else ""
    skipped = f", {counted['skipped']} skipped" if counted["skipped"] else ""
    print(f"{counted['passed']} passed, {counted['failed']} failed{unstable}{skipped}", flush=True)
    return 1 if counted["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
