"""The words of the command line."""

from __future__ import annotations

import pytest

from bench import options
from bench.__main__ import GRACE, GRACE_S
from bench.site import FULL, QUICK


def test_without_words_everything_is_measured() -> None:
    found = options.read([])
    assert found.only == set(options.GROUPS)
    assert found.sizes == options.SIZES
    assert found.plan == FULL
    assert found.beside == options.BESIDE


def test_quick_takes_less_than_two_minutes() -> None:
    found = options.read(["--quick"])
    assert found.plan == QUICK
    assert found.only == options.GROUPS.keys() - {"subscribers", "delays"}
    assert found.limit_s * (1 + GRACE) + GRACE_S < 120


def test_rows_and_sizes_are_chosen() -> None:
    found = options.read(["--only", "load,rpc", "--sizes", "100,25", "--beside", "none", "--limit", "9"])
    assert found.only == {"load", "rpc"}
    assert found.sizes == (25, 100)
    assert found.beside == frozenset()
    assert found.limit_s == 9


@pytest.mark.parametrize(
    "words",
    [
        ["--only", "loud"],
        ["--only", ""],
        ["--sizes", "x"],
        ["--sizes", "0"],
        ["--sizes", "20001"],
        ["--beside", "netopeer"],
        ["--limit", "0"],
        ["--limit", "nan"],
        ["--compare", "a", "b", "c"],
        ["--compare", "a", "--plot", "b"],
    ],
)
def test_words_that_cannot_be_used_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        options.read(words)
    assert caught.value.code == 2
    assert "error:" in capsys.readouterr().err
