"""Every combination of algorithms of the router's manual, configured over NETCONF, negotiated by two
strongSwans, rekeyed, and read back over NETCONF.

112 classical and 84 AEAD combinations of IKE, each a tunnel of its own, and with them the 140 of ESP. The
rekeying is forced because a wrong Diffie-Hellman group of ESP shows in nothing before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path

import pytest
from lxml import etree

from tests.agent_process import AgentProcess
from tests.lab import Lab, Namespace, charon_of
from tests.real.gateways import IPSEC, NS, Orchestrator, gateway, inside, on

pytestmark = pytest.mark.real

CLASSICAL = ("aes128", "aes256", "aes128ctr", "aes256ctr")
AEAD = ("aes128ccm12", "aes128ccm16", "aes128gcm12", "aes128gcm16")
AUTH = ("sha1", "sha256", "sha384", "sha512")
PRF = ("prfsha256", "prfsha384", "prfsha512")
DH = ("modp2048", "modp3072", "modp4096", "ecp256", "ecp384", "ecp521", "x25519")
LIMIT_S = 240

Proposal = dict[str, str]


@dataclass(frozen=True)
class Suite:
    ike: Proposal
    esp: Proposal


def every(**words: Sequence[str]) -> list[Proposal]:
    """Return the proposals with each combination of these words."""
    return [dict(zip(words, one, strict=True)) for one in product(*words.values())]


def ike_proposals() -> list[Proposal]:
    return every(cipher=CLASSICAL, auth=AUTH, dh=DH) + every(cipher=AEAD, prf=PRF, dh=DH)


def esp_proposals() -> list[Proposal]:
    return every(cipher=CLASSICAL, auth=AUTH, dh=DH) + every(cipher=AEAD, dh=DH)


def suites() -> dict[int, Suite]:
    """Return every combination of IKE with one of ESP; each of these is there at least once."""
    return {
        number: Suite(ike, esp)
        for number, (ike, esp) in enumerate(zip(ike_proposals(), cycle(esp_proposals()), strict=False), 1)
    }


def test_the_combinations_are_those_of_the_manual() -> None:
    assert (len(ike_proposals()), len(esp_proposals())) == (112 + 84, 112 + 28)
    assert {tuple(one.esp.items()) for one in suites().values()} == {
        tuple(e.items()) for e in esp_proposals()
    }


def proposal(phase: str, leaves: Proposal) -> str:
    inside_it = "".join(f"<{leaf}>{word}</{leaf}>" for leaf, word in leaves.items())
    return f"<{phase}><proposal><priority>1</priority>{inside_it}</proposal></{phase}>"


def tunnel(number: int, suite: Suite, own: int, other: int) -> str:
    return (
        f"<ipsec><id>{number}</id><initiator>{str(own == 2).lower()}</initiator>"
        f"<secret>secret-of-{number:05d}</secret>"
        f"<local-address>192.168.0.{own}</local-address><peer>192.168.0.{other}</peer>"
        f"<local-id><name>g{own}-{number}</name></local-id><remote-id><name>g{other}-{number}</name></remote-id>"
        f"<local-subnet>10.1{own}.{number}.1/32</local-subnet>"
        f"<remote-subnet>10.1{other}.{number}.1/32</remote-subnet>"
        f"{proposal('ike', suite.ike)}{proposal('esp', suite.esp)}</ipsec>"
    )


@pytest.fixture
def lab(lab: Lab) -> Lab:
    for namespace, own in ((lab.alice_ns, 1), (lab.bob_ns, 2)):
        for number in suites():
            namespace.ip("address", "add", f"10.1{own}.{number}.1/32", "dev", "lo")
    return lab


STATE = (
    f'<get><filter><tunnels xmlns="{IPSEC}"><ipsec><id/>'
    "<state><status/><last-error/><ike-sa/><child-sa/></state></ipsec></tunnels></filter></get>"
)


def in_use(entry: etree._Element, kind: str, up: str, leaves: Proposal) -> Proposal:
    """Return these leafs of the newest SA that is up."""
    sas = [sa for sa in entry.iterfind(f"i:state/i:{kind}", NS) if sa.findtext("i:state", "", NS) == up]
    newest = max(sas, key=lambda sa: int(sa.findtext("i:unique-id", "0", NS)), default=None)
    return {} if newest is None else {leaf: newest.findtext(f"i:{leaf}", "", NS) for leaf in leaves}


async def until_all(orchestrator: Orchestrator, *, rekeyed: bool) -> None:
    """Wait until every tunnel is up with just the algorithms that were configured.

    A CHILD_SA has no group of its own before it is ``rekeyed``.
    """
    wrong: dict[int, object] = {}
    try:
        async with asyncio.timeout(LIMIT_S):
            while True:
                reply = await orchestrator.do(STATE)
                wrong = {}
                for entry in reply.iterfind(".//i:ipsec", NS):
                    number = int(entry.findtext("i:id", "", NS))
                    suite = suites()[number]
                    esp = {leaf: word for leaf, word in suite.esp.items() if rekeyed or leaf != "dh"}
                    found = (
                        in_use(entry, "ike-sa", "established", suite.ike),
                        in_use(entry, "child-sa", "installed", esp),
                    )
                    if found != (suite.ike, esp):
                        wrong[number] = (
                            suite,
                            found,
                            entry.findtext("i:state/i:last-error/i:reason", "", NS),
                        )
                if not wrong:
                    return
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise AssertionError("\n".join(f"{number}: {what}" for number, what in wrong.items())) from None


async def rekey_all(agent: AgentProcess) -> None:
    async with charon_of(agent.data_dir) as charon:
        for number in suites():
            await charon.request("rekey", {"child": f"ipsec-{number}"})


def test_all_combinations_are_negotiated_rekeyed_and_read_back(lab: Lab, tmp_path: Path) -> None:
    with ExitStack() as stack:
        ends: list[tuple[Namespace, AgentProcess, int]] = [
            (namespace, stack.enter_context(gateway(namespace, tmp_path / f"g{own}")), own)
            for namespace, own in ((lab.alice_ns, 1), (lab.bob_ns, 2))
        ]
        for namespace, agent, own in ends:
            bodies = "".join(tunnel(number, suite, own, 3 - own) for number, suite in suites().items())
            on(namespace, agent, lambda o, bodies=bodies: o.commit(bodies))
        for rekeyed in (False, True):
            if rekeyed:
                inside(lab.bob_ns, lambda: rekey_all(ends[1][1]))
            for namespace, agent, _own in ends:
                on(namespace, agent, lambda o, rekeyed=rekeyed: until_all(o, rekeyed=rekeyed))
