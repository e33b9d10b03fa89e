"""Words of a server made harmless: what a terminal would obey, or what nobody sees, is replaced."""

from __future__ import annotations

from console.harmless import is_unseen

_INSTEAD = "\ufffd"


def is_visible(text: str) -> bool:
    """Return whether ``text`` has no character that is not seen."""
    return (text.isascii() and text.isprintable()) or not any(map(is_unseen, text))


def visible(text: str) -> str:
    """Return ``text`` with U+FFFD in the place of each character that is not seen."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_INSTEAD if is_unseen(one) else one for one in text)


def prose(text: str) -> str:
    """Return a description as paragraphs of one line each, with an empty line between two, and visible."""
    paragraphs = text.replace("\r\n", "\n").replace("\t", " ").split("\n\n")
    lines = (" ".join(paragraph.split()) for paragraph in paragraphs)
    return "\n\n".join(visible(line) for line in lines if line)
