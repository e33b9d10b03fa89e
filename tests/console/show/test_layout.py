"""Lines that fit, whatever stands in them."""

from __future__ import annotations

import pytest

from console.show.layout import folded


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
