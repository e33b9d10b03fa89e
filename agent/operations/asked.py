"""Which commits of the history a filter can select: as the history can find them, without reading all of it.

What is found here is a superset as a rule: the filter itself is applied to it afterwards. It is found among
what stands first in the filter, so whatever decides by position comes after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from agent.datastore.history import CHANGED, COMPARED, Comparison
from agent.nacm.access import located
from agent.operations.parameters import AGENT_NS, canonical_value
from agent.operations.predicates import called
from agent.operations.subtree import is_content_match, named
from agent.operations.xpath import Expression
from agent.xml import Element
from agent.yang.paths import LITERAL
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.values import canonical

_WAY = ("agent", "history", "commit")
_NUMBERS = ("id", "session-id")
_NONE = -1
"""A number that no commit has."""
MAX_SEARCHES = 100
"""Different searches in one filter; with more the newest commits are taken."""
MAX_TESTS = 100
"""Different tests in one search; others are left to the filter."""
MAX_VALUES = 10_000
"""That all searches compare with; with more the newest commits are taken."""

_STEP = re.compile(r"\s*/\s*(?:([\w.-]+):)?([\w.-]+)\s*")
_VALUE = rf"{LITERAL.pattern}|[0-9]+(?:\.[0-9]+)?"
_NAME = r"(?:[\w.-]+:)?[\w.-]+"
_TEST = re.compile(rf"\s*({_NAME}(?:/{_NAME})?)\s*(<=|>=|=|<|>)\s*({_VALUE})(?:\s+and\b|\s*\])")
_PREFIX = re.compile(r"[\w.-]+:")
_OPENED = re.compile(r"\s*\[")
# Functions that select no node but those below the one they are called for.
_BELOW_ONLY = frozenset({
    "boolean", "concat", "contains", "count", "false", "last", "local-name", "normalize-space", "not",
    "number", "position", "re-match", "starts-with", "string", "string-length", "substring",
    "substring-after", "substring-before", "sum", "true",
})  # fmt: skip
_LEADS_OUT = re.compile(r"\||\.\.|::|(?<![\w.\-\]*/]) ?/|\* ?/")


@dataclass(frozen=True, slots=True)
class Asked:
    """``ids``: commits asked for by their numbers. ``searches``: of each the newest commits that pass all its
    tests are asked for. Neither: what is said of the history as a whole."""

    ids: frozenset[int] = frozenset()
    searches: tuple[tuple[Comparison, ...], ...] = ()


EVERYTHING = Asked(searches=((),))


def asked(schema: Schema, subtree: Element | None, xpath: Expression | None) -> Asked | None:
    """*worker* Return the commits that a filter may select, None if it does not look at the history."""
    way = _nodes(schema)
    if way is None:
        return None
    if subtree is not None:
        return _by_subtree(schema, subtree, way)
    return EVERYTHING if xpath is None else _by_xpath(schema, xpath, way)


def stays_below(text: str) -> bool:
    """True if nothing in an XPath expression leads out of the node that its first steps lead to."""
    plain = " ".join(LITERAL.sub("''", text).split()).removeprefix("/")
    return not _LEADS_OUT.search(plain) and _BELOW_ONLY.issuperset(called(text))


def _nodes(schema: Schema) -> list[SchemaNode] | None:
    """Return the nodes on the way to a commit; None if the module is not served."""
    found: list[SchemaNode] = []
    level = schema.roots
    for name in _WAY:
        node = level.get((AGENT_NS, name))
        if node is None:
            return None
        found.append(node)
        level = node.children
    return found


# -- subtree -----------------------------------------------------------------------------------


def _by_subtree(schema: Schema, filter_element: Element, way: list[SchemaNode]) -> Asked | None:
    agent, history, commit = way
    looks = False
    searches: list[tuple[Comparison, ...]] = []
    for top in _about(filter_element, agent):
        if not len(top):
            return EVERYTHING
        for middle in _about(top, history):
            looks = True
            if not len(middle):
                return EVERYTHING
            searches += [tuple(_tests(schema, one, commit)) for one in _about(middle, commit)]
    return _joined(searches) if looks else None


def _about(parent: Element, node: SchemaNode) -> Iterator[Element]:
    return (child for child in parent if named(child, {(node.namespace, node.name): node}))


def _tests(schema: Schema, element: Element, commit: SchemaNode) -> Iterator[Comparison]:
    others = [child for child in element if not is_content_match(child)]
    for child in element:
        if is_content_match(child):
            for leaf in named(child, commit.children):
                yield from _test(leaf.name, "=", canonical_value(schema, leaf, child))
    if len(others) == 1:  # else a commit may be selected for what else is asked for
        yield from _target(schema, others[0], commit)


def _target(schema: Schema, element: Element, commit: SchemaNode) -> Iterator[Comparison]:
    change = _child(commit, "change")
    leaf = _child(change, "target")
    if change in named(element, commit.children):
        targets = [child for child in _about(element, leaf) if is_content_match(child)]
        if len(targets) == 1:
            yield _changed(schema, canonical_value(schema, leaf, targets[0]))


def _child(node: SchemaNode, name: str) -> SchemaNode:
    return node.children[node.namespace, name]


def _changed(schema: Schema, path: str) -> Comparison:
    """Return the test for a change that is shown with ``path``: of it, or of a list below as a whole."""
    place = located(schema, path)
    below = (
        [] if place is None else [child for child in place[1][-1].children.values() if child.has_instances]
    )
    module = "" if place is None else place[1][-1].module
    names = [child.name if child.module == module else f"{child.module}:{child.name}" for child in below]
    return Comparison(CHANGED, "=", (path, *(f"{path}/{name}" for name in names)))


# -- XPath -------------------------------------------------------------------------------------


def _by_xpath(schema: Schema, expression: Expression, way: list[SchemaNode]) -> Asked | None:
    text = expression.text.strip()
    text = text if text.startswith("/") else f"/{text}"
    if not stays_below(text):
        return EVERYTHING
    position, namespace = 0, ""
    for node in way:
        step = _STEP.match(text, position)
        if step is None:
            return EVERYTHING
        namespace = expression.declared.get(step[1], "") if step[1] else namespace
        if (namespace, step[2]) != (node.namespace, node.name):
            return Asked() if node is way[-1] else None
        position = step.end()
    target = _child(_child(way[-1], "change"), "target")

    def changed(literal: str) -> Comparison:
        path = canonical(schema, target, literal, lambda: expression.declared)
        return _changed(schema, path or literal)

    return _joined([tuple(_conditions(text, position, changed))])


def _conditions(text: str, position: int, changed: Callable[[str], Comparison]) -> Iterator[Comparison]:
    """Yield what the predicates compare that stand first, each of which has to be true."""
    while (opened := _OPENED.match(text, position)) is not None:
        found: list[Comparison] = []
        position = opened.end()
        while (test := _TEST.match(text, position)) is not None:
            name, operator, value = _PREFIX.sub("", test[1]), test[2], test[3]
            is_text = not value[0].isdecimal()
            if name == CHANGED and operator == "=" and is_text:
                found.append(changed(value[1:-1]))
            found += _test(name, operator, value[1:-1] if is_text else value, is_text=is_text)
            position = test.end()
            if test[0].endswith("]"):
                break
        else:
            return
        yield from found


def _test(name: str, operator: str, value: str, *, is_text: bool = True) -> Iterator[Comparison]:
    """Yield what the history can compare; nothing if it cannot."""
    if name == "transaction-id" and operator == "=" and is_text:
        number = value.split("-")[1:2]
        yield Comparison("id", "=", int(number[0]) if number and _is_number(number[0]) else _NONE)
    elif name in _NUMBERS:
        whole = value.strip() if is_text else value.lstrip("0").partition(".")[0] or "0"
        if not is_text and value.partition(".")[2].strip("0"):
            return
        if _is_number(whole):
            yield Comparison(name, operator, int(whole))
        elif operator == "=" and is_text:
            yield Comparison(name, "=", _NONE)
    elif name in COMPARED and operator == "=" and is_text:
        yield Comparison(name, "=", value)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10


def _joined(searches: list[tuple[Comparison, ...]]) -> Asked:
    """Return all searches together; those for a number are looked up."""
    ids: set[int] = set()
    others: dict[tuple[Comparison, ...], None] = {}
    for tests in searches:
        number = next((test.value for test in tests if (test.name, test.operator) == ("id", "=")), None)
        if isinstance(number, int):
            ids.add(number)
        else:
            others[tuple(islice(dict.fromkeys(tests), MAX_TESTS))] = None
    values = sum(len(one.value) if isinstance(one.value, tuple) else 1 for tests in others for one in tests)
    if () in others or len(others) > MAX_SEARCHES or values > MAX_VALUES:
        return Asked(frozenset(ids), EVERYTHING.searches)
    return Asked(frozenset(ids), tuple(others))
