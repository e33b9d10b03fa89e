"""dry-run of yangswan-agent: what a commit would do, told and not done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

from agent.datastore.candidate import Candidate
from agent.datastore.confirmed import Request, refusal
from agent.datastore.preparation import Prepared
from agent.datastore.records import whence
from agent.errors import AccessDenied, InvalidParameter, RpcError, RpcErrors, first_of
from agent.history.foresight import Question, answer, refused
from agent.memory import FREED_AT_ONCE, let_go
from agent.nacm.access import Access, located, written
from agent.nacm.state import state_reader
from agent.operations.commit import check_of, inline_candidate
from agent.operations.context import Caller, Context
from agent.operations.cut_off import APP_TAG, CutOff, cut_off
from agent.operations.cut_off import refusal as refusal_of
from agent.operations.disclosure import all_readable, count_hidden, disclosed
from agent.operations.parameters import as_path, named_entries, parameter
from agent.operations.write import refuse_in_vain
from agent.translator import EntryChange, Foresight, Json, Reader
from agent.turns import in_turns
from agent.xml import NETCONF_NS, Element, namespace, rename
from agent.yang.invocation import Invocation
from agent.yang.schema import Schema

MEANWHILE = "somebody committed while this was looked at: a commit may do something else now"


async def dry_run(context: Context, caller: Caller, operation: Element) -> bytes:
    wanted = await context.worker(_wanted, context.schema, operation)
    async with context.looking_ahead:
        access = context.access(caller)
        context.nacm.tries.refuse_more(access.user)
        sight = _Sight(context.schema, access)
        found = await _examined(context, caller, operation)
        if found.prepared is not None:
            found.foresights = await context.configuration.foresee(found.prepared, sight.reader)
            if not await context.worker(context.configuration.is_as_of, found.as_of):
                found.foresights = [*found.foresights, Foresight(unknown=[MEANWHILE])]
            if not found.is_refused:
                await _look_for_cut_off(context, caller, found, sight)
        errors = found.errors
        # Before who waits for his turn is asked for his tries.
        await count_hidden(context, caller, errors, thread=context.worker)
    changed = {} if found.is_refused else found.changed
    output: Json = await in_turns(answer(found.foresights, Question(changed, sight, wanted)))
    told = [await context.worker(disclosed, context.schema, access, error) for error in errors]
    output["would-be-refused"] = refused(told)
    output["warning"] = [_warning(one, sight.reader) for one in found.cut_off]
    reply: bytes = await context.worker(_xml, context, operation, output)
    held: list[object] = [found, output, changed]
    count = 0 if found.prepared is None else len(found.prepared.units)
    del found, output, changed, errors
    if count > FREED_AT_ONCE:
        await context.worker(let_go, held)
    return reply


@dataclass(slots=True)
class _Found:
    """``refusals``: why nothing is prepared; ``hindrances``: what passes; ``cut_off``: other sessions that
    may be lost; ``as_of``: the newest commit when it was prepared."""

    as_of: int = 0
    prepared: Prepared | None = None
    refusals: tuple[RpcError, ...] = ()
    hindrances: list[RpcError] = field(default_factory=list)
    foresights: Sequence[Foresight] = ()
    cut_off: list[CutOff] = field(default_factory=list)

    @property
    def is_refused(self) -> bool:
        return bool(self.refusals) or any(one.refusals for one in self.foresights)

    @property
    def errors(self) -> list[RpcError]:
        """All of them, as many as a commit would tell."""
        found = [*self.refusals, *(error for one in self.foresights for error in one.refusals)]
        found += [*self.hindrances, *(error for one in self.foresights for error in one.hindrances)]
        return first_of(found, all_known=True)

    @property
    def changed(self) -> dict[str, str]:
        records = () if self.prepared is None else self.prepared.records
        return {
            record.path: ("modified" if record.after else "deleted") if record.before else "created"
            for record in records
        }


async def _examined(context: Context, caller: Caller, operation: Element) -> _Found:
    """Return what a commit would be prepared with, or why it would not.

    Raises:
        RpcErrors: a configuration that is given cannot be read.
    """
    inline = _inline(operation)
    if inline is not None:
        refuse_in_vain(context, caller, inline)
    configuration = context.configuration
    async with configuration.writing:
        as_of = await context.worker(configuration.store.latest)
        found = _Found(as_of, hindrances=_hindrances(context, caller))
        candidate = configuration.candidate
        try:
            if inline is not None:
                candidate = await context.worker(inline_candidate, context, context.access(caller), inline)
        except RpcErrors as problem:
            if not all(isinstance(error, AccessDenied) for error in problem.errors):
                raise
            found.refusals = problem.errors
            return found
        if inline is None:
            found.hindrances += await _mismatches(context)
        await _prepare(context, caller, candidate, found)
    return found


async def _prepare(context: Context, caller: Caller, candidate: Candidate, found: _Found) -> None:
    try:
        check = check_of(context, caller, candidate)
        found.prepared = await context.configuration.examine(candidate, check)
    except RpcError as problem:
        found.refusals = (problem,)
    except RpcErrors as problem:
        found.refusals = problem.errors


async def _mismatches(context: Context) -> Sequence[RpcError]:
    """Return of what running is not as those know it who edited the candidate."""
    try:
        await context.worker(context.configuration.refuse_mismatch)
    except RpcErrors as problem:
        return problem.errors
    return ()


def _hindrances(context: Context, caller: Caller) -> list[RpcError]:
    """Return what a commit would be refused for now, whatever it changes."""
    found: list[RpcError] = []
    for datastore in ("candidate", "running"):
        try:
            context.locks.refuse_others(datastore, caller.session_id)
        except RpcError as problem:
            found.append(problem)
    now_s = asyncio.get_running_loop().time()
    pending = refusal(context.confirmed.window, Request(), caller.session_id, now_s)
    return found if pending is None else [*found, pending]


async def _look_for_cut_off(context: Context, caller: Caller, found: _Found, sight: _Sight) -> None:
    """Note whom the change would cut off: its author is refused, as by a commit, the others are warned of."""
    assert found.prepared is not None
    everybody = await cut_off(context, found.prepared.changes)
    for one in everybody:
        if one.caller.session_id == caller.session_id:
            found.hindrances.append(refusal_of(one.captured, sight.reader))
    if not sight.is_everywhere:
        # What was written by somebody who may not read it must not show by whom it cuts off.
        told = await in_turns(_told(found.prepared.changes, sight.is_open))
        everybody = await cut_off(context, told)
    found.cut_off += [one for one in everybody if one.caller.session_id != caller.session_id]


def _told(
    changes: Mapping[str, Sequence[EntryChange]], is_open: Callable[[str], bool]
) -> Generator[None, None, dict[str, list[EntryChange]]]:
    """Return ``changes`` without what somebody wrote who may not read it: that must not show by whom it cuts
    off. A change at a time."""
    found: dict[str, list[EntryChange]] = {}
    for name, of_translator in changes.items():
        found[name] = []
        for change in of_translator:
            if not change.blind or is_open(change.path):
                found[name].append(change)
            yield
    return found


SESSIONS = "/ietf-netconf-monitoring:netconf-state/sessions/session"


def _warning(one: CutOff, may_read: Reader) -> Json:
    """Return what to tell of another session that may be lost, as far as the caller may know of it."""
    captured = one.captured
    whose = str(one.caller.session_id) if may_read(SESSIONS) else ""
    who = f"session {whose} of {one.caller.user} {whence(one.caller.source)}" if whose else "another session"
    is_told = all(may_read(path) for path in (captured.path, *captured.tells)) and bool(whose)
    why = captured.why if is_told else "its packets would go another way"
    found: Json = {"app-tag": APP_TAG, "message": f"a commit may cut off {who}: {why}"}
    return {**found, "path": captured.path} if is_told else found


def _inline(operation: Element) -> Element | None:
    source = parameter(operation, "source")
    config = None if source is None else parameter(source, "config")
    if config is not None:
        rename(config, f"{{{NETCONF_NS}}}config")
    return config


def _wanted(schema: Schema, operation: Element) -> frozenset[str]:
    """*worker* Return the entries to be shown, none for all.

    Raises:
        InvalidParameter: one is no path of this server's.
        OperationFailed: they are too many.
    """
    found: set[str] = set()
    for child in named_entries(operation, "to be shown everything"):
        place = located(schema, as_path(schema, child))
        if place is None:
            raise InvalidParameter(
                "entry",
                "this server has no data node of this path; write it as a dry run shows it, or as an "
                "instance-identifier whose prefixes are declared",
            )
        found.add(written(*place))
    return frozenset(found)


class _Sight:
    """What the caller may see of entries; what was found of one is kept."""

    def __init__(self, schema: Schema, access: Access) -> None:
        self._schema = schema
        self._access = access
        self._open: dict[str, bool] = {}
        self.reader = access.reader(schema)
        self._reads_state = state_reader(schema, self.reader)
        self.is_everywhere = access.all_but_secrets()

    def is_visible(self, path: str) -> bool:
        return self.reader(path)

    def is_open(self, path: str) -> bool:
        if self.is_everywhere:
            return True
        if path not in self._open:
            place = located(self._schema, path)
            self._open[path] = place is not None and all_readable(self._access, *place)
        return self._open[path]

    def is_alive(self, path: str) -> bool:
        if self.is_everywhere:
            return True
        return self.is_open(path) and self._reads_state(path)


def _xml(context: Context, operation: Element, output: Json) -> bytes:
    """*worker* Return the output as the content of the reply."""
    question = f'<dry-run xmlns="{namespace(operation)}"/>'.encode()
    call = Invocation.parse(context.schema, question, context.configuration.published.changing)
    return call.output_xml(context.schema, output)
