"""The entries in force with what they were translated to, and what is kept of both. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from agent.tables import fitted
from translators.strongswan.model import Json
from translators.strongswan.pieces import Pieces, at_once
from translators.strongswan.translation import strangers
from translators.strongswan.translation.alike import OneOfEach
from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.certified import named_certificates
from translators.strongswan.translation.claims import Claims
from translators.strongswan.translation.connections import Messages
from translators.strongswan.translation.credentials import Claim
from translators.strongswan.translation.kept import Kept, Surroundings, Translated, says_the_same
from translators.strongswan.translation.overlaps import Overlaps
from translators.strongswan.translation.proposals import Available
from translators.strongswan.translation.refusals import Refusal, Refused
from translators.strongswan.translation.revocation import Crl, Mode, Revocation
from translators.strongswan.translation.strangers import NO_FENCE, Fence


def is_enabled(entry: Json | None) -> bool:
    """Return whether charon is to hold anything for ``entry``."""
    return entry is not None and bool(entry.get("enabled", True))


Certificates = Mapping[str, Certificate]


class InForce:
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
        made = InForce(self._keys, alone=self._alone)
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
