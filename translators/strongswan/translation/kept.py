"""Entries as they were translated last, so that all who look at a change translate it once. Pure.

A check, a plan, a look ahead and the carrying out of one change all ask for the same. What is kept is given
for an equal entry and with equal surroundings alone, so that it never is stale: other certificates, private
keys, algorithms or plugins are another ``Around``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from agent.tables import fitted
from translators.strongswan.model import Json
from translators.strongswan.translation import connections, identities, prefixes
from translators.strongswan.translation.around import Around
from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.certified import has_certificate
from translators.strongswan.translation.connections import Messages
from translators.strongswan.translation.credentials import Claim
from translators.strongswan.translation.fields import configured_proposals
from translators.strongswan.translation.overlaps import Traffic
from translators.strongswan.translation.proposals import Available, Phase
from translators.strongswan.translation.revocation import Mode

ENTRIES_MAX = 32768
AROUND_MAX = 4
MANY = 200
"""After so many translations what is kept of single texts goes, once no entry is looked at any more."""
PHASES = tuple(Phase)
FOR_PEOPLE = frozenset({"description"})
"""Members of an entry from which nothing is made."""


@dataclass(frozen=True, slots=True)
class Translated:
    """All that an enabled tunnel is to charon and to the other tunnels, and what that was made with."""

    messages: Messages
    claim: Claim
    traffic: Traffic | None
    around: Around = field(repr=False)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``full``: all that decides the messages of an entry; ``whatever``: the same whatever algorithms charon
    has; ``dormant``: what can be said of a tunnel that is not enabled."""

    full: Around
    whatever: Around
    dormant: Around

    @classmethod
    def of(cls, full: Around) -> Surroundings:
        """Return all three."""
        whatever = full if full.available is None else replace(full, available=None)
        return cls(full, whatever, dormant=replace(full, available=None, keys=None, plugins=None))

    def would_give(self, made_with: Around, entry: Json, *, whatever: bool) -> bool:
        """Return whether with these an entry that is said the same as ``entry`` is translated as it was with
        ``made_with``."""
        if made_with is (self.whatever if whatever else self.full):
            return True
        if _is_automatic(entry):
            return False
        # Proposals aside, only a tunnel with certificates depends on what is beside its entry.
        return made_with is self.whatever or not has_certificate(entry)


def says_the_same(one: Json, other: Json) -> bool:
    """Return whether two entries differ in nothing but what is for people."""
    return one is other or _said(one) == _said(other)


def _said(entry: Json) -> dict[str, object]:
    said = dict(entry)
    for name in FOR_PEOPLE:
        said.pop(name, None)
    return said


def _is_automatic(entry: Json) -> bool:
    return not all(configured_proposals(entry, phase) for phase in PHASES)


class Kept:
    """Translations of the entries of the changes that are looked at, and what they were made with."""

    def __init__(self) -> None:
        self._arounds: list[Surroundings] = []
        self._entries: dict[str, tuple[Json, Around, bool, Translated]] = {}
        self._made = 0

    def around(
        self,
        available: Available | None,
        certificates: Mapping[str, Certificate],
        *,
        keys: Collection[bytes],
        revocation: Mode,
        plugins: Collection[str] | None,
    ) -> Surroundings:
        """Return what is made of these; the same as before where they are equal."""
        # Copies: what is compared with later must not change with what it was made of.
        made = Around(
            None if available is None else dict(available),
            dict(certificates),
            keys=frozenset(keys),
            revocation=revocation,
            plugins=None if plugins is None else frozenset(plugins),
        )
        for known in self._arounds:
            if known.full == made:
                return known
        self._arounds = [Surroundings.of(made), *self._arounds[: AROUND_MAX - 1]]
        return self._arounds[0]

    def translated(self, tunnel: str, entry: Json, around: Surroundings, *, whatever: bool) -> Translated:
        """Return what ``entry`` is, translated with ``around``. ``whatever``: as if charon had all there is.

        Raises:
            Refused: it cannot be translated.
        """
        wanted = around.whatever if whatever else around.full
        if (known := self._entries.get(tunnel)) is not None:
            was, with_, is_automatic, found = known
            is_same = with_ is wanted or (not is_automatic and with_ is around.whatever)
            if is_same and (was is entry or was == entry):
                return found
        is_automatic = _is_automatic(entry)
        chosen = wanted if is_automatic else around.whatever
        messages = connections.messages(tunnel, entry, chosen)
        # In this order: the first reason against an entry is the one that is told.
        traffic = Traffic.of(tunnel, messages)
        found = Translated(messages, Claim.of(tunnel, entry, chosen), traffic, around=chosen)
        if len(self._entries) < ENTRIES_MAX:
            self._entries[tunnel] = entry, chosen, is_automatic, found
        self._made += 1
        return found

    def only(self, tunnels: Collection[str]) -> None:
        """Forget the translations of all but ``tunnels``, which are looked at now."""
        if not self._entries.keys() <= set(tunnels):
            self._entries = {one: self._entries[one] for one in tunnels if one in self._entries}

    def forget(self, tunnel: str) -> None:
        """Forget the translation of ``tunnel``, which is in force or gone."""
        self._entries.pop(tunnel, None)
        if self._made >= MANY and not self._entries:
            self._made = 0
            self._entries = fitted(self._entries)
            prefixes.forget_texts()
            identities.forget_texts()
