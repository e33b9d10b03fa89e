"""Which commits of the history a filter can select: as the history can find them, without reading all of it.

What is found here is a superset as a rule: the filter itself is applied to it afterwards. It is found among
what stands first in the filter, so whatever decides by position comes after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

from agent.datastore.history import CHANGED, COMPARED, Comparison
from agent.nacm.access import located
from agent.operations.conditions import Alternatives, alternatives, both, is_by_position, predicates_at
from agent.operations.parameters import AGENT_NS, canonical_value
from agent.operations.predicates import called, parted
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
MAX_TARGETS = 1000
"""Paths of changes that are shown before others."""

_STEP = re.compile(r"\s*/\s*(?:([\w.-]+):)?([\w.-]+)\s*")
_NAME = r"(?:[\w.-]+:)?[\w.-]+"
_WAY_IN = rf"(?:\.\s*/\s*)?({_NAME}(?:\s*/\s*{_NAME})?)"
_VALUE = rf"\(*\s*({LITERAL.pattern}|[0-9]+(?:\.[0-9]+)?)\s*\)*"
_OPERATOR = r"\s*(<=|>=|=|<|>)\s*"
_TEST = re.compile(rf"{_WAY_IN}{_OPERATOR}{_VALUE}")
_TURNED = re.compile(rf"{_VALUE}{_OPERATOR}{_WAY_IN}")
_TURN = {"=": "=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_CHANGE = re.compile(r"(?:\.\s*/\s*)?(?:[\w.-]+:)?change(?=\s*\[)")
# Behind predicates of a change: what needs one that they are true for.
_NEEDS_IT = re.compile(rf"\s*(?:/\s*{_NAME}\s*(?:{_OPERATOR}{_VALUE})?)?")
_PREFIX = re.compile(r"[\w.-]+:")
# Functions that select no node but those below the one they are called for.
_BELOW_ONLY = frozenset({
    "boolean", "concat", "contains", "count", "false", "last", "local-name", "normalize-space", "not",
    "number", "position", "re-match", "starts-with", "string", "string-length", "substring",
    "substring-after", "substring-before", "sum", "true",
})  # fmt: skip
_OPERATORS = frozenset({"and", "or", "div", "mod"})
_LEADS_OUT = re.compile(r"\||\.\.|::|(?<![\w.\-\]*/]) ?/|\* ?/")


@dataclass(frozen=True, slots=True)
class Asked:
    """``ids``: commits asked for by their numbers. ``searches``: of each the newest commits that pass all its
    tests are asked for. Neither: what is said of the history as a whole.

    ``targets``: paths of changes that the filter compares with, which a commit has to show if it has them."""

    ids: frozenset[int] = frozenset()
    searches: tuple[tuple[Comparison, ...], ...] = ()
    targets: tuple[str, ...] = ()


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
    # Before a bracket there may be an operator as well.
    functions = {name for name in called(text) if name[0].isalnum() or name[0] == "_"} - _OPERATORS
    return not _LEADS_OUT.search(plain) and _BELOW_ONLY.issuperset(functions)


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
    by_id: list[tuple[Comparison, ...]] = []
    others: dict[tuple[Comparison, ...], None] = {}
    targets: dict[Comparison, None] = {}
    for top in _about(filter_element, agent):
        if not len(top):
            return EVERYTHING
        for middle in _about(top, history):
            looks = True
            if not len(middle):
                return EVERYTHING
            for one in _about(middle, commit):
                targets |= dict.fromkeys(islice(_shown(schema, one, commit), MAX_TARGETS - len(targets)))
                if len(others) > MAX_SEARCHES and not _may_name(one, commit):
                    continue  # all of them are too many already
                tests = tuple(_tests(schema, one, commit))
                if _number(tests) is None:
                    others[_bounded(tests)] = None
                else:
                    by_id.append(tests)
    return _joined([*by_id, *others], targets) if looks else None


def _may_name(element: Element, commit: SchemaNode) -> bool:
    """True if ``element`` may ask for a commit by its number."""
    leaves = [_child(commit, name) for name in ("id", "transaction-id")]
    return any(is_content_match(one) for leaf in leaves for one in _about(element, leaf))


def _shown(schema: Schema, element: Element, commit: SchemaNode) -> Iterator[Comparison]:
    change = _child(commit, "change")
    leaf = _child(change, "target")
    for one in _about(element, change):
        for target in _about(one, leaf):
            if is_content_match(target):
                yield _changed(schema, canonical_value(schema, leaf, target))


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
    """Return what the paths ask for of which the expression is the union."""
    target = _child(_child(way[-1], "change"), "target")

    @cache
    def changed(literal: str) -> Comparison:
        path = canonical(schema, target, literal, lambda: expression.declared)
        return _changed(schema, path or literal)

    found = [_by_path(one.strip(), expression, way, changed) for one in parted(expression.text, "|")]
    searches = [search for one in found if one is not None for search in one]
    if all(one is None for one in found):
        return None
    literals = (literal[1:-1] for literal in dict.fromkeys(LITERAL.findall(expression.text)))
    paths = islice((literal for literal in literals if literal.strip().startswith("/")), MAX_TARGETS)
    return _joined(searches, [changed(path) for path in paths])


Changed = Callable[[str], Comparison]


def _by_path(
    text: str, expression: Expression, way: list[SchemaNode], changed: Changed
) -> list[tuple[Comparison, ...]] | None:
    """Return the searches that find what a path selects, None if it does not lead to the history."""
    text = text if text.startswith("/") else f"/{text}"
    if not stays_below(text):
        return [()]
    position = 0
    for node in way:
        step = _STEP.match(text, position)
        if step is None:
            return [()]
        # A name without a prefix matches in every module.
        if step[2] != node.name or (step[1] and expression.declared.get(step[1]) != node.namespace):
            return [] if node is way[-1] else None
        position = step.end()
    demanded, position = _demanded(text, position, changed)
    behind = _CHANGE.match(text, position + 1) if text.startswith("/", position) else None
    more = tuple(_of_change(text, behind.end(), changed)) if behind is not None else ()
    return [(*tests, *more) for tests in demanded]


def _demanded(text: str, position: int, changed: Changed) -> tuple[list[tuple[Comparison, ...]], int]:
    """Return tests of which all of one tuple have to be passed for the predicates that stand first to be
    true, and where the predicates end."""
    predicates, end = predicates_at(text, position)
    found: Alternatives = [()]
    for inside in predicates:
        either = alternatives(inside)
        is_number = len(either) == 1 and len(either[0]) == 1 and not any(_compared(either[0][0], changed))
        if is_number or is_by_position(inside):
            break
        found = both(found, either)
    tests = [tuple(test for operand in one for test in _compared(operand, changed)) for one in found]
    return tests, end


def _compared(operand: str, changed: Changed) -> Iterator[Comparison]:
    """Yield what the history can compare of one operand; nothing if it cannot."""
    if (test := _TEST.fullmatch(operand)) is not None:
        name, operator, value = test[1], test[2], test[3]
    elif (test := _TURNED.fullmatch(operand)) is not None:
        name, operator, value = test[3], _TURN[test[2]], test[1]
    else:
        if (change := _CHANGE.match(operand)) is not None:
            yield from _of_change(operand, change.end(), changed)
        return
    name, is_text = _PREFIX.sub("", "".join(name.split())), not value[0].isdecimal()
    value = value[1:-1] if is_text else value
    if name == CHANGED and operator == "=" and is_text:
        yield changed(value)
    yield from _test(name, operator, value, is_text=is_text)


def _of_change(text: str, position: int, changed: Changed) -> Iterator[Comparison]:
    """Yield the tests that a commit passes with a change that the predicates at ``position`` hold for."""
    predicates, end = predicates_at(text, position)
    if not _NEEDS_IT.fullmatch(text, end):
        return
    for inside in predicates:
        paths: dict[str, None] = {}
        for one in alternatives(inside):
            targets = [path for operand in one for path in _target_in(operand, changed)]
            if not targets:
                break
            paths |= dict.fromkeys(targets)
        else:
            yield Comparison(CHANGED, "=", tuple(paths))


def _target_in(operand: str, changed: Changed) -> tuple[str, ...]:
    test = _TEST.fullmatch(operand)
    if test is None or _PREFIX.sub("", test[1]) != "target" or test[2] != "=" or test[3][0].isdecimal():
        return ()
    value = changed(test[3][1:-1]).value
    return value if isinstance(value, tuple) else ()


def _test(name: str, operator: str, value: str, *, is_text: bool = True) -> Iterator[Comparison]:
    """Yield what the history can compare; nothing if it cannot."""
    if name == "transaction-id" and operator == "=" and is_text:
        number = value.split("-")[1:2]
        yield Comparison("id", "=", int(number[0]) if number and _is_number(number[0]) else _NONE)
    elif name in _NUMBERS:
        # Texts are equal as they stand, and numbers are compared by what they are.
        as_it_stands = is_text and operator == "="
        whole = value if as_it_stands else _whole(value.strip())
        if not as_it_stands and value.partition(".")[2].strip("0 "):
            return
        if _is_number(whole) and str(int(whole)) == whole:
            yield Comparison(name, operator, int(whole))
        elif operator == "=" and is_text:
            yield Comparison(name, "=", _NONE)
    elif name in COMPARED and operator == "=" and is_text:
        yield Comparison(name, "=", value)


def _whole(number: str) -> str:
    return number.lstrip("0").partition(".")[0] or "0"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10


def _number(tests: tuple[Comparison, ...]) -> int | None:
    """Return the number of the commit that a search is for, None if it is for others."""
    values = (test.value for test in tests if (test.name, test.operator) == ("id", "="))
    return next((value for value in values if isinstance(value, int)), None)


def _bounded(tests: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
    return tuple(islice(dict.fromkeys(tests), MAX_TESTS))


def _joined(searches: list[tuple[Comparison, ...]], targets: Iterable[Comparison]) -> Asked:
    """Return all searches together; those for a number are looked up."""
    ids: set[int] = set()
    others: dict[tuple[Comparison, ...], None] = {}
    for tests in searches:
        number = _number(tests)
        if number is None:
            others[_bounded(tests)] = None
        else:
            ids.add(number)
    values = sum(len(one.value) if isinstance(one.value, tuple) else 1 for tests in others for one in tests)
    shown = dict.fromkeys(path for test in targets if isinstance(test.value, tuple) for path in test.value)
    first = tuple(islice(shown, MAX_TARGETS))
    if () in others or len(others) > MAX_SEARCHES or values > MAX_VALUES:
        return Asked(frozenset(ids), EVERYTHING.searches, first)
    return Asked(frozenset(ids), tuple(others), first)
