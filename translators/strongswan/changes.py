"""Changes of the configuration, as they were planned: carried out, taken back.

What is desired changes only after charon has taken it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from agent.errors import BackendError, BackendInconsistent
from agent.translator import Json
from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciError
from translators.strongswan.pieces import Pieces, at_once
from translators.strongswan.pki.pki import Pki
from translators.strongswan.planning import AT_ONCE, StrongSwanPlan
from translators.strongswan.protection.keeping import Protection
from translators.strongswan.status.facts import Reason
from translators.strongswan.tasks import in_turns, to_the_end
from translators.strongswan.translation.certified import named_certificates
from translators.strongswan.translation.connections import connection_name
from translators.strongswan.translation.guards import ForAll, Guard
from translators.strongswan.translation.plan import Step
from translators.strongswan.upkeep.executor import execute
from translators.strongswan.upkeep.trust import CharonTrust
from translators.strongswan.upkeep.tunnels import LiveTunnels

log = logging.getLogger(__name__)

AT_A_TIME = 64
"""Tunnels that are told without a turn for others in between."""


class Changes:
    """Changes of tunnels and certificates. ``has_charon`` is False for an agent that runs without one."""

    def __init__(
        self,
        shared: Shared,
        *,
        live: LiveTunnels,
        pki: Pki,
        protection: Protection,
        trust: CharonTrust,
        has_charon: bool,
    ) -> None:
        self._shared = shared
        self._live = live
        self._pki = pki
        self._protection = protection
        self._trust = trust
        self._has_charon = has_charon

    async def apply(self, plan: StrongSwanPlan) -> None:
        """Make ``plan`` real.

        Raises:
            BackendError: charon refused a step; everything done before it has been undone.
        """
        async with self._shared.changing:
            await self._execute_protected(plan)

    async def undo(self, plan: StrongSwanPlan) -> None:
        """Reverse ``plan``, which was applied in full. Raises: as ``apply``."""
        back = await in_turns(plan.reversed_in_pieces(), rest_s=0)
        async with self._shared.changing:
            await self._execute_protected(back)

    async def _execute_protected(self, plan: StrongSwanPlan) -> None:
        for_all = plan.for_all[1]
        guards = await self._protection.wanted_in_turns(plan.after, for_all)
        async with self._protected(guards, for_all):
            await self._execute(plan)

    @asynccontextmanager
    async def _protected(self, guards: Mapping[str, Guard], for_all: ForAll) -> AsyncIterator[None]:
        """Have ``guards`` in force before what is done within; what they replace goes after it."""
        await self._protection.widen(guards)
        try:
            yield
        except BaseException:
            await asyncio.shield(self._protection.revert(guards))
            raise
        self._protection.guards.for_all = for_all
        if guards:
            await asyncio.shield(self._protection.settle(guards))

    async def _execute(self, plan: StrongSwanPlan) -> None:
        touched = plan.touched
        desired, session = self._shared.desired, self._shared.session
        before, revocation = plan.revocation
        if session is not None:
            await self._prepare_trust(session, plan)
        wanted: list[str] = []
        try:
            await self._tell_charon(plan.steps, touched, wanted)
        except BaseException:
            desired.revocation = before
            if session is not None:
                await asyncio.shield(self._restore_trust(session, plan))
            raise
        desired.revocation = revocation
        self._pki.put(plan.certificates.changed, plan.certificates.crls)
        pieces = self._put_in_pieces(plan.after, touched, wanted)
        if len(plan.after) <= AT_ONCE:
            at_once(pieces)
        else:
            # charon has it: what is desired must not stop half way.
            await to_the_end(in_turns(pieces, rest_s=0))
        if session is not None:
            await self._settle_trust(session, plan)

    def _put_in_pieces(
        self, entries: Mapping[str, Json | None], touched: Collection[str], wanted: Sequence[str]
    ) -> Pieces[None]:
        desired = self._shared.desired
        around, users_changed = desired.around(), False
        for tunnel, entry in entries.items():
            before = desired.entries.get(tunnel, {})
            users_changed |= named_certificates(before) != named_certificates(entry or {})
            met = desired.overlaps.of(tunnel)
            desired.put(tunnel, entry, around)
            for overlap in (*met, *desired.overlaps.of(tunnel)):
                self._live.changed(overlap.tunnel)  # it shows this one among those that it meets
            if entry is None:
                self._live.forget(tunnel)
            elif connection_name(tunnel) in touched:
                self._live.reconfigured(tunnel)
            else:
                self._live.revive(tunnel)
            yield
        desired.tidy()
        if users_changed:
            self._pki.users_changed()
        for name in wanted:
            # Not before: who looks after a tunnel that is not desired yet has it stay down.
            self._live.want(name)
            yield

    async def _prepare_trust(self, session: CharonSession, plan: StrongSwanPlan) -> None:
        """Before anything else: a connection must not be loaded that charon could not refuse a peer by."""
        before, after = plan.revocation
        try:
            if before != after and after.checks:
                self._shared.desired.revocation = after
                await self._trust.look(session)
            await self._trust.add(session, *plan.trust)
        except (ViciError, OSError) as error:
            self._shared.desired.revocation = before
            await asyncio.shield(self._restore_trust(session, plan))
            raise BackendError(str(error)) from error

    async def _restore_trust(self, session: CharonSession, plan: StrongSwanPlan) -> None:
        before, after = plan.revocation
        try:
            if before != after and after.checks:
                await self._trust.look(session)
            if plan.takes_trust:
                await self._trust.settle(session)
        except (ViciError, OSError) as error:
            log.error("charon could not be put back: %s", error)
            session.lost.set()

    async def _settle_trust(self, session: CharonSession, plan: StrongSwanPlan) -> None:
        before, after = plan.revocation
        try:
            if before != after and not after.checks:
                await self._trust.look(session)
            if plan.takes_trust:
                await self._trust.settle(session)
        except (ViciError, OSError) as error:
            # What was wanted is in force; what is too much goes when everything is sent anew.
            log.error("charon could not be made to forget what is not configured any more: %s", error)
            session.lost.set()

    async def _tell_charon(self, steps: Sequence[Step], touched: Collection[str], wanted: list[str]) -> None:
        """Have charon do ``steps``; ``wanted`` gets the name of each tunnel to be brought up after them."""
        supervisor, session = self._live.supervisor, self._shared.session
        watched = {name for name in touched if name in supervisor}
        if self._has_charon and steps and session is None:
            raise BackendError("there is no charon at the moment")
        try:
            for number, name in enumerate(touched, 1):
                supervisor.forget(name)
                if session is not None:  # else there is no SA that could end
                    self._live.ending([name], Reason.CONFIGURATION_CHANGED, "its configuration was changed")
                if not number % AT_A_TIME:
                    await asyncio.sleep(0)
            if session is not None:
                await execute(steps, session, initiate=wanted.append, silent=self._live.silent)
        except BaseException as error:
            for name in watched:
                supervisor.want(name)
            if isinstance(error, BackendInconsistent) and session is not None:
                session.lost.set()  # begin again: everything is sent anew
            raise
