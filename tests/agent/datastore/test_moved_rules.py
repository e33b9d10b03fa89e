"""Rules of access control decide as they did, wherever the nodes that they are about have gone."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from agent.datastore.moved_rules import ANY, Rule, moved_rules, parse_path, path_text
from agent.datastore.moved_units import moved_unit
from agent.datastore.moves import CannotMove, Path, Relocation, steps_of
from agent.nacm import rules as nacm
from agent.nacm.access import Access
from agent.translator import Move
from tests.agent.datastore.relocations import INSIDE, NAMESPACES, SPLIT, relocation

NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
PATH = "/ietf-netconf-acm:nacm/rule-list"
OWN_NAMES = {module: module for module in NAMESPACES}


def path(text: str, module: str = ANY) -> Rule:
    return Rule("r", module, path=parse_path(text, lambda prefix: prefix))


def told(rule: Rule) -> tuple[str, ...]:
    """Return what is given of a rule, in words."""
    about = () if rule.path is None else (path_text(rule.path, OWN_NAMES),)
    names = (rule.operation and f"rpc {rule.operation}", rule.notification and f"event {rule.notification}")
    return rule.name, rule.module, *(name for name in names if name), *about


def after(moves: Relocation, *rules: Rule) -> list[tuple[str, ...]]:
    return [told(rule) for _, rule in moved_rules(rules, moves)]


ONLY_ONE: list[tuple[Relocation, Rule, tuple[str, ...]]] = [
    # (a) what a path names, with its predicates and the variable $USER.
    (SPLIT, path("/house:plants"), ("*", "/garden:plants")),
    (
        SPLIT,
        path("/house:plants/house:plant[house:name='h:x']"),
        ("*", "/garden:plants/garden:plant[garden:name='h:x']"),
    ),
    (
        SPLIT,
        path('/house:plants/plant[name="it\'s"]'),
        ("*", '/garden:plants/garden:plant[garden:name="it\'s"]'),
    ),
    (
        SPLIT,
        path("/house:plants/plant[name='$USER']"),
        ("*", "/garden:plants/garden:plant[garden:name='$USER']"),
    ),
    (SPLIT, path("/house:plants/plant[name=$USER]"), ("*", "/garden:plants/garden:plant[garden:name=$USER]")),
    (SPLIT, path("/house:plants/tag[.='x']"), ("*", "/garden:plants/garden:tag[.='x']")),
    (SPLIT, path("/house:plants/seen[3]"), ("*", "/garden:plants/garden:seen[3]")),
    (SPLIT, path("/house:plants/other:soil/other:ph"), ("*", "/garden:plants/other:soil/other:ph")),
    (
        INSIDE,
        path("/house:rooms/room[id='1']/heat"),
        ("*", "/house:rooms/house:room[house:name='1']/house:climate/house:warmth"),
    ),
    (INSIDE, path("/house:rooms/room[id='1']"), ("*", "/house:rooms/house:room[house:name='1']")),
    # (b) an rpc or a notification of the module.
    (SPLIT, Rule("r", "house", operation="water"), ("garden", "rpc water")),
    (SPLIT, Rule("r", "house", notification="ripe"), ("garden", "event ripe")),
    (SPLIT, Rule("r", operation="water"), ("*", "rpc water")),
    # (d) a path within a module.
    (SPLIT, path("/house:plants", "house"), ("garden", "/garden:plants")),
    (SPLIT, path("/house:plants", "other"), ("other", "/garden:plants")),
    # What has nothing to do with it.
    (
        SPLIT,
        path("/house:rooms/room[id='plants']", "house"),
        ("house", "/house:rooms/house:room[house:id='plants']"),
    ),
    (SPLIT, path("/"), ("*", "/")),
    (SPLIT, path("/", "other"), ("other", "/")),
    (SPLIT, Rule("r"), ("*",)),
    (SPLIT, Rule("r", "other"), ("other",)),
    (SPLIT, Rule("r", "garden"), ("garden",)),
    (SPLIT, Rule("r", operation="*"), ("*", "rpc *")),
    (SPLIT, Rule("r", "house", operation="paint"), ("house", "rpc paint")),
    (SPLIT, Rule("r", "other", operation="water"), ("other", "rpc water")),
]


@pytest.mark.parametrize(("moves", "rule", "expected"), ONLY_ONE)
def test_a_rule_follows_what_it_names(moves: Relocation, rule: Rule, expected: tuple[str, ...]) -> None:
    assert after(moves, rule) == [("r", *expected)]


COPIED: list[tuple[Relocation, Rule, list[tuple[str, ...]]]] = [
    # (c) everything of a module.
    (SPLIT, Rule("r", "house"), [("r", "house"), ("r (garden)", "garden"), ("r (cellar)", "cellar")]),
    (
        SPLIT,
        path("/", "house"),
        [("r", "house", "/"), ("r (garden)", "garden", "/"), ("r (cellar)", "cellar", "/")],
    ),
    (
        SPLIT,
        Rule("r", "house", operation="*"),
        [("r", "house", "rpc *"), ("r (garden)", "garden", "rpc *"), ("r (cellar)", "cellar", "rpc *")],
    ),
    (
        SPLIT,
        Rule("r", "house", notification="*"),
        [("r", "house", "event *"), ("r (garden)", "garden", "event *"), ("r (cellar)", "cellar", "event *")],
    ),
    # A name that is another now, of any module.
    (
        relocation(("/house:water", "/garden:sprinkle")),
        Rule("r", operation="water"),
        [("r", "*", "rpc water"), ("r (garden)", "garden", "rpc sprinkle")],
    ),
    # A container of which a part went elsewhere.
    (
        relocation(("/house:rooms/count", "/garden:sheds/count")),
        path("/house:rooms"),
        [("r", "*", "/house:rooms"), ("r (moved)", "*", "/garden:sheds/garden:count")],
    ),
    (
        relocation(("/house:rooms/room/a", "/house:rooms/room/garden:a")),
        path("/house:rooms", "house"),
        [("r", "house", "/house:rooms"), ("r (garden)", "garden", "/house:rooms")],
    ),
    (
        relocation(("/house:rooms/room/light/lamp", "/house:rooms/room/lamp")),
        path("/house:rooms/room[id='1']/light"),
        [
            ("r", "*", "/house:rooms/house:room[house:id='1']/house:light"),
            ("r (moved)", "*", "/house:rooms/house:room[house:id='1']/house:lamp"),
        ],
    ),
]


@pytest.mark.parametrize(("moves", "rule", "expected"), COPIED)
def test_a_rule_about_a_whole_has_copies_for_what_went_elsewhere(
    moves: Relocation, rule: Rule, expected: list[tuple[str, ...]]
) -> None:
    assert after(moves, rule) == expected


def test_copies_stand_right_after_their_rule_under_names_that_nobody_has() -> None:
    rules = [Rule("r (garden)", "other"), Rule("r", "house"), Rule("r (garden 2)", "house", operation="*")]
    assert [name for name, *_ in after(SPLIT, *rules)] == [
        "r (garden)",
        "r",
        "r (garden 3)",
        "r (cellar)",
        "r (garden 2)",
        "r (garden 2) (garden)",
        "r (garden 2) (cellar)",
    ]


def test_entries_that_a_node_has_left_cannot_be_said() -> None:
    moves = relocation(("/house:rooms/room/key", "/garden:keys"))
    with pytest.raises(CannotMove, match="no longer in"):
        after(moves, path("/house:rooms/room[id='1']/key"))


@pytest.mark.parametrize(
    "text", ["plants", "/plants", "/house:plants[", "/house:plants[name]", "/house:", "//x:y"]
)
def test_a_path_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(CannotMove, match="not understood"):
        parse_path(text, lambda prefix: prefix)


# -- against what decides ------------------------------------------------------------------------

DATA = [
    steps_of(text)
    for text in (
        "/house:plants",
        "/house:plants/plant",
        "/house:plants/plant/name",
        "/house:plants/plant/note",
        "/house:plants/other:soil",
        "/house:plants/other:soil/ph",
        "/house:plant-state",
        "/house:wine",
        "/house:rooms",
        "/house:rooms/room",
        "/house:rooms/room/id",
        "/house:rooms/room/colour",
        "/house:rooms/room/heat",
        "/house:rooms/room/light",
        "/house:rooms/room/light/lamp",
        "/house:rooms/room/light/window",
        "/other:people",
    )
]
KEYS = {steps_of("/house:plants/plant"): "name", steps_of("/house:rooms/room"): "id"}
NAMES = [("house", "water"), ("house", "paint"), ("other", "water"), ("house", "ripe"), ("other", "ripe")]
EVERYTHING = relocation(
    ("/house:plants", "/garden:plants"),
    ("/house:plant-state", "/cellar:all/plant-state"),
    ("/house:water", "/garden:sprinkle"),
    ("/house:ripe", "/cellar:ripe"),
    ("/house:rooms/room/colour", "/house:rooms/room/garden:paint"),
    ("/house:rooms/room/light/lamp", "/house:rooms/room/cellar:lamp"),
    ("/house:rooms/room/id", "/house:rooms/room/name"),
)
NOWHERE = relocation()


def steps(place: Path, old: Path, keys: dict[str, str], moves: Relocation) -> list[nacm.Step]:
    """Return the steps of an instance: at each list the key that ``keys`` gives by the list's name."""
    at = {moves.place(path): (moves.key_name(path, key), path[-1][1]) for path, key in KEYS.items()}
    found = []
    for depth, (module, name) in enumerate(place, start=1):
        key = at.get(place[:depth])
        found.append(nacm.Step(module, name, {key[0]: keys[key[1]]} if key else {}))
    return found


def decisions(rules: list[Rule], moves: Relocation) -> Iterator[tuple[object, ...]]:
    """Yield for every node, where it is after ``moves``, whether one of the rules is about it."""
    kept = tuple(
        nacm.Rule(
            "l",
            rule.name,
            True,
            rule.module,
            rule.operation,
            rule.notification,
            None if rule.path is None else nacm.parse_path(path_text(rule.path, OWN_NAMES)),
        )
        for rule in rules
    )
    access = Access("u", frozenset(), nacm.Rules(), kept)
    for old in DATA:
        place = moves.place(old)
        node: Any = SimpleNamespace(module=place[-1][0], deny_all=False, deny_write=False)
        for keys in ({"plant": x, "room": x} for x in "ab"):
            found = access.data(steps(place, old, keys, moves), node, "update")
            yield "data", old, found.rule is not None
    for name in NAMES:
        ((module, local),) = moves.place((name,))
        rpc: Any = SimpleNamespace(module=module, name=local, deny_all=False, namespace=module)
        for decide in (access.operation, access.notification):
            found = decide(rpc)
            yield decide.__name__, name, found.rule is not None


def every_rule() -> Iterator[Rule]:
    for module in (ANY, "house", "other"):
        yield Rule("r", module)
        yield path("/", module)
        for name in (ANY, "water", "paint", "ripe"):
            yield Rule("r", module, operation=name)
            yield Rule("r", module, notification=name)
        for old in DATA:
            yield from (path(instance(old, key), module) for key in ("", "a", "b"))


def instance(old: Path, value: str) -> str:
    text = ""
    for depth, (module, name) in enumerate(old, start=1):
        key = KEYS.get(old[:depth])
        text += f"/{module}:{name}" + (f"[{module}:{key}='{value}']" if key and value else "")
    return text


@pytest.mark.parametrize("moves", [SPLIT, INSIDE, EVERYTHING], ids=["split", "inside", "everything"])
def test_every_decision_is_what_it_was(moves: Relocation) -> None:
    for rule in every_rule():
        moved = [each for _, each in moved_rules([rule], moves)]
        assert list(decisions(moved, moves)) == list(decisions([rule], NOWHERE)), told(rule)


# -- as they are recorded ------------------------------------------------------------------------


def rule_list(*rules: str) -> bytes:
    listed = "".join(f"<rule>{rule}</rule>" for rule in rules)
    return (
        f'<nacm xmlns="{NACM}"><rule-list><name>l</name><group>g</group>{listed}</rule-list></nacm>'.encode()
    )


REST = "<access-operations>create update</access-operations><action>deny</action><comment>a &lt;b</comment>"
HOUSE, GARDEN = 'xmlns:h="urn:house"', 'xmlns:g="urn:garden"'


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (
            [f"<name>a</name><module-name>house</module-name><rpc-name>water</rpc-name>{REST}"],
            [f"<name>a</name><module-name>garden</module-name><rpc-name>water</rpc-name>{REST}"],
        ),
        (
            [f"<name>a</name><path {HOUSE}>/h:plants/h:plant[h:name='h:x']</path>{REST}"],
            [f"<name>a</name><path {GARDEN}>/g:plants/g:plant[g:name='h:x']</path>{REST}"],
        ),
        (
            [f'<name>a</name><path xmlns:x="urn:house" xmlns:y="urn:other">/x:plants/y:soil</path>{REST}'],
            [f'<name>a</name><path {GARDEN} xmlns:o="urn:other">/g:plants/o:soil</path>{REST}'],
        ),
        (
            [f"<name>a</name><module-name>house</module-name>{REST}", f"<name>b</name>{REST}"],
            [
                f"<name>a</name><module-name>house</module-name>{REST}",
                f"<name>a (garden)</name><module-name>garden</module-name>{REST}",
                f"<name>a (cellar)</name><module-name>cellar</module-name>{REST}",
                f"<name>b</name>{REST}",
            ],
        ),
        (
            [f"<name>a</name><module-name>house</module-name><path>/</path>{REST}"],
            [
                f"<name>a</name><module-name>house</module-name><path>/</path>{REST}",
                f"<name>a (garden)</name><module-name>garden</module-name><path>/</path>{REST}",
                f"<name>a (cellar)</name><module-name>cellar</module-name><path>/</path>{REST}",
            ],
        ),
        (
            [f'<name>a</name><path xmlns:x="urn:house">/x:rooms</path>{REST}'],
            [f'<name>a</name><path xmlns:x="urn:house">/x:rooms</path>{REST}'],
        ),
    ],
)
def test_rules_are_rewritten_where_they_are_recorded(before: list[str], now: list[str]) -> None:
    assert moved_unit(SPLIT, PATH, rule_list(*before)) == rule_list(*now)


def test_a_copy_of_a_rule_about_any_module_names_its_own() -> None:
    moves = relocation(("/house:water", "/garden:sprinkle"))
    old = rule_list("<name>a</name><rpc-name>water</rpc-name><action>permit</action>")
    copy = "<name>a (garden)</name><module-name>garden</module-name><rpc-name>sprinkle</rpc-name>"
    new = rule_list(
        "<name>a</name><rpc-name>water</rpc-name><action>permit</action>", f"{copy}<action>permit</action>"
    )
    assert moved_unit(moves, PATH, old) == new


def test_names_are_taken_in_their_own_rule_list_alone() -> None:
    one = "<rule-list><name>{}</name><rule><name>a</name><module-name>house</module-name></rule></rule-list>"
    old = f'<nacm xmlns="{NACM}">{one.format(1)}{one.format(2)}</nacm>'.encode()
    assert moved_unit(SPLIT, PATH, old).count(b"<name>a (garden)</name>") == 2


def test_two_modules_with_one_prefix_stay_apart() -> None:
    moves = Relocation(
        [Move("2027-01-01", "/house:plants", "/garden:plants")], {**NAMESPACES, "garden": ("o", "urn:garden")}
    )
    old = rule_list('<name>a</name><path xmlns:x="urn:house" xmlns:y="urn:other">/x:plants/y:soil</path>')
    new = rule_list(
        '<name>a</name><path xmlns:o="urn:garden" xmlns:other="urn:other">/o:plants/other:soil</path>'
    )
    assert moved_unit(moves, PATH, old) == new


def test_a_rule_about_a_module_that_is_not_served_goes_on_to_mean_it() -> None:
    """The module may be served again, and the rules beside it are moved all the same."""
    gone = rule_list('<name>a</name><path xmlns:x="urn:gone">/x:box</path>')
    assert moved_unit(SPLIT, PATH, gone) == gone
    moves = Relocation([Move("2027-01-01", "/house:plants", "/garden:plants")], NAMESPACES)
    below = rule_list('<name>a</name><path xmlns:y="urn:house" xmlns:x="urn:gone">/y:plants/x:lid</path>')
    moved = moved_unit(moves, PATH, below)
    assert b":plants/other:lid</path>" in moved
    assert b'xmlns:other="urn:gone"' in moved
    assert b'"urn:garden"' in moved


def test_a_rule_with_a_prefix_that_is_declared_nowhere_cannot_be_moved() -> None:
    old = rule_list("<name>a</name><path>/x:plants</path>")
    with pytest.raises(CannotMove, match="declared nowhere"):
        moved_unit(SPLIT, PATH, old)
