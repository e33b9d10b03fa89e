"""What does not fit is folded at blanks, and no word of a table is lost where there is a line for it."""

from __future__ import annotations

import pytest

from console.grammar.values import Suggestion
from console.shell.commands.around import listing
from console.show.history import COLUMNS, CUTTABLE
from console.show.layout import folded, table

COMMIT = ("12", "2026-11-27 16:00:00", "operator-of-the-night", "3", "taken back by 13", "a comment of words")
SUGGESTIONS = [
    Suggestion("local-subnet", "Networks on this side that the tunnel serves: those of the line " * 2),
    Suggestion("dpd", "Dead peer detection"),
]


@pytest.mark.parametrize("width", [36, 40, 60, 80])
def test_a_narrow_history_keeps_its_outcome(width: int) -> None:
    shown = table(COLUMNS, [COMMIT], width, CUTTABLE)
    assert max(map(len, shown.splitlines())) <= width
    words = " ".join(shown.split())
    assert "OUTCOME" in words
    assert "taken back by 13" in words


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_list_of_what_may_come_breaks_no_word(width: int) -> None:
    shown = listing(SUGGESTIONS, width)
    assert max(map(len, shown.splitlines())) <= width
    assert shown.split() == " ".join(f"{one.text} {one.description}" for one in SUGGESTIONS).split()


@pytest.mark.parametrize(
    ("text", "width", "indent", "lines"),
    [
        ("abcdef", 3, "", ["abc", "def"]),
        ("ab cdefg h", 4, "", ["ab", "cdef", "g h"]),
        ("\u65e5\u672c x", 5, "    ", ["    \u65e5", "    \u672c", "    x"]),
        ("\u65e5\u672c", 1, "", ["\u65e5", "\u672c"]),
        ("ab", 2, "  ", ["  ab"]),
    ],
)
def test_a_word_is_folded_also_where_a_line_has_no_room_for_a_letter(
    text: str, width: int, indent: str, lines: list[str]
) -> None:
    assert folded(text, width, indent) == lines
