"""commit, cancel-commit, discard-changes and validate (RFC 6241 sections 8.3, 8.4 and 8.6)."""

from __future__ import annotations

from agent.datastore.candidate import Candidate
from agent.datastore.confirmed import CONFIRM_TIMEOUT_DEFAULT_S, Request
from agent.datastore.preparation import Check, Prepared
from agent.datastore.store import CommitInfo
from agent.errors import BadElement, ErrorType
from agent.nacm.access import WRITES, Access
from agent.operations.context import Caller, Context
from agent.operations.cut_off import keeping_connected
from agent.operations.disclosure import hidden_units, tries_counted
from agent.operations.locking import changing_candidate
from agent.operations.parameters import AGENT_NS, datastore_name, datastore_of, parameter, text_of
from agent.operations.write import permitted_content, refuse_in_vain
from agent.xml import Element
from agent.yang.difference import Difference, Operation
from agent.yang.tree import NO_NODE, Tree, is_default
from agent.yang.units import unit_differences


async def commit(context: Context, caller: Caller, operation: Element) -> bytes:
    request = Request(
        confirmed=parameter(operation, "confirmed") is not None,
        timeout_s=int(text_of(operation, "confirm-timeout", str(CONFIRM_TIMEOUT_DEFAULT_S))),
        persist=_token(operation, "persist"),
        persist_id=_token(operation, "persist-id"),
    )
    if not request.confirmed and parameter(operation, "confirm-timeout") is not None:
        raise BadElement(
            "confirm-timeout",
            "<confirm-timeout> belongs to a confirmed commit: add <confirmed/>",
            type=ErrorType.PROTOCOL,
        )
    # What takes itself back cuts nobody off for good; with <verify> it may confirm itself.
    takes_itself_back = request.confirmed and parameter(operation, "verify", AGENT_NS) is None
    tolerated = takes_itself_back or parameter(operation, "even-if-cut-off", AGENT_NS) is not None
    async with context.configuration.writing:
        for datastore in ("candidate", "running"):
            context.locks.refuse_others(datastore, caller.session_id)
        access = context.access(caller)
        context.nacm.tries.refuse_more(access.user)
        async with tries_counted(context, caller):
            await context.confirmed.commit(
                request,
                caller_info(caller),
                check=check_of(context, caller, context.configuration.candidate),
                may_read=access.reader(context.schema),
                vet=keeping_connected(context, caller, tolerated=tolerated),
            )
    return b""


async def cancel_commit(context: Context, caller: Caller, operation: Element) -> bytes:
    async with context.configuration.writing:
        await context.confirmed.cancel(_token(operation, "persist-id"), caller_info(caller))
    return b""


def check_of(context: Context, caller: Caller, candidate: Candidate) -> Check | None:
    """Return what refuses a commit of ``candidate`` in which the caller may not change all that differs
    (RFC 8341 section 3.2.8)."""
    access = context.access(caller)
    if access.everything(WRITES):
        return None

    def check(prepared: Prepared, running: Tree) -> None:
        found = unit_differences(prepared.units, running, prepared.scratch)
        context.nacm.refuse_changes(access, (one for one in found if not _taken_away(one, candidate.tree)))

    return check


def _taken_away(difference: Difference, candidate: Tree) -> bool:
    """True if it was a "when" that took the node away: the candidate still has it. Nobody needs rights for
    what follows from another change (RFC 8341 section 3.2.5)."""
    if difference.operation is not Operation.DELETE:
        return False
    node = candidate.find_like(difference.node)
    return node != NO_NODE and not is_default(node)


def caller_info(caller: Caller) -> CommitInfo:
    return CommitInfo(caller.user, caller.session_id, caller.source)


def _token(operation: Element, name: str) -> str | None:
    """Return a persist token as it was written; white space is part of it."""
    found = parameter(operation, name)
    return None if found is None else found.text or ""


async def discard_changes(context: Context, caller: Caller, _operation: Element) -> bytes:
    async with changing_candidate(context, caller):
        await context.configuration.discard()
    return b""


async def validate(context: Context, caller: Caller, operation: Element) -> bytes:
    """Validate a datastore, or a configuration that is given: that as copy-config would take it."""
    source = datastore_of(operation, "source")
    name = datastore_name(context.schema, operation, "source")
    configuration = context.configuration
    if name == "running":
        return b""  # running was validated when it was committed
    access = context.access(caller)
    async with configuration.writing, tries_counted(context, caller):
        context.nacm.tries.refuse_more(access.user)
        candidate = configuration.candidate
        if name != "candidate":
            refuse_in_vain(context, caller, operation)
            candidate = await context.worker(inline_candidate, context, access, source)
        await configuration.validate(candidate, access.reader(context.schema))
    return b""


def inline_candidate(context: Context, access: Access, config: Element) -> Candidate:
    """*worker* Return ``config`` as a candidate.

    Raises:
        RpcErrors: it does not fit the schema, or its author may not make it running.
    """
    running = context.configuration.running
    content = permitted_content(context, access, config)
    candidate = Candidate(running)
    candidate.replace_all(content, running, hidden_units(access, content))
    if not access.everything(WRITES):
        units = list(candidate.changed.values())
        context.nacm.refuse_changes(access, unit_differences(units, running, candidate.tree))
    return candidate
