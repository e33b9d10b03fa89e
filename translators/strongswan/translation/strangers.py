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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from translators.strongswan.pieces import Pieces, at_once
from translators.strongswan.translation.alike import whole
from translators.strongswan.translation.claims import Unsure
from translators.strongswan.translation.conflicts import Conflict
from translators.strongswan.translation.connections import Messages, connection_name, tunnel_of
from translators.strongswan.translation.credentials import FURTHER_SUFFIX, Claim, IdentityKey
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

    @property
    def twin(self) -> tuple[str, object]:
        """Name and section of a barrier that can stand in its place while this one goes and comes again."""
        ((name, section),) = self.load_conn.items()
        return f"{connection_name(self.tunnel)}-not-{_digest(name)}", section


@dataclass(frozen=True, slots=True)
class Fence:
    """Barriers by the name of their connection; load-shared messages of further owners by their handle."""

    barriers: Mapping[str, Barrier] = field(default_factory=dict)
    further: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)


NO_FENCE = Fence()
Held = tuple[Claim, Messages]


def part(claim: Claim | None, messages: Messages | None) -> object:
    """Return what of a tunnel a fence depends on: with equal parts fences are equal. None is nothing."""
    if claim is None or messages is None or claim.owner is None:
        return None
    return (claim, messages.ike, messages.secrets) if claim.is_open else claim


def misplaced(order: Iterable[str], fence: Fence, owners: Mapping[str, IdentityKey]) -> list[str]:
    """Return the barriers that stand before a tunnel which the identity belongs to: of two that match equally
    charon takes the first in ``order``, and its peer would be kept out. ``owners``: who owns the secret, by
    connection, of the tunnels with a remote identity."""
    places = {name: place for place, name in enumerate(order)}
    last: dict[IdentityKey, int] = {}
    for name, key in owners.items() if fence.barriers else ():
        last[key] = max(last.get(key, -1), places.get(name, -1))
    return [
        name
        for name, barrier in fence.barriers.items()
        if name in places and places[name] < last.get(barrier.identity.key, -1)
    ]


def fence(held: Iterable[Held], *, alone: bool = True) -> Fence:
    """Return what has to stand beside ``held``: the enabled tunnels, also two versions of one that changes.

    ``alone`` is False where the charon may hold connections of others, which further owners would open.
    """
    return at_once(fence_in_pieces(held, alone=alone))


def fence_in_pieces(held: Iterable[Held], *, alone: bool = True) -> Pieces[Fence]:
    """Return what ``fence`` returns, a tunnel or a barrier at a time."""
    of_secrets = [one for one in held if one[0].owner is not None]
    open_ones = [one for one in of_secrets if one[0].is_open]
    if not open_ones:
        return NO_FENCE
    known = _Known(claim for claim, _messages in of_secrets)
    yield from known.index()
    barriers: dict[str, Barrier] = {}
    further: dict[str, list[Mapping[str, object]]] = {}
    for claim, messages in open_ones:
        for identity, claims in known.owners.values():
            yield
            if any(other.digest != claim.digest for other in claims):
                name, barrier = _barrier(claim, messages, identity)
                barriers[name] = barrier
        wanted = _further(claim, known, alone=alone)
        secret = next((one for one in messages.secrets if one["type"] == "IKE"), None)
        handle = f"{messages.name}{FURTHER_SUFFIX}"
        found = {**secret, "id": handle, "owners": wanted} if secret is not None and wanted else {}
        further.setdefault(handle, []).append(found)
    agreed = {handle: found[0] for handle, found in further.items() if found[0] and _are_equal(found)}
    return Fence(barriers, agreed)


def _are_equal(found: Sequence[object]) -> bool:
    return all(one == found[0] for one in found)


def count(claims: Iterable[Claim], unsure: Unsure | None = None) -> int:
    """Return how many barriers these tunnels need. ``unsure``: for which two tunnels equal secrets count as
    different, so that the number does not tell; None: for none."""
    return at_once(count_in_pieces(claims, unsure))


def count_in_pieces(claims: Iterable[Claim], unsure: Unsure | None = None) -> Pieces[int]:
    """Return what ``count`` returns, a tunnel or an identity at a time."""
    known = _Known((claim for claim in claims if claim.owner is not None), unsure)
    yield from known.index()
    of_digest: dict[bytes, list[Claim]] = {}
    for claim in known.open_ones:
        of_digest.setdefault(claim.digest, []).append(claim)
    found = 0
    for _identity, others in known.owners.values():
        yield
        digests = {other.digest for other in others}
        equal = of_digest.get(others[0].digest, []) if len(digests) == 1 else []
        found += len(known.open_ones) - len(equal)
        found += sum(known.differ(one, others) for one in equal) if unsure is not None else 0
    return found


class _Known:
    """Claims with a secret, indexed, by ``index``, by all that one is compared with the others by."""

    def __init__(self, claims: Iterable[Claim], unsure: Unsure | None = None) -> None:
        self.claims = list(claims)
        self.open_ones = [claim for claim in self.claims if claim.is_open]
        self.digests = {claim.digest for claim in self.claims}
        self.open_digests = {claim.digest for claim in self.open_ones}
        self._unsure = unsure
        self._all_but: dict[bytes, list[str]] = {}
        self._at: dict[str, list[Claim]] = {}
        """By the addresses that are identities in them, and, of those that are open, by their peers."""
        self._anywhere: dict[str, list[Claim]] = {}
        """Those that are open to any peer, by their local address."""
        self.owners: dict[IdentityKey, tuple[Identity, list[Claim]]] = {}

    def index(self) -> Pieces[None]:
        """Make the indexes, a claim at a time."""
        for claim in self.claims if self.open_ones else ():
            yield
            peers = {claim.peer} if claim.is_open and claim.peer is not None else set()
            for text in _addresses([claim]) | peers:
                self._at.setdefault(text, []).append(claim)
        for claim in self.open_ones:
            if claim.peer is None:
                self._anywhere.setdefault(claim.local_address, []).append(claim)
        for claim in self.claims if self.open_ones else ():
            yield
            assert claim.owner is not None
            more = (_address(claim.peer),) if claim.is_open and self.owns_its_peer(claim) else ()
            for identity in (claim.owner, *more):
                self.owners.setdefault(identity.key, (identity, []))[1].append(claim)

    def differ(self, claim: Claim, others: Iterable[Claim]) -> bool:
        """Return whether one of ``others`` has another secret than ``claim``."""
        return any(self._differs(claim, other) for other in others)

    def _differs(self, claim: Claim, other: Claim) -> bool:
        if claim.digest != other.digest:
            return True
        return (
            self._unsure is not None
            and claim.tunnel != other.tunnel
            and self._unsure(claim.tunnel, other.tunnel)
        )

    def owns_its_peer(self, claim: Claim) -> bool:
        """Return whether the address of the peer of ``claim`` belongs to no other secret."""
        if claim.peer is None:
            return False
        return not (
            self.differ(claim, self._at.get(claim.peer, ()))
            or self.differ(claim, self._anywhere.get(claim.local_address, ()))
        )

    def all_but_others(self, digest: bytes) -> list[str]:
        """Return identities that match every address which is none in a tunnel with another secret."""
        if digest not in self._all_but:
            others = (claim for claim in self.claims if claim.digest != digest)
            self._all_but[digest] = _all_but(_addresses(others))
        return self._all_but[digest]


def _barrier(claim: Claim, messages: Messages, identity: Identity) -> tuple[str, Barrier]:
    """Return the barrier that takes ``identity`` away from an open tunnel, and the name of its connection."""
    local = messages.ike["local"]
    assert isinstance(local, Mapping)
    # All else as in the tunnel: charon may answer the first message with the settings of either.
    section = {
        **whole(messages.ike),
        "unique": "never",
        "local": {**local, "auth": "pubkey"},
        "remote": {"auth": "psk", "id": identity.vici},
    }
    name = f"{messages.name}-not-{_digest(repr(section))}"
    return name, Barrier(tunnel=claim.tunnel, identity=identity, load_conn={name: section})


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _further(claim: Claim, known: _Known, *, alone: bool) -> list[str]:
    if known.digests == {claim.digest} and alone:
        return ["%any"]
    if alone and known.open_digests == {claim.digest}:
        return known.all_but_others(claim.digest)
    return [_address(claim.peer).vici] if known.owns_its_peer(claim) else []


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


def moved(old: Sequence[Claim], new: Sequence[Claim], unsure: Unsure | None = None) -> Pieces[frozenset[str]]:
    """Return the connections of ``old`` of which the secret has an identity that another of ``new`` has, a
    claim at a time. ``unsure``: for which two tunnels equal secrets count as different, too; None: for
    none."""
    if not old or not new:  # as where tunnels are only added, or only deleted
        return frozenset()
    known: dict[object, set[tuple[str, bytes]]] = {}
    for claim in new:
        yield
        for key in claim.known_as:  # none without a secret
            known.setdefault(key, set()).add((claim.tunnel, claim.digest))
    found: set[str] = set()
    for claim in old:
        yield
        for tunnel, digest in known.get(claim.owner.key, ()) if claim.owner is not None else ():
            may_differ = digest != claim.digest or (unsure is not None and unsure(tunnel, claim.tunnel))
            if tunnel != claim.tunnel and may_differ:
                found.add(connection_name(claim.tunnel))
    return frozenset(found)


def too_many(tunnel: str, count: int) -> Conflict:
    """Return why ``tunnel`` cannot be as asked, for which ``count`` barriers would be needed."""
    return Conflict(
        tunnel=tunnel,
        other=tunnel,
        app_tag="too-many-open-tunnels",
        message=f"charon would need {count} connections to keep the secrets of tunnels out of those that "
        f"accept any identity, and {BARRIERS_MAX} are possible: give these a remote-id, or equal "
        "secrets",
    )
