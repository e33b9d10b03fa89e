"""Which tunnel a packet belongs to, by the SPIs of charon's SAs and the addresses of the tunnels.

An SPI alone says nothing: each peer chooses its own, and one that was used comes back. An SA of ESP is known
by destination, protocol and SPI (RFC 4301 section 4.1), an IKE_SA by the SPIs of both sides (RFC 7296
section 2.6); its first message has one of them only, and is known by that and both addresses.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence

from agent.at_work import unbound
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import Section, ViciError
from translators.strongswan.diagnosis.packets import Packet, Protocol
from translators.strongswan.status.state import children
from translators.strongswan.status.unnamed import between
from translators.strongswan.translation.connections import tunnel_of
from translators.strongswan.translation.desired import Desired

log = logging.getLogger(__name__)

REFRESH_S = 1.0
"""charon is asked for its SAs at most so often, however many packets are of unknown SPIs."""

SaKey = tuple[str, ...]
_UPDOWN = ("ike-updown", "child-updown")
_REKEY = ("ike-rekey", "child-rekey")
_LEAVING = ("REKEYED", "DELETING", "DELETED")
"""CHILD_SAs that are still listed, and used, for a while."""


class PacketOwners:
    """Knows the SAs; asks charon again when a packet is of one that is not known, or when some may have gone
    since. Nobody asks while no packets are watched."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._tunnels: dict[SaKey, str] = {}
        self._is_current = False
        self._refreshing: asyncio.Task[None] | None = None

    def of(self, packet: Packet) -> Sequence[str]:
        """Return the tunnels that a packet may belong to: one if it is known, none if nothing is."""
        tunnel = next((self._tunnels[key] for key in keys_of_packet(packet) if key in self._tunnels), None)
        if (tunnel is None or not self._is_current) and (self._refreshing is None or self._refreshing.done()):
            self._refreshing = asyncio.create_task(self._refresh_soon(), context=unbound())
        return owners_by_addresses(self._shared.desired, packet) if tunnel is None else [tunnel]

    def on_event(self, event: str, message: Section) -> None:
        """Take a VICI event: what has gone down is forgotten, what is rekeyed is used a little longer."""
        if event in _UPDOWN or event in _REKEY:
            self._is_current = False
            if event in _UPDOWN and message.get("up") != "yes":
                for sa in message.values():
                    for key in keys_of_sa(sa) if isinstance(sa, dict) else ():
                        if event == "ike-updown" or key[0] != Protocol.IKE.value:
                            self._tunnels.pop(key, None)

    def lost(self) -> None:
        """Forget all SAs: charon is gone."""
        self._tunnels, self._is_current = {}, False

    async def refresh(self) -> None:
        """Learn all SAs; without charon there are none."""
        session = self._shared.session
        if session is None:
            self.lost()
            return
        self._is_current = True  # unless an event comes meanwhile
        try:
            sas = await session.list_sas()
        except ViciError as problem:
            self._is_current = False
            log.info("the SPIs of the SAs cannot be read: %s", problem)
            return
        self._tunnels = tunnels_by_sa(sas)
        if any(child.get("state") in _LEAVING for sa in sas for child in children(sa)):
            self._is_current = False

    async def _refresh_soon(self) -> None:
        await self.refresh()
        await asyncio.sleep(REFRESH_S)


def tunnels_by_sa(sas: Sequence[Section]) -> dict[SaKey, str]:
    """Return the tunnel of each IKE_SA of ``list-sas`` and of each of their CHILD_SAs."""
    found: dict[SaKey, str] = {}
    for sa in sas:
        tunnel = tunnel_of(str(sa.get("name", "")))
        if tunnel is not None:
            found.update(dict.fromkeys(keys_of_sa(sa), tunnel))
    return found


def keys_of_sa(sa: Mapping[str, object]) -> Iterator[SaKey]:
    """Yield what an IKE_SA, as charon tells it, and its CHILD_SAs are known by."""
    ours, peers = str(sa.get("local-host", "")), str(sa.get("remote-host", ""))
    if "initiator-spi" in sa:
        initiator, responder = str(sa["initiator-spi"]), str(sa.get("responder-spi", ""))
        yield (Protocol.IKE.value, initiator, responder)
        yield (Protocol.IKE.value, initiator, *sorted((ours, peers)))
    for child in children(sa):
        for leaf, destination in (("spi-in", ours), ("spi-out", peers)):
            if leaf in child:
                yield (Protocol.ESP.value, destination, str(child[leaf]))


def keys_of_packet(packet: Packet) -> Iterator[SaKey]:
    """Yield what the SA that a packet is of may be known by, the surest first."""
    if packet.protocol is Protocol.ESP:
        yield (Protocol.ESP.value, packet.destination, packet.spi)
    else:
        yield (Protocol.IKE.value, packet.initiator_spi, packet.responder_spi)
        yield (Protocol.IKE.value, packet.initiator_spi, *sorted((packet.source, packet.destination)))


def owners_by_addresses(desired: Desired, packet: Packet) -> list[str]:
    """Return the tunnels that may be between the two ends of the packet."""
    return between(desired.entries, (packet.source, packet.destination))
