"""What nobody sees, and what a terminal obeys, is the same to the agent and to the command line.

Neither may import the other, so each has a table: what the one lets into a comment or a description, the
other would show as an escape that cannot be pasted back.
"""

from __future__ import annotations

import sys
from unicodedata import category

from agent import visible
from console import harmless
from console.grammar.words import quoted, split
from console.model.visible import is_visible

EVERY = [chr(one) for one in range(sys.maxunicode + 1)]


def test_both_programs_have_the_same_characters() -> None:
    assert [one for one in EVERY if visible.is_unseen(one) != harmless.is_unseen(one)] == []


def test_a_word_of_a_module_is_visible_by_the_same_table() -> None:
    assert [one for one in EVERY if is_visible(one) == harmless.is_unseen(one)] == []


def test_what_is_written_to_be_typed_again_is_shown_as_it_is_and_means_the_same() -> None:
    for one in EVERY:
        if category(one) == "Cs":  # halves of a pair are no characters
            continue
        written = quoted(f"a{one}b")
        assert harmless.harmless(written) == written
        assert [word.text for word in split(written)] == [f"a{one}b"]
