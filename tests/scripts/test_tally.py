"""script/tally.py: the closing line of script/test, and what makes it fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PASSED = '<testcase classname="a" name="good"/>'
FAILED = '<testcase classname="a" name="bad"><failure message="1 != 2&#10;more">...</failure></testcase>'
FAILED_NO_MORE = '<testcase classname="a" name="bad"/>'
BROKEN = '<testcase classname="a" name="broken"><error message="no fixture"/></testcase>'
SKIPPED = '<testcase classname="a" name="left-out"><skipped message="needs root"/></testcase>'


def run(folder: Path, *reports: str, options: tuple[str, ...] = ()) -> tuple[int, list[str]]:
    paths = []
    for number, cases in enumerate(reports):
        path = folder / f"{number}.xml"
        path.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
        paths.append(str(path))
    command = [sys.executable, "script/tally.py", *options, *paths]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


def test_the_last_line_adds_up_all_reports(tmp_path: Path) -> None:
    assert run(tmp_path, PASSED * 2, PASSED) == (0, ["3 passed, 0 failed"])


def test_a_failed_or_broken_test_fails_and_is_named(tmp_path: Path) -> None:
    status, lines = run(tmp_path, PASSED + FAILED, BROKEN)
    assert status == 1
    assert lines == ["failed: a::bad: 1 != 2", "failed: a::broken: no fixture", "1 passed, 2 failed"]


def test_a_skipped_test_is_said_and_allowed(tmp_path: Path) -> None:
    expected = ["skipped: a::left-out: needs root", "1 passed, 0 failed, 1 skipped"]
    assert run(tmp_path, PASSED + SKIPPED) == (0, expected)


def test_a_skipped_test_fails_where_nothing_may_be_skipped(tmp_path: Path) -> None:
    status, lines = run(tmp_path, PASSED + SKIPPED, options=("--no-skips",))
    assert status == 1
    assert lines[-1] == "1 passed, 1 failed"


def test_a_report_without_tests_fails(tmp_path: Path) -> None:
    assert run(tmp_path, "")[0] == 1


def test_a_missing_report_fails(tmp_path: Path) -> None:
    command = [sys.executable, "script/tally.py", str(tmp_path / "none.xml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "0 passed, 1 failed"


def test_an_environment_without_tests_that_fails_is_counted(tmp_path: Path) -> None:
    tox = tmp_path / "tox.json"
    tox.write_text(
        '{"testenvs": {"lint": {"result": {"success": false}}, '
        '"types": {"result": {"success": true}}, ".pkg": {}}}'
    )
    status, lines = run(tmp_path, PASSED, options=("--tox", str(tox)))
    assert status == 1
    assert lines == ["failed: the tox environment lint", "1 passed, 1 failed"]


def test_a_tox_that_left_no_report_fails(tmp_path: Path) -> None:
    status, lines = run(tmp_path, PASSED, options=("--tox", str(tmp_path / "none.json")))
    assert status == 1
    assert lines[-1] == "1 passed, 1 failed"


def report(path: Path, *cases: str) -> str:
    path.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    return str(path)


def of_tox(path: Path, **succeeded: bool) -> str:
    path.write_text(json.dumps({"testenvs": {n: {"result": {"success": s}} for n, s in succeeded.items()}}))
    return str(path)


def test_what_passes_when_it_is_run_again_is_named_and_fails_nothing(tmp_path: Path) -> None:
    again = report(tmp_path / "again.xml", FAILED_NO_MORE)
    tox = of_tox(tmp_path / "1.json", py=False, lint=True), of_tox(tmp_path / "2.json", py=True)
    options = ("--again", again, "--tox", tox[0], "--tox", tox[1])
    expected = ["unstable: a::bad: 1 != 2", "1 passed, 0 failed, 1 unstable"]
    assert run(tmp_path, PASSED + FAILED, options=options) == (0, expected)


@pytest.mark.parametrize("cases", [(FAILED,), (BROKEN, PASSED), (FAILED_NO_MORE, SKIPPED, FAILED)])
def test_what_fails_again_or_was_not_run_again_fails(tmp_path: Path, cases: tuple[str, ...]) -> None:
    again = report(tmp_path / "again.xml", *cases)
    status, lines = run(tmp_path, PASSED + FAILED, options=("--again", again))
    assert (status, lines[-1]) == (1, "1 passed, 1 failed")


def test_an_environment_that_was_not_run_again_fails_all_the_same(tmp_path: Path) -> None:
    tox = of_tox(tmp_path / "1.json", py=False, lint=False), of_tox(tmp_path / "2.json", py=True)
    status, lines = run(tmp_path, PASSED, options=("--tox", tox[0], "--tox", tox[1]))
    assert (status, lines) == (1, ["failed: the tox environment lint", "1 passed, 1 failed"])


@pytest.mark.parametrize(
    ("cases", "few"),
    [(FAILED + PASSED, True), (FAILED + BROKEN, True), (FAILED * 3, False), (PASSED, False), ("", False)],
)
def test_whether_those_that_failed_are_few(tmp_path: Path, cases: str, few: bool) -> None:
    assert run(tmp_path, cases, options=("--are-few", "2")) == (0 if few else 1, [])


def test_without_a_report_nothing_is_run_again(tmp_path: Path) -> None:
    command = [sys.executable, "script/tally.py", "--are-few", "3", str(tmp_path / "none.xml")]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 1
