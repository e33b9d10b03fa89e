"""Whose sessions with this server a change of tunnels would cut off: what ``Translator.captured`` answers.

A change that concerns none of their addresses costs nothing more. For one that does, all tunnels are gone
through, while the event loop goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from itertools import chain

from agent.translator import Captured, EntryChange, Route
from translators.strongswan.charon.shared import Shared
from translators.strongswan.model import (
    CERTIFICATES_PATH,
    CRLS_PATH,
    FETCH_PATH,
    REVOCATION_PATH,
    Json,
    entry_path,
)
from translators.strongswan.planning import for_all_after, is_tunnel
from translators.strongswan.protection.keeping import Protection
from translators.strongswan.protection.shunts import LIBIPSEC
from translators.strongswan.status.state import children_up, strings
from translators.strongswan.translation.certificates import of_entry
from translators.strongswan.translation.certified import has_certificate
from translators.strongswan.translation.connections import connection_name
from translators.strongswan.translation.guards import NO_GUARD, Guard
from translators.strongswan.translation.overlaps import Pair, Prefix, in_one_family, prefix, within, written
from translators.strongswan.translation.refusals import Refused
from translators.strongswan.translation.ways_back import Fate, Kind, Taker, Turn, Ways, turn
from translators.strongswan.upkeep.addresses import as_the_kernel_writes, way_to
from translators.strongswan.upkeep.tunnels import LiveTunnels

log = logging.getLogger(__name__)

PIECE = 200
"""Tunnels that are looked at in a row; a few milliseconds."""
PEERS_MAX = 64
"""So many peers the kernel is asked about for a change, one by one."""
NOT_FOR_CHARON = frozenset({"description", "leak-protection", "bypass"})
"""Members of an entry by which no tunnel comes up."""
WHOSE = ("local-address", "peer", "local-id", "remote-id", "local-subnet", "remote-subnet")
"""Members of an entry that say who comes through the tunnel, and for what."""
NOT_ASIDE = (frozenset[str](), frozenset[str]())
FOR_ALL_CERTIFIED = frozenset({CRLS_PATH, REVOCATION_PATH, FETCH_PATH})
Entries = Mapping[str, Json | None]
Takers = Mapping[str, Taker]
Negotiated = Mapping[str, Sequence[Pair]]
Way = tuple[object, object]
"""An interface, and a gateway there."""


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
    asides: Mapping[Route, tuple[frozenset[str], ...]]
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
                asides=self.asides.get(route, NOT_ASIDE),
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
        told_anew = self._told_anew(changes)
        sides = await self._sides(changes, told_anew)
        concerned = partial(_concerns, list(ends.values()))
        negotiated = await self._negotiated(sides[0], keep=concerned)
        stays = {one for one in negotiated if _is_for_the_same(*(side.entries[one] for side in sides))}
        touched = [
            await _takers(sides[0], negotiated),
            await _takers(sides[1], {one: negotiated[one] for one in stays}),
        ]
        networks = sides[0].networks ^ sides[1].networks
        meant = {
            route: (near, far)
            for route, (near, far) in ends.items()
            if any(within(far, network) for network in networks)
            or any(taker.concerns(near, far) for takers in touched for taker in takers.values())
        }
        if not meant:
            return []
        outlook = await self._outlook(meant, sides, touched, told_anew)
        return await asyncio.to_thread(outlook.captured)

    async def _outlook(
        self,
        meant: Mapping[Route, Pair],
        sides: Sequence[Side],
        touched: Sequence[Takers],
        told_anew: AbstractSet[str],
    ) -> Outlook:
        before, after = sides
        untouched = Side(
            {one: entry for one, entry in self._shared.desired.entries.items() if one not in before.entries},
            before.guards,
        )
        concerned = partial(_concerns, list(meant.values()))
        negotiated = await self._negotiated(untouched, keep=concerned)
        others = await _takers(untouched, negotiated, keep=concerned)
        by_route = LIBIPSEC in (self._shared.desired.plugins or ())
        sets = [{**others, **takers} for takers in touched]
        asides = {} if by_route else await self._asides(meant, sets)
        return Outlook(
            meant,
            asides=asides,
            ways=tuple(
                partial(Ways, takers, list(side.guards.values()), by_route=by_route)
                for takers, side in zip(sets, sides, strict=True)
            ),
            up=frozenset(tunnel for tunnel in (*others, *touched[0]) if self._is_up(tunnel)),
            altered=frozenset(
                one for one in before.entries if _of_charon(before, one) != _of_charon(after, one)
            ).union(told_anew),
        )

    async def _asides(
        self, meant: Mapping[Route, Pair], sets: Sequence[Takers]
    ) -> Mapping[Route, tuple[frozenset[str], ...]]:
        """Return the tunnels to which charon has, before the change and after it, a route that leads
        elsewhere than to the client."""
        ours = [prefix(address) for address in self._live.addresses.present or ()]
        ways = _WaysTo()
        found = {}
        for route, (_near, far) in meant.items():
            routed = [_routed(takers, far, ours) for takers in sets]
            peers = dict.fromkeys(chain.from_iterable(one.values() for one in routed))
            elsewhere = await ways.elsewhere(route, peers)
            found[route] = tuple(
                frozenset(tunnel for tunnel, peer in one.items() if peer in elsewhere) for one in routed
            )
        if ways.unknown:
            log.warning(
                "a commit was not looked at for whether routes to %d more peers lead a session astray",
                len(ways.unknown),
            )
        return found

    def _told_anew(self, changes: Sequence[EntryChange]) -> AbstractSet[str]:
        """Return the tunnels that may come up by what changes, of certificates, CRLs, and of the looking for
        revoked ones."""
        desired, found = self._shared.desired, set[str]()
        for change in changes:
            if change.list_path == CERTIFICATES_PATH:
                found.update(desired.users(change.keys[0]))
            if change.list_path in FOR_ALL_CERTIFIED or _is_of_authority(change):
                return {tunnel for tunnel, entry in desired.entries.items() if has_certificate(entry)}
        return found

    async def _sides(self, changes: Sequence[EntryChange], told_anew: AbstractSet[str]) -> tuple[Side, Side]:
        held, entries = self._protection.guards.held, self._shared.desired.entries
        wanted = {change.keys[0]: change.after for change in changes if is_tunnel(change)}
        for_all = for_all_after(changes, self._protection.guards.for_all)
        if for_all == self._protection.guards.for_all:
            coming = self._protection.wanted(wanted, for_all)
        else:  # each tunnel is looked at
            coming = await asyncio.to_thread(self._protection.wanted, wanted, for_all)
        touched = wanted.keys() | coming.keys() - {""} | told_anew
        return (
            Side({tunnel: entries.get(tunnel) for tunnel in touched}, held),
            Side(
                {tunnel: wanted.get(tunnel, entries.get(tunnel)) for tunnel in touched},
                ChainMap(dict(coming), held),
            ),
        )

    def _is_up(self, tunnel: str) -> bool:
        return self._live.facts(tunnel).up

    async def _negotiated(self, side: Side, keep: Callable[[Taker], bool]) -> Negotiated:
        """Return what the SAs of those that are up, and that ``keep`` may want, are for, if it is known."""
        kept = await _takers(side, {}, keep=keep)
        names = {connection_name(tunnel): tunnel for tunnel in kept if self._is_up(tunnel)}
        sas = await self._live.sas(list(names)) if names else {}
        found = {}
        for index, (name, tunnel) in enumerate(names.items() if sas else (), 1):
            pairs = _pairs_of(children_up((sas or {}).get(name, ())))
            if pairs is not None:
                found[tunnel] = pairs
            if not index % PIECE:
                await asyncio.sleep(0)
        return found


def _pairs_of(children: Sequence[Mapping[str, object]]) -> Sequence[Pair] | None:
    """Return what CHILD_SAs are for; None if there are none, or prefixes do not say it."""
    sides = [[strings(child.get(side)) for side in ("local-ts", "remote-ts")] for child in children]
    if not sides or not all(map(_is_prefix, chain.from_iterable(chain.from_iterable(sides)))):
        return None
    return [
        pair for near, far in sides for pair in in_one_family(list(map(prefix, near)), list(map(prefix, far)))
    ]


def _is_prefix(selector: str) -> bool:
    return selector.rpartition("/")[2].isdecimal()  # no protocol, no range


def _concerns(ends: Sequence[Pair], taker: Taker) -> bool:
    return any(taker.concerns(near, far) for near, far in ends)


def _is_for_the_same(before: Json | None, after: Json | None) -> bool:
    """Return whether the same peer would come through a tunnel, for the same."""
    return all((before or {}).get(leaf) == (after or {}).get(leaf) for leaf in WHOSE)


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


def _routed(takers: Takers, far: Prefix, ours: Sequence[Prefix]) -> Mapping[str, str]:
    """Return the peers of the tunnels to which charon makes a route for ``far``, the narrowest first: it is
    that which counts."""
    found = {}
    for taker in takers.values() if ours else ():
        pairs = taker.pairs if taker.has_route else ()
        lengths = [pair[1][2] for pair in pairs if _makes_route(pair, far, ours)]
        if lengths:
            found[taker.tunnel] = (-max(lengths), taker.to)
    return {tunnel: peer for tunnel, (_length, peer) in sorted(found.items(), key=lambda one: one[1])}


def _makes_route(pair: Pair, far: Prefix, ours: Sequence[Prefix]) -> bool:
    """Return whether charon makes a route to ``far``, for which it needs an address of the near side."""
    return within(far, pair[1]) and any(within(address, pair[0]) for address in ours)


async def _takers(
    side: Side, negotiated: Negotiated, keep: Callable[[Taker], bool] = lambda _taker: True
) -> Takers:
    found = {}
    for index, (tunnel, entry) in enumerate(side.entries.items(), 1):
        taker = Taker.of(tunnel, entry, side.guards.get(tunnel, NO_GUARD), negotiated.get(tunnel))
        if taker is not None and keep(taker):
            found[tunnel] = taker
        if not index % PIECE:
            await asyncio.sleep(0)
    return found


def _is_of_authority(change: EntryChange) -> bool:
    """Return whether a certificate comes by which charon may trust others."""
    try:
        is_new = change.list_path == CERTIFICATES_PATH and change.after is not None
        return is_new and of_entry(change.after or {}).is_authority
    except Refused:
        return False


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
