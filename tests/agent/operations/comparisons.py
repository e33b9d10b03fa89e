"""Requests to compare commits, and what there is to compare."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

from lxml import etree

from agent.served import standard_modules
from tests.agent.handlers import Lab
from tests.agent.lab import EC, entry, top

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
E = "/every-construct:top/entry[id='1']"


def compare(start: int | str, end: int | str | None = None, more: str = "") -> str:
    to = "" if end is None else f"<to>{end}</to>"
    return f'<compare-commits xmlns="{AGENT}"><from>{start}</from>{to}{more}</compare-commits>'


async def lines(
    lab: Lab, start: int | str, end: int | str | None = None, more: str = "", session_id: int = 1
) -> list[str]:
    reply = await lab.do(compare(start, end, f"<as>text</as>{more}"), session_id)
    (found,) = etree.fromstring(f"<all>{reply}</all>").findall("{*}text")
    return (found.text or "").splitlines()


def xpath(expression: str) -> str:
    return f'<xpath-filter xmlns:ec="{EC}">{expression}</xpath-filter>'


def subtree(body: str) -> str:
    return f"<subtree-filter>{body}</subtree-filter>"


async def three_commits(lab: Lab) -> None:
    await lab.commit(entry("<number>1</number>"))
    await lab.commit(top("<entry><id>1</id><number>2</number></entry><entry><id>2</id></entry>"))
    await lab.commit(entry("<number>3</number>"))


def some_content(generator: random.Random) -> str:
    entries = "".join(
        f"<entry><id>{key}</id><number>{generator.randrange(3)}</number>"
        + "".join(f"<step>{step}</step>" for step in generator.sample("abcd", generator.randrange(4)))
        + "</entry>"
        for key in generator.sample(["1", "a/b", "it's", "10"], 3)
    )
    order = generator.sample("xyz", generator.randrange(3))
    return top(entries) + "".join(f'<order xmlns="{EC}">{value}</order>' for value in order)


def fits(module: str, operation: str, reply: str, folder: Path) -> bool:
    """Return whether yanglint takes a reply to an operation."""
    netconf = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"'
    (folder / "rpc.xml").write_text(f"<rpc {netconf}>{operation}</rpc>")
    (folder / "reply.xml").write_text(f"<rpc-reply {netconf}>{reply}</rpc-reply>")
    ietf, _, own = places = standard_modules()
    folders = [argument for place in places for argument in ("-p", str(place))]
    files = [str(ietf / "ietf-datastores.yang"), str(own / f"{module}.yang")]
    done = subprocess.run(
        ["yanglint", *folders, "-t", "nc-reply", "-R", "rpc.xml", *files, "reply.xml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0 and not done.stderr
