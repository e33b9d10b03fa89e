"""What is read of running with the state that belongs to it: a copy of as much as a filter may look at.

The copy is made while running is held; the state is asked for after that, and becomes part of it where it is
printed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from agent.apart import in_copy
from agent.nacm.access import Access
from agent.operational import Document, merge_state
from agent.operations.asked import asked
from agent.operations.budget import TooMuchHere
from agent.operations.context import Caller, Context
from agent.operations.history import history_documents
from agent.operations.narrow import Wanted
from agent.operations.readers import Filter, carried_out, reads_little
from agent.yang.leaf_lists import changes_what_it_prints
from agent.yang.nodes import Defaults
from agent.yang.tree import Tree

Result = TypeVar("Result")

SMALL_OCTETS = 32 * 1024
"""State that is parsed on the event loop."""


@dataclass(slots=True)
class Stateful:
    """A part of running, and the ``documents`` of its state that are not in ``tree`` yet.

    ``small``: all of it is handled on the event loop, and freed there.
    """

    tree: Tree
    documents: list[Document]
    small: bool

    def whole(self) -> Tree:
        """Return the tree with its state. It is not pruned, but of the history it holds only what its reader
        may see."""
        while self.documents:
            merge_state(self.tree, self.documents.pop(0)())
        return self.tree


async def with_state(context: Context, filter_: Filter, access: Access, *, state: bool = True) -> Tree:
    """Return a copy of the part of running that the filter may touch, with the state that belongs to it."""
    found = await state_for(context, filter_, access, state=state, small=False)
    tree: Tree = await context.reader(found.whole)
    return tree


async def state_for(
    context: Context, filter_: Filter, access: Access, *, state: bool = True, small: bool = True
) -> Stateful:
    """Return a copy of the part of running that the filter may touch, and the state that belongs to it.

    ``small``: it may be one that is handled on the event loop.
    """
    wanted = _narrowed_here(context, filter_, access) if small else None
    small = wanted is not None
    if wanted is None:
        wanted = await context.reader(_narrowed, context, filter_)
    found = Stateful(wanted.tree, [], small)
    if state:
        found.documents = await _documents(context, filter_, access, wanted, small=small)
    if small:
        made = [document() for document in found.documents]
        found.documents = [partial(_as_it_is, document) for document in made]
        found.small = sum(map(len, made)) <= SMALL_OCTETS
    return found


def _narrowed_here(context: Context, filter_: Filter, access: Access) -> Wanted | None:
    """Return what is wanted if that is little, else None."""
    with context.configuration.published.held(briefly=True) as running, context.schema.frees_at_once():
        if not reads_little(running, filter_, access):
            return None
        return filter_.narrow(context.schema, running)


def _narrowed(context: Context, filter_: Filter) -> Wanted:
    with context.configuration.published.held() as running:
        return filter_.narrow(context.schema, running)


async def _documents(
    context: Context, filter_: Filter, access: Access, wanted: Wanted, *, small: bool
) -> list[Document]:
    lists = {t.config_list: t for t in context.operational.translators}
    keys = {path: list(entries) for path, entries in wanted.entries.items() if path in lists}
    roots = [path for path in wanted.roots if path in context.operational.roots]
    documents = await context.operational.root_documents(roots)
    documents += await context.operational.entry_documents(keys)
    if small:
        commits = asked(context.schema, filter_.subtree, filter_.xpath)
    else:
        commits = await context.reader(asked, context.schema, filter_.subtree, filter_.xpath)
    if commits is not None:
        documents += [partial(_as_it_is, made) for made in await history_documents(context, commits, access)]
    return documents


def _as_it_is(document: bytes) -> bytes:
    return document


async def of_own(
    context: Context,
    caller: Caller,
    filter_: Filter,
    found: Stateful,
    work: Callable[[], Result],
    *,
    defaults: Defaults,
) -> Result:
    """Return what ``work`` returns, which applies ``filter_`` to ``found`` and prints it.

    Raises:
        TooCostlyFilter, ResourceDenied, OperationFailed: as ``carried_out``.
    """
    if changes_what_it_prints(context.schema, defaults):
        return await carried_out(context, caller, filter_, work, thread=context.worker)

    def to_its_end() -> Result:
        result = work()
        if not in_copy():  # which ends anyway
            found.tree.drop()
        return result

    if found.small:
        with context.schema.frees_at_once():
            try:
                return to_its_end()
            except TooMuchHere:
                pass
    return await carried_out(context, caller, filter_, to_its_end, thread=context.reader)
