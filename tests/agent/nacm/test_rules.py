"""Paths of rules, read and written; what is wrong with one."""

from __future__ import annotations

import pytest

from agent.nacm.rules import Step, parse_path, quote_variable, read_rules, xpath_of


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("/", ()),
        ("/a:top", (Step("a", "top", {}),)),
        ("/a:top/list[k='v']", (Step("a", "top", {}), Step("a", "list", {"k": "v"}))),
        (
            "/a:top/b:list[b:k='v'][l=\"it's\"]/leaf",
            (Step("a", "top", {}), Step("b", "list", {"k": "v", "l": "it's"}), Step("b", "leaf", {})),
        ),
        ("/a:top/tag[.='x]y']", (Step("a", "top", {}), Step("a", "tag", {".": "x]y"}))),
    ],
)
def test_a_path_is_read(text: str, steps: tuple[Step, ...]) -> None:
    assert parse_path(text) == steps


@pytest.mark.parametrize("text", ["", "top", "/top", "/a:top//b", "a:top", "/a:top[", "/a:top/"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="instance-identifier"):
        parse_path(text)


def test_a_path_becomes_an_xpath_that_names_every_module() -> None:
    assert xpath_of(parse_path("/a:top/list[k='v']/tag[.=\"it's\"]")) == (
        "/a:top/a:list[a:k='v']/a:tag[.=\"it's\"]"
    )


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("/x:a[x:b=$USER]", "/x:a[x:b='$USER']"),
        ("/x:a[x:b='$USER']", "/x:a[x:b='$USER']"),
        ('/x:a[x:b="$USER"]', '/x:a[x:b="$USER"]'),
        ("/x:a[x:b=$USERS]", "/x:a[x:b=$USERS]"),
        ("/x:a", "/x:a"),
    ],
)
def test_only_the_variable_is_quoted(path: str, quoted: str) -> None:
    assert quote_variable(path) == quoted


def test_without_rules_the_defaults_of_the_module_hold() -> None:
    rules = read_rules({})
    assert (rules.enabled, rules.read_default, rules.write_default, rules.exec_default) == (
        True,
        True,
        False,
        True,
    )
    assert rules.groups_of("ann", ("wheel",)) == {"wheel"}
    assert rules.for_user("ann", frozenset()) == ()
