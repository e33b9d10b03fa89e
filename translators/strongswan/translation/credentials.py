"""Pre-shared keys: what charon is told, and which tunnels' keys would open each other's tunnels.

charon takes a shared secret for an exchange if **any** of its owners matches either party, and the
verifier tries every secret that matches. A secret owned by both ends of tunnel B is therefore tried for
tunnel A as soon as both tunnels have the same local identity, and whoever knows B's key can claim to be
A's peer. So a secret is owned by the remote identity alone, and two enabled tunnels whose secrets would
be tried for each other are refused, unless the secrets are equal and nothing is gained.

A tunnel that accepts any remote identity has no remote identity to own its secret; there the local
identity owns it, which then must be that of no other tunnel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TypeVar

from translators.strongswan.model import Json
from translators.strongswan.translation.around import Around, value_at
from translators.strongswan.translation.certified import has_certificate, own_identity
from translators.strongswan.translation.fields import ppk_id
from translators.strongswan.translation.identities import (
    Identity,
    IdentityKind,
    local_identity,
    remote_identity,
)
from translators.strongswan.translation.refusals import Refused

IdentityKey = tuple[IdentityKind, str]
PairKey = tuple[object, ...]
_Key = TypeVar("_Key")

Unsure = Callable[[str, str], bool]
"""Says of two tunnels if it must not be told whether their keys are equal."""

PPK_SUFFIX = "-ppk"
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
    digest: bytes = field(repr=False)
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
            owner=None if has_certificate(entry) else owner(entry),
            pair=(local.key, remote.key, *ends),
            digest=_digest(entry.get("secret", "")),
            ppk=ppk_id(entry),
            ppk_digest=_digest(value_at(entry, "ike/ppk/key", "")),
        )

    @property
    def known_as(self) -> tuple[IdentityKey, ...]:
        """The identities for which charon looks for a secret when this tunnel authenticates."""
        if self.owner is None:
            return ()
        return (self.local.key,) if self.remote.is_any else (self.local.key, self.remote.key)


def _digest(secret: object) -> bytes:
    return hashlib.blake2b(str(secret).encode(), digest_size=16).digest()


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
        self._owners: dict[IdentityKey, dict[bytes, set[str]]] = {}
        self._known: dict[IdentityKey, dict[bytes, set[str]]] = {}
        self._pairs: dict[PairKey, set[str]] = {}
        self._owner_texts: dict[str, set[str]] = {}
        self._ppks: dict[str, dict[bytes, set[str]]] = {}
        self._unsure: Unsure | None = None
        """That of the look for conflicts which is under way."""

    def __len__(self) -> int:
        return len(self._claims)

    def holds(self, claim: Claim) -> bool:
        """Return whether just this is claimed by its tunnel."""
        return self._claims.get(claim.tunnel) == claim

    def add(self, claim: Claim) -> None:
        """Add ``claim``, in place of an older one of the same tunnel."""
        self.remove(claim.tunnel)
        self._claims[claim.tunnel] = claim
        if claim.owner is not None:
            self._owners.setdefault(claim.owner.key, {}).setdefault(claim.digest, set()).add(claim.tunnel)
            self._owner_texts.setdefault(claim.owner.text.casefold(), set()).add(claim.tunnel)
        for key in claim.known_as:
            self._known.setdefault(key, {}).setdefault(claim.digest, set()).add(claim.tunnel)
        self._pairs.setdefault(claim.pair, set()).add(claim.tunnel)
        if claim.ppk is not None:
            self._ppks.setdefault(claim.ppk, {}).setdefault(claim.ppk_digest, set()).add(claim.tunnel)

    def remove(self, tunnel: str) -> None:
        """Remove the claim of ``tunnel``, if there is one."""
        claim = self._claims.pop(tunnel, None)
        if claim is None:
            return
        if claim.owner is not None:
            _discard(self._owners, claim.owner.key, claim.digest, tunnel)
            _discard_from(self._owner_texts, claim.owner.text.casefold(), tunnel)
        for key in claim.known_as:
            _discard(self._known, key, claim.digest, tunnel)
        if claim.ppk is not None:
            _discard(self._ppks, claim.ppk, claim.ppk_digest, tunnel)
        _discard_from(self._pairs, claim.pair, tunnel)

    def conflicts(
        self, replaced: AbstractSet[str], claims: Iterable[Claim], unsure: Unsure | None = None
    ) -> list[Conflict]:
        """Return what stands against ``claims`` once the tunnels in ``replaced`` are gone.

        A conflict between two of ``claims`` is reported once, for the later one. ``unsure``: for which two
        tunnels equal keys count as different, too; None: for none.
        """
        found: list[Conflict] = []
        added = Claims()
        self._unsure = added._unsure = unsure
        for claim in claims:
            found.extend(self._against(claim, replaced))
            found.extend(added._against(claim, frozenset()))
            added.add(claim)
        return found

    def _against(self, claim: Claim, without: AbstractSet[str]) -> Iterable[Conflict]:
        if other := _first(self._pairs.get(claim.pair, ()), without, claim.tunnel):
            yield Conflict(
                tunnel=claim.tunnel,
                other=other,
                app_tag="identity-conflict",
                message=f"tunnels {other} and {claim.tunnel} have the same local identity "
                f"({claim.local}) and remote identity ({claim.remote}); charon could not tell them apart: "
                "give one other identities, or make them one tunnel with several subnets",
            )
        if claim.ppk is not None and (
            other := self._other_secret(self._ppks, claim.ppk, claim, without, claim.ppk_digest)
        ):
            yield Conflict(
                tunnel=claim.tunnel,
                other=other,
                app_tag="ppk-shadowed",
                message=f"tunnels {other} and {claim.tunnel} have different postquantum preshared keys "
                "of one id; charon could not tell them apart: give the keys different ids",
            )
        for key in dict.fromkeys(claim.known_as):
            if other := self._other_secret(self._owners, key, claim, without):
                yield _shadowed(claim.tunnel, other, key)
                return
        if claim.owner is None:
            return
        if other := self._other_secret(self._known, claim.owner.key, claim, without):
            yield _shadowed(claim.tunnel, other, claim.owner.key)

    def _other_secret(
        self,
        index: Mapping[_Key, Mapping[bytes, set[str]]],
        key: _Key,
        claim: Claim,
        without: AbstractSet[str],
        own: bytes | None = None,
    ) -> str | None:
        for digest, tunnels in index.get(key, {}).items():
            if digest == (claim.digest if own is None else own):
                if self._unsure is None:
                    continue
                tunnels = {tunnel for tunnel in tunnels if self._unsure(claim.tunnel, tunnel)}
            if other := _first(tunnels, without, claim.tunnel):
                return other
        return None

    def opened_by_another(self, tunnel: str, remote_id: str) -> str | None:
        """Return a tunnel whose key the peer of ``tunnel`` may have used, None if it used its own.

        Only a tunnel that accepts any identity can be opened so: charon then looks for a secret of
        whatever identity the peer claims, ``remote_id`` as list-sas shows it, and finds one that
        belongs to another tunnel. No choice of owners prevents it.
        """
        claim = self._claims.get(tunnel)
        if claim is None or claim.owner is None or not claim.remote.is_any:
            return None
        for other in self._owner_texts.get(remote_id.casefold(), ()):
            if self._claims[other].digest != claim.digest:
                return other
        return None


def _first(tunnels: Iterable[str], without: AbstractSet[str], itself: str) -> str | None:
    return next((tunnel for tunnel in tunnels if tunnel not in without and tunnel != itself), None)


def _discard_from(index: dict[_Key, set[str]], key: _Key, tunnel: str) -> None:
    index[key].discard(tunnel)
    if not index[key]:
        del index[key]


def _discard(index: dict[_Key, dict[bytes, set[str]]], key: _Key, digest: bytes, tunnel: str) -> None:
    by_digest = index.get(key)
    if by_digest is None:
        return  # local and remote identity are equal and the first pass removed it
    tunnels = by_digest.get(digest, set())
    tunnels.discard(tunnel)
    if not tunnels:
        by_digest.pop(digest, None)
    if not by_digest:
        del index[key]


def _shadowed(tunnel: str, other: str, key: IdentityKey) -> Conflict:
    kind, text = key
    return Conflict(
        tunnel=tunnel,
        other=other,
        app_tag="secret-shadowed",
        message=f"charon would try the secret of tunnel {other} for tunnel {tunnel}, or the reverse, "
        f"because both use the identity {kind.value} {text}: one peer's key would open the other's tunnel. "
        "Give the tunnels different identities (remote-id where it is absent)",
    )
