"""libyang's words for input, in ours."""

from __future__ import annotations

import pytest

from agent.errors import DataMissing, InvalidValue, OperationFailed, RpcError
from agent.yang.schema import Schema
from agent.yang.wording import reword

NUMBER = "/every-construct:top/entry[id='a']/number"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            DataMissing('Mandatory node "subject" instance does not exist.'),
            "the mandatory node 'subject' is missing",
        ),
        (
            DataMissing('Mandatory choice "way" data do not exist.'),
            "one of the cases of the choice 'way' is mandatory",
        ),
        (
            InvalidValue('Data for both cases "inet" and "name" exist.'),
            "'name' excludes 'inet': they stand in two cases of one choice",
        ),
        (InvalidValue('Duplicate instance of "name".'), "'name' may stand only once"),
        (
            InvalidValue('Node "nope" not found in the "acme" module.'),
            "there is no 'nope' at the top level",
        ),
        (
            InvalidValue('Invalid type uint8 value "x\n"y".', path=NUMBER),
            "number: 'x\n\"y' is not a whole number",
        ),
        (
            InvalidValue('Unsatisfied range - value "201" is out of the allowed range.', path=NUMBER),
            "number: '201' is not a whole number",
        ),
        (
            InvalidValue('Value "999" is out of type uint8 min/max bounds.', path=NUMBER),
            "number: '999' is not a whole number",
        ),
        (
            InvalidValue(f'Invalid type uint8 value "{"x" * 500}...', path=NUMBER),
            f"number: '{'x' * 64}...' is not a whole number",
        ),
    ],
)  # fmt: skip
def test_they_are_said_as_of_an_edit(schema: Schema, error: RpcError, message: str) -> None:
    reword(schema, error)
    assert error.message.startswith(message)


@pytest.mark.parametrize(
    "error",
    [
        OperationFailed("a name is needed", app_tag="must-violation"),
        InvalidValue('Invalid value "x"', path=NUMBER, app_tag="of-the-module"),
        InvalidValue('Invalid value "x"', path="/every-construct:no/such"),
    ],
)
def test_what_a_module_says_itself_stays(schema: Schema, error: RpcError) -> None:
    before = error.message
    reword(schema, error)
    assert error.message == before
