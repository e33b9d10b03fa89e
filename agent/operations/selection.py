"""What a selection of a datastore holds at the moment, for who is sent it by itself: all of it as a document
or in pieces, or of the pieces only those of units that may have changed.

It is read where a get is, and holds nothing that its user may not read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeVar

from agent.nacm.access import Access
from agent.nacm.prune import prune
from agent.operational import Document, merge_state
from agent.operations.both_sides import entries, is_local, lists, wanted
from agent.operations.context import Caller, Context
from agent.operations.narrow import first_steps
from agent.operations.read import Filter, readable, selected
from agent.operations.readers import carried_out, for_printing, of_running
from agent.operations.state import of_own, state_for
from agent.operations.subtree import is_content_match, named
from agent.operations.xpath import is_plain
from agent.push.changeable import leave_out
from agent.push.pieces import Piece, pieces_of
from agent.translator import Keys
from agent.xml import Element
from agent.yang.nodes import Defaults, keys_of
from agent.yang.paths import STEP, without_predicates
from agent.yang.schema import Schema
from agent.yang.schema_node import QName, SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import Unit, unit_at

Result = TypeVar("Result")

OPERATIONAL = "operational"
RUNNING = "running"
CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Selection:
    """What ``filter`` selects of ``datastore``, of what ``access`` lets its user read.

    ``without``: XPath expressions of state that is left out. ``local``: what is selected of a unit depends on
    nothing outside of it. ``may_select``: False for the path of a unit of which nothing can be selected.
    ``only``: paths of the units that alone may be; None if that cannot be told.
    """

    datastore: str
    filter: Filter
    access: Access
    without: tuple[str, ...] = ()
    local: bool = False
    may_select: Callable[[str], bool] = field(default=lambda _path: True)
    only: frozenset[str] | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for selections that hold the same."""
        return (self.datastore, *self.filter.key, rights(self.access), bool(self.without))

    @property
    def defaults(self) -> Defaults:
        # All values in use are part of <operational>, the defaults too (RFC 8342 section 5.3).
        return Defaults.REPORT_ALL if self.datastore == OPERATIONAL else Defaults.EXPLICIT

    def pieces(self, tree: Tree) -> dict[str, Piece]:
        """*worker* Return what is selected of ``tree``, which holds nothing that is not to be read."""
        found = self.filter.apply(tree)
        leave_out(found, self.without)
        return pieces_of(found, self.defaults)

    def document(self, tree: Tree) -> bytes:
        """*worker* As ``pieces``, as one document."""
        return selected(tree, self.filter, self.defaults)


def rights(access: Access) -> tuple[object, ...]:
    """Return what is equal for users who may read the same."""
    if access.free:
        return ("free", access.secrets)
    settings = access.settings
    return (repr(access.rules), settings.read_default, settings.enabled, access.secrets)


async def made(
    context: Context, filter_: Filter, access: Access, *, datastore: str, without: tuple[str, ...] = ()
) -> Selection:
    """Return a selection that can be looked at again in part, where its filter permits."""
    found: Selection = await context.worker(_made, context.schema, filter_, access, datastore, without)
    return found


def _made(
    schema: Schema, filter_: Filter, access: Access, datastore: str, without: tuple[str, ...]
) -> Selection:
    nodes = selected_nodes(schema, filter_)
    roots = None if nodes is None else {node.root.path for node in nodes}
    local = is_local(schema, filter_)
    units = wanted(schema, filter_, access) if local else None
    only = entries(schema, filter_) if local else None
    all_of = lists(schema, filter_) if local and access.everything(["read"]) else None
    begins = None if all_of is None else tuple(f"{path}{end}" for path in all_of for end in "[/")

    def may_select(path: str) -> bool:
        top = "/" not in path[1:]
        if top or units is None:
            return roots is None or f"/{path[1:].partition('/')[0].partition('[')[0]}" in roots
        if begins is not None:  # as ``units`` would say, but sooner
            return path.startswith(begins) or path in (all_of or ())
        return units(path)

    return Selection(
        datastore, filter_, access, without=without, local=local, may_select=may_select, only=only
    )


async def whole(
    context: Context, caller: Caller, selection: Selection, work: Callable[[Tree], Result]
) -> Result:
    """Return what ``work`` returns for the tree that ``selection`` is of.

    Raises:
        TooCostlyFilter, ResourceDenied, OperationFailed: as a get.
    """
    access, filter_ = selection.access, selection.filter
    if selection.datastore == RUNNING:

        def read(tree: Tree) -> Result:
            return work(readable(access, tree, filter_))

        return await of_running(context, caller, filter_, read, access=access, defaults=selection.defaults)
    if selection.datastore == CANDIDATE:

        def of_candidate() -> Result:
            return work(readable(access, for_printing(context, CANDIDATE, selection.defaults), filter_))

        return await carried_out(context, caller, filter_, of_candidate, thread=context.worker)
    found = await state_for(context, filter_, access)

    def with_its_state() -> Result:
        tree = found.whole()
        prune(access, tree)
        return work(tree)

    return await of_own(context, caller, filter_, found, with_its_state, defaults=selection.defaults)


async def part(
    context: Context, caller: Caller, selection: Selection, paths: Collection[str]
) -> dict[str, Piece]:
    """Return the pieces of the units at ``paths``, and below those that are top-level nodes of state.

    Raises:
        TooCostlyFilter, ResourceDenied, OperationFailed: as a get.
    """
    operational = selection.datastore == OPERATIONAL
    lists = {t.config_list for t in context.operational.translators} if operational else set[str]()

    def copied() -> tuple[Tree, dict[str, list[Keys]]]:
        if selection.datastore == CANDIDATE:
            return _units(context.configuration.candidate.content, paths, lists)
        with context.configuration.published.held() as running:
            return _units(running, paths, lists)

    thread = context.worker if selection.datastore == CANDIDATE else context.reader
    tree, keys = await thread(copied)
    documents: list[Document] = []
    if operational:
        roots = [path for path in paths if path in context.operational.roots]
        documents = await context.operational.root_documents(roots)
        documents += await context.operational.entry_documents(keys)

    def work() -> dict[str, Piece]:
        for document in documents:
            merge_state(tree, document())
        prune(selection.access, tree)
        return selection.pieces(tree)

    return await carried_out(context, caller, selection.filter, work, thread=context.reader)


def _units(
    running: Tree, paths: Collection[str], lists: Collection[str]
) -> tuple[Tree, dict[str, list[Keys]]]:
    """Return copies of units, and the keys of those that are entries of ``lists``."""
    found, keys = Tree(running.schema), dict[str, list[Keys]]()
    for path in paths:
        unit = unit_at(running, path)
        if unit is None:
            continue
        nodes = unit.locate(running)
        unit.replace_in(found, nodes, restore_default=False)
        if unit.schema_node.path in lists:
            keys.setdefault(unit.schema_node.path, []).extend(_keys(unit, nodes))
    return found, keys


def _keys(unit: Unit, nodes: Collection[object]) -> list[Keys]:
    return [keys_of(node, unit.schema_node) for node in nodes]


def selected_nodes(schema: Schema, filter_: Filter) -> list[SchemaNode] | None:
    """*worker* Return the topmost nodes of which the filter may select something; None if that cannot be told
    from it."""
    if filter_.subtree is not None:
        return [node for element in filter_.subtree for node in _named_below(element, schema.roots)]
    if filter_.xpath is None:
        return list(schema.roots.values())
    text = filter_.xpath.text.strip()
    if not is_plain(text) or not any(True for _ in first_steps(schema, filter_.xpath)):
        return None if not is_plain(text) else []
    nodes = [*schema.roots.values()]
    found: list[SchemaNode] = []
    for prefix, name, _ in STEP.findall(without_predicates(text) or ""):
        uri = filter_.xpath.declared.get(prefix) if prefix else None
        found = [node for node in nodes if node.name == name and uri in (None, node.namespace)]
        nodes = [child for node in found for child in node.children.values()]
    return found


def _named_below(element: Element, level: dict[QName, SchemaNode]) -> list[SchemaNode]:
    found: list[SchemaNode] = []
    for node in named(element, level):
        others = [child for child in element if not is_content_match(child)]
        if others and node.children:
            found += [below for child in others for below in _named_below(child, node.children)]
        else:
            found.append(node)
    return found
