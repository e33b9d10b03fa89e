"""What one session of a user in no group sends, and what an administrator sees of it: nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from agent.errors import MAX_ERRORS
from tests.agent_process import AgentProcess, running_agent
from tests.requests import IPSEC, edit_candidate
from tests.wire.raw_client import EOM, RawClient, chunked, hello, rpc
from tests.wire.test_memory import forget_peak, reply, status_octets

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
ACTION = "urn:ietf:params:xml:ns:yang:1"
TUNNELS = 300
MIB = 1024 * 1024
NO_ADMIN = (
    f'<nacm xmlns="{NACM}"><groups><group><name>admin</name>'
    '<user-name xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="remove">mallory</user-name>'
    "</group></groups></nacm>"
)
"""At the first start all users are administrators."""
PROBE = f'<get><filter><agent xmlns="{AGENT}"/></filter></get>'


def tunnel(number: int) -> str:
    return (
        f"<ipsec><id>{number}</id><secret>not-a-real-secret</secret><local-address>192.0.2.1</local-address>"
        f"<peer>198.51.{number // 250}.{number % 250}</peer>"
        f"<remote-id><name>peer{number}</name></remote-id></ipsec>"
    )


def tunnels(inside: str, attributes: str = "") -> str:
    return f'<tunnels xmlns="{IPSEC}" {attributes}>{inside}</tunnels>'


def xpath(expression: str) -> str:
    return f'<get><filter type="xpath" xmlns:i="{IPSEC}" select="{expression}"/></get>'


IPSECS = "/i:tunnels/i:ipsec"
ENDLESS = xpath(f"{IPSECS}[{IPSECS}[{IPSECS}[{IPSECS}/i:peer = i:id]]]")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with attacked_agent(tmp_path_factory.mktemp("attacked")) as made:
        yield made


def attacked_agent(folder: Path) -> AbstractContextManager[AgentProcess]:
    """An agent with the users admin and mallory, who have one key; mallory is in no group."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(folder / "client_key")
    (folder / "client_key").chmod(0o600)
    key.write_public_key(folder / "client_key.pub")
    settings = folder / "settings.toml"
    users = "".join(f'{name} = "client_key.pub"\n' for name in ("admin", "mallory"))
    settings.write_text(f"[users]\n{users}", encoding="utf-8")
    return running_agent(folder / "data", ["--config", str(settings)], log_level="warning")


@asynccontextmanager
async def session(agent: AgentProcess, user: str) -> AsyncIterator[tuple[RawClient, str]]:
    """Open a session of ``user``; yields its client and its session-id."""
    async with asyncssh.connect(
        agent.host,
        agent.port,
        config=None,
        known_hosts=None,
        username=user,
        client_keys=[str(agent.data_dir.parent / "client_key")],
        agent_path=None,
    ) as connection:
        process = await connection.create_process(subsystem="netconf", encoding=None)
        client = RawClient(process)
        client.send(hello("1.1") + EOM)
        greeting = await client.message()
        yield client, greeting.partition(b"<session-id>")[2].partition(b"<")[0].decode()


@asynccontextmanager
async def filled(agent: AgentProcess) -> AsyncIterator[RawClient]:
    """An administrator's session with an agent that has its tunnels."""
    async with session(agent, "admin") as (admin, _):
        wanted = "".join(map(tunnel, range(1, TUNNELS + 1)))
        assert b"<ok/>" in await reply(admin, rpc(edit_candidate(tunnels(wanted) + NO_ADMIN)))
        assert b"<ok/>" in await reply(admin, rpc("<commit/>"))
        yield admin


# -- work ----------------------------------------------------------------------------------------


async def test_others_are_answered_while_an_expression_is_evaluated(agent: AgentProcess) -> None:
    async with filled(agent) as admin, session(agent, "mallory") as (mallory, _):
        attack = asyncio.create_task(reply(mallory, rpc(ENDLESS)))
        await asyncio.sleep(0)
        answers = 0
        while not attack.done():
            assert b"<agent" in await admin.ask(PROBE)
            answers += 1
        assert b"<error-tag>resource-denied</error-tag>" in await attack
        assert answers > 1


async def test_the_session_that_asked_for_it_can_be_killed(agent: AgentProcess) -> None:
    async with filled(agent) as admin, session(agent, "mallory") as (mallory, number):
        for _ in range(50):
            mallory.send(chunked(rpc(ENDLESS)))
        await admin.ask(PROBE)
        assert b"<ok/>" in await admin.ask(f"<kill-session><session-id>{number}</session-id></kill-session>")
        assert (await mallory.closed()).count(b"resource-denied") < 50
        assert b"<agent" in await admin.ask(PROBE)


async def test_the_agent_can_be_stopped_meanwhile(tmp_path: Path) -> None:
    with attacked_agent(tmp_path) as agent:
        async with filled(agent) as admin, session(agent, "mallory") as (mallory, _):
            for _ in range(50):
                mallory.send(chunked(rpc(ENDLESS)))
            await admin.ask(PROBE)
            assert await asyncio.to_thread(agent.stop) == 0


def declared(count: int) -> str:
    return " ".join(f'xmlns:n{n}="urn:n:{n}"' for n in range(count))


def action(inside: str) -> str:
    return f'<action xmlns="{ACTION}">{tunnels(inside)}</action>'


def subtree(inside: str) -> str:
    return f"<get><filter>{tunnels(inside)}</filter></get>"


REPEATED = 20_000
ATTACKS = {
    "400 KB of minus signs": xpath("-" * 400_000 + "1"),
    "an action with one entry again and again": action("<ipsec><id>1</id><restart/></ipsec>" * REPEATED),
    "an action with one key again and again": action(f"<ipsec>{'<id>1</id>' * REPEATED}<restart/></ipsec>"),
    "an edit with one entry again and again": edit_candidate(tunnels("<ipsec><id>1</id></ipsec>" * REPEATED)),
    "an edit with one key again and again": edit_candidate(
        tunnels(f"<ipsec>{'<id>1</id>' * REPEATED}</ipsec>")
    ),
    "namespaces": edit_candidate(tunnels("<ipsec><id>1</id></ipsec>", declared(REPEATED))),
    "namespaces and children": edit_candidate(tunnels("<ipsec><id>1</id></ipsec>" * 1000, declared(1000))),
    "a filter with many children": subtree(
        f"<ipsec>{'<id>x</id>' * 10_000}{'<peer/>' * 10_000}</ipsec>",
    ),
    "a filter with one key again and again": subtree("<ipsec><id>1</id></ipsec>" * 300_000),
    "parameters that nobody knows": "<get>" + "<a/>" * 999_000 + "</get>",
    "a long key and many faults": edit_candidate(
        f'<nacm xmlns="{NACM}"><rule-list><name>{"k" * 5_000_000}</name>{"<bogus/>" * 100}</rule-list></nacm>'
    ),
    "a long predicate": f'<explain-access xmlns="{AGENT}"><path>/yangswan-ipsec:tunnels/ipsec'
    f"[id='{'1' * 9_000_000}']</path></explain-access>",
    "many predicates": f'<explain-access xmlns="{AGENT}"><path>/yangswan-ipsec:tunnels/ipsec'
    f"{'[id=1]' * 1_500_000}</path></explain-access>",
    "a long value": edit_candidate(tunnels(f"<ipsec><id>1</id><peer>{'k' * 9_000_000}</peer></ipsec>")),
    "a long value that may be": edit_candidate(
        tunnels(f"<ipsec><id>1</id><description>{'k' * 9_000_000}</description></ipsec>")
    ),
    "a long name of a schema": '<get-schema xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring">'
    f"<identifier>{'k' * 9_000_000}</identifier></get-schema>",
    "a long value in a filter": subtree(f"<ipsec><id>{'1' * 9_000_000}</id></ipsec>"),
    "a long word in a parameter": f"<get-config><source><running/></source><filter type='{'k' * 9_000_000}'/>"
    "</get-config>",
    "a long attribute": edit_candidate(tunnels("<ipsec><id>1</id></ipsec>", f'k="{"k" * 9_000_000}"')),
}
ELEMENT_OCTETS = 320
"""What libxml2 keeps for an element with a text, and what holds it while it is looked at."""


async def test_what_a_refused_request_took_is_free_when_the_next_one_comes(agent: AgentProcess) -> None:
    message = rpc(ATTACKS["parameters that nobody knows"])
    async with filled(agent) as admin, session(agent, "mallory") as (mallory, _):
        await admin.ask(PROBE)
        before = status_octets(agent, "VmRSS")
        forget_peak(agent)
        for _ in range(6):
            assert b"unknown-element" in await reply(mallory, message)
        assert status_octets(agent, "VmHWM") - before < 2 * ELEMENT_OCTETS * 999_000


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("user", ["mallory", "admin"])
async def test_one_request_costs_eight_times_its_size_and_is_answered_shortly(
    agent: AgentProcess, name: str, user: str
) -> None:
    message = rpc(ATTACKS[name])
    elements = message.count(b"</") + message.count(b"/>")
    async with filled(agent) as admin, session(agent, user) as (client, _):
        await admin.ask(PROBE)
        before = status_octets(agent, "VmRSS")
        forget_peak(agent)
        answer = await reply(client, message)
        taken = status_octets(agent, "VmHWM") - before
        assert answer.count(b"<rpc-error>") <= MAX_ERRORS
        assert len(answer) < 200_000
        assert taken < 8 * len(message) + ELEMENT_OCTETS * elements + 8 * MIB
        await admin.ask("<discard-changes/>")
        assert b"<agent" in await admin.ask(PROBE)
