"""Which packets must not pass in clear because they belong to a tunnel, and which never belong to one. Pure.

What is dropped depends on the configuration alone, never on what is up: a rule that stays as it is while
tunnels come and go has no moment in which it is missing. Whether a packet has been encrypted, or is on its
way to be, is asked of the packet (protection/ruleset).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from translators.strongswan.model import Json
from translators.strongswan.pieces import Pieces, at_once
from translators.strongswan.translation.around import value_at
from translators.strongswan.translation.prefixes import (
    Pair,
    Prefix,
    cut,
    in_one_family,
    prefix,
    within,
    written,
)

ANY_LENGTH = 0
MARK_MAX = 0xFFFFFFFF


class Way(Enum):
    """Where a packet goes: from the near to the far side of a tunnel, or back."""

    OUT = "out"
    IN = "in"


class Match(NamedTuple):
    """Packets in clear on their way ``way``, from ``source`` to ``destination``; of their mark, the bits of
    ``mask`` are ``mark``."""

    way: Way
    source: Prefix
    destination: Prefix
    mark: int = 0
    mask: int = 0


class Why(Enum):
    """Why the packets of an enabled tunnel are not dropped; the values are those of the model."""

    SWITCHED_OFF = "switched-off"
    FAR_SIDE_UNKNOWN = "far-side-unknown"
    INTERFACE = "interface"


@dataclass(frozen=True, slots=True)
class ForAll:
    """What is configured for all tunnels: whether those are protected that say nothing of it, and networks
    that never go into one."""

    leak_protection: bool = True
    bypass: tuple[Prefix, ...] = ()

    def __str__(self) -> str:
        networks = ", ".join(map(written, self.bypass)) or "no network"
        return f"leak protection {'on' if self.leak_protection else 'off'}, bypass of {networks}"


def is_protected(leaf: Json | None) -> bool:
    """Return what the leaf leak-protection of the gateway says, None where it is not there."""
    return True if leaf is None else bool(leaf.get("leak-protection", True))


def with_bypass(for_all: ForAll, changed: Mapping[str, bool]) -> ForAll:
    """Return ``for_all`` with the networks in ``changed`` among those of bypass, or (False) not."""
    if not changed:
        return for_all
    networks = dict.fromkeys(for_all.bypass) | {prefix(text): None for text in changed}
    gone = {prefix(text) for text, is_there in changed.items() if not is_there}
    return replace(for_all, bypass=tuple(sorted(networks.keys() - gone)))


@dataclass(frozen=True, slots=True)
class Connected:
    """A network that this gateway is directly connected to, and one of its own addresses there."""

    network: Prefix
    address: Prefix


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The networks that this gateway is directly connected to, and who is connected to this server."""

    connected: frozenset[Connected] = frozenset()
    clients: frozenset[Prefix] = frozenset()


NOWHERE = Surroundings()


@dataclass(frozen=True, slots=True)
class Guard:
    """What one owner, a tunnel or the gateway, asks for. ``bypass``: pairs of a local prefix and a network
    that never goes into a tunnel. ``home``: pairs of a far prefix and a local one that lies within it: what
    is for the near side comes out of the tunnel, and does not go in again. ``far``: the far prefixes.
    ``taken``: the pairs that the tunnel has policies for, whatever tells packets apart beside them.
    ``covered``: directly connected networks that the tunnel takes as a whole, and clients of this server whom
    it takes. ``unprotected`` says why ``drops`` is empty or lacks some."""

    drops: frozenset[Match] = frozenset()
    bypass: frozenset[Pair] = frozenset()
    home: frozenset[Pair] = frozenset()
    far: frozenset[Prefix] = frozenset()
    taken: frozenset[Pair] = frozenset()
    covered: tuple[Prefix, ...] = ()
    unprotected: Why | None = None

    @property
    def passes(self) -> frozenset[Match]:
        """What is never dropped."""
        return frozenset(
            match
            for local, network in self.bypass
            for match in (Match(Way.OUT, local, network), Match(Way.IN, network, local))
        )

    @property
    def both_ways(self) -> frozenset[Pair]:
        """``bypass``, and the pairs of the answers."""
        return self.bypass | {(network, local) for local, network in self.bypass}


NO_GUARD = Guard()
NOTHING = frozenset[Pair]()
"""One for all guards that have none."""
EVERYTHING: Mapping[int, Prefix] = {4: (4, 0, ANY_LENGTH), 6: (6, 0, ANY_LENGTH)}


def of_gateway(for_all: ForAll) -> Guard:
    """Return what is asked for whatever tunnels there are."""
    return Guard(bypass=frozenset((EVERYTHING[network[0]], network) for network in for_all.bypass))


def of_tunnel(entry: Json | None, for_all: ForAll, around: Surroundings = NOWHERE) -> Guard:
    """Return what the tunnel asks for; nothing if it is not enabled or (None) not there."""
    if entry is None or not entry.get("enabled", True):
        return NO_GUARD
    pairs = list(pairs_of(entry))
    told_apart = [pair for pair in pairs if not _is_routed(entry, pair)]
    bypass = frozenset(_bypassed(entry, told_apart, around.connected)) or NOTHING
    spared = {network for _local, network in bypass} | set(for_all.bypass)
    home = (
        frozenset((far, near) for near, far in told_apart if near[2] > far[2] and within(near, far))
        or NOTHING
    )
    far = frozenset(remote for _local, remote in told_apart)
    covered = tuple(sorted(_covered(told_apart, spared, around)))
    taken = frozenset(pairs or _to_anybody(entry))
    found = Guard(bypass=bypass, home=home, far=far, taken=taken, covered=covered)
    if not entry.get("leak-protection", for_all.leak_protection):
        return replace(found, unprotected=Why.SWITCHED_OFF)
    if not pairs:
        return replace(found, unprotected=Why.FAR_SIDE_UNKNOWN)
    drops = frozenset(match for pair in told_apart for match in _both_ways(entry, pair))
    return replace(found, drops=drops, unprotected=None if told_apart == pairs else Why.INTERFACE)


def _is_routed(entry: Json, pair: Pair) -> bool:
    """Return whether only what is routed into an XFRM interface belongs to ``pair``."""
    return value_at(entry, "esp/if-id-out") is not None and all(one[2] == ANY_LENGTH for one in pair)


def _both_ways(entry: Json, pair: Pair) -> Iterator[Match]:
    local, remote = pair
    mark, mask = mark_of(value_at(entry, "esp/mark-out"))
    yield Match(Way.OUT, local, remote, mark=mark, mask=mask)
    mark, mask = mark_of(value_at(entry, "esp/mark-in"))
    yield Match(Way.IN, remote, local, mark=mark, mask=mask)


def mark_of(value: object) -> tuple[int, int]:
    """Return what a leaf says of marks: the bits of a mark that count, and which; 0 and 0 for none."""
    if value is None:
        return 0, 0
    mark, _, mask = str(value).partition("/")
    bits = int(mask, 0) if mask else MARK_MAX
    return int(mark, 0) & bits, bits


def prefixes_of(entry: Json, leaf: str, host: str) -> list[Prefix]:
    """Return the prefixes of one side: of the leaf-list ``leaf``, or the address in ``host``."""
    subnets = entry.get(leaf)
    if isinstance(subnets, Sequence) and subnets and not isinstance(subnets, str):
        return [prefix(str(one)) for one in subnets]
    return [prefix(str(entry[host]))] if host in entry else []


def pairs_of(entry: Json) -> Iterator[Pair]:
    """Yield the pairs of a local and a remote prefix, none where the far side is not known."""
    return in_one_family(
        prefixes_of(entry, "local-subnet", "local-address"), prefixes_of(entry, "remote-subnet", "peer")
    )


def _to_anybody(entry: Json) -> Iterator[Pair]:
    locals_ = prefixes_of(entry, "local-subnet", "local-address")
    return ((local, EVERYTHING[local[0]]) for local in locals_)


def _covered(pairs: Sequence[Pair], spared: Collection[Prefix], around: Surroundings) -> set[Prefix]:
    """Return which networks and clients reach this gateway through the tunnel only."""
    known = {(one.network, one.address) for one in around.connected}
    # By which of our addresses a client came is not known.
    known |= {(client, one.address) for client in around.clients for one in around.connected}
    return {
        network
        for network, address in known
        if any(within(address, local) and within(network, remote) for local, remote in pairs)
        and not any(within(network, one) for one in spared)
    }


def _bypassed(entry: Json, pairs: Sequence[Pair], connected: Iterable[Connected]) -> Iterator[Pair]:
    networks = [prefix(str(one)) for one in _listed(value_at(entry, "bypass/network"))]
    everywhere = {remote[0] for _local, remote in pairs if remote[2] == ANY_LENGTH}
    wanted = value_at(entry, "bypass/connected-networks")
    for one in connected:
        # What is directly connected is no part of "everywhere else", unless somebody says so.
        if wanted if wanted is not None else one.network[0] in everywhere:
            networks.append(one.network)
    return in_one_family(dict.fromkeys(local for local, _remote in pairs), networks)


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


class Guards:
    """The guards of all owners, by tunnel id; "" is the gateway. ``for_all`` and ``around`` are what the next
    are made with."""

    def __init__(self) -> None:
        self.for_all = ForAll()
        self.around = NOWHERE
        self.held: dict[str, Guard] = {}
        self._with_home: set[str] = set()
        self._with_bypass: set[str] = set()

    def wanted(self, entries: Mapping[str, Json | None], for_all: ForAll | None = None) -> dict[str, Guard]:
        """Return the guards of ``entries``, and of the gateway, that are others than those held."""
        return at_once(self.wanted_in_pieces(entries, for_all))

    def wanted_in_pieces(
        self, entries: Mapping[str, Json | None], for_all: ForAll | None = None
    ) -> Pieces[dict[str, Guard]]:
        """Return what ``wanted`` returns, a tunnel at a time."""
        for_all = self.for_all if for_all is None else for_all
        found: dict[str, Guard] = {}
        for tunnel, entry in entries.items():
            yield
            if (guard := of_tunnel(entry, for_all, self.around)) != self.of(tunnel):
                found[tunnel] = guard
        if (guard := of_gateway(for_all)) != self.of(""):
            found[""] = guard
        return found

    def put(self, changed: Mapping[str, Guard]) -> None:
        """Hold ``changed``."""
        for owner, guard in changed.items():
            if guard == NO_GUARD:
                self.held.pop(owner, None)
            else:
                self.held[owner] = guard
            (self._with_home.add if guard.home else self._with_home.discard)(owner)
            (self._with_bypass.add if guard.bypass else self._with_bypass.discard)(owner)

    def has_other_past(self, changed: Mapping[str, Guard]) -> bool:
        """Return whether ``past`` or ``untaken`` may be another one with ``changed``."""
        before = {owner: self.of(owner) for owner in changed}
        if any(one.both_ways != before[owner].both_ways for owner, one in changed.items()):
            return True
        is_any_home = bool(self._with_home) or any(one.home for one in changed.values())
        if is_any_home and any(
            (one.home, one.far) != (before[owner].home, before[owner].far) for owner, one in changed.items()
        ):
            return True
        networks = _Networks(map(self.of, self._with_bypass))
        return any(
            networks.overlap(pair[1])
            for owner, one in changed.items()
            for pair in one.taken ^ before[owner].taken
        )

    def of(self, owner: str) -> Guard:
        """Return the guard of one owner."""
        return self.held.get(owner, NO_GUARD)


def past(guards: Collection[Guard]) -> set[Pair]:
    """Return the pairs of a source and a destination between which the routes of tunnels do not count.

    A near side into which the far side of another tunnel reaches is left to the routes.
    """
    far = sorted({one for guard in guards for one in guard.far})
    found = {pair for guard in guards for pair in guard.both_ways}
    return found | {pair for guard in guards for pair in guard.home if not _reach_into(far, pair[1])}


@dataclass(frozen=True, slots=True)
class Untaken:
    """``networks``: where packets go past the routes of tunnels if no policy takes them, whatever their
    source, since a route has none. ``taken``: the pairs of which some are taken all the same."""

    networks: frozenset[Prefix] = frozenset()
    taken: frozenset[Pair] = frozenset()

    def has(self, near: Prefix, far: Prefix) -> bool:
        """Return whether what goes from ``near`` to ``far``, two addresses, is among it."""
        return any(within(far, network) for network in self.networks) and not any(
            within(far, remote) and within(near, local) for local, remote in self.taken
        )


def untaken(guards: Collection[Guard]) -> Untaken:
    """Return what is to be looked up after ``past``: a bypass of one tunnel is no route of another's."""
    networks = _Networks(guards)
    taken = (pair for guard in guards for pair in guard.taken if networks.overlap(pair[1]))
    return Untaken(frozenset(networks.sorted), taken=frozenset(taken))


class _Networks:
    """Those that some tunnel bypasses; what goes to them from everywhere in any case is ``past``."""

    def __init__(self, guards: Iterable[Guard]) -> None:
        self._all = {network for guard in guards for local, network in guard.bypass if local[2] != ANY_LENGTH}
        self._lengths = {network[2] for network in self._all}
        self.sorted = sorted(self._all)

    def overlap(self, one: Prefix) -> bool:
        """Return whether ``one`` lies in one of them, or one of them in it."""
        return _reach_into(self.sorted, one) or any(
            cut(one, length) in self._all for length in self._lengths if length <= one[2]
        )


def _reach_into(prefixes: Sequence[Prefix], whole: Prefix) -> bool:
    """Return whether one of ``prefixes``, which are sorted, is ``whole`` or a part of it."""
    # What begins within a prefix, and not before it, is a part of it unless it is shorter and begins with it.
    at = bisect_left(prefixes, whole)
    return at < len(prefixes) and within(prefixes[at], whole)


def drops_of(guards: Iterable[Guard]) -> Counter[Match]:
    """Return how many of ``guards`` ask for each drop."""
    return Counter(match for guard in guards for match in guard.drops)


def passes_of(guards: Iterable[Guard]) -> Counter[Match]:
    """Return how many of ``guards`` ask for each pass."""
    return Counter(match for guard in guards for match in guard.passes)
