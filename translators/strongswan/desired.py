"""What charon is to hold: the entries in force, their messages, and what stands against a change. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from translators.strongswan import connections, proposals
from translators.strongswan.connections import Messages, connection_name
from translators.strongswan.credentials import Claim, Claims
from translators.strongswan.plan import Change
from translators.strongswan.proposals import Available, Phase
from translators.strongswan.refusals import Refused

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why ``tunnel`` cannot be as asked; ``leaf`` is a path below its entry, empty for the entry."""

    tunnel: str
    leaf: str
    message: str
    app_tag: str


def is_enabled(entry: Json | None) -> bool:
    """Return whether charon is to hold anything for ``entry``."""
    return entry is not None and bool(entry.get("enabled", True))


class Desired:
    """Entries by tunnel id. ``available`` is what the charon at hand can do, None while unknown."""

    def __init__(self) -> None:
        self.available: Available | None = None
        self.entries: dict[str, Json] = {}
        self.messages: dict[str, Messages] = {}
        self.claims = Claims()
        self.refused: set[str] = set()
        """Enabled tunnels that the charon at hand does not hold, though they are committed."""

    def replace(self, entries: Mapping[str, Json]) -> list[Refusal]:
        """Begin anew with ``entries``; return those that this charon cannot be told.

        Such an entry was accepted before (by a charon with other plugins); it stays an entry, without
        messages.
        """
        self.entries, self.messages, self.claims, self.refused = dict(entries), {}, Claims(), set()
        refused = []
        for tunnel, entry in entries.items():
            try:
                self.put(tunnel, entry)
            except Refused as error:
                self.refused.add(tunnel)
                refused.append(Refusal(tunnel, error.leaf, error.message, error.app_tag))
        return refused

    def put(self, tunnel: str, entry: Json | None) -> None:
        """Set or (None) remove one entry.

        Raises:
            Refused: it cannot be translated.
        """
        self.messages.pop(tunnel, None)
        self.claims.remove(tunnel)
        self.refused.discard(tunnel)
        if entry is None:
            self.entries.pop(tunnel, None)
            return
        self.entries[tunnel] = entry
        if is_enabled(entry):
            self.claims.add(Claim.of(tunnel, entry))
            self.messages[tunnel] = connections.messages(tunnel, entry, self.available)

    def change(self, tunnel: str, after: Json | None) -> Change:
        """Return what a change to ``after`` means to charon.

        Raises:
            Refused: ``after`` cannot be translated.
        """
        wanted = after if after is not None and is_enabled(after) else None
        messages = connections.messages(tunnel, wanted, self.available) if wanted is not None else None
        return Change(connection_name(tunnel), self.messages.get(tunnel), messages)

    def refusals(self, changes: Sequence[tuple[str, Json | None]]) -> list[Refusal]:
        """Return everything that stands against making ``changes`` (tunnel id, new entry) together."""
        found: list[Refusal] = []
        claims: list[Claim] = []
        for tunnel, after in changes:
            if after is None:
                continue
            try:
                # A dormant tunnel is checked too, as far as it can be: it is there to be enabled.
                connections.messages(tunnel, after, None)
                if is_enabled(after):
                    claims.append(Claim.of(tunnel, after))
                    found.extend(self._not_loaded(tunnel, after))
            except Refused as error:
                found.append(Refusal(tunnel, error.leaf, error.message, error.app_tag))
        replaced = frozenset(tunnel for tunnel, _after in changes)
        for conflict in self.claims.conflicts(replaced, claims):
            found.append(Refusal(conflict.tunnel, "", conflict.message, conflict.app_tag))
        return found

    def _not_loaded(self, tunnel: str, entry: Json) -> Iterable[Refusal]:
        if self.available is None:
            return
        for phase in Phase:
            configured = _proposals(entry, phase)
            for proposal in configured:
                for refused in proposals.missing(phase, proposal, self.available):
                    yield Refusal(tunnel, refused.leaf, refused.message, refused.app_tag)
            if not configured:
                proposals.auto(phase, self.available)


def _proposals(entry: Json, phase: Phase) -> Sequence[Json]:
    node = entry.get(phase.value)
    configured = node.get("proposal", ()) if isinstance(node, Mapping) else ()
    return configured if isinstance(configured, Sequence) else ()
