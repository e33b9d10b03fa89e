"""What a line that makes a whole entry breaks of the rules of its list: a commit would be refused for it.

The rules are those of the module that the server serves, its ``must`` (RFC 7950 section 7.5.3), and only such
as speak of nothing but the entry, which is known from the line alone. They come from a server that may want
to harm: expressions with predicates, wildcards or further axes, which may take any time, are left to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lxml import etree

from console.grammar.values import Change, Changes, Operation, Span
from console.model.schema import Kind, Node

_LONGEST = 1000
_NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"
_FUNCTIONS = ("not", "contains", "boolean", "string", "starts-with", "string-length", "true", "false")
_REST = rf"""\s+|'[^']*'|"[^"]*"|(?:{"|".join(_FUNCTIONS)})(?=\()|[(),=<>]|!=|\d+|(?:and|or)(?![\w.-])"""
_OF_ENTRY = re.compile(rf"(?:{_REST}|(?:(?:current\(\)|\.)/)?(?P<name>{_NAME})(?!\())")
_OF_LEAF = re.compile(
    rf"(?:{_REST}|(?:(?:current\(\)|\.)/)?\.\./(?P<name>{_NAME})|current\(\)(?!/)|\.(?![./]))"
)
_COMPARED_AS_TYPED = frozenset({
    "enumeration", "string", "boolean", "int8", "int16", "int32", "int64",
    "uint8", "uint16", "uint32", "uint64",
})  # fmt: skip


def broken(meaning: Changes) -> Iterator[tuple[Span, str]]:
    """Yield where a line breaks a rule of the entry that it makes, and what its module says about that."""
    for change in meaning.changes:
        if change.operation is Operation.REPLACE and change.path[-1].node.kind is Kind.LIST:
            within = [one for one in meaning.changes if one.path[: len(change.path)] == change.path]
            yield from _broken(change, [one for one in within if one is not change])


def _broken(entry: Change, leafs: list[Change]) -> Iterator[tuple[Span, str]]:
    node = entry.path[-1].node
    if any(len(one.path) != len(entry.path) + 1 or one.value is None for one in leafs):
        return
    # What else is in it by default depends on the case.
    if any(child.defaults and child.case for child in node.children.values()):
        return
    made = etree.Element(node.name)
    for name, key in zip(node.keys, entry.path[-1].keys, strict=True):
        etree.SubElement(made, name).text = key
    placed = [(one, etree.SubElement(made, one.path[-1].node.name)) for one in leafs]
    for one, element in placed:
        element.text = one.value
    given = {element.tag for element in made}
    for child in node.children.values():
        for default in child.defaults if child.name not in given else ():
            etree.SubElement(made, child.name).text = default
    for rule in node.musts:
        if _is_read(rule.condition, _OF_ENTRY, node.children) and not _holds(made, rule.condition):
            yield entry.span, rule.message
    for one, element in placed:
        for rule in one.path[-1].node.musts:
            if _is_read(rule.condition, _OF_LEAF, node.children) and not _holds(element, rule.condition):
                yield one.span, rule.message


def _is_read(condition: str, token: re.Pattern[str], children: Mapping[str, Node]) -> bool:
    """Return whether a condition speaks of ``children`` alone, in a way that is the same here and there."""
    at = 0
    while at < len(condition) <= _LONGEST:
        found = token.match(condition, at)
        if found is None:
            return False
        if name := found["name"]:
            child = children.get(name)
            if child is None or child.type is None or child.type.base not in _COMPARED_AS_TYPED:
                return False
        at = found.end()
    return at == len(condition)


def _holds(element: etree._Element, condition: str) -> bool:
    try:
        return bool(element.xpath(f"boolean({condition.replace('current()', '.')})"))
    except etree.XPathError:
        return True  # whoever serves it knows what is meant
