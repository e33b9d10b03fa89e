"""docs/model.md names everything that the model has, and its examples are sound."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.yang.conftest import Validate
from tests.yang.schema_source import all_nodes, app_tag, enumeration, modules, path_of
from tests.yang.test_coverage import restrictions

GUIDE = (Path(__file__).parents[2] / "docs/model.md").read_text()
EXAMPLES = re.findall(r"```xml\n(.*?)```", GUIDE, re.DOTALL)
WORDS = set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", GUIDE, flags=re.DOTALL)))
RULES = re.search(r"## Rules and their app-tags(.*?)\n## ", GUIDE, re.DOTALL)
STANDARD_TAGS = {"missing-choice", "too-many-elements"}


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_guide_is_a_sound_configuration(example: str, validate: Validate) -> None:
    assert validate(example) is None


def test_the_guide_has_examples() -> None:
    assert len(EXAMPLES) == 4


def test_the_guide_lists_exactly_the_app_tags_of_the_module() -> None:
    assert RULES is not None
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \|", RULES[1], re.MULTILINE))
    assert listed == {tag for one in restrictions().values() if (tag := app_tag(one))} | STANDARD_TAGS


def _names(path: str) -> set[str]:
    """Return the ways in which the guide may write ``path``: its last one, two or three steps."""
    steps = path.partition(":")[2].split("/")
    return {"/".join(steps[-count:]) for count in (1, 2, 3)}


def test_the_guide_names_every_leaf_action_rpc_notification_and_feature() -> None:
    named = [node for node in all_nodes() if node.keyword in ("leaf", "leaf-list", "action")]
    inside_rpcs = ("rpc", "notification", "input", "output")
    missing = [
        path_of(node)
        for node in named
        if node.parent.keyword not in inside_rpcs and not _names(path_of(node)) & WORDS
    ]
    missing += [
        one.arg
        for module in modules().values()
        for one in module.substmts
        if one.keyword in ("rpc", "notification", "feature") and one.arg not in WORDS
    ]
    assert missing == []


def test_a_leaf_of_an_sa_is_named_with_its_list() -> None:
    """`state` or `cipher` alone would be found anywhere."""
    of_sas = [path_of(node) for node in all_nodes() if node.keyword == "leaf" and "-sa/" in path_of(node)]
    assert [path for path in of_sas if "/".join(path.split("/")[-2:]) not in WORDS] == []


@pytest.mark.parametrize("typedef", ["auth", "prf", "dh", "ke", "tunnel-status"])
def test_the_guide_names_every_word_of_an_enumeration(typedef: str) -> None:
    assert set(enumeration(typedef)) <= WORDS


def test_the_guide_covers_every_cipher() -> None:
    unnamed = set(enumeration("cipher")) - WORDS
    # "the same with 192 and 256"
    assert {re.sub("192|256", "128", cipher) for cipher in unnamed} <= WORDS


def test_the_guide_names_every_module_with_its_namespace() -> None:
    namespaces = {module.search_one("namespace").arg for module in modules().values()}
    assert {*modules(), *namespaces} <= WORDS
