"""Whatever a client sends: an exact error or a clean close, and the server goes on serving others."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.agent_process import AgentProcess
from tests.requests import IPSEC
from tests.wire.raw_client import BASE, EOM, RawClient, chunked, hello, raw_client, rpc

GET = rpc("<get-config><source><running/></source></get-config>", "again")
NC = {"nc": BASE}


async def still_serves(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.0") as other:
        other.send(GET + EOM)
        assert b"<data" in await other.message()


async def errors(client: RawClient, *, chunks: bool) -> list[tuple[str, str]]:
    reply = etree.fromstring(await (client.chunked_message() if chunks else client.message()))
    return [
        (e.findtext("nc:error-type", namespaces=NC), e.findtext("nc:error-tag", namespaces=NC))
        for e in reply.findall("nc:rpc-error", NC)
    ]


DEEP = "<a>" * 600 + "</a>" * 600
ENTITIES = '<!DOCTYPE rpc [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
MALFORMED = {
    "not XML at all": b"hello, server",
    "an element that is not closed": f'<rpc message-id="1" xmlns="{BASE}"><get>'.encode(),
    "a NUL octet": rpc("<get>\0</get>"),
    "an entity that is not declared": rpc("<get>&nonsense;</get>"),
    "a document type": ENTITIES.encode() + rpc("<get/>"),
    "an external entity": b'<!DOCTYPE rpc [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + rpc("<get>&x;</get>"),
    "invalid UTF-8": rpc("<get>\xff</get>").replace("ÿ".encode(), b"\xff"),
    "a prefix that is not declared": rpc("<x:get/>"),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_rfc6241_appendix_a_malformed_message(agent: AgentProcess, name: str) -> None:
    async with raw_client(agent, greet="1.1") as client:
        client.send(chunked(MALFORMED[name]))
        assert await errors(client, chunks=True) == [("rpc", "malformed-message")]
        client.send(chunked(GET))
        assert b"<data" in await client.chunked_message()
    await still_serves(agent)


@pytest.mark.parametrize("greet", ["1.0", "1.1"])
async def test_what_is_nested_too_deeply_is_too_big_and_not_malformed(
    agent: AgentProcess, greet: str
) -> None:
    message = rpc(DEEP)
    async with raw_client(agent, greet=greet) as client:
        client.send(chunked(message) if greet == "1.1" else message + EOM)
        assert await errors(client, chunks=greet == "1.1") == [("rpc", "too-big")]


@pytest.mark.parametrize("name", MALFORMED)
async def test_base_1_0_never_gets_the_tag_malformed_message(agent: AgentProcess, name: str) -> None:
    async with raw_client(agent, greet="1.0") as client:
        client.send(MALFORMED[name] + EOM)
        assert await errors(client, chunks=False) == [("rpc", "operation-failed")]
        client.send(GET + EOM)
        assert b"<data" in await client.message()


BAD_FRAMES = {
    "no chunk header": b"<rpc/>",
    "a leading zero": b"\n#01\na\n##\n",
    "a size of zero": b"\n#0\n\n##\n",
    "a negative size": b"\n#-1\na\n##\n",
    "no digits": b"\n#\na\n##\n",
    "eleven digits": b"\n#10000000000\na",
    "a size over 4294967295": b"\n#9999999999\na",
    "no line feed after a chunk": b"\n#1\naX#1\nb\n##\n",
    "an end without a chunk": b"\n##\n",
    "end of message in chunked framing": rpc("<get/>") + EOM,
}


@pytest.mark.parametrize("name", BAD_FRAMES)
async def test_rfc6242_4_2_wrong_framing_ends_the_session(agent: AgentProcess, name: str) -> None:
    async with raw_client(agent, greet="1.1") as client:
        client.send(BAD_FRAMES[name])
        assert await client.closed() == b""
    await still_serves(agent)


@pytest.mark.parametrize("name", BAD_FRAMES)
async def test_what_came_whole_before_wrong_framing_is_answered(agent: AgentProcess, name: str) -> None:
    async with raw_client(agent, greet="1.1") as client:
        client.send(chunked(GET) + BAD_FRAMES[name])
        assert b"<data" in await client.chunked_message()
        assert await client.closed() == b""


async def test_a_header_of_100_megabytes_reserves_nothing(agent: AgentProcess) -> None:
    before = resident_octets(agent)
    async with raw_client(agent, greet="1.1") as client:
        client.send(b"\n#104857600\n" + b"a" * 1000)
        await still_serves(agent)
        assert resident_octets(agent) - before < 20 * 1024 * 1024


def resident_octets(agent: AgentProcess) -> int:
    with open(f"/proc/{agent.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


BAD_HELLOS = {
    "a session-id": hello().replace(b"</hello>", b"<session-id>4</session-id></hello>"),
    "no base in common": hello("9.9"),
    "an rpc first": GET,
    "no XML": b"hi",
    "a document type": b"<!DOCTYPE x>" + hello(),
}


@pytest.mark.parametrize("name", BAD_HELLOS)
async def test_rfc6241_8_1_a_wrong_hello_ends_the_session(agent: AgentProcess, name: str) -> None:
    async with raw_client(agent) as client:
        client.send(BAD_HELLOS[name] + EOM)
        assert (await client.closed()).count(EOM) == 1
    await still_serves(agent)


BAD_RPCS = {
    "no message-id": (f'<rpc xmlns="{BASE}"><get/></rpc>', [("rpc", "missing-attribute")]),
    "no operation": (f'<rpc message-id="1" xmlns="{BASE}"/>', [("rpc", "missing-element")]),
    "two operations": (f'<rpc message-id="1" xmlns="{BASE}"><get/><get/></rpc>', [("rpc", "bad-element")]),
    "a second hello": (hello().decode(), [("rpc", "unknown-element")]),
    "a reply": (f'<rpc-reply message-id="1" xmlns="{BASE}"/>', [("rpc", "unknown-element")]),
    "no namespace": ('<rpc message-id="1"><get/></rpc>', [("rpc", "unknown-element")]),
    "an unknown operation": (rpc("<fly/>").decode(), [("protocol", "operation-not-supported")]),
    "an unknown namespace": (rpc('<fly xmlns="urn:sky"/>').decode(), [("protocol", "unknown-namespace")]),
}


@pytest.mark.parametrize("name", BAD_RPCS)
async def test_an_rpc_that_makes_no_sense_is_answered(agent: AgentProcess, name: str) -> None:
    message, expected = BAD_RPCS[name]
    async with raw_client(agent, greet="1.1") as client:
        client.send(chunked(message.encode()))
        assert await errors(client, chunks=True) == expected
        client.send(chunked(GET))
        assert b"<data" in await client.chunked_message()


async def test_eight_bad_messages_in_a_row_end_the_session(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        client.send(chunked(b"nonsense") * 9)
        assert (await client.closed()).count(b"malformed-message") == 8


def edit(body: str) -> str:
    return (
        "<edit-config><target><candidate/></target><config>"
        f'<tunnels xmlns="{IPSEC}">{body}</tunnels></config></edit-config>'
    )


async def test_errors_of_an_edit_come_with_path_and_app_tag(agent: AgentProcess) -> None:
    body = edit(
        "<ipsec><id>1</id><local-address>nowhere</local-address><nonsense/></ipsec><ipsec><enabled>true</enabled></ipsec>"
    )
    async with raw_client(agent, greet="1.1") as client:
        client.send(chunked(rpc(body)))
        reply = etree.fromstring(await client.chunked_message())
        found = reply.findall("nc:rpc-error", NC)
        assert [e.findtext("nc:error-tag", namespaces=NC) for e in found] == [
            "invalid-value",
            "unknown-element",
            "missing-element",
        ]
        path = found[0].find("nc:error-path", NC)
        assert path is not None
        prefix = {uri: p for p, uri in path.nsmap.items()}[IPSEC]
        assert path.text == f"/{prefix}:tunnels/{prefix}:ipsec[{prefix}:id='1']/{prefix}:local-address"


async def test_a_secret_is_in_no_error(agent: AgentProcess) -> None:
    body = edit(
        "<ipsec><id>1</id><local-address>192.0.2.1</local-address><secret>topsecret value#</secret></ipsec>"
    )
    async with raw_client(agent, greet="1.1") as client:
        client.send(chunked(rpc(body)))
        reply = await client.chunked_message()
    assert b"invalid-value" in reply
    assert b"topsecret" not in reply
    assert not [line for line in agent.log if "topsecret" in line]


async def test_rfc6241_4_2_every_attribute_of_the_rpc_is_echoed(agent: AgentProcess) -> None:
    message = GET.replace(b"<rpc ", b'<rpc xmlns:x="urn:x" x:trace="a&lt;b" plain="&quot;1&quot;" ')
    async with raw_client(agent, greet="1.0") as client:
        client.send(message + EOM)
        reply = etree.fromstring(await client.message())
    assert dict(reply.attrib) == {"message-id": "again", "{urn:x}trace": "a<b", "plain": '"1"'}


async def test_white_space_between_messages_is_no_message(agent: AgentProcess) -> None:
    async with raw_client(agent) as client:
        client.send(b"\n\n  " + hello() + EOM + b"\r\n \n" + GET + EOM + b"\n" + GET + EOM + b"\n")
        for _ in range(3):
            assert b"<" in await client.message()
    async with raw_client(agent, greet="1.1") as client:
        client.send(b"\n\n" + chunked(GET) + b"\n \r\n" + chunked(GET))
        for _ in range(2):
            assert b"<data" in await client.chunked_message()


async def test_a_hello_in_chunks_is_accepted(agent: AgentProcess) -> None:
    async with raw_client(agent) as client:
        await client.message()
        client.send(chunked(hello("1.1")) + chunked(GET))
        assert b"<data" in await client.chunked_message()


async def test_pipelined_requests_are_answered_in_order(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        client.send(
            b"".join(
                chunked(rpc("<get-config><source><running/></source></get-config>", str(n)))
                for n in range(50)
            )
        )
        for number in range(50):
            assert f'message-id="{number}"'.encode() in await client.chunked_message()


async def test_a_client_that_dies_in_the_middle_leaves_no_lock(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        client.send(chunked(rpc("<lock><target><candidate/></target></lock>")))
        assert b"<ok/>" in await client.chunked_message()
        client.send(chunked(rpc(edit("<ipsec><id>77</id></ipsec>"))) + b"\n#500\n<rpc")
        assert b"<ok/>" in await client.chunked_message()
    async with raw_client(agent, greet="1.1") as client:
        reply = b""
        for _ in range(200):  # until the server has seen the end of the first
            client.send(chunked(rpc("<lock><target><candidate/></target></lock>")))
            reply = await client.chunked_message()
            if b"<ok/>" in reply:
                break
        assert b"<ok/>" in reply
        client.send(chunked(rpc("<get-config><source><candidate/></source></get-config>")))
        assert b"<id>77</id>" not in await client.chunked_message()
