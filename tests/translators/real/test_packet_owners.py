"""Whose packets are, as a real charon tells of its SAs: events come in the form that is looked for."""

from __future__ import annotations

import pytest

from tests.lab import Gateway, Lab
from tests.translators.real import pairs
from tests.translators.real.pairs import pair
from tests.translators.tunnels import Json
from translators.strongswan.diagnosis.packet_owners import PacketOwners, SaKey
from translators.strongswan.diagnosis.packets import Packet, Protocol

pytestmark = pytest.mark.real


def watched(gateway: Gateway) -> PacketOwners:
    """Return the owners that a monitor of this gateway asks, once they were read."""
    owners = gateway.translator.parts.actions._packet_owners
    gateway.run(owners.refresh())
    return owners


def child_keys(owners: PacketOwners) -> set[SaKey]:
    return {key for key in owners._tunnels if key[0] == Protocol.ESP.value}


def installed(gateway: Gateway) -> Json:
    ((_sa, child),) = pairs.installed(gateway, 1)
    return child


def test_a_child_that_ends_is_forgotten_and_its_ike_sa_with_the_next(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    owners, child = watched(bob), installed(bob)
    assert child_keys(owners) == {
        ("esp", "192.168.0.2", child["spi-in"]),
        ("esp", "192.168.0.1", child["spi-out"]),
    }
    assert {key[0] for key in owners._tunnels} == {"ike", "esp"}
    alice.vici("terminate", {"child": "ipsec-1", "timeout": "-1"})
    bob.wait_for(lambda _state: not child_keys(owners))
    owners = watched(alice)
    assert owners._tunnels
    alice.vici("terminate", {"ike": "ipsec-1", "force": "yes", "timeout": "-1"})
    alice.wait_for(lambda _state: not owners._tunnels)


def test_packets_after_a_rekeying_have_their_owner(lab: Lab) -> None:
    _alice, bob = pair(lab, 1)
    owners, old = watched(bob), installed(bob)
    bob.vici("rekey", {"child": "ipsec-1"})
    bob.wait_for(lambda state: state["counters"]["rekeys"] == 1)
    new = installed(bob)
    assert new["spi-out"] != old["spi-out"]

    async def read_again(spi: str) -> list[str]:
        owners.of(Packet(Protocol.ESP, "192.168.0.2", "192.168.0.1", 100, 1, spi=spi))
        assert owners._refreshing is not None
        await owners._refreshing
        return sorted(key[-1] for key in child_keys(owners))

    assert {new["spi-in"], new["spi-out"]} <= set(bob.run(read_again(new["spi-out"])))
    bob.wait_for(
        lambda _state: bob.run(read_again(old["spi-out"])) == sorted((new["spi-in"], new["spi-out"]))
    )
