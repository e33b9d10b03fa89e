"""Every limit is a setting, is shown as state, and holds in the program as it runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import asyncssh
import pytest
from lxml import etree

from agent.transport.limits import Limits
from tests.agent_process import running_agent
from tests.wire.raw_client import chunked, raw_client, rpc
from tests.wire.test_sessions import settings

AGENT = "urn:yangswan:params:xml:ns:yang:agent"


async def test_all_limits_are_settable_and_shown(tmp_path: Path) -> None:
    names = [field.name.replace("_", "-") for field in dataclasses.fields(Limits)]
    wanted = {name: 100 + number for number, name in enumerate(names)}
    wanted["message-octets"] = 1_000_000
    text = "\n".join(f"{name} = {value}" for name, value in wanted.items())
    with running_agent(tmp_path / "data", settings(tmp_path, text)) as agent:
        async with raw_client(agent, greet="1.1") as client:
            reply = await client.ask(f'<get><filter><agent xmlns="{AGENT}"/></filter></get>')
            limits = etree.fromstring(reply).find(".//{*}limits")
            assert {etree.QName(leaf).localname: int(leaf.text or 0) for leaf in limits} == wanted


async def test_what_a_message_may_hold_is_limited(tmp_path: Path) -> None:
    limits = "message-octets = 10000\nmessage-elements = 100\nmessage-depth = 10"
    with running_agent(tmp_path / "data", settings(tmp_path, limits)) as agent:
        async with raw_client(agent, greet="1.1") as client:
            reply = await client.ask("<get>" + "<a/>" * 100 + "</get>")
            assert b"<error-tag>too-big</error-tag>" in reply
            assert b"more than 100 elements" in reply
            reply = await client.ask("<get>" + "<a>" * 10 + "</a>" * 10 + "</get>")
            assert b"<error-tag>too-big</error-tag>" in reply
            assert b"deeper than 10 levels" in reply
            assert b"<data" in await client.ask("<get><filter/></get>")
            client.send(chunked(rpc("<get>" + "x" * 10000 + "</get>")))
            await client.closed()


async def test_what_was_refused_is_counted(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data", settings(tmp_path, "sessions-per-user = 1")) as agent:
        async with raw_client(agent, greet="1.1") as client:
            with pytest.raises(asyncssh.ChannelOpenError):
                await client.process.channel.get_connection().create_process(subsystem="netconf")
            reply = await client.ask(f'<get><filter><agent xmlns="{AGENT}"/></filter></get>')
            assert b"<refused-connections>1</refused-connections>" in reply
