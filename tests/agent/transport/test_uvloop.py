"""On uvloop SSH is the same, though uvloop looks for what a protocol does at another time than asyncio."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
import uvloop

from tests.agent.transport import test_ssh, test_ssh_attacks, test_ssh_limits

Test = Callable[[Path], Coroutine[None, None, None]]

TESTS: list[Test] = [
    found
    for module in (test_ssh, test_ssh_attacks, test_ssh_limits)
    for name, found in vars(module).items()
    if name.startswith("test_")
    and inspect.iscoroutinefunction(found)
    and list(inspect.signature(found).parameters) == ["tmp_path"]
    and not hasattr(found, "pytestmark")
]


def test_there_are_some() -> None:
    assert test_ssh_attacks.test_of_a_client_that_reads_no_answers_nothing_more_is_taken in TESTS


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.__name__)
def test_ssh_is_served_on_uvloop(tmp_path: Path, test: Test) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(test(tmp_path))
