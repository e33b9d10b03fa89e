from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.datastore import verifying
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, Remembering, running_lab
from tests.agent.lab import top
from tests.agent.operations.recorded import BOB, commented, number


@pytest.fixture
async def two(schema: Schema, tmp_path: Path) -> AsyncIterator[Lab]:
    """A lab in which session 2 is of a user whom rules bind."""
    async with running_lab(schema, tmp_path) as made:
        made.callers[2] = Remembering(2, "reader")
        yield made


@pytest.fixture
async def three(lab: Lab) -> Lab:
    """Three commits by two users."""
    lab.context.nacm._recovery = frozenset({"tester", "bob"})
    lab.callers[BOB] = Remembering(BOB, "bob", source="192.0.2.2")
    await commented(lab, number(1), "first &amp; foremost")
    await commented(
        lab, top("<entry><id>1</id><number>2</number></entry><entry><id>2</id></entry>"), "second", BOB
    )
    await lab.commit(top('<entry xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete">'
                         "<id>2</id></entry>"))  # fmt: skip
    return lab


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a commit that confirms itself look often, and wait no second for what works to go on."""
    monkeypatch.setattr(verifying, "STEADY_S", 0.05)
    monkeypatch.setattr(verifying, "PAUSE_S", 0.01)
