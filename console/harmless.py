"""Text from elsewhere, before a terminal gets it: what it would obey, or nobody sees, is written out. Pure.

The agent has the same table (agent/visible.py), and tests/test_unseen.py compares the two.
"""

from __future__ import annotations

from unicodedata import category

# Control characters, those of formatting (which turn the direction of text, too), unassigned ones, halves of
# a pair, and the ends of lines and paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Cs", "Zl", "Zp"})
# Letters, marks and symbols of which nothing is seen.
_EMPTY = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_TAB = 8


def is_unseen(character: str) -> bool:
    return category(character) in _UNSEEN or character in _EMPTY


def harmless(text: str) -> str:
    r"""Return ``text``, in one line, with \xNN, \uNNNN and \UNNNNNNNN in the place of what is not seen."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(one.encode("unicode_escape").decode() if is_unseen(one) else one for one in text)


def harmless_lines(text: str) -> str:
    """Return ``text`` with its lines kept and tabs as blanks, and all else as ``harmless`` has it."""
    return "\n".join(harmless(line.removesuffix("\r").expandtabs(_TAB)) for line in text.split("\n"))


def harmless_json(document: str) -> str:
    """Return a JSON document with escapes of JSON in the place of what is not seen, but for its lines."""
    return "".join(_in_json(one) if is_unseen(one) and one != "\n" else one for one in document)


def _in_json(character: str) -> str:
    octets = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{octets[at : at + 4]}" for at in range(0, len(octets), 4))
