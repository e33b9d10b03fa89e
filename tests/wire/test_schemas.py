"""What an orchestrator does first: read the YANG library, fetch every schema, compile them all."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from tests.agent_process import AgentProcess
from tests.wire.raw_client import RawClient, raw_client

LIBRARY = "urn:ietf:params:xml:ns:yang:ietf-yang-library"
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
PYANG = Path(sys.executable).with_name("pyang")
OURS = (
    "yangswan-agent",
    "yangswan-daemon",
    "yangswan-ipsec",
    "yangswan-pki",
    "yangswan-subscriptions",
    "yangswan-types",
)


async def library(client: RawClient) -> etree._Element:
    return etree.fromstring(
        await client.ask(f'<get><filter><yang-library xmlns="{LIBRARY}"/></filter></get>')
    )


def write_text(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


async def fetched(client: RawClient, name: str, revision: str | None) -> str:
    version = f"<version>{revision}</version>" if revision else ""
    body = f'<get-schema xmlns="{MONITORING}"><identifier>{name}</identifier>{version}</get-schema>'
    text = etree.fromstring(await client.ask(body)).findtext("{*}data")
    assert text, name
    return text


async def listed(client: RawClient) -> list[tuple[str, str]]:
    """Return the name and the revision of each schema that the server lists."""
    reply = await client.ask(
        f'<get><filter><netconf-state xmlns="{MONITORING}"><schemas/></netconf-state></filter></get>'
    )
    rows = etree.fromstring(reply).iter(f"{{{MONITORING}}}schema")
    return [(row.findtext("{*}identifier"), row.findtext("{*}version")) for row in rows]


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
                file = tmp_path / (f"{name}@{revision}.yang" if revision else f"{name}.yang")
                write_text(file, await fetched(client, name, revision))
                if tag == "module":
                    implemented.append(str(file))
    assert len(implemented) > 10
    assert await asyncio.to_thread(compiled, tmp_path, implemented) == (0, "")


@pytest.fixture
async def folder(agent: AgentProcess, tmp_path: Path) -> Path:
    """A folder that holds what the server lists and hands out, and nothing else."""
    made = tmp_path / "fetched"
    made.mkdir()
    async with raw_client(agent, greet="1.1") as client:
        for name, revision in await listed(client):
            write_text(made / f"{name}@{revision}.yang", await fetched(client, name, revision))
    return made


def compiled_alone(folder: Path, name: str) -> Iterator[tuple[int, str]]:
    """Yield what pyang and yanglint say of a module that can use nothing but what is in ``folder``."""
    (file,) = folder.glob(f"{name}@*.yang")
    # Without these two pyang would find the modules that it brings itself.
    alone = {**os.environ, "YANG_INSTALL": str(folder), "HOME": str(folder)}
    alone.pop("YANG_MODPATH", None)
    for command in (
        [sys.executable, str(PYANG), "--strict", "-p", ".", file.name],
        ["yanglint", "-p", ".", file.name],
    ):
        done = subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, check=False)
        yield done.returncode, done.stdout + done.stderr


def test_each_of_our_modules_compiles_from_what_the_server_hands_out_alone(folder: Path) -> None:
    assert {file.name.partition("@")[0] for file in folder.glob("yangswan-*")} == set(OURS)
    for name in OURS:
        for outcome in compiled_alone(folder, name):
            assert (name, *outcome) == (name, 0, "")


# Not ietf-inet-types: libyang has one of its own.
@pytest.mark.parametrize("missing", ["yangswan-types", "ietf-netconf-acm"])
def test_a_module_that_the_server_would_not_hand_out_is_missed(folder: Path, missing: str) -> None:
    (file,) = folder.glob(f"{missing}@*.yang")
    file.unlink()
    for code, said in compiled_alone(folder, "yangswan-ipsec"):
        assert code != 0
        assert missing in said


async def test_the_types_are_imported_and_not_implemented(agent: AgentProcess) -> None:
    """There is no data in them; whoever reads the library still learns where they are."""
    async with raw_client(agent, greet="1.1") as client:
        reply = await library(client)
        found = {
            tag: {entry.findtext("{*}name") for entry in reply.iter(f"{{{LIBRARY}}}{tag}")}
            for tag in ("module", "import-only-module")
        }
        assert {name for name in found["module"] if name in OURS} == set(OURS) - {"yangswan-types"}
        assert {name for name in found["import-only-module"] if name in OURS} == {"yangswan-types"}
        hello = await client.ask(
            f'<get><filter><netconf-state xmlns="{MONITORING}"><capabilities/></netconf-state></filter></get>'
        )
        assert b"yangswan-types" not in hello


async def test_no_two_modules_share_a_prefix(agent: AgentProcess) -> None:
    """Network simulators choke on them."""
    async with raw_client(agent, greet="1.1") as client:
        prefixes: dict[str, str] = {}
        for name, _revision in await listed(client):
            text = await fetched(client, name, None)
            prefix = text.partition("prefix")[2].split(";")[0].strip().strip('"')
            assert prefixes.setdefault(prefix, name) == name
        assert {f"yangswan-{prefix}": name for prefix, name in prefixes.items() if name in OURS} == {
            name: name for name in OURS
        }


async def test_rfc8525_the_library_lists_the_datastores(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        names = [e.findtext("{*}name") for e in (await library(client)).iter(f"{{{LIBRARY}}}datastore")]
        assert sorted(name.partition(":")[2] for name in names if name) == [
            "candidate",
            "operational",
            "running",
        ]
