"""What a client wrote is searched in a time that grows as it does: none of these would end otherwise."""

from __future__ import annotations

import tracemalloc

import pytest

from agent import xml
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


MANY_DECLARED = " ".join(f"xmlns:p{number}='urn:{number}'" for number in range(20))


@pytest.mark.parametrize("text", ["a" * MANY, "ab" * MANY + ":c", "é" * MANY, "-" * MANY])
def test_prefixes_in_an_element_with_many_declarations(text: str) -> None:
    # In pieces, for libxml2 takes no longer text in one.
    body = "".join(f"<b>{text[at : at + 2**20]}</b>" for at in range(0, len(text), 2**20))
    element = xml.parse(f"<a {MANY_DECLARED}>{body}</a>".encode())
    assert xml.parse(xml.serialize(element)).nsmap == {}


def test_not_even_names_of_undeclared_prefixes_are_kept() -> None:
    text = " ".join(f"x{number}:y" for number in range(200_000))
    element = xml.parse(f"<a {MANY_DECLARED}>{text} p7:z</a>".encode())
    tracemalloc.start()
    try:
        written = xml.serialize(element)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(text)
    finally:
        tracemalloc.stop()
    assert xml.parse(written).nsmap == {"p7": "urn:7"}
