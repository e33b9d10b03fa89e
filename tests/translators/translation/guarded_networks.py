"""Networks and what is asked for about them, for tests of what must not pass in clear."""

from __future__ import annotations

from typing import Any

from tests.translators.tunnels import Json, tunnel
from translators.strongswan.translation.guards import (
    Connected,
    Match,
    Surroundings,
    Way,
)
from translators.strongswan.translation.overlaps import Pair, prefix

OURS, THEIRS = ["10.1.0.0/16"], ["10.2.0.0/16"]
OURS6, THEIRS6 = ["2001:db8:1::/48"], ["2001:db8:2::/48"]
ALL, ALL6 = ["0.0.0.0/0"], ["::/0"]


def between(local: list[str] | None, remote: list[str] | None, **members: Any) -> Json:
    return tunnel(local_subnet=local, remote_subnet=remote, **members)


def drop(way: Way, source: str, destination: str, *, mark: int = 0, mask: int = 0) -> Match:
    return Match(way, prefix(source), prefix(destination), mark=mark, mask=mask)


def both(local: str, remote: str) -> set[Match]:
    return {drop(Way.OUT, local, remote), drop(Way.IN, remote, local)}


def pairs(*written: tuple[str, str]) -> frozenset[Pair]:
    return frozenset((prefix(local), prefix(network)) for local, network in written)


def at(address: str, network: str) -> Connected:
    return Connected(prefix(network), prefix(address))


LAN, OUTSIDE = at("10.1.0.1", "10.1.0.0/16"), at("192.168.0.1", "192.168.0.0/24")
OUTSIDE6 = at("2001:db8:1::1", "2001:db8:1::/64")
AROUND = Surroundings(frozenset({LAN, OUTSIDE, OUTSIDE6}))
