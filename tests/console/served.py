"""The modules that an agent serves, as its clients get them: texts, and the schema made of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from console.model.compiled import compile_schema
from console.model.schema import Schema

ROOT = Path(__file__).parents[2]
TEST_MODULES = ROOT / "tests" / "modules"
_STANDARD = Path(sys.prefix, "share/yang/modules")
_OURS = (
    "yangswan-ipsec",
    "yangswan-pki",
    "yangswan-daemon",
    "yangswan-agent",
    "yangswan-subscriptions",
    "nc-notifications",
)
_IETF = (
    "ietf-netconf",
    "ietf-netconf-acm",
    "ietf-netconf-monitoring",
    "ietf-netconf-nmda",
    "ietf-netconf-notifications",
    "ietf-netconf-with-defaults",
    "ietf-subscribed-notifications",
    "ietf-yang-library",
)
SERVED = (*_OURS, *_IETF)
_OTHERS = re.compile(r'^\s*(?:import|include)\s+"?([a-z][a-z0-9-]*)"?\s*[;{]', re.MULTILINE)


@cache
def _files() -> dict[str, Path]:
    folders = [_STANDARD / "ietf", _STANDARD / "iana", TEST_MODULES, ROOT / "yang", ROOT / "yang" / "agent"]
    return {path.stem.partition("@")[0]: path for folder in folders for path in sorted(folder.glob("*.yang"))}


def texts(names: Iterable[str]) -> dict[str, str]:
    """Return the modules of ``names`` and all that they import."""
    found: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found and name in _files():
            found[name] = _files()[name].read_text(encoding="utf-8")
            waiting += _OTHERS.findall(found[name])
    return found


@cache
def schema(*more: str) -> Schema:
    """Return the schema of an agent that serves the modules ``more`` of tests/modules, too."""
    names = (*SERVED, *more)
    made = compile_schema(texts(names), implemented=names)
    assert made.left_out == {}
    return made
