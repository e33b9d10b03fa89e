"""Operators in an XPath expression that libyang cannot be given as they are. Pure.

libyang computes ``mod`` with whole numbers, and dies of a division by nought. libyang 2.1 takes
``path[a or b]`` for a boolean, and refuses it, where ``path`` selects nothing: it casts what it should only
skip. Sums and products of truth values are not cast. libyang 3 dies of an identity without a prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

# Where libyang accepts an expression these are its tokens. Letters and digits that are not ASCII are parts of
# names, as most of them are for it: it refuses the others wherever they stand.
_NAME = r"[A-Za-z_\x80-\U0010ffff][\w.\-\x80-\U0010ffff]*"
_TOKEN = re.compile(
    rf"""[ \t\r\n]*(
        "[^"]*"|'[^']*'                       # a literal
      | [0-9]+(?:\.[0-9]*)?|\.[0-9]+          # a number
      | {_NAME}(?::(?:{_NAME}|\*))?           # a name, maybe with a prefix
      | \.\.|::|//|!=|<=|>=|.
    )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_OPERATORS = frozenset({"and", "or", "div", "mod", "*"})
# libyang sees an operator behind an operand also where XPath 1.0 section 3.7 sees the beginning of a name.
_RUN_ON = re.compile("and|or|div|mod")
_DIVISOR = re.compile(r"0*[1-9][0-9]{0,17}(?:\.[0-9]*)?")
_GOING_ON = frozenset({"[", "/", "//", "|"})
_DERIVED = ("derived-from", "derived-from-or-self")
_CLOSING = {"(": ")", "[": "]"}
_OPERAND = re.compile(r"[\w\"'.)\]\x80-\U0010ffff]|\*$", re.ASCII)


def without_logic(expression: str) -> str:
    """Return an equal expression that has no ``and`` and ``or`` inside brackets."""
    tokens = _Tokens(expression)
    pieces = []
    while tokens.current is not None:
        pieces.append(tokens.piece())
    return "".join(pieces)


def may_divide_by_nought(expression: str) -> bool:
    """Return whether something stands behind a ``mod`` that is no number from 1 on, or more than that.

    A predicate makes nought of a number, in libyang.
    """
    tokens = _Tokens(expression)
    while tokens.current is not None:
        if not tokens.take_operator("mod"):
            tokens.take()
            continue
        divisor = tokens.text
        tokens.take()
        if not _DIVISOR.fullmatch(divisor) or tokens.text in _GOING_ON:
            return True
    return False


def run_on(expression: str) -> str:
    """Return the first name behind an operand that begins with an operator and goes on; "" if there is none.

    XPath 1.0 has none, but libyang splits it: ``1 mod0`` is ``1 mod 0``, and ``1 andderef(/)`` calls deref().
    """
    tokens = _Tokens(expression)
    while tokens.current is not None:
        if tokens.is_behind_operand and not tokens.is_operator and _RUN_ON.match(tokens.text):
            return tokens.text
        tokens.take()
    return ""


def called(expression: str) -> Iterator[str]:
    """Yield the name of each function, or type of node, that is called, without its prefix."""
    texts = [token[1] for token in _TOKEN.finditer(expression)]
    for text, behind in pairwise(texts):
        if behind == "(":
            yield text.rpartition(":")[2]


def parted(expression: str, separator: str) -> list[str]:
    """Return what stands between the ``or``, ``and`` or ``|`` that are in no brackets."""
    tokens, depth, parts = _Tokens(expression), 0, [""]
    while tokens.current is not None:
        is_between = tokens.text == separator and (separator == "|" or tokens.is_operator)
        depth += (tokens.text in _CLOSING) - (tokens.text in _CLOSING.values())
        if is_between and depth == 0:
            parts.append("")
        else:
            parts[-1] += tokens.current
        tokens.take()
    return parts


def identities(expression: str) -> Iterator[tuple[int, int] | None]:
    """Yield where the literal of each derived-from() or derived-from-or-self() stands, without its quotes.

    None: the identity is no literal.
    """
    tokens = list(_TOKEN.finditer(expression))
    texts = [token[1] for token in tokens]
    for number, text in enumerate(texts):
        if text.rpartition(":")[2] not in _DERIVED or texts[number + 1 : number + 2] != ["("]:
            continue
        after = _second_argument(texts, number + 1)
        literal, closing = [*texts[after : after + 2], "", ""][:2]
        if literal[:1] in ("'", '"') and len(literal) > 1 and closing == ")":
            yield tokens[after].start(1) + 1, tokens[after].end(1) - 1
        else:
            yield None


def _second_argument(texts: Sequence[str], opening: int) -> int:
    """Return the number of the token after the first comma in the bracket that opens at ``opening``."""
    depth = 0
    for number in range(opening, len(texts)):
        depth += (texts[number] in _CLOSING) - (texts[number] in _CLOSING.values())
        if depth == 0 or (depth == 1 and texts[number] == ","):
            return number + 1
    return len(texts)


class _Tokens:
    """Tokens with the white space before them (``text``: without); ``current`` is None at the end."""

    def __init__(self, expression: str) -> None:
        self._found: Iterator[re.Match[str]] = _TOKEN.finditer(expression)
        self._after_operand = False
        self.take()

    def take(self) -> None:
        match = next(self._found, None)
        self.current = None if match is None else match[0]
        self.text = "" if match is None else match[1]
        # XPath 1.0 section 3.7: these are operators only after an operand.
        self.is_behind_operand = self._after_operand
        self.is_operator = self._after_operand and self.text in _OPERATORS
        self._after_operand = not self.is_operator and bool(_OPERAND.match(self.text))

    def take_operator(self, name: str) -> bool:
        """Take the operator ``name`` if it comes next; return whether it did."""
        found = self.is_operator and self.text == name
        if found:
            self.take()
        return found

    def piece(self) -> str:
        """Take one token, with all that is in it if it is a bracket."""
        text, opening = self.current or "", self.text
        self.take()
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
            separator, text = self.current, self.text
            self.take()
            done += separator
            if text == closing:
                return done

    def _disjunction(self, closing: str) -> str:
        parts = [self._conjunction(closing)]
        while self.is_operator and self.text == "or":
            self.take()
            parts.append(self._conjunction(closing))
        return parts[0] if len(parts) == 1 else f"{_numbers(parts, ' + ')} > 0"

    def _conjunction(self, closing: str) -> str:
        parts = [self._operand(closing)]
        while self.is_operator and self.text == "and":
            self.take()
            parts.append(self._operand(closing))
        return parts[0] if len(parts) == 1 else f"{_numbers(parts, ' * ')} > 0"

    def _operand(self, closing: str) -> str:
        taken = ""
        while self.current is not None and self.text not in (",", closing):
            if self.is_operator and self.text in ("and", "or"):
                break
            taken += self.piece()
        return taken


def _numbers(parts: list[str], operator: str) -> str:
    return operator.join(f"number(boolean({part.strip()}))" for part in parts)
