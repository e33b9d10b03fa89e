"""docs/safety-net.md, "History": what it asks an agent for is answered as it says."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path

from lxml import etree

from agent.history import commits
from tests.agent_process import AgentProcess, running_agent
from tests.requests import IPSEC, edit_candidate, tunnel
from tests.scripts.agents import ROOT
from tests.scripts.test_readme import blocks
from tests.wire.raw_client import raw_client

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
PAGE = (ROOT / "docs" / "safety-net.md").read_text(encoding="utf-8")
BLOCKS = {block.proof: block.text for block in blocks(PAGE)}
CHANGES_EACH_TIME = re.compile(rb"<(time|transaction-id)>[^<]*<")


def same(xml: bytes) -> bytes:
    """Return ``xml`` without white space between elements, and without what is another each time."""
    parser = etree.XMLParser(remove_blank_text=True)
    canonical = etree.tostring(etree.fromstring(xml, parser), method="c14n2", strip_text=True)
    return CHANGES_EACH_TIME.sub(rb"<\1>...<", canonical)


def xpath(expression: str) -> str:
    quoted = expression.replace("<", "&lt;").replace('"', "&quot;")
    return f'<get><filter type="xpath" xmlns:a="{AGENT}" xmlns:i="{IPSEC}" select="{quoted}"/></get>'


async def told(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        for what, commit in (("before", "<commit/>"), ("at its new address", BLOCKS["history, commit"])):
            assert b"<ok/>" in await client.ask(edit_candidate(tunnel(7, what)))
            assert b"<ok/>" in await client.ask(commit)
        reply = etree.fromstring(await client.ask(BLOCKS["history, get"]))
        assert same(etree.tostring(reply[0][0])) == same(BLOCKS["history, answered"].encode())
        for body in (edit_candidate(tunnel(8)), "<commit><confirmed/></commit>", "<cancel-commit/>"):
            assert b"<ok/>" in await client.ask(body)
        found = [
            re.findall(rb"<commit><id>(\d+)", await client.ask(xpath(expression)))
            for expression in BLOCKS["history, filters"].splitlines()
        ]
        everything = [b"5", b"4", b"3", b"2", b"1"]
        by_this_user = everything[:-1]
        assert found == [
            [b"3"], everything, [], [b"5"], [b"3", b"2"], [b"3", b"1"], by_this_user
        ]  # fmt: skip
        first = await client.ask(xpath("/a:agent/a:history/a:commit[a:cause='start']"))
        assert b"<user>yangswan</user>" in first
        assert b"<comment>first rules of access control</comment>" in first
        assert b"session-id" not in first


def test_a_commit_is_told_as_the_page_says_and_found_by_its_filters(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data") as agent:
        asyncio.run(told(agent))
    log = "".join(agent.log)
    assert '1 changed: comment "ticket 4711: the branch moves to its new address"' in log


def test_the_bounds_are_those_of_the_page() -> None:
    text = " ".join(PAGE[PAGE.index("## History") : PAGE.index("## Comparison")].split())
    for bound in (
        f"{commits.MAX_LISTED} of them at most, with {commits.MAX_CHANGES_LISTED} changes each",
        f"by their ids up to {commits.MAX_BY_ID} are shown",
        f"up to {commits.MAX_CHANGES} changes (and {commits.MAX_CHANGES_IN_ALL:,} in one answer)",
    ):
        assert bound in text


async def wait_for_confirmation(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        for body in (edit_candidate(tunnel(7)), "<commit><confirmed/><persist>p</persist></commit>"):
            assert b"<ok/>" in await client.ask(body)


async def outcomes(agent: AgentProcess) -> list[tuple[str, ...]]:
    """Return cause, outcome, comment and reason of each commit, the newest first."""
    async with raw_client(agent, greet="1.1") as client:
        reply = etree.fromstring(await client.ask(xpath("/a:agent/a:history/a:commit")))
        names = ("cause", "outcome", "comment", "reason")
        return [
            tuple(commit.findtext(f"{{{AGENT}}}{name}") or "" for name in names)
            for commit in reply.iter(f"{{{AGENT}}}commit")
        ]


def test_what_a_start_put_right_stands_in_it(tmp_path: Path) -> None:
    """After an end as by a power failure, with a confirmed commit pending and another half recorded."""
    data = tmp_path / "data"
    with running_agent(data) as agent:
        asyncio.run(wait_for_confirmation(agent))
        agent.kill()
    from agent.datastore.records import CommitInfo
    from agent.datastore.store import Store

    with closing(Store(data / "history.db")) as store:
        store.begin(CommitInfo("admin", 3, "127.0.0.1"), [], "2026-11-27T00:00:00.000+00:00")
    with running_agent(data) as again:
        assert asyncio.run(outcomes(again))[:3] == [
            ("start", "committed", "rollback of commit 2 at start", ""),
            ("client", "undone", "", "the agent ended before it was in force"),
            ("confirmed-commit", "committed", "", ""),
        ]


def test_the_setting_is_heeded_by_an_agent(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("history-commits = 5\n")

    async def many(agent: AgentProcess) -> None:
        async with raw_client(agent, greet="1.1") as client:
            for number in range(110):
                assert b"<ok/>" in await client.ask(edit_candidate(tunnel(7, f"change {number}")))
                assert b"<ok/>" in await client.ask("<commit/>")
            reply = await client.ask(xpath("/a:agent/a:history/a:commit-count"))
            count = int(re.findall(rb"<commit-count>(\d+)<", reply)[0])
            assert count < 20

    with running_agent(tmp_path / "data", ["--config", str(settings)]) as agent:
        asyncio.run(many(agent))
    with closing(sqlite3.connect(tmp_path / "data" / "history.db")) as database:
        assert database.execute("SELECT count(*) FROM snapshots").fetchone() == (1,)
    with running_agent(tmp_path / "data", ["--config", str(settings)]):
        pass
