"""Patterns of YANG, which are regular expressions of XML Schema, tried in this program where that is safe.

A pattern is left to the server if Python has no such words, if a value could make it run for long, or if
there is any doubt. So a value that is not refused here may still be refused there, and never the other way
round.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST_PATTERN = 2000
_MOST_STEPS = 1_000_000
"""Of the regular expression: the length of the value to the power of its open repetitions."""

_REPETITION = re.compile(r"\{(\d{1,4})(?:(,)(\d{0,4}))?\}")
_CLASSES = {"d": r"\d", "s": r" \t\n\r"}
_CATEGORIES = {"{Cc}": r"\x00-\x1f\x7f-\x9f", "{Zl}": r"\u2028", "{Zp}": r"\u2029"}
_CONTROLS = {"n": r"\n", "r": r"\r", "t": r"\t"}


class _Unsafe(Exception):
    """The pattern is left to the server."""


def mismatch(pattern: str, value: str) -> bool:
    """Return whether ``value`` certainly does not match all of ``pattern``."""
    found = _compiled(pattern)
    if found is None:
        return False
    expression, open_ends = found
    if len(value) ** open_ends > _MOST_STEPS:
        return False
    return expression.fullmatch(value) is None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> tuple[re.Pattern[str], int] | None:
    """Return ``pattern`` for Python, and how many of its repetitions have no end; None if it is unsafe."""
    # Some write anchors, which XML Schema does not know, and have servers that do.
    if len(pattern) > LONGEST_PATTERN or pattern.startswith("^") or pattern.endswith("$"):
        return None
    try:
        translation = _Translation(pattern)
        return re.compile(translation.text()), translation.open_ends
    except (_Unsafe, re.error, OverflowError, RecursionError):
        return None


class _Translation:
    """Reads a pattern from left to right. A group that has a choice in it, or that may take more or less, is
    repeated by nothing that is safe: there are then many ways to read one value."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self.open_ends = 0

    def text(self) -> str:
        found, _ = self._branches(0)
        if self._at < len(self._pattern):
            raise _Unsafe
        return found

    def _branches(self, depth: int) -> tuple[str, bool]:
        """Return the text up to the end of a group, and whether it can be read in more than one way."""
        if depth > 20:
            raise _Unsafe
        parts: list[str] = []
        several = False
        while (one := self._peek()) and one != ")":
            if one == "|":
                self._at += 1
                parts.append("|")
                several = True
                continue
            atom, inner = self._atom(depth)
            repeated, varies = self._repetition(inner)
            parts.append(atom + repeated)
            several = several or inner or varies
        return "".join(parts), several

    def _atom(self, depth: int) -> tuple[str, bool]:
        one = self._take()
        if one == "(":
            if self._peek() == "?":
                raise _Unsafe
            inside, several = self._branches(depth + 1)
            if self._take() != ")":
                raise _Unsafe
            return f"(?:{inside})", several
        if one == "[":
            return self._class(), False
        if one == "\\":
            return self._escape(inside=False), False
        if one == ".":
            return r"[^\n\r]", False
        if one in "*+?{}]":
            raise _Unsafe
        return re.escape(one), False  # ^ and $ are characters like others

    def _repetition(self, several: bool) -> tuple[str, bool]:
        """Return the repetition that stands here, or "", and whether it may take more or less."""
        one = self._peek()
        if one in ("*", "+"):
            self._at += 1
            least, most = (0 if one == "*" else 1), None
        elif one == "?":
            self._at += 1
            return self._once("?")
        elif one == "{":
            match = _REPETITION.match(self._pattern, self._at)
            if match is None:
                raise _Unsafe
            self._at = match.end()
            least = int(match[1])
            most = least if not match[2] else int(match[3]) if match[3] else None
            one = match[0]
        else:
            return "", False
        if several and (most is None or most > 1):
            raise _Unsafe
        if most is None or most - least > 64:
            self.open_ends += 1
        return self._once(one)[0], most != least

    def _once(self, text: str) -> tuple[str, bool]:
        if self._peek() in ("*", "+", "?", "{") and self._peek():
            raise _Unsafe  # means something else to Python
        return text, True

    def _class(self) -> str:
        found = "["
        if self._peek() == "^":
            self._at += 1
            found += "^"
        if self._peek() == "]":
            raise _Unsafe
        while (one := self._take()) != "]":
            if one == "\\":
                found += self._escape(inside=True)
            elif one == "-" and self._peek() == "[":
                raise _Unsafe  # one class without another
            elif one == "-":
                found += "-" if found not in ("[", "[^") and self._peek() != "]" else r"\-"
            elif one == "[":
                raise _Unsafe
            else:
                found += re.escape(one)
        return found + "]"

    def _escape(self, *, inside: bool) -> str:
        one = self._take()
        if one in _CONTROLS:
            return _CONTROLS[one]
        if one in _CLASSES:
            return _CLASSES[one] if inside or one == "d" else f"[{_CLASSES[one]}]"
        if one == "S" and not inside:
            return r"[^ \t\n\r]"
        if one == "p" and inside:
            return self._category()
        if one.isalnum():
            raise _Unsafe
        return re.escape(one)

    def _category(self) -> str:
        """Return the characters of \\p{...}, for those categories that are a few ranges for ever."""
        end = self._pattern.find("}", self._at)
        found = _CATEGORIES.get(self._pattern[self._at : end + 1])
        if found is None:
            raise _Unsafe
        self._at = end + 1
        return found

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        one = self._peek()
        if not one:
            raise _Unsafe
        self._at += 1
        return one
