"""What the agent logs: its own words, and of libraries what is a warning at least."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import logging
from agent.__main__ import _configure_logging
_configure_logging("debug")
import pyroute2  # which sets the level of its logger
for name in ("pyroute2", "pyroute2.netlink.core", "asyncssh", "asyncio", "agent.x", "translators.x"):
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        logging.getLogger(name).log(level, "said")
"""


def test_libraries_trace_nothing_even_at_debug() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    told = [line.split()[2:4] for line in done.stderr.splitlines()]
    libraries = ("pyroute2", "pyroute2.netlink.core", "asyncssh", "asyncio")
    assert told == [["WARNING", f"{name}:"] for name in libraries] + [
        [level, f"{name}:"] for name in ("agent.x", "translators.x") for level in ("DEBUG", "INFO", "WARNING")
    ]
