"""Which way the packets between this gateway and a client of it go, before a change and after it. Pure.

Policies take packets by their source and their destination, by mark and XFRM interface too, the narrowest
first. charon has a route for each of them, by the destination alone. Where it encrypts itself
(``by_route``) there are no marks and interfaces, and the route brings packets to it: what no policy is for is
lost there. With the policies of the kernel the route is that to the peer, and leads what no policy is for
astray if the client is elsewhere. To a network that a tunnel bypasses it goes past the routes. What nothing
encrypts may be dropped because it is in clear (guards).

A tunnel takes what it is configured for, up or not: a change must not lie in wait until it comes up. Only
one that was there before, and is down, has to come up by something else than the change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from translators.strongswan.model import Json
from translators.strongswan.translation.around import value_at
from translators.strongswan.translation.guards import (
    Guard,
    Match,
    Way,
    mark_of,
    pairs_of,
    past,
    prefixes_of,
    untaken,
)
from translators.strongswan.translation.overlaps import Pair, Prefix, in_one_family, within


class Packet(NamedTuple):
    """One without a mark, out from ``near``, an address of this gateway, to ``far``, a client; or in.
    ``aside``: the tunnels, by id, whose routes lead elsewhere than to the client."""

    way: Way
    near: Prefix
    far: Prefix
    aside: frozenset[str] = frozenset()

    def is_between(self, pair: Pair) -> bool:
        """Return whether it goes between the two prefixes of ``pair``, near and far."""
        return within(self.far, pair[1]) and within(self.near, pair[0])


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
    def of(cls, tunnel: str, entry: Json | None, guard: Guard, peers: Iterable[Prefix] = ()) -> Taker | None:
        """Return what the entry is for packets, None if it is not enabled. ``peers``: the far side as its SAs
        have it, for an entry that leaves it open."""
        if entry is None or not entry.get("enabled", True):
            return None
        pairs = tuple(pairs_of(entry))
        if not pairs and (peers := tuple(peers)):
            pairs = tuple(in_one_family(prefixes_of(entry, "local-subnet", "local-address"), peers))
        unmarked = frozenset(way for way in Way if _is_unmarked(entry, way))
        to = str(entry.get("peer", f"tunnel {tunnel}"))
        has_route = value_at(entry, "esp/if-id-out") is None
        return cls(tunnel, to, pairs=pairs, unmarked=unmarked, has_route=has_route, guard=guard)

    def concerns(self, near: Prefix, far: Prefix) -> bool:
        """Return whether packets between the two addresses may go another way because of it."""
        guard = self.guard
        return (
            any(within(far, remote) for _local, remote in self.pairs)
            or any(within(far, network) for _local, network in guard.bypass)
            or any(within(far, home) for _far, home in guard.home)
        )

    def policy(self, packet: Packet, *, is_marked_too: bool) -> Pair | None:
        """Return the narrowest pair whose policy takes ``packet``."""
        if not is_marked_too and packet.way not in self.unmarked:
            return None
        return max((pair for pair in self.pairs if packet.is_between(pair)), key=_length, default=None)

    def route(self, packet: Packet) -> Pair | None:
        """Return the pair whose route ``packet`` would take on its way out."""
        return max((p for p in self.pairs if within(packet.far, p[1])), key=lambda p: p[1][2], default=None)


def _is_unmarked(entry: Json, way: Way) -> bool:
    mark, _mask = mark_of(value_at(entry, f"esp/mark-{way.value}"))
    return not mark and value_at(entry, f"esp/if-id-{way.value}") is None


def _length(pair: Pair) -> tuple[int, int]:
    local, remote = pair
    return local[2] + remote[2], remote[2]


class Ways:
    """Where packets go, with ``takers`` by tunnel id and all that ``guards`` ask for."""

    def __init__(self, takers: Mapping[str, Taker], guards: Collection[Guard], *, by_route: bool) -> None:
        self.takers = takers
        self._by_route = by_route
        self._bypass = {pair for guard in guards for pair in guard.bypass}
        self._past = past(guards)
        self._untaken = untaken(guards)
        self._spared: dict[Packet, bool] = {}

    def fate(self, packet: Packet, down: Collection[str] = ()) -> Fate:
        """Return what becomes of ``packet`` while all tunnels are up but for those in ``down``."""
        up = [taker for taker in self.takers.values() if taker.tunnel not in down]
        found = self._taken(packet, up)
        return self._dropped(packet) if found == CLEAR else found

    def would_take(self, tunnel: str, packet: Packet) -> bool:
        """Return whether ``tunnel``, were it the only one, would take ``packet`` once it is up."""
        return self._taken(packet, [self.takers[tunnel]]) != CLEAR

    def _taken(self, packet: Packet, up: Collection[Taker]) -> Fate:
        if self._by_route and packet.way is Way.IN:
            return CLEAR  # what arrives is not asked whether it came through a tunnel
        if self._is_spared(packet):
            return CLEAR
        policies = ((taker, taker.policy(packet, is_marked_too=self._by_route)) for taker in up)
        found = _first((taker, pair, _length(pair)) for taker, pair in policies if pair is not None)
        if found is not None:
            return Fate(Kind.TUNNEL, found[0].to, tunnel=found[0].tunnel, pair=found[1])
        return self._routed(packet, up) if packet.way is Way.OUT else CLEAR

    def _is_spared(self, packet: Packet) -> bool:
        """Return whether no tunnel takes a packet, as it is bypassed."""
        if packet not in self._spared:
            pairs = self._past if self._by_route else self._bypass
            self._spared[packet] = any(packet.is_between(pair) for pair in pairs)
        return self._spared[packet]

    def _routed(self, packet: Packet, up: Collection[Taker]) -> Fate:
        """Return what becomes of a packet that no policy is for."""
        routes = ((t, t.route(packet)) for t in up if self._by_route or t.has_route)
        found = _first((taker, pair, (pair[1][2], 0)) for taker, pair in routes if pair is not None)
        if found is None or self._untaken.has(packet.near, packet.far):
            return CLEAR
        taker, pair = found
        if not self._by_route and (taker.tunnel not in packet.aside or self._has_way(packet, pair[1][2])):
            return CLEAR
        return Fate(Kind.ASTRAY, taker.to, tunnel=taker.tunnel, pair=pair)

    def _has_way(self, packet: Packet, length: int) -> bool:
        """Return whether a packet goes past the routes to prefixes of ``length``: charon has one for what is
        bypassed, too, and the longer comes first."""
        return any(packet.is_between(pair) for pair in self._past) or any(
            within(packet.far, network) and network[2] >= length for _local, network in self._bypass
        )

    def _dropped(self, packet: Packet) -> Fate:
        if any(packet.is_between(pair) for pair in self._bypass):
            return CLEAR
        for taker in self.takers.values():
            for match in taker.guard.drops:
                pair = _sides(match)
                if match.way is packet.way and not match.mark and packet.is_between(pair):
                    return Fate(Kind.DROPPED, taker.to, tunnel=taker.tunnel, pair=pair)
        return CLEAR


def _first(found: Iterable[tuple[Taker, Pair, tuple[int, int]]]) -> tuple[Taker, Pair] | None:
    best = max(found, key=lambda one: (one[2], -int(one[0].tunnel)), default=None)
    return None if best is None else best[:2]


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
    aside: Collection[str] = (),
) -> Turn | None:
    """Return what a change does to a session between two addresses, None if it leaves it its way.

    Args:
        is_up: by tunnel id, whether it carries packets now.
        altered: the tunnels of which charon is told something new, so that those which are down may come up.
        aside: those whose routes lead elsewhere than to the client, of policies that the kernel has.
    """
    idle = {tunnel for tunnel in before.takers if not is_up(tunnel)}
    for way in Way:
        packet = Packet(way, near, far, aside=frozenset(aside))
        now = before.fate(packet, down=idle)
        # Those that are down and come up by nothing that is changed.
        waiting = {tunnel for tunnel in idle.difference(altered) if before.would_take(tunnel, packet)}
        if now.kind in _DEAD:
            # It came some way: the tunnel was up a moment ago.
            now, waiting = before.fate(packet), set()
        then = after.fate(packet, down=waiting)
        if then != now and now.kind not in _DEAD:
            return Turn(now, then)
    return None
