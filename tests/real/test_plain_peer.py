"""Against a peer whose swanctl.conf somebody has written by hand: both roles, each type of identity, and the
automatic proposals against strongSwan's own defaults."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.agent_process import AgentProcess
from tests.lab import Gateway, Lab, carries
from tests.real.gateways import gateway, on, text

pytestmark = pytest.mark.real

LIMIT_S = 60


@dataclass(frozen=True)
class Kind:
    """An identity of the model and what swanctl.conf calls it, for us and for the peer."""

    leaf: str
    ours: str
    theirs: str
    plain_ours: str
    plain_theirs: str


KINDS = (
    Kind("inet", "192.168.0.1", "192.168.0.2", "192.168.0.1", "192.168.0.2"),
    Kind("name", "gw.example.com", "peer.example.com", "gw.example.com", "@peer.example.com"),
    Kind("email", "gw@example.com", "peer@example.com", "gw@example.com", "email:peer@example.com"),
    Kind("key", "our key", "their key", "keyid:our key", "keyid:their key"),
    Kind(
        "dn", "C=SE, O=ACME, CN=gw", "C=SE, O=ACME, CN=peer", "C=SE, O=ACME, CN=gw", "C=SE, O=ACME, CN=peer"
    ),
)  # fmt: skip
NUMBERED = tuple(enumerate(KINDS, 1))


def ours(number: int, kind: Kind, *, initiator: bool) -> str:
    # "auto" is the address on either side: nothing is configured.
    auto = kind.leaf == "inet"
    identities = "" if auto and initiator else (
        f"<local-id><{kind.leaf}>{kind.ours}</{kind.leaf}></local-id>"
        f"<remote-id><{kind.leaf}>{kind.theirs}</{kind.leaf}></remote-id>"
    )  # fmt: skip
    return (
        f"<ipsec><id>{number}</id><initiator>{str(initiator).lower()}</initiator>"
        f"<secret>a-plain-secret-{number}</secret><local-address>192.168.0.1</local-address>"
        f"<peer>192.168.0.2</peer>{identities}<local-subnet>10.1.{number}.1/32</local-subnet>"
        f"<remote-subnet>10.2.{number}.1/32</remote-subnet></ipsec>"
    )


def theirs() -> str:
    connections = "".join(
        f"""
    peer-{number} {{
        version = 2
        local_addrs = 192.168.0.2
        remote_addrs = 192.168.0.1
        proposals = default
        local {{
            auth = psk
            id = "{kind.plain_theirs}"
        }}
        remote {{
            auth = psk
            id = "{kind.plain_ours}"
        }}
        children {{
            net-{number} {{
                local_ts = 10.2.{number}.1/32
                remote_ts = 10.1.{number}.1/32
                esp_proposals = default
            }}
        }}
    }}"""
        for number, kind in NUMBERED
    )
    secrets = "".join(
        f"""
    ike-{number} {{
        id-1 = "{kind.plain_ours}"
        id-2 = "{kind.plain_theirs}"
        secret = a-plain-secret-{number}
    }}"""
        for number, kind in NUMBERED
    )
    return f"connections {{{connections}\n}}\nsecrets {{{secrets}\n}}\n"


class PlainPeer:
    """A charon that swanctl configures; the one that runs it holds no tunnels of its own."""

    def __init__(self, daemon: Gateway, folder: Path) -> None:
        self.daemon = daemon
        self._file = folder / "swanctl.conf"

    def load(self) -> None:
        self._file.write_text(theirs())
        self.swanctl("--load-all", "--file", str(self._file))

    def swanctl(self, *arguments: str) -> str:
        uri = f"unix://{self.daemon.vici_socket}"
        done = subprocess.run(
            [*self.daemon.namespace.exec, "swanctl", *arguments, "--uri", uri],
            capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def lab(lab: Lab) -> Lab:
    for namespace, side in ((lab.alice_ns, 1), (lab.bob_ns, 2)):
        for number, _kind in NUMBERED:
            namespace.ip("address", "add", f"10.{side}.{number}.1/32", "dev", "lo")
    return lab


@pytest.fixture
def agent(lab: Lab, tmp_path: Path) -> Iterator[AgentProcess]:
    with gateway(lab.alice_ns, tmp_path / "agent") as running:
        yield running


@pytest.fixture
def peer(lab: Lab, tmp_path: Path) -> PlainPeer:
    daemon = lab.bob()
    daemon.start()
    return PlainPeer(daemon, tmp_path)


def seen(lab: Lab, agent: AgentProcess) -> None:
    """Every tunnel comes up, with the identity of its kind, and carries traffic."""
    for number, kind in NUMBERED:
        state = on(lab.alice_ns, agent, lambda o: o.until_status(number, "installed"))  # noqa: B023
        assert text(state, "ike-sa/remote-id") == kind.theirs
        here, there = f"10.1.{number}.1", f"10.2.{number}.1"
        assert carries(lab.alice_ns, here, lab.bob_ns, there)
        assert carries(lab.bob_ns, there, lab.alice_ns, here)


def configure(lab: Lab, agent: AgentProcess, *, initiator: bool) -> None:
    bodies = "".join(ours(number, kind, initiator=initiator) for number, kind in NUMBERED)
    on(lab.alice_ns, agent, lambda o: o.commit(bodies))


def test_we_initiate(lab: Lab, agent: AgentProcess, peer: PlainPeer) -> None:
    peer.load()
    configure(lab, agent, initiator=True)
    seen(lab, agent)


def test_the_peer_initiates(lab: Lab, agent: AgentProcess, peer: PlainPeer) -> None:
    configure(lab, agent, initiator=False)
    peer.load()
    for number, _kind in NUMBERED:
        told = peer.swanctl("--initiate", "--ike", f"peer-{number}", "--child", f"net-{number}")
        assert "initiate completed successfully" in told
    seen(lab, agent)


def test_we_wait_until_the_peer_is_configured_too(lab: Lab, agent: AgentProcess, peer: PlainPeer) -> None:
    """The router's manual wants the responder first."""
    configure(lab, agent, initiator=True)
    on(lab.alice_ns, agent, lambda o: o.until(1, lambda state: text(state, "last-error/reason")))
    peer.load()
    seen(lab, agent)
