"""Who waits is counted from when his request was due, so that one long wait counts for all behind it."""

from __future__ import annotations

import pytest

from bench.rows import waits
from bench.session import Refused


class Clock:
    """A clock that goes on only where somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    monotonic = perf_counter

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Server:
    """Answers each request after so many seconds, and further ones at once."""

    def __init__(self, clock: Clock, *answers_s: float) -> None:
        self._clock = clock
        self._answers_s = list(answers_s)

    def ask(self, _: bytes) -> bytes:
        self._clock.sleep(self._answers_s.pop(0) if self._answers_s else 0.0)
        return b""

    def is_done(self) -> bool:
        return not self._answers_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waits, "time", made)
    return made


def test_a_request_that_is_behind_a_long_one_waits_as_long(clock: Clock) -> None:
    server = Server(clock, 0.001, 0.1, 0.001, 0.001)
    found = waits.latencies_ms(server, b"", server.is_done)  # type: ignore[arg-type]
    assert found == pytest.approx([1, 100, 81, 62, 42, 22, 2])


def test_what_was_due_when_the_work_ended_is_counted(clock: Clock) -> None:
    server = Server(clock, 0.05)
    found = waits.latencies_ms(server, b"", server.is_done)  # type: ignore[arg-type]
    assert found == pytest.approx([50, 30, 10])


def test_requests_that_are_answered_in_time_are_a_period_apart(clock: Clock) -> None:
    server = Server(clock, 0.001, 0.001, 0.001)
    assert waits.latencies_ms(server, b"", server.is_done) == pytest.approx([1, 1, 1])  # type: ignore[arg-type]
    assert clock.now == pytest.approx(3 * waits.PERIOD_S)


def test_what_the_work_beside_it_raises_is_raised() -> None:
    def refused() -> None:
        raise Refused("no")

    work = waits.Work(refused)
    work.start()
    with pytest.raises(Refused):
        work.finish()
