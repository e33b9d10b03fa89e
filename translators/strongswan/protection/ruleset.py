"""The rules in nft's words, and what nft says of them. Pure.

All is in one table of the family inet. The matches are elements of sets, a set for each combination of
lengths of prefixes: packets are cut to those lengths and looked up. So a look costs as much as there are
combinations in use, however many tunnels there are; tunnels may overlap, and each pair has its own counters.

Whether a packet is in clear is asked of the packet: the kernel has found a policy of IPsec for it (rt ipsec)
or decrypted it (meta ipsec), or it passes the TUN device of a charon that encrypts, or an XFRM interface,
which lets nothing pass without an SA.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from translators.strongswan.translation.guards import Match, Way
from translators.strongswan.translation.prefixes import Prefix

TABLE = "inet yangswan"
PRIORITY = -10
DROP, PASS = "drop", "pass"
_BITS = {4: 32, 6: 128}
_KEYWORD = {4: "ip", 6: "ip6"}
_VERDICT = {DROP: "counter drop", PASS: "accept"}


@dataclass(frozen=True, slots=True)
class Count:
    """What was dropped."""

    packets: int = 0
    octets: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.packets + other.packets, self.octets + other.octets)


@dataclass(frozen=True, slots=True)
class Combination:
    """What the matches of one set have in common: the verdict, the way, and which bits of a packet count."""

    verdict: str
    way: Way
    version: int
    source_length: int
    destination_length: int
    mask: int

    @property
    def set_name(self) -> str:
        """The name of the set."""
        lengths = f"{self.source_length}_{self.destination_length}"
        mask = f"_m{self.mask:x}" if self.mask else ""
        return f"{self.verdict}_{self.way.value}{self.version}_{lengths}{mask}"

    @property
    def lines(self) -> list[str]:
        """The lines of nft that make the set and the rule that looks packets up in it."""
        word = _KEYWORD[self.version]
        fields = [f"{word} saddr", f"{word} daddr"]
        masks = [self._mask(self.source_length), self._mask(self.destination_length)]
        typed, looked_up = fields, [f"{f} & {m}" for f, m in zip(fields, masks, strict=True)]
        if self.mask:
            typed, looked_up = ["meta mark", *typed], [f"meta mark & {self.mask:#x}", *looked_up]
        counter = "counter; " if self.verdict == DROP else ""
        return [
            f"add set {TABLE} {self.set_name} {{ typeof {' . '.join(typed)}; {counter}}}",
            f"add rule {TABLE} {self.way.value}_{self.verdict} {' . '.join(looked_up)} @{self.set_name} "
            f"{_VERDICT[self.verdict]}",
        ]

    def _mask(self, length: int) -> str:
        bits = _BITS[self.version]
        return _address(self.version, ((1 << length) - 1) << (bits - length))


def combination(verdict: str, match: Match) -> Combination:
    """Return where ``match`` belongs."""
    return Combination(
        verdict,
        match.way,
        version=match.source[0],
        source_length=match.source[2],
        destination_length=match.destination[2],
        mask=match.mask,
    )


def element(match: Match) -> str:
    """Return the element of ``match`` in its set."""
    mark = f"{match.mark:#x} . " if match.mask else ""
    return f"{mark}{_first(match.source)} . {_first(match.destination)}"


def _first(one: Prefix) -> str:
    return _address(one[0], one[1])


def _address(version: int, number: int) -> str:
    return str(ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number))


# What this gateway says in clear by right: loopback, charon itself, neighbour discovery, and what no router
# hands on. Bound by charon, or for root alone: UDP ports below 1024, raw sockets; 4500 while charon has it.
_OWN = (
    "meta l4proto { esp, ah } return",
    "udp {port} {{ 500, 4500 }} return",
)
_LINK = (
    "ip6 hoplimit 255 icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, "
    "nd-neighbor-advert, nd-redirect } return",
    "ip daddr { 224.0.0.0/24, 255.255.255.255 } return",
    "ip6 daddr ff02::/16 return",
)
# What a router on the way says of a packet of ESP, or of ESP in UDP: without it the MTU of the path is never
# known. The protocol of the packet that it quotes stands in the tenth octet of an IPv4 header, in the seventh
# of one of IPv6.
_OF_ESP = (
    "icmp type { destination-unreachable, time-exceeded } @th,136,8 { 17, 50 } return",
    "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded } @th,112,8 { 17, 50 } return",
)

# Forwarded packets pass both looks: what the first lets past, accepted, goes on to the second. The last look
# is for those that get an address of the near side only when the source is translated (priority 100).
_HOOKS = (
    ("output", Way.OUT, PRIORITY),
    ("forward", Way.OUT, PRIORITY),
    ("forward", Way.IN, PRIORITY + 1),
    ("input", Way.IN, PRIORITY),
    ("postrouting", Way.OUT, 110),
)


def skeleton() -> list[str]:
    """Return the lines that make the table anew, without a match: with what follows one transaction."""
    lines = [f"add table {TABLE}", f"delete table {TABLE}", f"add table {TABLE}"]
    for way in Way:
        lines += [f"add chain {TABLE} {way.value}_{verdict}" for verdict in (PASS, DROP)]
    for hook, way, priority in _HOOKS:
        chain = f"{hook}_{way.value}"
        where = f"type filter hook {hook} priority {priority}; policy accept;"
        lines.append(f"add chain {TABLE} {chain} {{ {where} }}")
        rules = [*_encrypted(way)]
        if hook != "forward":
            port = "sport" if way is Way.OUT else "dport"
            rules += [_OWN[0], _OWN[1].format(port=port), *_LINK]
        if hook == "input":
            rules += _OF_ESP
        rules += [f"jump {way.value}_{verdict}" for verdict in (PASS, DROP)]
        lines += [f"add rule {TABLE} {chain} {rule}" for rule in rules]
    return lines


def _encrypted(way: Way) -> list[str]:
    side, seen = ("o", "rt ipsec exists") if way is Way.OUT else ("i", "meta ipsec exists")
    return [
        f"{side}if lo return",
        f"{seen} return",
        f'meta {side}ifkind "xfrm" return',
        f'meta {side}ifkind "tun" {side}ifname "ipsec*" return',
    ]


def is_whole(listing: Mapping[str, object], there: Collection[Combination]) -> bool:
    """Return whether what ``nft -j list table`` says has all rules of ``skeleton`` and those of the sets
    ``there``, is not dormant, and hooks where it should."""
    wanted: dict[str, int] = {}
    for line in [*skeleton(), *(line for where in there for line in where.lines)]:
        words = line.split()
        if words[:2] == ["add", "rule"]:
            wanted[words[4]] = wanted.get(words[4], 0) + 1
    found: dict[str, int] = {}
    hooks = 0
    for item in _items(listing.get("nftables")):
        if isinstance(table := item.get("table"), Mapping) and table.get("flags"):
            return False
        if isinstance(rule := item.get("rule"), Mapping):
            found[str(rule["chain"])] = found.get(str(rule["chain"]), 0) + 1
        if isinstance(chain := item.get("chain"), Mapping):
            hooks += "hook" in chain
    return found == wanted and hooks == len(_HOOKS)


def additions(
    verdict: str, matches: Iterable[Match], there: set[Combination], counts: Mapping[str, Count] | None = None
) -> list[str]:
    """Return the lines that add ``matches``, and the sets that are not ``there`` yet, which are added to it.

    ``counts``: where counters begin, by ``element_key``.
    """
    by_set: dict[Combination, list[str]] = {}
    for match in matches:
        by_set.setdefault(combination(verdict, match), []).append(element(match))
    lines = []
    for where, elements in by_set.items():
        if where not in there:
            there.add(where)
            lines += where.lines
        begun = [_begun(one, (counts or {}).get(_key(where.set_name, one))) for one in elements]
        lines.append(f"add element {TABLE} {where.set_name} {{ {', '.join(begun)} }}")
    return lines


def _begun(one: str, count: Count | None) -> str:
    return one if count is None else f"{one} counter packets {count.packets} bytes {count.octets}"


def removals(verdict: str, matches: Iterable[Match]) -> list[str]:
    """Return the lines that take ``matches`` out."""
    return [
        f"delete element {TABLE} {combination(verdict, match).set_name} {{ {element(match)} }}"
        for match in matches
    ]


def element_key(verdict: str, match: Match) -> str:
    """Return what ``elements`` calls ``match``: the name of its set, and the element."""
    return _key(combination(verdict, match).set_name, element(match))


def _key(set_name: str, one: str) -> str:
    return f"{set_name} {one}"


def elements(listing: Mapping[str, object]) -> dict[str, Count | None]:
    """Return the elements of all sets in what ``nft -j list table`` says, by ``element_key``, with what was
    dropped (None where nothing is counted)."""
    found: dict[str, Count | None] = {}
    for item in _items(listing.get("nftables")):
        if not isinstance(described := item.get("set"), Mapping):
            continue
        for one in _items(described.get("elem")):
            inner = one.get("elem", one)
            if isinstance(inner, Mapping):
                key = _key(str(described["name"]), _written(inner.get("val", inner)))
                found[key] = _count(inner.get("counter"))
    return found


def _count(counter: object) -> Count | None:
    if not isinstance(counter, Mapping):
        return None
    return Count(packets=int(str(counter["packets"])), octets=int(str(counter["bytes"])))


def counts(listing: Mapping[str, object]) -> dict[str, Count]:
    """Return the counters in what ``nft -j list table`` says, by ``element_key``."""
    return {key: count for key, count in elements(listing).items() if count is not None}


def _items(value: object) -> Sequence[Mapping[str, object]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _written(value: object) -> str:
    parts = value.get("concat", ()) if isinstance(value, Mapping) else ()
    return " . ".join(f"{part:#x}" if isinstance(part, int) else _as_ours(str(part)) for part in parts)


def _as_ours(address: str) -> str:
    """Return ``address`` as ``element`` writes it: the end of some of IPv6 has two ways to be written."""
    return str(ipaddress.IPv6Address(address)) if ":" in address and "." in address else address
