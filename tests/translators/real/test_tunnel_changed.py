"""What a change of a tunnel does to its SAs and to those of others, on two strongSwans."""

from __future__ import annotations

import re

import pytest

from agent.errors import BackendError
from tests.lab import Lab, carries
from tests.translators.real.pairs import failed_for, pair, selectors, spis
from tests.translators.tunnels import at_alice, at_bob

pytestmark = pytest.mark.real


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
