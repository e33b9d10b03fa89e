"""A zoo: a module with a leaf of every type whose values need prefixes, and replies as clients get them."""

from __future__ import annotations

from lxml import etree

from agent.errors import RpcErrors
from agent.netconf.messages import client_prefixes, error_reply, parse_rpc, reply
from agent.operations.dispatch import dispatch
from agent.served import SERVED, standard_modules
from agent.yang.schema import Schema
from tests.agent.handlers import Lab
from tests.agent.lab import MODULES

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
NC = f'xmlns:nc="{BASE}"'
YANG = 'xmlns:yang="urn:ietf:params:xml:ns:yang:1"'
NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
DS = "urn:ietf:params:xml:ns:yang:ietf-datastores"
ZOO, MORE = "urn:zoo", "urn:zoo-more"
WD = 'xmlns:wd="urn:ietf:params:xml:ns:netconf:default:1.0"'
DECLARED = f'xmlns:m="{MORE}" xmlns:z="{ZOO}"'


def make_zoo() -> Schema:
    """Return a schema of it, with the module whose list the translator of a Lab has."""
    names = ("every-construct", "every-augment", "every-third", "zoo", "zoo-more")
    return Schema(standard_modules(), SERVED, [MODULES / f"{name}.yang" for name in names])


async def answer(lab: Lab, operation: str) -> etree._Element:
    """Return the reply as a client gets it."""
    rpc = parse_rpc(f'<rpc xmlns="{BASE}" message-id="1">{operation}</rpc>'.encode())
    try:
        found = reply(rpc, await dispatch(lab.context, lab.caller(1), rpc.operation))
    except RpcErrors as problem:
        namespaces = lab.context.schema.namespaces()
        found = error_reply(rpc.reply_start, problem.errors, namespaces, client_prefixes(rpc.operation))
    return etree.fromstring(found)


async def ok(lab: Lab, operation: str) -> None:
    found = await answer(lab, operation)
    assert [etree.QName(child).localname for child in found] == ["ok"], serialized(found)


async def errors(lab: Lab, operation: str) -> list[dict[str, str]]:
    """Return what each error says, by the names of its children."""
    found = await answer(lab, operation)
    assert all(etree.QName(error).localname == "rpc-error" for error in found), etree.tostring(found)
    return [{etree.QName(child).localname: child.text or "" for child in error} for error in found]


def edit(config: str, options: str = "") -> str:
    into = f"<target><candidate/></target>{options}"
    return f"<edit-config>{into}<config {NC} {YANG}>{config}</config></edit-config>"


def zoo(body: str, declared: str = "") -> str:
    return f'<zoo xmlns="{ZOO}" {declared}>{body}</zoo>'


def serialized(element: etree._Element) -> str:
    return etree.tostring(element).decode()


CAGES = (
    "<cage><kind>m:lion</kind><note>big</note></cage><cage><kind>z:cat</kind></cage>"
    "<kinds>m:lion</kinds><kinds>z:cat</kinds>"
)
EVERYTHING = zoo(
    "<idref>m:lion</idref><fond>m:cat</fond><either>m:lion</either><other>/z:zoo/z:text</other>"
    "<where>/z:zoo/z:cage[z:kind='m:lion']/z:note</where>"
    "<rule>/z:zoo/z:cage[z:kind='m:lion']/@x | z:zoo</rule>"
    f"<same>cat</same><text>m:lion</text>{CAGES}<pair><kind>m:lion</kind><place>/z:zoo/z:pair[z:kind='m:lion']"
    "[z:place='/z:zoo']</place></pair><pair><kind>a:b</kind><place>/z:zoo/z:kinds[.='m:lion']</place></pair>",
    DECLARED,
)
RULE = (
    f'<nacm xmlns="{NACM}" xmlns:z="{ZOO}"><rule-list><name>L</name><group>*</group><rule><name>r</name>'
    "<path>/z:zoo/z:pair[z:kind='x'][z:place='/z:zoo']</path><action>deny</action></rule><rule><name>user</name>"
    "<path>/z:zoo/z:pair[z:kind=$USER][z:place='/z:zoo']</path><action>deny</action></rule></rule-list></nacm>"
)
