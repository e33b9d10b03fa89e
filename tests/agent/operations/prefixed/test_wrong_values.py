"""What is wrong with a value or with the content of anydata is said in words for people, at every door."""

from __future__ import annotations

import re

import pytest

from tests.agent.handlers import Lab
from tests.agent.operations.zoo import ZOO, edit, errors, ok, zoo

# Words of libyang's, which are written for programmers.
OF_LIBYANG = re.compile(r"Invalid|Unsatisfied|Unexpected|instance-identifier|identityref|type u?int|terminal")


VALUES = {
    "a prefix that is not declared": ("idref", "x:cat", "its prefix is not declared here"),
    "no such identity": ("idref", "dog", "the module zoo has none of this name"),
    "no identity": ("idref", "", "'' is not an identity derived from animal"),
    "an identity of a reference": ("same", "dog", "is not an identity derived from animal"),
    "a text that is too long": (
        "cage/note", "much too long", "note: 'much too long' is not a text of 1 to 9 characters",
    ),
    "an expression": ("rule", "a b", "rule: 'b' cannot stand behind 'a'"),
    "a character": ("rule", "1x", "rule: 'x' cannot stand at position 2 of '1x'"),
    # In the words that libyang 2 and libyang 3 begin from.
    "nothing": ("where", "", "where: the expression ends too early|where: '' is not a path of a data node"),
    "elements": ("text", "<a/>", "'text' holds a value, not elements"),
}  # fmt: skip


def in_leaf(leaf: str, value: str) -> str:
    *above, name = leaf.split("/")
    body = f"<{name}>{value}</{name}>"
    return zoo(f"<cage><kind>cat</kind>{body}</cage>" if above else body)


@pytest.mark.parametrize("name", VALUES)
async def test_a_value_that_does_not_fit_is_told_in_words(lab: Lab, name: str) -> None:
    leaf, value, said = VALUES[name]
    config = in_leaf(leaf, value)
    inline = f"<source><config>{config}</config></source>"
    for request in (
        edit(config),
        edit(config, "<default-operation>none</default-operation>"),
        f"<copy-config><target><candidate/></target>{inline}</copy-config>",
        f"<validate>{inline}</validate>",
    ):
        (error,) = await errors(lab, request)
        assert any(one in error["error-message"] for one in said.split("|"))
        assert not OF_LIBYANG.search(error["error-message"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<whom>x:cat</whom>", "its prefix is not declared here"),
        ("<whom/>", "whom: '' is not an identity derived from animal"),
        ("<whom>cat</whom><where/>", "where: '' is not a path of a data node"),
        ("<whom>cat</whom><where>/z:dog</where>", "is not a path of a data node: there is no such node"),
    ],
)
async def test_so_is_one_in_the_input_of_an_rpc(lab: Lab, body: str, said: str) -> None:
    (error,) = await errors(lab, f'<feed xmlns="{ZOO}" xmlns:z="{ZOO}">{body}</feed>')
    assert said in error["error-message"]
    assert not OF_LIBYANG.search(error["error-message"])


@pytest.mark.parametrize(
    ("select", "said"),
    [
        ("a b", "'b' cannot stand behind 'a'"),
        ("0xz", "'x' cannot stand at position 2 of '0xz'"),
        ("last(1)", "the function last() does not take 1 argument"),
        ("not()", "the function not() does not take 0 arguments"),
    ],
)
async def test_so_is_an_expression(lab: Lab, select: str, said: str) -> None:
    ask = f'<get-config><source><running/></source><filter type="xpath" select="{select}"/></get-config>'
    (error,) = await errors(lab, ask)
    assert error["error-message"] == f"the XPath expression cannot be used: {said}"


MIXED = {
    "text first": ("text<b/>", ""),
    "text behind": ("<b/>text", ""),
    "further down": ("<b>x<d/></b>", "b"),
    "further down, text behind": ("<b><d/>y</b>", "b"),
    "of another namespace": ('<b xmlns="urn:q"><d><e/>x</d></b>', "d"),
}


@pytest.mark.parametrize("name", MIXED)
@pytest.mark.parametrize("node", ["letter", "parcel"])
async def test_text_beside_elements_is_refused_and_no_part_of_it_lost(lab: Lab, name: str, node: str) -> None:
    content, where = MIXED[name]
    body = f"<{node}>{content}</{node}>"
    inline = f"<source><config>{zoo(body)}</config></source>"
    created = body.replace(">", ' nc:operation="create">', 1)
    before = lab.candidate
    for request in (
        edit(zoo(body)),
        edit(zoo(created)),
        f"<copy-config><target><candidate/></target>{inline}</copy-config>",
        f"<validate>{inline}</validate>",
        f'<feed xmlns="{ZOO}"><whom>cat</whom>{body}</feed>',
    ):
        (error,) = await errors(lab, request)
        assert error["error-tag"] == "bad-element"
        assert error["error-message"].startswith(f"'{where or node}'")
        assert "holds text beside elements" in error["error-message"]
    assert lab.candidate == before


async def test_anyxml_may_be_text_and_anydata_may_not(lab: Lab) -> None:
    await ok(lab, edit(zoo("<letter>text</letter><parcel>\n <b>\n <d>x</d> </b> </parcel>")))
    assert "<letter>text</letter><parcel><b><d>x</d></b></parcel>" in lab.candidate
    for body in ("<parcel>text</parcel>", '<parcel nc:operation="replace">text</parcel>'):
        (error,) = await errors(lab, edit(zoo(body)))
        assert (error["error-tag"], error["error-message"]) == (
            "bad-element",
            "'parcel' holds elements, not text",
        )
