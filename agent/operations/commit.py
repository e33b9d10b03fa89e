"""commit, cancel-commit, discard-changes and validate (RFC 6241 sections 8.3, 8.4 and 8.6).

A commit with <verify> is answered when it is decided whether it stays; with <persist>, at once.
"""

from __future__ import annotations

from dataclasses import replace

from agent.datastore.candidate import Candidate
from agent.datastore.confirmed import Request, timeout_of
from agent.datastore.preparation import Check, Prepared
from agent.datastore.records import CommitInfo
from agent.errors import BadElement, ErrorType, InvalidValue
from agent.nacm.access import WRITES, Access
from agent.operations.context import Caller, Context
from agent.operations.cut_off import keeping_connected
from agent.operations.disclosure import hidden_units, tries_counted
from agent.operations.locking import changing_candidate
from agent.operations.parameters import (
    AGENT_NS,
    canonical_value,
    datastore_name,
    datastore_of,
    parameter,
)
from agent.operations.txid import ok
from agent.operations.verify import seen_to_work, verify_of
from agent.operations.write import permitted_content, refuse_in_vain
from agent.visible import comment_fault
from agent.xml import NETCONF_NS, Element
from agent.yang.difference import Difference, Operation
from agent.yang.nodes import NO_NODE, is_default
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import unit_differences

PLAIN = Request()
"""A commit without parameters."""


async def commit(context: Context, caller: Caller, operation: Element) -> bytes:
    request = await context.worker(_request, context.schema, operation) if len(operation) else PLAIN
    comment = _comment(operation)
    # What takes itself back cuts nobody off for good; with <verify> it may confirm itself.
    takes_itself_back = request.confirmed and request.verify is None
    tolerated = takes_itself_back or parameter(operation, "even-if-cut-off", AGENT_NS) is not None
    async with context.configuration.writing:
        for datastore in ("candidate", "running"):
            context.locks.refuse_others(datastore, caller.session_id)
        access = context.access(caller)
        context.nacm.tries.refuse_more(access.user)
        async with tries_counted(context, caller):
            if context.configuration.candidate.conditions:
                await context.worker(context.configuration.refuse_mismatch)
            await context.confirmed.commit(
                request,
                replace(caller_info(caller), comment=comment),
                check=check_of(context, caller, context.configuration.candidate),
                may_read=access.reader(context.schema),
                vet=keeping_connected(context, caller, tolerated=tolerated),
            )
        reply = await ok(context, operation, "running")
        verification = context.confirmed.verification
    if verification is not None and request.persist is None:
        await seen_to_work(context, caller, verification)
    return reply


def _request(schema: Schema, operation: Element) -> Request:
    """*worker* Return the parameters of ``<commit>``.

    Raises:
        BadElement, OperationFailed: one has no meaning here, or too many values.
    """
    confirmed = parameter(operation, "confirmed") is not None
    timeout = parameter(operation, "confirm-timeout")
    if not confirmed and timeout is not None:
        raise BadElement(
            "confirm-timeout",
            "<confirm-timeout> belongs to a confirmed commit: add <confirmed/>",
            type=ErrorType.PROTOCOL,
        )
    node, verify = schema.rpcs[NETCONF_NS, "commit"], verify_of(schema, operation)
    timeout_s = None
    if timeout is not None:
        leaf = node.children[NETCONF_NS, "confirm-timeout"]
        timeout_s = int(canonical_value(schema, leaf, timeout))
    return Request(
        confirmed=confirmed,
        timeout_s=timeout_of(timeout_s, verify),
        persist=_token(operation, "persist"),
        persist_id=_token(operation, "persist-id"),
        verify=verify,
    )


def _comment(operation: Element) -> str:
    """Return why the client says that it commits; "" if it says nothing.

    Raises:
        InvalidValue: not all of it can be seen, or nothing.
    """
    found = operation.find(f"{{{AGENT_NS}}}comment")
    comment = "" if found is None else found.text or ""
    if comment and (fault := comment_fault(comment)) is not None:
        app_tag, sentence = fault
        info = {"bad-element": "comment"}
        raise InvalidValue(sentence, app_tag=app_tag, type=ErrorType.PROTOCOL, info=info)
    return comment


async def cancel_commit(context: Context, caller: Caller, operation: Element) -> bytes:
    async with context.configuration.writing:
        await context.confirmed.cancel(
            _token(operation, "persist-id"),
            caller_info(caller),
            recovery=context.recovers(caller),
        )
    return b""


def check_of(context: Context, caller: Caller, candidate: Candidate) -> Check | None:
    """Return what refuses a commit of ``candidate`` in which the caller may not change all that differs
    (RFC 8341 section 3.2.8)."""
    access = context.access(caller)
    if access.everything(WRITES):
        return None

    def check(prepared: Prepared, running: Tree) -> None:
        found = unit_differences(prepared.units, running, prepared.scratch)
        context.nacm.refuse_changes(access, (one for one in found if not _taken_away(one, candidate.content)))

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
    async with configuration.writing, tries_counted(context, caller):
        access = context.access(caller)  # by rules that nobody changes now
        context.nacm.tries.refuse_more(access.user)
        candidate = configuration.candidate
        if name != "candidate":
            refuse_in_vain(context, caller, source)
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
