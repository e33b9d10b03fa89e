"""The clients of the demonstration: NETCONF to the gateways, and user data between the sites."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from lxml import etree
from ncclient import manager
from ncclient.operations import RPCError
from ncclient.transport import TransportError

from script.demonstration.laboratory import (
    AGENT_HOST,
    AGENT_PORT,
    Failure,
    Gateway,
    in_namespace,
)

NAMESPACE = "urn:yangswan:params:xml:ns:yang:ipsec"
RPC_LIMIT_S = 30
DATAGRAM_LIMIT_S = 1.0
ECHO_PORT = 7


class Orchestrator:
    """A NETCONF session with one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        """Connect.

        Raises:
            Failure: the gateway does not accept the session.
        """
        self._name = gateway.site.name
        # The agent listens inside its gateway only, so the connection is opened from there.
        link = in_namespace(
            gateway.namespace,
            lambda: socket.create_connection((AGENT_HOST, AGENT_PORT), timeout=RPC_LIMIT_S),
        )
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._session: Any = manager.connect(
                host=AGENT_HOST, port=AGENT_PORT, sock=link, username="admin", timeout=RPC_LIMIT_S,
                key_filename=str(gateway.client_key), allow_agent=False,
                hostkey_b64=gateway.client_key.with_name("host_key.pub").read_text().split()[1],
                look_for_keys=False,
            )  # fmt: skip
        except TransportError as problem:
            link.close()
            raise Failure(f"{self._name}: no NETCONF session: {problem}") from None

    def change(self, *edits: str) -> None:
        """Make ``edits`` (edit-config documents) together the new configuration of the gateway.

        Raises:
            Failure: the gateway refused, with its reason.
        """
        try:
            for edit in edits:
                self._session.edit_config(config=edit, target="candidate")
            self._session.validate(source="candidate")
            self._session.commit()
        except RPCError as refusal:
            where = f" ({refusal.path})" if refusal.path else ""
            raise Failure(f"{self._name} refused: {refusal.message}{where}") from None

    def status(self, tunnel: int) -> str | None:
        """Return what the gateway says of the tunnel; None if it has no such tunnel."""
        text: str | None = self._state(tunnel).findtext(f".//{{{NAMESPACE}}}status")
        return text

    def octets(self, tunnel: int) -> tuple[int, int]:
        """Return the octets that the tunnel has received and sent, over all its CHILD_SAs."""
        state = self._state(tunnel)
        received, sent = (
            sum(int(count.text) for count in state.iter(f"{{{NAMESPACE}}}{leaf}"))
            for leaf in ("bytes-in", "bytes-out")
        )
        return received, sent

    def _state(self, tunnel: int) -> Any:
        subtree = f'<tunnels xmlns="{NAMESPACE}"><ipsec><id>{tunnel}</id><state/></ipsec></tunnels>'
        return etree.fromstring(self._session.get(filter=("subtree", subtree)).data_xml.encode())

    def close(self) -> None:
        self._session.close_session()


def read_edit(path: Path) -> str:
    """Return an edit-config document without its XML declaration, as ncclient wants it."""
    return etree.tostring(etree.parse(str(path)), encoding="unicode")


def enabled_edit(tunnel: int, enabled: bool) -> str:
    """Return the edit-config document that sets one leaf."""
    return (
        '<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">'
        f'<tunnels xmlns="{NAMESPACE}"><ipsec><id>{tunnel}</id>'
        f"<enabled>{'true' if enabled else 'false'}</enabled></ipsec></tunnels></config>"
    )


def exchange(asking: Gateway, answering: Gateway, datagrams: int, octets: int, tries: int) -> int:
    """Return how many of ``datagrams`` went from inside one site to inside the other and came back.

    Each is repeated up to ``tries`` times, one second apart: nothing promises that none is lost.
    """
    with _datagram_socket(answering, ECHO_PORT) as b, _datagram_socket(asking, 0) as a:
        return sum(
            any(_there_and_back(a, b, number.to_bytes(4, "big").ljust(octets, b".")) for _ in range(tries))
            for number in range(datagrams)
        )


def _there_and_back(a: socket.socket, b: socket.socket, payload: bytes) -> bool:
    try:
        a.sendto(payload, b.getsockname())
        received, source = b.recvfrom(len(payload))
        b.sendto(received, source)
        return a.recv(len(payload)) == payload
    except OSError:
        return False


def _datagram_socket(gateway: Gateway, port: int) -> socket.socket:
    made = in_namespace(gateway.namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    made.bind((gateway.site.inside, port))
    made.settimeout(DATAGRAM_LIMIT_S)
    return made
