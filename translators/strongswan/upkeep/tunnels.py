"""The live side of the tunnels: events come in, facts are kept, initiators are kept up.

Of YANG nothing but paths is known here. What is wanted is looked up in ``Desired``; events of names that
are not wanted tunnels of ours are ignored.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from agent.at_work import on_tunnel
from agent.translator import Notification
from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import Section
from translators.strongswan.diagnosis.capture import Capture
from translators.strongswan.model import DAEMON_ROOT, entry_path
from translators.strongswan.options import Options
from translators.strongswan.status import announcements, state, unnamed
from translators.strongswan.status import facts as transitions
from translators.strongswan.status.announcements import Drift
from translators.strongswan.status.events import Notice, is_child_refused
from translators.strongswan.status.facts import Facts, Reason
from translators.strongswan.status.ledger import Ledger, SaEvent
from translators.strongswan.status.state import Status
from translators.strongswan.status.unnamed import Unnamed
from translators.strongswan.translation.connections import connection_name, tunnel_of
from translators.strongswan.translation.guards import Connected
from translators.strongswan.translation.strangers import barred
from translators.strongswan.upkeep.announcer import Announcer
from translators.strongswan.upkeep.legacy import ForwardSecrecy
from translators.strongswan.upkeep.listing import by_name, sas_however_long, sas_of
from translators.strongswan.upkeep.local_addresses import LocalAddresses
from translators.strongswan.upkeep.negotiations import Negotiations
from translators.strongswan.upkeep.silence import SilentPeers
from translators.strongswan.upkeep.supervisor import Progress, Supervisor, initiations, progress
from translators.strongswan.upkeep.terminations import Terminations

log = logging.getLogger(__name__)


class LiveTunnels:
    """``state_changed`` hears the paths of state that may be another, ``networks_changed`` the networks that
    this machine is directly connected to; ``ours`` says whether the charon is our own, and so has the
    addresses that we have."""

    def __init__(
        self,
        options: Options,
        shared: Shared,
        *,
        notify: Callable[[Notification], None],
        state_changed: Callable[[Sequence[str]], None],
        networks_changed: Callable[[frozenset[Connected]], None],
        ours: bool,
    ) -> None:
        self._desired = desired = shared.desired
        self._shared = shared
        self._ours = ours
        self._state_changed = state_changed
        self._ledger = Ledger(
            lambda tunnel: tunnel in desired.entries,
            lambda address: unnamed.with_peer(desired.entries, address),
        )
        self._capture = Capture(options.capture)
        self._terminations = Terminations(shared)
        self.negotiations = Negotiations(lambda: asyncio.get_running_loop().time())
        self._on_other_log: Callable[[CharonSession, str], None] = lambda _session, _line: None
        self.announcer = Announcer(
            notify,
            look=self._statuses,
            facts=self.facts,
            clock=time.time,
            without_sas=lambda tunnel: self.status(tunnel, ()),
        )
        self._silent = SilentPeers(
            options if ours else Options(),  # an external charon has pauses that nobody tells; not those
            facts=self.facts,
            fail=self.fail,
            begin_anew=self._begin_sooner,
        )
        self._unnamed, self._forward_secrecy = Unnamed(), ForwardSecrecy(shared, self._ledger)
        self.addresses = LocalAddresses(
            desired,
            ours=ours,
            changed=self._on_addresses,
            networks_changed=networks_changed,
            state_changed=state_changed,
        )
        self.supervisor = Supervisor(
            options,
            look=self._look,
            initiate=self._initiate,
            peer_of=self._peer_of,
            changed=self._on_watched,
        )

    async def start(self, on_other_log: Callable[[CharonSession, str], None]) -> None:
        """Begin; ``on_other_log`` gets the lines of charon's log that are about no SA."""
        self._on_other_log = on_other_log
        self.announcer.start()
        await self.addresses.start()

    async def stop(self) -> None:
        """Stop. Safe to call twice."""
        self.supervisor.forget_all()
        self._silent.stop()
        await self._terminations.stop()
        await self.announcer.stop()
        await self.addresses.stop()
        self._capture.close()

    @property
    def is_captured(self) -> bool:
        """Whether what charon says is written down for a report of a defect."""
        return self._capture.is_kept

    def changed(self, tunnel: str) -> None:
        """Say that the state of ``tunnel`` may be another."""
        self._state_changed([f"{entry_path(tunnel)}/state"])

    def daemon_changed(self) -> None:
        """Say that the state of the daemon may be another, and so that of each tunnel."""
        self._state_changed([DAEMON_ROOT, *(f"{entry_path(t)}/state" for t in self._desired.entries)])

    # --- facts ---

    def facts(self, tunnel: str) -> Facts:
        """Return what events told about ``tunnel``."""
        return self._ledger.facts(tunnel)

    def _put(self, tunnel: str, facts: Facts) -> None:
        self._ledger.put(tunnel, facts)
        self._touch()

    def _touch(self) -> None:
        for tunnel in self._ledger.take_touched():
            self._look_again(tunnel)

    def _look_again(self, tunnel: str) -> None:
        self._silent.look(tunnel)
        self.announcer.touch(tunnel)
        self.changed(tunnel)

    def forget(self, tunnel: str) -> None:
        """Drop what was known of a tunnel that is gone."""
        self.negotiations.forget(tunnel)
        self._ledger.forget(tunnel)
        self._silent.forget(tunnel)
        self.announcer.forget(tunnel)
        self._forward_secrecy.forget(tunnel)

    def reconfigured(self, tunnel: str) -> None:
        """Drop what says nothing any more of a tunnel that has become another."""
        self.negotiations.break_off(tunnel)
        self._forward_secrecy.forget(tunnel)
        if tunnel in self._ledger:
            self._put(tunnel, transitions.reconfigured(self.facts(tunnel)))

    def revive(self, tunnel: str) -> None:
        """Bring a tunnel up that was left down when its peer died or closed it, if it is configured
        otherwise by now."""
        messages = self._desired.messages.get(tunnel)
        entry = self._desired.entries.get(tunnel, {})
        if messages is not None and state.is_revived(entry, self.facts(tunnel)):
            self.want(messages.name)

    def negotiation_s(self, tunnel: str) -> float | None:
        """Return how long it took to bring the tunnel up when this gateway last began with the peer that is
        configured, None if that is not known."""
        return self.negotiations.took_s(tunnel, self._peer_of(connection_name(tunnel)))

    def _is_left_down(self, tunnel: str) -> bool:
        return state.is_left_down(self._desired.entries.get(tunnel, {}), self.facts(tunnel))

    def ending(self, names: Collection[str], reason: Reason, detail: str) -> None:
        """Note that we are about to end the SAs of these connections."""
        for name in names:
            if (tunnel := self._ledger.tunnel(name)) is not None:
                self.negotiations.break_off(tunnel)
                self._put(tunnel, transitions.caused(self.facts(tunnel), reason, detail, time.time()))

    def all_ending(self, detail: str) -> None:
        """Note that charon is about to be ended, and takes leave of every peer."""
        self.ending([connection_name(t) for t in self._desired.entries], Reason.DAEMON_LOST, detail)

    def silent(self, name: str) -> bool:
        """Return whether the peer of the connection ``name`` is known not to answer."""
        tunnel = tunnel_of(name)
        return tunnel is not None and self.facts(tunnel).retransmitting

    def fail(self, tunnel: str, reason: Reason, detail: str) -> None:
        """Record why ``tunnel`` does not work."""
        self._put(tunnel, transitions.failed(self.facts(tunnel), reason, detail, time.time()))

    def repaired(self, tunnel: str, what: Drift, detail: str) -> None:
        """Record that charon holds the tunnel again as it is configured, and tell it."""
        if tunnel in self._desired.entries:
            self._put(tunnel, transitions.repaired(self.facts(tunnel), detail, time.time()))
        self.announcer.tell(announcements.drift_repaired(tunnel, what, detail))
        messages = self._desired.messages.get(tunnel)
        if messages is not None and messages.initiator:
            self.supervisor.want(messages.name)

    def found(self, session: CharonSession, sas: Sequence[Section]) -> None:
        """Learn what is up from all SAs of a charon that was running before us, or lost from sight."""
        listed, now = by_name(sas), time.time()
        self._capture.found(now, session.source.value)
        self._capture.sas(now, [connection_name(tunnel) for tunnel in self._desired.entries], listed)
        for tunnel in self._ledger.known():
            if tunnel not in self._desired.entries:
                self.forget(tunnel)
        for tunnel in self._ledger.on_found(self._desired.entries, listed, now):
            self.announcer.know(tunnel, self.status(tunnel, listed.get(connection_name(tunnel), [])))
        self._touch()

    def lost(self, detail: str) -> None:
        """Note that charon is gone, and every SA with it as far as one can see."""
        now = time.time()
        self.negotiations.break_off_all()
        self._capture.lost(now, detail)
        self._ledger.on_lost(detail, now)
        self._touch()

    # --- what charon says now ---

    async def sas(self, names: Sequence[str]) -> dict[str, list[Section]] | None:
        """Return the IKE_SAs by connection name; nothing while there is no charon, None if it hangs."""
        return await sas_of(self._shared.session, names)

    def status(self, tunnel: str, sas: Sequence[Section] | None) -> Status:
        """Return the status of a tunnel with these IKE_SAs, None if nobody knows which it has."""
        # One that is left down is watched until the next look alone.
        retrying = connection_name(tunnel) in self.supervisor and not self._is_left_down(tunnel)
        if sas is None:
            return state.believed(self.facts(tunnel), retrying)
        return state.status(sas, self.facts(tunnel), retrying, self.children(tunnel))

    def children(self, tunnel: str) -> Sequence[str]:
        """Return the names of the children that the tunnel is to have."""
        messages = self._desired.messages.get(tunnel)
        return () if messages is None else tuple(messages.children)

    async def _statuses(self, tunnels: Collection[str]) -> Mapping[str, Status] | None:
        there = [tunnel for tunnel in tunnels if tunnel in self._desired.entries]
        names = [connection_name(tunnel) for tunnel in there]
        if (sas := await sas_however_long(self._shared.session, names)) is None:
            return None
        self._capture.sas(time.time(), names, sas)
        # Again: one may have been deleted meanwhile.
        there = [tunnel for tunnel in there if tunnel in self._desired.entries]
        for name, of_name in sas.items():
            if (tunnel := self._ledger.tunnel(name)) is not None:
                self._terminations.end_surplus(tunnel, of_name)
        return {tunnel: self.status(tunnel, sas.get(connection_name(tunnel), [])) for tunnel in there}

    # --- events ---

    def on_event(self, session: CharonSession, event: str, message: Section) -> None:
        """Take one VICI event of ``session``."""
        now = time.time()
        self._capture.event(now, event, message)
        if event == "log":
            self._on_log(session, message, now)
        else:
            for found in self._ledger.on_event(event, message, now, hears_log=session.hears_log):
                self._on_sa(found)
        self._touch()

    def _on_log(self, session: CharonSession, message: Section, now: float) -> None:
        name, line = str(message.get("ikesa-name", "")), str(message.get("msg", ""))
        if name == unnamed.NAME:
            if (ends := self._unnamed.ends(message)) is not None:
                candidates = partial(unnamed.candidates, self._desired.entries, *ends)
                self._ledger.on_garbled(line, candidates, session.source, now)
        elif name:
            sa = str(message.get("ikesa-uniqueid", ""))
            self._ledger.on_log(name, line, session.source, now, sa=sa)
            if is_child_refused(line):
                self.supervisor.child_refused(name, sa)
            if (detail := self._desired.why_barred(name, line)) is not None:
                self.fail(barred(name) or "", Reason.IDENTITY_CONFLICT, detail)
        else:
            self._on_other_log(session, line)

    def on_notice(self, notice: Notice) -> None:
        """Take one record of error-notify."""
        now = time.time()
        self._capture.notice(now, notice)
        self._ledger.on_notice(notice, now)
        self._touch()

    def _on_sa(self, found: SaEvent) -> None:
        name = connection_name(found.tunnel)
        for rekeying in found.rekeyings:
            self.announcer.tell(announcements.rekeyed(found.tunnel, rekeying.ike, rekeying.spis))
        if found.up is None:
            return
        ike_sa = str(found.sa.get("uniqueid", ""))
        if not found.up:
            self.supervisor.went_down(name, ike_sa)
        elif found.event == "child-updown":
            names = [str(child.get("name")) for child in state.children(found.sa)]
            self.supervisor.children_up(name, ike_sa, names)
            self.negotiations.came_up(found.tunnel, found.sa, self.facts(found.tunnel).last_error)
            # Of several children the others may still be missing; the next look tells.
            if len(self.children(found.tunnel)) < 2:
                self.supervisor.went_up(name)
        else:
            if found.sa.get("initiator") != "yes":
                self.supervisor.peer_began(name, ike_sa)
            self._guard(found.tunnel, found.sa)

    def _guard(self, tunnel: str, sa: Mapping[str, object]) -> None:
        """End an IKE_SA at once that another tunnel's key has opened (see claims)."""
        other = self._desired.claims.opened_by_another(tunnel, str(sa.get("remote-id", "")))
        if other is not None:
            detail = self._terminations.end_opened_by_another(tunnel, sa, other)
            self.fail(tunnel, Reason.IDENTITY_CONFLICT, detail)

    def _on_watched(self, name: str) -> None:
        if (tunnel := self._ledger.tunnel(name)) is not None:
            self._look_again(tunnel)

    def _on_addresses(self, came: frozenset[str]) -> None:
        for tunnel, messages in self._desired.messages.items():
            address = self.addresses.of(tunnel)
            if address in came and messages.initiator and messages.name in self.supervisor:
                with on_tunnel(tunnel):
                    log.info("%s: its local address %s has come", messages.name, address)
                self._end_attempt(tunnel, self.supervisor.want)

    def _begin_sooner(self, tunnel: str) -> None:
        if connection_name(tunnel) in self.supervisor:
            self._end_attempt(tunnel, self.supervisor.hasten)

    def _end_attempt(self, tunnel: str, begin: Callable[[str], None]) -> None:
        """End the attempt that charon makes, which waits long for its turn, and have another begin."""

        def begin_another() -> None:
            # One that is held is wanted anew, with all others, once charon has been told everything.
            if self.supervisor.tries(name := connection_name(tunnel)):
                begin(name)

        self._terminations.end_attempt(tunnel, lambda: self.facts(tunnel).up, begin_another)

    # --- what the supervisor asks ---

    async def _look(self, name: str) -> Progress:
        session = self._shared.session_for("list-sas")
        sas = await session.list_sas(name)
        self.supervisor.finds(name, (str(sa.get("uniqueid")) for sa in sas))
        tunnel = tunnel_of(name) or ""
        if (found := progress(sas, self.children(tunnel))) is not Progress.DOWN:
            return found
        if tunnel in self._ledger:
            self._put(tunnel, transitions.not_renewed(self.facts(tunnel), time.time()))
        if tunnel not in self._desired.entries or self._is_left_down(tunnel):
            return Progress.TO_STAY_DOWN
        return Progress.NO_ADDRESS if self._address_is_missing(tunnel) else Progress.DOWN

    def _address_is_missing(self, tunnel: str) -> bool:
        if self.addresses.has_that_of(tunnel) is not False:
            return False
        detail = f"no interface has the local address {self.addresses.of(tunnel)}"
        self.fail(tunnel, Reason.LOCAL_ADDRESS_MISSING, detail)
        # An external charon may be in another network namespace, of which we do not see the addresses.
        return self._ours

    async def _initiate(self, name: str) -> None:
        session = self._shared.session_for("initiate")
        tunnel = tunnel_of(name) or ""
        await self._forward_secrecy.settle(session, tunnel)
        children = self.children(tunnel)
        sas = await session.list_sas(name) if len(children) > 1 else ()
        requests, error = initiations(name, children, sas), self.facts(tunnel).last_error
        wanted = [request["child"] for _command, request in requests]
        self.negotiations.begin(tunnel, self._peer_of(name), children=wanted, error=error)
        self.supervisor.asks(name, wanted)
        # The others are asked for also where one is refused, which charon may have been at already.
        if (refused := next(filter(None, await session.each(requests)), None)) is not None:
            raise refused

    def _peer_of(self, name: str) -> str:
        return str(self._desired.entries.get(tunnel_of(name) or "", {}).get("peer", ""))

    def want(self, name: str) -> None:
        """Have a tunnel brought up, also one whose dead peer had it left alone."""
        tunnel = tunnel_of(name) or ""
        if tunnel in self._ledger:
            self._put(tunnel, transitions.revived(self.facts(tunnel)))
        self.supervisor.want(name)

    def want_all(self) -> None:
        """Have every enabled initiator brought up that is not, and leave all others alone."""
        names = {messages.name for messages in self._desired.messages.values() if messages.initiator}
        self.supervisor.keep_only(names)
        for name in names:
            self.supervisor.want(name)
