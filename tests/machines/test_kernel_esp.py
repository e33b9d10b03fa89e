"""The tests on two gateways with ESP of the kernel, on a guest: its kernel has it, whatever this one has."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.machines.running import GUEST_LIMIT, ROOT

pytestmark = pytest.mark.machine

KERNEL = "tests/translators/real/kernel"
RESULT = re.compile(r"(tests/\S+::.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b")


def results(*chosen: str) -> dict[str, str]:
    """Return what became of each test that pytest runs on a guest when ``chosen`` are its arguments.

    What it prints is shown as it comes.
    """
    pytest_there = [sys.executable, "-m", "pytest", "--verbose", "--timeout", "600", "-p", "no:cacheprovider"]
    found: dict[str, str] = {}
    with subprocess.Popen(
        [ROOT / "script/machine", "guest", *GUEST_LIMIT, "--", *pytest_there, *chosen],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if match := RESULT.match(line):
                # One that passes and cannot be taken down is named twice.
                found[match[1]] = match[2]
    assert process.returncode == 0
    return found


def test_the_ones_that_need_it() -> None:
    found = results("-m", "kernel_esp", KERNEL)
    assert set(found.values()) == {"PASSED"}
