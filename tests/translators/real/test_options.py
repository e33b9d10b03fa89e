"""What goes beyond the router's manual, on two strongSwans: each option is seen to do what it says."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.lab import FAST_RETRANSMIT, Gateway, Lab, carries
from tests.translators.real.pairs import failed_for
from tests.translators.tunnels import Json, at_alice, at_bob

pytestmark = pytest.mark.real

ETH_P_ALL = 0x0003
LIMIT_S = 60.0
QUANTUM_KEY, OTHER_KEY = "quantum-key-of-the-tests-" * 2, "another-quantum-key-of-tests-" * 2


def pair(lab: Lab, alice: Json, bob: Json) -> tuple[Gateway, Gateway]:
    """Return alice and bob with a tunnel of these entries up."""
    gateways = lab.alice(FAST_RETRANSMIT), lab.bob(FAST_RETRANSMIT)
    for gateway, entry in zip(gateways, (alice, bob), strict=True):
        gateway.start(entry)
    for gateway in reversed(gateways):
        gateway.wait_status("installed")
    return gateways


def both(**members: Any) -> tuple[Json, Json]:
    """Return the two ends of tunnel 1 with these members at both."""
    return at_alice(**members), at_bob(**members)


def sa(gateway: Gateway) -> Json:
    (found,) = gateway.sas("ipsec-1")
    return found


def children(gateway: Gateway) -> dict[str, Json]:
    return {child["name"]: child for child in sa(gateway)["child-sas"].values()}


def crosses(lab: Lab, source: str = "10.1.0.1", destination: str = "10.2.0.1") -> bool:
    return carries(lab.alice_ns, source, lab.bob_ns, destination)


def test_ikev1_in_main_mode_with_a_child_for_each_pair_of_subnets(lab: Lab) -> None:
    """Counterpart of strongSwan's ikev1/net2net-psk."""
    legacy = {"ike": {"version": "ikev1"}}
    subnets = ["10.1.0.0/16", "10.3.0.0/16"], ["10.2.0.0/16", "10.4.0.0/16"]
    alice, bob = pair(
        lab,
        at_alice(peer="192.168.0.2", local_subnet=subnets[0], remote_subnet=subnets[1], **legacy),
        at_bob(local_subnet=subnets[1], remote_subnet=subnets[0], **legacy),
    )
    state = bob.state()
    assert [one["version"] for one in state["ike-sa"]] == [1]
    assert "main mode" in bob.log().lower() or "ID_PROT" in bob.log()
    assert {one["name"] for one in state["child-sa"]} == {f"ipsec-1-{n}" for n in (1, 2, 3, 4)}
    for source in ("10.1.0.1", "10.3.0.1"):
        for destination in ("10.2.0.1", "10.4.0.1"):
            assert crosses(lab, source, destination)
    # One child fewer at the peer: the tunnel is not up as a whole, and comes back as one.
    alice.vici("terminate", {"child": "ipsec-1-3", "timeout": "-1"})
    bob.wait_for(lambda state: state["counters"]["downs"] == 0 and len(state["child-sa"]) == 4)
    bob.wait_status("installed")


def test_a_child_for_each_pair_of_subnets_and_the_one_that_ends_comes_back(lab: Lab) -> None:
    apart = {"esp": {"sa-per-subnet-pair": True}}
    _alice, bob = pair(
        lab,
        at_alice(local_subnet=["10.1.0.0/16", "10.3.0.0/16"], **apart),
        at_bob(remote_subnet=["10.1.0.0/16", "10.3.0.0/16"], **apart),
    )
    before = children(bob)
    assert {name: child["remote-ts"] for name, child in before.items()} == {
        "ipsec-1-1": ["10.1.0.0/16"],
        "ipsec-1-2": ["10.3.0.0/16"],
    }
    assert crosses(lab)
    assert crosses(lab, "10.3.0.1")
    bob.vici("terminate", {"child": "ipsec-1-2", "timeout": "-1"})
    bob.wait_for(
        lambda state: (
            state["status"] == "installed"
            and children(bob).keys() == before.keys()
            and children(bob)["ipsec-1-2"]["spi-in"] != before["ipsec-1-2"]["spi-in"]
        )
    )
    assert children(bob)["ipsec-1-1"]["spi-in"] == before["ipsec-1-1"]["spi-in"]


@pytest.mark.parametrize("how", [{"esp": {"sa-per-subnet-pair": True}}, {"ike": {"version": "ikev1"}}])
def test_the_number_of_children_follows_the_subnets(lab: Lab, how: Json) -> None:
    def ends(*networks: str) -> tuple[Json, Json]:
        return (
            at_alice(peer="192.168.0.2", local_subnet=list(networks), **how),
            at_bob(remote_subnet=list(networks), **how),
        )

    one, three = ("10.1.0.0/16",), ("10.1.0.0/16", "10.3.0.0/16", "10.5.0.0/16")
    lab.alice_ns.ip("address", "add", "10.5.0.1/16", "dev", "lo")
    alice, bob = lab.alice({**FAST_RETRANSMIT, "audit-interval": 0.5}), lab.bob({"audit-interval": 0.5})
    for gateway, entry in zip((alice, bob), ends(*one), strict=True):
        gateway.start(entry)
    for networks in (one, three, one):
        for gateway, entry in zip((alice, bob), ends(*networks), strict=True):
            gateway.commit(entry)
        installed = ["installed"] * len(networks)
        for gateway in (bob, alice):
            gateway.wait_status("installed")
            gateway.wait_for(
                lambda state, all_=installed: [one["state"] for one in state["child-sa"]] == all_
            )
        for network in networks:
            assert crosses(lab, network.replace(".0/16", ".1"))
    for gateway in (alice, bob):
        told = [name for note in gateway.notifications for name in note]
        assert "yangswan-ipsec:drift-repaired" not in told


def test_ipv6_networks_over_ipv4(lab: Lab) -> None:
    """Counterpart of strongSwan's ipv6/net2net-ip6-in-ip4-ikev2."""
    for namespace, side in ((lab.alice_ns, 1), (lab.bob_ns, 2)):
        namespace.ip("-6", "address", "add", f"2001:db8:{side}::1/64", "dev", "lo", "nodad")
    nets = ["2001:db8:1::/64"], ["2001:db8:2::/64"]
    pair(
        lab,
        at_alice(local_subnet=nets[0], remote_subnet=nets[1]),
        at_bob(local_subnet=nets[1], remote_subnet=nets[0]),
    )
    assert crosses(lab, "2001:db8:1::1", "2001:db8:2::1")


def ppk(key: str, *, required: bool = True) -> Json:
    return {"ike": {"ppk": {"id": "2026-1", "key": key, "required": required}}}


def test_a_postquantum_key_and_what_a_wrong_one_does(lab: Lab) -> None:
    """Counterpart of strongSwan's ikev2/rw-psk-ppk."""
    alice, bob = pair(lab, *both(**ppk(QUANTUM_KEY)))
    assert "using PPK for PPK_ID '2026-1'" in bob.log()
    assert crosses(lab)
    alice.commit(at_alice(**ppk(OTHER_KEY)))
    bob.wait_for(failed_for("authentication-failed"))
    assert alice.state()["status"] != "installed"
    alice.commit(at_alice(**ppk(QUANTUM_KEY)))
    bob.wait_status("installed")
    # Without one, it is gone from charon too.
    alice.commit(at_alice())
    bob.commit(at_bob())
    bob.wait_status("installed")
    assert alice.vici("get-shared")["keys"] == ["ipsec-1"]
    for gateway in (alice, bob):
        assert QUANTUM_KEY not in gateway.log()


def test_sas_are_rekeyed_when_their_lifetime_says(lab: Lab) -> None:
    """Counterpart of strongSwan's ikev2/net2net-rekey."""
    short: Json = {"ike": {"rekey-time": 10}, "esp": {"lifetime-soft": {"time": 10}}}
    _alice, bob = pair(lab, at_alice(), at_bob(**short))
    happened = bob.wait_for(
        lambda state: {"rekeyed", "ike-rekeyed"} <= {entry["what"] for entry in state["event"]}
    )
    assert happened["counters"]["downs"] == 0
    assert crosses(lab)


def test_an_idle_child_is_closed_by_a_responder(lab: Lab) -> None:
    """Counterpart of strongSwan's ikev2/inactivity-timeout."""
    idle: Json = {"esp": {"lifetime-soft": {"idle": 1}}}
    alice, bob = lab.alice(FAST_RETRANSMIT), lab.bob(FAST_RETRANSMIT)
    alice.start(at_alice(**idle))
    bob.start(at_bob(close_action="clear"))
    # Where everything takes long it is down again before one has seen it up.
    state = bob.wait_for(lambda state: "last-down" in state and state["status"] == "ike-established")
    assert state["last-down"]["reason"] == "peer-closed"


def test_a_tunnel_that_the_peer_closes_stays_down_with_the_close_action_clear(lab: Lab) -> None:
    alice, bob = pair(lab, at_alice(), at_bob(close_action="clear"))
    alice.run(alice.translator.action(("1",), "terminate", {}))
    state = bob.wait_for(lambda state: state["status"] == "down" and "supervision" not in state)
    assert state["last-down"]["reason"] == "peer-closed"
    # Until somebody wants it, or it is to be restarted.
    bob.run(bob.translator.action(("1",), "initiate", {}))
    bob.wait_status("installed")
    alice.run(alice.translator.action(("1",), "terminate", {}))
    bob.wait_for(lambda state: state["status"] == "down" and "supervision" not in state)
    bob.commit(at_bob(close_action="restart"))
    bob.wait_status("installed")


def test_the_options_of_a_child_are_those_that_charon_installs(lab: Lab) -> None:
    options: Json = {
        "esp": {
            "anti-replay-window-size": 128,
            "copy-dscp": "both",
            "df-bit": "clear",
            "lifetime-soft": {"time": 100, "bytes": "2000000", "packets": "2000"},
        }
    }
    _alice, bob = pair(lab, *both(**options))
    (child,) = children(bob).values()
    assert int(child["rekey-time"]) <= 100
    assert int(child["life-time"]) <= 110
    assert crosses(lab)


def test_marks_and_interface_ids_are_those_that_charon_installs(lab: Lab) -> None:
    """kernel-libipsec takes them and does nothing with them; a kernel would."""
    options: Json = {"esp": {"mark-in": "0x2a", "mark-out": "0x2b/0xff", "if-id-in": 7, "if-id-out": 8}}
    _alice, bob = pair(lab, at_alice(), at_bob(**options))
    (child,) = children(bob).values()
    marks = [child.get(key) for key in ("mark-in", "mark-out", "mark-mask-out", "if-id-in", "if-id-out")]
    assert [int(str(one), 16) for one in marks] == [0x2A, 0x2B, 0xFF, 7, 8]


def test_childless_initiation_shows_a_wrong_group_of_esp_at_once(lab: Lab) -> None:
    """Counterpart of strongSwan's ikev2/net2net-childless."""

    def esp(dh: str) -> Json:
        return {"esp": {"proposal": [{"priority": 1, "cipher": "aes128gcm16", "dh": dh}]}}

    alice, bob = pair(lab, at_alice(**esp("x25519")), at_bob(**esp("x25519"), ike={"childless": "force"}))
    assert bob.state()["child-sa"][0]["dh"] == "x25519", "the first child had an exchange of its own"
    assert crosses(lab)
    bob.commit(at_bob(**esp("ecp256"), ike={"childless": "force"}))
    state = bob.wait_for(failed_for("no-proposal-chosen"))
    assert state["status"] != "installed"
    assert alice.state()["status"] != "installed"


def test_reauthentication_replaces_the_ike_sa(lab: Lab) -> None:
    """Counterpart of strongSwan's ikev2/reauth-early."""
    alice, bob = pair(lab, at_alice(), at_bob(ike={"rekey-time": 0, "reauth-time": 10}))
    first = sa(bob)["uniqueid"]
    bob.wait_for(
        lambda state: (
            state["status"] == "installed"
            and [one["unique-id"] for one in state["ike-sa"]] not in ([], [int(first)])
        )
    )
    # The peer may have let the old one go, and its route, before it has the new one.
    alice.wait_for(lambda state: state["status"] == "installed" and len(state["ike-sa"]) == 1)
    assert crosses(lab)


@pytest.mark.parametrize("unique", ["replace", "never"])
def test_a_policy_of_uniqueness_comes_up(unique: str, lab: Lab) -> None:
    _alice, bob = pair(lab, *both(ike={"unique": unique}))
    assert len(bob.state()["ike-sa"]) == 1


class Sniffer:
    """Sees the IPv4 packets on an interface of a namespace."""

    def __init__(self, lab: Lab) -> None:
        self._socket = lab.bob_ns.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM))
        self._socket.bind((lab.cable_of_bob, ETH_P_ALL))
        self._socket.settimeout(LIMIT_S)

    def ike_packet(self) -> bytes:
        """Return the next IPv4 packet to UDP port 500 or, with the marker of IKE, 4500."""
        while True:
            packet = self._socket.recv(65535)
            header = (packet[0] & 0x0F) * 4
            if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_UDP:
                continue
            port = int.from_bytes(packet[header + 2 : header + 4], "big")
            if port == 500 or (port == 4500 and packet[header + 8 : header + 12] == bytes(4)):
                return packet

    def close(self) -> None:
        self._socket.close()


def test_the_dscp_of_ike_also_when_nothing_else_changes(lab: Lab) -> None:
    """Counterpart of strongSwan's ikev2/net2net-psk-dscp; charon alone would keep the old value."""
    _alice, bob = pair(lab, at_alice(), at_bob())
    sniffer = Sniffer(lab)
    try:
        bob.commit(at_bob(ike={"dscp": 46}))
        bob.wait_status("installed")
        seen = set()
        while 46 not in seen:
            packet = sniffer.ike_packet()
            if socket.inet_ntoa(packet[12:16]) == "192.168.0.2":
                seen.add(packet[1] >> 2)
    finally:
        sniffer.close()


def test_what_charon_is_told_once_takes_effect_as_it_should(lab: Lab) -> None:
    """Fragmentation and MOBIKE show in what is negotiated."""
    options: Json = {"ike": {"fragmentation": {"enabled": False}, "mobike": True}}
    _alice, bob = pair(lab, *both(**options))
    assert "N(FRAG_SUP)" not in bob.log()
    assert "N(MOBIKE_SUP)" in bob.log()
    bob.commit(at_bob())
    bob.wait_status("installed")
    assert "N(FRAG_SUP)" in bob.log()
