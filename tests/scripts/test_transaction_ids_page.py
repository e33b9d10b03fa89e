"""docs/safety-net.md, "Transaction ids": what it shows is what an agent says, also after its end by force."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from lxml import etree

from tests.agent_process import AgentProcess, running_agent
from tests.clients.test_clients import config
from tests.requests import edit_candidate, tunnel
from tests.scripts.agents import ROOT, Agent
from tests.scripts.test_readme import blocks
from tests.wire.raw_client import raw_client

PAGE = (ROOT / "docs" / "safety-net.md").read_text(encoding="utf-8")
BLOCKS = {block.proof: block for block in blocks(PAGE)}
COMMAND = BLOCKS["ids, changed"]
TXID = "urn:ietf:params:xml:ns:netconf:txid:1.0"
OLD, NEW = sorted(set(re.findall(r"[0-9a-f]{16}-\d+-[0-9a-f]+", PAGE.partition("## Transaction ids")[2])))
EDIT = """
import sys
sys.path.insert(0, "examples/netconf")
from gateway import connect, parser
with connect(parser("").parse_args([])) as session:
    session.edit_config(CONFIG, target="candidate")
    session.commit()
"""


def test_the_command_prints_what_has_changed(agent: Agent) -> None:
    def changed() -> list[str]:
        done = agent.run_as_written(COMMAND.language, COMMAND.text)
        assert done.returncode == 0, done.stderr
        return sorted(done.stdout.splitlines())

    def commit(document: str) -> None:
        program = EDIT.replace("CONFIG", repr(document)).replace(
            "parse_args([])", "parse_args(['--port', '8300'])"
        )
        done = agent.run_as_written("python", program)
        assert done.returncode == 0, done.stderr

    changed()
    assert changed() == ["nothing has changed"]
    commit(config(41, "to Bern"))
    commit(config(42, "to Basel"))
    assert changed() == ["tunnel 41 is new", "tunnel 42 is new"]
    commit(config(41, "to Biel"))
    nacm = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
    gone = config(42, "").replace(
        "<ipsec>", '<ipsec xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete">'
    )
    commit(gone)
    assert changed() == ["tunnel 41 has changed", "tunnel 42 is gone"]
    commit(
        '<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">'
        f'<nacm xmlns="{nacm}"><groups><group><name>new</name></group></groups></nacm></config>'
    )
    assert changed() == ["something has changed, but no tunnel"]
    assert changed() == ["nothing has changed"]


async def committed(agent: AgentProcess, *documents: str) -> None:
    async with raw_client(agent, greet="1.1") as client:
        for document in documents:
            assert b"<ok/>" in await client.ask(edit_candidate(document))
        assert b"<ok/>" in await client.ask("<commit/>")


async def ids(agent: AgentProcess) -> list[str]:
    """Return the ids of running, of its tunnels, and of each."""
    async with raw_client(agent, greet="1.1") as client:
        reply = await client.ask(BLOCKS["ids, asked"].text.replace(OLD, "?"))
    return re.findall(r'txid:etag="([^"]*)"', reply.decode())


async def told(agent: AgentProcess, old: str, new: str) -> None:
    """Play what the page shows, with the ids ``old`` and ``new`` as its own."""
    async with raw_client(agent, greet="1.1") as client:
        reply = (await client.ask(BLOCKS["ids, asked"].text.replace(OLD, old))).decode()
        shown = (
            re.sub(r">\s+<", "><", BLOCKS["ids, answered"].text.strip()).replace(OLD, old).replace(NEW, new)
        )
        assert re.search(re.escape(shown).replace(r"\ \.\.\.\ ", ".*"), reply), reply
        assert (
            f'<data xmlns:txid="{TXID}" txid:etag="="/>'
            in (await client.ask(BLOCKS["ids, asked"].text.replace(OLD, new))).decode()
        )
        assert b"<ok/>" in await client.ask(BLOCKS["ids, edited"].text.replace(OLD, old))
        refused = etree.fromstring(await client.ask("<commit/>"))
        assert refused.findtext(".//{*}error-tag") == "operation-failed"
        assert refused.findtext(".//{*}mismatch-etag-value") == new
        assert "ipsec" in (refused.findtext(".//{*}mismatch-path") or "")
        assert b"<ok/>" in await client.ask(BLOCKS["ids, edited"].text.replace(OLD, new))
        assert b"<ok/>" in await client.ask("<commit/>")


def test_what_the_page_shows_is_what_an_agent_says(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data") as agent:
        asyncio.run(committed(agent, tunnel(1), tunnel(2, "to Thun")))
        (old, *_) = asyncio.run(ids(agent))
        asyncio.run(committed(agent, tunnel(2, "to Bern")))
        before = asyncio.run(ids(agent))
        agent.kill()
    with running_agent(tmp_path / "data") as again:
        assert asyncio.run(ids(again)) == before
        asyncio.run(told(again, old, before[0]))
