"""Which tunnel a packet belongs to, by the SPIs of charon's SAs and the addresses of the tunnels."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from agent.at_work import unbound
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import Section, ViciError
from translators.strongswan.diagnosis.packets import Packet
from translators.strongswan.status.state import children
from translators.strongswan.status.unnamed import between
from translators.strongswan.translation.connections import tunnel_of
from translators.strongswan.translation.desired import Desired

log = logging.getLogger(__name__)

REFRESH_S = 1.0
"""charon is asked for its SAs at most so often, however many packets are of unknown SPIs."""


class PacketOwners:
    """Knows the SPIs; asks charon again when one shows up that is not known (after a rekeying)."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._spis: Mapping[str, str] = {}
        self._refreshing: asyncio.Task[None] | None = None

    def of(self, packet: Packet) -> Sequence[str]:
        """Return the tunnels that a packet may belong to: one if it is known, none if nothing is."""
        for spi in (packet.spi, packet.initiator_spi):
            if spi in self._spis:
                return [self._spis[spi]]
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh_soon(), context=unbound())
        return owners_by_addresses(self._shared.desired, packet)

    async def refresh(self) -> None:
        """Learn the SPIs of all SAs; without charon there are none."""
        session = self._shared.session
        if session is None:
            self._spis = {}
            return
        try:
            self._spis = spis_of(await session.list_sas())
        except ViciError as problem:
            log.info("the SPIs of the SAs cannot be read: %s", problem)

    async def _refresh_soon(self) -> None:
        await self.refresh()
        await asyncio.sleep(REFRESH_S)


def spis_of(sas: Sequence[Section]) -> dict[str, str]:
    """Return SPI to tunnel for the IKE_SAs of ``list-sas`` and their CHILD_SAs."""
    found: dict[str, str] = {}
    for sa in sas:
        tunnel = tunnel_of(str(sa.get("name", "")))
        if tunnel is None:
            continue
        spis = [
            sa.get("initiator-spi"),
            *(child.get(key) for child in children(sa) for key in ("spi-in", "spi-out")),
        ]
        found.update({str(spi): tunnel for spi in spis if spi})
    return found


def owners_by_addresses(desired: Desired, packet: Packet) -> list[str]:
    """Return the tunnels that may be between the two ends of the packet."""
    return between(desired.entries, (packet.source, packet.destination))
