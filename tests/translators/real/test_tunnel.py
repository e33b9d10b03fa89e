"""A tunnel between two strongSwans: up, carrying data, refused, down."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

import pytest

from tests.lab import FAST_RETRANSMIT, Gateway, Lab, carries, udp
from tests.translators.real.pairs import failed_for, octets_in, pair, selectors, spis, with_charon_alone
from tests.translators.systemctls import sockets_of
from tests.translators.tunnels import SECRET, Json, at_alice, at_bob

pytestmark = pytest.mark.real


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
