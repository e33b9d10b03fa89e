"""Reports as JSON: what was written is read again, and what is damaged is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import figures
from bench.figures import Damaged, read, write
from bench.spread import median, quantile
from tests.bench.reports import report, row


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    write(report(row(), row("one.get-config")), path)
    return path


def damage(file: Path, change: Any) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_what_was_written_is_read_again(file: Path) -> None:
    assert read(file) == report(row(), row("one.get-config"))


def test_it_takes_the_place_of_what_was_there_whole(file: Path) -> None:
    write(report(row("leaf.total")), file)
    assert [one.name for one in read(file).rows] == ["leaf.total"]
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("rows"),
        lambda content: content.update(format=0),
        lambda content: content.update(machine=[]),
        lambda content: content.update(load=[1.0]),
        lambda content: content.update(missing=[1]),
        lambda content: content["rows"].append("x"),
        lambda content: content["rows"][0].update(values=[]),
        lambda content: content["rows"][0].update(values=["1"]),
        lambda content: content["rows"][0].update(values=[True]),
        lambda content: content["rows"][0].update(values=[float("nan")]),
        lambda content: content["rows"][0].update(cpu_ms="much"),
        lambda content: content["rows"][0].update(tunnels=-1),
        lambda content: content["rows"][0].update(tunnels=True),
        lambda content: content["rows"][0].pop("note"),
    ],
)
def test_a_damaged_report_is_refused(file: Path, change: Any) -> None:
    damage(file, change)
    with pytest.raises(Damaged, match=str(file)):
        read(file)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00", "[" * 100_000])
def test_what_is_no_report_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(Damaged):
        read(file)


def test_a_file_that_is_cut_short_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(Damaged):
        read(file)


def test_a_file_that_is_not_there_or_too_large_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Damaged):
        read(file.with_name("another"))
    monkeypatch.setattr(figures, "OCTETS_MAX", 10)
    with pytest.raises(Damaged, match="larger"):
        read(file)


def test_the_middle_and_what_is_around_it() -> None:
    assert median([3, 1, 2]) == 2
    assert median([1, 2]) == 1.5
    assert quantile([1, 2, 3, 4, 5], 0.25) == 2
    assert quantile([7], 0.99) == 7
    assert quantile([1, 9], 1.0) == 9
    with pytest.raises(ValueError, match="no values"):
        median([])
