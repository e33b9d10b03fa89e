"""Differences as lines: one for each leaf, and none that could be taken for another."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from agent.history.edits import edits
from agent.history.room import Room
from agent.history.text import text
from agent.yang.schema import Schema
from tests.agent.history.documents import CONFIGURATIONS
from tests.agent.history.test_patch import tree
from tests.agent.lab import EC, entry, top

E = "/every-construct:top/entry[id='1']"


def lines(schema: Schema, before: str, after: str) -> list[str]:
    return text(schema, edits(tree(schema, before), tree(schema, after)), Room()).splitlines()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            entry("<number>1</number>"),
            entry("<number>2</number>"),
            [f"- {E}/number = 1", f"+ {E}/number = 2"],
        ),
        (
            "",
            entry("<marker/><plain><note>x</note></plain>"),
            [f"+ {E}", f"+ {E}/marker", f"+ {E}/plain/note = x"],
        ),
        (
            entry("<present><needed>x</needed></present>"),
            entry(""),
            [f"- {E}/present", f"- {E}/present/needed = x"],
        ),
        (entry(""), entry("<tag>a</tag>"), [f"+ {E}/tag = a"]),
        (entry(""), entry("<hidden></hidden>"), [f'+ {E}/hidden = ""']),
        (entry(""), entry("<hidden>a\n+ /b = 1</hidden>"), [f'+ {E}/hidden = "a\\n+ /b = 1"']),
        (entry(""), entry("<hidden> a</hidden>"), [f'+ {E}/hidden = " a"']),
        (entry(""), entry("<hidden>é\u2028\x7f</hidden>"), [f'+ {E}/hidden = "é\\u2028\\u007f"']),
        (
            "",
            top("<entry><id>'\"</id></entry>"),
            ['+ /every-construct:top/entry[id="\'\\""]'],
        ),
        (
            "",
            top("<entry><id>ü\u00a0→\u200b\x9b\U0001f511</id></entry>"),
            ['+ /every-construct:top/entry[id="ü\\u00a0→\\u200b\\u009b\U0001f511"]'],
        ),
        (
            "",
            top("<entry><id>\U000f0000é</id></entry>"),
            [r'+ /every-construct:top/entry[id="\udb80\udc00é"]'],
        ),
        (
            entry("<step>a</step><step>b</step>"),
            entry("<step>b</step><step>a</step>"),
            [f"~ {E}/step[.='b'] first"],
        ),
        (
            entry("<stage><name>a</name></stage><stage><name>b</name></stage>"),
            entry("".join(f"<stage><name>{name}</name></stage>" for name in "axb")),
            [f"+ {E}/stage[name='x']", f"~ {E}/stage[name='x'] after [name='a']"],
        ),
        (
            entry('<anything><a xmlns="urn:a"/></anything>'),
            entry(""),
            [f'- {E}/anything = <anything xmlns="{EC}"><a xmlns="urn:a"/></anything>'],
        ),
    ],
)
def test_lines(schema: Schema, before: str, after: str, expected: list[str]) -> None:
    assert lines(schema, before, after) == expected


@settings(max_examples=50)
@given(CONFIGURATIONS, CONFIGURATIONS)
def test_each_line_is_of_a_change_and_the_way_back_has_the_same(
    schema: Schema, before: str, after: str
) -> None:
    there, back = lines(schema, before, after), lines(schema, after, before)
    assert all(line[:3] in ("+ /", "- /", "~ /") for line in [*there, *back])
    turned = {"+": "-", "-": "+"}
    assert sorted(turned[line[0]] + line[1:] for line in back if line[0] != "~") == sorted(
        line for line in there if line[0] != "~"
    )
