"""Tunnels when a charon or an agent dies, and beside a charon of somebody else."""

from __future__ import annotations

import os
import signal
import time

import pytest

from agent.errors import RpcErrors
from tests.lab import FAST_RETRANSMIT, Gateway, Lab, carries
from tests.translators.real.pairs import FOREIGN, pair, selectors, spis, with_charon_alone
from tests.translators.systemctls import sockets_of
from tests.translators.tunnels import Json, at_alice, at_bob
from translators.strongswan.status.operational import date_and_time

pytestmark = pytest.mark.real


def test_a_killed_charon_is_started_again_and_reconciled(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    before = alice.charon_pid
    os.kill(before, signal.SIGKILL)
    alice.wait_for(lambda _state: alice.charon_pid_or_none() not in (None, before))
    bob.run(bob.translator.action(("1",), "restart", {}))
    alice.wait_status("installed")


def test_a_killed_charon_of_an_initiator_brings_its_tunnel_back(lab: Lab) -> None:
    _alice, bob = pair(lab, 1)
    before = spis(bob)
    os.kill(bob.charon_pid, signal.SIGKILL)
    bob.wait_for(lambda state: state["status"] == "installed" and not spis(bob) & before)
    assert carries(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1")


def told(gateway: Gateway) -> list[Json]:
    return [n for n in gateway.notifications if "yangswan-ipsec:tunnel-state-changed" in n]


def test_tunnels_outlive_an_agent_that_dies_and_the_next_one_adopts_them(lab: Lab) -> None:
    alice, _bob = pair(lab, 1, 2)
    before, pid = spis(alice), alice.charon_pid
    alice.wait_for(lambda state: state["time-since-rekey"] >= 2)
    began = date_and_time(time.time())
    alice.crash()
    again = lab.alice(FAST_RETRANSMIT)
    again.start(at_alice(1))
    assert again.charon_pid == pid
    assert spis(again) == before
    adopted = again.state()
    assert adopted["status"] == "installed"
    (child,) = adopted["child-sa"]
    assert adopted["time-since-rekey"] == child["installed"], "charon's clock, which went on"
    assert adopted["since"] < began
    assert told(again) == [], "nothing happened to it"
    assert again.sas("ipsec-2") == [], "a tunnel that is not configured any more must go"


def test_an_sa_negotiated_with_what_was_never_committed_is_ended_at_start(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    alice.crash()
    again = lab.alice(FAST_RETRANSMIT)
    again.start(at_alice(local_subnet=["10.3.0.0/16"]))
    assert selectors(again) == []
    bob.commit(at_bob(remote_subnet=["10.3.0.0/16"]))
    again.wait_status("installed")


def test_stopping_the_agent_ends_its_charon(lab: Lab) -> None:
    alice = lab.alice()
    alice.start(at_alice())
    pid = alice.charon_pid
    alice.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_connections_and_secrets_of_others_are_left_alone(lab: Lab) -> None:
    alice = lab.alice()
    alice.start()
    for name in ("theirs", "ipsec-theirs", "ipsec-01"):
        alice.vici("load-conn", {name: FOREIGN})
        alice.vici("load-shared", {"id": name, "type": "IKE", "data": "their secret", "owners": ["them"]})
    alice.commit(at_alice())
    alice.commit(delete=(1,))
    alice.run(alice.translator.reconcile({}))
    assert set(alice.vici("get-conns")["conns"]) == {"theirs", "ipsec-theirs", "ipsec-01"}
    assert set(alice.vici("get-shared")["keys"]) == {"theirs", "ipsec-theirs", "ipsec-01"}


def test_without_charon_a_change_is_refused(lab: Lab) -> None:
    alice = lab.alice({"charon-binary": "/nonexistent/charon"})
    alice.start(at_alice())
    with pytest.raises(RpcErrors) as refused:
        alice.commit(at_alice(secret="another-secret-2"))
    assert [error.app_tag for error in refused.value.errors] == ["daemon-unavailable"]
    assert "strongswan-charon" in str(refused.value)
    alice.commit(at_alice(description="nothing for charon"))


def test_an_agent_that_ends_before_it_began_leaves_the_charon_of_its_folder_to_the_next(lab: Lab) -> None:
    alice = with_charon_alone(lab.alice())
    running = alice.charon_pid
    alice.stop()
    assert alice.charon_pid == running


def test_an_external_charon_is_used_and_left_running(lab: Lab) -> None:
    owner = with_charon_alone(lab.alice())
    guest = lab.external(lab.alice_ns, "guest", sockets_of(owner.folder))
    bob = lab.bob()
    bob.start(at_bob())
    guest.start(at_alice())
    bob.wait_status("installed")
    guest.stop()
    assert owner.sas("ipsec-1")
