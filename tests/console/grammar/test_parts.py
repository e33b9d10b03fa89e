"""A part of the configuration behind a command: completed by the same words with which it is typed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from console.grammar.completing import ENTER
from console.grammar.parts import is_part
from console.grammar.reading import Grammar
from console.grammar.values import Called, Mistake, Path, Suggestion
from console.shell.table import COMMANDS
from tests.console.served import schema

GRAMMAR = Grammar(schema(), COMMANDS)
EVERYTHING = Grammar(schema("every-construct", "every-augment"), COMMANDS)


def lookup(source: str | Path, prefix: str) -> Sequence[Suggestion]:
    return [] if isinstance(source, str) else [Suggestion("1"), Suggestion("12")]


def offered(text: str, using: Grammar = GRAMMAR, *, context: Path | None = None) -> list[str]:
    return [one.text for one in using.suggest(text, context, lookup=lookup) if not one.placeholder]


@pytest.mark.parametrize("command", ["show running-config", "show candidate-config xml", "diff", "diff 3"])
def test_a_part_is_completed_as_it_is_typed(command: str) -> None:
    assert {"tunnel", "certificates", "nacm"} <= set(offered(f"{command} "))
    assert offered(f"{command} tunnel ip") == ["ipsec"]
    assert offered(f"{command} tunnel ipsec 1") == ["1", "12"]
    assert {"ike", "esp", "description"} <= set(offered(f"{command} tun ips 1 "))
    assert "rekey-time" in offered(f"{command} tunnel ipsec 1 ike ")
    assert offered(f"{command} tunnel ipsec 1 local-id em") == ["email"]


def test_it_is_typed_from_the_top_wherever_one_is() -> None:
    at = GRAMMAR.part("tunnel ipsec 1")
    assert "nacm" in offered("diff ", context=at)
    assert "rekey-time" in offered("show candidate-config tunnel ipsec 1 ike ", context=at)


@pytest.mark.parametrize("text", ["tunnel ipsec 1 description ", "tunnel ipsec 1 peer ", "y ", "tunnel y z "])
def test_behind_a_leaf_and_what_means_nothing_there_is_nothing(text: str) -> None:
    assert offered(f"show running-config {text}") == []


@pytest.mark.parametrize("using", [GRAMMAR, EVERYTHING], ids=["ours", "foreign"])
def test_whatever_is_offered_is_a_part_or_goes_on(using: Grammar) -> None:
    seen = 0
    for text in lines("", using):
        seen += 1
        assert is_part(text, using.names) or offered(f"diff {text} ", using), text
    assert seen > 100


def lines(text: str, using: Grammar, depth: int = 0) -> Iterator[str]:
    """Yield all parts that completion leads to, with one entry of each list."""
    for word in offered(f"diff {text}", using):
        known = is_part(f"{text}{word}", using.names) or offered(f"diff {text}{word} ", using)
        if text and word.isdigit() and not known:  # a key that is no number
            continue
        if word != "12" and (text or not word.isdigit()):
            yield f"{text}{word}"
            if depth < 9:
                yield from lines(f"{text}{word} ", using, depth + 1)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("show running-config ", True),
        ("show running-config tunnel ", True),
        ("show running-config tunnel ipsec 1 ike ", True),
        ("show running-config tunnel ipsec 1 ike", False),
        ("show running-config y ", False),
    ],
)
def test_a_question_mark_says_whether_the_part_may_end(text: str, ends: bool) -> None:
    assert any(one.text == ENTER for one in GRAMMAR.expected(text, lookup=lookup)) is ends
    assert not GRAMMAR.within_text("show running-config tunnel ")


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("show running-config foo", "foo"),
        ("diff  tunnel ipsec 1\tfoo  # why", "foo"),
        ("diff 3 foo", "foo"),
        ("show candidate-config xml tunnel ipsec x ike", "x"),
        ("diff tunnel ipsec 1 description a", "tunnel ipsec 1 description a"),
        ("diff 'foo'", "'foo'"),
    ],
)
@pytest.mark.parametrize("do", ["", "do "])
def test_what_is_wrong_in_a_part_is_found_at_its_columns_of_the_line(line: str, wrong: str, do: str) -> None:
    called = GRAMMAR.read(f"{do}{line}", () if do else None)
    assert isinstance(called, Called)
    with pytest.raises(Mistake) as found:
        GRAMMAR.part(called.given["PART"])
    span = called.placed(found.value).span
    assert f"{do}{line}"[span.start : span.end] == wrong
