"""A union of identities and texts: what is taken stays what it was, and is itself when it is sent back."""

from __future__ import annotations

import re

import pytest

from tests.agent.handlers import Lab
from tests.agent.operations.zoo import MORE, NC, ZOO, answer, edit, errors, ok, serialized

TEXTS = {
    "a prefix that nobody declared": ("m:foo", ""),
    "one of no module": ("x:lion", ""),
    "a declared one without such an identity": ("m:dog", f'xmlns:m="{MORE}"'),
    "a module without such an identity": ("zoo-more:dog", ""),
    "no prefix": ("lion", ""),
}
IDENTITIES = {
    "a prefix": ("m:lion", f'xmlns:m="{MORE}"', "zoo-more:lion"),
    "the name of another module": ("zoo:cat", f'xmlns:zoo="{MORE}"', "zoo-more:cat"),
    "the default namespace": ("cat", "", "zoo:cat"),
}
CONFUSED = {
    "the name of the module of an identity": ("zoo-more:lion", ""),
    "that of its own": ("zoo:cat", ""),
    "no prefix and no default namespace": ("cat", 'xmlns=""'),
    "no prefix and another default namespace": ("cat", 'xmlns="urn:x"'),
}


def pair(kind: str, declared: str, attributes: str = "") -> str:
    content = f"<z:kind {declared}>{kind}</z:kind><z:place>/z:zoo</z:place><z:note>n</z:note>"
    return f'<z:zoo xmlns:z="{ZOO}" xmlns="{ZOO}"><z:pair {attributes}>{content}</z:pair></z:zoo>'


def units(lab: Lab) -> list[str]:
    return re.findall(r"kind='([^']*)'", " ".join(sorted(lab.context.configuration.candidate.changed)))


@pytest.mark.parametrize("attributes", ["", 'nc:operation="create"'])
async def test_each_value_is_an_entry_of_its_own_before_and_after_a_commit(lab: Lab, attributes: str) -> None:
    written = [*((value, declared) for value, declared, _ in IDENTITIES.values()), *TEXTS.values()]
    for value, declared in written:
        await ok(lab, edit(pair(value, declared, attributes)))
    expected = sorted([*(name for _, _, name in IDENTITIES.values()), *(text for text, _ in TEXTS.values())])
    assert sorted(units(lab)) == expected
    before = re.findall(r"<pair>.*?</pair>", lab.candidate)
    await lab.do("<commit/>")
    assert sorted(re.findall(r"<pair>.*?</pair>", lab.running)) == sorted(before)
    for options in ("", "<default-operation>replace</default-operation>"):
        said = await answer(lab, "<get-config><source><running/></source></get-config>")
        await ok(lab, edit("".join(serialized(child) for child in said[0]), options))
        configuration = lab.context.configuration
        assert configuration.candidate.differing(configuration.running) == []


@pytest.mark.parametrize("name", CONFUSED)
async def test_a_text_that_would_be_taken_for_an_identity_later_is_refused(lab: Lab, name: str) -> None:
    value, declared = CONFUSED[name]
    config = pair(value, declared)
    inline = f"<source><config {NC}>{config}</config></source>"
    for request in (
        edit(config),
        edit(pair(value, declared, 'nc:operation="create"')),
        f"<copy-config><target><candidate/></target>{inline}</copy-config>",
        f"<validate>{inline}</validate>",
    ):
        (error,) = await errors(lab, request)
        assert error["error-tag"] == "invalid-value"
        assert error["error-message"].startswith(f"kind: '{value}' as a text could not be told from")
        assert error["error-path"].endswith("/z:kind")
    assert "<pair>" not in lab.candidate
