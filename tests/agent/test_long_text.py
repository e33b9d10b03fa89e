"""What a client wrote is searched in a time that grows as it does: none of these would end otherwise."""

from __future__ import annotations

import pytest

from agent.yang.prefixed import used_in

MANY = 2_000_000


@pytest.mark.parametrize("text", ["a" * MANY, "ab" * MANY + ":c", "a." * MANY + " :", "-" * MANY])
def test_prefixes_in_a_value(text: str) -> None:
    declared = {None: "urn:default", "a": "urn:a", "b": "urn:b"}
    assert used_in(text, declared) == {None: "urn:default"}


def test_prefixes_are_found_wherever_they_stand() -> None:
    declared: dict[str | None, str] = {name: f"urn:{name}" for name in ("a", "b-c", "d.e", "f", "g", "é")}
    text = "a:x/b-c:y[d.e:z='f:1'] xg:g é:"
    assert set(used_in(text, declared)) == {"a", "b-c", "d.e", "f", "é"}
