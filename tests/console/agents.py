"""A command line with a live agent, in this process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lxml import etree

from console.client.connection import Connection
from console.client.session import Element
from console.client.ssh import Address, Login, SshStream
from console.shell.console import Console
from tests.agent_process import AgentProcess
from tests.console.fakes import Printed, schema
from tests.lab import Namespace

NETCONF = "urn:ietf:params:xml:ns:netconf:base:1.0"


def connected(agent: AgentProcess, namespace: Namespace | None = None) -> Connection:
    """Return a session with ``agent``, through a connection that is made in ``namespace``."""
    login = Login(agent.user, agent.key, agent.data_dir / "known_hosts")

    def connect() -> SshStream:
        return SshStream(Address(agent.host, agent.port), login)

    return Connection(connect if namespace is None else lambda: namespace.call(connect), "the agent")


@contextmanager
def command_line(agent: AgentProcess, out: Printed, namespace: Namespace | None = None) -> Iterator[Console]:
    client = connected(agent, namespace)
    try:
        yield Console(client, schema(), out, "gw1")
    finally:
        client.close()


def commit(at: Console, config: str) -> None:
    """Commit an edit of the candidate."""
    for request in (
        f"<edit-config><target><candidate/></target><config>{config}</config></edit-config>",
        "<commit/>",
    ):
        at.client.rpc(within(request))


def within(request: str) -> Element:
    """Return a request of RFC 6241."""
    (element,) = etree.fromstring(f'<rpc xmlns="{NETCONF}">{request}</rpc>')
    return element


@dataclass
class Interrupting(Printed):
    """Presses Ctrl-C once a text has been printed that holds each of ``until``."""

    until: tuple[str, ...] = ()
    pressed: bool = False

    def text(self, text: str) -> None:
        super().text(text)
        everything = "\n".join(self.texts)
        if not self.pressed and all(one in everything for one in self.until):
            self.pressed = True
            os.kill(os.getpid(), signal.SIGINT)
