"""What an orchestrator does first: read the YANG library, fetch every schema, compile them all."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

from lxml import etree

from tests.agent_process import AgentProcess
from tests.wire.raw_client import RawClient, raw_client

LIBRARY = "urn:ietf:params:xml:ns:yang:ietf-yang-library"
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"


async def library(client: RawClient) -> etree._Element:
    return etree.fromstring(
        await client.ask(f'<get><filter><yang-library xmlns="{LIBRARY}"/></filter></get>')
    )


def write_text(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


def compiled(folder: Path, modules: list[str]) -> tuple[int, str]:
    command = ["yanglint", "-p", str(folder), *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


async def test_all_that_is_listed_can_be_fetched_and_compiles(agent: AgentProcess, tmp_path: Path) -> None:
    async with raw_client(agent, greet="1.1") as client:
        reply = await library(client)
        implemented: list[str] = []
        for tag in ("module", "import-only-module", "submodule"):
            for entry in reply.iter(f"{{{LIBRARY}}}{tag}"):
                name, revision = entry.findtext("{*}name") or "", entry.findtext("{*}revision")
                version = f"<version>{revision}</version>" if revision else ""
                body = (
                    f'<get-schema xmlns="{MONITORING}"><identifier>{name}</identifier>{version}</get-schema>'
                )
                text = etree.fromstring(await client.ask(body)).findtext("{*}data")
                assert text, name
                file = tmp_path / (f"{name}@{revision}.yang" if revision else f"{name}.yang")
                write_text(file, text)
                if tag == "module":
                    implemented.append(str(file))
    assert len(implemented) > 10
    assert await asyncio.to_thread(compiled, tmp_path, implemented) == (0, "")


async def test_no_two_modules_share_a_prefix(agent: AgentProcess) -> None:
    """Network simulators choke on them."""
    async with raw_client(agent, greet="1.1") as client:
        reply = await client.ask(
            f'<get><filter><netconf-state xmlns="{MONITORING}"><schemas/></netconf-state></filter></get>'
        )
        prefixes: dict[str, str] = {}
        for schema in etree.fromstring(reply).iter(f"{{{MONITORING}}}schema"):
            name = schema.findtext("{*}identifier") or ""
            body = f'<get-schema xmlns="{MONITORING}"><identifier>{name}</identifier></get-schema>'
            text = etree.fromstring(await client.ask(body)).findtext("{*}data") or ""
            prefix = text.partition("prefix")[2].split(";")[0].strip().strip('"')
            assert prefixes.setdefault(prefix, name) == name
        assert prefixes["ipsec"] == "yangswan-ipsec"


async def test_rfc8525_the_library_lists_the_datastores(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        names = [e.findtext("{*}name") for e in (await library(client)).iter(f"{{{LIBRARY}}}datastore")]
        assert sorted(name.partition(":")[2] for name in names if name) == [
            "candidate",
            "operational",
            "running",
        ]
