"""Notifications on the wire: what a subscriber reads between its replies (RFC 5277, RFC 6470)."""

from __future__ import annotations

import re
from pathlib import Path

from lxml import etree

from tests.agent_process import AgentProcess, running_agent
from tests.requests import IPSEC, edit_candidate, tunnel
from tests.wire.raw_client import EOM, RawClient, chunked, hello, raw_client, rpc
from tests.wire.test_sessions import settings

NS = "urn:ietf:params:xml:ns:netconf:notification:1.0"
STREAMS = "urn:ietf:params:xml:ns:netmod:notification"


def subscribe(body: str = "") -> bytes:
    return chunked(rpc(f'<create-subscription xmlns="{NS}">{body}</create-subscription>'))


async def test_rfc5277_2_2_1_a_notification_is_a_message_of_its_own(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as watcher, raw_client(agent, greet="1.1") as worker:
        watcher.send(subscribe())
        assert b"<ok/>" in await watcher.chunked_message()  # the reply comes before any event
        assert b"<ok/>" in await worker.ask(edit_candidate(tunnel(71)))
        assert b"<ok/>" in await worker.ask("<commit/>")
        event = etree.fromstring(await watcher.until_message(b"netconf-config-change"))
        assert etree.QName(event) == f"{{{NS}}}notification"
        time, content = event
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time.text or "")
        assert content.findtext("{*}changed-by/{*}username") == agent.user
        target = content.find("{*}edit/{*}target")
        prefix, _, _ = (target.text or "").lstrip("/").partition(":")
        assert target.nsmap[prefix] == IPSEC
        assert b"not-a-real-secret" not in etree.tostring(event)


async def test_interleave_the_subscriber_works_on(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        client.send(subscribe())
        assert b"<ok/>" in await client.chunked_message()
        client.send(chunked(rpc(edit_candidate(tunnel(72)))))
        assert b"<ok/>" in await client.until_message(b"rpc-reply")
        client.send(chunked(rpc("<commit/>", "commit")))
        kinds = {b"rpc-reply": 0, b"netconf-config-change": 0}
        while not all(kinds.values()):
            message = await client.chunked_message()
            for kind in kinds:
                kinds[kind] += kind in message
        assert kinds == {b"rpc-reply": 1, b"netconf-config-change": 1}


async def test_with_end_of_message_framing_too(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.0") as client:
        client.send(rpc(f'<create-subscription xmlns="{NS}"/>') + EOM)
        assert b"<ok/>" in await client.message()
        async with raw_client(agent, greet="1.1"):
            assert b"netconf-session-start" in await client.message()


async def test_rfc6470_sessions_come_and_go(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as watcher:
        watcher.send(subscribe())
        assert b"<ok/>" in await watcher.chunked_message()
        async with raw_client(agent, greet="1.1") as client:
            start = await watcher.until_message(b"netconf-session-start")
            assert b"<source-host>127.0.0.1</source-host>" in start
            await client.ask("<close-session/>")
        end = await watcher.until_message(b"netconf-session-end")
        assert b"<termination-reason>closed</termination-reason>" in end
        async with raw_client(agent) as victim:
            victim.send(hello("1.1") + EOM)
            session_id = etree.fromstring(await victim.message()).findtext("{*}session-id")
            await watcher.until_message(b"netconf-session-start")
            await ask_through(watcher, f"<kill-session><session-id>{session_id}</session-id></kill-session>")
            end = await watcher.until_message(b"netconf-session-end")
            assert b"<killed-by>" in end
            assert b"<termination-reason>killed</termination-reason>" in end
        async with raw_client(agent, greet="1.1"):
            pass
        assert b"<termination-reason>dropped<" in await watcher.until_message(b"netconf-session-end")
        async with raw_client(agent) as odd:
            odd.send(b"<nonsense/>" + EOM)
            await odd.closed()
        assert b"<termination-reason>bad-hello<" in await watcher.until_message(b"netconf-session-end")


async def ask_through(client: RawClient, body: str) -> None:
    """Send a request on a session that is also sent events; they may come before its reply."""
    client.send(chunked(rpc(body)))
    assert b"<ok/>" in await client.until_message(b"rpc-reply")


async def test_the_stream_is_listed(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        reply = await client.ask(f'<get><filter><netconf xmlns="{STREAMS}"/></filter></get>')
        stream = etree.fromstring(reply).find(".//{*}stream")
        assert stream.findtext("{*}name") == "NETCONF"
        assert stream.findtext("{*}replaySupport") == "true"
        assert stream.findtext("{*}replayLogCreationTime")


async def test_a_subscriber_may_be_silent_for_long(tmp_path: Path) -> None:
    """The idle limit is not for who waits for events; it is for who does not."""
    with running_agent(tmp_path / "data", settings(tmp_path, "idle-timeout-s = 1")) as agent:
        async with raw_client(agent, greet="1.1") as watcher, raw_client(agent, greet="1.1") as idle:
            watcher.send(subscribe())
            assert b"<ok/>" in await watcher.chunked_message()
            await idle.closed()
            end = await watcher.until_message(b"<termination-reason>timeout</termination-reason>")
            assert b"netconf-session-end" in end


async def test_a_subscriber_that_does_not_read_delays_no_commit(tmp_path: Path) -> None:
    limits = "write-timeout-s = 2\nnotification-events = 50"
    with running_agent(tmp_path / "data", settings(tmp_path, limits)) as agent:
        async with raw_client(agent, greet="1.1") as stuck, raw_client(agent, greet="1.1") as worker:
            stuck.send(subscribe())
            assert b"<ok/>" in await stuck.chunked_message()
            stuck.process.channel.pause_reading()
            for number in range(200):
                assert b"<ok/>" in await worker.ask(edit_candidate(tunnel(1, f"turn {number}")))
                assert b"<ok/>" in await worker.ask("<commit/>")
            reply = await worker.ask("<get-config><source><running/></source></get-config>")
            assert b"turn 199" in reply


async def test_a_replay_after_a_restart_tells_that_the_server_can_do_more_now(tmp_path: Path) -> None:
    more = Path(__file__).parents[1] / "modules" / "every-third.yang"
    with running_agent(tmp_path / "data") as agent:
        async with raw_client(agent, greet="1.1"):
            pass
    with running_agent(tmp_path / "data", ["--yang-module", str(more)]) as agent:
        async with raw_client(agent, greet="1.1") as client:
            client.send(subscribe("<startTime>2020-01-01T00:00:00Z</startTime>"))
            change = await client.until_message(b"netconf-capability-change")
            assert b"<modified-capability>urn:ietf:params:netconf:capability:yang-library:1.1" in change
            assert b"<changed-by><server/></changed-by>" in change
            await client.until_message(b"replayComplete")
