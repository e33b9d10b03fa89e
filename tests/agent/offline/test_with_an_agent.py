"""What an agent that runs shows, and what is made of its files when it does not, are the same."""

from __future__ import annotations

import shutil
from pathlib import Path

from lxml import etree

from agent.data_folder import KEYS
from agent.offline.formats import Format
from tests.agent.offline.lab import EVERY_CONSTRUCT, EVERY_LEAF, INSTANCES, Shell, errors
from tests.agent_process import AgentProcess, running_agent
from tests.histories import restore
from tests.requests import edit_candidate, tunnel
from tests.wire.raw_client import BASE, RawClient, raw_client

OPTIONS = ("--recovery-user", "admin", "--yang-module", str(EVERY_CONSTRUCT))
MODULE = ("--yang-module", EVERY_CONSTRUCT)
INVALID = [path for path in sorted((INSTANCES / "invalid").glob("*.xml")) if "state-" not in path.name[:6]]
OF_THE_ZOO = """
<top xmlns="urn:yangswan:test:every-construct" xmlns:z="urn:yangswan:test:every-construct">
  <flag>false</flag>
  <entry>
    <id>b</id><number>7</number><tag>A &amp; B &lt; "C" \u00e4\U0001f511&#13;&#10; x </tag><marker/>
    <pet>z:cat</pet><either>7</either><blob>AAEC</blob><switches>a b</switches><radius>1.50</radius>
    <tag>y</tag><tag>x</tag><step>3</step><step>1</step><step>2</step>
    <stage><name>z</name><effort>1</effort></stage><stage><name>a</name></stage>
    <address><ip>2</ip><port>1</port></address><address><ip>1</ip><port>2</port><alias>q</alias></address>
    <present><needed>n</needed></present><hidden>a secret of the zoo</hidden>
  </entry>
  <entry><id>a'"</id></entry>
</top>
"""
RUNNING = "<get-config><source><running/></source></get-config>"


async def good(client: RawClient, body: str) -> None:
    reply = await client.ask(body)
    assert b"<ok/>" in reply, reply


async def running_of(agent: AgentProcess) -> bytes:
    async with raw_client(agent, greet="1.1") as client:
        return await client.ask(RUNNING)


async def test_a_restore_on_an_empty_machine_gives_the_same_running_octet_for_octet(
    shell: Shell, tmp_path: Path
) -> None:
    """Certificates, rules of all kinds, user-ordered lists, explicit defaults, presence, every leaf."""
    folder = restore("2026-11-23", tmp_path / "old").parent
    with running_agent(folder, OPTIONS) as agent:
        async with raw_client(agent, greet="1.1") as client:
            await good(client, edit_candidate(EVERY_LEAF.read_text().replace("<id>7<", "<id>77<")))
            await good(client, edit_candidate(OF_THE_ZOO))
            await good(client, "<commit/>")
        before = await running_of(agent)
    assert b"<present><needed>" in before
    for format in Format:
        file, new = tmp_path / f"export.{format}", tmp_path / f"new-{format}"
        shell.good("export", "--with-secrets", "--format", str(format), "-o", file, *MODULE, folder=folder)
        keys = Path("strongswan") / "private-keys"
        shutil.copytree(folder / keys, new / keys)
        new.chmod(0o700)
        shell.good("import", file, *MODULE, folder=new)
        assert not any((new / key).exists() for key in KEYS)
        with running_agent(new, OPTIONS) as agent:
            assert await running_of(agent) == before
        with running_agent(new, OPTIONS) as agent:
            assert await running_of(agent) == before, "and with the start after that"


def told(reply: bytes) -> list[str]:
    """Return what is said of each <rpc-error>, without the file and its line."""
    found = []
    for error in etree.fromstring(reply):
        says = {etree.QName(child).localname: child.text or "" for child in error}
        tags = ", ".join(filter(None, (says["error-tag"], says.get("error-app-tag"))))
        where = f"{says['error-path']}: " if "error-path" in says else ""
        found.append(f"{where}{says['error-message']} ({tags})")
    return found


async def test_the_errors_of_a_file_are_those_of_netconf(shell: Shell, agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        for document in INVALID:
            text = document.read_text()
            body = text[text.index("<", text.index("-->") if "-->" in text else 0) :]
            reply = await client.ask(f"<validate><source><config>{body}</config></source></validate>")
            done = shell("check", document)
            first = told(reply)  # after them comes what is wrong with the rest of the document
            assert [line.split(": ", 1)[1] for line in errors(done)[: len(first)]] == first, document.stem


async def test_an_import_is_in_force_with_the_next_start_and_the_agent_goes_on(
    shell: Shell, tmp_path: Path
) -> None:
    with running_agent(shell.folder):
        assert shell("export").status == 1
        done = shell("import", EVERY_LEAF, "--yes")
        assert (done.status, "an agent uses the data folder" in done.said) == (1, True)
    export = shell.good("export", "--format", "xml")
    shell.folder.joinpath("with-rules.xml").write_text(
        export.replace("</config>", EVERY_LEAF.read_text().partition("-->")[2] + "</config>")
    )
    shell.good("import", shell.folder / "with-rules.xml", "--yes", "--comment", "by hand")
    with running_agent(shell.folder) as agent:
        async with raw_client(agent, greet="1.1") as client:
            assert b"<id>7</id>" in await client.ask(RUNNING)
            await good(client, edit_candidate(tunnel(1)))
            await good(client, "<commit/>")
    lines = shell.good("history").splitlines()
    assert [line.split()[0] for line in lines if line[0] != " "] == ["3", "2", "1"]
    assert "    comment: by hand" in lines


async def test_an_export_is_taken_by_edit_config_as_it_is(shell: Shell, agent: AgentProcess) -> None:
    shell.good("import", EVERY_LEAF)
    config = shell("export", "--format", "xml", "--with-secrets").out.partition("?>")[2]
    async with raw_client(agent, greet="1.1") as client:
        await good(client, f"<edit-config><target><candidate/></target>{config}</edit-config>")
        await good(client, "<validate><source><candidate/></source></validate>")
        await good(client, "<discard-changes/>")
    assert f'<config xmlns="{BASE}">' in config


async def test_a_reply_to_get_config_can_be_looked_at(
    shell: Shell, agent: AgentProcess, tmp_path: Path
) -> None:
    reply = await running_of(agent)
    (tmp_path / "reply").write_bytes(reply)
    shell.good("check", tmp_path / "reply")
