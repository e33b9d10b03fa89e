"""What of the configuration a user is shown, in a few characters: they differ where that may differ."""

from __future__ import annotations

import secrets
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version

from agent.nacm.access import Access
from agent.yang.schema import Schema

_KNOWN_MAX = 1000
_DIGEST_OCTETS = 6
_READ = "read"


class Shown:
    """Digests of rules, for this schema and this program.

    Who may read everything has the same one after a restart. Those of rules are made with a key of this
    process: else who may not read the rules about him could try which they are.
    """

    def __init__(self, schema: Schema) -> None:
        self._key = secrets.token_bytes(16)
        modules = sorted((one.name, one.revision, one.implemented, one.features) for one in schema.modules)
        self._always = f"{modules} {_program()}"
        self._known: dict[str, tuple[Access, str]] = {}

    def to(self, access: Access) -> str:
        """Return what a user with these rights is shown, as letters and digits."""
        known = self._known.get(access.user)
        if known is not None and known[0] is access:
            return known[1]
        found = self._digest(access)
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[access.user] = access, found
        return found

    def _digest(self, access: Access) -> str:
        text, key = self._always, b""
        if not access.everything([_READ]):
            rules = [(r.permit, r.module, r.path) for r in access.rules if r.concerns_data(_READ)]
            text = f"{text} {access.free} {access.secrets} {access.settings.read_default} {rules}"
            key = self._key
        return blake2b(text.encode(), digest_size=_DIGEST_OCTETS, key=key).hexdigest()


def _program() -> str:
    try:
        return version("yangswan")
    except PackageNotFoundError:  # it runs from a checkout that is not installed
        return ""
