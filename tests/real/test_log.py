"""The log of a live tunnel over NETCONF: asked for in one session, read in another, and free of secrets."""

from __future__ import annotations

import asyncio

import pytest
from lxml import etree

from tests.real.gateways import DAEMON, NS, STATE_LIMIT_S, inside, subscriber, text
from tests.real.test_netconf_to_charon import OTHER_SECRET, SECRET, Pair, pair, tunnel, up
from tests.wire.raw_client import RawClient, raw_client

__all__ = ["pair"]
pytestmark = pytest.mark.real


def start_log(*leafs: str) -> str:
    return f'<start-log xmlns="{DAEMON}">{"".join(leafs)}</start-log>'


async def asked(pair: Pair, body: str) -> etree._Element:
    """Return the reply to ``body`` in a session of its own, which is closed then."""
    async with raw_client(pair.bob, greet="1.1") as client:
        return etree.fromstring(await client.ask(body))


async def until_ended(client: RawClient) -> tuple[list[etree._Element], etree._Element, str]:
    """Return the lines of the log until it ended, how it ended, and all that was received."""
    lines, received = [], ""
    async with asyncio.timeout(STATE_LIMIT_S):
        while True:
            message = await client.chunked_message()
            received += message.decode()
            root = etree.fromstring(message)
            if (line := root.find("d:log-line", NS)) is not None:
                lines.append(line)
            if (ended := root.find("d:log-ended", NS)) is not None:
                return lines, ended, received


def test_the_log_of_a_tunnel_is_told_when_the_session_that_asked_is_gone(pair: Pair) -> None:
    async def watch() -> None:
        async with subscriber(pair.bob) as client:
            reply = await asked(pair, start_log("<tunnel>1</tunnel>", "<seconds>3600</seconds>"))
            number = text(reply, "log-id", "d")
            await asyncio.to_thread(up, pair, 1, 2)
            await asyncio.to_thread(
                pair.on_alice, tunnel(1, "alice", "bob", initiator=False, secret=OTHER_SECRET)
            )
            await asyncio.to_thread(pair.act_on_bob, 1, "terminate")
            await asked(pair, f'<stop-log xmlns="{DAEMON}"><log-id>{number}</log-id></stop-log>')
            lines, ended, received = await until_ended(client)
        assert (text(ended, "log-id", "d"), text(ended, "reason", "d")) == (number, "stopped")
        assert int(text(ended, "lines", "d")) == len(lines)
        said = [text(line, "text", "d") for line in lines]
        for expected in ("initiating IKE_SA ipsec-1[", "CHILD_SA ipsec-1{", "deleting IKE_SA ipsec-1["):
            assert any(expected in one for one in said), said
        assert not any("ipsec-2" in one for one in said)
        assert {text(line, "level", "d") for line in lines} == {"0", "1"}
        for secret in (SECRET, OTHER_SECRET):
            assert secret not in received
            assert secret.encode().hex() not in received.lower()

    inside(pair.lab.bob_ns, watch)


def test_it_ends_by_itself_after_its_lines(pair: Pair) -> None:
    async def watch() -> None:
        async with subscriber(pair.bob) as client:
            await asked(pair, start_log("<lines>5</lines>"))
            await asyncio.to_thread(up, pair, 1)
            lines, ended, _received = await until_ended(client)
        assert len(lines) == 5
        assert text(ended, "reason", "d") == "lines"

    inside(pair.lab.bob_ns, watch)


@pytest.mark.parametrize("level", ["2", "4", "-1"])
def test_a_level_that_the_daemon_does_not_hand_out_is_refused(pair: Pair, level: str) -> None:
    reply = inside(pair.lab.bob_ns, lambda: asked(pair, start_log(f"<level>{level}</level>")))
    assert reply.findtext(".//nc:error-tag", namespaces=NS) == "invalid-value"
    if level != "-1":  # which is no number of the type at all
        assert reply.findtext(".//nc:error-app-tag", namespaces=NS) == "log-level-range"
        message = reply.findtext(".//nc:error-message", namespaces=NS)
        assert message == "the daemon hands out the levels 0 and 1 of its log only"


def test_a_log_that_is_not_there_cannot_be_stopped(pair: Pair) -> None:
    stop = f'<stop-log xmlns="{DAEMON}"><log-id>7</log-id></stop-log>'
    reply = inside(pair.lab.bob_ns, lambda: asked(pair, stop))
    assert reply.findtext(".//nc:error-tag", namespaces=NS) == "invalid-value"
    assert reply.findtext(".//nc:error-message", namespaces=NS) == "there is no log 7"
