"""What has to be so for the predicates of an XPath expression to be true, taken apart. Pure.

What is left out because it is too much makes a condition weaker, never stronger.
"""

from __future__ import annotations

from agent.operations.predicates import called, parted
from agent.yang.paths import LITERAL

Alternatives = list[tuple[str, ...]]
"""Operands: all of one tuple have to be true. An empty tuple: anything may be so."""
MAX_OPERANDS = 10_000
"""In all alternatives together."""
MAX_TOGETHER = 100
"""Operands in one of them."""
_BY_POSITION = frozenset({"position", "last"})


def predicates_at(text: str, position: int) -> tuple[list[str], int]:
    """Return what is in the brackets of the predicates from ``position`` on, and where they end."""
    plain = LITERAL.sub(lambda found: "'" * len(found[0]), text)
    found: list[str] = []
    while (opened := _past_spaces(plain, position)) < len(plain) and plain[opened] == "[":
        closed = _closing(plain, opened)
        if closed < 0:
            break
        found.append(text[opened + 1 : closed])
        position = closed + 1
    return found, position


def alternatives(inside: str) -> Alternatives:
    """Return of what operands a condition consists: ``or`` of ``and``, without parentheses."""
    found: Alternatives = []
    for disjunct in parted(inside, "or"):
        either: Alternatives = [()]
        for operand in parted(disjunct, "and"):
            bare = _without_parentheses(operand)
            either = both(either, [(operand.strip(),)] if bare is None else alternatives(bare))
        found += either
        if sum(map(len, found)) > MAX_OPERANDS:
            return [()]
    return found


def both(one: Alternatives, other: Alternatives) -> Alternatives:
    """Return the alternatives that are left if one of each has to be true."""
    together = max(map(len, one)) + max(map(len, other))
    if together > MAX_TOGETHER or len(one) * len(other) * together > MAX_OPERANDS:
        return one
    return [left + right for left in one for right in other]


def is_by_position(inside: str) -> bool:
    """Return whether a predicate asks for the place of a node among others, as a call says."""
    return not _BY_POSITION.isdisjoint(called(inside))


def _without_parentheses(operand: str) -> str | None:
    """Return what is in the parentheses that hold all of an operand, None if there are none."""
    text = operand.strip()
    plain = LITERAL.sub(lambda found: "'" * len(found[0]), text)
    if not plain.startswith("(") or _closing(plain, 0) != len(plain) - 1:
        return None
    return text[1:-1]


def _past_spaces(plain: str, position: int) -> int:
    while position < len(plain) and plain[position].isspace():
        position += 1
    return position


def _closing(plain: str, opened: int) -> int:
    """Return where the bracket ends that opens at ``opened``, -1 if it does not."""
    depth = 0
    for position in range(opened, len(plain)):
        depth += (plain[position] in "[(") - (plain[position] in "])")
        if depth == 0:
            return position
    return -1
