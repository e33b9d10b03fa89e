"""What a user may do is made once, and anew with each change of the rules, one that comes meanwhile, too."""

from __future__ import annotations

import pytest

from agent.nacm.access import Access
from agent.nacm.control import AccessControl
from agent.nacm.rules import Rule, Rules
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.operations.guarded import nacm, rule, rule_list

OPEN = nacm(rule_list("all", ["*"], rule("any", "permit", "<module-name>*</module-name>")))
SHUT = nacm(rule_list("all", ["*"], rule("any", "deny", "<module-name>*</module-name>")))


def control(schema: Schema, rules: str = OPEN) -> AccessControl:
    made = AccessControl(schema)
    made.load(Tree.parse(schema, rules.encode()))
    return made


def reads(access: Access) -> bool:
    return access.everything(["read"])


def test_it_is_made_once_and_anew_by_other_rules(schema: Schema) -> None:
    made = control(schema)
    before = made.access("sam", ())
    assert reads(before)
    assert made.access("sam", ()) is before
    made.load(Tree.parse(schema, SHUT.encode()))
    assert not reads(made.access("sam", ()))


def test_rules_that_come_while_it_is_made_are_those_of_the_next_who_asks(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = control(schema)
    shut = Tree.parse(schema, SHUT.encode())
    of_user = Rules.for_user

    def meanwhile(rules: Rules, user: str, groups: frozenset[str]) -> tuple[Rule, ...]:
        found = of_user(rules, user, groups)
        with monkeypatch.context() as patched:
            patched.setattr(Rules, "for_user", of_user)
            made.load(shut)  # as the thread that writes does at any moment
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Rules, "for_user", meanwhile)
        made.access("sam", ())
    assert not reads(made.access("sam", ()))


def test_other_groups_and_a_session_of_another_kind_are_another(schema: Schema) -> None:
    made = control(schema, nacm(rule_list("some", ["guest"], rule("any", "permit"))))
    assert not reads(made.access("sam", ()))
    assert reads(made.access("sam", ("guest",)))
    assert reads(made.access("sam", (), recovers=True))
    assert not made.access("sam", (), secrets=False).secrets
    assert not reads(made.access("sam", ()))


def test_a_user_who_becomes_one_for_recovery_and_no_more(schema: Schema) -> None:
    made = control(schema, SHUT)
    assert not reads(made.access("sam", ()))
    made.take_over(["sam"])
    assert reads(made.access("sam", ()))
    made.take_over([])
    assert not reads(made.access("sam", ()))
