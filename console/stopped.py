"""What is done with the files of a stopped agent: by the agent's program, in the place of this one.

It alone knows how to read them. So the words are passed on as they were typed, and its output, questions and
exit status are those of ``yangswan``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

AGENT = "yangswand"
TASKS = {
    "check": "look at a file, settings or a configuration, and say all that is wrong with it",
    "export": "write the whole configuration of a stopped agent",
    "import": "make a configuration that of a stopped agent",
    "history": "list the commits of a stopped agent",
}


def pass_on(words: Sequence[str], program: str) -> int:
    """Become the agent's program with ``words``, a task first; it calls itself ``program``.

    Returns:
        1: it is not there. Otherwise nothing comes back.
    """
    task, *rest = words
    command = [*_agent(), task, f"--program={program}", *rest]
    try:
        os.execv(command[0], command)
    except OSError as problem:
        print(f"{program}: {command[0]}: {problem.strerror}: install yangswan again", file=sys.stderr)
    return 1


def _agent() -> list[str]:
    """Return how the agent's program of this installation is begun."""
    beside = Path(sys.executable).with_name(AGENT)
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "agent"]
