"""A commit that confirms itself, on two gateways: it stays if its tunnels come up, and is back if not."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lxml import etree

from agent.operations.parameters import AGENT_NS
from tests.agent_process import AgentProcess
from tests.lab import Lab, Namespace, carries
from tests.real.gateways import NS, Orchestrator, edit, gateway, inside, on, subscriber, talk, text
from tests.real.test_netconf_to_charon import OTHER_SECRET, Pair, pair, spis, tunnel, up
from tests.scripts.agents import ROOT
from tests.scripts.test_readme import blocks
from tests.wire.raw_client import chunked, raw_client, rpc

__all__ = ["pair"]
pytestmark = pytest.mark.real

PAGE = (ROOT / "docs" / "safety-net.md").read_text(encoding="utf-8")
BLOCKS = {block.proof: block.text for block in blocks(PAGE)}
A = f"{{{AGENT_NS}}}"
TUNNEL = "/i:tunnels/i:ipsec[i:id='{}']"


def verify(within_s: int, *tunnels: int, persist: str = "") -> str:
    named = "".join(f"<entry>{TUNNEL.format(n)}</entry>" for n in tunnels)
    token = f"<persist>{persist}</persist>" if persist else ""
    return (
        f'<commit><confirmed/>{token}<verify xmlns="{AGENT_NS}" xmlns:i="{NS["i"]}">'
        f"<within-s>{within_s}</within-s>{named}</verify></commit>"
    )


def secret(value: str) -> str:
    return f"<ipsec><id>1</id><secret>{value}</secret></ipsec>"


def commits(namespace: Namespace, agent: AgentProcess, body: str, commit: str) -> etree._Element:
    """Return the reply of ``agent`` to a commit of ``body``."""

    async def work() -> etree._Element:
        async with raw_client(agent, greet="1.1") as client:
            assert b"<ok/>" in await client.ask(edit(body))
            return etree.fromstring(await client.ask(commit))

    return inside(namespace, work)


def bob_commits(pair: Pair, body: str, commit: str) -> etree._Element:
    return commits(pair.lab.bob_ns, pair.bob, body, commit)


def error(reply: etree._Element, leaf: str) -> str:
    (found,) = reply.findall("nc:rpc-error", NS)
    return found.findtext(f"nc:error-{leaf}", "", NS)


async def pending(orchestrator: Orchestrator) -> etree._Element | None:
    """Return what a pending commit waits for."""
    wanted = f'<agent xmlns="{AGENT_NS}"><confirmed-commit/></agent>'
    reply = await orchestrator.do(f"<get><filter>{wanted}</filter></get>")
    return reply.find(f".//{A}verify")


def newest_comment(agent: AgentProcess, lab: Lab) -> str | None:
    """Return what bob's history says of the newest commit."""

    async def work(orchestrator: Orchestrator) -> str | None:
        wanted = f'<agent xmlns="{AGENT_NS}"><history/></agent>'
        reply = await orchestrator.do(f"<get><filter>{wanted}</filter></get>")
        return reply.findtext(f".//{A}commit/{A}comment")

    return on(lab.bob_ns, agent, work)


async def under_way(orchestrator: Orchestrator) -> None:
    """Return once a commit waits for its tunnels."""
    async with asyncio.timeout(60):
        while await pending(orchestrator) is None:
            pass


def test_a_wrong_secret_is_taken_back_in_time_and_the_tunnel_carries_traffic_again(pair: Pair) -> None:
    up(pair, 1, 2)
    second = spis(pair.bob_until(2, "installed"))
    reply = bob_commits(pair, secret(OTHER_SECRET), verify(5))
    assert (error(reply, "tag"), error(reply, "app-tag")) == ("operation-failed", "verify-failed")
    assert error(reply, "path") == TUNNEL.format(1)
    assert "not everything worked within 5 s" in error(reply, "message")
    assert "authentication-failed" in error(reply, "message")
    pair.bob_until(1, "installed")
    pair.alice_until(1, "installed")
    assert carries(pair.lab.bob_ns, "10.2.0.1", pair.lab.alice_ns, "10.1.0.1")
    assert spis(pair.bob_until(2, "installed")) == second


def test_the_request_of_the_manual_is_answered_as_it_says(pair: Pair) -> None:
    up(pair, 1)
    reply = bob_commits(pair, secret(OTHER_SECRET), BLOCKS["verify"])
    (told,) = reply.findall("nc:rpc-error", NS)
    expected = etree.fromstring(BLOCKS["verify, answered"])
    leafs = [(leaf.tag, leaf.text) for leaf in expected if not leaf.tag.endswith("}error-path")]
    assert [(leaf.tag, leaf.text) for leaf in told if not leaf.tag.endswith("}error-path")] == leafs
    assert "ipsec[" in told.findtext("nc:error-path", "", NS)
    reply = bob_commits(pair, "<ipsec><id>1</id><description>new</description></ipsec>", BLOCKS["verify"])
    assert reply.find("nc:ok", NS) is not None


def test_a_wrong_secret_of_a_responder_is_taken_back_too(pair: Pair) -> None:
    """It cannot bring the tunnel up itself: it waits for its peer to come, which tries again by itself."""
    up(pair, 1)

    reply = commits(pair.lab.alice_ns, pair.alice, secret(OTHER_SECRET), verify(5))
    assert error(reply, "app-tag") == "verify-failed"
    pair.bob_until(1, "installed")
    assert carries(pair.lab.bob_ns, "10.2.0.1", pair.lab.alice_ns, "10.1.0.1")


def test_what_comes_up_confirms_itself(pair: Pair) -> None:
    up(pair, 1)
    before = spis(pair.bob_until(1, "installed"))
    pair.on_alice(tunnel(2, "alice", "bob", initiator=False))
    body = (
        tunnel(2, "bob", "alice", initiator=True) + "<ipsec><id>1</id><description>new</description></ipsec>"
    )
    reply = bob_commits(pair, body, verify(60))
    assert reply.find("nc:ok", NS) is not None, etree.tostring(reply)
    # Its session is over, and nothing is rolled back.
    assert text(pair.bob_until(2, "installed"), "status") == "installed"
    assert spis(pair.bob_until(1, "installed")) == before


def test_sas_of_before_the_change_do_not_count(pair: Pair) -> None:
    """alice keeps the old subnet: the SAs that were up are gone, and no new ones come."""
    up(pair, 1)
    moved = (
        '<ipsec><id>1</id><remote-subnet nc:operation="delete">10.1.0.0/16</remote-subnet>'
        "<remote-subnet>10.99.0.0/16</remote-subnet></ipsec>"
    )
    reply = bob_commits(pair, moved, verify(5))
    assert error(reply, "app-tag") == "verify-failed"
    assert "selectors-mismatch" in error(reply, "message")
    assert text(pair.bob_until(1, "installed"), "child-sa/remote-ts") == "10.1.0.0/16"


def test_a_peer_that_is_configured_later_and_others_are_answered_meanwhile(pair: Pair) -> None:
    up(pair, 1)

    async def wait() -> etree._Element:
        async with raw_client(pair.bob, greet="1.1") as waiting:
            assert b"<ok/>" in await waiting.ask(edit(tunnel(2, "bob", "alice", initiator=True)))
            waiting.send(chunked(rpc(verify(60))))
            await talk(pair.bob, attempted_in_vain)
            configured.set_result(None)
            return etree.fromstring(await waiting.chunked_message())

    async def attempted_in_vain(other: Orchestrator) -> None:
        await under_way(other)
        # A first attempt that failed, a pause, and others: about three seconds.
        await other.until(2, lambda state: int(text(state, "supervision/attempts") or "0") >= 3)
        verifying = await pending(other)
        assert verifying is not None
        assert "".join(verifying.findtext(f"{A}not-working/{A}entry", "").split("'")[1::2]) == "2"
        assert "connecting: " in verifying.findtext(f"{A}not-working/{A}reason", "")

    async def work() -> etree._Element:
        nonlocal configured
        configured = asyncio.get_running_loop().create_future()
        reply = asyncio.ensure_future(wait())
        await asyncio.wait({reply, configured}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(pair.on_alice, tunnel(2, "alice", "bob", initiator=False))
        return await reply

    configured: asyncio.Future[None]
    reply = inside(pair.lab.bob_ns, work)
    assert reply.find("nc:ok", NS) is not None, etree.tostring(reply)
    assert carries(pair.lab.bob_ns, "10.4.0.1", pair.lab.alice_ns, "10.3.0.1")


def test_two_ends_that_wait_for_each_other_confirm_themselves(pair: Pair) -> None:
    lab = pair.lab
    ends = (
        (lab.alice_ns, pair.alice, tunnel(1, "alice", "bob", initiator=False)),
        (lab.bob_ns, pair.bob, tunnel(1, "bob", "alice", initiator=True)),
    )
    with ThreadPoolExecutor() as pool:
        replies = [pool.submit(commits, *end, verify(60)) for end in ends]
        assert [reply.result().find("nc:ok", NS) is not None for reply in replies] == [True, True]
    assert carries(lab.bob_ns, "10.2.0.1", lab.alice_ns, "10.1.0.1")


def test_with_persist_the_outcome_is_told(pair: Pair) -> None:
    up(pair, 1)

    async def work() -> bytes:
        async with subscriber(pair.bob) as events:
            await talk(pair.bob, commit)
            return await events.until_message(b"verify-ended")

    async def commit(orchestrator: Orchestrator) -> None:
        await orchestrator.do(edit(secret(OTHER_SECRET)))
        await orchestrator.do(verify(5, 1, persist="token"))

    event = inside(pair.lab.bob_ns, work)
    assert b"<outcome>rolled-back</outcome>" in event
    assert b"authentication-failed" in event
    pair.bob_until(1, "installed")
    assert carries(pair.lab.bob_ns, "10.2.0.1", pair.lab.alice_ns, "10.1.0.1")


@pytest.mark.parametrize("how", ["goes", "is killed"])
def test_a_client_that_ends_while_it_waits_takes_its_commit_along(pair: Pair, how: str) -> None:
    up(pair, 1)

    async def work() -> None:
        async with raw_client(pair.bob, greet="1.1") as waiting:
            assert b"<ok/>" in await waiting.ask(edit(secret(OTHER_SECRET)))
            waiting.send(chunked(rpc(verify(3600))))
            await talk(pair.bob, under_way)
            if how == "is killed":
                await talk(pair.bob, kill)
                assert b"the session is to end" in await waiting.closed()

    async def kill(other: Orchestrator) -> None:
        wanted = f'<agent xmlns="{AGENT_NS}"><confirmed-commit/></agent>'
        reply = await other.do(f"<get><filter>{wanted}</filter></get>")
        session_id = reply.findtext(f".//{A}session-id")
        await other.do(f"<kill-session><session-id>{session_id}</session-id></kill-session>")

    inside(pair.lab.bob_ns, work)
    pair.bob_until(1, "installed")
    assert carries(pair.lab.bob_ns, "10.2.0.1", pair.lab.alice_ns, "10.1.0.1")


def test_kill_9_while_it_waits_rolls_back_and_the_history_says_why(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "bob-agent"

    async def commit_and_die(orchestrator: Orchestrator) -> None:
        await orchestrator.do(edit(secret(OTHER_SECRET)))
        await orchestrator.do(verify(600, persist="token"))
        bob.kill()

    with gateway(lab.alice_ns, tmp_path / "alice-agent") as alice:
        on(lab.alice_ns, alice, lambda o: o.commit(tunnel(1, "alice", "bob", initiator=False)))
        with gateway(lab.bob_ns, folder, keep_charon=True) as bob:
            on(lab.bob_ns, bob, lambda o: o.commit(tunnel(1, "bob", "alice", initiator=True)))
            on(lab.bob_ns, bob, lambda o: o.until_status(1, "installed"))
            on(lab.bob_ns, bob, commit_and_die)
        with gateway(lab.bob_ns, folder) as again:
            on(lab.bob_ns, again, lambda o: o.until_status(1, "installed"))
            assert carries(lab.bob_ns, "10.2.0.1", lab.alice_ns, "10.1.0.1")
            assert newest_comment(again, lab) == (
                "rollback of commit 3 at start: verify: the server ended while it waited for "
                "/yangswan-ipsec:tunnels/ipsec[id='1']"
            )


def test_kill_9_after_it_confirmed_itself_keeps_it(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "bob-agent"

    async def commit(orchestrator: Orchestrator) -> None:
        await orchestrator.do(edit(tunnel(1, "bob", "alice", initiator=True)))
        await orchestrator.do(verify(60))
        bob.kill()

    with gateway(lab.alice_ns, tmp_path / "alice-agent") as alice:
        on(lab.alice_ns, alice, lambda o: o.commit(tunnel(1, "alice", "bob", initiator=False)))
        with gateway(lab.bob_ns, folder, keep_charon=True) as bob:
            on(lab.bob_ns, bob, commit)
        with gateway(lab.bob_ns, folder) as again:
            on(lab.bob_ns, again, lambda o: o.until_status(1, "installed"))
            assert carries(lab.bob_ns, "10.2.0.1", lab.alice_ns, "10.1.0.1")
