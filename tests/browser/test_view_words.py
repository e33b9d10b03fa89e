"""What the views say: each value of the model has words, and what nobody sees is written out."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from pyang import context, repository

from console.harmless import harmless
from tests.browser.modules import Modules, modules_in
from tests.browser.view_lab import called

pytestmark = pytest.mark.asyncio(loop_scope="package")

YANG = Path(__file__).resolve().parents[2] / "yang"


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def modules(chromium: Browser) -> AsyncIterator[Modules]:
    async with modules_in(chromium) as there:
        yield there


@cache
def model(module: str) -> Any:
    folders = f"{YANG}:{YANG / 'agent'}"
    ctx = context.Context(repository.FileRepository(folders))
    found = None
    for file in (*YANG.glob("*.yang"), *(YANG / "agent").glob("*.yang")):
        added = ctx.add_module(str(file), file.read_text())
        found = added if added is not None and added.arg == module else found
    ctx.validate()
    assert found is not None
    return found


def node_at(module: str, path: str) -> Any:
    node = model(module)
    for name in path.split("/"):
        (node,) = [one for one in nodes_below(node) if one.arg == name]
    return node


def nodes_below(node: Any) -> Iterator[Any]:
    """Yield nodes of data, operations and notifications; what lies in choices is a child as all others."""
    for child in getattr(node, "i_children", []):
        if child.keyword in ("choice", "case"):
            yield from nodes_below(child)
        else:
            yield child


def values(module: str, path: str) -> set[str]:
    return {one.arg for one in node_at(module, path).search_one("type").search("enum")}


TUNNEL = "tunnels/ipsec/state"
COMMIT = "agent/history/commit"


@pytest.mark.parametrize(
    ("file", "table", "module", "path", "silent"),
    [
        ("tunnel-facts.js", "RELATIONS", "yangswan-ipsec", f"{TUNNEL}/overlap/relation", set()),
        ("tunnel-facts.js", "UNPROTECTED", "yangswan-ipsec", f"{TUNNEL}/leak-protection/reason", set()),
        ("tunnel-facts.js", "IN_FORCE", "yangswan-ipsec", f"{TUNNEL}/applied", {"applied", "dormant"}),
        ("commits.js", "CAUSES", "yangswan-agent", f"{COMMIT}/cause", set()),
        ("commits.js", "OUTCOMES", "yangswan-agent", f"{COMMIT}/outcome", set()),
        ("commit.js", "OPERATIONS", "yangswan-agent", f"{COMMIT}/change/operation", set()),
        ("daemon.js", "BACKENDS", "yangswan-daemon", "daemon/backend", set()),
        ("daemon.js", "SOURCES", "yangswan-daemon", "daemon/failure-source", set()),
        ("certificates.js", "FETCHING", "yangswan-pki", "certificate-state/revocation/fetching", set()),
    ],
)
async def test_each_value_of_the_model_has_words(
    modules: Modules, file: str, table: str, module: str, path: str, silent: set[str]
) -> None:
    assert set(await called(modules, file, f"m.{table}")) == values(module, path) - silent


async def test_each_reason_for_the_end_of_a_log_or_monitor_has_words(modules: Modules) -> None:
    ends = values("yangswan-daemon", "log-ended/reason") | values("yangswan-daemon", "monitor-ended/reason")
    assert set(await called(modules, "following.js", "m.WHY")) == ends


async def test_what_nobody_sees_is_written_as_the_command_line_writes_it(modules: Modules) -> None:
    # What is not assigned in one version of Unicode may be in the next.
    characters = [
        chr(code)
        for code in (*range(0xD800), *range(0xE000, 0x20000), *range(0xE0000, 0xE0200))
        if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")
    ]
    found = await called(modules, "visible.js", "given.map(m.visible)", characters)
    assert found == [harmless(one) for one in characters]
    assert await called(modules, "visible.js", r'm.visible("a\ud800b")') == r"a\ud800b"
    assert await called(modules, "visible.js", "[m.visible(undefined), m.visible(7)]") == ["", "7"]
