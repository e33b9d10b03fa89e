"""Why live tunnels go down, or do not come up: what this gateway does itself, and what is on the way."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab import FAST_RETRANSMIT, Gateway, Lab, run
from tests.translators.real.test_status import assert_sound, happened, statuses, told, until_told
from tests.translators.status.test_state import context as _context
from tests.translators.tunnels import at_alice, at_bob

pytestmark = pytest.mark.real

yang = _context

HARD = {"lifetime-soft": {"time": 0}, "lifetime-hard": {"time": 3}}


def drop(gateway: Gateway, *packets: str) -> None:
    """Have the namespace of ``gateway`` drop what it sends that matches."""
    rule = " ".join(packets)
    table = "add table inet way; add chain inet way out { type filter hook output priority 0; }"
    run(*gateway.namespace.exec, "nft", f"{table}; add rule inet way out {rule} drop")


def mend(gateway: Gateway) -> None:
    run(*gateway.namespace.exec, "nft", "delete table inet way")


def test_a_responder_that_ends_what_is_idle_says_so(lab: Lab, yang: Any) -> None:
    alice, bob = lab.alice(), lab.bob()
    alice.start(at_alice(esp={"lifetime-soft": {"idle": 3}}))
    bob.start(at_bob())
    state = alice.wait_for(lambda state: state["counters"]["downs"] >= 1)
    assert state["last-down"]["reason"] == "inactive"
    assert bob.wait_for(lambda state: "last-down" in state)["last-down"]["reason"] == "peer-closed"
    assert_sound(yang, alice)


def test_what_we_end_ourselves_comes_back_whatever_close_action_says(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob()
    alice.start(at_alice())
    bob.start(at_bob(esp=HARD, close_action="clear"))
    state = bob.wait_for(lambda state: state["counters"]["downs"] >= 1)
    assert state["last-down"]["reason"] == "lifetime-expired"
    assert alice.wait_for(lambda state: "last-down" in state)["last-down"]["reason"] == "peer-closed"
    bob.wait_for(lambda state: state["counters"]["ups"] >= 3)


def test_a_reauthentication_is_told_as_no_down(lab: Lab, yang: Any) -> None:
    alice, bob = lab.alice(), lab.bob()
    alice.start(at_alice())
    bob.start(at_bob(ike={"reauth-time": 10, "rekey-time": 0}))
    bob.wait_status("installed")
    bob.vici("rekey", {"ike": "ipsec-1", "reauth": "yes"})
    state = bob.wait_for(lambda state: "reauthenticated" in happened(state))
    assert (state["counters"]["ups"], state["counters"]["downs"]) == (1, 0)
    assert "last-down" not in state
    until_told(bob, "installed")
    assert statuses(bob).count("installed") == 1
    assert_sound(yang, bob)


def test_a_blocked_port_4500_is_not_told_as_a_peer_that_is_not_there(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob(FAST_RETRANSMIT)
    alice.start(at_alice())
    drop(bob, "udp dport 4500")
    bob.start(at_bob())
    state = bob.wait_for(lambda state: state.get("last-error", {}).get("reason") == "peer-silent")
    assert "UDP port 4500 may be blocked" in state["last-error"]["detail"]
    mend(bob)
    bob.wait_status("installed")


def test_a_tunnel_for_any_peer_is_up_while_one_of_its_peers_is(lab: Lab) -> None:
    lab.bob_ns.ip("address", "add", "192.168.0.3/24", "dev", lab.cable_of_bob)
    alice, bob = lab.alice(FAST_RETRANSMIT), lab.bob()
    any_peer = at_alice(remote_id=None, remote_subnet=None, dpd={"enabled": True, "delay": 1})
    alice.start(any_peer)
    ends = {"remote_id": {"name": "alice1"}, "local_subnet": None, "dpd": {"enabled": False, "delay": 30}}
    bob.start(at_bob(1, **ends), at_bob(2, local_address="192.168.0.3", **ends))
    alice.wait_for(lambda state: len(state.get("child-sa", ())) == 2)
    drop(bob, "ip saddr 192.168.0.3")
    state = alice.wait_for(lambda state: state["counters"]["retransmissions"] >= 2)
    assert state["status"] == "installed"
    drop(bob, "ip saddr 192.168.0.2")
    alice.wait_status("retransmission")


def test_dpd_actions_that_leave_it_down_never_show_connecting(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob(FAST_RETRANSMIT)
    without = {"enabled": False, "delay": 1}
    alice.start(*(at_alice(number, dpd=without) for number in (1, 2)))
    actions = {1: "clear", 2: "trap"}
    bob.start(*(at_bob(n, dpd={"enabled": True, "delay": 1, "action": a}) for n, a in actions.items()))
    for number in actions:
        until_told(bob, "installed", number)
    lab.cut()
    for number in actions:
        until_told(bob, "down", number)
        # Before it was installed it was connecting.
        assert statuses(bob, number)[-3:] == ["installed", "retransmission", "down"]
        assert told(bob, "negotiation-failed", number) == []
    limited = bob.strongswan < 6 and "kernel-libipsec" in bob.log()
    assert ("limitation" in bob.state(2)) is limited
    assert "limitation" not in bob.state(1)
