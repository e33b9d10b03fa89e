"""Which way the packets between this gateway and a client of it go, before a change and after it. Pure.

Policies take packets by their source and their destination, by mark and XFRM interface too, the narrowest
first. charon has a route for each of them, by the destination alone. Where it encrypts itself
(``by_route``) there are no marks and interfaces, and the route brings packets to it: what no policy is for is
lost there. With the policies of the kernel the route is that to the peer, and leads what no policy is for
astray if the client is elsewhere. To a network that a tunnel bypasses it goes past the routes. What nothing
encrypts may be dropped because it is in clear (guards).

A tunnel takes what it is configured for, up or not: a change must not lie in wait until it comes up. Only
one that was there before, and is down, has to come up by something else than the change; and one that is up,
and stays for the same peer, takes what its SAs are for, which may be less.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import chain
from typing import NamedTuple

from translators.strongswan.model import Json
from translators.strongswan.translation.around import value_at
from translators.strongswan.translation.guards import (
    EVERYTHING,
    Guard,
    Match,
    Way,
    mark_of,
    pairs_of,
    past,
    untaken,
)
from translators.strongswan.translation.nested import Nested
from translators.strongswan.translation.prefixes import Pair, Prefix


class Packet(NamedTuple):
    """One without a mark, out from ``near``, an address of this gateway, to ``far``, a client; or in.
    ``aside``: the tunnels, by id, whose routes lead elsewhere than to the client."""

    way: Way
    near: Prefix
    far: Prefix
    aside: frozenset[str] = frozenset()


class Kind(Enum):
    """What becomes of a packet. ASTRAY: a route of a tunnel draws it in, whose policies are not for it."""

    CLEAR = "clear"
    TUNNEL = "tunnel"
    DROPPED = "dropped"
    ASTRAY = "astray"


@dataclass(frozen=True, slots=True)
class Fate:
    """``to`` says at whose other end it comes out. ``tunnel`` and ``pair``: what is the reason."""

    kind: Kind
    to: str = ""
    tunnel: str = field(default="", compare=False)
    pair: Pair | None = field(default=None, compare=False)


CLEAR = Fate(Kind.CLEAR)
_DEAD = (Kind.DROPPED, Kind.ASTRAY)


@dataclass(frozen=True, slots=True)
class Taker:
    """An enabled tunnel, as far as it decides which way packets go. ``to``: its peer, or itself where that
    may be any. ``unmarked``: the ways on which it takes packets without a mark, of no interface.
    ``has_route``: charon has a route for it, to its peer."""

    tunnel: str
    to: str
    pairs: tuple[Pair, ...]
    unmarked: frozenset[Way]
    has_route: bool
    guard: Guard

    @classmethod
    def of(cls, tunnel: str, entry: Json | None, guard: Guard) -> Taker | None:
        """Return what the entry is for packets, None if it is not enabled."""
        if entry is None or not entry.get("enabled", True):
            return None
        unmarked = frozenset(way for way in Way if _is_unmarked(entry, way))
        to = str(entry.get("peer", f"tunnel {tunnel}"))
        has_route = value_at(entry, "esp/if-id-out") is None
        pairs = tuple(pairs_of(entry))
        return cls(tunnel, to, pairs=pairs, unmarked=unmarked, has_route=has_route, guard=guard)

    def negotiated(self, pairs: Iterable[Pair]) -> Taker:
        """Return it with what its SAs are for, which may be less than is configured, or what is left open
        there."""
        return replace(self, pairs=tuple(pairs))

    @property
    def remotes(self) -> Iterator[Prefix]:
        """Where what it may turn another way goes, all addresses where that is open."""
        guard = self.guard
        for pair in chain(self.pairs, guard.bypass, guard.home, guard.taken):
            yield pair[1]


def _is_unmarked(entry: Json, way: Way) -> bool:
    mark, _mask = mark_of(value_at(entry, f"esp/mark-{way.value}"))
    return not mark and value_at(entry, f"esp/if-id-{way.value}") is None


class Ways:
    """Where packets go, with ``takers`` by tunnel id and all that ``guards`` ask for. What it costs to say
    it of a packet does not grow with them."""

    def __init__(self, takers: Mapping[str, Taker], guards: Collection[Guard], *, by_route: bool) -> None:
        self.takers = takers
        self._by_route = by_route
        # Of those that want the same the first is taken.
        ordered = sorted(takers.values(), key=lambda taker: int(taker.tunnel))
        self._policies = {
            way: Nested((p, t) for t in ordered if by_route or way in t.unmarked for p in t.pairs)
            for way in Way
        }
        self._routes = Nested(
            (to_all(p[1]), (t, p)) for t in ordered if by_route or t.has_route for p in t.pairs
        )
        self._drops = {way: Nested(_dropped_by(ordered, way)) for way in Way}
        bypass = {pair for guard in guards for pair in guard.bypass}
        self._bypass = Nested((pair, None) for pair in bypass)
        self._bypassed = Nested((to_all(network), None) for network in {pair[1] for pair in bypass})
        self._past = Nested((pair, None) for pair in past(guards))
        found = untaken(guards)
        self._untaken = Nested((to_all(network), None) for network in found.networks)
        self._taken_from_it = Nested((pair, None) for pair in found.taken)

    def fate(self, packet: Packet, down: Collection[str] = ()) -> Fate:
        """Return what becomes of ``packet`` while all tunnels are up but for those in ``down``."""
        found = self._taken(packet, down)
        return self._dropped(packet) if found == CLEAR else found

    def would_take(self, packet: Packet) -> set[str]:
        """Return the tunnels each of which, were it the only one, would take ``packet`` once it is up."""
        if self._is_spared(packet):
            return set()
        by_policy = self._policies[packet.way].around(packet.near, packet.far)
        found = {taker.tunnel for _pair, takers in by_policy for taker in takers}
        looked_at = set(found)
        for _pair, routes in self._routes_of(packet):
            for taker, pair in routes:
                if taker.tunnel not in looked_at and self._leads_astray(packet, taker, pair):
                    found.add(taker.tunnel)
                looked_at.add(taker.tunnel)
        return found

    def _taken(self, packet: Packet, down: Collection[str]) -> Fate:
        if self._is_spared(packet):
            return CLEAR
        for pair, takers in self._policies[packet.way].around(packet.near, packet.far):
            for taker in takers:
                if taker.tunnel not in down:
                    return Fate(Kind.TUNNEL, taker.to, tunnel=taker.tunnel, pair=pair)
        for _pair, routes in self._routes_of(packet):
            for taker, route in routes:
                if taker.tunnel not in down:
                    is_astray = self._leads_astray(packet, taker, route)
                    return (
                        Fate(Kind.ASTRAY, taker.to, tunnel=taker.tunnel, pair=route) if is_astray else CLEAR
                    )
        return CLEAR

    def _is_spared(self, packet: Packet) -> bool:
        """Return whether no tunnel takes a packet: it is bypassed, or (``by_route``) it arrives, and is not
        asked whether it came through one."""
        if self._by_route and packet.way is Way.IN:
            return True
        return (self._past if self._by_route else self._bypass).has(packet.near, packet.far)

    def _routes_of(self, packet: Packet) -> Iterator[tuple[Pair, Sequence[tuple[Taker, Pair]]]]:
        """Yield the routes that ``packet`` may take on its way out, the narrowest first."""
        return self._routes.around(packet.near, packet.far) if packet.way is Way.OUT else iter(())

    def _leads_astray(self, packet: Packet, taker: Taker, pair: Pair) -> bool:
        """Return whether a packet that no policy is for is lost by the route that is made for ``pair``."""
        near, far = packet.near, packet.far
        if self._untaken.has(near, far) and not self._taken_from_it.has(near, far):
            return False
        return self._by_route or (taker.tunnel in packet.aside and not self._has_way(packet, pair[1][2]))

    def _has_way(self, packet: Packet, length: int) -> bool:
        """Return whether a packet goes past the routes to prefixes of ``length``: charon has one for what is
        bypassed, too, and the longer comes first."""
        longest = next(self._bypassed.around(packet.near, packet.far), None)
        return self._past.has(packet.near, packet.far) or (longest is not None and longest[0][1][2] >= length)

    def _dropped(self, packet: Packet) -> Fate:
        if not self._bypass.has(packet.near, packet.far):
            for pair, takers in self._drops[packet.way].around(packet.near, packet.far):
                return Fate(Kind.DROPPED, takers[0].to, tunnel=takers[0].tunnel, pair=pair)
        return CLEAR


def to_all(network: Prefix) -> Pair:
    """Return the pair of what goes to ``network``, whatever its source, as with a route."""
    return EVERYTHING[network[0]], network


def _dropped_by(takers: Iterable[Taker], way: Way) -> Iterator[tuple[Pair, Taker]]:
    for taker in takers:
        for match in taker.guard.drops:
            if match.way is way and not match.mark:
                yield _sides(match), taker


def _sides(match: Match) -> Pair:
    ends = match.source, match.destination
    return ends if match.way is Way.OUT else ends[::-1]


@dataclass(frozen=True, slots=True)
class Turn:
    """Packets of a client that would go another way: ``then`` instead of ``now``."""

    now: Fate
    then: Fate


def turn(
    near: Prefix,
    far: Prefix,
    *,
    before: Ways,
    after: Ways,
    is_up: Callable[[str], bool],
    altered: Collection[str],
    asides: Sequence[Collection[str]] = ((), ()),
) -> Turn | None:
    """Return what a change does to a session between two addresses, None if it leaves it its way.

    Args:
        is_up: by tunnel id, whether it carries packets now.
        altered: the tunnels of which charon is told something new, so that those which are down may come up.
        asides: those whose routes lead elsewhere than to the client, of policies that the kernel has, before
            and after.
    """
    idle = {tunnel for tunnel in before.takers if not is_up(tunnel)}
    for way in Way:
        packet, later = (Packet(way, near, far, aside=frozenset(aside)) for aside in asides)
        now = before.fate(packet, down=idle)
        # Those that are down and come up by nothing that is changed.
        waiting = {one for one in before.would_take(packet) if one in idle and one not in altered}
        if now.kind in _DEAD:
            # It came some way: the tunnel was up a moment ago.
            now, waiting = before.fate(packet), set()
        then = after.fate(later, down=waiting)
        if then != now and now.kind not in _DEAD:
            return Turn(now, then)
    return None
