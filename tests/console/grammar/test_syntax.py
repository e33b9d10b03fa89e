"""The language of Command.syntax."""

from __future__ import annotations

import pytest

from console.grammar import syntax
from console.grammar.syntax import Literal

CASES = [
    ("a", ["a"], ["", "b", "a a"]),
    ("a [b]", ["a", "a b"], ["b", "a b b"]),
    ("a|b", ["a", "b"], ["", "a b"]),
    ("a (b|c) d", ["a b d", "a c d"], ["a d", "a b c d"]),
    ("a [b|c X]", ["a", "a b", "a c 1"], ["a c", "a b c 1"]),
    ("a [b] [c N] [d]", ["a", "a b c 1 d", "a d b", "a c 1 b", "a d c 1"], ["a b b", "a c", "a c 1 c 2"]),
    ("a [N] [b]", ["a", "a 1", "a 1 b", "a b"], ["a b 1"]),
    ("a N...", ["a 1", "a 1 2 3"], ["a"]),
    ("a [k N]...", ["a", "a k 1", "a k 1 k 2"], ["a k", "a k 1 2"]),
    ("a (S [M])...", ["a 1", "a 1 2", "a 1 2 3"], ["a"]),
    ("a (b X|c Y) d Z", ["a b 1 d 2", "a c 1 d 2"], ["a b 1", "a d 2"]),
]


def accepts(text: str, words: list[str]) -> bool:
    states = [syntax.compiled(text)]
    for word in words:
        states = [
            rest
            for state in states
            for leaf, rest in syntax.arcs(state)
            if (leaf.word == word if isinstance(leaf, Literal) else word.isdigit())
        ]
    return any(syntax.may_end(state) for state in states)


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [(text, line, True) for text, good, _ in CASES for line in good]
    + [(text, line, False) for text, _, bad in CASES for line in bad],
)
def test_a_syntax_takes_lines(text: str, line: str, expected: bool) -> None:
    assert accepts(text, line.split()) is expected


@pytest.mark.parametrize("text", ["a [b", "a b]", "a (b", "a )"])
def test_brackets_that_are_wrong_are_found(text: str) -> None:
    with pytest.raises(ValueError, match="in"):
        syntax.compiled(text)


@pytest.mark.parametrize("line", ["a k", "a k 1", "a k 1 b", "a k 1 b 2"])
def test_with_no_a_line_may_end_behind_its_first_words(line: str) -> None:
    expression = syntax.lenient(syntax.compiled("a k X b Y"))
    states = [expression]
    for word in line.split():
        states = [
            rest
            for state in states
            for leaf, rest in syntax.arcs(state)
            if (leaf.word == word if isinstance(leaf, Literal) else word.isdigit())
        ]
    assert any(syntax.may_end(state) for state in states)


@pytest.mark.parametrize(
    ("text", "values", "line"),
    [
        ("a X", {"X": ["1"]}, "a 1"),
        ("a X", {}, None),
        ("a [b X] [c]", {"X": ["1"]}, "a b 1"),
        ("a (b X|c Y)", {"Y": ["1"]}, "a c 1"),
        ("a (b X|c Y)", {"X": ["1"], "Y": ["2"]}, None),
        ("a [k X]...", {"X": ["1", "2"]}, "a k 1 k 2"),
        ("a (S [M])...", {"S": ["1", "2"]}, "a 1 2"),
        ("a [b X] [c Y]", {"Y": ["2"], "X": ["1"]}, "a b 1 c 2"),
    ],
)
def test_a_syntax_is_written(text: str, values: dict[str, list[str]], line: str | None) -> None:
    words = syntax.written(syntax.compiled(text), values)
    assert (None if words is None else " ".join(words)) == line
