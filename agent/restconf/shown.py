"""What of the configuration a user is shown, in a few characters: they differ where that may differ."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from agent.nacm.access import Access
from agent.release import release
from agent.yang.schema import Schema

_KNOWN_MAX = 1000
_DIGEST_OCTETS = 6
_READ = "read"
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
_OF_RULES = ("user", "groups", "settings", "rules")
"""Of Access, whose other fields say what holds whatever the rules are."""


class Shown:
    """Digests of rules, for this schema and this program; and since when each user is shown that.

    Who may read everything has the same one after a restart. Those of rules are made with a key of this
    process: else who may not read the rules about him could try which they are.

    Args:
        now: the time of day.
    """

    def __init__(self, schema: Schema, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._key = secrets.token_bytes(16)
        modules = sorted((one.name, one.revision, one.implemented, one.features) for one in schema.modules)
        self._always = f"{modules} {release()}"
        self._known: dict[int, tuple[Access, str]] = {}  # by the id of the first, which it keeps alive
        self._since: dict[tuple[str, bool], tuple[str, datetime]] = {}

    def to(self, access: Access) -> str:
        """Return what a user with these rights is shown, as letters and digits."""
        known = self._known.get(id(access))
        if known is not None:
            return known[1]
        found = self._digest(access)
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[id(access)] = access, found
        return found

    def since(self, access: Access) -> datetime:
        """Return from when on this user is known to be shown what he is shown now, in whole seconds.

        Groups of the system change, and browsers are shown less than programs: what he has of before may be
        of another view. What was before this process nobody knows; of who may read everything it is taken
        that he could before.
        """
        user, shown = (access.user, access.secrets), self.to(access)
        known = self._since.get(user)
        if known is not None and known[0] == shown:
            return known[1]
        if len(self._since) >= _KNOWN_MAX:
            self._since.clear()
        if known is None and access.everything([_READ]):
            since = _ALWAYS
        else:  # a time of this second may be of before
            since = self._now().replace(microsecond=0) + timedelta(seconds=1)
        self._since[user] = shown, since
        return since

    def _digest(self, access: Access) -> str:
        text, key = self._always, b""
        if not access.everything([_READ]):
            rules = [(r.permit, r.module, r.path) for r in access.rules if r.concerns_data(_READ)]
            further = [getattr(access, one.name) for one in fields(access) if one.name not in _OF_RULES]
            text, key = f"{text} {access.settings.read_default} {rules} {further}", self._key
        return blake2b(text.encode(), digest_size=_DIGEST_OCTETS, key=key).hexdigest()
