"""Whose sessions with this server a change of tunnels would cut off: what ``Translator.captured`` answers.

A change that turns nothing of their ways costs nothing more. For one that does, all tunnels are gone through
once, while the event loop goes on.
"""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

from agent.translator import Captured, EntryChange, Route
from translators.strongswan.captured import captured
from translators.strongswan.charon.shared import Shared
from translators.strongswan.model import (
    CERTIFICATES_PATH,
    CRLS_PATH,
    FETCH_PATH,
    REVOCATION_PATH,
    Json,
)
from translators.strongswan.planning import for_all_after, is_tunnel
from translators.strongswan.protection.keeping import Protection
from translators.strongswan.protection.shunts import LIBIPSEC
from translators.strongswan.status.state import carries_all, children_up, strings
from translators.strongswan.translation.certificates import of_entry
from translators.strongswan.translation.certified import has_certificate
from translators.strongswan.translation.connections import connection_name
from translators.strongswan.translation.guards import NO_GUARD, ForAll, Guard
from translators.strongswan.translation.nested import Addresses
from translators.strongswan.translation.prefixes import Pair, Prefix, in_one_family, prefix
from translators.strongswan.translation.refusals import Refused
from translators.strongswan.translation.ways_back import Taker, Ways, turn
from translators.strongswan.upkeep.routes import routes_aside
from translators.strongswan.upkeep.tunnels import LiveTunnels

PIECE = 200
"""Tunnels that are looked at in a row; a few milliseconds."""
NOT_FOR_CHARON = frozenset({"description", "leak-protection", "bypass"})
"""Members of an entry by which no tunnel comes up."""
WHOSE = ("local-address", "peer", "local-id", "remote-id", "local-subnet", "remote-subnet")
"""Members of an entry that say who comes through the tunnel, and for what."""
NOT_ASIDE = (frozenset[str](), frozenset[str]())
FOR_ALL_CERTIFIED = frozenset({CRLS_PATH, REVOCATION_PATH, FETCH_PATH})
Entries = Mapping[str, Json | None]
Takers = Mapping[str, Taker]
Negotiated = Mapping[str, Sequence[Pair]]


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
class Touched:
    """What a change touches: before and after it. ``altered``: the tunnels of which charon is told something
    new; ``stay``: those through which the same peer comes, for the same. ``turned``: the sessions of which
    something may go another way."""

    sides: tuple[Side, Side]
    takers: Sequence[Takers]
    altered: AbstractSet[str]
    stay: AbstractSet[str]
    turned: AbstractSet[Route]


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
                found.append(captured(route, turned))
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
        touched = await self._touched(
            changes, Addresses({route: far for route, (_near, far) in ends.items()})
        )
        meant = {route: pair for route, pair in ends.items() if route in touched.turned}
        if not meant:
            return []
        outlook = await self._outlook(meant, touched)
        return await asyncio.to_thread(outlook.captured)

    async def _touched(self, changes: Sequence[EntryChange], clients: Addresses[Route]) -> Touched:
        told_anew = self._told_anew(changes)
        before, after = sides = await self._sides(changes, told_anew)
        takers = tuple([await _takers(side, clients) for side in sides])
        altered, differing, stay = set(told_anew), set[Prefix](before.networks ^ after.networks), set[str]()
        for index, tunnel in enumerate(before.entries, 1):
            is_up, pair = self._is_up(tunnel), [one.get(tunnel) for one in takers]
            if _of_charon(before, tunnel) != _of_charon(after, tunnel):
                altered.add(tunnel)
            if stays := _is_for_the_same(before.entries[tunnel], after.entries[tunnel]):
                stay.add(tunnel)
            if pair[0] != pair[1] or (not stays if is_up else tunnel in altered):
                differing.update(remote for taker in pair if taker is not None for remote in taker.remotes)
            if not index % PIECE:
                await asyncio.sleep(0)
        return Touched(sides, takers, altered=altered, stay=stay, turned=clients.within(differing))

    async def _outlook(self, meant: Mapping[Route, Pair], touched: Touched) -> Outlook:
        before = touched.sides[0]
        clients = Addresses({route: far for route, (_near, far) in meant.items()})
        untouched = Side(
            {one: entry for one, entry in self._shared.desired.entries.items() if one not in before.entries},
            before.guards,
        )
        others = await _takers(untouched, clients)
        there = {**others, **touched.takers[0]}
        negotiated = await self._negotiated(
            {one: taker for one, taker in there.items() if clients.is_any_within(taker.remotes)}
        )
        later = {one: pairs for one, pairs in negotiated.items() if one in others or one in touched.stay}
        sets = _with(there, negotiated), _with({**others, **touched.takers[1]}, later)
        by_route = LIBIPSEC in (self._shared.desired.plugins or ())
        ours = self._live.addresses.present or ()
        asides = {} if by_route else await routes_aside(meant, sets, ours)
        return Outlook(
            meant,
            asides=asides,
            ways=tuple(
                partial(Ways, takers, list(side.guards.values()), by_route=by_route)
                for takers, side in zip(sets, touched.sides, strict=True)
            ),
            up=frozenset(filter(self._is_up, there)),
            altered=frozenset(touched.altered),
        )

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
        coming = await self._coming(wanted, for_all_after(changes, self._protection.guards.for_all))
        touched = wanted.keys() | coming.keys() - {""} | told_anew
        return (
            Side({tunnel: entries.get(tunnel) for tunnel in touched}, held),
            Side(
                {tunnel: wanted.get(tunnel, entries.get(tunnel)) for tunnel in touched},
                ChainMap(dict(coming), held),
            ),
        )

    async def _coming(self, wanted: Entries, for_all: ForAll) -> Mapping[str, Guard]:
        guards, concerned = self._protection.guards, self._protection.concerned(wanted, for_all)
        self._protection.look_around()
        coming = guards.wanted({}, for_all)
        rest = iter(concerned.items())
        while piece := dict(islice(rest, PIECE)):
            coming |= guards.wanted(piece, for_all)
            await asyncio.sleep(0)
        return coming

    def _is_up(self, tunnel: str) -> bool:
        return self._live.facts(tunnel).up

    async def _negotiated(self, takers: Takers) -> Negotiated:
        """Return what the SAs of those that are up are for, where it is known."""
        names = {connection_name(tunnel): tunnel for tunnel in takers if self._is_up(tunnel)}
        sas = await self._live.sas(list(names)) if names else {}
        found = {}
        for index, (name, tunnel) in enumerate(names.items() if sas else (), 1):
            of_it = (sas or {}).get(name, ())
            pairs, are_all = _pairs_of(children_up(of_it))
            # What one that is down would be for is not known; of those that leave it open, more never is.
            if pairs and (
                not takers[tunnel].pairs or (are_all and carries_all(of_it, self._live.children(tunnel)))
            ):
                found[tunnel] = pairs
            if not index % PIECE:
                await asyncio.sleep(0)
        return found


def _with(takers: Takers, negotiated: Negotiated) -> Takers:
    return {
        tunnel: taker.negotiated(negotiated[tunnel]) if tunnel in negotiated else taker
        for tunnel, taker in takers.items()
    }


def _pairs_of(children: Sequence[Mapping[str, object]]) -> tuple[Sequence[Pair], bool]:
    """Return what CHILD_SAs are for, as far as prefixes say it, and whether they say it all."""
    sides = [[strings(child.get(side)) for side in ("local-ts", "remote-ts")] for child in children]
    pairs = [
        pair
        for near, far in sides
        for pair in in_one_family(*([prefix(one) for one in side if _is_prefix(one)] for side in (near, far)))
    ]
    return pairs, all(map(_is_prefix, chain.from_iterable(chain.from_iterable(sides))))


def _is_prefix(selector: str) -> bool:
    return selector.rpartition("/")[2].isdecimal()  # no protocol, no range


def _is_for_the_same(before: Json | None, after: Json | None) -> bool:
    """Return whether the same peer would come through a tunnel, for the same."""
    return all((before or {}).get(leaf) == (after or {}).get(leaf) for leaf in WHOSE)


async def _takers(side: Side, clients: Addresses[Route]) -> Takers:
    """Return those that may turn packets to ``clients`` another way."""
    found = {}
    for index, (tunnel, entry) in enumerate(side.entries.items(), 1):
        taker = Taker.of(tunnel, entry, side.guards.get(tunnel, NO_GUARD))
        if taker is not None and clients.is_any_within(taker.remotes):
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
