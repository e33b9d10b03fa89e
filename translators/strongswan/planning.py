"""What a change of the configuration means to charon: refused, or planned. Nothing is changed.

A commit and a look at what it would do plan alike: the plan that is carried out is the one that is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agent.errors import InvalidValue, OperationFailed, RpcError, RpcErrors
from agent.translator import EntryChange, Json, Keys, Reader, reads_all
from translators.strongswan.charon.shared import Shared
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
from translators.strongswan.pieces import Pieces, at_once
from translators.strongswan.pki.pki import Parsed, Pki
from translators.strongswan.protection.keeping import Protection
from translators.strongswan.tasks import of_one_moment
from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.certified import CANNOT_CHECK, has_certificate
from translators.strongswan.translation.discretion import Discretion
from translators.strongswan.translation.guards import ForAll, is_protected, with_bypass
from translators.strongswan.translation.in_force import is_enabled
from translators.strongswan.translation.plan import (
    FENCING,
    NO_FENCES,
    Change,
    Fences,
    Step,
    steps_in_pieces,
)
from translators.strongswan.translation.refusals import Refusal, Refused
from translators.strongswan.translation.revocation import CHECKER, Mode, Revocation, Trust, differences
from translators.strongswan.upkeep.trust import CharonTrust

BYPASS_MAX = 256
AT_ONCE = 32
"""So few changes are planned without a turn for others in between: some milliseconds."""
UNTOLD_ENTRY = "somebody wrote what you may not read of it: nothing is told of what a commit would do"


@dataclass(frozen=True, slots=True)
class StrongSwanPlan:
    """Steps for charon, and the entries, certificates and what is for all tunnels, before and after."""

    steps: tuple[Step, ...]
    certificates: Parsed
    before: Mapping[str, Json | None] = field(repr=False)
    after: Mapping[str, Json | None] = field(repr=False)
    trust: tuple[Trust, Trust] = (Trust(), Trust())
    revocation: tuple[Revocation, Revocation] = (Revocation(), Revocation())
    for_all: tuple[ForAll, ForAll] = (ForAll(), ForAll())
    """Of these three what is in force before and after."""
    changes: tuple[Change, ...] = field(default=(), repr=False)
    """Of tunnels: what charon holds for each, and what it is to hold."""
    fences: Fences = field(default=NO_FENCES, repr=False)
    same_guards: bool = False
    """It is known that what protects tunnels stays as it is."""

    def describe(self) -> Sequence[str]:
        """Return one line per step, free of secrets."""
        of_all = [f"for all tunnels: {self.for_all[1]}"] if self.for_all[0] != self.for_all[1] else []
        return [*of_all, *differences(*self.trust), *self._look(), *(str(step) for step in self.steps)]

    @property
    def touched(self) -> frozenset[str]:
        """The connections of the tunnels that become others for charon."""
        return frozenset(step.name for step in self.steps if step.phase not in FENCING)

    @property
    def asks_charon(self) -> bool:
        """Whether charon has to do anything for it."""
        return bool(self.steps) or self.takes_trust or self.revocation[0] != self.revocation[1]

    @property
    def stays_inside(self) -> bool:
        """Whether nobody but this process is told of it, as of another description."""
        told = (*self.certificates.changed, *self.certificates.crls)
        return self.same_guards and not told and not self.asks_charon and self.for_all[0] == self.for_all[1]

    @property
    def takes_trust(self) -> bool:
        """Whether charon may be left with an authority or a CRL that it is not to have any more."""
        before, after = self.trust
        authorities = (
            one for one in self.certificates.before.values() if one is not None and one.is_authority
        )
        return before != after or any(authorities)

    def reversed_in_pieces(self) -> Pieces[StrongSwanPlan]:
        """Return the plan that takes this one back, a tunnel at a time."""
        parsed = self.certificates
        back = replace(
            parsed,
            changed=parsed.before,
            before=parsed.changed,
            crls=parsed.crls_before,
            crls_before=parsed.crls,
        )
        changes = tuple(change.reversed() for change in self.changes)
        fences = self.fences.reversed()
        steps = yield from steps_in_pieces(changes, fences)
        return StrongSwanPlan(
            steps=steps,
            certificates=back,
            before=self.after,
            after=self.before,
            trust=self.trust[::-1],
            revocation=self.revocation[::-1],
            for_all=self.for_all[::-1],
            changes=changes,
            fences=fences,
        )

    def _look(self) -> list[str]:
        before, after = self.revocation
        return [] if before == after else [f"look for revoked certificates: {after.mode.value}"]


class Planning:
    """Looks at changes of tunnels and certificates, and plans them."""

    def __init__(
        self, options: Options, shared: Shared, *, pki: Pki, protection: Protection, trust: CharonTrust
    ) -> None:
        self._options = options
        self._shared = shared
        self._pki = pki
        self._protection = protection
        self._trust = trust

    def check(self, changes: Sequence[EntryChange], may_read: Reader = reads_all) -> Sequence[RpcError]:
        """Return every reason why ``changes`` cannot be applied; see ``Translator.check``."""
        return at_once(self.check_in_pieces(changes, may_read))

    def check_in_pieces(
        self, changes: Sequence[EntryChange], may_read: Reader = reads_all
    ) -> Pieces[Sequence[RpcError]]:
        """Return what ``check`` returns, a tunnel at a time."""
        parsed, wanted, revocation = self._sorted(changes)
        if parsed.errors:
            return [*parsed.errors, *parsed.crl_errors]
        desired = self._shared.desired
        certificates = desired.with_certificates(parsed.changed)
        if errors := self._cannot_check(revocation, parsed, certificates):
            return [*parsed.crl_errors, *errors]
        refusals = yield from desired.refusals_in_pieces(
            list(wanted.items()), certificates, revocation.mode, discretion=discretion_of(changes, may_read)
        )
        return [
            *self._over_cap(wanted),
            *_too_many(self.for_all(changes)),
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

    def for_all(self, changes: Sequence[EntryChange]) -> ForAll:
        """Return what is for all tunnels once ``changes`` are made."""
        return for_all_after(changes, self._protection.guards.for_all)

    async def plan_in_turns(self, changes: Sequence[EntryChange]) -> StrongSwanPlan:
        """Plan ``changes``, while the event loop goes on; nothing is changed. Raises: as ``plan``."""
        if len(changes) <= AT_ONCE:
            return self.plan(changes)
        return await of_one_moment(lambda: self._checked_plan_in_pieces(changes), self._moment)

    async def check_in_turns(
        self, changes: Sequence[EntryChange], may_read: Reader = reads_all
    ) -> Sequence[RpcError]:
        """Return what ``check`` returns, while the event loop goes on."""
        return await of_one_moment(lambda: self.check_in_pieces(changes, may_read), self._moment)

    def _moment(self) -> object:
        return self._shared.desired.version

    def plan(self, changes: Sequence[EntryChange]) -> StrongSwanPlan:
        """Plan ``changes``; nothing is changed.

        Raises:
            RpcErrors: ``check`` found something.
        """
        return at_once(self._checked_plan_in_pieces(changes))

    def _checked_plan_in_pieces(self, changes: Sequence[EntryChange]) -> Pieces[StrongSwanPlan]:
        if errors := (yield from self.check_in_pieces(changes)):
            raise RpcErrors(errors, all_known=True)
        return (yield from self.plan_in_pieces(changes))

    def plan_in_pieces(
        self, changes: Sequence[EntryChange], may_read: Reader = reads_all
    ) -> Pieces[StrongSwanPlan]:
        """Plan ``changes``, in which ``check`` found nothing, a tunnel at a time.

        For who may not read all keys the plan depends on none that he wrote himself: it is as if such a key
        had been another before. It is one to be looked at only.

        Raises:
            RpcErrors: nothing of the automatic proposals is left with this charon.
        """
        desired, discretion = self._shared.desired, discretion_of(changes, may_read)
        parsed, wanted, revocation = self._sorted(changes)
        certificates, crls = desired.with_certificates(parsed.changed), desired.with_crls(parsed.crls)
        before = {tunnel: desired.entries.get(tunnel) for tunnel in wanted}
        planned: list[Change] = []
        around = desired.around(certificates, revocation.mode)
        try:
            for tunnel, after in wanted.items():
                change = desired.change(tunnel, after, around=around)
                untold = discretion is not None and tunnel in discretion.blind and discretion.hides(tunnel)
                planned.append(change.with_other_secrets() if untold else change)
                yield
            fences = yield from desired.fences_in_pieces(
                wanted, planned, certificates, mode=revocation.mode, discretion=discretion, around=around
            )
        except Refused as error:
            raise RpcErrors([InvalidValue(error.message, app_tag=error.app_tag)]) from None
        steps = yield from steps_in_pieces(planned, fences)
        for_all = self.for_all(changes)
        return StrongSwanPlan(
            steps=steps,
            certificates=parsed,
            before=before,  # type: ignore[arg-type]
            after=wanted,
            for_all=(self._protection.guards.for_all, for_all),
            trust=(
                desired.trust({}, desired.certificates, desired.crls),
                desired.trust(wanted, certificates, crls),
            ),
            revocation=(desired.revocation, revocation),
            changes=tuple(planned),
            fences=fences,
            same_guards=not steps and self._keeps_guards(wanted, for_all),
        )

    def _keeps_guards(self, wanted: Mapping[str, Json | None], for_all: ForAll) -> bool:
        # Where much changes nobody notices what it is known for, and to look would take as long again.
        if len(wanted) > AT_ONCE or for_all != self._protection.guards.for_all:
            return False
        return not self._protection.wanted(wanted, for_all)


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
    if refusal.other is not None:  # it tells of both
        error.about = (path, entry_path(refusal.other))
    elif not refusal.leaf:
        error.about = (path,)
    return error


def discretion_of(changes: Sequence[EntryChange], may_read: Reader) -> Discretion | None:
    """Return what who asks may not learn, None if he may read everything."""
    if may_read is reads_all:
        return None
    known: dict[str, bool] = {}

    def hides(tunnel: str) -> bool:
        if tunnel not in known:
            known[tunnel] = not _may_read_keys(entry_path(tunnel), may_read)
        return known[tunnel]

    return Discretion(hides, frozenset(c.keys[0] for c in changes if c.blind and is_tunnel(c)))


def is_tunnel(change: EntryChange) -> bool:
    """Return whether a tunnel is what changes."""
    return change.list_path in ("", LIST_PATH)


KEYS = ("secret", "ike/ppk/key")
"""What the messages about conflicts depend on and no message may tell."""


def untold_of(changes: Sequence[EntryChange], may_read: Reader) -> Pieces[frozenset[str] | None]:
    """Return the tunnels of which more than a key was written by somebody who may not read it, while who asks
    may not either; None if that is something else than a tunnel. A change at a time."""
    found: set[str] = set()
    for change in changes if may_read is not reads_all else ():
        yield
        if change.blind and _hides(change, may_read):
            if not is_tunnel(change):
                return None
            found.add(change.keys[0])
    return frozenset(found)


def _hides(change: EntryChange, may_read: Reader) -> bool:
    if not may_read(change.path):
        return True
    both = (entry for entry in (change.before, change.after) if entry is not None)
    leaves = {leaf for entry in both for leaf in _leaves(entry)}
    return any(leaf not in KEYS and not may_read(f"{change.path}/{leaf}") for leaf in leaves)


def _leaves(node: Mapping[str, object], above: str = "") -> Iterator[str]:
    for member, value in node.items():
        path = f"{above}{member}"
        yield path
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}/")
        elif isinstance(value, list):
            for entry in value:
                if isinstance(entry, Mapping) and entry:
                    key, text = next(iter(entry.items()))  # the keys of an entry come first
                    yield from _leaves(entry, f"{path}[{key}='{text}']/")


def keys_are_untold(changes: Sequence[EntryChange], may_read: Reader) -> Pieces[bool]:
    """Return whether a key was written by somebody who may not read it, while who asks may not either. A
    change at a time."""
    for change in changes if may_read is not reads_all else ():
        yield
        if change.blind and is_tunnel(change) and not _may_read_keys(change.path, may_read):
            return True
    return False


def _may_read_keys(entry: str, may_read: Reader) -> bool:
    return all(may_read(f"{entry}/{leaf}") for leaf in KEYS)
