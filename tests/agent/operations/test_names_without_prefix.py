"""A name without a prefix in an XPath filter matches in every module.

In XPath 1.0 it is one of no namespace, so that nothing would be found; but clients write such.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import quoteattr

import pytest

from agent.operations.parameters import NMDA_NS
from agent.xml import NETCONF_NS, parse
from agent.yang.schema import Schema
from tests.agent.handlers import Lab
from tests.agent.lab import make_schema
from tests.agent.operations.zoo import DS, answer, serialized

ACME, H, W = "http://example.com/ns/acme", "urn:hostile", "urn:yangswan:test:wordy"
DECLARED = f'xmlns:a="{ACME}" xmlns:h="{H}" xmlns:w="{W}"'
CONTENT = (
    f'<box xmlns="{H}"><ul>u</ul><item><name>n</name></item></box><box xmlns="{W}"><size>1</size></box>'
    f'<interfaces xmlns="{ACME}"><interface><name>i</name><extra xmlns="{H}">e</extra></interface>'
    "</interfaces>"
)
FOUND = {
    "/box": {"u", "n", "1"},  # two modules have one
    "box": {"u", "n", "1"},
    "/h:box | /box/size": {"u", "n", "1"},
    "/w:box": {"1"},
    "/box/size": {"1"},
    "/box/ul": {"u"},
    "/box[size]": {"1"},
    "/box/item[name='n']": {"n"},
    "/h:box/size": set(),
    "/a:interfaces/a:interface/extra": {"i", "e"},  # of another module than what it stands in
    "/interfaces/interface[name='i']/extra": {"i", "e"},
    "/interfaces/interface[extra='e']/name": {"i"},
    "/interfaces/interface[h:extra='e']/name": {"i"},
    "//extra": {"i", "e"},
    "//interface[name='j']": set(),
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return make_schema("wordy")


def requests(select: str, default: str) -> list[str]:
    """Return each way to ask for ``select``, with ``default`` as the default namespace where it stands."""
    filter_ = f'<nc:filter type="xpath" select={quoteattr(select)}/>'
    declared = f'xmlns:nc="{NETCONF_NS}" {DECLARED} xmlns="{default}"'
    data = f'xmlns:n="{NMDA_NS}" xmlns:ds="{DS}" {DECLARED} xmlns="{default}"'
    xpath = f"<n:xpath-filter>{select}</n:xpath-filter>"
    return [
        f"<nc:get {declared}>{filter_}</nc:get>",
        f"<nc:get-config {declared}><nc:source><nc:running/></nc:source>{filter_}</nc:get-config>",
        *(
            f"<n:get-data {data}><n:datastore>ds:{store}</n:datastore>{xpath}</n:get-data>"
            for store in ("running", "candidate", "operational")
        ),
    ]


@pytest.mark.parametrize("default", [NETCONF_NS, H, W])
@pytest.mark.parametrize("select", FOUND)
async def test_a_name_without_a_prefix_matches_in_every_module(lab: Lab, select: str, default: str) -> None:
    await lab.commit(CONTENT)
    for request in requests(select, default):
        found = parse(serialized(await answer(lab, request)).encode())
        texts = {element.text for element in found.iter() if not len(element) and element.text}
        assert texts - {"plain", "one", "two"} == FOUND[select], request


@pytest.mark.parametrize("select", FOUND)
async def test_so_it_does_for_who_may_not_read_everything(lab: Lab, select: str) -> None:
    """What is looked at is cut down to what the filter may touch first."""
    nacm = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
    rule = "<rule><name>r</name><module-name>wordy</module-name><action>deny</action></rule>"
    group = "<groups><group><name>g</name><user-name>rita</user-name></group></groups>"
    rules = f"<rule-list><name>l</name><group>g</group>{rule}</rule-list>"
    await lab.commit(f'{CONTENT}<nacm xmlns="{nacm}">{group}{rules}</nacm>')
    lab.caller(2).user = "rita"
    for request in requests(select, NETCONF_NS):
        found = re.findall(r">([^<]+)<", await lab.do(request, 2))
        assert set(found) - {"plain", "one", "two"} == FOUND[select] - {"1"}, request
