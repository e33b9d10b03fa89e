"""script/tally.py: the closing line of script/test, and what makes it fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PASSED = '<testcase classname="a" name="good"/>'
FAILED = '<testcase classname="a" name="bad"><failure message="1 != 2&#10;more">...</failure></testcase>'
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
