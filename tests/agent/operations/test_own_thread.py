"""The history is used on the thread that owns it, whatever is asked for: elsewhere it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agent.yang.schema import Schema
from tests.agent.handlers import Lab, running_lab
from tests.agent.lab import entry
from tests.agent.operations.test_verify import begun, breaks, errors_of, verify

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
HISTORY = f'<get><filter><agent xmlns="{AGENT}"><history/></agent></filter></get>'
COMPARE = f'<compare-commits xmlns="{AGENT}"><from>{{}}</from><as>text</as></compare-commits>'


@pytest.fixture
async def lab(schema: Schema, tmp_path: Path) -> AsyncIterator[Lab]:
    with ThreadPoolExecutor(1) as pool:

        async def worker(function: Callable[..., Any], *arguments: Any) -> Any:
            return await asyncio.get_running_loop().run_in_executor(pool, function, *arguments)

        async with running_lab(schema, tmp_path, worker=worker) as made:
            yield made


async def test_commits_and_what_is_asked_about_them(lab: Lab) -> None:
    await lab.commit(entry("<number>1</number>"))
    await lab.commit(entry("<number>2</number>"))
    assert "<number>" not in await lab.do(HISTORY)
    assert "number" in await lab.do(COMPARE.format(1))
    await lab.edit(entry("<number>3</number>"))
    assert "number" in await lab.do(COMPARE.format("candidate"))
    await lab.do(f'<dry-run xmlns="{AGENT}"/>')
    await lab.do("<discard-changes/>")
    await lab.do(f'<load-commit xmlns="{AGENT}"><commit>1</commit></load-commit>')
    await lab.do("<commit/>")
    assert "<number>1</number>" in lab.running


async def test_a_confirmed_commit_that_is_taken_back(lab: Lab) -> None:
    await lab.commit(entry("<number>1</number>"))
    await lab.edit(entry("<number>2</number>"))
    await lab.do("<commit><confirmed/></commit>")
    await lab.do("<cancel-commit/>")
    assert "<number>1</number>" in lab.running


async def test_a_commit_that_is_waited_for_and_taken_back(lab: Lab) -> None:
    await lab.commit(entry("<number>1</number>"))
    breaks(lab, 1)
    await lab.edit(entry("<number>2</number>"))
    reply = await begun(lab, verify())
    await lab.do("<cancel-commit/>")
    (error,) = await errors_of(reply)
    assert error.app_tag == "verify-failed"
    assert "<number>1</number>" in lab.running


async def test_commits_while_others_compare(lab: Lab) -> None:
    await lab.commit(entry("<number>1</number>"))
    ended = asyncio.Event()

    async def compares() -> None:
        while not ended.is_set():
            await lab.do(COMPARE.format(1), 2)

    task = asyncio.create_task(compares())
    for number in range(2, 30):
        await lab.commit(entry(f"<number>{number}</number>"))
    ended.set()
    await task
