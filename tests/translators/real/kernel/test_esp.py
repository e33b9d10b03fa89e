"""ESP of the kernel: what it carries and counts, what it copies to the ESP packet, and what it refuses."""

from __future__ import annotations

import socket

import pytest

from tests.lab import Lab, carries, udp
from tests.translators.real.kernel.wire import (
    ESP,
    LAST,
    counted,
    packets,
    prepare,
    send,
    states,
    told,
    watched,
)
from tests.translators.real.pairs import failed_for
from tests.translators.real.test_options import both, children, pair
from tests.translators.tunnels import at_alice, at_bob

pytestmark = [pytest.mark.real, pytest.mark.kernel_esp]

ALICE, BOB = "192.168.0.1", "192.168.0.2"
EXPEDITED = 46  # RFC 3246


def test_esp_is_in_ip_and_every_packet_is_counted(lab: Lab) -> None:
    alice, bob = pair(lab, *both())
    with watched(lab) as cable:
        for _ in range(5):
            send(lab)
        assert cable.next(ESP, BOB).protocol == ESP
    assert carries(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1")
    assert (packets(bob.state()), packets(alice.state())) == ((1, 5), (5, 1))
    assert [child["encap"] for child in bob.state()["child-sa"]] == [False]


def test_esp_is_in_udp_where_that_is_forced(lab: Lab) -> None:
    """Counterpart of strongSwan's ikev2/force-udp-encap."""
    alice, _bob = pair(lab, *both(ike={"force-encapsulation": True}))
    assert [child["encap"] for child in alice.state()["child-sa"]] == [True]
    with watched(lab) as cable:
        send(lab)
        packet = cable.next(socket.IPPROTO_UDP, BOB)
        # IKE in UDP port 4500 begins with four octets of zero, ESP with its SPI (RFC 3948 section 2.2).
        while packet.octets[28:32] == bytes(4):
            packet = cable.next(socket.IPPROTO_UDP, BOB)
        assert packet.octets[28:32].hex() == children(alice)["ipsec-1"]["spi-in"]


@pytest.mark.parametrize(
    ("at_sender", "at_receiver", "around", "received"),
    [
        ("none", "none", 0, EXPEDITED),
        ("out", "out", EXPEDITED, EXPEDITED),
        ("in", "in", 0, 0),
        ("both", "none", EXPEDITED, EXPEDITED),
        ("none", "both", 0, 0),
    ],
)
def test_the_dscp_is_copied_where_it_should(
    lab: Lab, at_sender: str, at_receiver: str, around: int, received: int
) -> None:
    pair(lab, at_alice(esp={"copy-dscp": at_receiver}), at_bob(esp={"copy-dscp": at_sender}))
    with watched(lab) as cable:
        assert send(lab, dscp=EXPEDITED) == received
        assert cable.next(ESP, BOB).dscp == around


@pytest.mark.parametrize(("df_bit", "around"), [("copy", [True, False]), ("clear", [False, False])])
def test_the_df_bit_is_copied_or_clear(lab: Lab, df_bit: str, around: list[bool]) -> None:
    pair(lab, *both(esp={"df-bit": df_bit}))
    seen = []
    with watched(lab) as cable:
        for inside in (True, False):
            send(lab, dont_fragment=inside)
            seen.append(cable.next(ESP, BOB).dont_fragment)
    assert seen == around


@pytest.mark.parametrize("window", [0, 32, 128])
def test_a_packet_that_comes_again_is_thrown_away_and_counted(lab: Lab, window: int) -> None:
    """RFC 4303 section 3.4.3."""
    _alice, bob = pair(lab, *both(esp={"anti-replay-window-size": window}))
    spi = children(bob)["ipsec-1"]["spi-in"]
    receiver = lab.bob_ns.call(lambda: udp("10.2.0.1"))
    sender = lab.alice_ns.call(lambda: udp("10.1.0.1"))
    with watched(lab) as cable, receiver, sender:
        receiver.settimeout(30)
        sender.sendto(b"first", receiver.getsockname())
        cable.again(cable.next(ESP, ALICE))
        sender.sendto(LAST, receiver.getsockname())
        received = [receiver.recv(100)]
        while received[-1] != LAST:
            received.append(receiver.recv(100))
    assert received == ([b"first"] * (1 if window else 2)) + [LAST]
    assert counted(lab.bob_ns)["XfrmInStateSeqError"] == (1 if window else 0)
    state = states(lab.bob_ns)[spi]
    assert f"replay-window {window if window <= 32 else 0} " in state
    assert ("replay_window 128" in state) == (window == 128)


def test_sequence_numbers_have_64_bits_where_that_is_configured(lab: Lab) -> None:
    """Counterpart of strongSwan's ikev2/net2net-esn. RFC 4303 section 2.2.1."""
    alice, bob = pair(lab, *both(esp={"extended-sequence-numbers": True}))
    assert carries(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1")
    assert carries(lab.bob_ns, "10.2.0.1", lab.alice_ns, "10.1.0.1")
    for gateway, namespace in ((alice, lab.alice_ns), (bob, lab.bob_ns)):
        assert [child["esn"] for child in gateway.state()["child-sa"]] == [True]
        assert {"flag af-unspec esn" in one for one in states(namespace).values()} == {True}
    bob.commit(at_bob())
    bob.wait_for(failed_for("no-proposal-chosen"))


def test_what_comes_out_of_esp_from_outside_the_subnets_is_thrown_away_and_counted(lab: Lab) -> None:
    """RFC 4301 section 5.2: what the peer puts into the tunnel is held against what was negotiated."""
    _alice, bob = pair(lab, *both())
    (reqid,) = {child["reqid"] for child in _alice.state()["child-sa"]}
    told(
        lab.alice_ns,
        *("ip", "xfrm", "policy", "add", "src", "10.3.0.0/16", "dst", "10.2.0.0/16", "dir", "out"),
        *("tmpl", "src", ALICE, "dst", BOB, "proto", "esp", "reqid", str(reqid), "mode", "tunnel"),
    )
    receiver = lab.bob_ns.call(lambda: udp("10.2.0.1"))
    outsider = lab.alice_ns.call(lambda: udp("10.3.0.1"))
    insider = lab.alice_ns.call(lambda: udp("10.1.0.1"))
    with receiver, outsider, insider:
        receiver.settimeout(30)
        outsider.sendto(b"from outside", receiver.getsockname())
        insider.sendto(b"from inside", receiver.getsockname())
        assert receiver.recv(100) == b"from inside"
    assert packets(bob.state())[0] == 2, "both came through the tunnel"
    assert counted(lab.bob_ns)["XfrmInNoPols"] == 1


def test_new_keys_are_made_after_so_many_packets(lab: Lab) -> None:
    few = {"esp": {"lifetime-soft": {"packets": "20"}, "lifetime-hard": {"packets": "100000"}}}
    _alice, bob = pair(lab, at_alice(), at_bob(**few))
    with lab.bob_ns.call(lambda: udp("10.2.0.1")) as sender:
        prepare(sender)
        for _ in range(30):
            sender.sendto(LAST, ("10.1.0.1", 9))
    state = bob.wait_for(lambda state: state["counters"]["rekeys"] >= 1)
    assert state["counters"]["downs"] == 0
    send(lab)


def test_networks_over_ipv6(lab: Lab) -> None:
    """Counterpart of strongSwan's ipv6/net2net-ip4-in-ip6-ikev2, and of ipv6/net2net-ikev2."""
    networks = {1: ["10.1.0.0/16", "2001:db8:1::/48"], 2: ["10.2.0.0/16", "2001:db8:2::/48"]}
    here, there = "2001:db8::1", "2001:db8::2"
    for namespace, side, cable in (
        (lab.alice_ns, 1, lab.cable_of_alice), (lab.bob_ns, 2, lab.cable_of_bob),
    ):  # fmt: skip
        namespace.ip("-6", "address", "add", f"2001:db8::{side}/64", "dev", cable, "nodad")
        namespace.ip("-6", "address", "add", f"2001:db8:{side}::1/64", "dev", "lo", "nodad")
    pair(
        lab,
        at_alice(local_address=here, local_subnet=networks[1], remote_subnet=networks[2]),
        at_bob(local_address=there, peer=here, local_subnet=networks[2], remote_subnet=networks[1]),
    )  # fmt: skip
    assert carries(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1")
    assert carries(lab.bob_ns, "2001:db8:2::1", lab.alice_ns, "2001:db8:1::1")
