"""Random configurations of any schema, and what two of them have in common whatever their order is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from random import Random
from typing import Any

from lxml import etree

from console.grammar import typed
from console.grammar.typed import Refused
from console.model.schema import Kind, Node, Schema, Type

Element = etree._Element

# Whatever is hard to write in a line, and something for each type that our modules have.
TEXTS = (
    *(
        "a",
        "own-1",
        "x y",
        '"q"',
        "it's",
        "'tis",
        "#c",
        "a#b",
        "a # b",
        "é",
        "日本",
        "a\\b",
        "\\",
        "\\n",
        "a;b",
    ),
    *(
        "tab\there",
        "line\nbreak",
        "no",
        "end",
        "do",
        " lead",
        "trail ",
        "two  blanks",
        "",
        "secret-of-1",
        "*",
    ),
    *('"', "''", '\\\\"', "$(x)", "a/b[c='d']", "<a&b>", "\u202eturned", "\u00a0", "😀", "0x1f", "0x1f/0xff"),
    *(
        "10.0.0.0/8",
        "2001:db8::/32",
        "10.0.0.1",
        "2001:db8::1",
        "a@b.example",
        "CN=John Doe, O=x",
        "-",
        "--x",
    ),
    *("https://crl.example/a?b=c#d", "0123456789abcdef" * 3, "01234567", "2026-11-27", "yangswan-ipsec", "?"),
    "-----BEGIN CERTIFICATE-----\nMIIB+/=\n-----END CERTIFICATE-----\n",
    "-----BEGIN X509 CRL-----\nMIIB+/=\n-----END X509 CRL-----\n",
    "/yangswan-ipsec:tunnels/yangswan-ipsec:ipsec[yangswan-ipsec:id='1']",
    "2026-11-27T14:00:00Z",
    "YWJj",
)


def configuration(schema: Schema, random: Random) -> Element:
    """Return <data> with some of all that can be configured; each leaf has a value of its type."""
    return _Making(schema, random).data()


class _Making:
    def __init__(self, schema: Schema, random: Random) -> None:
        self._schema = schema
        self._random = random

    def data(self) -> Element:
        data = etree.Element("{urn:ietf:params:xml:ns:netconf:base:1.0}data")
        self._children(data, self._schema.roots.values(), 0.6)
        return data

    def _children(self, parent: Element, nodes: Iterable[Node], likely: float) -> None:
        chosen: dict[str, str] = {}
        for node in nodes:
            taken = all(
                chosen.setdefault(choice, self._case(node, choice)) == case for choice, case in node.case
            )
            if not taken or not node.config or self._random.random() > likely:
                continue
            if node.kind is Kind.LIST:
                self._entries(parent, node)
            elif node.kind is Kind.CONTAINER:
                inside = etree.SubElement(parent, _name(node))
                self._children(inside, node.children.values(), likely)
                if not len(inside) and not node.presence:
                    parent.remove(inside)
            elif node.kind in (Kind.LEAF, Kind.LEAF_LIST):
                self._leaves(parent, node)

    def _case(self, node: Node, choice: str) -> str:
        return dict(node.case)[choice] if self._random.random() < 0.5 else "none of them"

    def _leaves(self, parent: Element, node: Node) -> None:
        times = self._random.randint(1, 4) if node.kind is Kind.LEAF_LIST else 1
        values = list(dict.fromkeys(self._values(node, times)))
        if tuple(values) == node.defaults and not node.case:
            return
        for value in values:
            self._element(parent, node, value)

    def _values(self, node: Node, times: int) -> list[str]:
        return [value for _ in range(times) if (value := self._value(node)) is not None]

    def _value(self, node: Node) -> str | None:
        assert node.type is not None
        value = value_of(node.type, self._random)
        # A default that is written out is not written back, unless it says which case it is.
        return None if (value,) == node.defaults and node.kind is Kind.LEAF and not node.case else value

    def _entries(self, parent: Element, node: Node) -> None:
        seen = set()
        for _ in range(self._random.randint(1, 3)):
            keys = [
                value_of(key.type, self._random) for name in node.keys if (key := node.children[name]).type
            ]
            if None in keys or tuple(keys) in seen:
                continue
            seen.add(tuple(keys))
            entry = etree.SubElement(parent, _name(node))
            for name, key in zip(node.keys, keys, strict=True):
                self._element(entry, node.children[name], key or "")
            others = [child for child in node.children.values() if child.name not in node.keys]
            self._children(entry, others, 0.5)

    def _element(self, parent: Element, node: Node, value: str) -> None:
        names = {f"p{at}": namespace for at, namespace in enumerate(self._schema.namespaces.values())}
        element = etree.SubElement(parent, _name(node), nsmap=names)
        prefixes = {self._module(namespace): prefix for prefix, namespace in names.items()}
        element.text = value or None
        for module, prefix in prefixes.items():
            if _has_names(node.type, value) and f"{module}:" in value:
                element.text = (element.text or "").replace(f"{module}:", f"{prefix}:")

    def _module(self, namespace: str) -> str:
        return next(module for module, other in self._schema.namespaces.items() if other == namespace)


def _name(node: Node) -> str:
    return f"{{{node.namespace}}}{node.name}"


def _has_names(type_: Type | None, value: str) -> bool:
    """Return whether names of modules in ``value`` are some; in a text they are not."""
    if type_ is None:
        return False
    if type_.base == "instance-identifier" or type_.name.rpartition(":")[2] in _PATHS:
        return value.startswith("/")
    if type_.base == "identityref":
        return not value.startswith("/")
    return any(_has_names(member, value) for member in type_.members)


_PATHS = ("xpath1.0", "node-instance-identifier")


def value_of(type_: Type, random: Random) -> str | None:
    """Return a value of the type, None if none is known."""
    if type_.base in ("union", "leafref") and type_.members:
        return value_of(random.choice(type_.members), random)
    if type_.base == "bits":
        names = [choice.name for choice in type_.choices]
        return " ".join(name for name in names if random.random() < 0.5) or names[0]
    if type_.choices:
        return random.choice(type_.choices).name
    if type_.base.startswith(("int", "uint")):
        pairs = type_.ranges or ((("0", "100")),)
        low, high = random.choice(pairs)
        return str(random.choice([int(low), int(high), random.randint(int(low), int(high))]))
    if type_.base == "decimal64":
        return "1." + "5" * type_.fraction_digits
    if type_.base == "empty":
        return ""
    known = _texts(type_.name, type_.base, type_.patterns, type_.lengths)
    return random.choice(known) if known else None


@cache
def _texts(*key: Any) -> list[str]:
    name, base, patterns, lengths = key
    return [text for text in TEXTS if _is_value(Type(base, name, patterns=patterns, lengths=lengths), text)]


def _is_value(type_: Type, text: str) -> bool:
    try:
        # Blanks around binary are no part of it.
        return typed.read(type_, text) == text and not (type_.base == "binary" and text != "YWJj")
    except Refused:
        return False


def normal(element: Element, schema: Schema) -> Any:
    """Return what ``element`` says, without the order of what has none: for comparison."""
    return _normal(element, schema.roots, schema)


def _normal(element: Element, nodes: Mapping[str, Node], schema: Schema) -> dict[str, Any]:
    by_name = {_name(node): node for node in nodes.values()}
    found: dict[str, Any] = {}
    for child in element:
        if child.get("{urn:ietf:params:xml:ns:netconf:base:1.0}operation") == "remove":
            continue  # nothing is there yet
        node = by_name[child.tag]
        if node.kind is Kind.LEAF:
            found[node.name] = _text(child, node, schema)
        elif node.kind is Kind.LEAF_LIST:
            found.setdefault(node.name, []).append(_text(child, node, schema))
        elif node.kind is Kind.CONTAINER:
            inside = _normal(child, node.children, schema)
            if inside or node.presence:
                found[node.name] = inside
        else:
            found.setdefault(node.name, []).append(_normal(child, node.children, schema))
    for node in nodes.values():
        if node.name in found and node.kind in (Kind.LIST, Kind.LEAF_LIST) and not node.user_ordered:
            found[node.name].sort(key=repr)
    return found


def _text(element: Element, node: Node, schema: Schema) -> str:
    text = element.text or ""
    if not _has_names(node.type, text):
        return text
    for prefix, namespace in element.nsmap.items():
        if prefix is not None:
            text = text.replace(f"{prefix}:", f"{{{namespace}}}")
    if node.type is not None and node.type.base == "identityref" and "{" not in text:
        return f"{{{element.nsmap.get(None, node.namespace)}}}{text}"
    return text
