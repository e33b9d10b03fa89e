"""Values with prefixes mean what was declared where they stand, through every door (RFC 7950 section 9)."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from agent.datastore.candidate import Candidate
from agent.datastore.edit import edit as apply
from agent.operations.parameters import NMDA_NS as NMDA
from agent.xml import parse
from agent.yang.nodes import value_of
from agent.yang.schema import Schema
from tests.agent.handlers import Lab
from tests.agent.lab import empty_running, errors_of
from tests.agent.operations.zoo import (
    BASE,
    CAGES,
    DECLARED,
    DS,
    EVERYTHING,
    MONITORING,
    MORE,
    NC,
    RULE,
    WD,
    ZOO,
    answer,
    edit,
    errors,
    ok,
    serialized,
    zoo,
)


def canonical(lab: Lab, path: str) -> str:
    """Return the value of a leaf of the candidate, with module names."""
    tree = lab.context.configuration.candidate.tree
    node = tree.find(path)
    assert node, path
    return value_of(node)


PATH = "/zoo:zoo/cage[kind='zoo-more:lion']/note"
# A leaf as clients may write it, and its value.
SPELLINGS = {
    "prefix on the leaf": (f'<z:idref xmlns:z="{ZOO}" xmlns:m="{MORE}">m:lion</z:idref>', "zoo-more:lion"),
    "prefix above": ("<idref>m:lion</idref>", "zoo-more:lion"),
    "prefix shadowed": (f'<idref xmlns:m="{ZOO}">m:cat</idref>', "zoo:cat"),
    "prefix that is the name of another module": (
        f'<idref xmlns:zoo="{MORE}">zoo:cat</idref>',
        "zoo-more:cat",
    ),
    "no prefix, default namespace of the leaf": ("<idref>cat</idref>", "zoo:cat"),
    "no prefix, another default namespace": (
        f'<z:idref xmlns:z="{ZOO}" xmlns="{MORE}">cat</z:idref>',
        "zoo-more:cat",
    ),
    "a union that begins with an identity": ("<either>m:lion</either>", "zoo-more:lion"),
    "a union whose identity is undeclared": ("<either>word:x</either>", "word:x"),
    "a union, its number": ("<either>007</either>", "7"),
    "a union that ends with an identity": ("<other>m:cat</other>", "zoo-more:cat"),
    "a union with a path": ("<other>/z:zoo/z:text</other>", "/zoo:zoo/text"),
    "a path with an identity as a key": ("<where>/z:zoo/z:cage[z:kind='m:lion']/z:note</where>", PATH),
    "a path, its prefix shadowed": (
        f'<where xmlns:m="{ZOO}">/m:zoo/m:cage[m:kind="m:cat"]</where>',
        "/zoo:zoo/cage[kind='zoo:cat']",
    ),
    "an XPath": ("<rule>/z:zoo/z:cage[z:kind = 'm:lion']</rule>", "/zoo:zoo/cage[kind='zoo-more:lion']"),
    "a reference": ("<same>m:lion</same>", "zoo-more:lion"),
    "a text": ("<text>m:lion</text>", "m:lion"),
    "a default": ("<fond>z:cat</fond>", "zoo:cat"),
}


def attributed(body: str, operation: str) -> str:
    """Put an operation into the first tag of ``body``."""
    name, rest = body[1:].split(">", 1)
    return f'<{name} nc:operation="{operation}">{rest}'


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_an_edit_takes_a_value_however_it_is_written(lab: Lab, spelling: str) -> None:
    body, value = SPELLINGS[spelling]
    leaf = etree.QName(etree.fromstring(zoo(body, DECLARED))[0]).localname
    beside = '<text nc:operation="remove"/>' if leaf != "text" else '<fond nc:operation="remove"/>'
    plain = zoo(body, DECLARED)
    for config, options in (
        (plain, ""),
        (zoo(attributed(body, "create"), DECLARED), ""),
        (zoo(attributed(body, "replace"), DECLARED), ""),
        (zoo(attributed(body, "merge"), DECLARED), "<default-operation>none</default-operation>"),
        (zoo(beside + body, DECLARED), ""),
        (plain, "<default-operation>replace</default-operation>"),
        (plain.replace("<zoo ", '<zoo nc:operation="replace" '), ""),
    ):
        await ok(lab, edit(config, options))
        assert canonical(lab, f"/zoo:zoo/{leaf}") == value, config
        await ok(lab, edit(zoo(attributed(body, "delete"), DECLARED)))
    created = plain.replace("<zoo ", '<zoo nc:operation="create" ')
    for whole in (
        f"<copy-config><target><candidate/></target><source><config>{plain}</config></source></copy-config>",
        f'<edit-data xmlns="{NMDA}" xmlns:ds="{DS}"><datastore>ds:candidate</datastore>'
        f"<config {NC}>{created}</config></edit-data>",
    ):
        await lab.do("<discard-changes/>")
        await ok(lab, whole)
        assert canonical(lab, f"/zoo:zoo/{leaf}") == value
    await ok(lab, f"<validate><source><config>{plain}</config></source></validate>")


# What no declaration makes a value of: the same refusal with and without an operation.
REFUSED = {
    "undeclared": ("<idref>x:cat</idref>", "x:cat"),
    "the name of a module is no prefix": ("<idref>zoo-more:lion</idref>", "zoo-more:lion"),
    "no identity of this name": ("<idref>m:dog</idref>", "m:dog"),
    "no default namespace": (f'<z:idref xmlns="" xmlns:z="{ZOO}">cat</z:idref>', "cat"),
    "a default namespace of no module": (f'<z:idref xmlns="urn:x" xmlns:z="{ZOO}">cat</z:idref>', "cat"),
    "a step that does not exist": ("<where>/z:zoo/z:nothing</where>", "nothing"),
    "a step without prefix": ("<where>/z:zoo/text</where>", "text"),
    "a path with an undeclared prefix": ("<where>/x:zoo</where>", "x"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_no_value_is_refused_with_its_reason(lab: Lab, case: str) -> None:
    body, named = REFUSED[case]
    for config in (zoo(body, DECLARED), zoo(attributed(body, "create"), DECLARED)):
        (error,) = await errors(lab, edit(config))
        assert error["error-tag"] == "invalid-value"
        # libyang 2 says which step of a path it is, libyang 3 which path.
        whole = re.sub("<[^>]*>", "", body)
        assert any(f"{q}{name}{q}" in error["error-message"] for name in (named, whole) for q in "'\"")
        assert "JSON" not in error["error-message"]


@pytest.mark.parametrize("operation", ["none", "merge", "replace"])
def test_nothing_is_declared_that_the_client_did_not_declare(schema: Schema, operation: str) -> None:
    """No default namespace is in scope here, whatever libyang is given of the document."""
    candidate = Candidate(empty_running(schema))
    declared = f'xmlns:nc="{BASE}" xmlns:z="{ZOO}"'
    apply(
        candidate, parse(f"<nc:config {declared}>{zoo('<cage><kind>cat</kind></cage>')}</nc:config>".encode())
    )
    body = "<z:zoo><z:cage><z:kind>cat</z:kind></z:cage></z:zoo>"
    (error,) = errors_of(
        apply, candidate, parse(f"<nc:config {declared}>{body}</nc:config>".encode()), operation
    )
    assert (error.tag, "cat" in error.message) == ("invalid-value", True)


@pytest.mark.parametrize(
    ("form", "accepted"),
    [("yang", True), ("ncm:yang", True), ("nc:yang", False), ("yin", True), ("json", False)],
)
async def test_the_format_of_a_schema_may_be_written_as_ncclient_does(
    lab: Lab, form: str, accepted: bool
) -> None:
    ask = f"<ncm:identifier>zoo</ncm:identifier><ncm:format>{form}</ncm:format>"
    declared = f'xmlns:ncm="{MONITORING}" xmlns:nc="{BASE}"'
    reply = await answer(lab, f"<ncm:get-schema {declared}>{ask}</ncm:get-schema>")
    text = serialized(reply)
    assert ("module zoo {" in text) == (accepted and form != "yin")
    assert ("served as yang only" in text) == (form == "yin")


def order(lab: Lab) -> list[str]:
    found = etree.fromstring(f"<x>{lab.candidate}</x>")
    marks = {f"{{{ZOO}}}cage": "cage", f"{{{ZOO}}}kinds": "kinds"}
    rows = []
    for element in found.iter():
        if element.tag in marks:
            leaf = element if element.tag.endswith("kinds") else element[0]
            prefix, _, name = (leaf.text or "").rpartition(":")
            rows.append(f"{marks[element.tag]} {leaf.nsmap[prefix or None].removeprefix('urn:')}:{name}")
    return rows


@pytest.mark.parametrize(
    ("body", "node"),
    [
        ("<cage yang:insert=\"before\" yang:key=\"[z:kind='m:lion']\"><kind>m:cat</kind></cage>", "cage"),
        ("<cage yang:insert='before' yang:key='[q:kind=\"n:lion\"]' xmlns:n='urn:zoo-more' xmlns:q='urn:zoo'>"
         "<kind>m:cat</kind></cage>", "cage"),
        ("<kinds yang:insert='before' yang:value='m:lion'>m:cat</kinds>", "kinds"),
        ("<kinds yang:insert='before' yang:value='n:lion' xmlns:n='urn:zoo-more'>m:cat</kinds>", "kinds"),
        ("<z:kinds xmlns='urn:zoo-more' yang:insert='before' yang:value='lion'>cat</z:kinds>", "kinds"),
    ],
)  # fmt: skip
async def test_an_anchor_is_read_where_it_stands(lab: Lab, body: str, node: str) -> None:
    await ok(lab, edit(zoo(CAGES, DECLARED)))
    await ok(lab, edit(zoo(body, DECLARED)))
    assert next(row for row in order(lab) if row.startswith(node)) == f"{node} zoo-more:cat"


async def test_an_anchor_with_another_meaning_is_another(lab: Lab) -> None:
    await ok(lab, edit(zoo(CAGES, DECLARED)))
    for body in (
        "<kinds yang:insert='before' yang:value='zoo-more:lion'>m:cat</kinds>",
        f"<kinds yang:insert='before' yang:value='m:cat' xmlns:m='{ZOO}'>m:cat</kinds>",
    ):
        (error,) = await errors(lab, edit(zoo(body, DECLARED)))
        assert (error["error-tag"], error["error-app-tag"]) == ("bad-attribute", "missing-instance")


async def test_a_default_is_compared_as_it_is_meant(lab: Lab) -> None:
    for value in ("z:cat", "cat"):
        await ok(lab, edit(zoo(f'<fond {WD} wd:default="true">{value}</fond>', DECLARED)))
    (error,) = await errors(lab, edit(zoo(f'<fond {WD} wd:default="true">m:cat</fond>', DECLARED)))
    assert error["error-tag"] == "invalid-value"


def configured(lab: Lab) -> list[bytes]:
    """Return what the candidate holds; the entries of the list that the system orders are in one order."""
    found = etree.fromstring(f"<x>{lab.candidate}</x>")
    rows = [etree.tostring(element) for element in found.iterfind(f".//{{{ZOO}}}pair")]
    for element in found.findall(f".//{{{ZOO}}}pair"):
        element.getparent().remove(element)
    return [etree.tostring(found), *sorted(rows)]


def elements(document: etree._Element) -> list[etree._Element]:
    return [element for element in document.iter() if element is not document]


@pytest.mark.parametrize("operation", ["replace", "merge"])
async def test_what_the_agent_says_may_be_sent_back_with_an_operation_at_any_level(
    lab: Lab, operation: str
) -> None:
    await ok(lab, edit(EVERYTHING + RULE))
    said = await answer(lab, "<get-config><source><candidate/></source></get-config>")
    before = configured(lab)
    count = len(elements(said[0]))
    assert count > 30
    for index in range(count):
        again = etree.fromstring(etree.tostring(said[0]))
        elements(again)[index].set(f"{{{BASE}}}operation", operation)
        config = "".join(etree.tostring(child).decode() for child in again)
        await ok(lab, edit(config))
        assert configured(lab) == before, config
    whole = "".join(etree.tostring(child).decode() for child in said[0])
    await ok(lab, edit(whole, "<default-operation>replace</default-operation>"))
    assert configured(lab) == before
    await ok(
        lab,
        f"<copy-config><target><candidate/></target><source><config>{whole}</config></source></copy-config>",
    )
    assert configured(lab) == before
    await ok(lab, f"<validate><source><config>{whole}</config></source></validate>")


@pytest.mark.parametrize(
    ("config", "paths"),
    [
        ("<cage nc:operation='create'><kind>m:lion</kind></cage>", {"/z:zoo/z:cage[z:kind='m:lion']"}),
        (f"<cage><kind xmlns:q='{MORE}'>q:lion</kind><note>much too long</note></cage>",
         {"/z:zoo/z:cage[z:kind='m:lion']/z:note"}),
        ("<kinds nc:operation='delete'>m:cat</kinds>", {"/z:zoo/z:kinds[.='m:cat']"}),
        (f"<z:kinds xmlns='{MORE}' nc:operation='delete'>cat</z:kinds>", {"/z:zoo/z:kinds[.='m:cat']"}),
        ("<pair nc:operation='delete'><kind>m:cat</kind><place>/z:zoo/z:kinds[.='m:cat']</place></pair>",
         {"/z:zoo/z:pair[z:kind='m:cat'][z:place=\"/z:zoo/z:kinds[.='m:cat']\"]"}),
        ("<pair nc:operation='delete'><kind>x:cat</kind><place>/z:zoo</place></pair>",
         {"/z:zoo/z:pair[z:kind='x:cat'][z:place='/z:zoo']"}),
        ("<kinds nc:operation='create'>x:cat</kinds>", {"/z:zoo/z:kinds[.='x:cat']"}),
    ],
)  # fmt: skip
async def test_an_error_path_is_written_with_what_it_declares(lab: Lab, config: str, paths: set[str]) -> None:
    await ok(lab, edit(EVERYTHING))
    found = await answer(lab, edit(zoo(config, DECLARED)))
    places = found.findall(f".//{{{BASE}}}error-path")
    assert {place.text for place in places} == paths
    for place in places:
        assert {place.nsmap.get("z"), place.nsmap.get("m", MORE)} == {ZOO, MORE}


async def test_an_error_path_declares_what_the_client_did_not(lab: Lab) -> None:
    """Neither module has a prefix in this edit, so they get their own."""
    key = f'<z:kind xmlns:z="{ZOO}" xmlns="{MORE}">lion</z:kind>'
    config = f'<zoo xmlns="{ZOO}"><cage nc:operation="create">{key}'
    found = await answer(lab, edit(f"{config}<note>much too long</note></cage></zoo>"))
    (place,) = found.findall(f".//{{{BASE}}}error-path")
    assert place.text == "/z:zoo/z:cage[z:kind='zm:lion']/z:note"
    assert (place.nsmap["z"], place.nsmap["zm"]) == (ZOO, MORE)


async def test_an_error_path_keeps_two_meanings_of_a_prefix_apart(lab: Lab) -> None:
    key = f'<q:kind xmlns:q="{ZOO}" xmlns:m="{MORE}">m:lion</q:kind>'
    config = f'<m:zoo xmlns:m="{ZOO}"><m:cage nc:operation="delete">{key}</m:cage></m:zoo>'
    found = await answer(lab, edit(config))
    (place,) = found.findall(f".//{{{BASE}}}error-path")
    assert place.text == "/m:zoo/m:cage[m:kind='m_:lion']"
    assert (place.nsmap["m"], place.nsmap["m_"]) == (ZOO, MORE)


async def test_what_is_asked_of_an_rpc_is_read_where_it_stands(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def rpc(name: str, input: dict[str, object]) -> dict[str, object]:
        asked.append((name, input))
        return {"fed": input["whom"]}

    monkeypatch.setattr(lab.translator, "rpc", rpc)
    where = '/z:zoo/z:cage[z:kind="m:lion"]'
    for body in (
        f'<feed xmlns="{ZOO}" {DECLARED}><whom>m:lion</whom><where>{where}</where></feed>',
        f'<z:feed xmlns="{MORE}" {DECLARED}><z:whom>lion</z:whom><z:where>{where}</z:where></z:feed>',
    ):
        reply = await answer(lab, body)
        (fed,) = reply
        prefix, _, name = (fed.text or "").rpartition(":")
        assert (fed.nsmap[prefix or None], name) == (MORE, "lion")
    given = {"whom": "zoo-more:lion", "where": "/zoo:zoo/cage[kind='zoo-more:lion']"}
    assert asked == [("feed", given)] * 2
    for value in ("x:lion", "zoo-more:lion", "lion"):
        (error,) = await errors(lab, f'<feed xmlns="{ZOO}" {DECLARED}><whom>{value}</whom></feed>')
        assert error["error-tag"] == "invalid-value"
        assert value in error["error-message"]


async def test_an_action_belongs_to_the_entry_that_is_meant(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def action(keys: tuple[str, ...], name: str, input: dict[str, object]) -> dict[str, object]:
        asked.append((keys, name, input))
        return {"where": "/zoo:zoo/cage[kind='zoo-more:lion']"}

    monkeypatch.setattr(lab.translator, "action", action)
    await ok(lab, edit(EVERYTHING))
    await ok(lab, "<commit/>")
    monkeypatch.setattr(lab.translator, "config_list", "/zoo:zoo/cage")
    act = f'<action xmlns="urn:ietf:params:xml:ns:yang:1" {DECLARED}>{{}}</action>'
    for key in ("<z:kind>m:lion</z:kind>", f'<z:kind xmlns="{MORE}">lion</z:kind>'):
        body = f"<z:zoo><z:cage>{key}<z:move><z:beside>m:cat</z:beside></z:move></z:cage></z:zoo>"
        (where,) = await answer(lab, act.format(body))
        prefixes = {uri: prefix for prefix, uri in where.nsmap.items() if prefix}
        z, more = prefixes[ZOO], prefixes[MORE]
        assert where.text == f"/{z}:zoo/{z}:cage[{z}:kind='{more}:lion']"
    assert asked == [(("zoo-more:lion",), "move", {"beside": "zoo-more:cat"})] * 2
    body = "<z:zoo><z:cage><z:kind>m:cat</z:kind><z:move><z:beside>m:cat</z:beside></z:move></z:cage></z:zoo>"
    (place,) = (await answer(lab, act.format(body))).findall(f".//{{{BASE}}}error-path")
    assert place.text == "/z:zoo/z:cage[z:kind='m:cat']"
    assert (place.nsmap["z"], place.nsmap["m"]) == (ZOO, MORE)


async def test_a_change_is_told_with_what_its_path_declares(lab: Lab) -> None:
    await ok(lab, '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>')
    await ok(lab, edit(zoo("<cage><kind>m:lion</kind></cage>", DECLARED)))
    await ok(lab, "<commit/>")
    told = etree.fromstring(await lab.caller(1).got("netconf-config-change"))
    target = next(element for element in told.iter() if etree.QName(element).localname == "target")
    prefixes = {uri: prefix for prefix, uri in target.nsmap.items() if prefix}
    z, more = prefixes[ZOO], prefixes[MORE]
    assert target.text == f"/{z}:zoo/{z}:cage[{z}:kind='{more}:lion']"


def test_leafs_of_every_type_are_known_to_hold_names_and_no_other(schema: Schema) -> None:
    names = {node.name for node in schema.find("/zoo:zoo").subtree() if node.holds_names}
    assert names == {
        *("idref", "fond", "either", "other", "where", "rule", "same", "kinds", "kind", "place", "pet")
    }
