"""What a plan would send to charon, and what of the SAs that live it would end.

``messages`` come first: they note what ends. Initiating and forgetting begin at one time, in any order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agent.translator import SECRET, Effect, KnownFrom, Live, Message, Outlook
from translators.strongswan.charon.vici import Section
from translators.strongswan.model import CERTIFICATES_PATH, CRLS_PATH, entry_path
from translators.strongswan.pieces import Pieces
from translators.strongswan.planning import UNTOLD_ENTRY, StrongSwanPlan
from translators.strongswan.protection import shunts
from translators.strongswan.protection.keeping import Protection
from translators.strongswan.status import state
from translators.strongswan.translation.certified import named_certificates
from translators.strongswan.translation.connections import connection_name, tunnel_of
from translators.strongswan.translation.guards import Guard, Match, Way
from translators.strongswan.translation.plan import FENCING, Change, Phase, Step
from translators.strongswan.translation.prefixes import Pair
from translators.strongswan.translation.revocation import additions, authority_of, surplus
from translators.strongswan.translation.shown import shown
from translators.strongswan.upkeep.executor import SaIds, ending_of
from translators.strongswan.upkeep.supervisor import Progress, initiations, progress
from translators.strongswan.upkeep.trust import CharonTrust
from translators.strongswan.upkeep.tunnels import LiveTunnels

Sas = Mapping[str, Sequence[Section]]


@dataclass(frozen=True, slots=True)
class View:
    """A plan, and what it meets. ``plugins``: those of charon, also of the one that was lost last, None while
    none was seen. ``guards``: those that become others; ``sas``: IKE_SAs by connection, None
    if they are not known; ``untold``: tunnels of which nothing may be told; ``touched``: as in the plan."""

    plan: StrongSwanPlan
    guards: Mapping[str, Guard]
    sas: Sas | None
    untold: frozenset[str]
    plugins: Collection[str] | None
    live: LiveTunnels
    protection: Protection
    trust: CharonTrust
    touched: frozenset[str]
    ended: dict[str, SaIds] = field(default_factory=dict)

    # --- messages, in the order of a commit ---

    def messages(self) -> Pieces[list[Message]]:
        """Return all that would be sent, and note what it ends."""
        found = [*self._let_past(), *self._trust_first()]
        for step in self.plan.steps:
            yield
            tunnel = tunnel_of(step.name) or ""
            if tunnel not in self.untold:
                found.extend(self._of_step(step, tunnel))
        found.extend(self._trust_last())
        for change in self.plan.changes:
            yield
            tunnel = tunnel_of(change.name) or ""
            if tunnel not in self.untold and self._is_wanted(tunnel, change):
                found.extend(self._initiated(tunnel, change))
        return found

    def _let_past(self) -> Iterator[Message]:
        if self.plugins is None or not shunts.needed(self.plugins):
            return
        for owner, guard in self._other_bypass():
            for command, content in shunts.requests(owner, guard.bypass):
                yield _message(command, content, path=entry_path(owner) if owner else "")

    def _other_bypass(self) -> Iterator[tuple[str, Guard]]:
        for owner, guard in self.guards.items():
            if guard.bypass != self.protection.guards.of(owner).bypass:
                yield owner, guard

    @property
    def may_let_past(self) -> bool:
        """Whether messages are missing that let packets past tunnels, as nobody knows if charon needs any."""
        return self.plugins is None and any(True for _ in self._other_bypass())

    def _trust_first(self) -> Iterator[Message]:
        before, after = self.plan.revocation
        if before != after and after.checks:
            yield from self._reloaded()
        crls = tuple(f"{CRLS_PATH}[name='{name}']" for name in self.plan.trust[1].crls)
        for command, content in additions(*self.plan.trust):
            about = (_authority_path(next(iter(content))),) if command == "load-authority" else crls
            yield _message(command, content, about=about)

    def _reloaded(self) -> Iterator[Message]:
        if self.trust.is_ours:
            yield _message("reload-settings", {})

    def _of_step(self, step: Step, tunnel: str) -> Iterator[Message]:
        path = entry_path(tunnel)
        if step.phase is Phase.END:
            ending = ending_of(step, (self.sas or {}).get(step.name, ()), self.live.silent)
            self.ended[tunnel] = ending.ids
            for content in ending.requests:
                yield _message("terminate", content, path=path)
        elif step.do is not None:
            fencing = step.phase in FENCING
            about = () if fencing else self._certificates(tunnel)
            yield _message(step.do.command, step.do.message, path=path, about=about, tells_of_all=fencing)

    def _certificates(self, tunnel: str) -> tuple[str, ...]:
        entries = (self.plan.before.get(tunnel), self.plan.after.get(tunnel))
        names = {name for entry in entries if entry is not None for name in named_certificates(entry)}
        return tuple(f"{CERTIFICATES_PATH}[name='{name}']" for name in sorted(names))

    def _trust_last(self) -> Iterator[Message]:
        before, after = self.plan.revocation
        if before != after and not after.checks:
            yield from self._reloaded()
        if self.plan.takes_trust:
            had, wanted = self.plan.trust
            for name in surplus(had.authorities, wanted):
                yield _message("unload-authority", {"name": name}, about=(_authority_path(name),))
            if self.trust.forgets(wanted):
                yield _message("flush-certs", {})

    def _is_wanted(self, tunnel: str, change: Change) -> bool:
        """Return whether the supervisor is told to bring the tunnel up."""
        if change.after is None:
            return False
        if change.name in self.touched:
            return change.after.initiator
        return state.is_revived(self.plan.after.get(tunnel) or {}, self.live.facts(tunnel))

    def _initiated(self, tunnel: str, change: Change) -> Iterator[Message]:
        assert change.after is not None
        children = tuple(change.after.children)
        left = _without((self.sas or {}).get(change.name, ()), self.ended.get(tunnel, SaIds()))
        entry = self.plan.after.get(tunnel) or {}
        if progress(left, children) is Progress.DOWN and not self.live.addresses.keeps_waiting(entry):
            for command, content in initiations(change.name, children, left):
                yield _message(command, content, path=entry_path(tunnel))

    # --- what becomes of what lives ---

    def outlooks(self) -> Pieces[list[Outlook]]:
        """Return one for each tunnel that is changed or touched."""
        found: dict[str, Outlook] = {}
        for change in self.plan.changes:
            yield
            tunnel = tunnel_of(change.name) or ""
            found[tunnel] = self._of_change(tunnel, change)
        for step in self.plan.steps:
            tunnel = tunnel_of(step.name) or ""
            if tunnel not in found:
                found[tunnel] = self._unchanged(tunnel, self._lives(tunnel))
        for owner in self.guards:
            yield
            if owner and owner not in found:
                found[owner] = self._unchanged(owner, self._lives(owner))
        return list(found.values())

    def _of_change(self, tunnel: str, change: Change) -> Outlook:
        path = entry_path(tunnel)
        if tunnel in self.untold:
            return Outlook(path, also=[UNTOLD_ENTRY])
        lives = self._lives(tunnel)
        interruption_s, known_from = self._interruption(tunnel, change)
        return Outlook(
            path,
            live=lives,
            interruption_s=interruption_s,
            known_from=known_from,
            also=[*self._protected(tunnel), *self._waiting(tunnel, change)],
        )

    def _unchanged(self, tunnel: str, live: Sequence[Live] | None) -> Outlook:
        return Outlook(
            entry_path(tunnel),
            live=live,
            interruption_s=0.0,
            known_from=KnownFrom.NOTHING_ENDS,
            also=self._protected(tunnel),
        )

    def _lives(self, tunnel: str) -> Sequence[Live] | None:
        if self.sas is None:
            return None
        sas, ended = self.sas.get(connection_name(tunnel), ()), self.ended.get(tunnel, SaIds())
        left = _without(sas, ended)
        both = (("ike-sa", len(sas), len(left)), ("child-sa", _children(sas), _children(left)))
        return [
            Live(kind, now, effect=Effect.LEFT_ALONE if now == after else Effect.ENDED, affected=now - after)
            for kind, now, after in both
        ]

    def _interruption(self, tunnel: str, change: Change) -> tuple[float | None, KnownFrom]:
        sas = () if self.sas is None else self.sas.get(change.name, ())
        carrying = len(state.children_up(sas))
        if change.before is None or (self.sas is not None and not carrying):
            return 0.0, KnownFrom.NOTHING_LIVE
        if change.name not in self.touched:
            return 0.0, KnownFrom.NOTHING_ENDS
        if self.sas is None:
            return None, KnownFrom.UNKNOWN
        if carrying == len(state.children_up(_without(sas, self.ended.get(tunnel, SaIds())))):
            return 0.0, KnownFrom.NOTHING_ENDS
        if change.after is None:
            return None, KnownFrom.ENTRY_GONE
        if not change.after.initiator:
            return None, KnownFrom.UP_TO_PEER
        took_s = self.live.negotiation_s(tunnel)
        same_peer = change.before is not None and change.before.peer == change.after.peer
        waits = self.live.addresses.keeps_waiting(self.plan.after.get(tunnel) or {})
        if took_s is None or not same_peer or waits or self.live.silent(change.name):
            return None, KnownFrom.UNKNOWN
        return took_s, KnownFrom.LAST_NEGOTIATION

    # --- what else is done ---

    def _protected(self, owner: str) -> list[str]:
        guard, before = self.guards.get(owner), self.protection.guards.of(owner)
        return [] if guard is None else list(_differences(before, guard))

    def _waiting(self, tunnel: str, change: Change) -> Iterator[str]:
        entry = self.plan.after.get(tunnel) or {}
        if change.after is not None and change.after.initiator and self.live.addresses.keeps_waiting(entry):
            yield f"it is initiated once an interface has its local address {entry.get('local-address')}"

    def for_all(self) -> list[str]:
        """Return what is done for all tunnels without a message."""
        before, after = self.plan.for_all
        found = [f"for all tunnels: {after}"] if before != after else []
        if others := sum(1 for owner in self.guards if owner):
            tunnels = "1 tunnel" if others == 1 else f"{others} tunnels"
            found += [f"the protection of {tunnels} changes"] if before != after else []
        found += self._protected("")
        if self.plan.revocation[0] != self.plan.revocation[1] and self.trust.is_ours:
            found.append("strongswan.conf is written anew, for what charon does about revoked certificates")
        return found


def _message(
    command: str,
    content: Mapping[str, object],
    *,
    path: str = "",
    about: tuple[str, ...] = (),
    tells_of_all: bool = False,
) -> Message:
    return Message(
        command, shown(command, content, SECRET), path=path, about=about, tells_of_all=tells_of_all
    )


def _authority_path(name: str) -> str:
    return f"{CERTIFICATES_PATH}[name='{authority_of(name)}']"


def _without(sas: Iterable[Section], ended: SaIds) -> list[Section]:
    """Return ``sas`` as they are once ``ended`` are gone."""
    left: list[Section] = []
    for sa in sas:
        if str(sa.get("uniqueid")) in ended.ike:
            continue
        children = {
            name: child
            for name, child in state.sections(sa, "child-sas").items()
            if str(child.get("uniqueid")) not in ended.child
        }
        left.append({**sa, "child-sas": children})  # type: ignore[dict-item]
    return left


def _children(sas: Iterable[Section]) -> int:
    return sum(child.get("state") != "DELETED" for sa in sas for child in state.children(sa))


def _differences(before: Guard, after: Guard) -> Iterator[str]:
    """Yield what becomes of packets in clear, for who plans a network."""
    if came := _pairs(after.drops - before.drops):
        yield (
            f"leak protection: {_counted(came)} of subnets added, between which nothing passes in clear; "
            "this is done before all else"
        )
    if went := _pairs(before.drops - after.drops):
        yield (
            f"leak protection: {_counted(went)} of subnets released, between which packets may pass in "
            "clear; this is done after all else"
        )
    if came := after.bypass - before.bypass:
        yield f"bypass: {_counted(came)} of networks added, between which packets go past the tunnel"
    if went := before.bypass - after.bypass:
        yield f"bypass: {_counted(went)} of networks removed, between which packets went past the tunnel"


def _pairs(matches: Iterable[Match]) -> frozenset[Pair]:
    """Return the near and the far side of each of ``matches``, whatever their way and mark."""
    return frozenset(
        (one.source, one.destination) if one.way is Way.OUT else (one.destination, one.source)
        for one in matches
    )


def _counted(pairs: Collection[Pair]) -> str:
    return "1 pair" if len(pairs) == 1 else f"{len(pairs)} pairs"
