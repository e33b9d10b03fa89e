"""What libyang says of the input of an rpc or action, in the words that an edit is answered with.

Input is not looked at before libyang parses it, as edits are; so its own words, written for programmers,
would come through.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from agent.errors import InvalidValue, RpcError
from agent.yang.expected import expected
from agent.yang.problems import node_at
from agent.yang.schema import Schema

_WORDS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(r'Node "([^"]+)" not found as a child of "([^"]+)" node'),
        lambda m: f"there is no '{m[1]}' below '{m[2]}'",
    ),
    (re.compile(r'Node "([^"]+)" not found in the'), lambda m: f"there is no '{m[1]}' at the top level"),
    (
        re.compile(r'List instance is missing its key "([^"]+)"'),
        lambda m: f"the list entry needs its key '{m[1]}'",
    ),
    (
        re.compile(r'Mandatory node "([^"]+)" instance does not exist'),
        lambda m: f"the mandatory node '{m[1]}' is missing",
    ),
    (
        re.compile(r'Mandatory choice "([^"]+)" data do not exist'),
        lambda m: f"one of the cases of the choice '{m[1]}' is mandatory",
    ),
    (
        re.compile(r'Data for both cases "([^"]+)" and "([^"]+)" exist'),
        lambda m: f"'{m[2]}' excludes '{m[1]}': they stand in two cases of one choice",
    ),
    (
        re.compile(r'Text value ".*" inside an? .* "([^"]+)" found', re.DOTALL),
        lambda m: f"'{m[1]}' holds elements, not text",
    ),
    (re.compile(r'Duplicate instance of "([^"]+)"'), lambda m: f"'{m[1]}' may stand only once"),
)
# A message that quotes a long value was cut.
_VALUE = re.compile(
    r'(?:Invalid|Unsatisfied range|Value) [^"]*"(?P<value>.*?)(?:"(?: is out of [^"]*)?)?\.*\Z', re.DOTALL
)
_SHOWN_MAX = 64


def reword(schema: Schema, error: RpcError) -> None:
    """Put the message of ``error`` into our words; what a YANG module says itself stays."""
    for pattern, words in _WORDS:
        if found := pattern.match(error.message):
            error.message = words(found)
            return
    if isinstance(error, InvalidValue) and error.app_tag is None and error.path is not None:
        node = node_at(schema, error.path)
        found = _VALUE.match(error.message)
        if node is not None and node.is_leafy and found and (takes := expected(node)):
            value = found["value"]
            shown = value if len(value) <= _SHOWN_MAX else f"{value[:_SHOWN_MAX]}..."
            error.message = f"{node.name}: '{shown}' is not {takes}"
