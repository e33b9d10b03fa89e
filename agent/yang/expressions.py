"""What an XPath expression, or a path, may look like, before libyang reads it.

libyang reads a row of minus signs again for each of them: 400,000 take it half a minute. And all that is made
of an expression grows with its length.
"""

from __future__ import annotations

import re

from agent.yang.paths import LITERAL

MAX_EXPRESSION_OCTETS = 8192
MAX_BRACKETS_DEEP = 32
MAX_SIGNS = 16
_SIGNS = re.compile(rf"-(?:\s*+-){{{MAX_SIGNS}}}")


def expression_fault(expression: str) -> str:
    """Return why ``expression`` is not read at all, as a sentence that does not quote it; "" if it may be."""
    if len(expression) > MAX_EXPRESSION_OCTETS or len(expression.encode()) > MAX_EXPRESSION_OCTETS:
        return f"an XPath expression may have at most {MAX_EXPRESSION_OCTETS} octets"
    plain = LITERAL.sub("''", expression)
    if _SIGNS.search(plain):
        return f"an XPath expression may have at most {MAX_SIGNS} minus signs in a row"
    deep = 0
    for character in plain:
        deep += {"[": 1, "(": 1, "]": -1, ")": -1}.get(character, 0)
        if deep > MAX_BRACKETS_DEEP:
            return f"brackets may be nested {MAX_BRACKETS_DEEP} deep at most in an XPath expression"
    return ""
