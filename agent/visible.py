"""Characters that a terminal obeys, or that nobody sees: shown as escapes, or refused."""

from __future__ import annotations

import sys
from typing import TextIO
from unicodedata import category

# Control characters, those of formatting (which turn the direction of text, too), unassigned ones, halves of
# a pair, and the ends of lines and paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Cs", "Zl", "Zp"})
# Letters, marks and symbols of which nothing is seen.
_EMPTY = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")


def is_unseen(character: str) -> bool:
    return category(character) in _UNSEEN or character in _EMPTY


def replaced(text: str, other: str = "\ufffd") -> str:
    """Return ``text`` with ``other`` in the place of each character that is not seen."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(other if is_unseen(one) else one for one in text)


def escaped(text: str) -> str:
    r"""Return ``text`` with \xNN, \uNNNN and \UNNNNNNNN in the place of what is not seen."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(one.encode("unicode_escape").decode() if is_unseen(one) else one for one in text)


def escaped_json(document: str) -> str:
    """Return a JSON document with escapes in the place of what is not seen, but for its lines."""
    return "".join(_in_json(one) if is_unseen(one) and one != "\n" else one for one in document)


def _in_json(character: str) -> str:
    octets = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{octets[at : at + 4]}" for at in range(0, len(octets), 4))


def say(sentence: object, to: TextIO | None = None) -> None:
    """Print a line that does nothing to the terminal, whatever names are in it."""
    print(escaped(str(sentence)), file=sys.stdout if to is None else to)


def comment_fault(comment: str) -> tuple[str, str] | None:
    """Return error-app-tag and sentence of why ``comment`` is none for a commit, None if it is one.

    Its length, and what no XML holds, are looked at elsewhere.
    """
    if any(category(one) in ("Cc", "Cf", "Zl", "Zp") for one in comment):
        return "control-character", "a comment has no control characters"
    if unseen := next(filter(is_unseen, comment), None):
        return "control-character", f"a comment has no characters that nobody sees (U+{ord(unseen):04X})"
    if all(category(one) == "Zs" for one in comment):
        return "blank-comment", "a comment has more than blanks"
    return None
