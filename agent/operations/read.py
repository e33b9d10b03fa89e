"""get and get-config (RFC 6241 sections 7.1 and 7.7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from agent.datastore.edit_attributes import DEFAULT_NS
from agent.datastore.txids import View
from agent.errors import (
    BadAttribute,
    BadElement,
    ErrorType,
    MissingAttribute,
)
from agent.nacm.access import Access
from agent.nacm.prune import prune
from agent.operations.budget import refuse_large
from agent.operations.context import Caller, Context
from agent.operations.narrow import Wanted, narrow, narrow_xpath, wanted_everywhere
from agent.operations.parameters import NMDA_NS, datastore_of, parameter, quote_variables
from agent.operations.pruned import Ids, pruned, without_known
from agent.operations.readers import carried_out, for_printing, of_running
from agent.operations.state import of_own, state_for
from agent.operations.subtree import (
    Mark,
    Whole,
    cut,
    marks_of,
    select,
    selected_whole,
    selects_event,
    whole_marks,
)
from agent.operations.txid import Given, read_given
from agent.operations.whole_state import whole_with_state
from agent.operations.xpath import Expression, read_expression, select_xpath, xpath_marks
from agent.xml import NETCONF_NS, Element, local_name, namespace, serialize
from agent.yang.leaf_lists import changes_what_it_prints, printed_with
from agent.yang.nodes import XML, Defaults, print_node
from agent.yang.prefixed import Declared
from agent.yang.schema import Schema
from agent.yang.tree import Tree

Result = TypeVar("Result")

WITH_DEFAULTS_NS = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults"
_DEFAULTS_SPACES = (WITH_DEFAULTS_NS, NMDA_NS)
# Text cannot hold "<", so what is found after one stands in a tag.
_TAG = re.compile(rb'(<[^<>]* )xmlns:ncwd="%s"' % DEFAULT_NS.encode())
_LIBYANG_TAG = re.compile(rb'(<[^<>]* )xmlns:ncwd="%s"' % WITH_DEFAULTS_NS.encode())


@dataclass(frozen=True, slots=True)
class Filter:
    """A checked filter: a subtree, or an XPath expression."""

    subtree: Element | None = None
    xpath: Expression | None = None

    @property
    def empty(self) -> bool:
        """True if there is no filter, and everything is selected."""
        return self.subtree is None and self.xpath is None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for filters that select the same: what a text means depends on its namespaces, and the
        default one is one of them."""
        subtree = b"" if self.subtree is None else serialize(self.subtree)
        if self.xpath is None:
            return (subtree, ())
        return (subtree, (self.xpath.text, tuple(sorted(self.xpath.declared.items(), key=str))))

    def apply(self, tree: Tree, max_depth: int | None = None) -> Tree:
        """*worker* Return what is selected; of each selected node at most ``max_depth`` levels."""
        if self.subtree is not None:
            return select(tree, self.subtree, max_depth)
        if self.xpath is not None:
            return select_xpath(tree, self.xpath, max_depth)
        return tree if max_depth is None else cut(tree, max_depth)

    def marks(self, tree: Tree) -> Collection[Mark]:
        """*worker* Return marks of what is selected."""
        if self.subtree is not None:
            return marks_of(tree, self.subtree)
        if self.xpath is not None:
            return xpath_marks(tree, self.xpath)
        return whole_marks(tree)

    def matches_event(self, tree: Tree) -> bool:
        """*worker* True if something of a notification is selected.

        Raises:
            InvalidValue: the XPath expression cannot be used.
        """
        if self.subtree is not None:
            return selects_event(tree, self.subtree)
        return not self.apply(tree).empty

    def narrow(self, schema: Schema, tree: Tree) -> Wanted:
        if self.subtree is not None:
            return narrow(schema, tree, self.subtree)
        if self.xpath is not None:
            return narrow_xpath(schema, tree, self.xpath)
        return wanted_everywhere(schema, tree)


def read_filter(schema: Schema, operation: Element) -> Filter:
    """Return the operation's filter.

    Raises:
        MissingAttribute, BadAttribute, InvalidValue: RFC 6241 sections 6 and 8.9.
    """
    element = parameter(operation, "filter")
    if element is None:
        return Filter()
    kind = _attribute(element, "type")
    expression = _attribute(element, "select")
    if kind in (None, "subtree"):
        if expression is not None:
            raise _select_without_xpath(kind)
        return _subtree_filter(element)
    if kind != "xpath":
        raise BadAttribute(
            "type", "filter", f"a filter is of type subtree or xpath, not '{kind}'", type=ErrorType.PROTOCOL
        )
    if expression is None:
        raise MissingAttribute("select", "filter", type=ErrorType.PROTOCOL)
    if len(element):
        message = "a filter of type xpath is what 'select' says: it holds no elements"
        raise BadElement(local_name(element[0]), message, type=ErrorType.PROTOCOL)
    return _xpath_filter(schema, expression, element)


def _select_without_xpath(kind: str | None) -> BadAttribute:
    """Return what refuses a select, which only a filter of type xpath has (RFC 6241 section 8.9.5.1)."""
    if kind is None:
        return MissingAttribute("type", "filter", type=ErrorType.PROTOCOL)
    message = f"'select' goes with the type xpath, not {kind}"
    return BadAttribute("select", "filter", message, type=ErrorType.PROTOCOL)


def subtree_or_xpath(
    schema: Schema,
    subtree: Element | None,
    xpath: Element | None,
    declared: Declared | None = None,
) -> Filter:
    """Return the filter of get-data: one of its two parameters, or none.

    ``declared``: the prefixes of the expression, if these are not those in scope where it stands.

    Raises:
        InvalidValue: the XPath expression cannot be used.
    """
    if xpath is not None:
        text = (xpath.text or "").strip()
        return Filter(xpath=read_expression(schema, text, xpath.nsmap if declared is None else declared))
    return Filter() if subtree is None else _subtree_filter(subtree)


def _subtree_filter(element: Element) -> Filter:
    refuse_large(element)
    quote_variables(element)
    return Filter(subtree=element)


def _xpath_filter(schema: Schema, expression: str, element: Element) -> Filter:
    return Filter(xpath=read_expression(schema, expression, element.nsmap))


def read_defaults(operation: Element, basic: Defaults = Defaults.EXPLICIT) -> Defaults:
    """Return the with-defaults mode of a retrieval, ``basic`` if none is given (RFC 6243 section 4.5.1)."""
    found = next(
        (e for e in operation if local_name(e) == "with-defaults" and namespace(e) in _DEFAULTS_SPACES), None
    )
    if found is None:
        return basic
    return Defaults[(found.text or "").strip().upper().replace("-", "_")]


def selected(
    tree: Tree, filter_: Filter, defaults: Defaults, ids: Ids | None = None, max_depth: int | None = None
) -> bytes:
    """Return what ``filter_`` selects of ``tree`` as XML, as ``report`` does; what is whole is not copied."""
    if ids is None and max_depth is None and not changes_what_it_prints(tree.schema, defaults):
        found = None if filter_.subtree is None else selected_whole(tree, filter_.subtree)
        if found is not None:
            return tagged(b"".join(_printed(tree, whole, defaults) for whole in found), defaults)
    return report(filter_.apply(tree, max_depth), defaults, ids, filter_)


def _printed(tree: Tree, whole: Whole, defaults: Defaults) -> bytes:
    if not whole.without:
        return print_node(whole.node, XML, defaults)
    copy = tree.copy_of(whole.node)
    for node in whole.without:
        copy.remove(copy.find_like(node))
    return copy.to_xml(defaults)


def report(tree: Tree, defaults: Defaults, ids: Ids | None = None, filter_: Filter | None = None) -> bytes:
    """*worker* Return ``tree`` as XML, with the tags of defaults in the namespace of RFC 6243.

    ``ids``: with transaction ids, and without what the client knows of what ``filter_`` has selected.
    """
    subtree = None if filter_ is None else filter_.subtree
    printed = printed_with(tree, defaults) if ids is None else pruned(tree, defaults, ids, subtree)
    return tagged(printed, defaults)


def tagged(printed: bytes, defaults: Defaults) -> bytes:
    """Return what libyang has printed with the tags of defaults in the namespace of RFC 6243."""
    if defaults is Defaults.REPORT_ALL_TAGGED:
        return _LIBYANG_TAG.sub(rb'\1xmlns:ncwd="%s"' % DEFAULT_NS.encode(), printed)
    return printed


def untagged(report: bytes) -> bytes:
    """Return what was ``tagged`` as libyang reads it, as data that knows what is a default."""
    return _TAG.sub(rb'\1xmlns:ncwd="%s"' % WITH_DEFAULTS_NS.encode(), report)


def _attribute(element: Element, name: str) -> str | None:
    value = element.get(name)
    if value is None:
        value = element.get(f"{{{NETCONF_NS}}}{name}")
    return value


async def get_config(context: Context, caller: Caller, operation: Element) -> bytes:
    source = local_name(datastore_of(operation, "source"))
    given, operation = read_given(operation)
    filter_ = read_filter(context.schema, operation)
    defaults = read_defaults(operation)
    if (start := await all_known(context, given, source)) is not None:
        return in_data(b"", start)

    access = context.access(caller)

    def read(tree: Tree) -> bytes:
        return in_data(selected(readable(access, tree, filter_), filter_, defaults))

    if given is None and source == "running":
        return await of_running(context, caller, filter_, read, access=access, defaults=defaults)

    def work() -> bytes:
        """*worker*"""
        tree = for_printing(context, source, defaults)
        if given is None:
            return read(tree)
        ids = Ids(given, context.configuration.txids(source))

        def rest() -> bytes:
            return selected(readable(access, tree, filter_), filter_, defaults, ids)

        return in_data(unless_known(ids, filter_, rest, tree=tree, access=access), ids.start)

    return await carried_out(context, caller, filter_, work, thread=context.worker)


async def all_known(context: Context, given: Given | None, datastore: str) -> bytes | None:
    """Return the attributes of an empty <data> if a client knows all that is configured, else None."""
    if given is None or given.root is None:
        return None
    ids = Ids(given, await context.worker(context.configuration.txids, datastore))
    return ids.start if ids.all_known else None


def unless_known(
    ids: Ids, filter_: Filter, rest: Callable[[], bytes], *, tree: Tree, access: Access
) -> bytes:
    """*worker* Return the content of a reply that holds no state: nothing if the client knows all, and
    ``rest`` only for what he does not know."""
    if ids.all_known:
        return b""
    with without_known(ids, filter_.subtree, tree=tree, access=access) as known:
        return b"".join((*known, rest()))


async def get(context: Context, caller: Caller, operation: Element) -> bytes:
    given, operation = read_given(operation)
    filter_ = read_filter(context.schema, operation)
    defaults = read_defaults(operation)
    ids = await ids_before(context, given)
    access = context.access(caller)
    if ids is None and (body := await whole_with_state(context, filter_, access, defaults)) is not None:
        return in_data(body)
    found = await state_for(context, filter_, access)

    def work() -> bytes:
        tree = found.whole()
        prune(access, tree)
        return selected(tree, filter_, defaults, ids)

    body = await of_own(context, caller, filter_, found, work, defaults=defaults)
    return in_data(body) if ids is None else in_data(body, ids.start)


async def ids_before(context: Context, given: Given | None) -> Ids | None:
    """Return the ids of running for what is then read bit by bit: never those of a later commit."""
    if given is None:
        return None
    view: View = await context.worker(context.configuration.txids, "running")
    return Ids(given, await context.worker(view.kept))


def readable(access: Access, tree: Tree, filter_: Filter | None = None) -> Tree:
    """*worker* Return what ``access`` lets its user read of ``tree``, as far as the filter may look.

    Before the filter is applied, for what it selects tells of what it compares.
    """
    if access.everything(["read"]):
        return tree
    copy = (filter_ or Filter()).narrow(tree.schema, tree).tree
    prune(access, copy)
    return copy


def in_data(body: bytes, start: bytes = b"") -> bytes:
    return b"<data%b>%b</data>" % (start, body) if body else b"<data%b/>" % start
