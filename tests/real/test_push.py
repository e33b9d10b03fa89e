"""A tunnel that comes and goes, pushed to who subscribes to the changes of operational (RFC 8641)."""

from __future__ import annotations

import asyncio

import pytest
from lxml import etree

from tests.agent.push.subscriber import Subscriber, meaning
from tests.real.gateways import IPSEC, STATE_LIMIT_S, inside
from tests.real.test_netconf_to_charon import Pair, pair, up
from tests.wire.raw_client import RawClient, chunked, raw_client, rpc
from tests.wire.test_push import KEYS, NAMESPACES, establish, shown

__all__ = ["pair"]
pytestmark = pytest.mark.real

TRAFFIC = {name: ["."] for name in ("local-ts", "remote-ts", "covered-network", "plugin")}
STATUS = f"{{{IPSEC}}}tunnels/{{{IPSEC}}}ipsec/{{{IPSEC}}}state/{{{IPSEC}}}status"


async def until(client: RawClient, subscriber: Subscriber, status: str) -> None:
    async with asyncio.timeout(STATE_LIMIT_S):
        while subscriber.data.findtext(STATUS) != status:
            subscriber.take(await client.until_message(b"<push-"))


async def agrees(client: RawClient, other: RawClient, subscriber: Subscriber) -> None:
    """Wait until the subscriber has all that a get shows, but for what always changes."""
    async with asyncio.timeout(STATE_LIMIT_S):
        while await shown(other, "operational") != meaning(subscriber.data):
            try:
                async with asyncio.timeout(1):
                    message = await client.until_message(b"<push-")
            except TimeoutError:
                continue
            subscriber.take(message)


def test_a_tunnel_that_goes_down_is_pushed_and_all_that_is_known_of_it_is_right(pair: Pair) -> None:
    async def watch() -> None:
        subscriber = Subscriber(
            NAMESPACES, {**KEYS, "ike-sa": ["unique-id"], "child-sa": ["unique-id"], **TRAFFIC}
        )
        async with raw_client(pair.bob, greet="1.1") as client, raw_client(pair.bob, greet="1.1") as other:
            client.send(chunked(rpc(establish("operational", "<yp:on-change/>"))))
            assert b"<id " in await client.until_message(b"rpc-reply")
            await asyncio.to_thread(up, pair, 1)
            await until(client, subscriber, "installed")
            await agrees(client, other, subscriber)
            await asyncio.to_thread(pair.act_on_bob, 1, "terminate")
            await until(client, subscriber, "down")
            await agrees(client, other, subscriber)
            assert subscriber.syncs == 1
            assert b"not-a-real-secret" not in etree.tostring(subscriber.data)

    inside(pair.lab.bob_ns, watch)
