"""script/demonstration/interrupts.py: when a signal takes effect, and how often."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from script.demonstration.interrupts import ENDING, Interrupted, Interrupts


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    before = {number: signal.getsignal(number) for number in ENDING}
    made = Interrupts()
    made.install()
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_interrupts_at_once(interrupts: Interrupts, number: int) -> None:
    with pytest.raises(Interrupted) as caught:
        send(number)
    assert caught.value.exit_status == 128 + number


def test_a_held_signal_takes_effect_after_the_block(interrupts: Interrupts) -> None:
    steps = []

    def make() -> None:
        with interrupts.held():
            with interrupts.held():
                send(signal.SIGINT)
                steps.append("inner")
            steps.append("outer")
        steps.append("never")

    with pytest.raises(Interrupted):
        make()
    assert steps == ["inner", "outer"]


def test_only_the_first_signal_interrupts(interrupts: Interrupts) -> None:
    with pytest.raises(Interrupted):
        send(signal.SIGTERM)
    send(signal.SIGINT)
    send(signal.SIGTERM)


def test_nothing_interrupts_the_removal(interrupts: Interrupts) -> None:
    interrupts.silence()
    for number in ENDING:
        send(number)


def test_no_library_swallows_an_interruption() -> None:
    assert not issubclass(Interrupted, Exception)
