"""State data on request: of tunnels, of the daemon, of certificates."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from agent.translator import Json, Keys
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import Section, ViciError
from translators.strongswan.model import CERTIFICATE_STATE_ROOT, DAEMON_ROOT, LIST_PATH
from translators.strongswan.options import Options
from translators.strongswan.pki.pki import Pki
from translators.strongswan.protection.keeping import Protection
from translators.strongswan.protection.ruleset import Count
from translators.strongswan.status import operational, working
from translators.strongswan.status.facts import Reason
from translators.strongswan.status.narrowing import narrowed
from translators.strongswan.status.operational import Applied
from translators.strongswan.translation import overlaps
from translators.strongswan.translation.connections import connection_name
from translators.strongswan.translation.fields import close_action, dpd_action
from translators.strongswan.translation.guards import Way
from translators.strongswan.translation.in_force import is_enabled
from translators.strongswan.translation.prefixes import written
from translators.strongswan.upkeep.listing import READ_LIMIT_S, listed, sas_however_long
from translators.strongswan.upkeep.trust import CharonTrust
from translators.strongswan.upkeep.tunnels import LiveTunnels

log = logging.getLogger(__name__)

AT_A_TIME = 64
"""Tunnels that are looked at without a pause."""
MEASURE_LIMIT_S = 5.0
"""Of the ten seconds for which Prometheus waits; ten thousand tunnels take some."""
MEASURED = ("description", "peer", "enabled")
"""What of the configuration of a tunnel is in metrics."""


class StateData:
    """``backend`` says who runs charon: "managed", "external" or "none"."""

    def __init__(
        self,
        options: Options,
        shared: Shared,
        *,
        live: LiveTunnels,
        pki: Pki,
        protection: Protection,
        trust: CharonTrust,
        backend: str,
    ) -> None:
        self._options = options
        self._shared = shared
        self._live = live
        self._pki = pki
        self._protection = protection
        self._trust = trust
        self._backend = backend

    async def of_entries(self, keys: Sequence[Keys]) -> Mapping[Keys, Json]:
        """Return the state of each tunnel in ``keys`` that exists."""
        entries = self._shared.desired.entries
        tunnels = [key for key in keys if key[0] in entries]
        sas = await self._live.sas([connection_name(key[0]) for key in tunnels])
        found: dict[Keys, Json] = {}
        now = time.time()
        for number, key in enumerate(tunnels, 1):
            tunnel = key[0]
            dropped = await self._protection.dropped(tunnel)
            if tunnel in self._shared.desired.entries:  # some may have gone meanwhile
                of_tunnel = None if sas is None else sas.get(connection_name(tunnel), [])
                state = self._of_tunnel(tunnel, of_tunnel, now)
                found[key] = state | self._of_protection(tunnel, dropped)
            if number % AT_A_TIME == 0:
                await asyncio.sleep(0)
        return found

    async def measured(self, of: str) -> Sequence[Json]:
        """Return what is measured of each tunnel (LIST_PATH), or of a root."""
        if of != LIST_PATH:
            return [await self.of_root(of)]
        entries = dict(self._shared.desired.entries)
        sas = await self._sas_or_none([connection_name(tunnel) for tunnel in entries])
        found = []
        for number, (tunnel, entry) in enumerate(entries.items(), 1):
            of_tunnel = None if sas is None else sas.get(connection_name(tunnel), [])
            named = {leaf: entry[leaf] for leaf in MEASURED if leaf in entry}
            found.append({"id": tunnel, **named, "state": self._measured(tunnel, of_tunnel)})
            if number % AT_A_TIME == 0:
                await asyncio.sleep(0)
        return found

    async def _sas_or_none(self, names: Sequence[str]) -> Mapping[str, Sequence[Section]] | None:
        """Return the IKE_SAs by connection name, None if nobody says which there are."""
        session = self._shared.session
        if session is None:
            return None
        try:
            async with asyncio.timeout(MEASURE_LIMIT_S):
                return await listed(session, names)
        except (TimeoutError, ViciError) as problem:
            log.info("no SAs for metrics: %s", problem or "charon does not answer")
            return None

    def _measured(self, tunnel: str, sas: Sequence[Section] | None) -> Json:
        found = operational.measured_state(
            sas or (),
            self._live.facts(tunnel),
            retrying=self._live.supervisor.attempts(connection_name(tunnel)) is not None,
            names=self._live.children(tunnel),
        )
        if sas is None:  # those that there were may still be there, and are not to be counted twice
            del found["child-sa"]
            found["status"] = self._live.status(tunnel, None).value
        return found

    def cannot_tell(self, entry: Json) -> str | None:
        """Return why nobody can say whether the tunnel ``entry`` works, None if ``not_working`` can."""
        if self._backend == "none":
            return "this agent runs without charon"
        return None if is_enabled(entry) else "it is not enabled"

    async def not_working(self, keys: Sequence[Keys]) -> Mapping[Keys, str]:
        """Return those of the tunnels ``keys`` that do not work as they are configured, and why."""
        names = [connection_name(key[0]) for key in keys]
        # Who asks has time, and a long list takes some.
        sas = await sas_however_long(self._shared.session, names)
        found: dict[Keys, str] = {}
        for number, key in enumerate(keys):
            if number % AT_A_TIME == 0:
                await asyncio.sleep(0)  # others have their turn, however many there are
            if (why := self._not_working(key[0], sas)) is not None:
                found[key] = why
        return found

    def _not_working(self, tunnel: str, sas: Mapping[str, Sequence[Section]] | None) -> str | None:
        shared, facts = self._shared, self._live.facts(tunnel)
        messages = shared.desired.messages.get(tunnel)
        if messages is None:
            refused = facts.last_error.detail if facts.last_error is not None else "charon does not hold it"
            return refused if tunnel in shared.desired.refused else "it is not configured, or not enabled"
        if shared.session is None:
            trouble = shared.trouble or "there is no charon at the moment"
            return f"{Reason.DAEMON_UNAVAILABLE.value}: {trouble}"
        if sas is None:
            return f"{Reason.DAEMON_LOST.value}: charon was lost while it was asked"
        of_tunnel = sas.get(messages.name, [])
        return working.hindrance(messages, of_tunnel, facts, status=self._live.status(tunnel, of_tunnel))

    def _of_tunnel(self, tunnel: str, sas: Sequence[Section] | None, now: float) -> Json:
        found = operational.tunnel_state(
            sas or (),
            self._live.facts(tunnel),
            self._applied(tunnel),
            attempts=self._live.supervisor.attempts(connection_name(tunnel)),
            local_address_present=self._live.addresses.has_that_of(tunnel),
            now=now,
            names=self._live.children(tunnel),
        )
        if sas is None:
            found |= {"status": self._live.status(tunnel, None).value, "sas-unknown": [None]}
        shared = overlaps.shown(self._shared.desired.overlaps.of(tunnel))
        messages = self._shared.desired.messages.get(tunnel)
        found |= {} if messages is None else narrowed(messages.children, sas or ())
        limited = self._limitation(tunnel)
        found |= ({"overlap": shared} if shared else {}) | ({"limitation": limited} if limited else {})
        return found | self._hindrance(tunnel)

    def _hindrance(self, tunnel: str) -> Json:
        shared = self._shared
        if shared.session is not None or not shared.trouble or not is_enabled(shared.desired.entries[tunnel]):
            return {}
        return operational.hindrance(shared.trouble, shared.trouble_since)

    def _limitation(self, tunnel: str) -> str | None:
        session, entry = self._shared.session, self._shared.desired.entries[tunnel]
        if session is None or tunnel not in self._shared.desired.messages:
            return None
        actions = {"dpd/action": dpd_action(entry), "close-action": close_action(entry)}
        traps = [leaf for leaf, action in actions.items() if action == "trap"]
        return operational.limitation(traps, session.version, session.plugins)

    def _of_protection(self, tunnel: str, dropped: Mapping[Way, Count]) -> Json:
        guard = self._protection.guards.of(tunnel)
        if self._backend == "none" or not is_enabled(self._shared.desired.entries[tunnel]):
            return {}
        trouble = self._protection.trouble
        shown: Json = {"in-force": guard.unprotected is None and not trouble}
        if trouble and guard.drops:
            shown |= {"reason": "failed", "detail": trouble}
        elif guard.unprotected is not None:
            shown |= {"reason": guard.unprotected.value}
        for way, count in dropped.items():
            shown[f"dropped-packets-{way.value}"] = str(count.packets)
            shown[f"dropped-bytes-{way.value}"] = str(count.octets)
        covered = [written(network) for network in guard.covered]
        return {"leak-protection": shown} | ({"covered-network": covered} if covered else {})

    def _applied(self, tunnel: str) -> Applied:
        if self._backend == "none":
            return Applied.NOT_APPLIED
        if not is_enabled(self._shared.desired.entries[tunnel]):
            return Applied.DORMANT
        if tunnel in self._shared.desired.refused:
            return Applied.REFUSED
        return Applied.APPLIED if self._shared.session is not None else Applied.PENDING

    async def of_root(self, root: str) -> Json:
        """Return the content of DAEMON_ROOT or CERTIFICATE_STATE_ROOT, {} for any other."""
        if root == CERTIFICATE_STATE_ROOT:
            return {**self._pki.state(datetime.now(UTC)), **self._of_revocation()}
        return await self._of_daemon() if root == DAEMON_ROOT else {}

    def _of_revocation(self) -> Json:
        session, trust = self._shared.session, self._trust
        if session is None:
            return {}
        found: Json = {"checked": trust.checked(session), "fetching": trust.fetching(session)}
        return {"revocation": found | ({"kept": trust.kept} if trust.kept else {})}

    async def _of_daemon(self) -> Json:
        session, trouble = self._shared.session, self._shared.trouble
        stats: Section = {}
        if session is not None:
            try:
                async with asyncio.timeout(READ_LIMIT_S):
                    stats = await session.stats()
            except ViciError:
                session = None
            except TimeoutError:
                session, trouble = None, "charon does not answer"
        return operational.daemon_state(
            self._backend,
            version=session.version if session is not None else None,
            available=session.algorithms if session is not None else {},
            stats=stats,
            source=session.source if session is not None else None,
            trouble=trouble,
            options=self._options,
            now=time.time(),
        )
