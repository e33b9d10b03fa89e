"""The private keys of this gateway in charon: given, given again, taken back."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

from translators.strongswan.charon.session import CharonSession, try_request
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciError, ViciUnavailable
from translators.strongswan.pki.key_store import KeyStore, PrivateKey
from translators.strongswan.translation.around import value_at

log = logging.getLogger(__name__)


class CharonKeys:
    """Which keys of ``store`` charon has, by the handles that it gave them."""

    def __init__(self, store: KeyStore, shared: Shared) -> None:
        self._store = store
        self._shared = shared
        self._handles: dict[str, str] = {}
        self._deleted: set[str] = set()
        """Handles of keys that charon may still have."""

    async def load_all(self, session: CharonSession) -> None:
        """Give charon every key.

        Raises:
            ViciUnavailable: charon is lost.
        """
        self._handles = {}
        for key in self._store:
            try:
                await self.load(session, key)
            except ViciUnavailable:
                raise
            except ViciError as error:
                log.error("charon refused the private key '%s': %s", key.name, error.reason)
        for handle in sorted(self._deleted):
            await try_request(session, "unload-key", {"id": handle})
        self._deleted.clear()

    async def give_missing(self, session: CharonSession) -> list[str]:
        """Give charon the keys again that somebody has unloaded; return the tunnels that need them.

        Raises:
            ViciError: charon refused it, or is lost.
        """
        if not self._handles:
            return []
        found = (await session.request("get-keys")).get("keys", [])
        needing: list[str] = []
        for key in self._store:
            if self._handles.get(key.name, "") not in ("", *found):
                log.warning("the private key '%s' was unloaded; it is loaded again", key.name)
                await self.load(session, key)
                needing += (tunnel for tunnel, _certificate in self.needing(key))
        return needing

    def again(self) -> list[tuple[str, Mapping[str, object]]]:
        """Return the requests by which a charon that has lost them gets the keys again that it had; it gives
        them the same handles."""
        had = (key for key in self._store if self._handles.get(key.name))
        return [("load-key", {"type": "any", "data": key.pem}) for key in had]

    async def load(self, session: CharonSession, key: PrivateKey) -> None:
        """Give charon one key.

        Raises:
            ViciError: charon refused it, or is lost.
        """
        reply = await session.request("load-key", {"type": "any", "data": key.pem})
        self._handles[key.name] = handle = str(reply.get("id", ""))
        self._deleted.discard(handle)

    async def take_back(self, key: PrivateKey) -> None:
        """Have charon forget a key that was deleted, now or when there is a charon again."""
        handle, session = self._handles.pop(key.name, ""), self._shared.session
        if not handle:
            return
        self._deleted.add(handle)
        if session is None:
            return
        try:
            await session.request("unload-key", {"id": handle})
            self._deleted.discard(handle)
        except ViciError as error:
            log.warning("charon keeps the private key '%s' for now: %s", key.name, error)

    def needing(self, key: PrivateKey) -> Iterator[tuple[str, str]]:
        """Yield each tunnel that needs ``key``, and for which of its certificates."""
        desired = self._shared.desired
        for name, certificate in desired.certificates.items():
            if certificate.key_digest == key.digest:
                users = (tunnel for tunnel in desired.users(name) if tunnel in desired.messages)
                for tunnel in users:
                    if value_at(desired.entries[tunnel], "certificate/own") == name:
                        yield tunnel, name
