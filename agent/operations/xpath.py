"""XPath filters (RFC 6241 section 8.9)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.apart import SEARCH_CPU_S, at_most
from agent.errors import ErrorType, InvalidValue
from agent.operations.predicates import without_logic
from agent.operations.subtree import Mark, copy_marks
from agent.yang.expressions import expression_fault
from agent.yang.paths import KEY_TEST, LITERAL
from agent.yang.schema import Schema
from agent.yang.tree import Node, Tree, find_all, parent_of

# libyang 2.1 crashes when these get a node that they are not made for; nothing else is lost without them.
_CRASHING = re.compile(r"(?<![\w.-])(?:[\w.-]+:)?(deref|enum-value|bit-is-set)\s*\(")
# Each of these walks the whole tree once for every node that a predicate is evaluated on.
_WIDE = re.compile(r"//|(?:descendant|descendant-or-self|following|preceding|ancestor)[\w-]*\s*::")

_PLAIN = re.compile(rf"(?:/[^\W\d][\w.-]*+(?::[^\W\d][\w.-]*+)?(?:{KEY_TEST.pattern})*+)++")
_PLAIN_PREDICATES_MAX = 8

# A string literal, or a prefix that is followed by a name; "::" belongs to an axis.
_TOKEN = re.compile(r"\"[^\"]*\"|'[^']*'|(?<![\w.-])([A-Za-z_][\w.-]*):(?=[A-Za-z_*])(?!:)")


def module_prefixes(schema: Schema, expression: str, prefixes: Mapping[str | None, str]) -> str:
    """Return ``expression`` with the client's prefixes replaced by module names.

    Raises:
        InvalidValue: a prefix is not declared, or stands for a namespace that is not served.
    """

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        uri = prefixes.get(match[1])
        if uri is None:
            raise _bad(f"the prefix '{match[1]}' of the XPath expression is not declared")
        module = schema.by_namespace.get(uri)
        if module is None:
            raise _bad(f"no module of this server has the namespace '{uri}' of the prefix '{match[1]}'")
        return f"{module.name}:"

    return _TOKEN.sub(replace, expression)


def check_expression(expression: str) -> None:
    """Refuse what would harm the server.

    Raises:
        InvalidValue: it is too long or nested too deeply, uses a function that libyang does not survive, or
            searches the whole tree again and again inside a predicate.
    """
    if fault := expression_fault(expression):
        raise _bad(fault)
    plain = LITERAL.sub("''", expression)
    if found := _CRASHING.search(plain):
        raise _bad(f"the function {found[1]}() is not available in a filter")
    depth, inside = 0, []
    for character in plain:
        depth += {"[": 1, "]": -1}.get(character, 0)
        inside.append(character if depth > 0 else " ")
    if _WIDE.search("".join(inside)):
        raise _bad("a predicate may not search the whole tree: use a path in it, not // or a wide axis")


def select_xpath(tree: Tree, expression: str, max_depth: int | None = None) -> Tree:
    """Return a copy of the nodes that ``expression`` (module names as prefixes) selects.

    Raises:
        InvalidValue: it is no XPath expression or does not return a node-set.
    """
    top: dict[Node, Mark] = {}
    plain = without_logic(expression)
    try:
        with at_most(SEARCH_CPU_S):
            nodes = find_all(tree, plain)
    except InvalidValue:
        if plain != expression:
            find_all(tree, expression)  # whose error quotes what the client wrote
        raise
    for node in nodes:
        mark = _mark(top, node, covered=max_depth is None)
        if mark is not None:
            mark.whole = True
    return copy_marks(tree, top.values(), max_depth)


def _mark(top: dict[Node, Mark], node: Node, *, covered: bool) -> Mark | None:
    """Return the mark of ``node``, made if needed; None if it is ``covered`` by a whole one above it."""
    parent = parent_of(node)
    if not parent:
        return top.setdefault(node, Mark(node))
    above = _mark(top, parent, covered=covered)
    if above is None or (covered and above.whole):
        return None
    return above.child(node)


def is_plain(expression: str) -> bool:
    """True for a path in which nothing but values is compared: that takes no longer than to walk the tree."""
    return bool(_PLAIN.fullmatch(expression)) and expression.count("[") <= _PLAIN_PREDICATES_MAX


def most_visits(expression: str, nodes: int) -> int:
    """Return how many nodes at most are visited to evaluate ``expression`` on a tree of so many.

    Each step may visit all of them for each, inside a predicate once more for each, and so on.
    """
    plain = LITERAL.sub("''", expression)
    deep = deepest = 0
    for character in plain:
        deep += {"[": 1, "]": -1}.get(character, 0)
        deepest = max(deepest, deep)
    steps = sum(map(plain.count, "/[(|,")) + 1
    return int(steps * max(nodes, 1) ** (deepest + 2))


def _bad(message: str) -> InvalidValue:
    return InvalidValue(
        message, type=ErrorType.PROTOCOL, info={"bad-attribute": "select", "bad-element": "filter"}
    )
