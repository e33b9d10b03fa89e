"""What libyang says of the input of an rpc or action, in the words that an edit is answered with.

Input is not looked at before libyang parses it, as edits are; so its own words, written for programmers,
would come through.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from agent.errors import InvalidValue, RpcError
from agent.yang.expected import SHOWN_MAX, expected, expected_length
from agent.yang.native import text
from agent.yang.problems import node_at
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode

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
    (re.compile(r'Duplicate instance of "([^"]+)"'), lambda m: f"'{m[1]}' may stand only once"),
)
_EXPRESSION: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(r"Invalid character '(.)'\[(\d+)\] of expression '(.*)'\.\Z", re.DOTALL),
        lambda m: f"'{m[1]}' cannot stand at position {m[2]} of '{m[3]}'",
    ),
    (
        re.compile(r"Invalid character 0x[0-9a-f]+ \('(.)'\), perhaps \"(.*)\" is ", re.DOTALL),
        lambda m: f"'{m[1]}' cannot stand behind '{m[2]}'",
    ),
    (re.compile(r"Unexpected XPath expression end\."), lambda m: "the expression ends too early"),
    (
        re.compile(r"Invalid number of arguments \((\d+)\) for the XPath function ([\w-]+)"),
        lambda m: f"the function {m[2]}() does not take {m[1]} argument{'' if m[1] == '1' else 's'}",
    ),
)
# A message that quotes a long value was cut.
_VALUE = re.compile(
    r'(?:Invalid|Unsatisfied range|Unsatisfied length|Value) [^"]*"(?P<value>.*?)'
    r'(?:"(?: is out of [^"]*| value -.*| length is not allowed)?)?\.*\Z',
    re.DOTALL,
)
_VAGUE = ("Invalid ", "Unsatisfied range", "Unsatisfied length", "Unexpected XPath", "Value ")
_IDENTITY = re.compile(
    r'Invalid identityref ".*" value - (?:(unable to map prefix)|.* in module "([^"]+)")', re.DOTALL
)
_PATTERN = re.compile(r'Unsatisfied pattern - ".*" does not conform to "(.*)"\.\Z', re.DOTALL)
_PATH = re.compile(r'Invalid instance-identifier ".*" value - (syntax|semantic) error', re.DOTALL)


def reword(schema: Schema, error: RpcError) -> None:
    """Put the message of ``error`` into our words; what a YANG module says itself stays."""
    for pattern, words in _WORDS:
        if found := pattern.match(error.message):
            error.message = words(found)
            return
    if isinstance(error, InvalidValue) and error.app_tag is None and error.path is not None:
        node = node_at(schema, error.path)
        found = _VALUE.match(error.message)
        if node is not None and node.is_leafy and (found or error.message.startswith(_VAGUE)):
            error.message = f"{node.name}: {of_value(node, found['value'] if found else '', error.message)}"


def of_value(node: SchemaNode, value: str, message: str) -> str:
    """Say what the leaf takes, where libyang says in ``message`` only that ``value`` is something else."""
    shown = value if len(value) <= SHOWN_MAX else f"{value[:SHOWN_MAX]}..."
    if pattern := _PATTERN.match(message):
        return f"'{shown}' has not the form {pattern[1]}"
    if not message.startswith(_VAGUE):
        return message
    too_long = message.startswith("Unsatisfied length")
    if words := expected(node) or (too_long and expected_length(node)):
        return f"'{shown}' is not {words}{_why(value, message)}"
    if too_long or message.startswith("Invalid union"):
        meaning = " ".join(text(node.pointer.dsc).split())
        return f"'{shown}' has none of the forms that this takes: {meaning}"
    if path := _PATH.match(message):
        why = "" if path[1] == "syntax" else ": there is no such node, or a prefix is not declared"
        return f"'{shown}' is not a path of a data node{why}"
    return of_expression(message)


def of_expression(message: str) -> str:
    """Say what libyang says of an XPath expression that it cannot read."""
    for pattern, words in _EXPRESSION:
        if found := pattern.match(message):
            return words(found)
    return message


def _why(value: str, message: str) -> str:
    """Say why there is no such identity."""
    found = _IDENTITY.match(message)
    if found is None:
        return ""
    if found[2]:
        return f": the module {found[2]} has none of this name"
    if ":" in value:
        return ": its prefix is not declared here"
    return ": it has no prefix, and the default namespace here is that of no module"
