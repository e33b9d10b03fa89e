"""Subscriptions of RFC 8639 on the wire: many on a session, and clients that do not read."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from lxml import etree

from tests.agent_process import AgentProcess, running_agent
from tests.requests import edit_candidate, tunnel
from tests.wire.raw_client import RawClient, chunked, raw_client, rpc
from tests.wire.test_sessions import settings

SN = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
LIBRARY = "urn:ietf:params:xml:ns:yang:ietf-yang-library"
ALL = f'<establish-subscription xmlns="{SN}"><stream>NETCONF</stream></establish-subscription>'
MOST_COMMITS = 1000
"""Of a test that waits until a client's window is full."""


async def established(client: RawClient, count: int) -> list[str]:
    """Subscribe ``count`` times; returns the ids."""
    for number in range(count):
        client.send(chunked(rpc(ALL, f"establish-{number}")))
    replies = [await client.until_message(b"rpc-reply") for _ in range(count)]
    return [etree.fromstring(reply).findtext("{*}id") for reply in replies]


async def shown(client: RawClient) -> dict[str, str]:
    """Return the states of receivers by the ids of their subscriptions."""
    reply = await client.ask(f'<get><filter><subscriptions xmlns="{SN}"/></filter></get>')
    rows = etree.fromstring(reply).iter(f"{{{SN}}}subscription")
    return {row.findtext("{*}id"): row.findtext("{*}receivers/{*}receiver/{*}state") for row in rows}


async def commit(client: RawClient, number: int) -> None:
    assert b"<ok/>" in await client.ask(edit_candidate(tunnel(1, f"turn {number}")))
    assert b"<ok/>" in await client.ask("<commit/>")


async def commit_until_suspended(worker: RawClient, first: int = 0) -> str:
    """Commit until one subscription is suspended; returns its id."""
    for number in range(first, MOST_COMMITS):
        await commit(worker, number)
        for id, state in (await shown(worker)).items():
            if state == "suspended":
                return id
    raise AssertionError("nobody was suspended")


async def test_500_subscriptions_are_told_of_one_commit(tmp_path: Path) -> None:
    limits = "subscriptions-per-user = 512\nsessions-per-source = 16"
    with running_agent(tmp_path / "data", settings(tmp_path, limits)) as agent:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(raw_client(agent, greet="1.1")) for _ in range(8)]
            ids = [id for client in clients for id in await established(client, 64)]
            assert len(set(ids)) == 512
            worker = await stack.enter_async_context(raw_client(agent, greet="1.1"))
            await commit(worker, 1)
            for client in clients:
                for _ in range(64):
                    await client.until_message(b"netconf-config-change")
            assert set((await shown(worker)).values()) == {"active"}


async def test_a_session_ends_and_its_subscriptions_do(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as watcher, raw_client(agent, greet="1.1") as other:
        before = await shown(watcher)
        ids = await established(other, 2)
        assert set(await shown(watcher)) == {*before, *ids}
        other.send(chunked(rpc("<close-session/>")))
        await other.closed()
        while set(await shown(watcher)) & set(ids):
            pass


async def test_a_subscriber_may_be_silent_for_long(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data", settings(tmp_path, "idle-timeout-s = 1")) as agent:
        async with raw_client(agent, greet="1.1") as watcher, raw_client(agent, greet="1.1") as idle:
            await established(watcher, 1)
            await idle.closed()
            end = await watcher.until_message(b"<termination-reason>timeout</termination-reason>")
            assert b"netconf-session-end" in end


async def test_who_does_not_read_is_suspended_and_told_so_when_it_reads_again(tmp_path: Path) -> None:
    limits = "write-timeout-s = 600\nsubscription-events = 4\nsubscription-suspended-s = 600"
    with running_agent(tmp_path / "data", settings(tmp_path, limits)) as agent:
        async with raw_client(agent, greet="1.1") as stuck, raw_client(agent, greet="1.1") as worker:
            await established(stuck, 64)  # so that the window of the channel is full soon
            stuck.process.channel.pause_reading()
            id = await commit_until_suspended(worker)
            stuck.process.channel.resume_reading()
            mine = f"<id>{id}</id>".encode()
            while mine not in (told := await stuck.until_message(b"subscription-suspended")):
                pass
            assert b"unsupportable-volume" in told
            while mine not in await stuck.until_message(b"subscription-resumed"):
                pass
            assert b"notifications-missed" in await stuck.until_message(b"<count>")
            while (await shown(worker))[id] != "active":
                pass


async def test_who_is_suspended_for_too_long_is_ended_and_its_session_is_not(tmp_path: Path) -> None:
    limits = "write-timeout-s = 600\nsubscription-events = 4\nsubscription-suspended-s = 1"
    with running_agent(tmp_path / "data", settings(tmp_path, limits)) as agent:
        async with raw_client(agent, greet="1.1") as stuck, raw_client(agent, greet="1.1") as worker:
            await established(stuck, 64)
            stuck.process.channel.pause_reading()
            id = await commit_until_suspended(worker)
            while id in await shown(worker):
                pass
            stuck.process.channel.resume_reading()
            mine = f"<id>{id}</id>".encode()
            while mine not in (told := await stuck.until_message(b"subscription-terminated")):
                pass
            assert b"suspension-timeout" in told
            stuck.send(chunked(rpc("<get-config><source><running/></source></get-config>")))
            assert b"<data" in await stuck.until_message(b"rpc-reply")


async def test_what_is_served_is_in_the_yang_library_and_can_be_fetched(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        reply = etree.fromstring(
            await client.ask(f'<get><filter><yang-library xmlns="{LIBRARY}"/></filter></get>')
        )
        served = {
            module.findtext("{*}name"): {feature.text for feature in module.findall("{*}feature")}
            for module in reply.iter(f"{{{LIBRARY}}}module")
        }
        assert served["ietf-subscribed-notifications"] == {"encode-xml", "replay", "subtree", "xpath"}
        # What it refers to for subscriptions that are configured, of which there are none.
        assert not {"ietf-interfaces", "ietf-network-instance", "ietf-ip"} & set(served)
        imported = {e.findtext("{*}name") for e in reply.iter(f"{{{LIBRARY}}}import-only-module")}
        assert {"ietf-interfaces", "ietf-network-instance", "ietf-ip", "ietf-restconf"} <= imported
        for name in ("ietf-subscribed-notifications", "ietf-network-instance"):
            monitoring = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
            text = await client.ask(
                f'<get-schema xmlns="{monitoring}"><identifier>{name}</identifier></get-schema>'
            )
            assert f"module {name} {{".encode() in text
        assert b"notification-message-origin" in await client.ask(
            f'<get-schema xmlns="{monitoring}"><identifier>ietf-subscribed-notifications</identifier>'
            "</get-schema>"
        )
