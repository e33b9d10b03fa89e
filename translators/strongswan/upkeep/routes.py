"""Where the routes lead that charon makes for tunnels, and whether clients of this server are there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from agent.translator import Route
from translators.strongswan.translation.nested import Addresses, Nested
from translators.strongswan.translation.prefixes import Pair, prefix
from translators.strongswan.translation.ways_back import Taker, to_all
from translators.strongswan.upkeep.addresses import as_the_kernel_writes, way_to

log = logging.getLogger(__name__)

PEERS_MAX = 64
"""So many peers the kernel is asked about for a change, one by one."""
ROUTES_MAX = 4 * PEERS_MAX
"""So many routes, the narrowest, are looked at for a session: most are to few peers, and the first counts."""
Way = tuple[object, object]
"""An interface, and a gateway there."""


async def routes_aside(
    ends: Mapping[Route, Pair], sets: Sequence[Mapping[str, Taker]], addresses: Collection[str]
) -> Mapping[Route, tuple[frozenset[str], ...]]:
    """Return the tunnels of each set to which charon has a route that leads elsewhere than to the client of a
    session; ``addresses`` are ours."""
    ours = Addresses({address: prefix(address) for address in addresses})
    routes = [await asyncio.to_thread(_routes, takers, ours) for takers in sets]
    ways = _WaysTo()
    found = {}
    for route, (near, far) in ends.items():
        takers = [list(islice(_of_each(one.around(near, far)), ROUTES_MAX)) for one in routes]
        peers = dict.fromkeys(taker.to for taker in chain.from_iterable(takers))
        elsewhere = await ways.elsewhere(route, peers)
        found[route] = tuple(frozenset(t.tunnel for t in one if t.to in elsewhere) for one in takers)
    if ways.unknown:
        log.warning(
            "a commit was not looked at for whether routes to %d more peers lead a session astray",
            len(ways.unknown),
        )
    return found


class _WaysTo:
    """What the kernel says of the ways to peers and clients, each asked about once; of peers that are too
    many, ``unknown``, nothing."""

    def __init__(self) -> None:
        self.unknown: set[str] = set()
        self._peers: dict[str, Way | None] = {}

    async def elsewhere(self, route: Route, peers: Iterable[str]) -> set[str]:
        """Return those of ``peers`` to which another way leads than to the client of ``route``."""
        asked = list(filter(as_the_kernel_writes, peers))
        here = await way_to(route.remote, route.local) if asked else None
        if here is None:
            return set()
        return {peer for peer in asked if (await self._to(peer) or here) != here}

    async def _to(self, peer: str) -> Way | None:
        if peer not in self._peers:
            if len(self._peers) >= PEERS_MAX:
                self.unknown.add(peer)
                return None
            self._peers[peer] = await way_to(peer)
        return self._peers[peer]


def _routes(takers: Mapping[str, Taker], ours: Addresses[str]) -> Nested[Taker]:
    """Return who has a route of charon, by where to: for one it needs an address of the near side."""
    return Nested(
        (to_all(far), taker)
        for taker in sorted(takers.values(), key=lambda taker: int(taker.tunnel))
        if taker.has_route
        for near, far in taker.pairs
        if ours.is_any_within([near])
    )


def _of_each(found: Iterable[tuple[Pair, Sequence[Taker]]]) -> Iterator[Taker]:
    return chain.from_iterable(takers for _pair, takers in found)
