"""Pre-shared keys: what charon is told, and which tunnels' keys would open each other's tunnels.

charon takes a shared secret for an exchange if **any** of its owners matches either party, and the
verifier tries every secret that matches. A secret owned by both ends of tunnel B is therefore tried for
tunnel A as soon as both tunnels have the same local identity, and whoever knows B's key can claim to be
A's peer. So a secret is owned by the remote identity alone, and two enabled tunnels whose secrets would
be tried for each other are refused, unless the secrets are equal and nothing is gained.

A tunnel that accepts any remote identity has no remote identity to own its secret; there the local
identity owns it, which then must be that of no other tunnel. Who claims another tunnel's identity there is
kept out by a barrier (see strangers).

A secret of IKEv1 charon finds by the addresses, before the peer says who it is (``phase1.c``); whether an IKE
SA may be without child, too (RFC 6023). Two tunnels that differ in these must differ in their addresses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from agent.tables import fitted
from translators.strongswan.model import Json
from translators.strongswan.pieces import Pieces, at_once
from translators.strongswan.translation.around import Around, value_at
from translators.strongswan.translation.certified import has_certificate, own_identity
from translators.strongswan.translation.fields import is_ikev1, ppk_id
from translators.strongswan.translation.identities import (
    Identity,
    IdentityKind,
    address,
    local_identity,
    remote_identity,
)
from translators.strongswan.translation.marked import Marked, Standing
from translators.strongswan.translation.refusals import Refused

IdentityKey = tuple[IdentityKind, str]
PairKey = tuple[object, ...]

Unsure = Callable[[str, str], bool]
"""Says of two tunnels if it must not be told whether their keys are equal."""

PPK_SUFFIX = "-ppk"
FURTHER_SUFFIX = "-further"
"""Of the handle under which the secret is loaded once more, for further owners (see strangers)."""
_ALONE = Around()


def owner(entry: Json) -> Identity:
    """Return the one identity that owns the tunnel's secret in charon.

    Raises:
        Refused: an identity cannot be sent safely.
    """
    remote = remote_identity(entry)
    return local_identity(entry) if remote.is_any else remote


def load_shared(name: str, entry: Json) -> list[dict[str, object]]:
    """Return the load-shared messages; their ``id`` is a handle by which each is replaced and unloaded.

    Raises:
        Refused: there is no secret, or an identity cannot be sent safely.
    """
    found: list[dict[str, object]] = []
    if "secret" in entry:
        data = str(entry["secret"])
        found.append({"id": name, "type": "IKE", "data": data, "owners": [owner(entry).vici]})
    elif not has_certificate(entry):
        raise Refused("secret", "the tunnel needs a secret", "secret-missing")
    if (ppk := ppk_id(entry)) is not None:
        data = str(value_at(entry, "ike/ppk/key"))
        found.append({"id": f"{name}{PPK_SUFFIX}", "type": "PPK", "data": data, "owners": [ppk]})
    return found


@dataclass(frozen=True, slots=True)
class Claim:
    """What an enabled tunnel claims of the identities and secrets that all tunnels share.

    ``digest`` stands for the secret, so that no index holds one; ``owner`` is that of the secret, None with
    certificates.
    """

    tunnel: str
    local: Identity
    remote: Identity
    owner: Identity | None
    pair: PairKey
    local_address: str
    peer: str | None
    digest: bytes = field(repr=False)
    is_ikev1: bool = False
    initiates: bool = False
    is_never_childless: bool = False
    ppk: str | None = None
    ppk_digest: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, tunnel: str, entry: Json, around: Around = _ALONE) -> Claim:
        """Return the claim of ``entry``.

        Raises:
            Refused: an identity cannot be sent safely.
        """
        local, remote = own_identity(entry, around), remote_identity(entry)
        # charon tells two connections apart by the addresses only while the remote identity is open.
        # With both identities equal, INITIAL_CONTACT on one ends the SAs of the other whatever the
        # addresses are (RFC 7296 section 2.4).
        ends = (entry.get("local-address"), entry.get("peer")) if remote.is_any else ()
        return cls(
            tunnel=tunnel,
            local=local,
            remote=remote,
            owner=None if has_certificate(entry) else local if remote.is_any else remote,
            pair=(local.key, remote.key, *ends),
            local_address=address("local-address", str(entry["local-address"])),
            peer=address("peer", str(entry["peer"])) if "peer" in entry else None,
            is_ikev1=is_ikev1(entry),
            initiates=bool(entry.get("initiator")),
            is_never_childless=_is_never_childless(entry),
            digest=_digest(entry.get("secret", "")),
            ppk=ppk_id(entry),
            ppk_digest=_digest(value_at(entry, "ike/ppk/key", "")),
        )

    @property
    def is_open(self) -> bool:
        """Whether the peer may claim any identity, for which charon then looks for a secret."""
        return self.owner is not None and self.remote.is_any and not self.is_ikev1

    @property
    def ends(self) -> tuple[str, str]:
        """The addresses of both ends, "" for any peer."""
        return self.local_address, self.peer or ""

    @property
    def known_as(self) -> tuple[IdentityKey, ...]:
        """The identities for which charon looks for a secret when this tunnel authenticates."""
        if self.owner is None:
            return ()
        found = (self.local.key,) if self.remote.is_any else (self.local.key, self.remote.key)
        if not self.is_ikev1:
            return found
        # Before it knows any identity, and so before it looks for those of the connections (phase1.c).
        addresses = (self.local_address,) if self.peer is None else (self.local_address, self.peer)
        return tuple(dict.fromkeys((*found, *((IdentityKind.INET, text) for text in addresses))))


def _is_never_childless(entry: Json) -> bool:
    # The first answer of a responder says whether it can: with allow and force it does, with never not.
    return value_at(entry, "ike/childless") == "never" and not is_ikev1(entry)


def _digest(secret: object) -> bytes:
    if secret == "":
        return _OF_NOTHING
    return hashlib.blake2b(str(secret).encode(), digest_size=16).digest()


_OF_NOTHING = hashlib.blake2b(b"", digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Conflict:
    """``tunnel`` and ``other`` cannot both be enabled; ``app_tag`` and ``message`` say why."""

    tunnel: str
    other: str
    app_tag: str
    message: str


class Claims:
    """The claims of all enabled tunnels, indexed so that a check costs in proportion to the change."""

    def __init__(self) -> None:
        self._claims: dict[str, Claim] = {}
        self._owners = Marked[Any, Claim](_digest_of)
        self._known = Marked[Any, Claim](_digest_of)
        self._pairs = Marked[Any, Claim](lambda _claim: None)
        self._owner_texts = Marked[Any, Claim](_digest_of)
        self._ppks = Marked[Any, Claim](lambda claim: claim.ppk_digest)
        self._ikev1 = Marked[Any, Claim](_digest_of)
        """Those of IKEv1 with a secret, by local address and peer."""
        self._ends = Marked[Any, Claim](lambda claim: (claim.is_never_childless, claim.initiates))
        """Those of IKEv2 by local address and peer."""

    def __iter__(self) -> Iterator[Claim]:
        return iter(self._claims.values())

    def __len__(self) -> int:
        return len(self._claims)

    def of(self, tunnel: str) -> Claim | None:
        """Return the claim of ``tunnel``, None if it has none."""
        return self._claims.get(tunnel)

    def holds(self, claim: Claim) -> bool:
        """Return whether just this is claimed by its tunnel."""
        return self._claims.get(claim.tunnel) == claim

    def add(self, claim: Claim) -> None:
        """Add ``claim``, in place of an older one of the same tunnel."""
        self.remove(claim.tunnel)
        self._claims[claim.tunnel] = claim
        for index, key in self._places(claim):
            index.add(key, claim)

    def remove(self, tunnel: str) -> None:
        """Remove the claim of ``tunnel``, if there is one."""
        if (claim := self._claims.pop(tunnel, None)) is not None:
            for index, key in self._places(claim):
                index.remove(key, claim)

    def tidy(self) -> None:
        """Take no more memory than what is held needs."""
        self._claims = fitted(self._claims)
        for index in (
            *(self._owners, self._known, self._pairs, self._owner_texts),
            *(self._ppks, self._ikev1, self._ends),
        ):
            index.tidy()

    def _places(self, claim: Claim) -> list[tuple[Marked[Any, Claim], Hashable]]:
        found: list[tuple[Marked[Any, Claim], Hashable]] = [(self._pairs, claim.pair)]
        if claim.owner is not None:
            found.append((self._owners, claim.owner.key))
            found.append((self._owner_texts, claim.owner.text.casefold()))
            found.extend((self._known, key) for key in claim.known_as)
        if claim.ppk is not None:
            found.append((self._ppks, claim.ppk))
        if not claim.is_ikev1:
            found.append((self._ends, claim.ends))
        elif claim.owner is not None:
            found.append((self._ikev1, claim.ends))
        return found

    def meets(self, claim: Claim) -> bool:
        """Return whether there is anything that may stand against ``claim``; usually there is not."""
        if claim.pair in self._pairs or claim.ends in (self._ikev1 if claim.is_ikev1 else self._ends):
            return True
        if claim.ppk is not None and claim.ppk in self._ppks:
            return True
        if claim.owner is None:
            return False
        return claim.owner.key in self._known or any(key in self._owners for key in claim.known_as)

    def conflicts(
        self, replaced: AbstractSet[str], claims: Iterable[Claim], unsure: Unsure | None = None
    ) -> list[Conflict]:
        """Return what stands against ``claims`` once the tunnels in ``replaced`` are gone.

        A conflict between two of ``claims`` is reported once, for the later one. ``unsure``: for which two
        tunnels equal keys count as different, too; None: for none.
        """
        return at_once(self.conflicts_in_pieces(replaced, claims, unsure))

    def conflicts_in_pieces(
        self, replaced: AbstractSet[str], claims: Iterable[Claim], unsure: Unsure | None = None
    ) -> Pieces[list[Conflict]]:
        """Return what ``conflicts`` returns, a claim at a time."""
        found: list[Conflict] = []
        look, wanted = _Look(self, replaced, unsure), list(claims)
        if len(wanted) == 1:  # there is no other that it could meet
            if self.meets(wanted[0]):
                found.extend(look.against(wanted[0]))
            yield
            return found
        added = Claims()
        among = _Look(added, frozenset(), unsure)
        for claim in wanted:
            if self.meets(claim):
                found.extend(look.against(claim))
            if added.meets(claim):
                found.extend(among.against(claim))
                among.standing.clear()  # more come to it
            added.add(claim)
            yield
        return found

    def opened_by_another(self, tunnel: str, remote_id: str) -> str | None:
        """Return a tunnel whose key the peer of ``tunnel`` may have used, None if it used its own.

        Only a tunnel that accepts any identity can be opened so, and only if somebody has unloaded its
        barriers (see strangers). ``remote_id`` is what the peer claims, as list-sas shows it.
        """
        claim = self._claims.get(tunnel)
        if claim is None or claim.owner is None or not claim.remote.is_any:
            return None
        for digest, tunnels in self._owner_texts.by_mark(remote_id.casefold()):
            if digest != claim.digest:
                return next(iter(tunnels))
        return None


def _digest_of(claim: Claim) -> bytes:
    return claim.digest


class _Look:
    """A look for what stands against claims, once the tunnels in ``without`` are gone from ``held``."""

    def __init__(self, held: Claims, without: AbstractSet[str], unsure: Unsure | None) -> None:
        self._held = held
        self._without = without
        self._unsure = unsure
        self.standing = Standing()

    def against(self, claim: Claim) -> Iterable[Conflict]:
        """Yield what stands against ``claim``."""
        held = self._held
        if other := self._first(held._pairs, claim.pair, None, claim):
            yield _identity_conflict(claim, other)
        if claim.ppk is not None and (
            other := self._other_secret(held._ppks, claim.ppk, claim, claim.ppk_digest)
        ):
            yield _ppk_conflict(claim, other)
        if other := self._otherwise_childless(claim):
            yield _childless_conflict(claim, held._claims[other])
        yield from self._shadowing(claim)

    def _first(self, index: Marked[Any, Claim], key: Hashable, mark: Hashable, claim: Claim) -> str | None:
        return index.first(key, mark, without=self._without, itself=claim.tunnel, standing=self.standing)

    def _shadowing(self, claim: Claim) -> Iterable[Conflict]:
        held = self._held
        for key in claim.known_as:
            if other := self._other_secret(held._owners, key, claim):
                yield _shadowed(claim.tunnel, other, key)
                return
        if claim.owner is None:
            return
        if other := self._other_secret(held._known, claim.owner.key, claim):
            yield _shadowed(claim.tunnel, other, claim.owner.key)
        elif claim.is_ikev1 and (other := self._other_secret(held._ikev1, claim.ends, claim)):
            yield _shadowed_by_address(claim.tunnel, other)

    def _otherwise_childless(self, claim: Claim) -> str | None:
        if claim.is_ikev1:
            return None
        for initiates in (False,) if claim.initiates else (False, True):
            mark = (not claim.is_never_childless, initiates)
            if other := self._first(self._held._ends, claim.ends, mark, claim):
                return other
        return None

    def _other_secret(
        self, index: Marked[Any, Claim], key: Hashable, claim: Claim, own: bytes | None = None
    ) -> str | None:
        unsure = self._unsure
        for digest, tunnels in index.by_mark(key):
            if digest != (claim.digest if own is None else own):
                other = self._first(index, key, digest, claim)
            elif unsure is not None:
                other = next(
                    (
                        tunnel
                        for tunnel in tunnels
                        if tunnel not in self._without
                        and tunnel != claim.tunnel
                        and unsure(claim.tunnel, tunnel)
                    ),
                    None,
                )
            else:
                continue
            if other:
                return other
        return None


def _identity_conflict(claim: Claim, other: str) -> Conflict:
    # Where anybody may come, addresses tell tunnels apart.
    apart = "peer, remote-id or local-id" if claim.remote.is_any else "remote-id or local-id"
    return Conflict(
        tunnel=claim.tunnel,
        other=other,
        app_tag="identity-conflict",
        message=f"tunnels {other} and {claim.tunnel} have the same local identity ({claim.local}) and remote "
        f"identity ({claim.remote}); charon could not tell them apart: give one another {apart}, or make "
        "them one tunnel with several subnets",
    )


def _ppk_conflict(claim: Claim, other: str) -> Conflict:
    return Conflict(
        tunnel=claim.tunnel,
        other=other,
        app_tag="ppk-shadowed",
        message=f"tunnels {other} and {claim.tunnel} have different postquantum preshared keys of one id; "
        "charon could not tell them apart: give the keys different ids",
    )


def _shadowed(tunnel: str, other: str, key: IdentityKey) -> Conflict:
    kind, text = key
    return Conflict(
        tunnel=tunnel,
        other=other,
        app_tag="secret-shadowed",
        message=f"charon would try the secret of tunnel {other} for tunnel {tunnel}, or the reverse, "
        f"because both use the identity {kind.value} {text}: one peer's key would open the other's tunnel. "
        "Give each of the two a remote-id of its own (whoever calls has that of its peer), or another "
        "local-id, or both the same secret",
    )


def _shadowed_by_address(tunnel: str, other: str) -> Conflict:
    return Conflict(
        tunnel=tunnel,
        other=other,
        app_tag="secret-shadowed",
        message=f"charon finds secrets of IKEv1 by the addresses alone, and would take the one of tunnel "
        f"{other} for tunnel {tunnel}, or the reverse: one peer's key would open the other's tunnel. Give "
        "one another local-address or peer, both the same secret, or IKEv2",
    )


def _childless_conflict(claim: Claim, other: Claim) -> Conflict:
    return Conflict(
        tunnel=claim.tunnel,
        other=other.tunnel,
        app_tag="childless-conflict",
        message=f"tunnels {other.tunnel} and {claim.tunnel} have the same addresses, and one of them has "
        "ike/childless never. charon answers by the addresses whether it can be childless, before it knows "
        "which tunnel the peer wants: a peer that has to be could not reach the other one. Give both never, "
        "or neither, or different local addresses or peers",
    )
