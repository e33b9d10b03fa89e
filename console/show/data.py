"""Data of the server: what is asked for, and how its elements are read. Pure.

A module of ours is known here by its namespace, and by nothing else: whatever a server leaves out is "".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lxml import etree

from console.client.session import Element
from console.model.schema import Kind, Node, Schema

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
NOTIFICATION = "urn:ietf:params:xml:ns:netconf:notification:1.0"
OURS = "urn:yangswan:params:xml:ns:yang:"
IPSEC, DAEMON, PKI, AGENT = (f"{OURS}{name}" for name in ("ipsec", "daemon", "pki", "agent"))
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
LIBRARY = "urn:ietf:params:xml:ns:yang:ietf-yang-library"

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


def first(element: Element | None, path: str) -> Element | None:
    return None if element is None else next(every(element, path), None)


def every(element: Element | None, path: str) -> Iterator[Element]:
    """Yield the elements at ``path``, whose steps are of the namespace of ``element``."""
    if element is None:
        return
    namespace = etree.QName(element).namespace
    yield from element.iterfind("/".join(f"{{{namespace}}}{step}" for step in path.split("/")))


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


def without_secrets(data: Element, schema: Schema) -> int:
    """Take the values out of ``data`` that access control denies by default; returns how many there were."""
    modules = {namespace: name for name, namespace in schema.namespaces.items()}
    taken = 0
    for element in list(elements(data)):
        name = etree.QName(element)
        node = schema.roots.get(f"{modules.get(name.namespace or '', '')}:{name.localname}")
        if node is not None:
            taken += without_secret_leafs(element, node)
    return taken


def without_secret_leafs(element: Element, node: Node) -> int:
    """Take secrets out of ``element``, an instance of ``node``; returns how many there were."""
    taken = 0
    for child in list(elements(element)):
        below = node.children.get(etree.QName(child).localname)
        if below is None:
            continue
        if below.secret and below.kind in (Kind.LEAF, Kind.LEAF_LIST):
            element.remove(child)
            taken += 1
        else:
            taken += without_secret_leafs(child, below)
    return taken


def contents(notification: Element) -> Iterator[Element]:
    """Yield what a <notification> tells of, without its time (RFC 5277 section 4)."""
    return (one for one in elements(notification) if etree.QName(one).namespace != NOTIFICATION)


def event_time(notification: Element) -> str:
    return notification.findtext(f"{{{NOTIFICATION}}}eventTime", "")


def elements(parent: Iterable[Element]) -> Iterator[Element]:
    return (one for one in parent if isinstance(one.tag, str))
