"""Whose packet it is: SPIs that two peers share, that come back, that nobody knows; else the addresses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.translators.upkeep.obeying import Charon
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciUnavailable
from translators.strongswan.diagnosis import packet_owners
from translators.strongswan.diagnosis.packet_owners import PacketOwners, owners_by_addresses, tunnels_by_sa
from translators.strongswan.diagnosis.packets import Packet, Protocol
from translators.strongswan.translation.desired import Desired

US, PEER_1, PEER_2 = "192.0.2.1", "198.51.100.1", "198.51.100.2"
NOBODY = "0" * 16
Json = dict[str, Any]


def esp(source: str, destination: str, spi: str) -> Packet:
    return Packet(Protocol.ESP, source, destination, 100, 1, spi=spi)


def ike(source: str, destination: str, initiator: str, responder: str = NOBODY) -> Packet:
    return Packet(Protocol.IKE, source, destination, 100, 0, initiator_spi=initiator, responder_spi=responder)


def sa(name: str, peer: str, *, child: Json | None = None, **more: str) -> Json:
    children = {} if child is None else {f"{name}-1": {"name": name, "state": "INSTALLED", **child}}
    return {"name": name, "local-host": US, "remote-host": peer, "child-sas": children, **more}


def both() -> Desired:
    """Tunnels 1 and 2 with a peer each, and 3 with any."""
    desired = Desired()
    desired.entries = {
        "1": {"local-address": US, "peer": PEER_1},
        "2": {"local-address": US, "peer": PEER_2},
        "3": {"local-address": US},
    }
    return desired


class Watching:
    """Owners of packets, with a charon that holds ``sas``."""

    def __init__(self, *sas: Json) -> None:
        self.charon = Charon(sas=sas)
        self.shared = Shared(both())
        self.shared.session = self.charon  # type: ignore[assignment]
        self.owners = PacketOwners(self.shared)

    async def reads(self) -> None:
        """Wait until what is being read from charon has been."""
        task = self.owners._refreshing
        assert task is not None
        await task


@pytest.fixture
async def watching(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watching]:
    monkeypatch.setattr(packet_owners, "REFRESH_S", 0)
    made = Watching(
        sa("ipsec-1", PEER_1, child={"spi-in": "c1", "spi-out": "d0"}),
        sa("ipsec-2", PEER_2, child={"spi-in": "c2", "spi-out": "d0"}),
    )
    await made.owners.refresh()
    yield made
    if (task := made.owners._refreshing) is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_what_sas_are_known_by() -> None:
    sas = [
        sa(
            "ipsec-7",
            PEER_1,
            child={"spi-in": "c1", "spi-out": "c2"},
            **{"initiator-spi": "aa", "responder-spi": "bb"},
        ),
        sa("somebody-elses", PEER_1, **{"initiator-spi": "cc"}),
        {"name": "ipsec-8"},
    ]
    assert tunnels_by_sa(sas) == {
        ("esp", US, "c1"): "7",
        ("esp", PEER_1, "c2"): "7",
        ("ike", "aa", "bb"): "7",
        ("ike", "aa", US, PEER_1): "7",
    }


async def test_two_peers_may_choose_the_same_spi(watching: Watching) -> None:
    of = watching.owners.of
    assert of(esp(US, PEER_1, "d0")) == ["1"]
    assert of(esp(US, PEER_2, "d0")) == ["2"]
    assert of(esp(PEER_1, US, "c1")) == ["1"]
    assert watching.owners._refreshing is None, "nothing was asked for what is known"


async def test_a_spi_towards_another_address_is_not_known(watching: Watching) -> None:
    assert watching.owners.of(esp(PEER_2, US, "d0")) == ["2", "3"], "those between the addresses"
    assert watching.owners._refreshing is not None


async def test_two_peers_may_begin_with_the_same_spi() -> None:
    first = {"initiator-spi": "aa", "responder-spi": "b1"}
    watching = Watching(
        sa("ipsec-1", PEER_1, **first), sa("ipsec-2", PEER_2, **{**first, "responder-spi": "b2"})
    )
    await watching.owners.refresh()
    of = watching.owners.of
    assert [of(ike(peer, US, "aa")) for peer in (PEER_1, PEER_2)] == [["1"], ["2"]]
    assert [of(ike(US, PEER_1, "aa", spi)) for spi in ("b1", "b2")] == [["1"], ["2"]]
    assert watching.owners._refreshing is None


async def test_what_has_gone_down_is_of_nobody(watching: Watching) -> None:
    gone = sa("ipsec-1", PEER_1, child={"spi-in": "c1", "spi-out": "d0"})
    watching.owners.on_event("child-updown", {"ipsec-1": gone})
    of = watching.owners.of
    assert of(esp(US, PEER_1, "d0")) == ["1", "3"]
    assert of(esp(US, PEER_2, "d0")) == ["2"], "the other peer's goes on"


async def test_a_child_that_goes_down_leaves_its_ike_sa() -> None:
    whole = sa("ipsec-1", PEER_1, child={"spi-in": "c1"}, **{"initiator-spi": "aa", "responder-spi": "bb"})
    watching = Watching(whole)
    await watching.owners.refresh()
    message, ike_packet = {"ipsec-1": whole}, ike(PEER_1, US, "aa", "bb")
    watching.owners.on_event("child-updown", {"up": "yes", **message})
    watching.owners.on_event("child-updown", message)
    assert watching.owners._tunnels == dict.fromkeys([("ike", "aa", "bb"), ("ike", "aa", US, PEER_1)], "1")
    watching.owners.on_event("ike-updown", message)
    assert watching.owners._tunnels == {}
    assert watching.owners.of(ike_packet) == ["1", "3"]
    await watching.reads()


async def test_a_spi_that_comes_back_has_its_new_owner(watching: Watching) -> None:
    watching.owners.on_event("child-rekey", {"ipsec-1": {}})
    watching.charon.sas = [sa("ipsec-2", PEER_2), sa("ipsec-3", PEER_1, child={"spi-out": "d0"})]
    packet = esp(US, PEER_1, "d0")
    assert watching.owners.of(packet) == ["1"], "as long as nothing else is known"
    await watching.reads()
    assert watching.owners.of(packet) == ["3"]


async def test_charon_is_asked_again_while_a_rekeyed_sa_is_listed(watching: Watching) -> None:
    old = sa("ipsec-1", PEER_1, child={"spi-out": "d0", "state": "REKEYED"})
    watching.charon.sas = [old]
    watching.owners.on_event("child-rekey", {"ipsec-1": {}})
    packet = esp(US, PEER_1, "d0")
    for _turn in range(2):
        assert watching.owners.of(packet) == ["1"], "its last packets are its own"
        await watching.reads()
    watching.charon.sas = []
    watching.owners.of(packet)
    await watching.reads()
    assert watching.owners.of(packet) == ["1", "3"], "what is between the addresses"


async def test_what_happens_while_charon_is_asked_has_it_asked_again(watching: Watching) -> None:
    async def meanwhile(_name: str | None = None) -> list[Json]:
        watching.owners.on_event("ike-rekey", {"ipsec-1": {}})
        return [sa("ipsec-1", PEER_1, child={"spi-out": "d0"})]

    watching.charon.list_sas = meanwhile  # type: ignore[method-assign, assignment]
    await watching.owners.refresh()
    assert watching.owners.of(esp(US, PEER_1, "d0")) == ["1"]
    assert watching.owners._refreshing is not None


async def test_a_charon_that_does_not_answer_is_asked_again(watching: Watching) -> None:
    async def silent(_name: str | None = None) -> list[Json]:
        raise ViciUnavailable("list-sas", "no answer")

    watching.charon.list_sas = silent  # type: ignore[method-assign, assignment]
    await watching.owners.refresh()
    assert watching.owners.of(esp(US, PEER_1, "d0")) == ["1"], "what was known before"
    assert watching.owners._refreshing is not None


async def test_of_a_charon_that_is_gone_nothing_is_known(watching: Watching) -> None:
    watching.owners.lost()
    watching.shared.session = None
    assert watching.owners.of(esp(US, PEER_1, "d0")) == ["1", "3"]


async def test_without_charon_addresses_are_what_is_known() -> None:
    owners = PacketOwners(Shared(both()))
    await owners.refresh()
    assert owners.of(esp(US, PEER_1, "c1")) == ["1", "3"]
    assert owners._refreshing is not None
    owners._refreshing.cancel()


def test_owners_by_addresses() -> None:
    desired = Desired()
    desired.entries = {
        "1": {"local-address": "192.0.2.1", "peer": "198.51.100.1"},
        "2": {"local-address": "192.0.2.1", "peer": "198.51.100.2"},
        "3": {"local-address": "192.0.2.1"},
        "4": {"local-address": "192.0.2.9", "peer": "198.51.100.1"},
        "5": {"local-address": "192.0.2.1", "peer": "198.51.100.1", "enabled": False},
    }
    assert owners_by_addresses(desired, esp("198.51.100.1", "192.0.2.1", "")) == ["1", "3"]
    assert owners_by_addresses(desired, esp("192.0.2.1", "203.0.113.5", "")) == ["3"]
    assert owners_by_addresses(desired, esp("203.0.113.1", "203.0.113.2", "")) == []
