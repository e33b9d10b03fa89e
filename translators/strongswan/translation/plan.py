"""Changed entries -> ordered steps. Pure: what is done, and in which order, can be read and tested here.

The order holds for the whole plan, not per tunnel: first everything that charon may refuse, each step with
its undo; then what ends SAs and cannot be undone but by negotiating again; then what is no longer needed;
last, who has to initiate.

A barrier (see strangers) stands before the open connection and before the secret that it keeps out of it,
and falls after both. It comes after the connections with a remote identity: of two that match equally charon
takes the one that it has had for longer, and a peer that does not say whom it wants is to reach its tunnel.
So a barrier that is there goes and comes again where such a connection comes, or would come by the undo;
meanwhile another, of another name, stands in its place.

Where an identity goes from one tunnel to another in one change, the secret that had it goes first, and the
connection before the new one comes: at no moment does the old secret open the new tunnel, or the reverse.

An existing CHILD_SA keeps its old configuration even when it is rekeyed, and a responder's SAs survive
the replacing and unloading of their connection. So whatever changes the negotiated part ends the SAs
that were negotiated with the old one: a secret or anything of IKE the IKE_SA, subnets and ESP only
the CHILD_SA.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum

from translators.strongswan.pieces import Pieces, at_once
from translators.strongswan.translation.connections import Messages, connection_name
from translators.strongswan.translation.credentials import FURTHER_SUFFIX, Claim, IdentityKey
from translators.strongswan.translation.strangers import NO_FENCE, Barrier, Fence


class ChangeClass(Enum):
    """What a change of one tunnel means to charon."""

    NOTHING = "nothing for charon"
    SECRET = "secret"
    CHILD = "child"
    IKE = "ike"
    ADDED = "added"
    REMOVED = "removed"


class Phase(IntEnum):
    """When a step runs, relative to the steps of other tunnels."""

    WITHDRAW_SECRET = 1
    NARROW_OWNERS = 2
    DOUBLE_BARRIER = 3
    DROP_CONNECTION = 4
    LOAD_CONNECTION = 5
    LOAD_BARRIER = 6
    LOAD_OPEN_CONNECTION = 7
    UNLOAD_CONNECTION = 8
    RENEW_BARRIER = 9
    LOAD_SECRET = 10
    END = 11
    UNINSTALL = 12
    UNLOAD_SECRET = 13
    UNLOAD_BARRIER = 14
    WIDEN_OWNERS = 15
    INITIATE = 16


FENCING = frozenset(
    {
        Phase.NARROW_OWNERS,
        Phase.DOUBLE_BARRIER,
        Phase.LOAD_BARRIER,
        Phase.RENEW_BARRIER,
        Phase.UNLOAD_BARRIER,
        Phase.WIDEN_OWNERS,
    }
)
"""The phases of steps by which the tunnel itself stays what it is."""


@dataclass(frozen=True, slots=True)
class Request:
    """One VICI request; the message may hold a secret and is never shown."""

    command: str
    content: Mapping[str, object] | Messages = field(repr=False)
    """The message, or a tunnel whose load-conn message it is: that is large, and made when it is sent."""

    @property
    def message(self) -> Mapping[str, object]:
        """What is sent."""
        return self.content.load_conn if isinstance(self.content, Messages) else self.content


@dataclass(frozen=True, slots=True)
class Replacement:
    """The two configurations that an SA may have been negotiated with, where the SA can show which."""

    before: Messages
    after: Messages


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do for the tunnel ``name``.

    ``do`` is None for the steps that are more than one request: ending SAs (``child_only`` keeps the
    IKE_SA, ``replacement`` what was negotiated with the new configuration) and initiating. ``undo`` is None
    where nothing needs to be put back.
    """

    phase: Phase
    name: str
    do: Request | None = None
    undo: Request | None = None
    child_only: bool = False
    replacement: Replacement | None = field(default=None, repr=False)

    def __str__(self) -> str:
        detail = {Phase.END: " of the child only" if self.child_only else " and the IKE SA"}
        return f"{self.name}: {_TEXT[self.phase]}{detail.get(self.phase, '')}"


NOT_COMPARED = frozenset({"dscp"})
"""charon takes a connection in which only these differ for an equal one, and keeps the old value."""

_TEXT = {
    Phase.WITHDRAW_SECRET: "unload the secret, whose identity another tunnel gets",
    Phase.NARROW_OWNERS: "take further owners from the secret",
    Phase.DOUBLE_BARRIER: "put another barrier in the place of one that is to come after the connection",
    Phase.RENEW_BARRIER: "put the barrier back, after the connection",
    Phase.LOAD_BARRIER: "load a barrier against another tunnel's secret",
    Phase.LOAD_OPEN_CONNECTION: "load the connection",
    Phase.UNLOAD_BARRIER: "unload a barrier against another tunnel's secret",
    Phase.WIDEN_OWNERS: "give the secret further owners",
    Phase.LOAD_SECRET: "load the secret",
    Phase.DROP_CONNECTION: "unload the connection, to load it anew",
    Phase.LOAD_CONNECTION: "load the connection",
    Phase.UNLOAD_CONNECTION: "unload the connection",
    Phase.END: "end the SAs",
    Phase.UNINSTALL: "uninstall a trap, if there is one",
    Phase.UNLOAD_SECRET: "unload the secret",
    Phase.INITIATE: "initiate",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What charon holds for one tunnel and what it is to hold; None is nothing at all."""

    name: str
    before: Messages | None
    after: Messages | None

    def reversed(self) -> Change:
        """Return the change that puts back what was before."""
        return Change(self.name, self.after, self.before)

    def with_other_secrets(self) -> Change:
        """Return the change as if each secret had been another one before."""
        if self.before is None:
            return self
        secrets = tuple({**secret, "data": ""} for secret in self.before.secrets)
        return replace(self, before=replace(self.before, secrets=secrets))


def classify(before: Messages | None, after: Messages | None) -> ChangeClass:
    """Return the largest class that the difference belongs to."""
    if before is None or after is None:
        if before is after:
            return ChangeClass.NOTHING
        return ChangeClass.ADDED if before is None else ChangeClass.REMOVED
    if before.ike != after.ike:
        return ChangeClass.IKE
    if before.secrets != after.secrets:
        # Also when the child changed: ending the IKE_SA ends the child.
        return ChangeClass.SECRET
    return ChangeClass.CHILD if before.children != after.children else ChangeClass.NOTHING


@dataclass(frozen=True, slots=True)
class Fences:
    """What stands beside the tunnels before, during and after a change; during it, enough for both.

    ``moved`` are the connections whose secret has an identity that another tunnel gets by the change,
    ``moved_back`` the same for the change that puts back what was before. ``reloaded`` are the owners of the
    secrets of tunnels with a remote identity of which the connection comes, goes or becomes another.
    ``untold``: they are left out, for they would tell of keys what must not be told.
    """

    before: Fence = NO_FENCE
    during: Fence = NO_FENCE
    after: Fence = NO_FENCE
    moved: frozenset[str] = frozenset()
    moved_back: frozenset[str] = frozenset()
    reloaded: frozenset[IdentityKey] = frozenset()
    untold: bool = False

    def reversed(self) -> Fences:
        """Return the fences of the change that puts back what was before."""
        return Fences(
            before=self.after,
            during=self.during,
            after=self.before,
            moved=self.moved_back,
            moved_back=self.moved,
            reloaded=self.reloaded,
        )


NO_FENCES = Fences()


def reloaded(changes: Iterable[Change], claims: Iterable[Claim]) -> frozenset[IdentityKey]:
    """Return the owners in those of ``claims`` whose connection may get another place among the others."""
    names = {
        change.name
        for change in changes
        if change.before is None or change.after is None or change.before.ike != change.after.ike
    }
    return frozenset(
        claim.owner.key
        for claim in claims
        if claim.owner is not None and not claim.is_open and connection_name(claim.tunnel) in names
    )


def plan_steps(changes: Iterable[Change], fences: Fences | None = None) -> tuple[Step, ...]:
    """Return the steps for ``changes``, in the order in which they must run."""
    return at_once(steps_in_pieces(changes, fences))


def steps_in_pieces(changes: Iterable[Change], fences: Fences | None = None) -> Pieces[tuple[Step, ...]]:
    """Return what ``plan_steps`` returns, a tunnel at a time."""
    fences = fences or Fences()
    steps: list[Step] = []
    for change in changes:
        of_change = _steps(change)
        steps.extend(_withdrawn(of_change, change) if change.name in fences.moved else of_change)
        yield
    steps.extend(_fence_steps(fences))
    return tuple(sorted(steps, key=lambda step: step.phase))


def _withdrawn(steps: Iterable[Step], change: Change) -> Iterator[Step]:
    """Yield ``steps`` with the secrets that were there unloaded before all else."""
    assert change.before is not None
    for step in _unload_secrets(change.before, change.before.secrets):
        yield replace(step, phase=Phase.WITHDRAW_SECRET)
    yield from (step for step in steps if step.phase not in (Phase.UNLOAD_SECRET, Phase.LOAD_SECRET))
    if change.after is not None:
        yield from _load_secrets(None, change.after)


def _fence_steps(fences: Fences) -> Iterator[Step]:
    before, during, after = fences.before, fences.during, fences.after
    for handle in before.further:
        left = during.further.get(handle) if handle in after.further else None
        if before.further[handle] != left:
            yield _owners_step(Phase.NARROW_OWNERS, handle, (before.further[handle], left))
    for name, barrier in before.barriers.items():
        if barrier.identity.key in fences.reloaded:
            yield from _renewal(name, barrier)
    for name in during.barriers.keys() - before.barriers.keys():
        yield _barrier_step(Phase.LOAD_BARRIER, name, during)
    for name in during.barriers.keys() - after.barriers.keys():
        yield _barrier_step(Phase.UNLOAD_BARRIER, name, during)
    for handle, wanted in after.further.items():
        there = during.further.get(handle) if handle in before.further else None
        if wanted != there:
            yield _owners_step(Phase.WIDEN_OWNERS, handle, (there, wanted))


def _owners_step(
    phase: Phase, handle: str, change: tuple[Mapping[str, object] | None, Mapping[str, object] | None]
) -> Step:
    there, wanted = (
        Request("unload-shared", {"id": handle}) if one is None else Request("load-shared", one)
        for one in change
    )
    return Step(phase, handle.removesuffix(FURTHER_SUFFIX), wanted, undo=there)


def _renewal(name: str, barrier: Barrier) -> Iterator[Step]:
    twin, body = barrier.twin
    loads = {one: Request("load-conn", {one: section}) for one, section in ((twin, body), (name, body))}
    unloads = {one: Request("unload-conn", {"name": one}) for one in (twin, name)}
    of = connection_name(barrier.tunnel)
    yield Step(Phase.DOUBLE_BARRIER, of, loads[twin], undo=unloads[twin])
    yield Step(Phase.DOUBLE_BARRIER, of, unloads[name], undo=loads[name])
    yield Step(Phase.RENEW_BARRIER, of, loads[name], undo=unloads[name])
    yield Step(Phase.RENEW_BARRIER, of, unloads[twin], undo=loads[twin])


def _barrier_step(phase: Phase, name: str, fence: Fence) -> Step:
    load = Request("load-conn", fence.barriers[name].load_conn)
    unload = Request("unload-conn", {"name": name})
    do, undo = (load, unload) if phase is Phase.LOAD_BARRIER else (unload, load)
    return Step(phase, connection_name(fence.barriers[name].tunnel), do, undo=undo)


def _steps(change: Change) -> list[Step]:
    match classify(change.before, change.after):
        case ChangeClass.NOTHING:
            return []
        case ChangeClass.REMOVED:
            assert change.before is not None
            return _removal(change.before)
        case kind:
            assert change.after is not None
            return _replacement(change.before, change.after, kind)


def _removal(before: Messages) -> list[Step]:
    name = before.name
    return [
        Step(
            Phase.UNLOAD_CONNECTION,
            name,
            Request("unload-conn", {"name": name}),
            undo=Request("load-conn", before),
        ),
        Step(Phase.END, name),
        # A trap set by dpd_action or close_action outlives its connection and would bring the tunnel back.
        *_uninstall(before),
        *_unload_secrets(before, before.secrets),
    ]


def _uninstall(before: Messages) -> list[Step]:
    name = before.name
    return [
        Step(Phase.UNINSTALL, name, Request("uninstall", {"ike": name, "child": child}))
        for child in before.children
    ]


def _unload_secrets(before: Messages, secrets: Iterable[Mapping[str, object]]) -> list[Step]:
    return [
        Step(
            Phase.UNLOAD_SECRET,
            before.name,
            Request("unload-shared", {"id": secret["id"]}),
            undo=Request("load-shared", secret),
        )
        for secret in secrets
    ]


def _replacement(before: Messages | None, after: Messages, kind: ChangeClass) -> list[Step]:
    name = after.name
    steps = _load_secrets(before, after)
    if before is None or (before.ike, before.children) != (after.ike, after.children):
        undo = Request("load-conn", before) if before else Request("unload-conn", {"name": name})
        if before is not None and any(before.ike.get(key) != after.ike.get(key) for key in NOT_COMPARED):
            steps.append(Step(Phase.DROP_CONNECTION, name, Request("unload-conn", {"name": name}), undo=undo))
            undo = Request("unload-conn", {"name": name})
        phase = Phase.LOAD_OPEN_CONNECTION if after.is_open else Phase.LOAD_CONNECTION
        steps.append(Step(phase, name, Request("load-conn", after), undo=undo))
    if before is not None:
        # Which secret it was authenticated with no SA shows.
        replacement = None if before.secrets != after.secrets else Replacement(before, after)
        steps.append(Step(Phase.END, name, child_only=kind is ChangeClass.CHILD, replacement=replacement))
        if any("trap" in (c.get("dpd_action"), c.get("close_action")) for c in before.children.values()):
            steps.extend(_uninstall(before))
        gone = before.handles - after.handles
        steps.extend(_unload_secrets(before, (one for one in before.secrets if one["id"] in gone)))
    if after.initiator:
        steps.append(Step(Phase.INITIATE, name))
    return steps


def _load_secrets(before: Messages | None, after: Messages) -> list[Step]:
    known = {secret["id"]: secret for secret in before.secrets} if before else {}
    steps = []
    for secret in after.secrets:
        old = known.get(secret["id"])
        if secret != old:
            undo = Request("load-shared", old) if old else Request("unload-shared", {"id": secret["id"]})
            steps.append(Step(Phase.LOAD_SECRET, after.name, Request("load-shared", secret), undo=undo))
    return steps
