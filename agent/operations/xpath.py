"""XPath filters (RFC 6241 section 8.9).

The context node is the root of what is filtered, and the declarations are those in scope of the filter.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from agent.apart import SEARCH_CPU_S, at_most
from agent.errors import ErrorType, InvalidValue
from agent.operations.predicates import called, identities, may_divide_by_nought, run_on, without_logic
from agent.operations.subtree import Mark, copy_marks
from agent.yang.expressions import expression_fault
from agent.yang.finding import find_all
from agent.yang.nodes import Node, parent_of
from agent.yang.paths import KEY_TEST, LITERAL
from agent.yang.prefixed import Declared, used_in
from agent.yang.schema import Schema
from agent.yang.tree import Tree

# libyang 2.1 crashes when these get a node that they are not made for; nothing else is lost without them.
_CRASHING = frozenset({"deref", "enum-value", "bit-is-set"})
# No pattern, and nothing that makes a text: these look at each character of a value once, or at none.
_QUICK = frozenset(
    {"boolean", "comment", "contains", "count", "current", "derived-from", "derived-from-or-self", "false"}
    | {
        "last",
        "local-name",
        "name",
        "node",
        "not",
        "number",
        "position",
        "starts-with",
        "string",
        "text",
        "true",
    }
)
_PLAIN = re.compile(rf"(?:/[^\W\d][\w.-]*+(?::[^\W\d][\w.-]*+)?(?:{KEY_TEST.pattern})*+)++")
_PLAIN_PREDICATES_MAX = 8

# A string literal, or a prefix that is followed by a name; "::" belongs to an axis.
_TOKEN = re.compile(r"\"[^\"]*\"|'[^']*'|(?<![\w.-])([A-Za-z_][\w.-]*):(?=[A-Za-z_*])(?!:)")
# Outside of predicates: a step that may be the root of the tree, which libyang finds and does not return.
_ROOT = re.compile(r"(?<![\w.\])*])/\s*(?![\w.*@/\s])|/\s*$|(?<![\w.])\.\.?(?![\w.])|\b(?:node|current)\s*\(")
_IDENTITY = re.compile(r"(?:[^:\s]+:)?[^:\s]+")
DEFAULT = "_default_"
"""A prefix for the default namespace, which a name in a literal cannot be given otherwise."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression: what the client wrote, and the namespaces of its prefixes.

    Names of modules are declared, too, as far as they are no prefixes of the client: literals may use them.
    """

    text: str
    declared: Declared

    @property
    def qualified(self) -> str:
        """The expression with a prefix on each name of an identity that depends on the default namespace."""
        text = self.text
        for span in sorted(filter(None, identities(text)), reverse=True):
            if ":" not in text[slice(*span)]:  # RFC 7950 section 9.10.3
                text = f"{text[: span[0]]}{DEFAULT}:{text[span[0] :]}"
        return text


def as_boolean(expression: Expression) -> Expression:
    """Return an expression that selects the top of the tree if ``expression``, which is a valid one, is true
    there (RFC 8639: stream-xpath-filter). Its context node is the root, too."""
    return Expression(f"/self::node()[boolean({expression.text})]/*", expression.declared)


def read_expression(schema: Schema, text: str, declared: Declared) -> Expression:
    """Return a client's expression; ``declared`` is in scope where it stands.

    Raises:
        InvalidValue: a prefix is not declared, or stands for a namespace that is not served; or what
            ``check_expression`` refuses.
    """
    check_expression(text)
    for match in _TOKEN.finditer(text):
        if match[1] is None:
            continue
        uri = declared.get(match[1])
        if uri is None:
            raise _bad(f"the prefix '{match[1]}' of the XPath expression is not declared")
        if uri not in schema.by_namespace:
            raise _bad(f"no module of this server has the namespace '{uri}' of the prefix '{match[1]}'")
    known: dict[str | None, str] = {name: module.namespace for name, module in schema.by_name.items()}
    _check_identities(text, declared)
    used = used_in(text, known | dict(declared))
    return Expression(text, {DEFAULT: used[None], **used} if used.get(None) else used)


def _check_identities(text: str, declared: Declared) -> None:
    """Raise InvalidValue for an identity that libyang cannot look up without harm."""
    for span in identities(text):
        name = "" if span is None else text[slice(*span)]
        if not _IDENTITY.fullmatch(name):
            raise _bad("derived-from and derived-from-or-self need an identity as a literal, PREFIX:NAME")
        if ":" not in name and not declared.get(None):
            raise _bad(f"the identity '{name}' has no prefix, and no default namespace is in scope")


def check_expression(expression: str) -> None:
    """Refuse what would harm the server.

    Raises:
        InvalidValue: it is too long or nested too deeply, or uses a function that libyang does not survive.
            How much it looks at is limited where it is evaluated (agent.apart).
    """
    if fault := expression_fault(expression):
        raise _bad(fault)
    if name := run_on(expression):
        raise _bad(f"'{name}' is no operator: behind and, or, div and mod a name or number needs a space")
    if name := next(filter(_CRASHING.__contains__, called(expression)), ""):
        raise _bad(f"the function {name}() is not available in a filter")
    if may_divide_by_nought(expression):
        raise _bad("behind the operator mod a filter may have a whole number from 1 on, and nothing else")


def select_xpath(tree: Tree, expression: Expression, max_depth: int | None = None) -> Tree:
    """Return a copy of the nodes that ``expression`` selects.

    Raises:
        InvalidValue: it is no XPath expression or does not return a node-set.
    """
    return copy_marks(tree, xpath_marks(tree, expression, covered=max_depth is None), max_depth)


def xpath_marks(tree: Tree, expression: Expression, *, covered: bool = True) -> Collection[Mark]:
    """Return marks of the nodes that ``expression`` selects.

    Args:
        covered: what is below another one that is selected needs no mark.

    Raises:
        InvalidValue: as ``select_xpath``.
    """
    top: dict[Node, Mark] = {}
    with at_most(SEARCH_CPU_S):
        nodes = _selected(tree, expression)
    for node in nodes:
        mark = _mark(top, node, covered=covered)
        if mark is not None:
            mark.whole = True
    return top.values()


def _selected(tree: Tree, expression: Expression) -> list[Node]:
    qualified, declared = expression.qualified, expression.declared
    plain = without_logic(qualified)
    try:
        try:
            nodes = find_all(tree, plain, declared)
        except InvalidValue:
            if plain != qualified:
                find_all(tree, qualified, declared)  # whose error quotes what the client wrote
            raise
    except InvalidValue as problem:
        problem.message = problem.message.replace(f"{DEFAULT}:", "")
        raise
    if _ROOT.search(_outside_predicates(plain)):
        nodes += find_all(tree, f"({plain})[not(parent::node())]/*", declared)
    return nodes


def _outside_predicates(expression: str) -> str:
    depth, outside = 0, []
    for character in LITERAL.sub("''", expression):
        depth += character == "["
        outside.append(" " if depth > 0 else character)
        depth -= character == "]"
    return "".join(outside)


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


def calls_quick_only(expression: str) -> bool:
    """True if no function in it takes long for itself, so that ``most_visits`` tells how long it takes."""
    return _QUICK.issuperset(called(expression))


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
