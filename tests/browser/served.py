"""An agent with the page behind its door, its users, and the other session that commits."""

from __future__ import annotations

import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from agent.restconf.passwords import hash_of
from tests.agent.http.door_lab import Authority
from tests.agent_process import AgentProcess, start_agent
from tests.requests import IPSEC, edit_candidate
from tests.wire.raw_client import RawClient, raw_client

LIMIT_S = 60
ADMIN, READER = "admin", "rita"
WORD = "correct horse battery"
SECRET = "Zebra-Crossing-7"
MANY = 2000
"""So many tunnels the agent of ``many`` has."""
READERS = (
    '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm">'
    f"<groups><group><name>readers</name><user-name>{READER}</user-name></group></groups>"
    "<rule-list><name>readers</name><group>readers</group>"
    "<rule><name>look</name><module-name>*</module-name>"
    "<access-operations>read</access-operations><action>permit</action></rule>"
    "<rule><name>subscribe</name><module-name>ietf-subscribed-notifications</module-name>"
    "<access-operations>exec</access-operations><action>permit</action></rule></rule-list></nacm>"
)


@dataclass
class Served:
    """A running agent and where its page is."""

    agent: AgentProcess
    address: str
    options: Sequence[str]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    async def commit(self, *configs: str) -> None:
        """Commit what stands in a ``<config>``, over NETCONF."""
        async with orchestrator(self.agent) as client:
            for config in configs:
                await done(client, edit_candidate(config))
            await done(client, "<commit/>")

    def change_settings(self, change: Callable[[str], str]) -> None:
        """Change the file of its settings, and return when the agent has read it again."""
        file = Path(self.options[1])
        file.write_text(change(file.read_text()))
        before = len(self.agent.log)
        self.agent.process.send_signal(signal.SIGHUP)
        for _ in range(LIMIT_S * 20):
            if "the settings were read again (SIGHUP), and" in "".join(self.agent.log[before:]):
                return
            self.agent.readers[0].join(0.05)
        raise AssertionError("".join(self.agent.log[before:]))

    def again(self) -> None:
        """Start the agent anew, after its end, at the same port."""
        self.agent = start_agent(self.agent.data_dir, self.options)


@asynccontextmanager
async def orchestrator(agent: AgentProcess) -> AsyncIterator[RawClient]:
    async with raw_client(agent, greet="1.1") as client:
        yield client


async def done(client: RawClient, body: str) -> etree._Element:
    """Return the reply to an operation, which is no error."""
    reply = await client.ask(body)
    assert b"<rpc-error>" not in reply, reply.decode()
    return etree.fromstring(reply)


def settings(folder: Path, *, tls: bool = True, port: int = 0, more: str = "") -> list[str]:
    """Return the options of an agent whose page is at a port of loopback, by default a free one."""
    text = f'recovery-users = ["{ADMIN}"]\n{more}\n[web]\nlisten = "127.0.0.1:{port}"\n'
    if tls:
        certificate, key = Authority(folder).issue_server()
        text += f'certificate = "{certificate}"\nkey = "{key}"\n'
    text += "[web.passwords]\n" + "".join(
        f'{user} = "{hash_of(WORD.encode())}"\n' for user in (ADMIN, READER)
    )
    file = folder / "settings.toml"
    file.write_text(text)
    return ["--config", str(file)]


def page_of(agent: AgentProcess) -> str:
    """Return where the page of a running agent is; its log says it before it is ready."""
    for _ in range(LIMIT_S * 20):
        found = re.search(r"RESTCONF on (https?://[0-9.]+:[0-9]+)", "".join(agent.log))
        if found:
            return found[1]
        agent.readers[0].join(0.05)
    raise AssertionError("no word of the page:\n" + "".join(agent.log))


@contextmanager
def serving(folder: Path, *, tls: bool = True, more: str = "") -> Iterator[Served]:
    """An agent without charon; its page is at the same port after a restart, too."""
    options = settings(folder, tls=tls, more=more)
    agent = start_agent(folder / "data", options)
    served = Served(agent, "", options)
    try:
        served.address = page_of(agent)
        file = Path(options[1])
        file.write_text(file.read_text().replace('"127.0.0.1:0"', f'"127.0.0.1:{served.port}"'))
        yield served
    finally:
        if served.agent.process.poll() is None:
            served.agent.stop()


def tunnels(numbers: Sequence[int], *, description: str = "to branch {}", more: str = "") -> str:
    """Return the configuration of tunnels with a pre-shared key each."""
    entries = "".join(
        f"<ipsec><id>{number}</id><description>{description.format(number)}</description>"
        f"<initiator>true</initiator><secret>{SECRET}</secret><local-address>192.0.2.1</local-address>"
        f"<peer>198.51.{100 + number // 250}.{number % 250 + 1}</peer>{more}</ipsec>"
        for number in numbers
    )
    return f'<tunnels xmlns="{IPSEC}">{entries}</tunnels>'
