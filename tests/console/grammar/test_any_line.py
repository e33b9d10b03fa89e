"""Whatever somebody types, at whatever place: it means something, or it is a mistake, and nothing else."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from console.grammar import edits
from console.grammar.placing import place
from console.grammar.values import Changes, Meaning, Mistake, Path
from console.grammar.words import LONGEST_LINE
from tests.console.grammar.configurations import TEXTS
from tests.console.grammar.lab import COMMANDS, context, grammar, in_tunnel
from tests.console.served import schema

WORDS = sorted(
    {word for command in COMMANDS for word in command.syntax.split() if word.islower()}
    | {node.name for root in schema().roots.values() for node in root.walk() if node.config}
    | {
        "no",
        "do",
        "tunnel",
        "add",
        "1",
        "2",
        "999999999999999999999",
        "-1",
        "true",
        "f",
        "aes",
        "sha256",
        "10.0.0.0/8",
    }
)
WORD = st.one_of(st.sampled_from(WORDS), st.sampled_from(TEXTS), st.text(max_size=8))
LINE = st.lists(WORD, max_size=8).map(" ".join)
PLACES: list[Path | None] = [None, (), context("tunnel"), in_tunnel(), context("tunnel", "ipsec 1", "ike")]


def read(line: str, at: Path | None, tunnel: bool) -> Meaning | Mistake:
    try:
        return grammar().read(line, at, tunnel)
    except Mistake as mistake:
        return mistake


@settings(max_examples=1500)
@given(LINE, st.sampled_from(PLACES), st.booleans())
def test_a_line_means_something_or_is_a_mistake_in_it(line: str, at: Path | None, tunnel: bool) -> None:
    meaning = read(line, at, tunnel)
    if isinstance(meaning, Mistake):
        assert meaning.message
        assert 0 <= meaning.span.start <= meaning.span.end <= len(line) + 1
        assert all(one.text for one in meaning.expected)
    if isinstance(meaning, Changes):
        for change in meaning.changes:
            assert 0 <= change.span.start < change.span.end <= len(line)
        edits.asks(meaning.changes)
        edits.edit_config(meaning.changes, schema())


@settings(max_examples=500)
@given(LINE, st.sampled_from(PLACES), st.booleans())
def test_what_is_offered_behind_a_line_is_in_words(line: str, at: Path | None, tunnel: bool) -> None:
    for suggestion in (*grammar().suggest(line, at, tunnel), *grammar().expected(line, at, tunnel)):
        assert suggestion.text
        assert "\n" not in suggestion.text + suggestion.description


@settings(max_examples=500)
@given(st.one_of(st.text(max_size=60), st.text("/[]='\"abcdetunlsip:1.", max_size=60)))
def test_whatever_path_an_error_has_it_is_looked_for(path: str) -> None:
    meaning = grammar().read("tunnel ipsec 1 peer 10.0.0.1", ())
    assert isinstance(meaning, Changes)
    place(path, meaning.changes)


def test_lines_without_measure_are_mistakes() -> None:
    for line in ("a" * LONGEST_LINE * 2, "local-subnet " + "10.0.0.0/8 " * 5000, "no " * 5000, '"' * 5000):
        try:
            grammar().read(line, in_tunnel())
        except Mistake:
            continue
        raise AssertionError(line[:20])
    many = "local-subnet " + "255.255.255.255 " * 1000
    assert isinstance(grammar().read(many, in_tunnel()), Changes)
