"""Where a read is done: on the event loop, on the thread for reads, or in a copy of the process.

Running is held meanwhile (agent.datastore.published), so no write changes what is read, and a read waits for
none but a small change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Generic, Protocol, TypeVar

from agent.apart import CopyLost, Held, NoCopy, TooCostly
from agent.datastore.published import Published
from agent.errors import OperationFailed, ResourceDenied
from agent.nacm.access import Access
from agent.operations.budget import TooCostlyFilter, TooMuchHere
from agent.operations.context import Caller, Context
from agent.operations.narrow import Wanted
from agent.operations.small import is_small
from agent.operations.xpath import Expression, is_plain
from agent.xml import Element
from agent.yang.leaf_lists import changes_what_it_prints
from agent.yang.nodes import Defaults
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.worker import Worker

Result = TypeVar("Result")


MAX_RULES = 20
"""Of access control, each of which is looked for in what is read, for who reads on the event loop."""


class Filter(Protocol):
    """What of a filter decides where it is applied; agent.operations.read has the whole."""

    @property
    def subtree(self) -> Element | None: ...
    @property
    def xpath(self) -> Expression | None: ...
    def narrow(self, schema: Schema, tree: Tree) -> Wanted: ...


def reads_little(tree: Tree, filter_: Filter, access: Access) -> bool:
    """Return whether what ``filter_`` selects of running is read on the event loop."""
    quick = len(access.rules) <= MAX_RULES or access.everything(["read"])
    return quick and is_small(tree, filter_.subtree, filter_.xpath)


async def of_running(
    context: Context,
    caller: Caller,
    filter_: Filter,
    work: Callable[[Tree], Result],
    *,
    access: Access,
    defaults: Defaults = Defaults.EXPLICIT,
) -> Result:
    """Return what ``work`` returns for running, of which it reads no more than ``filter_`` looks at.

    ``access``: of the reader. ``defaults``: how it prints.

    Raises:
        TooCostlyFilter, ResourceDenied, OperationFailed: as ``carried_out``.
    """
    if changes_what_it_prints(context.schema, defaults):
        held = _Held(context.configuration.published, work, copies=True)
        return await carried_out(context, caller, filter_, held, thread=context.worker, held=held.entered)
    published = context.configuration.published
    with published.held(briefly=True) as tree, context.schema.frees_at_once():
        if reads_little(tree, filter_, access):
            try:
                return work(tree)
            except TooMuchHere:
                pass
    del tree  # or who waits for his turn keeps it, though it was replaced meanwhile

    held = _Held(context.configuration.published, work)
    return await carried_out(context, caller, filter_, held, thread=context.reader, held=held.entered)


class _Held(Generic[Result]):
    """Work on running, which is held from when it begins: on a thread with the call, for a copy of the
    process before it. ``copies``: it marks what it prints, and does so in a copy of running."""

    def __init__(self, published: Published, work: Callable[[Tree], Result], *, copies: bool = False) -> None:
        self._published = published
        self._work = work
        self._copies = copies
        self._tree: Tree | None = None

    @contextmanager
    def entered(self) -> Iterator[None]:
        with self._published.held() as self._tree:
            try:
                yield
            finally:
                self._tree = None

    def __call__(self) -> Result:
        if self._tree is not None:
            return self._work(self._tree)
        with self._published.held() as tree:
            return self._work(tree.duplicate() if self._copies else tree)


def for_printing(context: Context, source: str, defaults: Defaults) -> Tree:
    """*worker* Return running or the candidate; of running a copy, if it is marked while it is printed."""
    configuration = context.configuration
    tree = configuration.running
    if source != "running":
        configuration.candidate.settle()
        tree = configuration.candidate.content
    marks = tree.shared and changes_what_it_prints(context.schema, defaults)
    return tree.duplicate() if marks else tree


async def carried_out(
    context: Context,
    caller: Caller,
    filter_: Filter,
    work: Callable[[], Result],
    *,
    thread: Worker,
    held: Held = nullcontext,
) -> Result:
    """Return what ``work`` returns, which applies ``filter_``: on ``thread``, or where it may take long in a
    copy, that is made there while ``held`` is entered.

    Raises:
        TooCostlyFilter: it takes too long.
        ResourceDenied: the system makes no copy.
        OperationFailed: the copy has ended by a fault.
    """
    if filter_.xpath is None or is_plain(filter_.xpath.text):
        try:
            done: Result = await thread(work)
            return done
        except TooMuchHere:
            pass
    return await apart(context, caller, work, thread=thread, held=held)


async def apart(
    context: Context,
    caller: Caller,
    work: Callable[[], Result],
    *,
    thread: Worker,
    held: Held = nullcontext,
) -> Result:
    """As ``carried_out``, whatever the filter is."""
    try:
        found: Result = await context.apart.done(caller.user, thread, work, held)
        return found
    except TooCostly:
        raise TooCostlyFilter from None
    except NoCopy:
        raise ResourceDenied(
            "this server cannot begin the process that looks for what the filter selects: try again later"
        ) from None
    except CopyLost:
        raise OperationFailed(
            "the server failed to find what the filter selects; its log says why", app_tag="internal-error"
        ) from None
