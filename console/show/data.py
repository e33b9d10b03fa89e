"""Data of the server: what is asked for, and how its elements are read. Pure.

A module of ours is known here by its namespace, and by nothing else: whatever a server leaves out is "".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree

from console.client.session import Element
from console.grammar.configured import WITHHELD
from console.model.schema import Kind, Node, Schema
from console.show.layout import counted

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
NOTIFICATION = "urn:ietf:params:xml:ns:netconf:notification:1.0"
OURS = "urn:yangswan:params:xml:ns:yang:"
IPSEC, DAEMON, PKI, AGENT = (f"{OURS}{name}" for name in ("ipsec", "daemon", "pki", "agent"))
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
LIBRARY = "urn:ietf:params:xml:ns:yang:ietf-yang-library"

LEAFS = (Kind.LEAF, Kind.LEAF_LIST)

Wanted = Mapping[str, "Wanted | str | None"]
"""Nodes by name: what is wanted below them, a value that they must have, or None for all of them."""


def tree(namespace: str, name: str, wanted: Wanted | None = None) -> Element:
    """Return an element with children of one namespace."""
    made = etree.Element(f"{{{namespace}}}{name}")
    _fill(made, wanted or {}, namespace)
    return made


def _fill(parent: Element, wanted: Wanted, namespace: str) -> None:
    for name, value in wanted.items():
        child = etree.SubElement(parent, f"{{{namespace}}}{name}")
        if isinstance(value, str):
            child.text = value
        elif value is not None:
            _fill(child, value, namespace)


def subtree(*selected: Element) -> Element:
    """Return a subtree filter (RFC 6241 section 6)."""
    made = etree.Element(f"{{{BASE}}}filter")
    made.extend(selected)
    return made


def text(element: Element | None, path: str) -> str:
    """Return the text at ``path`` below ``element``, in its namespace; "" where there is none."""
    found = first(element, path)
    return "" if found is None else (found.text or "").strip()


def texts(element: Element | None, path: str) -> list[str]:
    return [] if element is None else [(one.text or "").strip() for one in every(element, path)]


def number(element: Element | None, path: str) -> int | None:
    """Return the whole number at ``path``, None where there is none."""
    try:
        return int(text(element, path))
    except ValueError:
        return None


def missed(content: Element) -> str:
    """Return how many events a notification says were not sent."""
    count = number(content, "count") or 0
    return f"{counted(count, 'event')} {'was' if count == 1 else 'were'} missed"


def first(element: Element | None, path: str) -> Element | None:
    return None if element is None else next(every(element, path), None)


def every(element: Element | None, path: str) -> Iterator[Element]:
    """Yield the elements at ``path``, whose steps are of the namespace of ``element``."""
    if element is None:
        return iter(())
    # Of each of thousands of tunnels a dozen leafs are looked for: no expression is read for it.
    tag = str(element.tag)
    first_step, *others = _tags(tag[: tag.find("}") + 1], path)
    found: Iterator[Element] = element.iterchildren(first_step)
    for step in others:
        found = _below(found, step)
    return found


def _below(found: Iterator[Element], step: str) -> Iterator[Element]:
    for one in found:
        yield from one.iterchildren(step)


@lru_cache(maxsize=1024)
def _tags(namespace: str, path: str) -> tuple[str, ...]:
    return tuple(f"{namespace}{step}" for step in path.split("/"))


def by_name(element: Element | None) -> dict[str, Element]:
    """Return the children of ``element`` in its namespace, by name; of several of a name the first."""
    found: dict[str, Element] = {}
    if element is not None:
        tag = str(element.tag)
        namespace = tag[: tag.find("}") + 1]
        for child in element.iterchildren(f"{namespace}*"):
            found.setdefault(child.tag[len(namespace) :], child)
    return found


def top(data: Element, namespace: str, name: str) -> Element | None:
    """Return a top-level node of ``data``."""
    return data.find(f"{{{namespace}}}{name}")


def find_node(schema: Schema, path: str) -> Node | None:
    """Return the node at "module:name/name/...", None if the server does not serve it."""
    name, _, rest = path.partition("/")
    node = schema.roots.get(name) or schema.notifications.get(name) or schema.rpcs.get(name)
    for step in filter(None, rest.split("/")):
        if node is None:
            return None
        node = node.children.get(step)
    return node


def word(schema: Schema, path: str, value: str) -> str:
    """Return the description of an enum of the leaf at ``path``, "" if the model has none."""
    node = find_node(schema, path)
    for one in () if node is None or node.type is None else node.type.choices:
        if one.name == value:
            return one.description
    return ""


@dataclass(slots=True)
class Hidden:
    """What was taken out of data before it is shown: how many secret leafs, how many unknown nodes."""

    secrets: int = 0
    unknown: int = 0
    marked: bool = False

    def words(self) -> str:
        """Return what is not shown, "" if all is."""
        secrets = counted(self.secrets, "secret") if self.secrets else ""
        nodes = counted(self.unknown, "node") if self.unknown else ""
        unknown = nodes and f"{nodes} that no module of the server has"
        return " and ".join(one for one in (secrets, unknown) if one)


def hide_secrets(data: Element, schema: Schema, node: Node | None = None, *, marked: bool = False) -> Hidden:
    """Take out of ``data`` what access control denies by default, and what may be so for all that is known.

    ``data`` holds top-level nodes, or those below ``node``. With ``marked`` a secret leaf stays, without its
    value and with the attribute WITHHELD.
    """
    modules = {namespace: name for name, namespace in schema.namespaces.items()}
    hidden = Hidden(marked=marked)
    _hide(data, schema, modules, node=node, hidden=hidden)
    return hidden


def _hide(
    element: Element, schema: Schema, modules: Mapping[str, str], *, node: Node | None, hidden: Hidden
) -> None:
    for child in list(elements(element)):
        name = etree.QName(child)
        below = node_below(schema, node, modules.get(name.namespace or "", ""), name.localname)
        if below is not None and not (below.secret and below.kind in LEAFS):
            if below.kind not in LEAFS:
                _hide(child, schema, modules, node=below, hidden=hidden)
            continue
        if below is not None and hidden.marked:
            for inner in list(child):
                child.remove(inner)
            child.text = None
            child.set(WITHHELD, "true")
        else:
            element.remove(child)
        hidden.secrets += below is not None
        hidden.unknown += below is None


def node_below(schema: Schema, node: Node | None, module: str, name: str) -> Node | None:
    """Return the node of this name below ``node`` (None and anydata: at the top), None if there is none."""
    if node is None or node.kind is Kind.ANYDATA:
        key = f"{module}:{name}"
        return schema.roots.get(key) or schema.notifications.get(key)
    found = node.children.get(name)
    return found if found is not None and found.module == module else node.children.get(f"{module}:{name}")


def contents(notification: Element) -> Iterator[Element]:
    """Yield what a <notification> tells of, without its time (RFC 5277 section 4)."""
    return (one for one in elements(notification) if etree.QName(one).namespace != NOTIFICATION)


def event_time(notification: Element) -> str:
    return notification.findtext(f"{{{NOTIFICATION}}}eventTime", "")


def elements(parent: Iterable[Element]) -> Iterator[Element]:
    return (one for one in parent if isinstance(one.tag, str))
