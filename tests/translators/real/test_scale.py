"""Two hundred tunnels between two gateways: what happens to one, to a peer, and to a daemon."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter

import pytest

from tests.lab import FAST_RETRANSMIT, STATUS_LIMIT_S, Gateway, Lab
from tests.translators.real.test_status import statuses
from tests.translators.tunnels import Json, at_alice, at_bob

pytestmark = pytest.mark.real

TUNNELS = range(1, 201)
POLL_S = 0.3
DPD = {"enabled": True, "delay": 2}


def states(gateway: Gateway) -> list[Json]:
    keys = [(str(number),) for number in TUNNELS]
    return [dict(state) for state in gateway.run(gateway.translator.entry_state(keys)).values()]


def until_all(gateway: Gateway, *allowed: str) -> None:
    """Wait until every tunnel has the last of the statuses, and see that none has another meanwhile."""
    deadline = time.monotonic() + STATUS_LIMIT_S
    while time.monotonic() < deadline:
        found = Counter(state["status"] for state in states(gateway))
        assert found.keys() <= set(allowed)
        if found == {allowed[-1]: len(TUNNELS)}:
            return
        time.sleep(POLL_S)  # two hundred states at a time leave the gateways little else to do
    raise AssertionError(f"{found}\n{gateway.log_tail()}")


def spis(gateway: Gateway) -> dict[str, list[str]]:
    """Return the SPIs of what is installed, by connection; one IKE_SA each."""
    found: dict[str, list[str]] = {}
    for sa in gateway.sas():
        name, children = sa["name"], sa["child-sas"].values()
        assert name not in found, f"{name} has two IKE_SAs"
        found[name] = [child["spi-in"] for child in children if child["state"] == "INSTALLED"]
    return found


def test_two_hundred_tunnels_come_up_and_only_what_is_changed_or_killed_goes_down(lab: Lab) -> None:
    options = {**FAST_RETRANSMIT, "retry-max": 5.0, "audit-interval": 1.0}
    alice, bob = lab.alice(options), lab.bob(options)
    alice.start(*(at_alice(number, dpd=DPD) for number in TUNNELS))
    bob.start(*(at_bob(number, dpd=DPD) for number in TUNNELS))
    for gateway in (bob, alice):
        until_all(gateway, "down", "connecting", "ike-established", "installed")
    # One is changed: no other has other SPIs.
    before = spis(bob)
    alice.commit(at_alice(7, dpd=DPD, secret="another-secret-7"))
    bob.commit(at_bob(7, dpd=DPD, secret="another-secret-7"))
    bob.wait_for(lambda state: state["status"] == "installed" and state["counters"]["ups"] == 2, 7)
    after = spis(bob)
    assert {name for name in before if before[name] != after[name]} == {"ipsec-7"}
    # The daemon of this end is killed: all are down at once, and come back.
    os.kill(bob.charon_pid, signal.SIGKILL)
    bob.wait_for(lambda state: state["counters"]["downs"] == 1, 200)
    for gateway in (bob, alice):
        until_all(gateway, "connecting", "ike-established", "installed")
    # That of the peer is killed: all are found silent, are given up, and come back.
    os.kill(alice.charon_pid, signal.SIGKILL)
    until_all(bob, "installed", "retransmission")
    until_all(bob, "retransmission", "connecting", "ike-established", "installed")
    until_all(alice, "down", "connecting", "ike-established", "installed")
    assert spis(bob).keys() == before.keys()
    for number, state in zip(TUNNELS, states(bob), strict=True):
        counters = state["counters"]
        again = number == 7
        assert (counters["ups"], counters["downs"]) == (3 + again, 2 + again), number
        assert state["last-down"]["reason"] == "peer-silent"
        bob.wait_for(lambda _state, n=number: statuses(bob, n)[-1] == "installed", number)  # type: ignore[misc]
    assert not any(
        "yangswan-ipsec:drift-repaired" in told for told in bob.notifications + alice.notifications
    )


def test_while_charon_is_told_of_many_tunnels_state_says_that_they_are_pending(lab: Lab) -> None:
    alice = lab.alice()
    # More than a start waits for.
    alice.start(*(at_alice(number, dpd=DPD) for number in range(1, 401)))
    assert {state["applied"] for state in states(alice)} == {"pending"}
    deadline = time.monotonic() + STATUS_LIMIT_S
    while {state["applied"] for state in states(alice)} != {"applied"} and time.monotonic() < deadline:
        time.sleep(POLL_S)
    assert {state["applied"] for state in states(alice)} == {"applied"}
    assert len([name for name in alice.vici("get-conns")["conns"] if name.startswith("ipsec-")]) == 400
