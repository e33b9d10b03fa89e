"""A rule that no document breaks might as well not be there: each has one that does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pyang.statements import Statement

from tests.yang.conftest import INSTANCES, WITH_DATA
from tests.yang.schema_source import (
    RESTRICTIONS,
    all_nodes,
    app_tag,
    modules,
    nodes,
    path_of,
    place,
    restrictions_of,
    top_level,
    without_keys,
    written,
)
from tests.yang.test_instances import INVALID, VALID, expected

NOT_IN_A_DATASTORE = ("rpc", "action", "notification")


def restrictions() -> dict[str, Statement]:
    """Return every restriction of the modules that data in a datastore can break, by where it stands."""
    found = {}
    for statement in written():
        above = statement
        while above.keyword not in ("module", *NOT_IN_A_DATASTORE):
            above = above.parent
        if statement.keyword in RESTRICTIONS and above.keyword == "module":
            found[place(statement)] = statement
    return found


def nodes_by_path() -> Mapping[str, list[Statement]]:
    by_path: dict[str, list[Statement]] = defaultdict(list)
    for node in all_nodes():
        for with_choices in (False, True):
            if node.keyword in ("choice", "case") and not with_choices:
                continue
            path = path_of(node, with_choices=with_choices)
            if node not in by_path[path]:
                by_path[path].append(node)
    return by_path


def broken_by(document: Path) -> list[str]:
    """Return the places of the restrictions that fit what is expected of ``document``."""
    told = expected(document)
    return [
        place(one)
        for node in nodes_by_path()[without_keys(told.path)]
        for one in restrictions_of(node)
        if one.keyword == told.rule and (app_tag(one) or _standard_tag(one, node)) == told.app_tag
    ]


def _standard_tag(restriction: Statement, node: Statement) -> str | None:
    """RFC 7950 section 15."""
    if restriction.keyword == "max-elements":
        return "too-many-elements"
    return "missing-choice" if node.keyword == "choice" else None


@pytest.mark.parametrize(
    "document", [d for d in INVALID if expected(d).rule in RESTRICTIONS], ids=lambda document: document.stem
)
def test_an_invalid_document_breaks_exactly_one_rule_of_the_module(document: Path) -> None:
    assert len(broken_by(document)) == 1


def test_every_rule_of_the_module_is_broken_by_a_document() -> None:
    broken = {one for document in INVALID for one in broken_by(document)}
    never = {where: one for where, one in restrictions().items() if where not in broken}
    assert not never, "\n".join(f"{where}: {one.keyword} {one.arg}" for where, one in never.items())


def test_the_search_for_rules_finds_those_of_types_groupings_and_nodes() -> None:
    kinds: dict[str, int] = defaultdict(int)
    for one in restrictions().values():
        kinds[one.keyword] += 1
    assert kinds["must"] >= 14
    assert set(kinds) == RESTRICTIONS
    assert "identity-unspecified" in {app_tag(one) for one in restrictions().values()}


def test_every_node_of_configuration_and_state_stands_in_a_valid_document() -> None:
    used: set[str] = set()
    for document in VALID:
        root = ElementTree.parse(document).getroot()
        used.update(_paths(root, f"/{_module(root)}:"))
    wanted = {
        path_of(node)
        for root in top_level()
        if root.keyword == "container"
        for node in (root, *nodes(root))
        if node.keyword in ("container", "list", "leaf", "leaf-list")
    }
    assert wanted - used == set()


def _module(root: ElementTree.Element) -> str:
    namespace = root.tag[1:].partition("}")[0]
    (name,) = (n for n in WITH_DATA if modules()[n].search_one("namespace").arg == namespace)
    return name


def _paths(element: ElementTree.Element, above: str) -> set[str]:
    here = above + element.tag.partition("}")[2]
    return {here}.union(*(_paths(child, f"{here}/") for child in element))


def test_instances_lie_where_the_tests_look() -> None:
    assert {path.parent.name for path in INSTANCES.rglob("*.xml")} == {"valid", "invalid"}
