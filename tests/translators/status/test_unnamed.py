"""Whose address the lines about a peer come from that charon does not know yet."""

from __future__ import annotations

import pytest

from translators.strongswan.status import unnamed
from translators.strongswan.status.events import Source
from translators.strongswan.status.facts import Facts, Reason
from translators.strongswan.status.ledger import Ledger
from translators.strongswan.status.unnamed import SAS_MAX, Unnamed

GARBLED = "invalid ID_V1 payload length, decryption failed?"
V1 = {"ike": {"version": "ikev1"}}
ENTRIES = {
    "1": {"peer": "192.0.2.1", "local-address": "198.51.100.1", **V1},
    "2": {"local-address": "198.51.100.1", **V1},
    "3": {"local-address": "198.51.100.2", **V1},
    "4": {"local-address": "198.51.100.2", **V1},
    "5": {"peer": "192.0.2.5", **V1},
    "6": {"peer": "192.0.2.6", "local-address": "198.51.100.1", "enabled": False, **V1},
    "7": {"peer": "192.0.2.7", "local-address": "198.51.100.1", "ike": {"version": "ikev2"}},
    "8": {"peer": "192.0.2.7", "local-address": "198.51.100.1", **V1},
    "9": {"peer": "192.0.2.8", "local-address": "198.51.100.1"},
}


def line(sa: int, text: str) -> dict[str, str]:
    return {"ikesa-name": unnamed.NAME, "ikesa-uniqueid": str(sa), "msg": text}


def packet(sa: int) -> dict[str, str]:
    return line(sa, f"received packet: from 192.0.2.{sa % 200}[500] to 198.51.100.1[500] (100 bytes)")


def test_the_addresses_are_those_of_the_last_packet_of_the_sa_and_bounded() -> None:
    known = Unnamed()
    assert known.ends(line(1, GARBLED)) is None
    known.ends(packet(1))
    assert known.ends(line(1, GARBLED)) == ("192.0.2.1", "198.51.100.1")
    for sa in range(2, SAS_MAX + 2):
        known.ends(packet(sa))
    assert known.ends(line(1, GARBLED)) is None


@pytest.mark.parametrize(
    ("peer", "own", "expected"),
    [
        ("192.0.2.1", "198.51.100.1", ["1"]),
        ("192.0.2.9", "198.51.100.1", ["2"]),
        ("192.0.2.9", "198.51.100.2", ["3", "4"]),
        ("192.0.2.9", "198.51.100.9", []),
        # Another address of this gateway, to which a peer comes that has a tunnel with the first.
        ("192.0.2.1", "198.51.100.2", ["3", "4"]),
        ("192.0.2.1", "198.51.100.9", []),
        ("198.51.100.1", "192.0.2.1", []),
        ("192.0.2.5", "198.51.100.9", ["5"]),
        ("192.0.2.6", "198.51.100.1", ["2"]),
        ("192.0.2.7", "198.51.100.1", ["8"]),
        ("192.0.2.8", "198.51.100.1", ["2"]),
    ],
)
def test_the_tunnels_are_those_of_the_peer_or_for_any(peer: str, own: str, expected: list[str]) -> None:
    assert unnamed.candidates(ENTRIES, peer, own) == expected


def test_the_ends_of_a_packet_are_told_by_its_way() -> None:
    ends = ("192.0.2.1", "198.51.100.1")
    assert unnamed.ends_of("received packet: from 192.0.2.1[500] to 198.51.100.1[500] (9 bytes)") == ends
    assert unnamed.ends_of("sending packet: from 198.51.100.1[500] to 192.0.2.1[500] (9 bytes)") == ends
    assert unnamed.ends_of("received packet with a mark") is None


def test_between_two_addresses_are_tunnels_of_each_version_that_are_enabled() -> None:
    assert unnamed.between(ENTRIES, ("192.0.2.7", "198.51.100.1")) == ["2", "7", "8"]
    assert unnamed.between(ENTRIES, ("198.51.100.1", "192.0.2.7")) == ["2", "7", "8"]
    assert unnamed.between(ENTRIES, ("192.0.2.6", "198.51.100.1")) == ["2"]
    assert unnamed.between(ENTRIES, ("192.0.2.5", "198.51.100.9")) == ["5"]
    assert unnamed.with_peer(ENTRIES, "192.0.2.6") == []


@pytest.mark.parametrize(
    ("tunnels", "text", "told"),
    [(["2"], GARBLED, True), (["3", "4"], GARBLED, False), (["2"], "received DELETE for IKE_SA x", False)],
)
def test_what_cannot_be_decrypted_is_told_of_the_one_tunnel_that_it_may_be_of(
    tunnels: list[str], text: str, told: bool
) -> None:
    ledger = Ledger(lambda _tunnel: True, lambda _address: [])
    ledger.on_garbled(text, lambda: tunnels, Source.ERROR_NOTIFY, 1000.0)
    error = ledger.facts(tunnels[0]).last_error
    assert (error is not None and error.reason is Reason.AUTHENTICATION_FAILED) is told


def test_a_tunnel_that_is_up_does_not_fail_by_what_anybody_can_send() -> None:
    ledger = Ledger(lambda _tunnel: True, lambda _address: [])
    ledger.put("2", Facts(children=frozenset("1")))
    ledger.on_garbled(GARBLED, lambda: ["2"], Source.ERROR_NOTIFY, 1000.0)
    assert ledger.facts("2").last_error is None


def test_no_tunnel_is_looked_at_for_a_line_that_says_nothing() -> None:
    def candidates() -> list[str]:
        raise AssertionError("a thousand peers that begin cause thousands of lines")

    ledger = Ledger(lambda _tunnel: True, lambda _address: [])
    ledger.on_garbled("192.0.2.1 is initiating an IKE_SA", candidates, Source.ERROR_NOTIFY, 1000.0)
    assert ledger.known() == []
