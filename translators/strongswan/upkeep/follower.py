"""Follows each charon from when it answers until it is lost: has it agree, hands on what it says."""

from __future__ import annotations

from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import Section
from translators.strongswan.diagnosis.logs import TunnelLogs
from translators.strongswan.diagnosis.packet_owners import PacketOwners
from translators.strongswan.pki.charon_keys import CharonKeys
from translators.strongswan.protection.keeping import Protection
from translators.strongswan.status import announcements
from translators.strongswan.status.events import Notice
from translators.strongswan.upkeep.reconcile import reconcile
from translators.strongswan.upkeep.trust import CharonTrust
from translators.strongswan.upkeep.tunnels import LiveTunnels


class Follower:
    """Fulfils ``keeper.Follower``."""

    def __init__(
        self,
        shared: Shared,
        *,
        live: LiveTunnels,
        keys: CharonKeys,
        trust: CharonTrust,
        logs: TunnelLogs,
        packet_owners: PacketOwners,
        protection: Protection,
    ) -> None:
        self._shared = shared
        self._live = live
        self._keys = keys
        self._trust = trust
        self._logs = logs
        self._packet_owners = packet_owners
        self._protection = protection

    async def agree(self, session: CharonSession) -> None:
        """Make the charon of ``session`` hold every private key, every bypass and what is desired."""
        async with self._shared.changing:
            await self._keys.load_all(session)
            await self._protection.agree(session)
            await reconcile(session, self._shared.desired, self._live, trust=self._trust)

    def is_log_watched(self) -> bool:
        """Return whether a log is shown or captured."""
        return self._logs.is_shown or self._live.is_captured

    def on_event(self, session: CharonSession, event: str, message: Section) -> None:
        """Hand on one VICI event."""
        self._logs.on_event(session, event, message)
        self._packet_owners.on_event(event, message)
        self._live.on_event(session, event, message)

    def on_notice(self, notice: Notice) -> None:
        """Hand on one record of error-notify."""
        self._live.on_notice(notice)

    def found(self, session: CharonSession) -> None:
        """Tell that there is a charon."""
        self._live.daemon_changed()
        self._live.announcer.tell_at_once(announcements.daemon_started(session.version))

    def hindered(self) -> None:
        """Have every tunnel say why it cannot come up."""
        self._live.daemon_changed()

    def lost(self, detail: str) -> None:
        """Tell that it is gone, and every SA with it."""
        self._packet_owners.lost()
        self._live.daemon_changed()
        self._live.announcer.tell_at_once(announcements.daemon_stopped(detail))
        self._live.lost(detail)
