"""``and`` and ``or`` in the predicates of an XPath expression, written in another way. Pure.

libyang 2.1 takes ``path[a or b]`` for a boolean, and refuses it, where ``path`` selects nothing: it casts
what it should only skip. Sums and products of truth values are not cast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""\s*(
        "[^"]*"|'[^']*'                       # a literal
      | \d+(?:\.\d*)?|\.\d+                   # a number
      | [^\W\d][\w.-]*(?::(?:[^\W\d][\w.-]*|\*))?   # a name, maybe with a prefix
      | \.\.|::|//|!=|<=|>=|.
    )""",
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = frozenset({"and", "or", "div", "mod", "*"})
_CLOSING = {"(": ")", "[": "]"}
_OPERAND = re.compile(r"[\w\"'.)\]]|\*$")


def without_logic(expression: str) -> str:
    """Return an equal expression that has no ``and`` and ``or`` inside brackets."""
    tokens = _Tokens(expression)
    pieces = []
    while tokens.current is not None:
        pieces.append(tokens.piece())
    return "".join(pieces)


class _Tokens:
    """Tokens with the white space before them; ``current`` is None at the end."""

    def __init__(self, expression: str) -> None:
        self._found: Iterator[re.Match[str]] = _TOKEN.finditer(expression)
        self._after_operand = False
        self._take()

    def _take(self) -> None:
        match = next(self._found, None)
        self.current = None if match is None else match[0]
        self._text = "" if match is None else match[1]
        # XPath 1.0 section 3.7: these are operators only after an operand.
        self.is_operator = self._after_operand and self._text in _OPERATORS
        self._after_operand = not self.is_operator and bool(_OPERAND.match(self._text))

    def piece(self) -> str:
        """Take one token, with all that is in it if it is a bracket."""
        text, opening = self.current or "", self._text
        self._take()
        if opening in _CLOSING:
            text += self._inside(_CLOSING[opening])
        return text

    def _inside(self, closing: str) -> str:
        """Take what is in brackets, and the closing one."""
        done = ""
        while True:
            done += self._disjunction(closing)
            if self.current is None:
                return done
            separator, text = self.current, self._text
            self._take()
            done += separator
            if text == closing:
                return done

    def _disjunction(self, closing: str) -> str:
        parts = [self._conjunction(closing)]
        while self.is_operator and self._text == "or":
            self._take()
            parts.append(self._conjunction(closing))
        return parts[0] if len(parts) == 1 else f"{_numbers(parts, ' + ')} > 0"

    def _conjunction(self, closing: str) -> str:
        parts = [self._operand(closing)]
        while self.is_operator and self._text == "and":
            self._take()
            parts.append(self._operand(closing))
        return parts[0] if len(parts) == 1 else f"{_numbers(parts, ' * ')} > 0"

    def _operand(self, closing: str) -> str:
        taken = ""
        while self.current is not None and self._text not in (",", closing):
            if self.is_operator and self._text in ("and", "or"):
                break
            taken += self.piece()
        return taken


def _numbers(parts: list[str], operator: str) -> str:
    return operator.join(f"number(boolean({part.strip()}))" for part in parts)
