"""What a change of the configuration means to charon: checked, planned, carried out, taken back.

What is desired changes only after charon has taken it.
"""

from __future__ import annotations

import asyncio
import logging
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
from agent.translator import EntryChange, Json, Keys, Reader, reads_all
from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciError
from translators.strongswan.model import (
    BYPASS_PATH,
    CERTIFICATES_PATH,
    CRLS_PATH,
    FETCH_PATH,
    LEAK_PROTECTION_PATH,
    LIST_PATH,
    REVOCATION_PATH,
    entry_path,
)
from translators.strongswan.options import Options
from translators.strongswan.pki.pki import Parsed, Pki
from translators.strongswan.protection.keeping import Protection
from translators.strongswan.status.facts import Reason
from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.certified import CANNOT_CHECK, has_certificate
from translators.strongswan.translation.connections import connection_name
from translators.strongswan.translation.desired import Discretion, Refusal, is_enabled
from translators.strongswan.translation.guards import ForAll, Guard, is_protected, with_bypass
from translators.strongswan.translation.plan import FENCING, Step, plan_steps
from translators.strongswan.translation.refusals import Refused
from translators.strongswan.translation.revocation import CHECKER, Mode, Revocation, Trust, differences
from translators.strongswan.upkeep.executor import execute
from translators.strongswan.upkeep.trust import CharonTrust
from translators.strongswan.upkeep.tunnels import LiveTunnels

log = logging.getLogger(__name__)

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
    trust: tuple[Trust, Trust] = (Trust(), Trust())
    revocation: tuple[Revocation, Revocation] = (Revocation(), Revocation())
    for_all: tuple[ForAll, ForAll] = (ForAll(), ForAll())
    """Of these three what is in force before and after."""

    def describe(self) -> Sequence[str]:
        """Return one line per step, free of secrets."""
        of_all = [f"for all tunnels: {self.for_all[1]}"] if self.for_all[0] != self.for_all[1] else []
        return [*of_all, *differences(*self.trust), *self._look(), *(str(step) for step in self.steps)]

    @property
    def asks_charon(self) -> bool:
        """Whether charon has to do anything for it."""
        return bool(self.steps) or self.takes_trust or self.revocation[0] != self.revocation[1]

    @property
    def takes_trust(self) -> bool:
        """Whether charon may be left with an authority or a CRL that it is not to have any more."""
        before, after = self.trust
        authorities = (
            one for one in self.certificates.before.values() if one is not None and one.is_authority
        )
        return before != after or any(authorities)

    def reversed(self) -> StrongSwanPlan:
        """Return the plan that takes this one back."""
        parsed = self.certificates
        back = replace(
            parsed,
            changed=parsed.before,
            before=parsed.changed,
            crls=parsed.crls_before,
            crls_before=parsed.crls,
        )
        return StrongSwanPlan(
            steps=self.reverse,
            reverse=self.steps,
            certificates=back,
            before=self.after,
            after=self.before,
            trust=self.trust[::-1],
            revocation=self.revocation[::-1],
            for_all=self.for_all[::-1],
        )

    def _look(self) -> list[str]:
        before, after = self.revocation
        return [] if before == after else [f"look for revoked certificates: {after.mode.value}"]


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
        trust: CharonTrust,
        has_charon: bool,
    ) -> None:
        self._options = options
        self._shared = shared
        self._live = live
        self._pki = pki
        self._protection = protection
        self._trust = trust
        self._has_charon = has_charon

    def check(self, changes: Sequence[EntryChange], may_read: Reader = reads_all) -> Sequence[RpcError]:
        """Return every reason why ``changes`` cannot be applied; see ``Translator.check``."""
        parsed, wanted, revocation = self._sorted(changes)
        if parsed.errors:
            return [*parsed.errors, *parsed.crl_errors]
        desired = self._shared.desired
        certificates = desired.with_certificates(parsed.changed)
        if errors := self._cannot_check(revocation, parsed, certificates):
            return [*parsed.crl_errors, *errors]
        refusals = desired.refusals(
            list(wanted.items()), certificates, revocation.mode, discretion=_discretion(changes, may_read)
        )
        return [
            *self._over_cap(wanted),
            *_too_many(self._for_all(changes)),
            *(_error(refusal) for refusal in refusals),
            *parsed.crl_errors,
        ]

    def _cannot_check(
        self, revocation: Revocation, parsed: Parsed, certificates: Mapping[str, Certificate]
    ) -> list[RpcError]:
        session = self._shared.session
        is_new = parsed.changed or revocation != self._shared.desired.revocation
        if session is None or not revocation.checks or not is_new:
            return []
        if CHECKER not in session.plugins:
            return [InvalidValue(CANNOT_CHECK, path=REVOCATION_PATH, app_tag="revocation-unavailable")]
        places = [name for name, one in certificates.items() if one.crl_uris or one.ocsp_uris]
        if places and revocation.fetch and not self._trust.may_fetch(session):
            message = (
                f"the authority '{places[0]}' has places to fetch from, and charon has no plugin that "
                "fetches: install curl (package libstrongswan-extra-plugins) and restart it, or set "
                "fetch/enabled to false"
            )
            return [InvalidValue(message, path=FETCH_PATH, app_tag="fetch-unavailable")]
        return []

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

    def _sorted(self, changes: Sequence[EntryChange]) -> tuple[Parsed, dict[str, Json | None], Revocation]:
        """Return what happens to certificates, to tunnels, also those whose certificates change, and to the
        looking for revoked ones."""
        by_path: dict[str, list[EntryChange]] = {}
        for change in changes:
            by_path.setdefault(change.list_path or LIST_PATH, []).append(change)
        parsed = self._pki.parse(by_path.get(CERTIFICATES_PATH, []), by_path.get(CRLS_PATH, []))
        desired = self._shared.desired
        revocation = desired.revocation.changed(
            *(by_path[path][0].after if path in by_path else None for path in (REVOCATION_PATH, FETCH_PATH))
        )
        wanted = {change.keys[0]: change.after for change in by_path.get(LIST_PATH, ())}
        users = {tunnel for name in parsed.changed for tunnel in desired.users(name)}
        if (revocation.mode is Mode.STRICT) is not (desired.revocation.mode is Mode.STRICT):
            users |= {tunnel for tunnel, entry in desired.entries.items() if has_certificate(entry)}
        for tunnel in sorted(users, key=int):
            wanted.setdefault(tunnel, dict(desired.entries[tunnel]))
        return parsed, wanted, revocation

    def to_work(self, changes: Sequence[EntryChange]) -> dict[Keys, Json]:
        """Return the enabled tunnels that ``changes`` touch, as they are afterwards."""
        _parsed, wanted, _revocation = self._sorted(changes)
        return {
            (tunnel,): entry for tunnel, entry in wanted.items() if entry is not None and is_enabled(entry)
        }

    def _for_all(self, changes: Sequence[EntryChange]) -> ForAll:
        """Return what is for all tunnels once ``changes`` are made."""
        return for_all_after(changes, self._protection.guards.for_all)

    def plan(self, changes: Sequence[EntryChange]) -> StrongSwanPlan:
        """Plan ``changes``; nothing is changed.

        Raises:
            RpcErrors: ``check`` found something.
        """
        if errors := self.check(changes):
            raise RpcErrors(errors)
        desired = self._shared.desired
        parsed, wanted, revocation = self._sorted(changes)
        certificates, crls = desired.with_certificates(parsed.changed), desired.with_crls(parsed.crls)
        before = {tunnel: desired.entries.get(tunnel) for tunnel in wanted}
        try:
            planned = [
                desired.change(tunnel, after, certificates, revocation.mode)
                for tunnel, after in wanted.items()
            ]
            fences = desired.fences(wanted, planned, certificates)
        except Refused as error:  # nothing of the automatic proposals is left with this charon
            raise RpcErrors([InvalidValue(error.message, app_tag=error.app_tag)]) from None
        return StrongSwanPlan(
            steps=plan_steps(planned, fences),
            reverse=plan_steps((change.reversed() for change in planned), fences.reversed()),
            certificates=parsed,
            before=before,  # type: ignore[arg-type]
            after=wanted,
            for_all=(self._protection.guards.for_all, self._for_all(changes)),
            trust=(
                desired.trust({}, desired.certificates, desired.crls),
                desired.trust(wanted, certificates, crls),
            ),
            revocation=(desired.revocation, revocation),
        )

    async def apply(self, plan: StrongSwanPlan) -> None:
        """Make ``plan`` real.

        Raises:
            BackendError: charon refused a step; everything done before it has been undone.
        """
        async with self._shared.changing:
            await self._execute_protected(plan)

    async def undo(self, plan: StrongSwanPlan) -> None:
        """Reverse ``plan``, which was applied in full. Raises: as ``apply``."""
        async with self._shared.changing:
            await self._execute_protected(plan.reversed())

    async def _execute_protected(self, plan: StrongSwanPlan) -> None:
        for_all = plan.for_all[1]
        guards = self._protection.wanted(plan.after, for_all)
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
        await asyncio.shield(self._protection.settle(guards))

    async def _execute(self, plan: StrongSwanPlan) -> None:
        touched = {step.name for step in plan.steps if step.phase not in FENCING}
        desired, session = self._shared.desired, self._shared.session
        before, revocation = plan.revocation
        if session is not None:
            await self._prepare_trust(session, plan)
        try:
            await self._tell_charon(plan.steps, touched)
        except BaseException:
            desired.revocation = before
            if session is not None:
                await asyncio.shield(self._restore_trust(session, plan))
            raise
        desired.revocation = revocation
        self._pki.put(plan.certificates.changed, plan.certificates.crls)
        self._put(plan.after, touched)
        if session is not None:
            await self._settle_trust(session, plan)

    def _put(self, entries: Mapping[str, Json | None], touched: set[str]) -> None:
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


def for_all_after(changes: Sequence[EntryChange], before: ForAll) -> ForAll:
    """Return what is for all tunnels once ``changes`` are made to what is."""
    found = before
    for change in changes:
        if change.list_path == LEAK_PROTECTION_PATH:
            found = replace(found, leak_protection=is_protected(change.after))
    networks = {c.keys[0]: c.after is not None for c in changes if c.list_path == BYPASS_PATH}
    return with_bypass(found, networks)


def _too_many(for_all: ForAll) -> list[RpcError]:
    if len(for_all.bypass) <= BYPASS_MAX:
        return []
    message = f"at most {BYPASS_MAX} networks can go into no tunnel: use fewer, larger ones"
    return [OperationFailed(message, path=BYPASS_PATH, app_tag="too-many-elements")]


def _error(refusal: Refusal) -> RpcError:
    path = entry_path(refusal.tunnel)
    where = f"{path}/{refusal.leaf}" if refusal.leaf else path
    error = InvalidValue(refusal.message, path=where, app_tag=refusal.app_tag)
    error.about = () if refusal.other is None else (entry_path(refusal.other),)
    return error


def _discretion(changes: Sequence[EntryChange], may_read: Reader) -> Discretion | None:
    """Return what who asks may not learn, None if he may read everything."""
    if may_read is reads_all:
        return None
    known: dict[str, bool] = {}

    def hides(tunnel: str) -> bool:
        if tunnel not in known:
            entry = entry_path(tunnel)
            known[tunnel] = not all(may_read(f"{entry}/{leaf}") for leaf in KEYS)
        return known[tunnel]

    return Discretion(hides, frozenset(c.keys[0] for c in changes if c.blind and is_tunnel(c)))


def is_tunnel(change: EntryChange) -> bool:
    """Return whether a tunnel is what changes."""
    return change.list_path in ("", LIST_PATH)


KEYS = ("secret", "ike/ppk/key")
"""What the messages about conflicts depend on and no message may tell."""
