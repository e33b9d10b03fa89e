"""The claims of all tunnels: whose key would open another's tunnel, and whom charon could not tell apart.

charon takes a shared secret for an exchange if **any** of its owners matches either party, and the
verifier tries every secret that matches. A secret owned by both ends of tunnel B is therefore tried for
tunnel A as soon as both tunnels have the same local identity, and whoever knows B's key can claim to be
A's peer. So a secret is owned by the remote identity alone, and two enabled tunnels whose secrets would
be tried for each other are refused, unless the secrets are equal and nothing is gained.

A secret of IKEv1 charon finds by the addresses, before the peer says who it is (``phase1.c``); whether an IKE
SA may be without child, too (RFC 6023). Two tunnels that differ in these must differ in their addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from agent.tables import fitted
from translators.strongswan.pieces import Pieces, at_once
from translators.strongswan.translation import conflicts
from translators.strongswan.translation.conflicts import Conflict
from translators.strongswan.translation.credentials import Claim
from translators.strongswan.translation.marked import Marked, Standing

Unsure = Callable[[str, str], bool]
"""Says of two tunnels if it must not be told whether their keys are equal."""


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
            yield conflicts.same_identities(claim, other)
        if claim.ppk is not None and (
            other := self._other_secret(held._ppks, claim.ppk, claim, claim.ppk_digest)
        ):
            yield conflicts.other_ppk(claim, other)
        if other := self._otherwise_childless(claim):
            yield conflicts.otherwise_childless(claim, held._claims[other])
        yield from self._shadowing(claim)

    def _first(self, index: Marked[Any, Claim], key: Hashable, mark: Hashable, claim: Claim) -> str | None:
        return index.first(key, mark, without=self._without, itself=claim.tunnel, standing=self.standing)

    def _shadowing(self, claim: Claim) -> Iterable[Conflict]:
        held = self._held
        for key in claim.known_as:
            if other := self._other_secret(held._owners, key, claim):
                yield conflicts.shadowed(claim.tunnel, other, key)
                return
        if claim.owner is None:
            return
        if other := self._other_secret(held._known, claim.owner.key, claim):
            yield conflicts.shadowed(claim.tunnel, other, claim.owner.key)
        elif claim.is_ikev1 and (other := self._other_secret(held._ikev1, claim.ends, claim)):
            yield conflicts.shadowed_by_address(claim.tunnel, other)

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
