"""Subscriptions to datastores on the wire, with the modules and the translator that are shipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.agent.push.subscriber import Subscriber, meaning
from tests.agent_process import AgentProcess, running_agent
from tests.requests import IPSEC, edit_candidate, tunnel
from tests.wire.raw_client import RawClient, chunked, raw_client, rpc
from tests.wire.test_sessions import settings
from translators.strongswan.model import ALWAYS_CHANGING

SN = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
YP = "urn:ietf:params:xml:ns:yang:ietf-yang-push"
DS = "urn:ietf:params:xml:ns:yang:ietf-datastores"
NMDA = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
NAMESPACES = {"yangswan-ipsec": IPSEC}
KEYS = {
    "ipsec": ["id"],
    "local-subnet": ["."],
    "remote-subnet": ["."],
    "event": ["index"],
    "overlap": ["tunnel"],
}
TUNNELS = f'<tunnels xmlns="{IPSEC}"/>'


def establish(datastore: str, policy: str, filter_: str = TUNNELS) -> str:
    subtree = f"<yp:datastore-subtree-filter>{filter_}</yp:datastore-subtree-filter>" if filter_ else ""
    return (
        f'<establish-subscription xmlns="{SN}" xmlns:yp="{YP}" xmlns:ds="{DS}">'
        f"<yp:datastore>ds:{datastore}</yp:datastore>{subtree}{policy}</establish-subscription>"
    )


async def shown(client: RawClient, datastore: str) -> Any:
    reply = await client.ask(
        f'<get-data xmlns="{NMDA}" xmlns:ds="{DS}"><datastore>ds:{datastore}</datastore>'
        f"<subtree-filter>{TUNNELS}</subtree-filter></get-data>"
    )
    data = etree.fromstring(reply).find("{*}data")
    for path in ALWAYS_CHANGING:
        steps = [step.rpartition(":")[2] for step in path.strip("/").split("/")]
        for node in data.findall("/".join(f"{{{IPSEC}}}{step}" for step in steps)):
            node.getparent().remove(node)
    return meaning(data)


async def commit(client: RawClient, body: str) -> None:
    assert b"<ok/>" in await client.ask(edit_candidate(body))
    assert b"<ok/>" in await client.ask("<commit/>")


async def followed(client: RawClient, subscriber: Subscriber, expected: Any) -> None:
    """Take updates until the subscriber has what is expected."""
    while meaning(subscriber.data) != expected:
        subscriber.take(await client.until_message(b"<push-"))


@pytest.mark.parametrize("datastore", ["running", "candidate", "operational"])
async def test_who_knows_rfc8641_only_has_what_a_get_shows(agent: AgentProcess, datastore: str) -> None:
    subscriber = Subscriber(NAMESPACES, KEYS)
    async with raw_client(agent, greet="1.1") as watcher, raw_client(agent, greet="1.1") as worker:
        await commit(worker, tunnel(1))
        watcher.send(chunked(rpc(establish(datastore, "<yp:on-change/>"))))
        assert b"<id " in await watcher.until_message(b"rpc-reply")
        await followed(watcher, subscriber, await shown(worker, datastore))
        gone = (
            f'<tunnels xmlns="{IPSEC}"><ipsec nc:operation="delete" '
            'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"><id>1</id></ipsec></tunnels>'
        )
        for body in (tunnel(2), tunnel(1, "another"), tunnel(3), gone):
            await commit(worker, body)
            await followed(watcher, subscriber, await shown(worker, datastore))
        assert subscriber.syncs == 1
        await commit(worker, gone.replace(">1<", ">2<").replace("delete", "remove"))
        await commit(worker, gone.replace(">1<", ">3<"))


async def test_all_of_a_datastore(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data", settings(tmp_path, "push-period-cs = 1")) as agent:
        async with raw_client(agent, greet="1.1") as client, raw_client(agent, greet="1.1") as worker:
            for datastore in ("running", "operational", "candidate"):
                for policy in ("<yp:on-change/>", "<yp:periodic><yp:period>360000</yp:period></yp:periodic>"):
                    client.send(chunked(rpc(establish(datastore, policy, ""))))
                    assert b"<id " in await client.until_message(b"rpc-reply")
                    first = etree.fromstring(await client.until_message(b"push-update"))
                    assert first.find(".//{*}datastore-contents/{*}nacm") is not None
                    state = first.find(".//{*}datastore-contents/{*}netconf-state")
                    assert (state is not None) is (datastore == "operational" and "periodic" in policy)
            await commit(worker, tunnel(1))
            told = {
                etree.fromstring(await client.until_message(b"push-change")).findtext(".//{*}id")
                for _ in "123"
            }
            assert told == {"1", "3", "5"}


async def test_who_reads_nothing_keeps_nobody(tmp_path: Path) -> None:
    """What changes meanwhile is merged, and is right when he reads again."""
    limits = "write-timeout-s = 600"
    with running_agent(tmp_path / "data", settings(tmp_path, limits)) as agent:
        async with raw_client(agent, greet="1.1") as stuck, raw_client(agent, greet="1.1") as worker:
            stuck.send(chunked(rpc(establish("running", "<yp:on-change/>"))))
            assert b"<id " in await stuck.until_message(b"rpc-reply")
            subscriber = Subscriber(NAMESPACES, KEYS)
            stuck.process.channel.pause_reading()
            for number in range(40):
                await commit(worker, tunnel(1, "x" * 200 + str(number)))
            stuck.process.channel.resume_reading()
            await followed(stuck, subscriber, await shown(worker, "running"))
