"""Tunnels that accept any remote identity: others' secrets are kept out, and their own peers let in. Pure.

charon looks for a secret of whatever identities the peer claims, and takes one if **either** matches an
owner. Who claims the identity that owns the secret of another tunnel is verified with that secret, and the
connection that is open to any identity would be the one he gets. No choice of owners prevents it: what a peer
sends as our identity he can send as his own too. So for each such identity there is a barrier: a connection
with the addresses and the local identity of the open tunnel, for exactly this remote identity. charon prefers
it, because it matches better (``backend_manager.c``), and then fails to prove its own identity to the peer,
as it has no private key for it: the attempt ends with AUTHENTICATION_FAILED before there is an IKE_SA.

The secret of an open tunnel is owned by its local identity, which a peer need not send (IDr is optional, RFC
7296 section 1.2). So that such a peer is found too, the secret has further owners: everybody where all
secrets are equal; else the addresses that no tunnel with another secret knows, as an address is what a peer
sends of itself where it is told nothing; with several open tunnels of different secrets the address of the
peer alone.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from translators.strongswan.translation.connections import Messages, tunnel_of
from translators.strongswan.translation.credentials import FURTHER_SUFFIX, Claim
from translators.strongswan.translation.identities import Identity, IdentityKind

BARRIERS_MAX = 2048
KEPT_OUT = "no private key found for "
"""What charon's log says of a barrier when it has kept somebody out."""
_NAME = re.compile("^(.+)-not-[0-9a-f]{16}$")
_SPACE = {4: (0, 2**32 - 1), 6: (0, 2**128 - 1)}


def barred(name: str) -> str | None:
    """Return the tunnel that the barrier ``name`` protects, None for a name that is not a barrier's."""
    match = _NAME.match(name)
    return tunnel_of(match[1]) if match else None


@dataclass(frozen=True, slots=True)
class Barrier:
    """A connection that takes ``identity``, the owner of another tunnel's secret, away from ``tunnel``."""

    tunnel: str
    identity: Identity
    load_conn: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fence:
    """Barriers by the name of their connection; load-shared messages of further owners by their handle."""

    barriers: Mapping[str, Barrier] = field(default_factory=dict)
    further: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)


NO_FENCE = Fence()
Held = tuple[Claim, Messages]


def fence(held: Iterable[Held], *, alone: bool = True) -> Fence:
    """Return what has to stand beside ``held``: the enabled tunnels, also two versions of one that changes.

    ``alone`` is False where the charon may hold connections of others, which further owners would open.
    """
    of_secrets = [one for one in held if one[0].owner is not None]
    open_ones = [one for one in of_secrets if one[0].is_open]
    if not open_ones:
        return NO_FENCE
    claims = [claim for claim, _messages in of_secrets]
    owners = _owners(claims)
    barriers: dict[str, Barrier] = {}
    further: dict[str, list[Mapping[str, object]]] = {}
    for claim, messages in open_ones:
        barriers.update(_barriers(claim, messages, owners))
        wanted = _further(claim, claims, alone=alone)
        secret = next((one for one in messages.secrets if one["type"] == "IKE"), None)
        handle = f"{messages.name}{FURTHER_SUFFIX}"
        found = {**secret, "id": handle, "owners": wanted} if secret is not None and wanted else {}
        further.setdefault(handle, []).append(found)
    agreed = {handle: found[0] for handle, found in further.items() if found[0] and _are_equal(found)}
    return Fence(barriers, agreed)


def _are_equal(found: Sequence[object]) -> bool:
    return all(one == found[0] for one in found)


def count(claims: Iterable[Claim]) -> int:
    """Return how many barriers these tunnels need."""
    claims = [claim for claim in claims if claim.owner is not None]
    open_ones = [claim for claim in claims if claim.is_open]
    owners = _owners(claims) if open_ones else {}
    held = [digests for _identity, digests in owners.values()]
    return sum(bool(digests - {one.digest}) for one in open_ones for digests in held)


def _owners(claims: Collection[Claim]) -> dict[object, tuple[Identity, set[bytes]]]:
    """Return who owns secrets, and which."""
    found: dict[object, tuple[Identity, set[bytes]]] = {}
    for claim in claims:
        assert claim.owner is not None
        more = (_address(claim.peer),) if claim.is_open and _owns_its_peer(claim, claims) else ()
        for identity in (claim.owner, *more):
            found.setdefault(identity.key, (identity, set()))[1].add(claim.digest)
    return found


def _barriers(
    claim: Claim, messages: Messages, owners: Mapping[object, tuple[Identity, set[bytes]]]
) -> Iterator[tuple[str, Barrier]]:
    for identity, digests in owners.values():
        if not digests - {claim.digest}:
            continue
        local = messages.ike["local"]
        assert isinstance(local, Mapping)
        # All else as in the tunnel: charon may answer the first message with the settings of either.
        section = {
            **messages.ike,
            "unique": "never",
            "local": {**local, "auth": "pubkey"},
            "remote": {"auth": "psk", "id": identity.vici},
        }
        name = f"{messages.name}-not-{hashlib.blake2b(repr(section).encode(), digest_size=8).hexdigest()}"
        yield name, Barrier(tunnel=claim.tunnel, identity=identity, load_conn={name: section})


def _further(claim: Claim, claims: Collection[Claim], *, alone: bool) -> list[str]:
    others = [other for other in claims if other.digest != claim.digest]
    if not others and alone:
        return ["%any"]
    if alone and not any(other.is_open for other in others):
        return _all_but(_addresses(others))
    return [_address(claim.peer).vici] if _owns_its_peer(claim, claims) else []


def _owns_its_peer(claim: Claim, claims: Collection[Claim]) -> bool:
    if claim.peer is None:
        return False
    others = [other for other in claims if other.digest != claim.digest]
    if claim.peer in _addresses(others):
        return False
    return not any(
        other.peer == claim.peer or (other.peer is None and other.local_address == claim.local_address)
        for other in others
        if other.is_open
    )


def _addresses(claims: Iterable[Claim]) -> set[str]:
    """Return the addresses that are identities in these tunnels."""
    return {text for claim in claims for kind, text in claim.known_as if kind is IdentityKind.INET}


def _address(text: str | None) -> Identity:
    return Identity(IdentityKind.INET, str(text), str(text))


def _all_but(addresses: Iterable[str]) -> list[str]:
    """Return identities that together match every address but these, as charon writes ranges."""
    found: list[str] = []
    parsed = [ipaddress.ip_address(text) for text in addresses]
    for version, (first, last) in _SPACE.items():
        make = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
        for number in sorted(int(one) for one in parsed if one.version == version):
            if first < number:
                found.append(_range(make(first), make(number - 1)))
            first = number + 1
        if first <= last:
            found.append(_range(make(first), make(last)))
    return found


def _range(first: object, last: object) -> str:
    return str(first) if first == last else f"{first}-{last}"
