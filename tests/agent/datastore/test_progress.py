"""What takes long at a start tells that it moves at every step, and now and then how far it is."""

from __future__ import annotations

import itertools

import pytest

from agent.datastore.progress import PROGRESS_S, Ended, Progress


def test_every_step_moves_and_what_the_log_gets_others_get_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock, told, moved = itertools.count(0.0, PROGRESS_S / 2), list[str](), list[int]()
    progress = Progress(lambda: False, lambda: next(clock), moved=lambda: moved.append(1), told=told.append)
    for number in range(4):
        progress.step("%d of %s", number, "all")
    progress.say("tunnels: %d", 7)
    assert len(moved) == 4
    assert told == [record.getMessage() for record in caplog.records]
    assert told[-1] == "tunnels: 7"
    assert 0 < len(told) - 1 < 4


def test_who_was_told_to_stop_moves_no_more() -> None:
    moved = list[int]()
    with pytest.raises(Ended):
        Progress(lambda: True, moved=lambda: moved.append(1)).step("%d", 1)
    assert moved == []
