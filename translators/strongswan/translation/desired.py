"""What charon is to hold beside the tunnels in force, and what a change would mean to it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from translators.strongswan.model import Json
from translators.strongswan.pieces import Pieces, at_once
from translators.strongswan.translation import connections, revocation, strangers
from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.certified import trusted_by
from translators.strongswan.translation.claims import Unsure
from translators.strongswan.translation.connections import connection_name
from translators.strongswan.translation.credentials import Claim
from translators.strongswan.translation.discretion import Discretion
from translators.strongswan.translation.fields import not_loaded
from translators.strongswan.translation.in_force import Certificates, InForce, is_enabled
from translators.strongswan.translation.kept import Surroundings
from translators.strongswan.translation.overlaps import Traffic
from translators.strongswan.translation.plan import Change, Fences, reloaded
from translators.strongswan.translation.refusals import Refusal, Refused
from translators.strongswan.translation.revocation import Crl, Mode, Trust
from translators.strongswan.translation.strangers import NO_FENCE, Fence


class Desired(InForce):
    """What is in force, for whoever asks what charon is to hold, or what stands against a change."""

    def with_certificates(self, changed: Mapping[str, Certificate | None]) -> Certificates:
        """Return the certificates once ``changed`` are set or (None) removed."""
        if not changed:
            return self.certificates
        merged = {**self.certificates, **changed}
        return {name: found for name, found in merged.items() if found is not None}

    def with_crls(self, changed: Mapping[str, Crl | None]) -> Mapping[str, Crl]:
        """Return the CRLs once ``changed`` are set or (None) removed."""
        merged = {**self.crls, **changed}
        return {name: found for name, found in merged.items() if found is not None}

    def trust(
        self, entries: Mapping[str, Json | None], certificates: Certificates, crls: Mapping[str, Crl]
    ) -> Trust:
        """Return what charon is to hold of authorities and CRLs, with ``entries`` beside our others, and
        ``certificates`` and ``crls`` in place of ours."""
        trusted: dict[str, Certificate] = {}
        for name, certificate in certificates.items():
            if certificate.is_authority and self._is_trusted(name, entries):
                trusted[name] = certificate
        return revocation.trust(trusted, crls)

    def _is_trusted(self, name: str, changed: Mapping[str, Json | None]) -> bool:
        users = (self.entries[one] for one in self._users.get(name, ()) if one not in changed)
        return any(
            entry is not None and is_enabled(entry) and name in trusted_by(entry)
            for entry in chain(changed.values(), users)
        )

    def change(
        self,
        tunnel: str,
        after: Json | None,
        certificates: Certificates | None = None,
        mode: Mode | None = None,
        *,
        around: Surroundings | None = None,
    ) -> Change:
        """Return what a change to ``after`` means to charon, with ``certificates`` and ``mode`` in place of
        ours. ``around``: that of these, for several in a row.

        Raises:
            Refused: ``after`` cannot be translated.
        """
        around = around or self.around(certificates, mode)
        messages = None
        if after is not None and is_enabled(after):
            messages = self._translated(tunnel, after, around, whatever=False).messages
        return Change(connection_name(tunnel), self.messages.get(tunnel), messages)

    @property
    def fence(self) -> Fence:
        """What charon is to hold beside the tunnels, for those that accept any identity."""
        return at_once(self._fence_in_pieces())

    def _fence_in_pieces(self) -> Pieces[Fence]:
        if self._fence is not None:
            return self._fence
        version, found = self.version, NO_FENCE
        if self._open:
            found = yield from strangers.fence_in_pieces(self._held(), alone=self._alone)
        if version == self.version:
            self._fence = found
        return found

    def misplaced(self, order: Iterable[str]) -> list[str]:
        """Return the barriers that are to come later than in ``order``, that of the connections in charon."""
        if not self.fence.barriers:
            return []
        owners = {
            connection_name(claim.tunnel): claim.owner.key
            for claim in self.claims
            if claim.owner is not None and not claim.is_open and claim.tunnel in self.messages
        }
        return strangers.misplaced(order, self.fence, owners)

    def why_barred(self, name: str, line: str) -> str | None:
        """Return what a line of charon's log about ``name`` says of that barrier, None if nothing."""
        if strangers.barred(name) is None or not line.startswith(strangers.KEPT_OUT):
            return None
        barrier = self.fence.barriers.get(name)
        if barrier is None:
            return None
        return f"a peer came as {barrier.identity} with the secret of another tunnel, and was refused"

    def _held(self) -> list[strangers.Held]:
        messages = self.messages
        return [(claim, messages[claim.tunnel]) for claim in self.claims if claim.tunnel in messages]

    def fences(
        self,
        wanted: Mapping[str, Json | None],
        changes: Collection[Change],
        certificates: Certificates | None = None,
    ) -> Fences:
        """Return the fence before, during and after ``changes``, which make the entries ``wanted``, with
        ``certificates`` in place of ours.

        Raises:
            Refused: an entry cannot be translated.
        """
        return at_once(self.fences_in_pieces(wanted, changes, certificates))

    def fences_in_pieces(
        self,
        wanted: Mapping[str, Json | None],
        changes: Collection[Change],
        certificates: Certificates | None = None,
        *,
        mode: Mode | None = None,
        discretion: Discretion | None = None,
        around: Surroundings | None = None,
    ) -> Pieces[Fences]:
        """Return what ``fences`` returns, a tunnel at a time. Raises: as that. ``mode``: in place of ours;
        ``around``: what ``around`` returns of both, if that is known.

        Where it would depend on keys that are not to be told, no fence is in it, and identities move as if
        all keys were different: ``Fences.untold``.
        """
        around = around or self.around(certificates, mode)
        new: list[strangers.Held] = []
        for change in changes:
            yield
            tunnel = connections.tunnel_of(change.name) or ""
            entry = wanted.get(tunnel)
            if change.after is not None and entry is not None:
                found = self._translated(tunnel, entry, around, whatever=False)
                new.append((found.claim, change.after))
        old_claims = [
            claim for tunnel in wanted if tunnel in self.messages and (claim := self.claims.of(tunnel))
        ]
        new_claims = [claim for claim, _messages in new]
        unsure = None
        if discretion is not None:
            gone = {claim.tunnel for claim in old_claims} - {claim.tunnel for claim in new_claims}
            unsure = discretion.unsure(self._changed(new_claims, discretion) | gone)
        moved = yield from strangers.moved(old_claims, new_claims, unsure)
        moved_back = yield from strangers.moved(new_claims, old_claims, unsure)
        if not self._open and not any(claim.is_open for claim in new_claims):
            return Fences(moved=moved, moved_back=moved_back)
        moving = reloaded(changes, [*old_claims, *new_claims])
        parts = {claim.tunnel: strangers.part(claim, messages) for claim, messages in new}
        is_same = all(self._part(tunnel) == parts.get(tunnel) for tunnel in wanted)
        if discretion is not None:
            # Whatever the keys are: also what is only put back, or taken out, is there where they differ.
            concerned = bool(moving or not is_same or self._changed(new_claims, discretion))
            if concerned and (yield from self._is_any_hidden(new_claims, discretion)):
                return Fences(moved=moved, moved_back=moved_back, untold=True)
        if is_same:
            same = yield from self._fence_in_pieces()
            return Fences(before=same, during=same, after=same, reloaded=moving)
        held = self._held()
        kept = [one for one in held if one[0].tunnel not in wanted]
        before = yield from self._fence_in_pieces()
        during = yield from strangers.fence_in_pieces([*held, *new], alone=self._alone)
        after = yield from strangers.fence_in_pieces([*kept, *new], alone=self._alone)
        return Fences(
            before=before,
            during=replace(during, barriers={**before.barriers, **during.barriers, **after.barriers}),
            after=after,
            moved=moved,
            moved_back=moved_back,
            reloaded=moving,
        )

    def refusals(
        self,
        changes: Sequence[tuple[str, Json | None]],
        certificates: Certificates | None = None,
        mode: Mode | None = None,
        *,
        discretion: Discretion | None = None,
    ) -> list[Refusal]:
        """Return everything that stands against making ``changes`` (tunnel id, new entry) together, with
        ``certificates`` and ``mode`` in place of ours. Of keys that are not to be told it does not depend."""
        return at_once(self.refusals_in_pieces(changes, certificates, mode, discretion=discretion))

    def refusals_in_pieces(
        self,
        changes: Sequence[tuple[str, Json | None]],
        certificates: Certificates | None = None,
        mode: Mode | None = None,
        *,
        discretion: Discretion | None = None,
    ) -> Pieces[list[Refusal]]:
        """Return what ``refusals`` returns, a tunnel at a time."""
        around = self.around(certificates, mode)
        self._kept.only([tunnel for tunnel, _after in changes])
        found: list[Refusal] = []
        claims: list[Claim] = []
        traffic: list[Traffic | None] = []
        for tunnel, after in changes:
            yield
            if after is None:
                continue
            try:
                if not is_enabled(after):
                    # It is checked too, as far as it can be: it is there to be enabled.
                    connections.messages(tunnel, after, around.dormant)
                    continue
                translated = self._translated(tunnel, after, around, whatever=True)
                traffic.append(translated.traffic)
                claims.append(translated.claim)
                if self.available is not None:
                    found.extend(Refusal.of(tunnel, one) for one in not_loaded(after, self.available))
            except Refused as error:
                found.append(Refusal.of(tunnel, error))
        replaced = frozenset(tunnel for tunnel, _after in changes)
        unsure = self._unsure(claims, discretion)
        conflicts = yield from self.claims.conflicts_in_pieces(replaced, claims, unsure)
        carried = [one for one in traffic if one is not None]
        conflicts += yield from self.overlaps.conflicts_in_pieces(replaced, carried)
        barriers = yield from self._barriers(replaced, claims, unsure)
        if barriers > strangers.BARRIERS_MAX:
            conflicts.append(strangers.too_many(claims[0].tunnel, barriers))
        return found + [
            Refusal(tunnel=one.tunnel, leaf="", message=one.message, app_tag=one.app_tag, other=one.other)
            for one in conflicts
        ]

    def _barriers(
        self, replaced: frozenset[str], claims: Sequence[Claim], unsure: Unsure | None
    ) -> Pieces[int]:
        """Return how many barriers there would be with ``claims`` in place of those that are replaced."""
        if not claims or not (self._open - replaced or any(claim.is_open for claim in claims)):
            return 0
        kept = [claim for claim in self.claims if claim.tunnel not in replaced]
        return (yield from strangers.count_in_pieces([*kept, *claims], unsure))

    def _unsure(self, claims: Iterable[Claim], discretion: Discretion | None) -> Unsure | None:
        return None if discretion is None else discretion.unsure(self._changed(claims, discretion))

    def _changed(self, claims: Iterable[Claim], discretion: Discretion) -> set[str]:
        return {c.tunnel for c in claims if c.tunnel in discretion.blind or not self.claims.holds(c)}

    def _is_any_hidden(self, claims: Iterable[Claim], discretion: Discretion) -> Pieces[bool]:
        """Return whether a secret is not for the eyes of who asks, of ``claims`` or of what is in force."""
        for claim in (*claims, *self.claims):
            if claim.owner is not None and discretion.hides(claim.tunnel):
                return True
            yield
        return False
