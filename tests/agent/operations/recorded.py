"""Commits that are asked for again: the requests, and what their answers hold."""

from __future__ import annotations

import re

from agent.datastore.records import CommitInfo
from tests.agent.handlers import Lab
from tests.agent.lab import EC, entry

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
BOB = 2
TIME = "2026-11-27T00:00:00.000+00:00"
TWO = "/every-construct:top/entry[id='2']"
EVE = CommitInfo("eve", 9, "192.0.2.9")


def number(value: int) -> str:
    return entry(f"<number>{value}</number>")


def subtree(body: str) -> str:
    return f'<get><filter><agent xmlns="{AGENT}"><history>{body}</history></agent></filter></get>'


def xpath(expression: str) -> str:
    quoted = expression.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    declared = f'xmlns:a="{AGENT}" xmlns:ec="{EC}" xmlns:n="{NACM}"'
    return f'<get><filter type="xpath" {declared} select="{quoted}"/></get>'


def one(commit_id: int) -> str:
    return subtree(f"<commit><id>{commit_id}</id></commit>")


def ids(reply: str) -> list[int]:
    return [int(found) for found in re.findall(r"<commit><id>(\d+)</id>", reply)]


def target_element(entry_id: int) -> str:
    return f'<target xmlns:ec="{EC}">/ec:top/ec:entry[ec:id="{entry_id}"]</target>'


def leaf(reply: str, name: str) -> list[str]:
    return re.findall(f"<{name}>([^<]*)</{name}>", reply)


def targets(reply: str) -> list[str]:
    """Return the paths of changes, without the prefixes that a client declares anew."""
    return [re.sub(r"[\w-]+:", "", found) for found in re.findall(r"<target[^>]*>([^<]*)</target>", reply)]


async def commented(lab: Lab, body: str, comment: str, session_id: int = 1, more: str = "") -> None:
    await lab.edit(body, session_id)
    await lab.do(f'<commit>{more}<comment xmlns="{AGENT}">{comment}</comment></commit>', session_id)
