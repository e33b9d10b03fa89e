"""A translator for the list every-construct:entry that only records, and refuses on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.errors import BackendError, InvalidValue, OperationNotSupported, RpcError, RpcErrors
from agent.measures import Table
from agent.translator import (
    Captured,
    Effect,
    EntryChange,
    Foresight,
    Json,
    Keys,
    KnownFrom,
    Live,
    Message,
    Move,
    Outlook,
    Plan,
    Reader,
    Route,
    reads_all,
)

EVERY_CONSTRUCT = Path(__file__).parents[1] / "modules" / "every-construct.yang"

DORMANT = 99


@dataclass(frozen=True)
class RecordedPlan:
    changes: tuple[EntryChange, ...]
    stays_inside: bool = False

    def describe(self) -> Sequence[str]:
        return [f"{change.path}" for change in self.changes]


@dataclass
class RecordingTranslator:
    """``holds`` is the backend: what the last applied plans left there."""

    name: str = "recording"
    yang_files: Sequence[Path] = (EVERY_CONSTRUCT,)
    disabled_features: Mapping[str, Sequence[str]] = field(default_factory=dict)
    moves: Sequence[Move] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    config_list: str = "/every-construct:top/entry"
    further_lists: Sequence[str] = ()
    state_path: str = "/every-construct:top/entry/state"
    state_roots: Sequence[str] = ()
    always_changing: Sequence[str] = ()
    measures: Sequence[Table] = ()
    holds: dict[Keys, Json] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    refuse_check: bool = False
    refuse_apply: bool = False
    refuse_undo: bool = False
    asked_for: list[Keys] = field(default_factory=list)

    broken: dict[Keys, str] = field(default_factory=dict)
    """Entries that do not work, and why. One with the number ``DORMANT`` is not to work."""
    looks: list[list[Keys]] = field(default_factory=list)

    outputs: dict[str, Json] = field(default_factory=dict)
    cannot_take_back: bool = False
    captures: Sequence[Captured] = ()
    routes: Sequence[Route] = ()
    known: dict[str, Mapping[Keys, Json]] = field(default_factory=dict)
    expected: dict[Keys, Json] = field(default_factory=dict)
    cannot_expect: bool = False
    foresight: Foresight | None = None
    stays_inside: bool = False
    """Its plans say that they change nothing beside this process."""

    def lacking(self) -> Sequence[str]:
        return ()

    def unusable(self) -> Sequence[str]:
        return ()

    def look(self) -> Sequence[str]:
        self.log.append("look")
        return ()

    def know(self, list_path: str, entries: Mapping[Keys, Json]) -> None:
        self.known[list_path] = dict(entries)

    async def expect(self, entries: Mapping[Keys, Json]) -> None:
        if self.cannot_expect:
            raise ValueError("no")
        self.expected.update(entries)

    async def start(self, entries: Mapping[Keys, Json]) -> None:
        self.log.append("start")
        await self.reconcile(entries)

    async def protect(self, entries: Mapping[Keys, Json]) -> None:
        self.log.append("protect")

    async def withdraw(self) -> None:
        self.log.append("withdraw")

    async def stop(self, *, keep: bool = False) -> None:
        self.log.append("stop, keep" if keep else "stop")

    def check(self, changes: Sequence[EntryChange], may_read: Reader = reads_all) -> Sequence[RpcError]:
        if self.refuse_check:
            return [InvalidValue("refused by check", path=change.path) for change in changes]
        return []

    async def check_in_turns(
        self, changes: Sequence[EntryChange], may_read: Reader = reads_all
    ) -> Sequence[RpcError]:
        return self.check(changes, may_read)

    async def prepare(self, changes: Sequence[EntryChange]) -> Plan:
        if errors := self.check(changes):
            raise RpcErrors(errors)
        return RecordedPlan(tuple(changes), self.stays_inside)

    async def foresee(self, changes: Sequence[EntryChange], may_read: Reader = reads_all) -> Foresight:
        self.log.append(f"foresee {len(changes)}")
        if errors := self.check(changes):
            return Foresight(refusals=errors)
        return self.foresight or Foresight(
            messages=[Message("set", {"name": change.keys[0]}, path=change.path) for change in changes],
            outlooks=[
                Outlook(
                    change.path,
                    live=[Live("thing", 2, Effect.ENDED, 1)],
                    interruption_s=1.5,
                    known_from=KnownFrom.LAST_NEGOTIATION,
                )
                for change in changes
            ],
        )

    async def captured(self, changes: Sequence[EntryChange], routes: Sequence[Route]) -> Sequence[Captured]:
        self.routes = tuple(routes)
        return [one for one in self.captures if one.route in routes]

    async def apply(self, plan: Plan) -> None:
        assert isinstance(plan, RecordedPlan)
        if self.refuse_apply:
            raise BackendError("refused by apply")
        for change in plan.changes:
            self.log.append(f"apply {change.keys}")
            self._set(change.keys, change.after)

    async def undo(self, plan: Plan) -> None:
        assert isinstance(plan, RecordedPlan)
        if self.refuse_undo:
            raise BackendError("refused by undo")
        for change in plan.changes:
            self.log.append(f"undo {change.keys}")
            self._set(change.keys, change.before)

    async def reconcile(self, entries: Mapping[Keys, Json]) -> None:
        self.log.append("reconcile")
        self.holds = dict(entries)

    async def entry_state(self, keys: Sequence[Keys]) -> Mapping[Keys, Json]:
        self.asked_for.extend(keys)
        return {key: {"seen": str(len(key[0]))} for key in keys}

    async def measured(self, of: str) -> Sequence[Json]:
        return [{**content, "state": {"seen": "1"}} for content in self.holds.values()]

    async def root_state(self, root: str) -> Json:
        raise KeyError(root)

    def to_work(self, changes: Sequence[EntryChange]) -> Mapping[Keys, Json]:
        return {c.keys: c.after for c in changes if c.after is not None and self.is_to_work(c.after)}

    def cannot_tell(self, entry: Json) -> str | None:
        return None if self.is_to_work(entry) else "it is not to work"

    async def not_working(self, keys: Sequence[Keys]) -> Mapping[Keys, str]:
        self.looks.append(list(keys))
        return {key: self.broken[key] for key in keys if key in self.broken}

    def is_to_work(self, entry: Json) -> bool:
        return entry.get("number") != DORMANT

    async def action(self, keys: Keys, name: str, input: Json) -> Json:
        if input["strength"] > 9:
            raise InvalidValue("too strong", app_tag="too-strong")
        return {"reaction": f"{name} {keys[0]} {input['strength']}"}

    async def rpc(self, name: str, input: Json) -> Json:
        self.log.append(f"rpc {name}")
        if name == "ping":
            return {}
        if name == "sum":
            return {"result": input.get("a", 0) + 1}
        if name in self.outputs:
            return self.outputs[name]
        raise OperationNotSupported(f"no {name}")

    async def take_back(self, rpc: str, input: Json, output: Json) -> None:
        self.log.append(f"take back {rpc}: {output}")
        if self.cannot_take_back:
            raise RuntimeError("not to be taken back")

    def _set(self, keys: Keys, content: Json | None) -> None:
        if content is None:
            self.holds.pop(keys, None)
        else:
            self.holds[keys] = content
