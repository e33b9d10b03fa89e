"""Tunnels that come and go, told over NETCONF as they do, and again on request."""

from __future__ import annotations

import asyncio

import pytest
from lxml import etree

from tests.lab import carries
from tests.real.gateways import NS, STATE_LIMIT_S, inside, subscriber, text
from tests.real.test_netconf_to_charon import OTHER_SECRET, SECRET, Pair, pair, tunnel, up
from tests.wire.raw_client import RawClient, chunked, rpc

__all__ = ["pair"]
pytestmark = pytest.mark.real


async def event(client: RawClient, name: str, prefix: str = "i", **leafs: str) -> etree._Element:
    """Return the next notification of this name with these leafs, of the module of ``prefix`` in NS."""
    async with asyncio.timeout(STATE_LIMIT_S):
        while True:
            found = etree.fromstring(await client.chunked_message()).find(f"{prefix}:{name}", NS)
            wanted = {key.replace("_", "-"): value for key, value in leafs.items()}
            if found is not None and all(text(found, key, prefix) == value for key, value in wanted.items()):
                return found


def test_a_tunnel_that_comes_up_and_is_ended_is_told_now_and_later(pair: Pair) -> None:
    async def watch() -> None:
        async with subscriber(pair.bob) as client:
            await asyncio.to_thread(up, pair, 1)
            await event(client, "tunnel-state-changed", id="1", new_status="installed")
            await asyncio.to_thread(pair.act_on_bob, 1, "terminate")
            ended = await event(client, "tunnel-state-changed", id="1", new_status="down")
            assert text(ended, "old-status") == "installed"
        async with subscriber(pair.bob, "<startTime>2020-01-01T00:00:00Z</startTime>") as late:
            await event(late, "tunnel-state-changed", id="1", new_status="installed")
            await event(late, "tunnel-state-changed", id="1", new_status="down")

    inside(pair.lab.bob_ns, watch)


def test_a_wrong_secret_is_told_with_its_reason_and_without_the_secret(pair: Pair) -> None:
    async def watch() -> None:
        async with subscriber(pair.bob) as client:
            pair_commit = tunnel(1, "bob", "alice", initiator=True, secret=OTHER_SECRET)
            await asyncio.to_thread(pair.on_alice, tunnel(1, "alice", "bob", initiator=False))
            await asyncio.to_thread(pair.on_bob, pair_commit)
            failed = await event(client, "negotiation-failed", id="1", reason="authentication-failed")
            told = etree.tostring(failed).decode()
            assert SECRET not in told
            assert OTHER_SECRET not in told

    inside(pair.lab.bob_ns, watch)


def test_the_packets_of_a_tunnel_are_shown(pair: Pair) -> None:
    async def watch() -> None:
        async with subscriber(pair.bob) as client:
            body = f'<start-monitor xmlns="{NS["d"]}"><seconds>300</seconds><file>true</file></start-monitor>'
            client.send(chunked(rpc(body)))
            answer = await client.until_message(b"<monitor-id")
            assert b"<file" in answer
            await asyncio.to_thread(up, pair, 1)
            first = await event(
                client, "packet", "d", protocol="ike", exchange="ike-sa-init", response="false"
            )
            assert {text(first, "source", "d"), text(first, "destination", "d")} == {
                "192.168.0.1",
                "192.168.0.2",
            }
            await event(client, "packet", "d", protocol="ike", exchange="ike-auth", response="true")
            carried = asyncio.to_thread(carries, pair.lab.alice_ns, "10.1.0.1", pair.lab.bob_ns, "10.2.0.1")
            assert await carried
            esp = await event(client, "packet", "d", protocol="esp")
            assert text(esp, "tunnel", "d") == "1"
            assert len(text(esp, "spi", "d")) == 8
            body = f'<stop-monitor xmlns="{NS["d"]}"><monitor-id>1</monitor-id></stop-monitor>'
            client.send(chunked(rpc(body)))
            await event(client, "monitor-ended", "d", reason="stopped")

    inside(pair.lab.bob_ns, watch)
