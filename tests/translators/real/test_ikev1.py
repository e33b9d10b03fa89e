"""IKEv1 against a peer that is set up by hand, and why it does not come up or goes down."""

from __future__ import annotations

import pytest

from tests.lab import FAST_RETRANSMIT, Gateway, Lab
from tests.translators.real.pairs import failed_for
from tests.translators.tunnels import SECRET, Json, at_alice, at_bob

pytestmark = pytest.mark.real

V1 = {"version": "ikev1"}


def by_hand(gateway: Gateway, ike: str, esp: str) -> None:
    """Have alice's charon hold what somebody would write into its swanctl.conf for bob."""
    gateway.start()
    gateway.vici("load-shared", {"id": "hand", "type": "IKE", "data": SECRET, "owners": ["bob1", "alice1"]})
    child = {"local_ts": ["10.1.0.0/16"], "remote_ts": ["10.2.0.0/16"], "esp_proposals": [esp]}
    connection: Json = {
        "version": "1",
        "local_addrs": ["192.168.0.1"],
        "remote_addrs": ["192.168.0.2"],
        "proposals": [ike],
        "local": {"auth": "psk", "id": "alice1"},
        "remote": {"auth": "psk", "id": "bob1"},
        "children": {"hand": child},
    }
    gateway.vici("load-conn", {"hand": connection})


@pytest.mark.parametrize(
    ("ike", "esp", "group"),
    [
        ("default", "default", None),
        ("aes128-sha256-modp2048", "aes128-sha256-modp2048", "modp2048"),
        ("aes256-sha256-modp3072", "aes256-sha256", None),
        ("aes256-sha512-ecp384", "aes256gcm16-ecp384", "ecp384"),
    ],
)
def test_automatic_proposals_come_to_terms_with_a_peer(
    lab: Lab, ike: str, esp: str, group: str | None
) -> None:
    alice, bob = lab.alice(), lab.bob()
    by_hand(alice, ike, esp)
    bob.start(at_bob(ike=V1))
    state = bob.wait_status("installed")
    assert state["child-sa"][0].get("dh") == group


def test_different_secrets_are_told_by_both_ends(lab: Lab) -> None:
    alice, bob = lab.alice(FAST_RETRANSMIT), lab.bob(FAST_RETRANSMIT)
    alice.start(at_alice(ike=V1, peer="192.168.0.2"))
    bob.start(at_bob(ike=V1, secret="another-secret-2"))
    for gateway in (alice, bob):
        gateway.wait_for(failed_for("authentication-failed"))
    bob.wait_for(lambda state: "giving up" in bob.log())
    assert bob.state()["last-error"]["reason"] == "authentication-failed"


def test_subnets_that_do_not_match_are_told_by_both_ends(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob()
    alice.start(at_alice(ike=V1, peer="192.168.0.2", remote_subnet=["10.9.0.0/16"]))
    bob.start(at_bob(ike=V1))
    for gateway in (alice, bob):
        gateway.wait_for(failed_for("selectors-mismatch"))


def test_a_peer_that_is_dead_is_shown_as_asked_again(lab: Lab) -> None:
    alice, bob = lab.both()
    probing = {"enabled": True, "delay": 1}
    alice.commit(at_alice(ike=V1, peer="192.168.0.2"))
    bob.commit(at_bob(ike=V1, dpd=probing))
    bob.wait_status("installed")
    lab.cut()
    bob.wait_status("retransmission")
    lab.mend()
    bob.wait_status("installed")
    assert bob.state()["counters"]["downs"] == 0
