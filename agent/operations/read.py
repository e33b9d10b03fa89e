"""get and get-config (RFC 6241 sections 7.1 and 7.7)."""

from __future__ import annotations

from dataclasses import dataclass

from agent.errors import BadAttribute, BadElement, ErrorType, MissingAttribute, OperationNotSupported
from agent.operational import merge_state
from agent.operations.context import Caller, Context
from agent.operations.narrow import Wanted, narrow, narrow_xpath, wanted_everywhere
from agent.operations.parameters import datastore_of, parameter
from agent.operations.subtree import select
from agent.operations.xpath import module_prefixes, select_xpath
from agent.xml import NETCONF_NS, Element, local_name
from agent.yang.schema import Schema
from agent.yang.tree import Tree


@dataclass(frozen=True, slots=True)
class Filter:
    """A checked filter: a subtree, or an XPath expression with module names as prefixes."""

    subtree: Element | None = None
    xpath: str | None = None

    def apply(self, tree: Tree) -> Tree:
        if self.subtree is not None:
            return select(tree, self.subtree)
        if self.xpath is not None:
            return select_xpath(tree, self.xpath)
        return tree

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
    kind = _attribute(element, "type") or "subtree"
    if kind == "subtree":
        return Filter(subtree=element)
    if kind != "xpath":
        raise BadAttribute(
            "type", "filter", f"a filter is of type subtree or xpath, not '{kind}'", type=ErrorType.PROTOCOL
        )
    expression = _attribute(element, "select")
    if expression is None:
        raise MissingAttribute("select", "filter", type=ErrorType.PROTOCOL)
    return Filter(xpath=module_prefixes(schema, expression, element.nsmap))


def _attribute(element: Element, name: str) -> str | None:
    value = element.get(name)
    if value is None:
        value = element.get(f"{{{NETCONF_NS}}}{name}")
    return value


async def get_config(context: Context, _caller: Caller, operation: Element) -> bytes:
    source = local_name(datastore_of(operation, "source"))
    filter_ = read_filter(context.schema, operation)
    if source not in ("running", "candidate"):
        raise _no_datastore("source", source)

    def work() -> bytes:
        configuration = context.configuration
        tree = configuration.running if source == "running" else configuration.candidate.tree
        return filter_.apply(tree).to_xml()

    body: bytes = await context.worker(work)
    return in_data(body)


async def get(context: Context, _caller: Caller, operation: Element) -> bytes:
    filter_ = read_filter(context.schema, operation)
    running = context.configuration.running
    wanted: Wanted = await context.worker(filter_.narrow, context.schema, running)
    lists = {t.config_list: t for t in context.operational.translators}
    keys = {path: entries for path, entries in wanted.entries.items() if path in lists}
    roots = [path for path in wanted.roots if path in context.operational.roots]
    documents = await context.operational.root_documents(roots)
    documents += await context.operational.entry_documents(keys)

    def work() -> bytes:
        merge_state(wanted.tree, documents)
        return filter_.apply(wanted.tree).to_xml()

    body: bytes = await context.worker(work)
    return in_data(body)


def in_data(body: bytes) -> bytes:
    return b"<data>" + body + b"</data>" if body else b"<data/>"


def _no_datastore(where: str, name: str) -> Exception:
    if name in ("startup", "url"):
        return OperationNotSupported(f"this server has no <{name}>", type=ErrorType.PROTOCOL)
    return BadElement(name, f"<{name}> is no {where} of this operation", type=ErrorType.PROTOCOL)
