"""The program serves modules that it has never seen, without a translator (--yang-module)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lxml import etree

from tests.agent.lab import EC, ET, MODULES, entry, top
from tests.agent_process import AgentProcess, running_agent
from tests.wire.raw_client import BASE, RawClient, qualified, raw_client

NS = {"nc": BASE, "ec": EC}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    options = []
    for name in ("every-augment", "every-construct", "every-third"):
        options += ["--yang-module", str(MODULES / f"{name}.yang")]
    with running_agent(tmp_path_factory.mktemp("agent") / "data", options) as running:
        yield running


async def ask(client: RawClient, body: str) -> etree._Element:
    return etree.fromstring(await client.ask(body))


def edit(body: str) -> str:
    declared = f'xmlns:nc="{BASE}" xmlns:ec="{EC}" xmlns:et="{ET}" xmlns:yang="urn:ietf:params:xml:ns:yang:1"'
    return f"<edit-config><target><candidate/></target><config {declared}>{body}</config></edit-config>"


async def test_a_whole_entry_goes_round(agent: AgentProcess) -> None:
    body = (
        "<number>2</number><word>abc</word><twice>4</twice><only-with-word>x</only-with-word><radius>1.5</radius>"
        "<colour>blue</colour><pet>ec:cat</pet><either>none</either><marker/><blob>AAEC</blob>"
        "<switches>a b</switches><tag>t</tag><step>2</step><step>1</step><stage><name>z</name></stage>"
        "<stage><name>a</name><effort>1</effort></stage><address><ip>i</ip><port>1</port></address>"
        "<present><needed>y</needed></present><plain><note>n</note></plain>"
        '<anything><x xmlns="urn:x">1</x></anything><et:foreign>f</et:foreign>'
    )
    async with raw_client(agent, greet="1.1") as client:
        assert (await ask(client, edit(entry(body)))).find("nc:ok", NS) is not None
        assert (await ask(client, "<commit/>")).find("nc:ok", NS) is not None
        reply = await ask(client, "<get-config><source><running/></source></get-config>")
    found = reply.find(".//ec:entry", NS)
    assert found is not None
    expected = etree.fromstring(
        f'<entry xmlns="{EC}" xmlns:ec="{EC}" xmlns:et="{ET}"><id>1</id>{body}</entry>'
    )
    assert sorted(map(plain, found), key=str) == sorted(map(plain, expected), key=str)
    assert [e.text for e in found.iterfind("ec:step", NS)] == ["2", "1"]
    assert [e.text for e in found.iterfind("ec:stage/ec:name", NS)] == ["z", "a"]


def plain(element: etree._Element) -> tuple[object, ...]:
    """Return tag, text and children, without what prefixes happen to be declared where."""
    identity = element.tag == f"{{{EC}}}pet"
    return (
        element.tag,
        qualified(element) if identity else (element.text or "").strip(),
        *map(plain, element),
    )


async def test_every_error_of_rfc7950_section_15_on_the_wire(agent: AgentProcess) -> None:
    cases = {
        "data-not-unique": entry(
            "<address><ip>a</ip><port>1</port><alias>x</alias></address>"
            "<address><ip>b</ip><port>1</port><alias>x</alias></address>"
        ),
        "too-many-elements": entry("<tag>a</tag><tag>b</tag><tag>c</tag><tag>d</tag>"),
        "must-violation": top("<entry><id>7</id><et:foreign>x</et:foreign></entry>"),
        "instance-required": f'<references xmlns="{EC}"><chosen>nobody</chosen></references>',
    }
    async with raw_client(agent, greet="1.1") as client:
        for app_tag, body in cases.items():
            assert (await ask(client, edit(body))).find("nc:ok", NS) is not None
            reply = await ask(client, "<validate><source><candidate/></source></validate>")
            assert [e.text for e in reply.iterfind(".//nc:error-app-tag", NS)] == [app_tag]
            assert len(reply.findall(".//nc:error-path", NS)) == 1
            await ask(client, "<discard-changes/>")
        reply = await ask(client, edit(entry('<step yang:insert="after" yang:value="none">x</step>')))
        assert [e.text for e in reply.iterfind(".//nc:error-app-tag", NS)] == ["missing-instance"]


async def test_what_nothing_carries_out_says_so(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        reply = await ask(client, f'<sum xmlns="{EC}"><a>1</a></sum>')
        assert reply.findtext(".//nc:error-tag", namespaces=NS) == "operation-not-supported"


async def test_the_modules_are_listed_and_served(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        library = '<yang-library xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-library"/>'
        reply = await ask(client, f"<get><filter>{library}</filter></get>")
        names = {e.text for e in reply.iterfind(".//{*}module/{*}name")}
        assert {"every-augment", "every-construct", "every-third", "yangswan-ipsec"} <= names
        schema = await ask(
            client,
            '<get-schema xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring">'
            "<identifier>every-third</identifier></get-schema>",
        )
        assert "module every-third" in "".join(schema.itertext())
