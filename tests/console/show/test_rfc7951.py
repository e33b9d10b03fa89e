"""Values as JSON, whatever a server says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree

from console.model.schema import Kind, Node, Schema, Type
from console.show.rfc7951 import as_json

SLOW = Type("string", "slow", patterns=("(a+)+",))
EITHER = Type("union", "either", members=(SLOW, Type("string", "string")))
LEAF = Node("leaf", "m", "urn:m", Kind.LEAF, type=Type("int32", "int32"))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (LEAF.type, " 7 ", 7),
        (LEAF.type, "7" * 5000, "7" * 5000),
        (EITHER, "a" * 5000 + "b", "a" * 5000 + "b"),
    ],
    ids=["number", "no number", "a pattern that would take for ever"],
)
def test_a_value_is_shown_whatever_it_is(kind: Type, text: str, value: object) -> None:
    roots = {"m:leaf": replace(LEAF, type=kind)}
    schema = Schema(roots, {}, {}, namespaces={"m": "urn:m"}, prefixes={"m": "m"})
    data = etree.fromstring(f'<data><leaf xmlns="urn:m">{text}</leaf></data>')
    assert as_json(data, schema) == {"m:leaf": value}
