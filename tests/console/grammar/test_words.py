"""Lines to words and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.grammar.values import Mistake
from console.grammar.words import LONGEST_LINE, MOST_WORDS, commands, in_comment, quoted, split

CASES = [
    ("", []),
    ("  \t ", []),
    ("# all of it", []),
    ("a b  c", ["a", "b", "c"]),
    ("a#b c", ["a#b", "c"]),
    ("a # b", ["a"]),
    ("a '# b'", ["a", "# b"]),
    ('a "b c" d', ["a", "b c", "d"]),
    (r'"\"\\\n\t\r" x', ['"\\\n\t\r', "x"]),
    (r'"\u00e9\U0001f600\u12"', ["é😀\\u12"]),
    (r'"\ud800\U00110000"', ["\\ud800\\U00110000"]),
    (r"'\'\\\n'", ["'\\\\n"]),
    (r'"\x"', ["\\x"]),
    ("it's o'clock", ["it's", "o'clock"]),
    ('a"b"', ['a"b"']),
    ('""', [""]),
    ("a\\ b", ["a\\", "b"]),
    ("\u00a0a\u00a0b\u2003c\u3000'd\u00a0e'\u202f# f", ["a", "b", "c", "d\u00a0e"]),
    ("a\u200bb\u00adc\ufeffd", ["a\u200bb\u00adc\ufeffd"]),
]


@pytest.mark.parametrize(("line", "words"), CASES)
def test_a_line_has_words(line: str, words: list[str]) -> None:
    assert [word.text for word in split(line)] == words


def test_words_know_their_columns() -> None:
    assert [line for line in ((w.span.start, w.span.end) for w in split('ab  "c d" e'))] == [
        (0, 2),
        (4, 9),
        (10, 11),
    ]


@pytest.mark.parametrize(
    ("line", "message", "piece"),
    [
        ('a "b', "the quote is not closed", '"b'),
        ("a 'b\"", "the quote is not closed", "'b\""),
        ('"a"b', "a blank is missing behind the quote", "b"),
        ('"a\\"', "the quote is not closed", '"a\\"'),
    ],
)
def test_quotes_that_are_wrong(line: str, message: str, piece: str) -> None:
    with pytest.raises(Mistake) as refused:
        split(line)
    assert refused.value.message == message
    assert line[refused.value.span.start : refused.value.span.end] == piece


def test_a_line_has_an_end() -> None:
    assert len(split("a" * LONGEST_LINE)) == 1
    with pytest.raises(Mistake, match="at most"):
        split("a" * (LONGEST_LINE + 1))


def test_a_line_has_so_many_words_and_no_more() -> None:
    assert len(split("a " * MOST_WORDS)) == MOST_WORDS
    with pytest.raises(Mistake, match="at most 1024 words"):
        split("a " * (MOST_WORDS + 1))


def test_what_is_not_finished_can_be_looked_at() -> None:
    word = split('a "b c', partial=True)[-1]
    assert (word.text, word.quoted, word.closed) == ("b c", True, False)


@pytest.mark.parametrize(
    ("text", "inside"),
    [("a # b", True), ("#", True), ("a", False), ('a "# b', False), ('a "#" # b', True), ('"a"b #', False)],
)
def test_a_comment_is_recognised(text: str, inside: bool) -> None:
    assert in_comment(text) is inside


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a; b;c", ["a", " b", "c"]),
        ("a 'b;c'; d", ["a 'b;c'", " d"]),
        ("a it's;b", ["a it's", "b"]),
        ('"a;\\";b";c', ['"a;\\";b"', "c"]),
        ("a # b; c\nd", ["a # b; c", "d"]),
        ("# a; b", ["# a; b"]),
        ("a 'open; b", ["a 'open; b"]),
        ("a\nb", ["a", "b"]),
    ],
)
def test_several_lines_in_one(text: str, found: list[str]) -> None:
    assert list(commands(text)) == found


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_a_value_is_read_as_it_was_written(value: str) -> None:
    typed = quoted(value)
    assert [word.text for word in split(f"a {typed} b")] == ["a", value, "b"]
    assert typed.isprintable() or " " in typed or "\u00a0" in typed or not typed.isascii()
    assert "\n" not in typed
    assert list(commands(f"a {typed};b")) == [f"a {typed}", "b"]
