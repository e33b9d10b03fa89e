"""The time that the parts of a stop share, and what becomes of the others when one fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent import stopping
from agent.http.limits import DoorLimits
from agent.live_writing import PIECE_OCTETS, UNREAD_S
from agent.stopping import Bounds, Stopping, ended, going_on

ROOT = Path(__file__).parents[2]


def test_all_bounds_count_from_one_beginning_and_end_at_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(stopping.time, "monotonic", lambda: now_s)
    stop = Stopping(Bounds(10, changes_s=18, all_s=22))
    assert (stop.answers_s, stop.changes_s, stop.all_s) == (10, 18, 22)
    now_s = 112.0
    assert (stop.answers_s, stop.changes_s, stop.all_s) == (0, 6, 10)
    now_s = 200.0
    assert (stop.answers_s, stop.changes_s, stop.all_s) == (0, 0, 0)


@pytest.mark.parametrize("unit", ["yangswan", "yangswan-external"])
def test_the_whole_of_a_stop_fits_into_what_the_unit_gives(unit: str) -> None:
    bounds, text = Bounds(), (ROOT / f"examples/gateway/{unit}.service").read_text()
    (given,) = [line for line in text.splitlines() if line.startswith("TimeoutStopSec=")]
    assert bounds.answers_s <= bounds.changes_s <= bounds.all_s < int(given.partition("=")[2])
    assert f"A stop answers clients for {bounds.all_s:g} s at most" in text


def test_a_door_that_waited_for_a_commit_is_closed_in_time() -> None:
    bounds = Bounds()
    assert bounds.changes_s + 2 * DoorLimits().close_s <= bounds.all_s


def test_the_manual_page_says_the_bounds() -> None:
    said, bounds = " ".join((ROOT / "packaging/man/pages.md").read_text().split()), Bounds()
    assert (bounds.answers_s, bounds.changes_s, UNREAD_S) == (10, 18, 3)
    assert "a read for ten seconds at most, a commit for eighteen" in said
    assert PIECE_OCTETS == 64 * 1024
    assert DoorLimits().close_s == 2
    assert "takes less than about 64 KiB of its answer in three seconds" in said
    assert "over RESTCONF and of the metrics nothing for two" in said
    assert f"After {bounds.all_s:g} seconds all connections are gone" in said


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
