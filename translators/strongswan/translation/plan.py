"""Changed entries -> ordered steps. Pure: what is done, and in which order, can be read and tested here.

The order holds for the whole plan, not per tunnel: first everything that charon may refuse (secrets
before the connections that need them), each step with its undo; then what ends SAs and cannot be undone
but by negotiating again; then what is no longer needed; last, who has to initiate.

An existing CHILD_SA keeps its old configuration even when it is rekeyed, and a responder's SAs survive
the replacing and unloading of their connection. So whatever changes the negotiated part ends the SAs
that were negotiated with the old one: a secret or anything of IKE the IKE_SA, subnets and ESP only
the CHILD_SA.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from translators.strongswan.translation.connections import Messages


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

    LOAD_SECRET = 1
    DROP_CONNECTION = 2
    LOAD_CONNECTION = 3
    UNLOAD_CONNECTION = 4
    END = 5
    UNINSTALL = 6
    UNLOAD_SECRET = 7
    INITIATE = 8


@dataclass(frozen=True, slots=True)
class Request:
    """One VICI request; the message may hold a secret and is never shown."""

    command: str
    message: Mapping[str, object] = field(repr=False)


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


def plan_steps(changes: Iterable[Change]) -> tuple[Step, ...]:
    """Return the steps for ``changes``, in the order in which they must run."""
    steps = [step for change in changes for step in _steps(change)]
    return tuple(sorted(steps, key=lambda step: step.phase))


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
            undo=Request("load-conn", before.load_conn),
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
    if before is None or before.load_conn != after.load_conn:
        undo = Request("load-conn", before.load_conn) if before else Request("unload-conn", {"name": name})
        if before is not None and any(before.ike.get(key) != after.ike.get(key) for key in NOT_COMPARED):
            steps.append(Step(Phase.DROP_CONNECTION, name, Request("unload-conn", {"name": name}), undo=undo))
            undo = Request("unload-conn", {"name": name})
        steps.append(Step(Phase.LOAD_CONNECTION, name, Request("load-conn", after.load_conn), undo=undo))
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
