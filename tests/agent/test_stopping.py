"""The time that the parts of a stop share, and what becomes of the others when one fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent import stopping
from agent.stopping import Bounds, Stopping, ended, going_on


def test_all_bounds_count_from_one_beginning_and_end_at_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(stopping.time, "monotonic", lambda: now_s)
    stop = Stopping(Bounds(10, changes_s=18, all_s=22))
    assert (stop.answers_s, stop.changes_s, stop.all_s) == (10, 18, 22)
    now_s = 112.0
    assert (stop.answers_s, stop.changes_s, stop.all_s) == (0, 6, 10)
    now_s = 200.0
    assert (stop.answers_s, stop.changes_s, stop.all_s) == (0, 0, 0)


def test_the_whole_of_a_stop_fits_into_what_the_unit_gives() -> None:
    unit = (Path(__file__).parents[2] / "examples/gateway/yangswan.service").read_text()
    (given,) = [line for line in unit.splitlines() if line.startswith("TimeoutStopSec=")]
    assert Bounds().answers_s <= Bounds().changes_s <= Bounds().all_s < int(given.partition("=")[2])


async def test_a_part_that_fails_keeps_no_other_from_its_end(caplog: pytest.LogCaptureFixture) -> None:
    done = []

    async def fails() -> None:
        raise LookupError("of ours")

    async def takes_longer() -> None:
        await asyncio.sleep(0)
        done.append("the other")

    await ended({"what fails": fails(), "the other": takes_longer()})
    assert done == ["the other"]
    assert "a part of it failed: what fails" in caplog.text
    assert "of ours" in caplog.text


def test_what_comes_after_a_part_that_fails_is_done(caplog: pytest.LogCaptureFixture) -> None:
    with going_on("a part"):
        raise LookupError
    assert "a part of it failed: a part" in caplog.text


async def test_who_gives_up_the_stop_itself_does() -> None:
    with pytest.raises(asyncio.CancelledError), going_on("a part"):
        raise asyncio.CancelledError
