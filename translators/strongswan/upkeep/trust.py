"""Makes charon hold the authorities and CRLs that are configured, and none that was taken away.

charon keeps the authorities that came with a connection, and every CRL that it was given, for as long as it
runs; there is no command to take one back. "clear-creds" takes all of them, and the secrets and private keys
too. So authorities are loaded by name as well, which "clear-creds" does not touch; and where something is
left that is not wanted, charon is told to forget everything and to take secrets and keys again, in one go: it
does what comes over one socket in order and at once. A moment is chosen in which nobody authenticates, and
packets of IKE do not come in meanwhile; who sent them sends them again.

A charon that is not ours may hold what others gave it, which must not be cleared, and so may ours: there what
is left is told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from translators.strongswan.charon.daemon import ManagedCharon
from translators.strongswan.charon.session import CharonSession, try_request
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciError, ViciUnavailable
from translators.strongswan.pki.charon_keys import CharonKeys
from translators.strongswan.protection.hush import hushed
from translators.strongswan.status.state import strings
from translators.strongswan.translation.connections import tunnel_of_secret
from translators.strongswan.translation.revocation import (
    AUTHORITY_PREFIX,
    CHECKER,
    FETCHERS,
    Trust,
    additions,
    load_crl,
    surplus,
)

log = logging.getLogger(__name__)

QUIET_LIMIT_S = 2.0
HUSHED_LIMIT_S = 0.5
POLL_S = 0.02


class CharonTrust:
    """``daemon`` is None for an external charon; ``kept`` is what that was not made to forget, in words."""

    def __init__(self, shared: Shared, keys: CharonKeys, daemon: ManagedCharon | None) -> None:
        self._shared = shared
        self._keys = keys
        self._daemon = daemon
        self._loaded: dict[str, str] = {}
        """What we gave to this charon: words, by digest."""
        self._missed: frozenset[str] = frozenset()
        self.kept: list[str] = []

    @property
    def wanted(self) -> Trust:
        """What charon is to hold."""
        desired = self._shared.desired
        return desired.trust({}, desired.certificates, desired.crls)

    async def agree(self, session: CharonSession) -> None:
        """Have a new session's charon look for revoked certificates as configured, and hold what is wanted.

        Raises:
            ViciUnavailable: charon is lost.
        """
        self._loaded, self.kept = {}, []
        await self.look(session)
        wanted = self.wanted
        there = await self._authorities(session)
        for name, message in wanted.authorities.items():
            if name not in there:
                await _try(session, "load-authority", {name: message})
        for name, crl in wanted.crls.items():
            await _try(session, "load-cert", load_crl(crl), f"the CRL '{name}', which is committed")
        self._note(wanted)

    async def mend(self, session: CharonSession) -> None:
        """Give charon again what somebody has taken away from it.

        Raises:
            ViciUnavailable: charon is lost.
        """
        wanted = self.wanted
        if not wanted.authorities and not wanted.crls:
            return
        for name in wanted.authorities.keys() - await self._authorities(session):
            log.warning("the authority %s was unloaded; it is loaded again", name)
            await _try(session, "load-authority", {name: wanted.authorities[name]})
        held = await session.held("X509_CRL") if wanted.crls else frozenset()
        missing = {crl.digest: name for name, crl in wanted.crls.items() if crl.digest not in held}
        for digest in missing.keys() - self._missed:
            log.warning("the CRL '%s' was unloaded; it is loaded again", missing[digest])
            await _try(session, "load-cert", load_crl(wanted.crls[missing[digest]]))
        # Once: if charon has a newer one from somebody else, it does not take ours.
        self._missed = frozenset(missing)

    async def settle(self, session: CharonSession) -> None:
        """Have charon forget what is not wanted; nothing that it holds is needed any more.

        Raises:
            ViciError: charon refused, or is lost.
        """
        wanted = self.wanted
        for name in surplus(await self._authorities(session), wanted):
            await try_request(session, "unload-authority", {"name": name})
        await self._forget(session, wanted)

    def forgets(self, wanted: Trust) -> bool:
        """Return whether charon is looked at for what it has to forget, once it was given ``wanted``."""
        return self.is_ours or bool(self._loaded or wanted.certificates or wanted.crls)

    @property
    def is_ours(self) -> bool:
        """Whether strongswan.conf is ours to write, and charon to be made to forget."""
        return self._daemon is not None

    async def look(self, session: CharonSession) -> None:
        """Have charon look for revoked certificates, or not, as is configured. An external charon does as its
        own strongswan.conf says.

        Raises:
            ViciError: charon refused, or is lost.
            OSError: strongswan.conf cannot be written.
        """
        if self._daemon is not None:
            self._daemon.write_config()
            await session.request("reload-settings")
        self._tell(session)

    def _tell(self, session: CharonSession) -> None:
        revocation = self._shared.desired.revocation
        if not revocation.checks:
            return
        if CHECKER not in session.plugins:
            log.warning("charon has not loaded the plugin revocation: no certificate is known to be revoked")
        elif revocation.fetch and (what := self.fetching(session)) != "enabled":
            hint = "restart it" if what == "restart-needed" else "install it (libstrongswan-extra-plugins)"
            log.warning("charon has not loaded the plugin curl and cannot fetch CRLs nor ask OCSP: %s", hint)
        elif not revocation.fetch and self.fetching(session) == "restart-needed":
            log.warning("charon was started when it might fetch CRLs, and may do so until it is restarted")

    def checked(self, session: CharonSession) -> bool:
        """Return whether charon looks at all."""
        ours = self._daemon is not None
        return CHECKER in session.plugins and (self._shared.desired.revocation.checks or not ours)

    def fetching(self, session: CharonSession) -> str:
        """Return whether charon can fetch, in the word of the model."""
        can, revocation = not FETCHERS.isdisjoint(session.plugins), self._shared.desired.revocation
        if self._daemon is None:
            return "enabled" if can else "no-plugin"
        if not revocation.checks:
            return "disabled"
        if can is revocation.fetch:
            return "enabled" if can else "disabled"
        return "restart-needed" if can or self._daemon.can_fetch else "no-plugin"

    def may_fetch(self, session: CharonSession) -> bool:
        """Return whether charon has a plugin that fetches, or gets one when it is restarted."""
        can_later = self._daemon is not None and self._daemon.can_fetch
        return can_later or not FETCHERS.isdisjoint(session.plugins)

    # --- changes ---

    async def add(self, session: CharonSession, before: Trust, after: Trust) -> None:
        """Give charon what is new in ``after``.

        Raises:
            ViciError: charon refused something; what it took of the rest stays until ``settle``.
        """
        for command, message in additions(before, after):
            await session.request(command, message)
        self._note(after)

    def _note(self, trust: Trust) -> None:
        self._loaded |= {digest: f"the authority {name}" for digest, name in trust.certificates.items()}
        self._loaded |= {crl.digest: f"a CRL of {crl.issuer}" for crl in trust.crls.values()}

    async def _authorities(self, session: CharonSession) -> set[str]:
        names = strings((await session.request("get-authorities")).get("authorities"))
        return {name for name in names if name.startswith(AUTHORITY_PREFIX)}

    async def _forget(self, session: CharonSession, wanted: Trust) -> None:
        if self._daemon is None and not self._loaded:
            return
        await session.request("flush-certs")  # what was fetched, or came from peers
        held = await session.held("X509", "CA") | await session.held("X509_CRL")
        # One that is configured may stay, though no enabled tunnel trusts it now: each tunnel names its own.
        configured = {one.digest for one in self._shared.desired.certificates.values()}
        too_much = held - configured - {crl.digest for crl in wanted.crls.values()}
        if not too_much or self._daemon is None or await _others_secrets(session):
            self.kept = sorted(words for digest, words in self._loaded.items() if digest in too_much)
            if self.kept:
                words = " and ".join(self.kept)
                log.warning("charon may hold what others gave it, and keeps until its restart: %s", words)
            return
        log.info("charon is made to forget authorities or CRLs that are not configured any more")
        await _until_quiet(session, QUIET_LIMIT_S)
        async with hushed() as is_hushed:
            if is_hushed:
                await _until_quiet(session, HUSHED_LIMIT_S)  # what came in just before
            await session.together([("clear-creds", {}), *self._all_again(wanted)])
        self.kept = []

    def _all_again(self, wanted: Trust) -> list[tuple[str, Mapping[str, object]]]:
        messages = self._shared.desired.messages.values()
        secrets = [("load-shared", secret) for one in messages for secret in one.secrets]
        crls = [("load-cert", load_crl(crl)) for crl in wanted.crls.values()]
        return [*secrets, *self._keys.again(), *crls]


async def _try(session: CharonSession, command: str, message: Mapping[str, object], what: str = "") -> None:
    try:
        await session.request(command, message)
    except ViciUnavailable:
        raise
    except ViciError as error:
        log.error("charon refused %s: %s", what or command, error.reason)


async def _others_secrets(session: CharonSession) -> bool:
    _connections, handles = await session.loaded()
    return any(tunnel_of_secret(handle) is None for handle in handles)


async def _until_quiet(session: CharonSession, limit_s: float) -> None:
    """Wait until no IKE_SA is being negotiated, but not for long: the peer of one may not answer."""
    try:
        async with asyncio.timeout(limit_s):
            while True:
                if all(sa.get("state") != "CONNECTING" for sa in await session.list_sas()):
                    return
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        pass
