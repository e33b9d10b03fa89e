"""Modules of which libyang is given another text than clients are."""

from __future__ import annotations

import pytest

from agent.yang.modules import SchemaError, as_state, without_statement
from agent.yang.schema import Schema
from tests.agent.lab import empty_running

MODULE = """\
module m {
  container kept {
    choice left-out {
      leaf a { type string; }
    }
  }
}
"""


def test_a_statement_is_left_out_with_its_block() -> None:
    left = without_statement(MODULE, "choice left-out")
    assert left.split() == ["module", "m", "{", "container", "kept", "{", "}", "}"]


def test_a_block_becomes_state() -> None:
    assert "  container kept {\n    config false;\n    choice" in as_state(MODULE, "container kept")


@pytest.mark.parametrize("text", [MODULE.replace("kept", "other").replace("left-out", "other"), MODULE * 2])
def test_a_text_that_is_another_one_is_refused(text: str) -> None:
    with pytest.raises(SchemaError, match="there is not one 'choice left-out'"):
        without_statement(text, "choice left-out")
    with pytest.raises(SchemaError, match="there is not one 'container kept'"):
        as_state(text, "container kept")


def test_nobody_configures_subscriptions(schema: Schema) -> None:
    for name in ("streams", "filters", "subscriptions"):
        assert not schema.find(f"/ietf-subscribed-notifications:{name}").config
    assert "subscribed-notifications" not in empty_running(schema).to_xml(keep_empty=True).decode()
