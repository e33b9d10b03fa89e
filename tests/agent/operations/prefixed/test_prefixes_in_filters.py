"""Filters compare values as they are meant, and an XPath begins at the root (RFC 6241 section 8.9.1)."""

from __future__ import annotations

import pytest
from lxml import etree

from agent.operations.parameters import NMDA_NS as NMDA
from agent.operations.xpath import read_expression
from agent.translator import Notification
from agent.yang.schema import Schema
from tests.agent.handlers import Lab
from tests.agent.operations.zoo import (
    DECLARED,
    DS,
    EVERYTHING,
    MONITORING,
    MORE,
    NACM,
    NC,
    RULE,
    ZOO,
    answer,
    edit,
    errors,
    ok,
    serialized,
    zoo,
)

# A content match and whether it matches; what is there is EVERYTHING.
MATCHES = [
    ("<idref>m:lion</idref>", True),
    (f'<idref xmlns:q="{MORE}">q:lion</idref>', True),
    (f'<z:idref xmlns="{MORE}">lion</z:idref>', True),
    ("<idref>lion</idref>", False),
    ("<idref>zoo-more:lion</idref>", False),
    (f'<idref xmlns:zoo-more="{ZOO}">zoo-more:lion</idref>', False),
    ("<either>m:lion</either>", True),
    ("<other>/z:zoo/z:text</other>", True),
    (f'<other xmlns:q="{ZOO}">/q:zoo/q:text</other>', True),
    ("<other>/zoo:zoo/text</other>", False),
    ('<where>/z:zoo/z:cage[z:kind="m:lion"]/z:note</where>', True),
    ("<same>z:cat</same>", True),
    ("<same>m:cat</same>", False),
    ("<text>m:lion</text>", True),
    (f'<text xmlns:q="{MORE}">q:lion</text>', False),
    ("<kinds>m:lion</kinds>", True),
    ("<cage><kind>m:lion</kind></cage>", True),
    (f'<cage><z:kind xmlns="{MORE}">lion</z:kind></cage>', True),
    ("<cage><kind>z:lion</kind></cage>", False),
    ("<pair><kind>a:b</kind><place>/z:zoo/z:kinds[.='m:lion']</place></pair>", True),
    ("<pair><kind>m:lion</kind></pair>", True),
]


@pytest.mark.parametrize(("body", "found"), MATCHES)
async def test_a_subtree_filter_matches_what_is_meant(lab: Lab, body: str, found: bool) -> None:
    await ok(lab, edit(EVERYTHING))
    await ok(lab, "<commit/>")
    filter_ = zoo(body, DECLARED)
    for ask in (
        f"<get-config><source><candidate/></source><filter>{filter_}</filter></get-config>",
        f"<get><filter>{filter_}</filter></get>",
        f'<get-data xmlns="{NMDA}" xmlns:ds="{DS}"><datastore>ds:running</datastore>'
        f"<subtree-filter>{filter_}</subtree-filter></get-data>",
    ):
        reply = await answer(lab, ask)
        assert (reply.find(f".//{{{ZOO}}}*") is not None) == found, ask


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (f'<path xmlns:q="{ZOO}">/q:zoo/q:pair[q:kind="x"][q:place="/q:zoo"]</path>', True),
        (f'<path xmlns:q="{ZOO}">/q:zoo/q:pair[q:kind=$USER][q:place="/q:zoo"]</path>', True),
        (f'<path xmlns:q="{ZOO}">/q:zoo/q:pair[q:kind="y"][q:place="/q:zoo"]</path>', False),
        (f'<path xmlns:zoo="{MORE}">/zoo:zoo</path>', False),
    ],
)
async def test_a_filter_finds_a_rule_by_its_path(lab: Lab, path: str, found: bool) -> None:
    await ok(lab, edit(EVERYTHING + RULE))
    filter_ = f'<nacm xmlns="{NACM}"><rule-list><rule>{path}</rule></rule-list></nacm>'
    reply = await answer(
        lab, f"<get-config><source><candidate/></source><filter>{filter_}</filter></get-config>"
    )
    assert (reply.find(f".//{{{NACM}}}rule") is not None) == found


EXPRESSIONS = [
    ("/z:zoo[z:idref='m:lion']/z:text", True),
    ("/z:zoo[z:idref='zoo-more:lion']/z:text", True),
    ("/z:zoo['m:lion'=z:idref]/z:text", True),
    ("/z:zoo[z:idref!='m:lion']/z:text", False),
    ("/z:zoo[z:idref='z:cat']/z:text", False),
    ("/z:zoo[z:text='m:lion']/z:text", True),
    ("/z:zoo[z:text='zoo-more:lion']/z:text", False),
    ("/z:zoo[z:either='m:lion']/z:text", True),
    ("/z:zoo[z:where=\"/z:zoo/z:cage[z:kind='m:lion']/z:note\"]/z:text", True),
    ("/z:zoo[derived-from(z:idref,'z:animal')]/z:text", True),
    ("/z:zoo[derived-from-or-self(z:idref,'m:lion')]/z:text", True),
    ("/z:zoo[derived-from-or-self(z:idref, 'zoo-more:lion')]/z:text", True),
    ("/z:zoo[derived-from-or-self(z:idref,'m:cat')]/z:text", False),
    ("/z:zoo/z:cage[z:kind='m:lion']", True),
    ("z:zoo/z:cage[z:kind='m:lion']/z:note", True),
    ("/z:zoo/z:cage[z:kind='zoo-more:lion'][z:note='big']", True),
    ("/z:zoo/z:cage[z:kind='z:lion']", False),
    ("/z:zoo/z:kinds[.='m:lion']", True),
    ("/z:zoo/z:pair[z:kind='a:b'][z:place=\"/z:zoo/z:kinds[.='m:lion']\"]", True),
    ("/z:zoo/cage[kind='zoo-more:lion']", True),
    ("//z:cage[z:kind='m:lion' and z:note='big' or z:note='x']", True),
    ("//*[.='m:lion']", True),
]


def by_xpath(expression: str, declared: str = DECLARED) -> list[str]:
    quoted = expression.replace('"', "&quot;")
    filter_ = f'<filter {declared} type="xpath" select="{quoted}"/>'
    return [
        f"<get-config><source><candidate/></source>{filter_}</get-config>",
        f"<get>{filter_}</get>",
        f'<get-data xmlns="{NMDA}" xmlns:ds="{DS}"><datastore>ds:running</datastore>'
        f"<xpath-filter {declared}>{quoted}</xpath-filter></get-data>",
    ]


@pytest.mark.parametrize(("expression", "found"), EXPRESSIONS)
async def test_an_xpath_compares_what_is_meant(lab: Lab, expression: str, found: bool) -> None:
    await ok(lab, edit(EVERYTHING))
    await ok(lab, "<commit/>")
    for ask in by_xpath(expression):
        reply = await answer(lab, ask)
        assert "rpc-error" not in serialized(reply)
        assert (reply.find(f".//{{{ZOO}}}*") is not None) == found, ask


async def test_an_identity_without_prefix_is_one_of_the_default_namespace(lab: Lab) -> None:
    await ok(lab, edit(EVERYTHING))
    await ok(lab, "<commit/>")
    for literal, default, found in (("lion", MORE, True), ("lion", ZOO, False), ("cat", MORE, False)):
        for test in (f"z:idref='{literal}'", f"derived-from-or-self(z:idref,'{literal}')"):
            filter_ = (
                f'<nc:filter xmlns="{default}" xmlns:z="{ZOO}" type="xpath" select="/z:zoo[{test}]/z:text"/>'
            )
            reply = await answer(lab, f"<nc:get {NC}>{filter_}</nc:get>")
            assert "rpc-error" not in serialized(reply) or (literal, default) == ("lion", ZOO)
            assert (reply.find(f".//{{{ZOO}}}*") is not None) == found, filter_


ROOT = [
    ("z:zoo/z:text", {"text"}),
    ("./z:zoo/z:text", {"text"}),
    ("n:nacm/n:groups/n:group/n:name", set()),
    ("z:text", set()),
    ("*", {"zoo", "nacm"}),
    ("/", {"zoo", "nacm"}),
    (".", {"zoo", "nacm"}),
    ("/.", {"zoo", "nacm"}),
    ("/*", {"zoo", "nacm"}),
    ("//.", {"zoo", "nacm"}),
    ("/z:zoo/..", {"zoo", "nacm"}),
    ("z:zoo/z:text/ancestor-or-self::node()", {"zoo", "nacm"}),
    ("current()", {"zoo", "nacm"}),
    ("/z:zoo/z:text | /", {"zoo", "nacm"}),
    ("(/)", {"zoo", "nacm"}),
    ("..", set()),
    ("/..", set()),
    ("node()", {"zoo", "nacm"}),
    ("self::*", set()),
    ("parent::node()", set()),
    ("following-sibling::*", set()),
    ("/z:zoo[. and /]/z:text", {"text"}),
    ("/z:zoo[z:text=/z:zoo/z:text]/z:text", {"text"}),
    ("*[local-name()='nacm']", {"nacm"}),
    ("*[name()='z:zoo']/z:text", {"text"}),
]


@pytest.mark.parametrize(("expression", "names"), ROOT)
async def test_the_context_node_is_the_root(lab: Lab, expression: str, names: set[str]) -> None:
    await ok(lab, edit(zoo("<text>a</text>") + RULE))
    await ok(lab, "<commit/>")
    declared = f'{DECLARED} xmlns:n="{NACM}"'
    for ask in by_xpath(expression, declared)[::2]:  # <get> has state besides
        reply = await answer(lab, ask)
        top = [etree.QName(element).localname for element in reply[0]]
        only_text = top == ["zoo"] and [etree.QName(e).localname for e in reply[0][0]] == ["text"]
        assert ({"text"} if only_text and names == {"text"} else set(top)) == names, etree.tostring(
            reply
        ).decode()


@pytest.mark.parametrize(
    ("expression", "quoted"),
    [
        ("count(z:zoo)", "count(z:zoo)"),
        ("z:zoo = 'm:lion' or z:zoo", "z:zoo = 'm:lion' or z:zoo"),
        ("/z:zoo[z:text and ]", "]"),
        ("/z:zoo[nofun(z:text) or z:text]", "nofun"),
        ("/z:zoo[derived-from(z:idref, 'x:y')]", "x"),
        ("/x:zoo", "x"),
    ],
)
async def test_an_error_quotes_what_the_client_wrote(lab: Lab, expression: str, quoted: str) -> None:
    await ok(lab, edit(EVERYTHING))
    await ok(lab, "<commit/>")
    for ask in by_xpath(expression):
        (error,) = await errors(lab, ask)
        assert error["error-tag"] == "invalid-value"
        assert quoted in error["error-message"]
        assert not any(word in error["error-message"] for word in ("zoo:zoo", "number(", "> 0", "zoo-more"))


async def test_a_session_is_found_by_its_transport(lab: Lab) -> None:
    lab.context.operational.roots["/ietf-netconf-monitoring:netconf-state"] = _sessions
    for test in (
        "m:transport='m:netconf-ssh'",
        "m:transport='ietf-netconf-monitoring:netconf-ssh'",
        "derived-from-or-self(m:transport,'m:netconf-ssh')",
        "derived-from(m:transport,'m:transport')",
    ):
        reply = await answer(
            lab,
            f'<get><filter type="xpath" xmlns:m="{MONITORING}" '
            f'select="/m:netconf-state/m:sessions/m:session[{test}]/m:username"/></get>',
        )
        assert reply.findtext(f".//{{{MONITORING}}}username") == "tester", test
    filter_ = (
        f'<netconf-state xmlns="{MONITORING}" xmlns:x="{MONITORING}"><sessions><session>'
        "<transport>{}</transport></session></sessions></netconf-state>"
    )
    for value in ("x:netconf-ssh", "netconf-ssh"):
        reply = await answer(lab, f"<get><filter>{filter_.format(value)}</filter></get>")
        assert reply.findtext(f".//{{{MONITORING}}}username") == "tester"


async def _sessions() -> dict[str, object]:
    session = {
        "session-id": 1,
        "transport": "netconf-ssh",
        "username": "tester",
        "login-time": "2026-11-27T00:00:00Z",
        "in-rpcs": 0,
        "in-bad-rpcs": 0,
        "out-rpc-errors": 0,
        "out-notifications": 0,
    }
    return {"sessions": {"session": [session]}}


@pytest.mark.parametrize(
    "filter_",
    [
        f'<filter><escaped xmlns="{ZOO}" {DECLARED}><who>m:lion</who></escaped></filter>',
        f'<filter><escaped xmlns="{ZOO}" xmlns:q="{ZOO}"><from>/q:zoo/q:text</from></escaped></filter>',
        f'<filter type="xpath" {DECLARED} select="/z:escaped[z:who=\'m:lion\']"/>',
        f'<filter type="xpath" {DECLARED} select="z:escaped[z:from=\'/z:zoo/z:text\']"/>',
    ],
)
async def test_a_subscription_is_to_what_is_meant(lab: Lab, filter_: str) -> None:
    name = "create-subscription"
    uri = "urn:ietf:params:xml:ns:netconf:notification:1.0"
    await ok(lab, f'<{name} xmlns="{uri}" {NC}>{filter_}</{name}>')
    for who, place in (("zoo:cat", "/zoo:zoo"), ("zoo-more:lion", "/zoo:zoo/text")):
        lab.context.stream.publish(Notification({"zoo:escaped": {"who": who, "from": place}}))
    message = await lab.caller(1).got("escaped")
    told = etree.fromstring(message).find(f"{{{ZOO}}}escaped")
    assert told is not None
    prefix, _, identity = (told[0].text or "").rpartition(":")
    assert (told[0].nsmap[prefix or None], identity) == (MORE, "lion")
    prefix = (told[1].text or "")[1:].partition(":")[0]
    assert (told[1].nsmap[prefix], told[1].text) == (ZOO, f"/{prefix}:zoo/{prefix}:text")
    assert len(lab.caller(1).sent) == 1


def test_of_thousands_of_declarations_only_those_that_occur_are_kept(schema: Schema) -> None:
    many = {f"p{number}": ZOO for number in range(20_000)}
    found = read_expression(schema, "/p7:zoo[p8:idref='p9:cat']", {**many, None: MORE})
    assert set(found.declared.values()) == {ZOO, MORE}
    assert {"p7", "p8", "p9", None} <= set(found.declared)
    assert len(found.declared) < 10
