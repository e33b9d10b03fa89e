"""Lines of charon's log about a peer that charon does not know yet: whose address they come from. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from translators.strongswan.model import Json
from translators.strongswan.status.state import Section

NAME = "(unnamed)"
SAS_MAX = 256
_PACKET = re.compile(r"^received packet: from (\S+)\[[0-9]+\] to (\S+)\[[0-9]+\]")


def with_peer(entries: Mapping[str, Json], address: str) -> list[str]:
    """Return the tunnels that are configured with the peer ``address``."""
    return [tunnel for tunnel, entry in entries.items() if entry.get("peer") == address]


def candidates(entries: Mapping[str, Json], peer: str, own: str) -> list[str]:
    """Return the tunnels for which a peer may come from the address ``peer`` to ``own``."""
    if found := with_peer(entries, peer):
        return found
    of_any = (tunnel for tunnel, entry in entries.items() if "peer" not in entry)
    return [tunnel for tunnel in of_any if entries[tunnel].get("local-address") == own]


class Unnamed:
    """Remembers the addresses of IKE_SAs without a connection, of the newest ``SAS_MAX``."""

    def __init__(self) -> None:
        self._ends: dict[str, tuple[str, str]] = {}

    def ends(self, message: Section) -> tuple[str, str] | None:
        """Return the addresses of the peer and of this gateway for a line about such an IKE_SA, None while
        they are not known."""
        sa = str(message.get("ikesa-uniqueid", ""))
        if packet := _PACKET.match(str(message.get("msg", ""))):
            self._ends.pop(sa, None)
            self._ends[sa] = (packet[1], packet[2])
            if len(self._ends) > SAS_MAX:
                del self._ends[next(iter(self._ends))]
        return self._ends.get(sa)
