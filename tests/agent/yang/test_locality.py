"""Which modules may be validated unit by unit is read from the schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.served import standard_modules
from agent.yang.locality import local_modules
from agent.yang.schema import Schema

HEAD = 'module m { yang-version 1.1; namespace "urn:m"; prefix m; '
LIST = "container c { list e { key id; leaf id { type string; } leaf v { type string; } %s } %s } %s }"

LOCAL = {
    "no rules": LIST % ("", "", ""),
    "a must that stays inside": LIST % ("leaf a { type string; must '../v'; }", "", ""),
    "a must from a nested container": LIST
    % ("container k { leaf a { type string; must '../../v'; } }", "", ""),
    "a leafref inside the entry": LIST % ("leaf a { type leafref { path '../v'; } }", "", ""),
    "mandatory inside an entry": LIST % ("leaf a { type string; mandatory true; }", "", ""),
    "unique on a nested list": LIST
    % ("list n { key k; unique x; leaf k { type string; } leaf x { type string; } }", "", ""),
    "a leafref that need not exist": LIST
    % ("leaf a { type leafref { path '../../e/v'; require-instance false; } }", "", ""),
    "max-elements on a leaf-list of its own": LIST % ("", "leaf-list l { type string; max-elements 2; }", ""),
}
WIDE = {
    "a must on a sibling entry": LIST % ("leaf a { type string; must \"../../e[id='1']/v\"; }", "", ""),
    "a must with an absolute path": LIST % ("leaf a { type string; must '/m:c/m:e/m:v'; }", "", ""),
    "a must with an axis": LIST % ("leaf a { type string; must 'not(ancestor::e[v])'; }", "", ""),
    "a must on all of a name": LIST % ("leaf a { type string; must 'count(//m:v) < 3'; }", "", ""),
    "a must on all below": LIST % ("leaf a { type string; must 'not(/descendant::m:v[. = 1])'; }", "", ""),
    "a sibling axis": LIST % ("leaf a { type string; must '../preceding-sibling::e'; }", "", ""),
    "a leafref to other entries": LIST % ("leaf a { type leafref { path '../../e/id'; } }", "", ""),
    "unique on the list itself": LIST % ("unique v;", "", ""),
    "max-elements on the list itself": LIST % ("max-elements 9;", "", ""),
    "min-elements on the list itself": LIST % ("min-elements 1;", "", ""),
    "a must on the container above": LIST % ("", "must 'count(e) < 9';", ""),
    "a mandatory leaf at the top": LIST % ("", "", "leaf t { type string; mandatory true; }"),
    "a when outside": LIST % ("leaf a { type string; when '../../x'; }", "leaf x { type string; }", ""),
    "a required instance-identifier": LIST % ("leaf a { type instance-identifier; }", "", ""),
    "a when on a choice": LIST
    % ("choice c { when '/m:c/m:x'; leaf a { type string; } }", "leaf x { type string; }", ""),
    "a when on a case": LIST
    % ("choice c { case d { when '../../x'; leaf a { type string; } } }", "leaf x { type string; }", ""),
    "a leafref in a union": LIST
    % ("leaf a { type union { type uint8; type leafref { path '../../e/id'; } } }", "", ""),
}


def schema_of(body: str, folder: Path) -> Schema:
    (folder / "m.yang").write_text(HEAD + body)
    return Schema(standard_modules(), (), [folder / "m.yang"])


@pytest.mark.parametrize("name", LOCAL)
def test_a_module_whose_rules_stay_inside_is_local(name: str, tmp_path: Path) -> None:
    assert "m" in local_modules(schema_of(LOCAL[name], tmp_path))


@pytest.mark.parametrize("name", WIDE)
def test_a_rule_that_reaches_out_makes_the_module_wide(name: str, tmp_path: Path) -> None:
    assert "m" not in local_modules(schema_of(WIDE[name], tmp_path))
