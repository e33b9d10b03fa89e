"""What a commit would do, looked at and not done: the plan that it would carry out, and what lives now.

The plan is that of a commit, and so are the functions that say which SAs a step ends and what is initiated.
What is decided later, by what charon answers then, is told in words.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from agent.errors import OperationFailed, RpcError, RpcErrors
from agent.translator import EntryChange, Foresight, Reader, reads_all
from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciError
from translators.strongswan.outlook import Sas, View
from translators.strongswan.pieces import Pieces
from translators.strongswan.planning import (
    UNTOLD_ENTRY,
    Planning,
    StrongSwanPlan,
    keys_are_untold,
    untold_of,
)
from translators.strongswan.protection.keeping import Protection
from translators.strongswan.tasks import in_turns
from translators.strongswan.translation.connections import connection_name
from translators.strongswan.translation.guards import Guard
from translators.strongswan.upkeep.listing import ONE_BY_ONE_MAX, READ_LIMIT_S, listed
from translators.strongswan.upkeep.trust import CharonTrust
from translators.strongswan.upkeep.tunnels import LiveTunnels

log = logging.getLogger(__name__)

EACH_S = 0.001
"""A list of all SAs takes charon so much longer for each tunnel."""
TRIES = 2
AT_ONCE = 64
"""Guards are looked at so many at a time."""

MEANWHILE = "other changes were made while this was looked at: it may not be what a commit would do now"
WITHOUT_CHARON = "this agent runs without charon: none of the messages would be sent"
UNTOLD_KEYS = (
    "whether a secret differs is not told to whom may not read it: each that was written so is taken for "
    "another one than before"
)
UNKNOWN_WAY = (
    "whether charon has to be told what goes past the tunnels is known once it was reached: where it does "
    "not encrypt by itself, unload-conn and load-conn are sent for it before all else"
)
UNTOLD_FENCES = (
    "connections that keep the secrets of tunnels apart, for those that accept any identity, may come and "
    "go: which ones depends on secrets that you may not read"
)
FORGETTING = (
    "what charon holds of authorities and CRLs that are not configured any more is seen only after the other "
    "messages: if there is any, clear-creds is sent, and all secrets, private keys and CRLs once more"
)


class Foreseeing:
    """Looks ahead. ``has_charon`` is False for an agent that runs without one."""

    def __init__(
        self,
        shared: Shared,
        *,
        planning: Planning,
        live: LiveTunnels,
        protection: Protection,
        trust: CharonTrust,
        has_charon: bool,
    ) -> None:
        self._shared = shared
        self._planning = planning
        self._live = live
        self._protection = protection
        self._trust = trust
        self._has_charon = has_charon

    async def foresee(self, changes: Sequence[EntryChange], may_read: Reader = reads_all) -> Foresight:
        """Return what a commit of ``changes`` would do; see ``Translator.foresee``."""
        found = Foresight()
        for _ in range(TRIES):
            version = self._version()
            try:
                found = await self._look(changes, may_read)
            except Exception:
                # What comes between two pieces may be what neither of them expects.
                if self._version() == version:
                    raise
                log.info("what a commit would do is looked at once more", exc_info=True)
                found = Foresight()
            if self._version() == version:
                return found
        return replace(found, unknown=(*found.unknown, MEANWHILE))

    def _version(self) -> object:
        """Return what is another one once anything has changed that is looked at here."""
        desired = self._shared.desired
        return desired.version, desired.revocation, self._protection.guards.for_all

    async def _look(self, changes: Sequence[EntryChange], may_read: Reader) -> Foresight:
        untold = await in_turns(untold_of(changes, may_read))
        try:
            if errors := await in_turns(self._planning.check_in_pieces(changes, may_read)):
                return Foresight(refusals=errors)
            if untold is None:
                return Foresight(unknown=[UNTOLD_ENTRY])
            plan = await in_turns(self._planning.plan_in_pieces(changes, may_read))
        except RpcErrors as problem:
            return Foresight(refusals=problem.errors)
        guards = await in_turns(self._guards(plan)) if self._has_charon else {}
        session = self._shared.session
        sas = await self._sas(session, plan, guards)
        view = View(
            plan,
            guards={owner: guard for owner, guard in guards.items() if owner not in untold},
            sas=sas,
            untold=untold,
            plugins=self._shared.desired.plugins if session is None else session.plugins,
            live=self._live,
            protection=self._protection,
            trust=self._trust,
            touched=plan.touched,
        )
        messages = await in_turns(view.messages())
        keys = [UNTOLD_KEYS] if await in_turns(keys_are_untold(changes, may_read)) else []
        return Foresight(
            hindrances=self._hindrances(plan),
            messages=messages,
            outlooks=await in_turns(view.outlooks()),
            also=view.for_all(),
            unknown=[*self._unknown(plan, sas), *([UNKNOWN_WAY] if view.may_let_past else []), *keys],
        )

    def _guards(self, plan: StrongSwanPlan) -> Pieces[dict[str, Guard]]:
        for_all, guards = plan.for_all[1], self._protection.guards
        entries = list(self._protection.concerned(plan.after, for_all).items())
        self._protection.look_around()
        found: dict[str, Guard] = {}
        for begin in range(0, max(len(entries), 1), AT_ONCE):
            found |= guards.wanted(dict(entries[begin : begin + AT_ONCE]), for_all)
            yield
        of_gateway = found.pop("", None)
        return found if of_gateway is None else {**found, "": of_gateway}

    async def _sas(
        self, session: CharonSession | None, plan: StrongSwanPlan, guards: Mapping[str, Guard]
    ) -> Sas | None:
        """Return the IKE_SAs by connection of all that is told of, None if they are not known."""
        planned = [*(c.name for c in plan.changes), *(step.name for step in plan.steps)]
        names = list(dict.fromkeys([*planned, *(connection_name(owner) for owner in guards if owner)]))
        if session is None:
            return None if self._has_charon else {}
        more_s = EACH_S * len(self._shared.desired.entries) if len(names) > ONE_BY_ONE_MAX else 0.0
        try:
            async with asyncio.timeout(READ_LIMIT_S + more_s):
                return await listed(session, names)
        except (TimeoutError, ViciError):
            return None

    def _hindrances(self, plan: StrongSwanPlan) -> list[RpcError]:
        if not self._has_charon or self._shared.session is not None or not plan.asks_charon:
            return []
        return [OperationFailed(self._why_away, app_tag="daemon-unavailable")]

    @property
    def _why_away(self) -> str:
        return f"charon is not available: {self._shared.trouble or 'it was not reached yet'}"

    def _unknown(self, plan: StrongSwanPlan, sas: Sas | None) -> Iterator[str]:
        if not self._has_charon:
            yield WITHOUT_CHARON
        elif self._shared.session is None:
            yield f"{self._why_away}. What SAs there are is not known, nor which of them would end"
        elif sas is None:
            yield "charon does not answer: what SAs there are is not known, nor which of them would end"
        if self._has_charon and plan.takes_trust:
            yield FORGETTING
        if plan.untold:
            yield UNTOLD_FENCES
