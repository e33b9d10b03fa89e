"""The first whole: NETCONF client, candidate, commit, live strongSwan, and its state back as YANG data."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import etree

from tests.agent_process import AgentProcess
from tests.lab import Lab, carries, charon_folder
from tests.real.gateways import IPSEC, NS, Orchestrator, gateway, loaded_connections, on, problems, text

pytestmark = pytest.mark.real

SECRET = "Zebra-Crossing-7"
OTHER_SECRET = "Walrus-Hunting-9"
PROPOSALS = (
    "<ike><proposal><priority>1</priority><cipher>aes256</cipher><auth>sha384</auth><dh>ecp384</dh></proposal></ike>"
    "<esp><proposal><priority>1</priority><cipher>aes128gcm16</cipher><dh>x25519</dh></proposal></esp>"
)


def tunnel(number: int, own: str, other: str, *, initiator: bool, secret: str = SECRET) -> str:
    """Return the tunnel of one side; alice is .1 and holds 10.1 (tunnel 2: 10.3), bob .2 and 10.2 (10.4)."""
    host = {"alice": 1, "bob": 2}
    net = {"alice": 1 if number == 1 else 3, "bob": 2 if number == 1 else 4}
    return (
        f"<ipsec><id>{number}</id><description>to {other}</description>"
        f"<initiator>{str(initiator).lower()}</initiator><secret>{secret}</secret>"
        f"<local-address>192.168.0.{host[own]}</local-address><peer>192.168.0.{host[other]}</peer>"
        f"<local-id><name>{own}-{number}</name></local-id><remote-id><name>{other}-{number}</name></remote-id>"
        f"<local-subnet>10.{net[own]}.0.0/16</local-subnet><remote-subnet>10.{net[other]}.0.0/16</remote-subnet>"
        f"{PROPOSALS}</ipsec>"
    )


@dataclass
class Pair:
    lab: Lab
    alice: AgentProcess
    bob: AgentProcess

    def on_alice(self, *bodies: str) -> None:
        on(self.lab.alice_ns, self.alice, lambda o: o.commit(*bodies))

    def on_bob(self, *bodies: str) -> None:
        on(self.lab.bob_ns, self.bob, lambda o: o.commit(*bodies))

    def alice_until(self, number: int, status: str) -> etree._Element:
        return on(self.lab.alice_ns, self.alice, lambda o: o.until_status(number, status))

    def bob_until(self, number: int, status: str) -> etree._Element:
        return on(self.lab.bob_ns, self.bob, lambda o: o.until_status(number, status))

    def act_on_bob(self, number: int, action: str) -> None:
        body = (
            '<action xmlns="urn:ietf:params:xml:ns:yang:1">'
            f'<tunnels xmlns="{IPSEC}"><ipsec><id>{number}</id><{action}/></ipsec></tunnels></action>'
        )
        on(self.lab.bob_ns, self.bob, lambda o: o.do(body))


@pytest.fixture
def pair(lab: Lab, tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        alice = stack.enter_context(gateway(lab.alice_ns, tmp_path / "alice-agent"))
        bob = stack.enter_context(gateway(lab.bob_ns, tmp_path / "bob-agent"))
        yield Pair(lab, alice, bob)


def up(pair: Pair, *numbers: int) -> None:
    pair.on_alice("".join(tunnel(n, "alice", "bob", initiator=False) for n in numbers))
    pair.on_bob("".join(tunnel(n, "bob", "alice", initiator=True) for n in numbers))
    for number in numbers:
        pair.bob_until(number, "installed")
        pair.alice_until(number, "installed")


def spis(state: etree._Element) -> set[str]:
    return {text(child, "spi-in") for child in state.findall("i:child-sa", NS)}


def test_a_tunnel_from_candidate_to_traffic_and_back(pair: Pair) -> None:
    up(pair, 1)
    assert carries(pair.lab.alice_ns, "10.1.0.1", pair.lab.bob_ns, "10.2.0.1")
    assert carries(pair.lab.bob_ns, "10.2.0.1", pair.lab.alice_ns, "10.1.0.1")
    state = pair.bob_until(1, "installed")
    assert int(text(state, "child-sa/bytes-in")) > 0
    assert int(text(state, "child-sa/bytes-out")) > 0
    negotiated = [text(state, f"ike-sa/{name}") for name in ("cipher", "auth", "dh")]
    assert negotiated == ["aes256", "sha384", "ecp384"]
    assert text(state, "child-sa/cipher") == "aes128gcm16"
    assert text(state, "child-sa/local-ts") == "10.2.0.0/16"


def test_a_change_of_one_tunnel_leaves_the_other_alone(pair: Pair) -> None:
    up(pair, 1, 2)
    carries(pair.lab.alice_ns, "10.1.0.1", pair.lab.bob_ns, "10.2.0.1")
    before = pair.bob_until(1, "installed")
    second = spis(pair.bob_until(2, "installed"))
    new = tunnel(2, "alice", "bob", initiator=False, secret=OTHER_SECRET)
    pair.on_alice(new.replace("10.3.0.0/16", "10.3.0.0/24"))
    new = tunnel(2, "bob", "alice", initiator=True, secret=OTHER_SECRET)
    removed = '<ipsec><id>2</id><remote-subnet nc:operation="delete">10.3.0.0/16</remote-subnet></ipsec>'
    pair.on_bob(removed + new.replace("10.3.0.0/16", "10.3.0.0/24"))
    after = pair.bob_until(1, "installed")
    assert spis(after) == spis(before)
    assert text(after, "child-sa/bytes-in") == text(before, "child-sa/bytes-in")
    assert not spis(pair.bob_until(2, "installed")) & second


def test_a_description_disturbs_nothing(pair: Pair) -> None:
    up(pair, 1)
    before = spis(pair.bob_until(1, "installed"))
    pair.on_bob("<ipsec><id>1</id><description>renamed</description></ipsec>")
    assert spis(pair.bob_until(1, "installed")) == before


def test_disable_enable_and_delete_on_the_responder(pair: Pair) -> None:
    up(pair, 1)
    pair.on_alice("<ipsec><id>1</id><enabled>false</enabled></ipsec>")
    pair.alice_until(1, "down")
    assert asyncio.run(loaded_connections(pair.alice.data_dir)) == {}
    pair.on_alice("<ipsec><id>1</id><enabled>true</enabled></ipsec>")
    pair.alice_until(1, "installed")
    pair.on_alice('<ipsec nc:operation="delete"><id>1</id></ipsec>')
    assert asyncio.run(loaded_connections(pair.alice.data_dir)) == {}


def test_actions_terminate_and_initiate(pair: Pair) -> None:
    up(pair, 1)
    before = spis(pair.bob_until(1, "installed"))
    pair.act_on_bob(1, "restart")
    on(
        pair.lab.bob_ns,
        pair.bob,
        lambda o: o.until(1, lambda s: text(s, "status") == "installed" and not spis(s) & before),
    )
    pair.act_on_bob(1, "terminate")
    pair.bob_until(1, "down")
    pair.act_on_bob(1, "initiate")
    pair.bob_until(1, "installed")


def test_a_wrong_secret_never_comes_up_and_says_why(pair: Pair) -> None:
    pair.on_alice(tunnel(1, "alice", "bob", initiator=False))
    pair.on_bob(tunnel(1, "bob", "alice", initiator=True, secret=OTHER_SECRET))

    async def reason(orchestrator: Orchestrator) -> str:
        state = await orchestrator.until(1, lambda s: text(s, "last-error/reason"))
        assert text(state, "status") != "installed"
        return text(state, "last-error/reason")

    assert on(pair.lab.bob_ns, pair.bob, reason) == "authentication-failed"


def refused(pair: Pair, body: str) -> list[tuple[str, str]]:
    """Return (error-app-tag, error-path) of what the commit of ``body`` on alice answers."""
    return [(app_tag, path) for _tag, app_tag, path, _text in problems(pair.lab.alice_ns, pair.alice, body)]


def test_what_would_weaken_a_gateway_is_refused_before_charon_sees_it(pair: Pair) -> None:
    one = tunnel(1, "alice", "bob", initiator=False)
    path = "/ipsec:tunnels/ipsec:ipsec[ipsec:id='1']"
    unprotected = one.replace("aes128gcm16", "aes128")
    assert [tag for tag, _ in refused(pair, unprotected)] == ["esp-integrity-required"]
    no_peer = tunnel(1, "alice", "bob", initiator=True).replace("<peer>192.168.0.2</peer>", "")
    assert [tag for tag, _ in refused(pair, no_peer)] == ["peer-required"]
    twin = one + one.replace("<id>1</id>", "<id>2</id>")
    found = refused(pair, twin)
    assert found
    assert all(found_path.startswith(path[:-3]) for _, found_path in found)
    assert asyncio.run(loaded_connections(pair.alice.data_dir)) == {}


def test_no_secret_is_in_any_log_at_any_level(pair: Pair) -> None:
    up(pair, 1)
    pair.on_alice(tunnel(1, "alice", "bob", initiator=False, secret=OTHER_SECRET))
    for agent in (pair.alice, pair.bob):
        assert agent.stop() == 0
        written = "".join(agent.log) + "".join(
            file.read_text(errors="replace") for file in charon_folder(agent.data_dir).glob("*.log*")
        )
        assert "ipsec-1" in written
        for secret in (SECRET, OTHER_SECRET):
            assert secret not in written
            assert secret.encode().hex() not in written.lower()
