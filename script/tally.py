"""Adds up JUnit reports into one closing line, ``N passed, N failed``; see script/test."""

from __future__ import annotations

import argparse
import json
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from pathlib import Path


def outcomes(report: Path) -> list[tuple[str, str, str]]:
    """Return (outcome, test, why) of every test in ``report``; one failure if there is no report."""
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError) as problem:
        return [("failed", str(report), f"no usable report: {problem}")]
    if not cases:
        return [("failed", str(report), "not one test was run")]
    return [_outcome(case) for case in cases]


def _outcome(case: ElementTree.Element) -> tuple[str, str, str]:
    test = f"{case.get('classname')}::{case.get('name')}"
    for element, outcome in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        found = case.find(element)
        if found is not None:
            return outcome, test, found.get("message") or ""
    return "passed", test, ""


def failed_environments(report: Path) -> list[str]:
    """Return the tox environments of ``report`` (tox --result-json) that did not succeed."""
    try:
        environments = json.loads(report.read_text(encoding="utf-8"))["testenvs"]
    except (OSError, ValueError, KeyError):
        return ["tox left no report"]
    return [name for name, found in environments.items() if not found.get("result", {}).get("success", True)]


def main(arguments: Sequence[str]) -> int:
    """Print every test that did not pass, then the line; return 1 if something failed."""
    parser = argparse.ArgumentParser(prog="tally", description=__doc__)
    parser.add_argument("reports", nargs="*", type=Path)
    parser.add_argument("--tox", type=Path, help="tox's own report: an environment that failed counts as one")
    parser.add_argument("--no-skips", action="store_true", help="a skipped test counts as failed")
    options = parser.parse_args(arguments)
    counted: Counter[str] = Counter()
    for report in options.reports:
        for outcome, test, why in outcomes(report):
            if outcome == "skipped" and options.no_skips:
                outcome, why = "failed", f"skipped, and nothing may be skipped here: {why}"
            if outcome != "passed":
                print(f"{outcome}: {test}: {why.splitlines()[0] if why else ''}")
            counted[outcome] += 1
    if options.tox is not None:
        for environment in failed_environments(options.tox):
            print(f"failed: the tox environment {environment}")
            counted["failed"] += 1
    skipped = f", {counted['skipped']} skipped" if counted["skipped"] else ""
    print(f"{counted['passed']} passed, {counted['failed']} failed{skipped}", flush=True)
    return 1 if counted["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
