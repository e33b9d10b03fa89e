"""A tunnel between two strongSwans: up, carrying data, changed, down."""

from __future__ import annotations

import logging
import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from agent.errors import BackendError, RpcErrors
from tests.lab import FAST_RETRANSMIT, Gateway, Lab, carries, udp
from tests.translators.systemctls import charon_alone, sockets_of
from tests.translators.tunnels import SECRET, Json, at_alice, at_bob
from translators.strongswan.options import Options
from translators.strongswan.status.operational import date_and_time

pytestmark = pytest.mark.real

FOREIGN: Json = {"version": "2", "local": {"auth": "psk"}, "remote": {"auth": "psk"}}


def pair(lab: Lab, *tunnels: int) -> tuple[Gateway, Gateway]:
    """Return alice and bob with these tunnels up."""
    alice, bob = lab.alice(FAST_RETRANSMIT), lab.bob(FAST_RETRANSMIT)
    alice.start(*(at_alice(tunnel) for tunnel in tunnels))
    bob.start(*(at_bob(tunnel) for tunnel in tunnels))
    for tunnel in tunnels:
        bob.wait_status("installed", tunnel)
        alice.wait_status("installed", tunnel)
    return alice, bob


def installed(gateway: Gateway, tunnel: int) -> list[tuple[Json, Json]]:
    """Return every CHILD_SA that is installed for the tunnel, each behind its IKE_SA."""
    return [
        (sa, child)
        for sa in gateway.sas(f"ipsec-{tunnel}")
        for child in sa.get("child-sas", {}).values()
        if child["state"] == "INSTALLED"
    ]


def spis(gateway: Gateway, tunnel: int = 1) -> set[tuple[str, str]]:
    """Return (IKE SPI, ESP SPI) of everything installed for the tunnel."""
    return {(sa["initiator-spi"], child["spi-in"]) for sa, child in installed(gateway, tunnel)}


def selectors(gateway: Gateway) -> list[tuple[list[str], list[str]]]:
    return [(child["local-ts"], child["remote-ts"]) for _sa, child in installed(gateway, 1)]


def failed_for(reason: str) -> Callable[[Json], bool]:
    return lambda state: state.get("last-error", {}).get("reason") == reason


def octets_in(gateway: Gateway) -> int:
    return sum(int(child["bytes-in"]) for sa in gateway.sas("ipsec-1") for child in sa["child-sas"].values())


def test_a_tunnel_comes_up_from_configuration_and_carries_data_both_ways(lab: Lab) -> None:
    alice, bob = lab.both()
    alice.commit(at_alice())
    bob.commit(at_bob())
    bob.wait_status("installed")
    alice.wait_status("installed")
    assert carries(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1")
    assert carries(lab.bob_ns, "10.2.0.1", lab.alice_ns, "10.1.0.1")
    assert octets_in(alice) > 0
    assert octets_in(bob) > 0


def test_packets_from_outside_the_subnets_do_not_arrive(lab: Lab) -> None:
    pair(lab, 1)
    receiver = lab.bob_ns.call(lambda: udp("10.2.0.1"))
    outsider = lab.alice_ns.call(lambda: udp("10.3.0.1"))
    insider = lab.alice_ns.call(lambda: udp("10.1.0.1"))
    with receiver, outsider, insider:
        receiver.settimeout(30)
        with suppress(OSError):  # no route is as good an answer
            outsider.sendto(b"from outside", receiver.getsockname())
        insider.sendto(b"from inside", receiver.getsockname())
        assert receiver.recv(100) == b"from inside"


def test_hosts_without_subnets_speak_to_each_other(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob()
    ends = {"local_subnet": None, "remote_subnet": None}
    alice.start(at_alice(**ends))
    bob.start(at_bob(**ends))
    bob.wait_status("installed")
    assert selectors(alice) == [(["192.168.0.1/32"], ["192.168.0.2/32"])]
    assert carries(lab.alice_ns, "192.168.0.1", lab.bob_ns, "192.168.0.2")
    assert octets_in(bob) > 0


def test_several_subnets_share_one_tunnel(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob()
    alice.start(at_alice(local_subnet=["10.1.0.0/16", "10.3.0.0/16"]))
    bob.start(at_bob(remote_subnet=["10.1.0.0/16", "10.3.0.0/16"]))
    bob.wait_status("installed")
    for address in ("10.1.0.1", "10.3.0.1"):
        assert carries(lab.bob_ns, "10.2.0.1", lab.alice_ns, address)


def test_an_initiator_configured_before_its_responder_comes_up_by_itself(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob()
    alice.start()
    bob.start(at_bob())
    bob.wait_for(lambda state: "last-error" in state)
    assert bob.state()["status"] == "connecting"
    alice.commit(at_alice())
    bob.wait_status("installed")


def test_changing_tunnel_2_leaves_the_sas_of_tunnel_1_alone(lab: Lab) -> None:
    alice, bob = pair(lab, 1, 2)
    before, of_2 = spis(alice, 1), spis(alice, 2)
    alice.commit(at_alice(2, local_subnet=["10.3.0.0/16"]))
    bob.commit(at_bob(2, remote_subnet=["10.3.0.0/16"]))
    bob.wait_for(lambda _state: spis(bob, 2) and not spis(bob, 2) & of_2, 2)
    assert spis(alice, 1) == before
    alice.commit(delete=(2,))
    assert spis(alice, 1) == before


def test_a_description_sends_nothing_to_charon(lab: Lab) -> None:
    alice, _bob = pair(lab, 1)
    before, log = spis(alice), alice.log()
    assert alice.commit(at_alice(description="to the branch office")) == []
    assert spis(alice) == before
    assert alice.log() == log


def test_changed_subnets_take_effect_and_interrupt_once(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    ((ike_spi, _esp),) = spis(bob)
    bob.commit(at_bob(remote_subnet=["10.3.0.0/16"]))
    alice.commit(at_alice(local_subnet=["10.3.0.0/16"]))
    bob.wait_for(lambda _state: selectors(bob) == [(["10.2.0.0/16"], ["10.3.0.0/16"])])
    if alice.strongswan < 6:  # since then charon itself ends what the first commit left without children
        assert {ike for ike, _esp in spis(bob)} == {ike_spi}
    assert carries(lab.alice_ns, "10.3.0.1", lab.bob_ns, "10.2.0.1")
    assert re.findall(r"established with SPIs .* TS (\S+) ", alice.log()) == ["10.1.0.0/16", "10.3.0.0/16"]


def test_subnets_changed_to_others_that_the_peer_has_keep_the_ike_sa(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob()
    alice.start(at_alice())
    bob.start(at_bob(remote_subnet=["10.1.0.0/16", "10.3.0.0/16"]))
    bob.wait_status("installed")
    ((ike_spi, _esp),) = spis(bob)
    alice.commit(at_alice(local_subnet=["10.3.0.0/16"]))
    bob.wait_for(lambda _state: selectors(bob) == [(["10.2.0.0/16"], ["10.3.0.0/16"])])
    assert {ike for ike, _esp in spis(bob)} == {ike_spi}


def test_changed_proposals_take_effect(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    ike = {"proposal": [{"priority": 1, "cipher": "aes256", "auth": "sha512", "dh": "ecp384"}]}
    esp = {"proposal": [{"priority": 1, "cipher": "aes128gcm12", "dh": "ecp384"}]}
    alice.commit(at_alice(ike=ike, esp=esp))
    bob.commit(at_bob(ike=ike, esp=esp))
    bob.wait_for(lambda _state: spis(bob))
    (sa,) = bob.sas("ipsec-1")
    assert (sa["encr-alg"], sa["encr-keysize"], sa["dh-group"]) == ("AES_CBC", "256", "ECP_384")
    assert [child["encr-alg"] for child in sa["child-sas"].values()] == ["AES_GCM_12"]


def test_a_changed_secret_takes_effect(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    before = spis(bob)
    alice.commit(at_alice(secret="another-secret-2"))
    bob.wait_for(failed_for("authentication-failed"))
    bob.commit(at_bob(secret="another-secret-2"))
    bob.wait_status("installed")
    assert not spis(bob) & before


def test_a_changed_peer_takes_effect(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    lab.bob_ns.ip("address", "add", "192.168.0.3/24", "dev", lab.cable_of_bob)
    alice.commit(at_alice(peer="192.168.0.3"))
    bob.wait_for(lambda state: state["status"] != "installed")
    bob.commit(at_bob(local_address="192.168.0.3"))
    alice.wait_status("installed")
    (sa,) = alice.sas("ipsec-1")
    assert sa["remote-host"] == "192.168.0.3"


def test_a_wrong_secret_never_comes_up_and_state_says_why(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob()
    alice.start(at_alice())
    bob.start(at_bob(secret="wrong-secret-0001"))
    for gateway in (alice, bob):
        state = gateway.wait_for(lambda state: "last-error" in state)
        assert state["last-error"]["reason"] == "authentication-failed"
        assert state["status"] in ("down", "connecting")
    assert spis(alice) == spis(bob) == set()


def test_proposals_without_anything_in_common_are_named_as_the_reason(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob()
    esp = {"proposal": [{"priority": 1, "cipher": "aes128ctr", "auth": "sha384"}]}
    other = {"proposal": [{"priority": 1, "cipher": "aes256", "auth": "sha256"}]}
    alice.start(at_alice(esp=esp))
    bob.start(at_bob(esp=other))
    bob.wait_for(failed_for("no-proposal-chosen"))
    bob.wait_status("ike-established")


def test_subnets_that_do_not_match_are_named_as_the_reason(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob()
    alice.start(at_alice(remote_subnet=["10.9.0.0/16"]))
    bob.start(at_bob())
    for gateway in (alice, bob):
        gateway.wait_for(failed_for("selectors-mismatch"))
        gateway.wait_status("ike-established")


def test_disabling_a_responder_tears_its_tunnel_down_and_enabling_brings_it_back(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    alice.commit(at_alice(enabled=False))
    assert alice.sas() == []
    assert "ipsec-1" not in alice.vici("get-conns")["conns"]
    assert alice.vici("get-shared").get("keys", []) == []
    bob.wait_for(lambda state: state["status"] != "installed")
    alice.commit(at_alice())
    bob.wait_status("installed")


def test_subnets_in_another_order_change_nothing_and_those_that_the_peer_lacks_are_told(lab: Lab) -> None:
    alice, bob = lab.both()
    there, more = "10.1.0.0/16", "10.3.0.0/16"
    alice.commit(at_alice())
    bob.commit(at_bob(remote_subnet=[there, more]))
    assert bob.wait_status("installed")["narrowed"] == {"remote-subnet": [more]}
    assert "narrowed" not in alice.wait_status("installed")
    before = spis(bob)
    assert bob.commit(at_bob(remote_subnet=[more, there])) == []
    assert spis(bob) == before


def test_deleting_a_responder_tears_its_tunnel_down(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    alice.commit(delete=(1,))
    assert alice.sas() == []
    bob.wait_for(lambda state: state["status"] != "installed")


def test_deleting_an_initiator_tears_its_tunnel_down_on_both_sides(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    bob.commit(delete=(1,))
    assert bob.sas() == []
    alice.wait_status("down")


def test_deleting_a_tunnel_whose_peer_is_dead_does_not_wait_for_it(lab: Lab) -> None:
    alice, _bob = pair(lab, 1)
    lab.cut()
    alice.commit(delete=(1,))
    assert alice.sas() == []


@pytest.mark.parametrize("is_known", [False, True], ids=["not noticed yet", "known to be silent"])
@pytest.mark.parametrize(
    "members",
    [
        {"local_subnet": ["10.1.0.0/17"]},
        {"esp": {"lifetime-soft": {"time": 1800}}},
        {"ike": {"rekey-time": 7200}},
        {"secret": "another-secret-1"},
        {"enabled": False},
    ],
    ids=["subnets", "lifetimes", "ike", "secret", "disabled"],
)
def test_a_change_to_a_tunnel_whose_peer_is_dead_is_made_and_undone_without_it(
    lab: Lab, members: Json, is_known: bool
) -> None:
    alice, bob = lab.alice(FAST_RETRANSMIT), lab.bob()
    alice.start(at_alice(dpd={"enabled": True, "delay": 1}))
    bob.start(at_bob())
    alice.wait_status("installed")
    before = alice.vici("get-conns")["conns"]
    lab.cut()
    if is_known:
        alice.wait_status("retransmission")
    changed = at_alice(dpd={"enabled": True, "delay": 1}, **members)
    alice.commit_and_undo(changed)  # as when a confirmed commit is not confirmed
    assert (alice.sas(), alice.vici("get-conns")["conns"]) == ([], before)
    alice.commit(changed)
    assert alice.sas() == []


def test_deleting_a_tunnel_that_is_still_connecting_ends_the_attempt(lab: Lab) -> None:
    bob = lab.bob()
    bob.start(at_bob())
    bob.wait_status("connecting")
    bob.commit(at_bob(description="a tunnel to nobody"))
    before = bob.sas()
    assert len(before) == 1
    bob.commit(delete=(1,))
    assert bob.sas() == []


def test_initiators_of_silent_peers_keep_charon_from_nothing(lab: Lab) -> None:
    """charon has 16 workers; an initiation that waits for its peer would keep one of them."""
    bob = lab.bob()
    silent = (
        at_bob(tunnel, peer=f"192.168.0.{100 + tunnel}", remote_subnet=[f"10.{100 + tunnel}.0.0/16"])
        for tunnel in range(2, 42)
    )
    bob.start(*silent)
    for tunnel in range(2, 42):
        bob.wait_status("connecting", tunnel)
    alice = lab.alice()
    alice.start(at_alice())
    bob.commit(at_bob())
    bob.wait_status("installed")
    alice.wait_status("installed")


def test_a_short_interruption_shows_as_retransmission_and_ends_nothing(lab: Lab) -> None:
    alice, bob = lab.alice(FAST_RETRANSMIT), lab.bob(FAST_RETRANSMIT)
    alice.start(at_alice())
    bob.start(at_bob(dpd={"enabled": True, "delay": 1}))
    bob.wait_status("installed")
    before = spis(bob)
    lab.cut()
    bob.wait_status("retransmission")
    lab.mend()
    bob.wait_status("installed")
    assert spis(bob) == before


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


def test_a_refused_step_undoes_what_was_done_before_it(lab: Lab) -> None:
    alice, _bob = pair(lab, 1)
    before = spis(alice)
    bad = at_alice(2, local_address="192.168.0.1", local_subnet=["10.1.0.0/16"])
    plan_and_break = [at_alice(1, secret="another-secret-2"), bad]
    with pytest.raises(BackendError, match="load the connection"):
        alice.commit_broken(plan_and_break, step_name="ipsec-2")
    assert set(alice.vici("get-shared")["keys"]) == {"ipsec-1"}
    assert alice.vici("get-conns")["conns"] == ["ipsec-1"]
    assert spis(alice) == before
    _bob.run(_bob.translator.action(("1",), "restart", {}))
    alice.wait_for(lambda _state: spis(alice) and not spis(alice) & before)


def test_undo_of_a_whole_plan_puts_the_tunnel_back(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    alice.commit_and_undo(at_alice(local_subnet=["10.3.0.0/16"]))
    bob.wait_status("installed")
    assert selectors(bob) == [(["10.2.0.0/16"], ["10.1.0.0/16"])]


def test_without_charon_a_change_is_refused(lab: Lab) -> None:
    alice = lab.alice({"charon-binary": "/nonexistent/charon"})
    alice.start(at_alice())
    with pytest.raises(RpcErrors) as refused:
        alice.commit(at_alice(secret="another-secret-2"))
    assert [error.app_tag for error in refused.value.errors] == ["daemon-unavailable"]
    assert "strongswan-charon" in str(refused.value)
    alice.commit(at_alice(description="nothing for charon"))


def with_charon_alone(gateway: Gateway) -> Gateway:
    """Start a charon in the gateway's folder without an agent: two would quarrel over it."""
    gateway.run(charon_alone(gateway.folder, Options.parse(FAST_RETRANSMIT)))
    return gateway


def test_an_external_charon_is_used_and_left_running(lab: Lab) -> None:
    owner = with_charon_alone(lab.alice())
    guest = lab.external(lab.alice_ns, "guest", sockets_of(owner.folder))
    bob = lab.bob()
    bob.start(at_bob())
    guest.start(at_alice())
    bob.wait_status("installed")
    guest.stop()
    assert owner.sas("ipsec-1")


def test_without_error_notify_the_log_tells_of_a_silent_peer_and_of_its_answer(lab: Lab) -> None:
    owner, alice = with_charon_alone(lab.bob()), lab.alice()
    alice.start(at_alice())
    options = {**sockets_of(owner.folder), "error-notify-socket": "/nonexistent/notify.sock"}
    guest = lab.external(lab.bob_ns, "guest", options)
    guest.start(at_bob(dpd={"enabled": True, "delay": 1}))
    guest.wait_status("installed")
    daemon = guest.run(guest.translator.root_state("/yangswan-daemon:daemon"))
    assert daemon["failure-source"] in ("log", "vici-alert")  # since strongSwan 6.0.3, which does not count
    lab.cut()
    assert guest.wait_status("retransmission")["retransmission-tries"] >= 1
    lab.mend()
    guest.wait_status("installed")


def test_actions_terminate_initiate_and_restart(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    first = spis(bob)
    bob.run(bob.translator.action(("1",), "terminate", {}))
    assert bob.state()["status"] == "down"
    bob.run(bob.translator.action(("1",), "initiate", {}))
    bob.wait_status("installed")
    second = spis(bob)
    bob.run(bob.translator.action(("1",), "restart", {}))
    bob.wait_for(lambda state: state["status"] == "installed" and spis(bob) and not spis(bob) & second)
    assert not first & second
    alice.wait_status("installed")


def test_no_secret_is_written_to_any_log(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    alice, bob = pair(lab, 1)
    bob.commit(at_bob(secret="wrong-secret-0001"))
    alice.wait_for(lambda state: "last-error" in state)
    alice.commit(at_alice(enabled=False))
    for text in (caplog.text, alice.log(), bob.log(), *map(command_line, (alice, bob))):
        assert SECRET not in text
        assert "wrong-secret-0001" not in text


def command_line(gateway: Gateway) -> str:
    process = Path(f"/proc/{gateway.charon_pid}")
    return (process / "cmdline").read_text() + (process / "environ").read_text()
