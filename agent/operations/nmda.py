"""get-data and edit-data (RFC 8526), and what <operational> is (RFC 8342 section 5.3).

<operational> here is running with the defaults in use and the state: what is configured is applied with the
commit that brings it, so nothing lies between the two. The origin of a node is ``default`` if nobody set
it, and ``intended`` otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.errors import BadElement, ErrorType, InvalidParameter
from agent.operations.context import Caller, Context
from agent.operations.origin import DEFAULT, INTENDED, keep_config, keep_origins, mark_origins
from agent.operations.parameters import canonical_value, datastore_identity, parameter, text_of
from agent.operations.pruned import Ids
from agent.operations.read import (
    Filter,
    all_known,
    ids_before,
    in_data,
    read_defaults,
    readable,
    report,
    selected,
    subtree_or_xpath,
    unless_known,
)
from agent.operations.readers import carried_out, for_printing, of_running
from agent.operations.state import of_own, state_for
from agent.operations.txid import Given, read_given
from agent.operations.write import apply_edit
from agent.xml import Element, local_name, namespace
from agent.yang.nodes import Defaults
from agent.yang.schema import Schema
from agent.yang.tree import Tree

FEW = 32
"""Parameters that are read on the event loop: some may stand there any number of times."""


@dataclass(frozen=True, slots=True)
class DataRequest:
    """The checked parameters of ``<get-data>``.

    ``config``: only nodes with this "config" property, None takes both. ``origins``: of configuration nodes
    that are wanted, None takes all. ``max_depth``: levels below and with a selected node, None is all.
    ``given``: transaction ids.
    """

    datastore: str
    filter: Filter
    config: bool | None
    origins: frozenset[str] | None
    max_depth: int | None
    with_origin: bool
    defaults: Defaults
    given: Given | None


async def get_data(context: Context, caller: Caller, operation: Element) -> bytes:
    if len(operation) <= FEW:
        request = _read_request(context, operation)
    else:
        request = await context.worker(_read_request, context, operation)
    start = b' xmlns="%s"' % namespace(operation).encode()
    if request.datastore != "operational":
        known = await all_known(context, request.given, request.datastore)
        if known is not None:
            return in_data(b"", start + known)
    if request.datastore == "operational":
        return await _operational(context, caller, request, start)
    access = context.access(caller)

    def read(tree: Tree) -> bytes:
        return in_data(_selected(request, readable(access, tree, request.filter)), start)

    if request.given is None and request.datastore == "running":
        return await of_running(
            context, caller, request.filter, read, access=access, defaults=request.defaults
        )

    def work() -> bytes:
        """*worker*"""
        tree = for_printing(context, request.datastore, request.defaults)
        if request.given is None:
            return read(tree)
        now = Ids(request.given, context.configuration.txids(request.datastore))

        def rest() -> bytes:
            return _selected(request, readable(access, tree, request.filter), now)

        body = unless_known(now, request.filter, rest, tree=tree, access=access)
        return in_data(body, start + now.start)

    return await carried_out(context, caller, request.filter, work, thread=context.worker)


async def _operational(context: Context, caller: Caller, request: DataRequest, start: bytes) -> bytes:
    ids = await ids_before(context, request.given)
    access = context.access(caller)
    found = await state_for(context, request.filter, access, state=request.config is not True)

    def work() -> bytes:
        body = _selected(request, readable(access, found.whole(), request.filter), ids)
        return in_data(body, start + (ids.start if ids else b""))

    return await of_own(context, caller, request.filter, found, work, defaults=request.defaults)


def _selected(request: DataRequest, tree: Tree, ids: Ids | None = None) -> bytes:
    """Return what ``request`` selects of ``tree``, which holds nothing that its user may not read."""
    if request.config is None and request.origins is None and not request.with_origin:
        return selected(tree, request.filter, request.defaults, ids, request.max_depth)
    found = request.filter.apply(tree, request.max_depth)
    if request.config is not None:
        found = keep_config(found, request.config)
    if request.origins is not None:
        found = keep_origins(found, request.origins)
    if request.with_origin:
        found = found.duplicate()
        mark_origins(found)
    return report(found, request.defaults, ids, request.filter)


def _read_request(context: Context, operation: Element) -> DataRequest:
    """*worker* Check what its YANG says in words only.

    Raises:
        BadElement, InvalidParameter: a datastore that is not there, or a parameter that does not go with it.
    """
    datastore = _datastore(context.schema, operation)
    for name in ("with-origin", "origin-filter", "negated-origin-filter"):
        if datastore != "operational" and parameter(operation, name) is not None:
            raise InvalidParameter(name, f"<{name}> goes with the operational datastore only")
    given, operation = read_given(operation)
    config = text_of(operation, "config-filter")
    depth = text_of(operation, "max-depth", "unbounded")
    # All values in use are part of <operational>, the defaults too (RFC 8342 section 5.3).
    basic = Defaults.REPORT_ALL if datastore == "operational" else Defaults.EXPLICIT
    return DataRequest(
        datastore,
        filter=subtree_or_xpath(context.schema, parameter(operation, "subtree-filter"), _xpath(operation)),
        config=None if not config else config == "true",
        origins=_origins(context, operation),
        max_depth=None if depth == "unbounded" else int(depth),
        with_origin=parameter(operation, "with-origin") is not None,
        defaults=read_defaults(operation, basic),
        given=given,
    )


def _xpath(operation: Element) -> Element | None:
    return parameter(operation, "xpath-filter")


def _origins(context: Context, operation: Element) -> frozenset[str] | None:
    """*worker* Return the origins that are wanted, of those that occur here."""
    wanted = _identities(context, operation, "origin-filter")
    barred = _identities(context, operation, "negated-origin-filter")
    if wanted:
        return frozenset((INTENDED, DEFAULT)) & frozenset(wanted)
    if barred:
        return frozenset((INTENDED, DEFAULT)) - frozenset(barred)
    return None


def _identities(context: Context, operation: Element, name: str) -> Sequence[str]:
    node = context.schema.rpcs[namespace(operation), "get-data"].children[namespace(operation), name]
    found = [e for e in operation if local_name(e) == name]
    return [canonical_value(context.schema, node, element) for element in found]


async def edit_data(context: Context, caller: Caller, operation: Element) -> bytes:
    datastore = await context.worker(_datastore, context.schema, operation)
    if datastore != "candidate":
        raise InvalidParameter(
            "datastore", f"the {datastore} datastore cannot be edited: edit the candidate and commit"
        )
    return await apply_edit(context, caller, operation)


def _datastore(schema: Schema, operation: Element) -> str:
    """*worker* Return the name of the datastore that is asked for.

    Raises:
        BadElement, InvalidParameter: it is none, or not there.
    """
    name = datastore_identity(schema, operation)
    if not name:
        raise BadElement("datastore", "<datastore> names no datastore", type=ErrorType.PROTOCOL)
    if name not in ("running", "candidate", "operational"):
        raise InvalidParameter("datastore", f"this server has no {name} datastore")
    return name
