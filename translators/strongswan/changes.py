"""What a change of the configuration means to charon: checked, planned, carried out, taken back.

What is desired changes only after charon has taken it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from agent.errors import (
    BackendError,
    BackendInconsistent,
    InvalidValue,
    OperationFailed,
    RpcError,
    RpcErrors,
)
from agent.translator import EntryChange, Json
from translators.strongswan.charon.shared import Shared
from translators.strongswan.model import (
    BYPASS_PATH,
    CERTIFICATES_PATH,
    LEAK_PROTECTION_PATH,
    LIST_PATH,
    entry_path,
)
from translators.strongswan.options import Options
from translators.strongswan.pki.pki import Parsed, Pki
from translators.strongswan.protection.keeping import Protection
from translators.strongswan.status.facts import Reason
from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.connections import connection_name
from translators.strongswan.translation.desired import Refusal
from translators.strongswan.translation.guards import ForAll, Guard, is_protected, with_bypass
from translators.strongswan.translation.plan import Step, plan_steps
from translators.strongswan.translation.refusals import Refused
from translators.strongswan.upkeep.executor import execute
from translators.strongswan.upkeep.tunnels import LiveTunnels

BYPASS_MAX = 256


@dataclass(frozen=True, slots=True)
class StrongSwanPlan:
    """Steps for charon, their reverse, and the entries, certificates and what is for all tunnels that are in
    force before and after."""

    steps: tuple[Step, ...]
    reverse: tuple[Step, ...]
    certificates: Parsed
    before: Mapping[str, Json | None] = field(repr=False)
    after: Mapping[str, Json | None] = field(repr=False)
    for_all: tuple[ForAll, ForAll] = (ForAll(), ForAll())

    def describe(self) -> Sequence[str]:
        """Return one line per step, free of secrets."""
        before, after = self.for_all
        changed = [] if before == after else [f"for all tunnels: {after}"]
        return [*changed, *(str(step) for step in self.steps)]


class Changes:
    """Changes of tunnels and certificates. ``has_charon`` is False for an agent that runs without one."""

    def __init__(
        self,
        options: Options,
        shared: Shared,
        *,
        live: LiveTunnels,
        pki: Pki,
        protection: Protection,
        has_charon: bool,
    ) -> None:
        self._options = options
        self._shared = shared
        self._live = live
        self._pki = pki
        self._protection = protection
        self._has_charon = has_charon

    def check(self, changes: Sequence[EntryChange]) -> Sequence[RpcError]:
        """Return every reason why ``changes`` cannot be applied."""
        parsed, wanted = self._sorted(changes)
        if parsed.errors:
            return parsed.errors
        desired = self._shared.desired
        refusals = desired.refusals(list(wanted.items()), desired.with_certificates(parsed.changed))
        return [
            *self._over_cap(wanted),
            *_too_many(self._for_all(changes)),
            *(_error(refusal) for refusal in refusals),
        ]

    def _over_cap(self, wanted: Mapping[str, Json | None]) -> list[RpcError]:
        cap, entries = self._options.max_tunnels, self._shared.desired.entries
        growth = sum((entry is not None) - (tunnel in entries) for tunnel, entry in wanted.items())
        count = len(entries) + growth
        # What was accepted before the setting was lowered may be changed and deleted.
        if cap is None or count <= cap or growth <= 0:
            return []
        message = (
            f"there would be {count} tunnels, and the setting max-tunnels permits {cap}: delete "
            f"{count - cap}, or raise it"
        )
        # RFC 7950 section 15.2 says this of a list with too many entries.
        return [OperationFailed(message, path=LIST_PATH, app_tag="too-many-elements")]

    def _sorted(self, changes: Sequence[EntryChange]) -> tuple[Parsed, dict[str, Json | None]]:
        """Return what happens to certificates, and to tunnels, also those whose certificates change."""
        parsed = self._pki.parse([change for change in changes if change.list_path == CERTIFICATES_PATH])
        wanted = {c.keys[0]: c.after for c in changes if c.list_path in ("", LIST_PATH)}
        for name in parsed.changed:
            for tunnel in self._shared.desired.users(name):
                wanted.setdefault(tunnel, dict(self._shared.desired.entries[tunnel]))
        return parsed, wanted

    def _for_all(self, changes: Sequence[EntryChange]) -> ForAll:
        """Return what is for all tunnels once ``changes`` are made."""
        found = self._protection.guards.for_all
        for change in changes:
            if change.list_path == LEAK_PROTECTION_PATH:
                found = replace(found, leak_protection=is_protected(change.after))
        networks = {c.keys[0]: c.after is not None for c in changes if c.list_path == BYPASS_PATH}
        return with_bypass(found, networks)

    def plan(self, changes: Sequence[EntryChange]) -> StrongSwanPlan:
        """Plan ``changes``; nothing is changed.

        Raises:
            RpcErrors: ``check`` found something.
        """
        if errors := self.check(changes):
            raise RpcErrors(errors)
        desired = self._shared.desired
        parsed, wanted = self._sorted(changes)
        certificates = desired.with_certificates(parsed.changed)
        try:
            planned = [desired.change(tunnel, after, certificates) for tunnel, after in wanted.items()]
        except Refused as error:  # nothing of the automatic proposals is left with this charon
            raise RpcErrors([InvalidValue(error.message, app_tag=error.app_tag)]) from None
        return StrongSwanPlan(
            steps=plan_steps(planned),
            reverse=plan_steps(change.reversed() for change in planned),
            certificates=parsed,
            before={tunnel: desired.entries.get(tunnel) for tunnel in wanted},  # type: ignore[misc]
            after=wanted,
            for_all=(self._protection.guards.for_all, self._for_all(changes)),
        )

    async def apply(self, plan: StrongSwanPlan) -> None:
        """Make ``plan`` real.

        Raises:
            BackendError: charon refused a step; everything done before it has been undone.
        """
        async with self._shared.changing:
            guards = self._guards(plan.after, plan.for_all[1])
            async with self._protected(guards, plan.for_all[1]):
                await self._execute(plan.steps, plan.after, plan.certificates.changed)

    async def undo(self, plan: StrongSwanPlan) -> None:
        """Reverse ``plan``, which was applied in full. Raises: as ``apply``."""
        async with self._shared.changing:
            guards = self._guards(plan.before, plan.for_all[0])
            async with self._protected(guards, plan.for_all[0]):
                await self._execute(plan.reverse, plan.before, plan.certificates.before)

    def _guards(self, entries: Mapping[str, Json | None], for_all: ForAll) -> Mapping[str, Guard]:
        if for_all != self._protection.guards.for_all:
            return self._protection.wanted({**self._shared.desired.entries, **entries}, for_all)
        return self._protection.wanted(entries, for_all)

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
        await self._protection.settle(guards)

    async def _execute(
        self,
        steps: Sequence[Step],
        entries: Mapping[str, Json | None],
        certificates: Mapping[str, Certificate | None],
    ) -> None:
        touched = {step.name for step in steps}
        await self._tell_charon(steps, touched)
        self._pki.put(certificates)
        desired = self._shared.desired
        for tunnel, entry in entries.items():
            met = desired.overlaps.of(tunnel)
            desired.put(tunnel, entry)
            for overlap in (*met, *desired.overlaps.of(tunnel)):
                self._live.changed(overlap.tunnel)  # it shows this one among those that it meets
            if entry is None:
                self._live.forget(tunnel)
            elif connection_name(tunnel) in touched:
                self._live.reconfigured(tunnel)
            else:
                self._live.revive(tunnel)

    async def _tell_charon(self, steps: Sequence[Step], touched: set[str]) -> None:
        supervisor, session = self._live.supervisor, self._shared.session
        watched = {name for name in touched if name in supervisor}
        if self._has_charon and steps and session is None:
            raise BackendError("there is no charon at the moment")
        for name in touched:
            supervisor.forget(name)
        self._live.ending(touched, Reason.CONFIGURATION_CHANGED, "its configuration was changed")
        try:
            if session is not None:
                await execute(steps, session, initiate=self._live.want, silent=self._live.silent)
        except BaseException as error:
            for name in watched:
                supervisor.want(name)
            if isinstance(error, BackendInconsistent) and session is not None:
                session.lost.set()  # begin again: everything is sent anew
            raise


def _too_many(for_all: ForAll) -> list[RpcError]:
    if len(for_all.bypass) <= BYPASS_MAX:
        return []
    message = f"at most {BYPASS_MAX} networks can go into no tunnel: use fewer, larger ones"
    return [OperationFailed(message, path=BYPASS_PATH, app_tag="too-many-elements")]


def _error(refusal: Refusal) -> RpcError:
    path = entry_path(refusal.tunnel)
    where = f"{path}/{refusal.leaf}" if refusal.leaf else path
    return InvalidValue(refusal.message, path=where, app_tag=refusal.app_tag)
