"""Pre-shared keys: what charon is told of a tunnel's, and what the tunnel claims of those of all.

A secret is owned by the remote identity alone (claims says why). A tunnel that accepts any remote identity
has no remote identity to own its secret; there the local identity owns it, which then must be that of no
other tunnel. Who claims another tunnel's identity there is kept out by a barrier (see strangers).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from translators.strongswan.model import Json
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
from translators.strongswan.translation.refusals import Refused

IdentityKey = tuple[IdentityKind, str]
PairKey = tuple[object, ...]

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
