"""Which tunnels want the same traffic: pairs of a local and a remote prefix that two tunnels have. Pure.

For every such pair charon installs a policy. Where a policy lies within another, the kernel takes the
narrower one first, as with routes: that is how a more specific tunnel is made, and no more than worth
knowing. Two policies that are equal cannot both be used. To one peer that may be on purpose (the traffic
arrives either way); to two it is always a mistake, which shows as traffic that goes to the wrong one.

Left out are tunnels that are not enabled, and those to any peer: there charon installs what the peer narrows
the prefixes to, and that is not known before it comes.

Marks and XFRM interfaces tell the same traffic apart (``Plane``), in each direction by itself: with one
policy for what two tunnels receive, the kernel takes it from the SAs of one of them and throws away what the
other brings.

Prefixes nest or are disjoint. So those that contain a prefix are found by cutting it to every length that is
in use, and those within it are neighbours in a sorted list: neither costs in proportion to all tunnels.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from agent.tables import fitted
from translators.strongswan.pieces import Pieces, at_once
from translators.strongswan.translation.conflicts import Conflict
from translators.strongswan.translation.connections import Messages
from translators.strongswan.translation.marked import Marked, Standing
from translators.strongswan.translation.planes import Plane, Planes
from translators.strongswan.translation.prefixes import (
    BITS,
    Pair,
    Prefix,
    cut,
    in_one_family,
    prefix,
    within,
    written,
)

SHOWN_MAX = 16
LOOKED_AT_MAX = 16384
"""A tunnel for all traffic overlaps with every other; so many pairs are enough to show some of them."""


class Relation(Enum):
    """How the traffic of a tunnel is to another's; the values are those of the model."""

    SAME = "same"
    NARROWER = "narrower"
    WIDER = "wider"
    CROSSING = "crossing"


def relation(own: Pair, other: Pair) -> Relation:
    """Return how two pairs that overlap are to each other."""
    if own == other:
        return Relation.SAME
    if all(map(within, own, other)):
        return Relation.NARROWER
    return Relation.WIDER if all(map(within, other, own)) else Relation.CROSSING


@dataclass(frozen=True, slots=True)
class Traffic:
    """What an enabled tunnel to ``peer``, an address, carries: the planes of what it sends and receives."""

    tunnel: str
    peer: str
    sent: Plane
    received: Plane
    pairs: tuple[Pair, ...]

    @classmethod
    def of(cls, tunnel: str, messages: Messages) -> Traffic | None:
        """Return what the tunnel with these messages carries, None if that depends on who comes."""
        if messages.peer is None:
            return None
        children = list(messages.children.values())
        sent, received = (Plane.of(children[0], direction) for direction in ("out", "in"))
        pairs = dict.fromkeys(pair for child in children for pair in _pairs(child))
        return cls(tunnel=tunnel, peer=messages.peer, sent=sent, received=received, pairs=tuple(pairs))


def _pairs(child: Mapping[str, object]) -> Iterator[Pair]:
    return in_one_family(*(_prefixes(child[key]) for key in ("local_ts", "remote_ts")))


def _prefixes(selectors: object) -> list[Prefix]:
    return [prefix(text) for text in selectors if text != "dynamic"] if isinstance(selectors, list) else []


class _Side:
    """The prefixes of one side, each with what stands on the other side of it, and whose that is."""

    def __init__(self) -> None:
        self.under: dict[Prefix, list[tuple[Prefix, str]]] = {}
        self._sorted: list[Prefix] = []
        self._lengths: dict[int, Counter[int]] = {4: Counter(), 6: Counter()}

    def add(self, one: Prefix, other: Prefix, tunnel: str) -> None:
        if one not in self.under:
            self.under[one] = []
            insort(self._sorted, one)
            self._lengths[one[0]][one[2]] += 1
        insort(self.under[one], (other, tunnel))

    def remove(self, one: Prefix, other: Prefix, tunnel: str) -> None:
        entries = self.under[one]
        del entries[bisect_left(entries, (other, tunnel))]
        if entries:
            return
        del self.under[one]
        del self._sorted[bisect_left(self._sorted, one)]
        lengths = self._lengths[one[0]]
        lengths[one[2]] -= 1
        if not lengths[one[2]]:
            del lengths[one[2]]

    def tidy(self) -> None:
        self.under = fitted(self.under)

    def around(self, one: Prefix) -> list[Prefix]:
        """Return the prefixes that contain ``one``, itself among them."""
        cuts = (cut(one, length) for length in self._lengths[one[0]] if length <= one[2])
        return [cut for cut in cuts if cut in self.under]

    def inside(self, one: Prefix) -> range:
        """Return where the prefixes strictly within ``one`` stand."""
        return range(
            bisect_left(self._sorted, (*one[:2], one[2] + 1)), bisect_left(self._sorted, _behind(one))
        )

    def at(self, index: int) -> Prefix:
        return self._sorted[index]


def _behind(one: Prefix) -> Prefix:
    """Return what stands behind everything within ``one`` in a sorted list."""
    version, first, length = one
    return version, first + (1 << (BITS[version] - length)), -1


def _equal(entries: list[tuple[Prefix, str]], one: Prefix) -> Iterator[tuple[Prefix, str]]:
    for index in range(bisect_left(entries, (one, "")), len(entries)):
        if entries[index][0] != one:
            return
        yield entries[index]


def _below(entries: list[tuple[Prefix, str]], one: Prefix) -> Iterator[tuple[Prefix, str]]:
    """Yield the entries strictly within ``one``."""
    start = bisect_left(entries, ((*one[:2], one[2] + 1), ""))
    return map(entries.__getitem__, range(start, bisect_left(entries, (_behind(one), ""))))


class _Holders(Marked[Pair, Traffic]):
    """Who has which pair, in one plane, by peer; in the order in which they came, so that the same is named
    each time."""

    def __init__(self) -> None:
        super().__init__(lambda traffic: traffic.peer)


class _Policies(_Holders):
    """All pairs of one plane, also to be found by what they have in common."""

    def __init__(self) -> None:
        super().__init__()
        self._local, self._remote = _Side(), _Side()

    def add(self, key: Pair, one: Traffic) -> None:
        super().add(key, one)
        local, remote = key
        self._local.add(local, remote, one.tunnel)
        self._remote.add(remote, local, one.tunnel)

    def remove(self, key: Pair, one: Traffic) -> None:
        super().remove(key, one)
        local, remote = key
        self._local.remove(local, remote, one.tunnel)
        self._remote.remove(remote, local, one.tunnel)

    def tidy(self) -> None:
        super().tidy()
        self._local.tidy()
        self._remote.tidy()

    def overlapping(self, pair: Pair) -> Iterator[tuple[str, Pair]]:
        """Yield every pair that has packets in common with ``pair``, and whose it is."""
        local, remote = pair
        wider_locals = self._local.around(local)
        for outer in self._remote.around(remote):
            entries = self._remote.under[outer]
            for one in wider_locals:
                yield from ((tunnel, (one, outer)) for _local, tunnel in _equal(entries, one))
            yield from ((tunnel, (inner, outer)) for inner, tunnel in _below(entries, local))
        for outer in wider_locals:
            entries = self._local.under[outer]
            yield from ((tunnel, (outer, inner)) for inner, tunnel in _below(entries, remote))
        yield from self._inside(local, remote)

    def _inside(self, local: Prefix, remote: Prefix) -> Iterator[tuple[str, Pair]]:
        locals_, remotes = self._local.inside(local), self._remote.inside(remote)
        if len(remotes) <= len(locals_):
            for inner in map(self._remote.at, remotes):
                entries = self._remote.under[inner]
                yield from ((tunnel, (one, inner)) for one, tunnel in _below(entries, local))
        else:
            for inner in map(self._local.at, locals_):
                entries = self._local.under[inner]
                yield from ((tunnel, (inner, one)) for one, tunnel in _below(entries, remote))


@dataclass(frozen=True, slots=True)
class Overlap:
    """``tunnel`` wants some of the same traffic: its pair ``other`` is to ``own`` as ``relation`` says."""

    tunnel: str
    relation: Relation
    own: Pair
    other: Pair


class _Carried:
    """The traffic of tunnels, to be found by exactly what it is."""

    _sent: Planes[_Holders] | Planes[_Policies]

    def __init__(self) -> None:
        self._traffic: dict[str, Traffic] = {}
        self._sent, self._received = Planes(_Holders), Planes(_Holders)

    def put(self, tunnel: str, traffic: Traffic | None) -> None:
        """Set or (None) remove what ``tunnel`` carries."""
        if (before := self._traffic.pop(tunnel, None)) is not None:
            for planes, plane in ((self._sent, before.sent), (self._received, before.received)):
                held = planes.at(plane)
                for pair in before.pairs:
                    held.remove(pair, before)
                planes.tidy(plane)
        if traffic is not None:
            self._traffic[tunnel] = traffic
            for planes, plane in ((self._sent, traffic.sent), (self._received, traffic.received)):
                held = planes.at(plane)
                for pair in traffic.pairs:
                    held.add(pair, traffic)

    def against(self, traffic: Traffic, gone: AbstractSet[str], standing: Standing) -> Conflict | None:
        """Return a conflict with a tunnel that has a pair of ``traffic`` too, to another peer, and is not
        ``gone``; None if there is none."""
        for planes, plane, conflict in (
            (self._sent, traffic.sent, _same_traffic),
            (self._received, traffic.received, _same_received),
        ):
            for _plane, held in planes.meeting(plane):
                for pair in traffic.pairs:
                    if pair not in held:
                        continue
                    for peer, _tunnels in held.by_mark(pair):
                        if peer == traffic.peer:
                            continue
                        other = held.first(pair, peer, without=gone, itself=traffic.tunnel, standing=standing)
                        # Between two pieces of a look it may have gone.
                        if other is not None and other in self._traffic:
                            return conflict(traffic, self._traffic[other], pair)
        return None


_NONE: list[Overlap] = []


class Overlaps(_Carried):
    """The traffic of all enabled tunnels, indexed so that a look costs in proportion to what it finds."""

    def __init__(self) -> None:
        super().__init__()
        self._sent: Planes[_Policies] = Planes(_Policies)
        self._found: dict[str, list[Overlap]] = {}
        """What was found since the last change, for who looks at all of them again and again."""

    def put(self, tunnel: str, traffic: Traffic | None) -> None:
        """Set or (None) remove what ``tunnel`` carries."""
        self._found = {}
        super().put(tunnel, traffic)

    def tidy(self) -> None:
        """Take no more memory than what is held needs."""
        self._traffic = fitted(self._traffic)
        for held in (*self._sent.all(), *self._received.all()):
            held.tidy()

    def conflicts(self, replaced: AbstractSet[str], wanted: Iterable[Traffic]) -> list[Conflict]:
        """Return which of ``wanted`` have a pair that another has too, to another peer, once the tunnels in
        ``replaced`` are gone; at most one conflict for each, and between two of ``wanted`` for the later."""
        return at_once(self.conflicts_in_pieces(replaced, wanted))

    def conflicts_in_pieces(
        self, replaced: AbstractSet[str], wanted: Iterable[Traffic]
    ) -> Pieces[list[Conflict]]:
        """Return what ``conflicts`` returns, a tunnel at a time."""
        wanted = list(wanted)
        gone = replaced | {traffic.tunnel for traffic in wanted}
        found: list[Conflict] = []
        added, standing = _Carried() if len(wanted) > 1 else None, Standing()
        for traffic in wanted:
            conflict = self.against(traffic, gone, standing)
            if added is not None:
                conflict = conflict or added.against(traffic, frozenset(), {})
                added.put(traffic.tunnel, traffic)
            if conflict is not None:
                found.append(conflict)
            yield
        return found

    def of(self, tunnel: str) -> list[Overlap]:
        """Return with whom ``tunnel`` shares traffic, by tunnel id, each once; at most ``SHOWN_MAX``."""
        if (known := self._found.get(tunnel)) is None:
            known = self._found[tunnel] = self._overlapping(tunnel) or _NONE
        return known

    def _overlapping(self, tunnel: str) -> list[Overlap]:
        traffic = self._traffic.get(tunnel)
        if traffic is None:
            return []
        found: dict[str, Overlap] = {}
        planes = [policies for _plane, policies in self._sent.meeting(traffic.sent)]
        pairs = (
            (own, *one) for own in traffic.pairs for policies in planes for one in policies.overlapping(own)
        )
        for own, other, theirs in islice(pairs, LOOKED_AT_MAX):
            if other != tunnel and other not in found:
                found[other] = Overlap(tunnel=other, relation=relation(own, theirs), own=own, other=theirs)
            if len(found) == SHOWN_MAX:
                break
        return sorted(found.values(), key=lambda overlap: int(overlap.tunnel))


def _between(pair: Pair) -> str:
    return f"{written(pair[0])} and {written(pair[1])}"


def _same_traffic(traffic: Traffic, other: Traffic, pair: Pair) -> Conflict:
    return _conflict(
        traffic,
        other,
        f"{_between(pair)}, to different peers ({other.peer} and {traffic.peer}); only one of them would get "
        "it: give one of them other subnets, or each of them marks (esp/mark-out and esp/mark-in) or an XFRM "
        "interface (esp/if-id-out and esp/if-id-in) of its own, or disable it",
    )


def _same_received(traffic: Traffic, other: Traffic, pair: Pair) -> Conflict:
    return _conflict(
        traffic,
        other,
        f"{_between(pair)}, with different peers ({other.peer} and {traffic.peer}), told apart when it is "
        "sent and not when it is received; the kernel would take it from one of them only: give each of them "
        "a mark (esp/mark-in) or an XFRM interface (esp/if-id-in) of its own for what is received, too",
    )


def _conflict(traffic: Traffic, other: Traffic, text: str) -> Conflict:
    return Conflict(
        tunnel=traffic.tunnel,
        other=other.tunnel,
        app_tag="selectors-conflict",
        message=f"tunnels {other.tunnel} and {traffic.tunnel} carry the same traffic, between {text}",
    )


_MEANS = {
    Relation.SAME: "only one of the two is used; remove or disable one of them, or give each marks or an "
    "XFRM interface of its own",
    Relation.NARROWER: "this tunnel carries what both have, because its subnets are narrower",
    Relation.WIDER: "the other tunnel carries what both have, because its subnets are narrower",
    Relation.CROSSING: "which of the two carries what both have is not certain; make one of them narrower "
    "on both sides",
}  # fmt: skip


def shown(overlaps: Iterable[Overlap]) -> list[dict[str, object]]:
    """Return the list ``overlap`` of a tunnel's state (RFC 7951)."""
    return [
        {"tunnel": int(one.tunnel), "relation": one.relation.value, "detail": _detail(one)}
        for one in overlaps
    ]


def _detail(overlap: Overlap) -> str:
    return (
        f"traffic between {_between(overlap.own)} meets that of tunnel {overlap.tunnel} between "
        f"{_between(overlap.other)}: {_MEANS[overlap.relation]}"
    )
