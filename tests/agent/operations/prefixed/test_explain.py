"""explain-access understands paths as clients write them, and says what is wrong with others."""

from __future__ import annotations

import re

import pytest

from tests.agent.handlers import Lab
from tests.agent.operations.zoo import MORE, NACM, ZOO, answer, errors, serialized

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
RULES = (
    f'<nacm xmlns="{NACM}" xmlns:z="{ZOO}" xmlns:m="{MORE}"><groups><group><name>g</name>'
    "<user-name>joe</user-name></group></groups><rule-list><name>L</name><group>g</group><rule><name>lions</name>"
    "<path>/z:zoo/z:cage[z:kind='m:lion']</path><action>deny</action></rule></rule-list></nacm>"
)


def explain(kind: str, value: str, declared: str = "") -> str:
    asked = f"<user>joe</user><{kind} {declared}>{value}</{kind}>"
    return f'<explain-access xmlns="{AGENT}">{asked}</explain-access>'


async def rule(lab: Lab, request: str) -> str:
    found = re.search(r"<rule [^>]*>([^<]*)<", serialized(await answer(lab, request)))
    return "" if found is None else found[1]


DECLARED = f'xmlns:z="{ZOO}" xmlns:m="{MORE}"'
SPELLINGS = {
    "names of modules": ("/zoo:zoo/cage[kind='zoo-more:lion']", ""),
    "names of modules at every step": ("/zoo:zoo/zoo:cage[zoo:kind='zoo-more:lion']/zoo:note", ""),
    "prefixes": ("/z:zoo/z:cage[z:kind='m:lion']/z:note", DECLARED),
    "both": ("/z:zoo/zoo:cage[kind='m:lion']", DECLARED),
    "two prefixes for one module": ("/z:zoo/z:cage[y:kind='m:lion']", f'{DECLARED} xmlns:y="{ZOO}"'),
    "a prefix that is the name of another module": (
        "/zoo-more:zoo/zoo-more:cage[zoo-more:kind='zoo:lion']", f'xmlns:zoo-more="{ZOO}" xmlns:zoo="{MORE}"',
    ),
    "no prefix, and a default namespace": ("/z:zoo/z:cage[z:kind='lion']", f'{DECLARED}'),
}  # fmt: skip


@pytest.mark.parametrize("name", SPELLINGS)
async def test_a_path_is_understood_however_it_is_written(lab: Lab, name: str) -> None:
    await lab.commit(RULES)
    path, declared = SPELLINGS[name]
    in_default = name.startswith("no prefix")
    assert await rule(lab, explain("path", path, declared)) == ("" if in_default else "lions")
    assert await rule(lab, explain("path", path.replace("lion", "cat"), declared)) == ""


async def test_a_value_without_prefix_is_one_of_the_default_namespace_or_else_of_its_module(lab: Lab) -> None:
    await lab.commit(RULES.replace("m:lion", "z:cat"))
    assert await rule(lab, explain("path", "/zoo:zoo/cage[kind='cat']")) == "lions"
    asked = f"<a:path xmlns=\"{MORE}\">/zoo:zoo/cage[kind='cat']</a:path>"
    request = f'<a:explain-access xmlns:a="{AGENT}"><a:user>joe</a:user>{asked}</a:explain-access>'
    assert await rule(lab, request) == ""


@pytest.mark.parametrize(("kind", "name"), [("operation", "feed"), ("notification", "escaped")])
async def test_so_is_an_operation_and_a_notification(lab: Lab, kind: str, name: str) -> None:
    for value, declared in ((f"zoo:{name}", ""), (f"z:{name}", f'xmlns:z="{ZOO}"')):
        assert "<action" in serialized(await answer(lab, explain(kind, value, declared)))


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("path", "/q:zoo", "'q' is neither a prefix that is declared nor a module of this server"),
        ("path", "/x:zoo", "no module of this server has the namespace 'urn:x' of the prefix 'x'"),
        ("path", "/zoo:barn", "the module zoo has no 'barn' at the top level"),
        ("path", "/zoo:zoo/cage/door", "the module zoo has no 'door' below 'cage'"),
        ("path", "/zoo:zoo/zoo-more:cage", "the module zoo-more has no 'cage' below 'zoo'"),
        ("path", "/zoo:zoo/cage[note='1']", "'note' is no key of 'cage': its keys are kind"),
        ("path", "/zoo:zoo[kind='1']", "'kind' is no key of 'zoo': its keys are none"),
        ("path", "/zoo:zoo/cage[1]", "[1] does not give keys: these are written [KEY='VALUE']"),
        ("path", "/zoo:zoo/cage[zoo-more:kind='x']", "the key 'kind' has another module than its list"),
        ("path", "/", "a path names a data node: /MODULE:NAME/NAME"),
        ("path", "zoo", "an instance-identifier has the form /MODULE:NAME[KEY='VALUE']/NAME"),
        ("path", "/zoo", "an instance-identifier has the form /MODULE:NAME[KEY='VALUE']/NAME"),
        ("path", "", "an instance-identifier begins with /MODULE:NAME"),
        ("operation", "q:feed", "'q' is neither a prefix that is declared nor a module of this server"),
        ("operation", "feed", "this server has no operation ietf-netconf:feed"),
        ("notification", "x:feed", "no module of this server has the namespace 'urn:x' of the prefix 'x'"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_it_is_said(lab: Lab, kind: str, value: str, said: str) -> None:
    (error,) = await errors(lab, explain(kind, value, 'xmlns:x="urn:x"'))
    assert (error["error-tag"], error["error-message"]) == ("invalid-value", said)
