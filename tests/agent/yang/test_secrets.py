"""What a client gave for a secret is not repeated, wherever the secret stands."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from agent.errors import RpcErrors
from agent.yang import problems
from agent.yang.invocation import Invocation
from agent.yang.schema import Schema
from agent.yang.tree import Tree

ACME = 'xmlns="http://example.com/ns/acme"'


def message(parse: Callable[[], object]) -> str:
    with pytest.raises(RpcErrors) as caught:
        parse()
    return caught.value.errors[0].message


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        ("/acme:interfaces/interface[name='x']/password", True),
        ("/acme:interfaces/interface[name='x']/mtu", False),
        ("/acme:unlock/code", True),
        ("/acme:unlock/floor", True),  # as the whole rpc is
        ("/acme:count/step", False),
        ("/every-construct:top/entry[id='1']/shape/round/radius", False),
        ("/acme:nowhere", True),
        ("/nowhere:at/all", True),
    ],
)
def test_what_is_secret_is_known_also_in_rpcs_and_when_in_doubt(
    schema: Schema, path: str, secret: bool
) -> None:
    assert problems.is_secret(schema, path) is secret


def nobody_waits() -> AbstractContextManager[Tree]:
    raise AssertionError("others wait while an input is only read")


def test_a_secret_parameter_is_not_repeated(schema: Schema) -> None:
    code = f"<unlock {ACME}><code>not-a-number</code></unlock>"
    told = message(lambda: Invocation.parse(schema, code.encode(), nobody_waits))
    assert told == "the value is not a whole number from 0 to 65535"
    step = f"<count {ACME}><step>not-a-number</step></count>"
    assert "not-a-number" in message(lambda: Invocation.parse(schema, step.encode(), nobody_waits))


def test_a_long_value_is_not_repeated_as_a_whole(schema: Schema) -> None:
    step = f"<count {ACME}><step>{'9' * 100_000}</step></count>"
    told = message(lambda: Invocation.parse(schema, step.encode(), nobody_waits))
    assert len(told) < 600
    assert "...' is not a whole number" in told
