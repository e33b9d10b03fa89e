"""Requests of load-commit, for the tests of it."""

from __future__ import annotations

from agent.yang.units import Unit
from tests.agent.handlers import Lab
from tests.agent.operations.comparisons import AGENT

E = "/every-construct:top/entry[id='1']"


def load(body: str) -> str:
    return f'<load-commit xmlns="{AGENT}">{body}</load-commit>'


def commit(number: int) -> str:
    return load(f"<commit>{number}</commit>")


def ago(number: int) -> str:
    return load(f"<commits-ago>{number}</commits-ago>")


def changed_units(lab: Lab) -> list[Unit]:
    configuration = lab.context.configuration
    return configuration.candidate.differing(configuration.running)
