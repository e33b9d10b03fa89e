"""What charon is to hold: the entries in force, their messages, and what stands against a change. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain

from agent.tables import fitted
from translators.strongswan.model import Json
from translators.strongswan.pieces import Pieces, at_once
from translators.strongswan.translation import connections, revocation, strangers
from translators.strongswan.translation.alike import OneOfEach
from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.certified import named_certificates, trusted_by
from translators.strongswan.translation.claims import Claims, Unsure
from translators.strongswan.translation.connections import Messages, connection_name
from translators.strongswan.translation.credentials import Claim
from translators.strongswan.translation.discretion import Discretion
from translators.strongswan.translation.fields import not_loaded
from translators.strongswan.translation.kept import Kept, Surroundings, Translated, says_the_same
from translators.strongswan.translation.overlaps import Overlaps, Traffic
from translators.strongswan.translation.plan import Change, Fences, reloaded
from translators.strongswan.translation.proposals import Available
from translators.strongswan.translation.refusals import Refusal, Refused
from translators.strongswan.translation.revocation import Crl, Mode, Revocation, Trust
from translators.strongswan.translation.strangers import NO_FENCE, Fence


def is_enabled(entry: Json | None) -> bool:
    """Return whether charon is to hold anything for ``entry``."""
    return entry is not None and bool(entry.get("enabled", True))


Certificates = Mapping[str, Certificate]


class Desired:
    """Entries by tunnel id, certificates and CRLs by name. ``available`` is what the charon at hand can do,
    ``plugins`` those that it has loaded, None while unknown. ``keys`` returns the digests of the public keys
    of which we have the private half; ``alone`` says that charon holds no connections but ours."""

    def __init__(self, keys: Callable[[], Collection[bytes]] = frozenset, *, alone: bool = True) -> None:
        self.available: Available | None = None
        self._keys = keys
        self._alone = alone
        self.plugins: Collection[str] | None = None
        self.certificates: dict[str, Certificate] = {}
        self.crls: dict[str, Crl] = {}
        self.revocation = Revocation()
        self._users: dict[str, set[str]] = {}
        self.entries: dict[str, Json] = {}
        self.messages: dict[str, Messages] = {}
        self.claims = Claims()
        self.overlaps = Overlaps()
        self._kept, self._one_of_each = Kept(), OneOfEach()
        self._translations: dict[str, Translated] = {}
        self.refused: set[str] = set()
        """Enabled tunnels that the charon at hand does not hold, though they are committed."""
        self._open: set[str] = set()
        """Those whose claim is open: without one, nothing of a fence is to cost anything."""
        self._fence: Fence | None = NO_FENCE
        self.version = 0
        """Grows with each change, for whoever looks at it more than once."""

    def refuse(self, tunnel: str) -> None:
        """Note that the charon at hand holds nothing of ``tunnel``; it stays an entry, without messages."""
        self.version += 1
        self.messages.pop(tunnel, None)
        self._translations.pop(tunnel, None)
        self.overlaps.put(tunnel, None)
        self.refused.add(tunnel)
        self._fence = None

    def replace(self, entries: Mapping[str, Json]) -> list[Refusal]:
        """Begin anew with ``entries``; return those that this charon cannot be told.

        Such an entry was accepted before (by a charon with other plugins); it stays an entry, without
        messages.
        """
        return at_once(self.replace_in_pieces(entries))

    def replace_in_pieces(self, entries: Mapping[str, Json]) -> Pieces[list[Refusal]]:
        """Do what ``replace`` does, a tunnel at a time; until it is done all is as it was."""
        self.version += 1
        made = Desired(self._keys, alone=self._alone)
        made.available, made.plugins = self.available, self.plugins
        made.certificates, made.revocation = self.certificates, self.revocation
        made._kept, made._one_of_each = self._kept, self._one_of_each
        around, refused = made.around(), []
        for tunnel, entry in entries.items():
            yield
            try:
                made.put(tunnel, entry, around)
            except Refused as error:
                made.refused.add(tunnel)
                refused.append(Refusal.of(tunnel, error))
        self.version += 1
        self.entries, self.messages, self.refused = made.entries, made.messages, made.refused
        self.claims, self.overlaps, self._translations = made.claims, made.overlaps, made._translations
        self._users, self._open, self._fence = made._users, made._open, None
        return refused

    def adapt_in_pieces(self) -> Pieces[list[Refusal]]:
        """Have all entries translated for the charon at hand, as ``replace_in_pieces`` does with them; where
        that makes no difference to any, none is."""
        around = self.around()
        for tunnel, entry in list(self.entries.items()):
            yield
            if is_enabled(entry) and self._in_force(tunnel, entry, around, whatever=False) is None:
                return (yield from self.replace_in_pieces(self.entries))
        self.version += 1
        return []

    def expect_in_pieces(self, entries: Mapping[str, Json]) -> Pieces[None]:
        """Translate ``entries`` as far as it can be done now, a tunnel at a time, and keep that for whoever
        asks for the same; what is in force stays. Not those that name certificates, which come later."""
        around = self.around()
        for tunnel, entry in entries.items():
            yield
            if is_enabled(entry) and not named_certificates(entry):
                with suppress(Refused):  # it is told to who asks
                    self._kept.translated(tunnel, entry, around, whatever=False)

    def put(self, tunnel: str, entry: Json | None, around: Surroundings | None = None) -> None:
        """Set or (None) remove one entry. ``around``: what ``around`` returns now, for several in a row.

        Raises:
            Refused: it cannot be translated.
        """
        self.version += 1
        if entry is not None and self._in_force(tunnel, entry, around or self.around(), whatever=False):
            self.entries[tunnel] = self._one_of_each.entry(entry)
            self._kept.forget(tunnel)
            return
        part, fence = self._part(tunnel), self._fence
        self._fence = None
        self.messages.pop(tunnel, None)
        self._translations.pop(tunnel, None)
        self.claims.remove(tunnel)
        self._open.discard(tunnel)
        self.overlaps.put(tunnel, None)
        self.refused.discard(tunnel)
        for name in named_certificates(self.entries.pop(tunnel, {})):
            self._users[name].discard(tunnel)
        if entry is not None:
            self._add(tunnel, entry, around)
        self._kept.forget(tunnel)
        if self._part(tunnel) == part:
            self._fence = fence

    def tidy(self) -> None:
        """Take no more memory than what is left needs, after entries that have gone."""
        self.entries, self.messages = fitted(self.entries), fitted(self.messages)
        self._translations = fitted(self._translations)
        self.claims.tidy()
        self.overlaps.tidy()

    def _add(self, tunnel: str, entry: Json, around: Surroundings | None) -> None:
        self.entries[tunnel] = self._one_of_each.entry(entry)
        for name in named_certificates(entry):
            self._users.setdefault(name, set()).add(tunnel)
        if is_enabled(entry):
            around = around or self.around()
            try:
                found = self._kept.translated(tunnel, entry, around, whatever=False)
            except Refused:
                self._claim(Claim.of(tunnel, entry, around.full))
                raise
            self._claim(found.claim)
            self.messages[tunnel], self._translations[tunnel] = found.messages, found
            self.overlaps.put(tunnel, found.traffic)

    def _translated(self, tunnel: str, entry: Json, around: Surroundings, *, whatever: bool) -> Translated:
        """Return what ``Kept.translated`` does, nothing anew of what is in force. Raises: Refused."""
        found = self._in_force(tunnel, entry, around, whatever=whatever)
        return found or self._kept.translated(tunnel, entry, around, whatever=whatever)

    def _in_force(
        self, tunnel: str, entry: Json, around: Surroundings, *, whatever: bool
    ) -> Translated | None:
        """Return what is in force of ``tunnel`` if ``entry`` would become the same; else None."""
        found = self._translations.get(tunnel)
        if found is None or not says_the_same(self.entries[tunnel], entry):
            return None
        return found if around.would_give(found.around, entry, whatever=whatever) else None

    def _claim(self, claim: Claim) -> None:
        self.claims.add(claim)
        if claim.is_open:
            self._open.add(claim.tunnel)

    def _part(self, tunnel: str) -> object:
        return strangers.part(self.claims.of(tunnel), self.messages.get(tunnel))

    def around(self, certificates: Certificates | None = None, mode: Mode | None = None) -> Surroundings:
        """Return what decides messages, with ``certificates`` and ``mode`` in place of ours."""
        return self._kept.around(
            self.available,
            self.certificates if certificates is None else certificates,
            keys=self._keys(),
            revocation=self.revocation.mode if mode is None else mode,
            plugins=self.plugins,
        )

    def users(self, certificate: str) -> list[str]:
        """Return the tunnels that name ``certificate``."""
        return sorted(self._users.get(certificate, ()), key=int)

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
