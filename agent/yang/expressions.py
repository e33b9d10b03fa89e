"""What a value may look like before libyang reads it, above all an XPath expression.

libyang reads a row of minus signs again for each of them: 400,000 take it half a minute. And it quotes a
value once for each type that does not take it.
"""

from __future__ import annotations

import re

from agent.yang.paths import LITERAL
from agent.yang.schema_node import SchemaNode

MAX_EXPRESSION_OCTETS = 8192
MAX_BRACKETS_DEEP = 32
MAX_SIGNS = 16
MAX_NAMES_OCTETS = 8192
"""Of an identity, and of a union with one and without a type of any length."""
MAX_VALUE_OCTETS = 1024 * 1024
"""Of what is no binary and has a pattern, a range, or one of several types."""
_SIGNS = re.compile(rf"-(?:\s*+-){{{MAX_SIGNS}}}")


def value_fault(node: SchemaNode, value: str) -> str:
    """Return why ``value``, one of ``node``, is not read at all, without quoting it; "" if it may be."""
    if node.is_expression:
        return expression_fault(value)
    octets_max = MAX_NAMES_OCTETS if node.holds_names else MAX_VALUE_OCTETS
    if len(value) > octets_max and not node.may_be_long:
        return f"a value of this type has at most {octets_max} octets"
    return ""


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
