"""A model of how charon selects a connection and a secret: backend_manager.c, mem_cred.c, ike_auth.c."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from hypothesis import strategies as st

from tests.translators.translation.test_plan import Charon, holding
from tests.translators.tunnels import Json, tunnel
from translators.strongswan.translation import strangers
from translators.strongswan.translation.claims import Claims
from translators.strongswan.translation.connections import messages
from translators.strongswan.translation.credentials import Claim
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translation.strangers import Fence

KEY_1, KEY_2 = "key-number-one-1", "key-number-two-2"
A, B, C = {"name": "a"}, {"name": "b"}, {"name": "c"}
LOCALS, PEERS = ("192.0.2.1", "192.0.2.2"), ("198.51.100.1", "198.51.100.2")
IDENTITIES = ["fqdn:#61", "fqdn:#62", "fqdn:#7a", *LOCALS, PEERS[0], "203.0.113.9"]


def held(*entries: Json) -> list[strangers.Held]:
    return [(Claim.of(str(one["id"]), one), messages(str(one["id"]), one)) for one in entries]


Identifier = str | None
"""None is what a peer does not send."""


def matches(one: Identifier, pattern: str) -> int:
    if pattern == "%any":
        return 1
    if one is None:
        return 0
    if "-" in pattern and not pattern.startswith("fqdn"):
        first, last = map(ipaddress.ip_address, pattern.split("-"))
        try:
            address = ipaddress.ip_address(one)
        except ValueError:
            return 0
        if address.version != first.version:
            return 0
        return 2 if int(first) <= int(address) <= int(last) else 0
    return 20 if one == pattern else 0


def of_identity(one: Identifier, pattern: str) -> int:
    return 1 if one is None else matches(one, pattern)


def of_address(one: str, configured: object) -> int:
    assert isinstance(configured, list)
    return 1 if configured == ["%any"] else 129 if configured == [one] else 0


def connections(everything: list[strangers.Held], found: Fence) -> dict[str, Mapping[str, Any]]:
    loaded = {name: body for barrier in found.barriers.values() for name, body in barrier.load_conn.items()}
    tunnels = [(made.is_open, made) for _claim, made in everything]
    named, open_ones = (
        {m.name: m.ike for is_open, m in tunnels if is_open is wanted} for wanted in (False, True)
    )
    return {**named, **loaded, **open_ones}  # type: ignore[dict-item]


def selected(loaded: Mapping[str, Mapping[str, Any]], came: tuple[str, str, Identifier, str]) -> str | None:
    me, other, idr, idi = came
    best: tuple[int, int] = (0, 0)
    name = None
    for one, section in loaded.items():
        ends = of_address(me, section["local_addrs"]), of_address(other, section["remote_addrs"])
        identities = of_identity(idr, section["local"]["id"]), of_identity(idi, section["remote"]["id"])
        if all((*ends, *identities)) and (sum(identities), sum(ends)) > best:
            best, name = (sum(identities), sum(ends)), one
    return name


def secrets_for(everything: list[strangers.Held], found: Fence, idr: Identifier, idi: str) -> set[str]:
    loaded = [secret for _claim, made in everything for secret in made.secrets]
    return {
        str(secret["data"])
        for secret in [*loaded, *found.further.values()]
        if any(matches(idr, owner) or matches(idi, owner) for owner in secret["owners"])  # type: ignore[attr-defined]
    }


def came_in() -> Iterator[tuple[str, str, Identifier, str]]:
    return product(LOCALS, PEERS, [None, *IDENTITIES], IDENTITIES)


NAMES = st.sampled_from([A, B, {"inet": LOCALS[0]}, {"inet": PEERS[0]}])
MEMBERS = st.fixed_dictionaries(
    {"secret": st.sampled_from([KEY_1, KEY_2]), "local_address": st.sampled_from(LOCALS)},
    optional={"local_id": NAMES, "remote_id": NAMES, "peer": st.sampled_from(PEERS)},
)


def permitted(members: list[dict[str, Any]]) -> list[Json]:
    """Return those of the tunnels that are not refused beside the ones before them."""
    claims, entries = Claims(), []
    for id, each in enumerate(members, 1):
        entry = tunnel(id, **each)
        claim = Claim.of(str(id), entry)
        if not claims.conflicts(frozenset(), [claim]):
            claims.add(claim)
            entries.append(entry)
    return entries


def charon(made: Desired) -> Charon:
    connections_, secrets = holding(*made.messages.values())
    for barrier in made.fence.barriers.values():
        connections_.update(barrier.load_conn)
    secrets.update({handle: dict(message) for handle, message in made.fence.further.items()})
    return connections_, secrets


def filled(entries: list[Json]) -> Desired:
    made = Desired()
    made.replace({str(entry["id"]): entry for entry in entries})
    return made
