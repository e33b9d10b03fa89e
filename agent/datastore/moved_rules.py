"""Rules of access control (RFC 8341) after the model has moved: they permit and deny what they did before.

A rule names its nodes by path, by module, or by the name of an rpc or notification; agent.nacm.access decides
by all that it gives. So a rule follows what it names, and one about a whole of which a part went elsewhere is
followed by copies of itself for the new places, with names of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agent.datastore.moves import CannotMove, Path, Relocation, Step

ANY = "*"
_STEP = re.compile(r"/(?:([\w.-]+):)?([\w.-]+)((?:\[(?:[^\]'\"]|'[^']*'|\"[^\"]*\")*\])*)")
# A key, "." or, with nothing before it, a position.
_TEST = re.compile(r"\[\s*(?:(?:[\w.-]+:)?([\w.-]+|\.)\s*=\s*)?('[^']*'|\"[^\"]*\"|\$USER|\d+)\s*\]")


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step of a rule's path. ``tests``: key (or ".") and what it must be, with its quotes; "" and a
    position."""

    step: Step
    tests: tuple[tuple[str, str], ...] = ()


RulePath = tuple[PathStep, ...]
"""() is "/", which stands for everything."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule is about; at most one of ``operation``, ``notification`` and ``path`` is given."""

    name: str
    module: str = ANY
    operation: str | None = None
    notification: str | None = None
    path: RulePath | None = None


def moved_rules(rules: Sequence[Rule], relocation: Relocation) -> Iterator[tuple[int, Rule]]:
    """Yield the rules of one rule-list after the moves, each with the index of the one that it comes from.

    Raises:
        CannotMove: a path means certain entries only, and what it is about went out of these.
    """
    names = {rule.name for rule in rules}
    for index, rule in enumerate(rules):
        first, *copies = dict.fromkeys(_moved(rule, relocation))
        yield index, first
        for copy in copies:
            name = _unused(copy, names)
            names.add(name)
            yield index, replace(copy, name=name)


def _unused(rule: Rule, names: set[str]) -> str:
    why = "moved" if rule.module == ANY else rule.module
    name, number = f"{rule.name} ({why})", 1
    while name in names:
        number += 1
        name = f"{rule.name} ({why} {number})"
    return name


def _moved(rule: Rule, relocation: Relocation) -> Iterator[Rule]:
    """Yield the rule as it is now, then the copies that it needs beside it."""
    if rule.path:
        yield from _about_nodes(rule, rule.path, relocation)
    elif rule.operation not in (None, ANY) or rule.notification not in (None, ANY):
        yield from _about_a_name(rule, relocation)
    else:
        yield rule
        yield from (replace(rule, module=heir) for heir in relocation.heirs(rule.module))


def _about_a_name(rule: Rule, relocation: Relocation) -> Iterator[Rule]:
    copies: list[Rule] = []
    for old, new in relocation.moves:
        ((module, name),) = old if len(old) == 1 else (("", ""),)
        if name != (rule.operation or rule.notification):
            continue
        followed = replace(
            rule,
            module=new[-1][0],
            operation=rule.operation and new[-1][1],
            notification=rule.notification and new[-1][1],
        )
        if rule.module == module:
            yield followed
            return
        if rule.module == ANY and new[-1][1] != name:
            copies.append(followed)
    yield rule
    yield from copies


def _about_nodes(rule: Rule, path: RulePath, relocation: Relocation) -> Iterator[Rule]:
    steps = tuple(each.step for each in path)
    move, place = relocation.taking(steps), relocation.place(steps)
    module = rule.module if move is None else relocation.module_after(rule.module, move)
    there = _with_tests(place, path, relocation)
    yield replace(rule, module=module, path=there)
    for old, new in relocation.moves:
        if len(old) <= len(steps) or old[: len(steps)] != steps or rule.module not in (ANY, old[-1][0]):
            continue
        within = new[: len(place)] == place
        to_module = ANY if rule.module == ANY else new[-1][0]
        if not within or to_module != module:
            yield replace(
                rule, module=to_module, path=there if within else _with_tests(new, path, relocation)
            )


def _with_tests(place: Path, path: RulePath, relocation: Relocation) -> RulePath:
    """Return ``place`` with the tests of ``path`` at the nodes that they are about."""
    tests: dict[Path, tuple[tuple[str, str], ...]] = {}
    for depth, each in enumerate(path, start=1):
        old = tuple(one.step for one in path[:depth])
        if each.tests:
            tests[relocation.place(old)] = tuple(
                (relocation.key_name(old, key) if key.strip(".") else key, wanted)
                for key, wanted in each.tests
            )
    made = tuple(PathStep(place[n - 1], tests.pop(place[:n], ())) for n in range(1, len(place) + 1))
    if tests:
        raise CannotMove("a rule of access control is about entries that its node is no longer in")
    return made


# -- the text of a path --------------------------------------------------------------------------


def parse_path(text: str, module_of: Callable[[str], str]) -> RulePath:
    """Return the steps of a node-instance-identifier; ``module_of`` gives the module of a prefix.

    Raises:
        CannotMove: it is none.
    """
    steps: list[PathStep] = []
    module, position = "", 0
    while position < len(text) and text != "/":
        match = _STEP.match(text, position)
        module = module_of(match[1]) if match and match[1] else module
        if match is None or not module or _TEST.sub("", match[3]):
            raise CannotMove("a path in a rule of access control is not understood")
        tests = tuple((test[1] or "", test[2]) for test in _TEST.finditer(match[3]))
        steps.append(PathStep((module, match[2]), tests))
        position = match.end()
    return tuple(steps)


def path_text(path: RulePath, prefixes: Mapping[str, str]) -> str:
    """Return the reverse of ``parse_path``, in libyang's form; ``prefixes`` are by module."""
    return "".join(_step_text(each, prefixes[each.step[0]]) for each in path) or "/"


def _step_text(each: PathStep, prefix: str) -> str:
    text = f"/{prefix}:{each.step[1]}"
    for key, wanted in each.tests:
        text += f"[{f'{prefix}:' if key.strip('.') else ''}{key}{'=' if key else ''}{wanted}]"
    return text
