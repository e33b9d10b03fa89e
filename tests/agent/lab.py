"""What tests of agent/ share: a schema of test modules, and one-line edits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.datastore.candidate import Candidate
from agent.datastore.edit import edit
from agent.errors import RpcError, RpcErrors
from agent.served import SERVED, standard_modules
from agent.xml import Element, parse
from agent.yang.schema import Schema
from agent.yang.tree import Tree

MODULES = Path(__file__).parents[1] / "modules"
EC = "urn:yangswan:test:every-construct"
EA = "urn:yangswan:test:every-augment"
ET = "urn:yangswan:test:every-third"
CHOOSING = "urn:yangswan:test:choosing"
PREFIXES = (
    'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:yang="urn:ietf:params:xml:ns:yang:1" '
    f'xmlns:ec="{EC}" xmlns:et="{ET}" xmlns:wd="urn:ietf:params:xml:ns:netconf:default:1.0"'
)


def make_schema(*further: str) -> Schema:
    names = ("acme", "hostile", "every-augment", "every-construct", "every-third", *further)
    return Schema(standard_modules(), SERVED, [MODULES / f"{name}.yang" for name in names])


def config(body: str) -> Element:
    """Return a <config> element with the prefixes nc, yang, ec and et declared."""
    return parse(
        f'<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" {PREFIXES}>{body}</config>'.encode()
    )


def top(body: str) -> str:
    return f'<top xmlns="{EC}">{body}</top>'


def entry(body: str, attributes: str = "") -> str:
    """Return entry 1 of the list every-construct:entry."""
    return top(f"<entry {attributes}><id>1</id>{body}</entry>")


def empty_running(schema: Schema) -> Tree:
    running = Tree(schema)
    running.add_defaults()
    return running


def candidate_with(schema: Schema, *bodies: str) -> Candidate:
    """Return a candidate on an empty running after merging ``bodies``."""
    candidate = Candidate(empty_running(schema))
    for body in bodies:
        edit(candidate, config(body))
    return candidate


def errors_of(function: Callable[..., object], *arguments: object) -> list[RpcError]:
    """Return the errors that ``function`` raises; it must raise some."""
    try:
        function(*arguments)
    except RpcErrors as problem:
        return list(problem.errors)
    except RpcError as problem:
        return [problem]
    raise AssertionError("no error was raised")


async def direct(function: Callable[..., Any], *arguments: Any) -> Any:
    """A worker that calls at once, on this thread."""
    await asyncio.sleep(0)
    return function(*arguments)
