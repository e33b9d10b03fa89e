"""The live side of the tunnels: events come in, facts are kept, initiators are kept up.

Nothing here knows YANG. What is wanted is looked up in ``Desired``; events of names that are not wanted
tunnels of ours are ignored.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence

from translators.strongswan import events, state
from translators.strongswan.connections import connection_name, dpd_action, tunnel_of
from translators.strongswan.desired import Desired
from translators.strongswan.events import Facts, Notice, Reason
from translators.strongswan.options import Options
from translators.strongswan.session import CharonSession
from translators.strongswan.supervisor import Progress, Supervisor
from translators.strongswan.vici import Section, ViciError, ViciUnavailable

log = logging.getLogger(__name__)

NO_FACTS = Facts()


class LiveTunnels:
    """``session`` returns the session in use or None."""

    def __init__(
        self, options: Options, desired: Desired, session: Callable[[], CharonSession | None]
    ) -> None:
        self._desired = desired
        self._session = session
        self._facts: dict[str, Facts] = {}
        self._guards: set[asyncio.Task[None]] = set()
        self.supervisor = Supervisor(options, self._look, self._initiate, self._peer_of)

    def facts(self, tunnel: str) -> Facts:
        """Return what events told about ``tunnel``."""
        return self._facts.get(tunnel, NO_FACTS)

    def forget(self, tunnel: str) -> None:
        """Drop what was known of a tunnel that is gone or has become another."""
        self._facts.pop(tunnel, None)

    def silent(self, name: str) -> bool:
        """Return whether the peer of the connection ``name`` is known not to answer."""
        tunnel = tunnel_of(name)
        return tunnel is not None and self.facts(tunnel).retransmitting

    def fail(self, tunnel: str, reason: Reason, detail: str) -> None:
        """Record why ``tunnel`` does not work."""
        self._facts[tunnel] = events.with_error(self.facts(tunnel), reason, detail, time.time())

    def seed(self, sas: Sequence[Section]) -> None:
        """Learn what is up from all SAs of a charon that was running before us, or lost from sight."""
        by_name: dict[str, list[Section]] = {}
        for sa in sas:
            by_name.setdefault(str(sa["name"]), []).append(sa)
        now = time.time()
        for tunnel in list(self._facts):
            self._facts[tunnel] = events.reseeded(self._facts[tunnel], None, now)
        for name, of_name in by_name.items():
            wanted = self._wanted(name)
            if wanted is not None:
                child = state.installed_child(of_name)
                age_s = None if child is None else state.number(child.get("install-time"))
                self._facts[wanted] = events.reseeded(self.facts(wanted), age_s, now)

    # --- events ---

    def on_event(self, event: str, message: Section) -> None:
        """Take one VICI event."""
        if event == "log":
            tunnel = self._wanted(str(message.get("ikesa-name", "")))
            if tunnel is not None:
                text = str(message.get("msg", ""))
                session = self._session()
                liveness = session is not None and not session.notices
                self._facts[tunnel] = events.on_log(self.facts(tunnel), text, time.time(), liveness)
            return
        for name in events.names_in(message):
            tunnel = self._wanted(name)
            if tunnel is None:
                continue
            self._on_updown(event, tunnel, name, message)

    def on_notice(self, notice: Notice) -> None:
        """Take one record of error-notify."""
        tunnel = self._wanted(notice.name)
        if tunnel is not None:
            self._facts[tunnel] = events.on_notice(self.facts(tunnel), notice, time.time())

    def _wanted(self, name: str) -> str | None:
        tunnel = tunnel_of(name)
        return tunnel if tunnel is not None and tunnel in self._desired.entries else None

    def _on_updown(self, event: str, tunnel: str, name: str, message: Section) -> None:
        self._facts[tunnel] = events.on_updown(self.facts(tunnel), event, message, time.time())
        if message.get("up") != "yes":
            self.supervisor.went_down(name)
        elif event == "child-updown":
            self.supervisor.went_up(name)
        else:
            self._guard(tunnel, message[name])

    def _guard(self, tunnel: str, sa: object) -> None:
        """End an IKE_SA at once that another tunnel's key has opened (see credentials)."""
        remote_id = str(sa.get("remote-id", "")) if isinstance(sa, Mapping) else ""
        other = self._desired.claims.opened_by_another(tunnel, remote_id)
        session = self._session()
        if other is None or session is None or not isinstance(sa, Mapping):
            return
        log.warning(
            "tunnel %s: a peer came as '%s', the identity of tunnel %s; refused", tunnel, remote_id, other
        )
        detail = (
            f"a peer claimed the identity '{remote_id}', which is that of tunnel {other}; its SA was ended"
        )
        self.fail(tunnel, Reason.IDENTITY_CONFLICT, detail)
        task = asyncio.get_running_loop().create_task(_terminate(session, str(sa.get("uniqueid"))))
        self._guards.add(task)
        task.add_done_callback(self._guards.discard)

    # --- what the supervisor asks ---

    async def _look(self, name: str) -> Progress:
        session = self._session()
        if session is None:
            raise ViciUnavailable("list-sas", "there is no charon at the moment")
        sas = await session.list_sas(name)
        if state.installed_child(sas) is not None:
            return Progress.UP
        if state.is_under_way(sas):
            return Progress.UNDER_WAY
        tunnel = tunnel_of(name) or ""
        entry = self._desired.entries.get(tunnel)
        if entry is None or (self.facts(tunnel).gave_up and dpd_action(entry) != "restart"):
            return Progress.TO_STAY_DOWN
        return Progress.DOWN

    async def _initiate(self, name: str) -> None:
        session = self._session()
        if session is None:
            raise ViciUnavailable("initiate", "there is no charon at the moment")
        await session.request("initiate", {"ike": name, "child": name, "timeout": "-1", "init-limits": "no"})

    def _peer_of(self, name: str) -> str:
        return str(self._desired.entries.get(tunnel_of(name) or "", {}).get("peer", ""))

    def want(self, name: str) -> None:
        """Have a tunnel brought up, also one whose dead peer had it left alone."""
        tunnel = tunnel_of(name) or ""
        if tunnel in self._facts:
            self._facts[tunnel] = events.revived(self._facts[tunnel])
        self.supervisor.want(name)

    def want_all(self) -> None:
        """Have every enabled initiator brought up that is not."""
        for tunnel, messages in self._desired.messages.items():
            if messages.initiator:
                self.supervisor.want(connection_name(tunnel))


async def _terminate(session: CharonSession, unique_id: str) -> None:
    try:
        await session.request("terminate", {"ike-id": unique_id, "timeout": "-1", "force": "yes"})
    except ViciError as error:
        log.info("%s", error)
