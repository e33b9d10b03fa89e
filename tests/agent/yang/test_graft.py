"""What is grafted onto a tree is what would be merged into it."""

from __future__ import annotations

import pytest

from agent.yang.merging import graft, merge
from agent.yang.nodes import JSON, Defaults
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.lab import empty_running, top

CONFIG = top("<entry><id>1</id><number>2</number></entry><entry><id>2</id></entry>")
NAME = '"every-construct:top"'
DOCUMENTS = [
    "{}",
    f'{{{NAME}: {{"entry": [{{"id": "1", "state": {{"seen": "7"}}}}]}}}}',
    f'{{{NAME}: {{"entry": [{{"id": "2", "state": {{"seen": "7"}}}}, {{"id": "1"}}]}}}}',
    f'{{{NAME}: {{"entry": [{{"id": "gone", "state": {{"seen": "7"}}}}]}}}}',
    f'{{{NAME}: {{"entry": [{{"id": "1", "number": 3, "state": {{"seen": "7"}}}}]}}}}',
    '{"ietf-yang-library:yang-library": {"content-id": "x", "module-set": [{"name": "complete"}]}}',
    '{"ietf-netconf-monitoring:netconf-state": {"capabilities": {"capability": ["a:b", "a:c"]}}}',
]


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("body", ["", CONFIG])
def test_a_graft_is_a_merge(schema: Schema, body: str, document: str) -> None:
    merged, grafted = (empty_running(schema) for _ in range(2))
    for tree, add in ((merged, merge), (grafted, graft)):
        merge(tree, Tree.parse(schema, body.encode()))
        for _ in range(2):  # the second time it is there already
            add(tree, Tree.parse(schema, document.encode(), format=JSON))
    if "capability" not in document:
        assert grafted.to_xml(Defaults.REPORT_ALL_TAGGED) == merged.to_xml(Defaults.REPORT_ALL_TAGGED)
    assert merged.to_xml() == grafted.to_xml() or grafted.to_xml().count(b"a:b") == 2


def test_what_is_grafted_is_no_longer_elsewhere(schema: Schema) -> None:
    tree, patch = empty_running(schema), Tree.parse(schema, DOCUMENTS[1].encode(), format=JSON)
    graft(tree, patch)
    assert b"<seen>7</seen>" in tree.to_xml()
    del patch
    assert b"<seen>7</seen>" in tree.to_xml()
