"""What of a tunnel's subnets its peer did not take; it may narrow them (RFC 7296 section 2.9). Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from translators.strongswan.model import Json
from translators.strongswan.status import state
from translators.strongswan.status.state import Section, strings

_Interval = tuple[int, int, int]
"""IP version, first and last address."""
_SIDES = (("local-subnet", "local_ts", "local-ts"), ("remote-subnet", "remote_ts", "remote-ts"))


def narrowed(children: Mapping[str, Mapping[str, object]], sas: Sequence[Section]) -> Json:
    """Return the container ``narrowed`` of the state (RFC 7951), {} if nothing is missing or nothing is up.

    ``children`` are the sections that charon was told, by name; of ``sas`` those CHILD_SAs count that carry
    traffic.
    """
    up = list(state.children_up(sas)) if sas else []
    if not up or not state.carries_all(sas, tuple(children)):
        return {}
    found: dict[str, list[str]] = {}
    for leaf, configured, negotiated in _SIDES:
        wanted = dict.fromkeys(text for child in children.values() for text in strings(child.get(configured)))
        selectors = [text for child in up for text in strings(child.get(negotiated))]
        if wanted.keys() <= set(selectors):
            continue  # nearly always
        carried = _merged(filter(None, map(_interval, selectors)))
        wanted_of = {text: one for text in wanted if (one := _interval(text)) is not None}
        missing = [text for text, one in wanted_of.items() if not _covers(carried, one)]
        if missing:
            found[leaf] = missing
    return {"narrowed": found} if found else {}


def _interval(selector: str) -> _Interval | None:
    """Return the addresses of a selector as charon writes it, None where it is not for all of their traffic
    (a protocol or port), or for the address that the peer turns out to have."""
    first, _dots, last = selector.partition("..")
    try:
        if last:
            ends = ipaddress.ip_address(first), ipaddress.ip_address(last)
            return ends[0].version, int(ends[0]), int(ends[1])
        network = ipaddress.ip_network(selector)
    except ValueError:
        return None
    return network.version, int(network.network_address), int(network.broadcast_address)


def _merged(intervals: Iterable[_Interval]) -> list[_Interval]:
    found: list[_Interval] = []
    for version, first, last in sorted(intervals):
        if found and found[-1][0] == version and first <= found[-1][2] + 1:
            found[-1] = (version, found[-1][1], max(last, found[-1][2]))
        else:
            found.append((version, first, last))
    return found


def _covers(carried: Iterable[_Interval], wanted: _Interval) -> bool:
    version, first, last = wanted
    return any(one[0] == version and one[1] <= first and last <= one[2] for one in carried)
