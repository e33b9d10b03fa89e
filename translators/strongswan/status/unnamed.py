"""Lines of charon's log about a peer that charon does not know yet: whose address they come from. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from translators.strongswan.model import Json
from translators.strongswan.status.state import Section
from translators.strongswan.translation.fields import is_ikev1
from translators.strongswan.translation.in_force import is_enabled

NAME = "(unnamed)"
SAS_MAX = 256
_PACKET = re.compile(r"^(received|sending) packet: from (\S+)\[[0-9]+\] to (\S+)\[[0-9]+\]")


def ends_of(line: str) -> tuple[str, str] | None:
    """Return the addresses of the peer and of this gateway that a line of a packet has, None for another."""
    packet = _PACKET.match(line)
    if packet is None:
        return None
    return (packet[2], packet[3]) if packet[1] == "received" else (packet[3], packet[2])


def between(entries: Mapping[str, Json], ends: Collection[str]) -> list[str]:
    """Return the enabled tunnels that may be between the two addresses ``ends``, whichever of them is
    ours; one without a peer or without an address of its own fits every one."""
    return [tunnel for tunnel, entry in entries.items() if is_enabled(entry) and _fits(entry, set(ends))]


def _fits(entry: Json, ends: set[str]) -> bool:
    configured = [entry[leaf] for leaf in ("local-address", "peer") if leaf in entry]
    return ends.issuperset(configured) and len(set(configured)) == len(configured)


def with_peer(entries: Mapping[str, Json], address: str) -> list[str]:
    """Return the enabled tunnels that are configured with the peer ``address``."""
    return [tunnel for tunnel, entry in entries.items() if entry.get("peer") == address and is_enabled(entry)]


def candidates(entries: Mapping[str, Json], peer: str, own: str) -> list[str]:
    """Return the tunnels of IKEv1 of which charon may think when a packet comes from ``peer`` to ``own``:
    those for this peer stand before those for any."""
    fitting = [
        tunnel
        for tunnel in between(entries, (peer, own))
        if is_ikev1(entries[tunnel]) and entries[tunnel].get("local-address", own) == own
    ]
    return [tunnel for tunnel in fitting if "peer" in entries[tunnel]] or fitting


class Unnamed:
    """Remembers the addresses of IKE_SAs without a connection, of the newest ``SAS_MAX``."""

    def __init__(self) -> None:
        self._ends: dict[str, tuple[str, str]] = {}

    def ends(self, message: Section) -> tuple[str, str] | None:
        """Return the addresses of the peer and of this gateway for a line about such an IKE_SA, None while
        they are not known."""
        sa = str(message.get("ikesa-uniqueid", ""))
        if (ends := ends_of(str(message.get("msg", "")))) is not None:
            self._ends.pop(sa, None)
            self._ends[sa] = ends
            if len(self._ends) > SAS_MAX:
                del self._ends[next(iter(self._ends))]
        return self._ends.get(sa)
