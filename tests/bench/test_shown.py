"""What a report looks like: in lines, as a table beside another, as a picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import compare, table
from bench.__main__ import main
from bench.curves import PANELS, draw
from bench.figures import Report, write
from bench.options import GROUPS
from bench.wishes import WISHES, Wish
from tests.bench.reports import report, row

BEFORE = report(row("load.total", "yangswan", 10_000, 4000.0), row("load.total", "libyang", 10_000, 500.0))
AFTER = report(row("load.total", "yangswan", 10_000, 2000.0))


def test_a_row_of_ours_stands_beside_those_of_others() -> None:
    lines = list(table.lines(BEFORE))
    assert any("8.00 x libyang" in line for line in lines)
    assert any("load average 0.5 at the start, 1.5 at the end" in line for line in lines)
    assert "not measured: netconfd, 25 tunnels: it is not installed" in lines


def test_what_is_to_be_reached_is_told() -> None:
    assert "wish: load.total <= 2,500 ms: 4,000, not reached" in list(table.lines(BEFORE))
    assert "wish: load.total <= 2,500 ms: 2,000, reached" in list(table.lines(AFTER))


def test_a_rate_is_to_be_at_least_so_high() -> None:
    assert Wish(10, at_least=True).holds(10)
    assert not Wish(10, at_least=True).holds(9)
    assert Wish(10).holds(10)
    assert not Wish(10).holds(11)


def test_before_and_after_stand_beside_each_other() -> None:
    lines = list(compare.lines([BEFORE, AFTER]))
    cells = "4,000 ms; cpu 0.50 ms | 2,000 ms; cpu 0.50 ms | 2.0 | <= 2,500: yes"
    assert f"| 10000 | load.total | yangswan | {cells} |" in lines
    assert "| 10000 | load.total | libyang | 500 ms; cpu 0.50 ms | - | - |  |" in lines


def test_a_rate_that_has_doubled_is_two_times_better() -> None:
    def rate(value: float) -> Report:
        return Report({}, "", "", rows=[_rate(value)])

    assert compare._times(_rate(500), _rate(1000)) == "2.0"
    assert any("| 2.0 |" in line for line in compare.lines([rate(500), rate(1000)]))


def _rate(value: float) -> table.Row:
    return table.Row(name="rpc.serial", subject="yangswan", tunnels=25, unit="rpc/s", values=(value,))


def test_each_wish_is_of_a_row_that_is_measured() -> None:
    assert {name.partition(".")[0] for name in WISHES} <= set(GROUPS)
    assert {name.partition(".")[0] for name, _ in PANELS} <= set(GROUPS)


def test_curves_are_drawn_of_the_report_and_always_the_same(tmp_path: Path) -> None:
    of = report(*(row("load.total", "yangswan", size, size, size * 2.0) for size in (25, 100, 1000)))
    files = draw({"before": of}, tmp_path)
    assert [file.name for file in files] == ["performance.svg", "performance.png"]
    first = [file.read_bytes() for file in files]
    assert first[0].startswith(b"<?xml")
    assert b"load all, and commit" in first[0]
    assert first[1].startswith(b"\x89PNG")
    assert [file.read_bytes() for file in draw({"before": of}, tmp_path)] == first


def test_reports_are_compared_and_drawn_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(tmp_path / name) for name in ("before.json", "after.json")]
    for file, of in zip(files, (BEFORE, AFTER), strict=True):
        write(of, Path(file))
    assert main(["--compare", *files]) == 0
    assert "| 2.0 |" in capsys.readouterr().out
    assert main(["--compare", *files, "--sizes", "25"]) == 0
    assert "| 2.0 |" not in capsys.readouterr().out
    assert main(["--plot", *files, "--into", str(tmp_path)]) == 0
    assert (tmp_path / "performance.svg").is_file()


@pytest.mark.parametrize("word", ["--compare", "--plot"])
def test_a_damaged_report_is_refused_with_a_sentence(
    tmp_path: Path, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "damaged.json").write_text("{")
    assert main([word, str(tmp_path / "damaged.json")]) == 2
    assert "no JSON" in capsys.readouterr().err
