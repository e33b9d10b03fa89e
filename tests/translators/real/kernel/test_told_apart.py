"""Tunnels for the same traffic, told apart by XFRM interfaces or by marks."""

from __future__ import annotations

import pytest

from tests.lab import Gateway, Lab
from tests.translators.real.kernel.wire import packets, send, told
from tests.translators.tunnels import Json, at_alice, at_bob

pytestmark = [pytest.mark.real, pytest.mark.kernel_esp]

OTHER_BOB = "192.168.0.3"


def two_tunnels(lab: Lab, esp: dict[int, Json]) -> tuple[Gateway, Gateway]:
    """Return alice and bob with two tunnels of the same subnets up, the second to another address of bob."""
    lab.bob_ns.ip("address", "add", f"{OTHER_BOB}/24", "dev", lab.cable_of_bob)
    alice, bob = lab.alice(), lab.bob()
    peers = {1: "192.168.0.2", 2: OTHER_BOB}
    alice.start(*(at_alice(n, peer=peer, esp=esp[n]) for n, peer in peers.items()))
    bob.start(*(at_bob(n, local_address=peer, esp=esp[n]) for n, peer in peers.items()))
    for number in peers:
        bob.wait_status("installed", number)
        alice.wait_status("installed", number)
    return alice, bob


def received(gateway: Gateway) -> list[int]:
    return [packets(gateway.state(number))[0] for number in (1, 2)]


def with_interfaces(lab: Lab) -> None:
    """Give both gateways an XFRM interface for each tunnel; routes are the user's, too."""
    for namespace, cable in ((lab.alice_ns, lab.cable_of_alice), (lab.bob_ns, lab.cable_of_bob)):
        for number in (1, 2):
            name = f"ipsec{number}"
            namespace.ip("link", "add", name, "type", "xfrm", "dev", cable, "if_id", str(number))
            namespace.ip("link", "set", name, "up")


def test_two_tunnels_with_the_same_subnets_are_told_apart_by_xfrm_interfaces(lab: Lab) -> None:
    with_interfaces(lab)
    alice, _bob = two_tunnels(lab, {n: {"if-id-in": n, "if-id-out": n} for n in (1, 2)})
    expected = [0, 0]
    for number in (1, 2, 1):
        lab.bob_ns.ip("route", "replace", "10.1.0.0/16", "dev", f"ipsec{number}", "src", "10.2.0.1")
        send(lab)
        expected[number - 1] += 1
        assert received(alice) == expected


def test_two_tunnels_with_the_same_subnets_are_told_apart_by_marks(lab: Lab) -> None:
    """Who sends marks his packets; who receives marks ESP by where it was sent to."""
    for peer, mark in (("192.168.0.2", 1), (OTHER_BOB, 2)):
        add = ("tc", "filter", "add", "dev", lab.cable_of_alice, "ingress", "protocol", "ip", "u32")
        if mark == 1:
            told(lab.alice_ns, "tc", "qdisc", "add", "dev", lab.cable_of_alice, "ingress")
        told(lab.alice_ns, *add, "match", "ip", "src", f"{peer}/32", "action", "skbedit", "mark", str(mark))
    alice, _bob = two_tunnels(lab, {n: {"mark-in": f"0x{n}", "mark-out": f"0x{n}"} for n in (1, 2)})
    expected = [0, 0]
    for number in (1, 2, 1):
        send(lab, mark=number)
        expected[number - 1] += 1
        assert received(alice) == expected
