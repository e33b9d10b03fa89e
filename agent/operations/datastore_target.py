"""Subscriptions to datastores (RFC 8641): what an rpc asks for becomes a source of updates."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from agent.errors import BadElement, ErrorType, RpcError, RpcErrors
from agent.nacm.control import about_rules
from agent.operations.context import Context
from agent.operations.on_change import OnChangeSource, Receiver
from agent.operations.periodic import PeriodicSource
from agent.operations.push_terms import PERIOD_UNSUPPORTED, PUSH, OnChange, Periodic, Terms, read_terms
from agent.operations.selection import OPERATIONAL, selected_nodes
from agent.operations.targets import Established, Request
from agent.push.changeable import Changeable, changeable
from agent.push.refusal import FILTER_UNSUPPORTED, Declined, Structure
from agent.push.source import Source
from agent.push.updates import PUSH_NS
from agent.yang.locality import moving_defaults
from agent.yang.tree import Tree
from agent.yang.units import Unit

UNCHANGING = f"{PUSH}:unchanging-selection"
ON_CHANGE_UNSUPPORTED = f"{PUSH}:on-change-unsupported"
_PARAMETERS = (
    *("datastore", "selection-filter-ref", "datastore-subtree-filter", "datastore-xpath-filter"),
    *("periodic", "on-change"),
)


class DatastoreTarget:
    """What is selected of a datastore, in periods or when it changes."""

    establishing = Structure(PUSH_NS, "establish-subscription-datastore-error-info")
    modifying = Structure(PUSH_NS, "modify-subscription-datastore-error-info")
    parameters = frozenset((PUSH_NS, name) for name in _PARAMETERS)

    async def established(self, request: Request) -> Established:
        _refuse_past(request)
        terms = await request.context.worker(read_terms, request.context.schema, request.operation)
        return Established(await _source(request, terms, None))

    async def modified(self, request: Request, before: Source) -> Source:
        assert isinstance(before, (OnChangeSource, PeriodicSource))
        _refuse_past(request)
        context = request.context
        terms = await context.worker(read_terms, context.schema, request.operation, before.terms)
        return await _source(request, terms, before)


def _refuse_past(request: Request) -> None:
    """Raise BadElement for a stop-time that has come already: nothing would ever be sent."""
    if request.stop is not None and request.stop <= request.context.publisher.clock.wall():
        raise BadElement("stop-time", "<stop-time> must be later than now", type=ErrorType.PROTOCOL)


async def _source(request: Request, terms: Terms, before: Source | None) -> Source:
    context = request.context
    _attach(context)
    found: Changeable = await context.worker(changeable, context.schema, context.operational.translators)
    await context.worker(_refuse_pointless, context, terms, found)
    receiver = Receiver(
        context,
        caller=request.caller,
        id=request.id,
        stop=request.stop,
        terms=terms,
        changeable=found,
    )
    if isinstance(terms.policy, Periodic):
        _refuse_short(terms.policy, max(1, context.publisher.bounds.period_cs))
        source = PeriodicSource(receiver, terms.policy)
        await _tried(source.contents())
        return source
    on_change = OnChangeSource(receiver, terms.policy, follows=isinstance(before, OnChangeSource))
    try:
        await _tried(on_change.begin())
    except BaseException:
        on_change.close()
        raise
    return on_change


async def _tried(look: Awaitable[object]) -> None:
    """Have a first look at what is selected.

    Raises:
        Declined: it cannot be had.
    """
    try:
        await look
    except Declined:
        raise
    except RpcErrors as problem:
        raise _unsupported(problem.errors[0].message) from problem
    except RpcError as problem:
        raise _unsupported(problem.message) from problem


def _unsupported(message: str) -> Declined:
    return Declined(FILTER_UNSUPPORTED, message, hints={"filter-failure-hint": message})


def _refuse_short(policy: Periodic, least_cs: int) -> None:
    if policy.period_cs < least_cs:
        raise Declined(
            PERIOD_UNSUPPORTED,
            f"the least period of this server is {least_cs} hundredths of a second",
            hints={"period-hint": str(least_cs)},
        )


def _refuse_pointless(context: Context, terms: Terms, found: Changeable) -> None:
    """*worker* Refuse a selection of which nothing can ever be sent.

    Raises:
        Declined: it is one.
    """
    nodes = selected_nodes(context.schema, terms.filter)
    if nodes is None:
        return
    state = terms.datastore == OPERATIONAL
    if not nodes or not (state or any(node.config for node in nodes)):
        raise Declined(UNCHANGING, f"the filter selects nothing that {terms.datastore} can hold")
    if isinstance(terms.policy, OnChange) and state and not found.is_said(nodes):
        message = f"{nodes[0].path} always changes, or nobody says when it does: subscribe to it periodically"
        raise Declined(ON_CHANGE_UNSUPPORTED, message, hints={"filter-failure-hint": message})


def _attach(context: Context) -> None:
    """Have subscriptions hear of changes, from the first of them on."""
    publisher = context.publisher
    if publisher.hears:
        return
    publisher.hears = True
    loop = asyncio.get_running_loop()
    suffixes = {
        translator.config_list: translator.state_path.removeprefix(translator.config_list)
        for translator in context.operational.translators
    }
    moving = moving_defaults(context.schema)

    def state_changed(paths: Sequence[str]) -> None:
        publisher.state_touched([_unit_of(path, suffixes) for path in paths])

    def swapped(_running: Tree, units: Sequence[Unit]) -> None:
        everything = bool(moving) and any(unit.module in moving for unit in units)
        paths = None if everything else [unit.path for unit in units]
        loop.call_soon_threadsafe(_told, paths, about_rules(units))

    def _told(paths: list[str] | None, rules: bool) -> None:
        publisher.running_touched(paths, rules=rules)

    def touched(paths: Sequence[str] | None) -> None:
        loop.call_soon_threadsafe(publisher.candidate_touched, paths)

    context.operational.when_changed.append(state_changed)
    context.configuration.candidate.when_touched.append(touched)
    context.configuration.when_swapped.append(swapped)
    context.configuration.when_removing.append(publisher.removing)


def _unit_of(path: str, suffixes: dict[str, str]) -> str:
    """Return the path of the unit that a path of state lies in."""
    for list_path, suffix in suffixes.items():
        if path.startswith(f"{list_path}["):
            return path.removesuffix(suffix)
    return path
