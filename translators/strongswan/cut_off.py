"""Whose sessions with this server a change of tunnels would cut off: what ``Translator.captured`` answers.

A change that concerns none of their addresses costs nothing more. For one that does, all tunnels are gone
through, while the event loop goes on.
"""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from agent.translator import Captured, EntryChange, Route
from translators.strongswan.charon.shared import Shared
from translators.strongswan.model import Json, entry_path
from translators.strongswan.planning import for_all_after, is_tunnel
from translators.strongswan.protection.keeping import Protection
from translators.strongswan.protection.shunts import LIBIPSEC
from translators.strongswan.status.state import children_up, strings
from translators.strongswan.translation.connections import connection_name
from translators.strongswan.translation.guards import NO_GUARD, Guard
from translators.strongswan.translation.overlaps import Pair, Prefix, prefix, within, written
from translators.strongswan.translation.ways_back import Fate, Kind, Taker, Turn, Ways, turn
from translators.strongswan.upkeep.addresses import as_the_kernel_writes, way_to
from translators.strongswan.upkeep.tunnels import LiveTunnels

PIECE = 200
"""Tunnels that are looked at in a row; a few milliseconds."""
PEERS_MAX = 64
"""So many peers the kernel is asked about, one by one."""
NOT_FOR_CHARON = frozenset({"description", "leak-protection", "bypass"})
"""Members of an entry by which no tunnel comes up."""
Entries = Mapping[str, Json | None]
Takers = Mapping[str, Taker]


@dataclass(frozen=True, slots=True)
class Side:
    """What is configured before a change, or after it: the tunnels that it touches, and all guards."""

    entries: Entries
    guards: Mapping[str, Guard]

    @property
    def networks(self) -> frozenset[Prefix]:
        """What goes into no tunnel at all."""
        return frozenset(network for _all, network in self.guards.get("", NO_GUARD).bypass)


@dataclass(frozen=True, slots=True)
class Outlook:
    """All that it takes to say what a change does to sessions: their ends, ours first, by route; what makes
    the ways before it and after it; and as for ``turn``."""

    ends: Mapping[Route, Pair]
    asides: Mapping[Route, frozenset[str]]
    ways: Sequence[Callable[[], Ways]]
    up: frozenset[str]
    altered: frozenset[str]

    def captured(self) -> list[Captured]:
        """Return which of the sessions it cuts off; it may take long where there are many tunnels."""
        before, after = (make() for make in self.ways)
        found = []
        for route, (near, far) in self.ends.items():
            turned = turn(
                near,
                far,
                before=before,
                after=after,
                is_up=self.up.__contains__,
                altered=self.altered,
                aside=self.asides[route],
            )
            if turned is not None:
                found.append(_captured(route, turned))
        return found


class CutOffs:
    """Knows which way packets go. Without charon (``is_used`` is False) no tunnel takes anything."""

    def __init__(self, shared: Shared, *, live: LiveTunnels, protection: Protection, is_used: bool) -> None:
        self._shared = shared
        self._live = live
        self._protection = protection
        self._is_used = is_used

    async def captured(self, changes: Sequence[EntryChange], routes: Sequence[Route]) -> Sequence[Captured]:
        """Return which sessions ``changes`` would cut off; see ``Translator.captured``."""
        ours = self._live.addresses.present or ()
        ends = {one: (prefix(one.local), prefix(one.remote)) for one in routes if one.remote not in ours}
        if not self._is_used or not ends:
            return []
        sides = await self._sides(changes)
        peers = await self._peers(sides[0].entries)
        touched = [await _takers(side.entries, side.guards, peers) for side in sides]
        networks = sides[0].networks ^ sides[1].networks
        meant = {
            route: (near, far)
            for route, (near, far) in ends.items()
            if any(within(far, network) for network in networks)
            or any(taker.concerns(near, far) for takers in touched for taker in takers.values())
        }
        if not meant:
            return []
        outlook = await self._outlook(meant, sides, touched)
        return await asyncio.to_thread(outlook.captured)

    async def _outlook(
        self, meant: Mapping[Route, Pair], sides: Sequence[Side], touched: Sequence[Takers]
    ) -> Outlook:
        before, after = sides
        others = await _takers(
            {one: entry for one, entry in self._shared.desired.entries.items() if one not in before.entries},
            before.guards,
            keep=lambda taker: any(taker.concerns(*ends) for ends in meant.values()),
        )
        by_route = LIBIPSEC in (self._shared.desired.plugins or ())
        asides = {
            route: frozenset[str]() if by_route else await self._aside(route, far, touched[1])
            for route, (_near, far) in meant.items()
        }
        return Outlook(
            meant,
            asides=asides,
            ways=tuple(
                partial(Ways, {**others, **takers}, list(side.guards.values()), by_route=by_route)
                for takers, side in zip(touched, sides, strict=True)
            ),
            up=frozenset(tunnel for tunnel in (*others, *touched[0]) if self._is_up(tunnel)),
            altered=frozenset(
                one for one in before.entries if _of_charon(before, one) != _of_charon(after, one)
            ),
        )

    async def _aside(self, route: Route, far: Prefix, takers: Takers) -> frozenset[str]:
        """Return the tunnels to which charon would have a route that leads elsewhere than to the client."""
        ours = [prefix(address) for address in self._live.addresses.present or ()]
        routed = {
            taker.tunnel: taker.to
            for taker in takers.values()
            if taker.has_route and any(_makes_route(pair, far, ours) for pair in taker.pairs)
        }
        here = await way_to(route.remote, route.local) if routed else None
        peers = islice(filter(as_the_kernel_writes, dict.fromkeys(routed.values())), PEERS_MAX)
        elsewhere = {peer for peer in peers if here and (await way_to(peer) or here) != here}
        return frozenset(tunnel for tunnel, peer in routed.items() if peer in elsewhere)

    async def _sides(self, changes: Sequence[EntryChange]) -> tuple[Side, Side]:
        held, entries = self._protection.guards.held, self._shared.desired.entries
        wanted = {change.keys[0]: change.after for change in changes if is_tunnel(change)}
        for_all = for_all_after(changes, self._protection.guards.for_all)
        if for_all == self._protection.guards.for_all:
            coming = self._protection.wanted(wanted, for_all)
        else:  # each tunnel is looked at
            coming = await asyncio.to_thread(self._protection.wanted, wanted, for_all)
        touched = wanted.keys() | coming.keys() - {""}
        return (
            Side({tunnel: entries.get(tunnel) for tunnel in touched}, held),
            Side(
                {tunnel: wanted.get(tunnel, entries.get(tunnel)) for tunnel in touched},
                ChainMap(dict(coming), held),
            ),
        )

    def _is_up(self, tunnel: str) -> bool:
        return self._live.facts(tunnel).up

    async def _peers(self, entries: Entries) -> Mapping[str, Sequence[Prefix]]:
        """Return the far side of those that leave it open, as far as they are up."""
        names = {
            connection_name(tunnel): tunnel
            for tunnel, entry in entries.items()
            if self._is_up(tunnel) and not {"peer", "remote-subnet"} & (entry or {}).keys()
        }
        sas = await self._live.sas(list(names)) if names else {}
        return {
            tunnel: [
                prefix(selector)
                for child in children_up((sas or {}).get(name, ()))
                for selector in strings(child.get("remote-ts"))
                if selector.rpartition("/")[2].isdecimal()  # no protocol, no range
            ]
            for name, tunnel in names.items()
        }


def _makes_route(pair: Pair, far: Prefix, ours: Sequence[Prefix]) -> bool:
    """Return whether charon makes a route to ``far``, for which it needs an address of the near side."""
    return within(far, pair[1]) and any(within(address, pair[0]) for address in ours)


async def _takers(
    entries: Entries,
    guards: Mapping[str, Guard],
    peers: Mapping[str, Sequence[Prefix]] | None = None,
    keep: Callable[[Taker], bool] = lambda _taker: True,
) -> Takers:
    found = {}
    for index, (tunnel, entry) in enumerate(entries.items(), 1):
        taker = Taker.of(tunnel, entry, guards.get(tunnel, NO_GUARD), (peers or {}).get(tunnel, ()))
        if taker is not None and keep(taker):
            found[tunnel] = taker
        if not index % PIECE:
            await asyncio.sleep(0)
    return found


def _of_charon(side: Side, tunnel: str) -> Json | None:
    """Return what of an entry decides whether its tunnel comes up."""
    entry = side.entries[tunnel]
    return None if entry is None else {k: value for k, value in entry.items() if k not in NOT_FOR_CHARON}


# --- in words ---

TOLD_OF = ("local-subnet", "remote-subnet", "local-address", "peer", "leak-protection")


def _captured(route: Route, turned: Turn) -> Captured:
    reason = turned.now if turned.then.kind is Kind.CLEAR else turned.then
    tunnels = dict.fromkeys(fate.tunnel for fate in (reason, turned.now) if fate.tunnel)
    paths = [entry_path(tunnel) for tunnel in tunnels]
    return Captured(
        route,
        path=entry_path(reason.tunnel),
        prefix="" if reason.pair is None else written(reason.pair[1]),
        why=_why(turned, f"what goes between {route.local} and {route.remote}"),
        instead=_instead(turned, route.remote),
        tells=tuple(one for path in paths for one in (path, *(f"{path}/{leaf}" for leaf in TOLD_OF))),
    )


def _why(turned: Turn, packets: str) -> str:
    now, then = turned.now, turned.then
    came = f", which comes through tunnel {now.tunnel} now" if now.kind is Kind.TUNNEL else ""
    if then.kind is Kind.TUNNEL:
        return f"{_named(then)} would take {packets}{came}"
    if then.kind is Kind.DROPPED:
        return f"leak protection of {_named(then)} would drop {packets} in clear{came}"
    if then.kind is Kind.ASTRAY:
        lost = "though its local subnets are others, so that it is lost"
        return f"the route into {_named(then)} would draw in {packets}, {lost}{came}"
    return f"{_named(now)} would take {packets} no longer"


def _named(fate: Fate) -> str:
    sides = "" if fate.pair is None else f" (from {' to '.join(map(written, fate.pair))})"
    return f"tunnel {fate.tunnel}{sides}"


def _instead(turned: Turn, client: str) -> str:
    if turned.now.kind is not Kind.CLEAR:
        return ""
    return f"have {client}, or its network, in bypass/network of the tunnel or in /tunnels/bypass"
