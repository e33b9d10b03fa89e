"""Tunnels on demand: a trap in the kernel catches a packet, and the tunnel comes up for those that follow."""

from __future__ import annotations

import pytest

from tests.lab import FAST_RETRANSMIT, Lab
from tests.translators.real.kernel.wire import send_until_it_arrives
from tests.translators.real.test_status import traps
from tests.translators.tunnels import at_alice, at_bob

pytestmark = [pytest.mark.real, pytest.mark.kernel_esp]


def test_traffic_brings_a_tunnel_back_that_the_peer_has_closed(lab: Lab) -> None:
    """Counterpart of strongSwan's ikev2/net2net-route."""
    alice, bob = lab.alice(), lab.bob()
    alice.start(at_alice())
    bob.start(at_bob(close_action="trap"))
    bob.wait_status("installed")
    alice.run(alice.translator.action(("1",), "terminate", {}))
    bob.wait_for(lambda state: state["status"] == "down" and traps(bob) == ["ipsec-1/ipsec-1"])
    assert bob.sas() == []
    send_until_it_arrives(lab)
    state = bob.wait_status("installed")
    assert (state["counters"]["ups"], state["counters"]["downs"]) == (2, 1)


def test_traffic_brings_a_tunnel_back_whose_peer_was_dead(lab: Lab) -> None:
    """Counterpart of strongSwan's ikev2/dpd-trap."""
    alice, bob = lab.alice(), lab.bob(FAST_RETRANSMIT)
    alice.start(at_alice())
    bob.start(at_bob(dpd={"enabled": True, "delay": 1, "action": "trap"}))
    bob.wait_status("installed")
    # At the far end, as with a peer that is dead: bob keeps his routes.
    lab.alice_ns.ip("link", "set", lab.cable_of_alice, "down")
    bob.wait_for(lambda state: state["status"] == "down" and traps(bob) == ["ipsec-1/ipsec-1"])
    lab.alice_ns.ip("link", "set", lab.cable_of_alice, "up")
    send_until_it_arrives(lab)
    bob.wait_status("installed")
