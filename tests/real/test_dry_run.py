"""A dry run over NETCONF on live tunnels, and the commit after it; what is documented is what is answered."""

from __future__ import annotations

import json
import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from agent.served import SERVED, standard_modules
from agent.yang.schema import Schema
from tests.agent import handlers
from tests.lab import FAST_RETRANSMIT, Gateway, Lab
from tests.real.gateways import IPSEC, edit, inside, talk
from tests.real.test_netconf_to_charon import Pair, pair, spis, up
from tests.scripts.agents import ROOT
from tests.scripts.test_readme import blocks
from tests.translators.tunnels import at_alice
from tests.translators.vici_tap import ViciTap

__all__ = ["pair"]
pytestmark = pytest.mark.real

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
DRY_RUN = f'<dry-run xmlns="{AGENT}"/>'
PAGE = (ROOT / "docs" / "safety-net.md").read_text(encoding="utf-8")
BLOCKS = {block.proof: block.text for block in blocks(PAGE) if block.proof}
COUNT = 200


def named(answer: str) -> etree._Element:
    return etree.fromstring(f"<reply>{answer}</reply>")


def bobs(*numbers: int, secret: str = "right-secret-0001") -> str:
    """Return bob's end of tunnels with alice."""
    entries = (
        f"<ipsec><id>{number}</id><initiator>true</initiator><secret>{secret}</secret>"
        f"<local-address>192.168.0.2</local-address><peer>192.168.0.1</peer>"
        f"<local-id><name>bob{number}</name></local-id><remote-id><name>alice{number}</name></remote-id>"
        "<local-subnet>10.2.0.0/16</local-subnet><remote-subnet>10.1.0.0/16</remote-subnet></ipsec>"
        for number in numbers
    )
    return f'<tunnels xmlns="{IPSEC}">{"".join(entries)}</tunnels>'


def spis_of(gateway: Gateway) -> dict[str, str]:
    """Return the SPI of each tunnel's IKE_SA that has a child."""
    installed = (sa for sa in gateway.sas() if "INSTALLED" in str(sa["child-sas"]))
    return {sa["name"]: sa["initiator-spi"] for sa in installed}


async def behind_operations(stack: AsyncExitStack, gateway: Gateway, folder: Path) -> handlers.Lab:
    """Return the operations of a server, with the translator of ``gateway`` behind them."""
    translator = gateway.translator
    schema = Schema(
        standard_modules(), SERVED, translator.yang_files, disabled_features=translator.disabled_features
    )
    schema.names = translator.names
    lab = handlers.running_lab(schema, folder, translator)  # type: ignore[arg-type]
    return await stack.enter_async_context(lab)


def test_a_change_to_one_of_200_live_tunnels_is_what_the_capture_of_the_commit_shows(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = lab.alice(FAST_RETRANSMIT), lab.bob(FAST_RETRANSMIT)
    alice.start(*map(at_alice, range(1, COUNT + 1)))
    tap, stack = ViciTap(monkeypatch), AsyncExitStack()
    server = bob.run(behind_operations(stack, bob, tmp_path))
    bob.run(server.commit(bobs(*range(1, COUNT + 1))))
    bob.wait_for(lambda _state: len(spis_of(bob)) == COUNT)
    before = spis_of(bob)
    bob.run(server.edit(bobs(77, secret="another-secret-0077")))
    tap.sent.clear()
    answer = named(bob.run(server.do(DRY_RUN)))
    assert tap.sent == []
    bob.run(server.do("<commit/>"))
    bob.wait_for(lambda _state: any(command == "initiate" for command, _ in tap.sent), 77)
    sent = list(tap.sent)
    (shown,) = answer.findall(f"{{{AGENT}}}entry")
    told = [
        (one.findtext(f"{{{AGENT}}}command"), json.loads(one.findtext(f"{{{AGENT}}}content") or ""))
        for one in shown.findall(f"{{{AGENT}}}message")
    ]
    assert shown.findtext(f"{{{AGENT}}}path") == "/yangswan-ipsec:tunnels/ipsec[id='77']"
    assert [command for command, _ in told] == ["load-shared", "terminate", "initiate"]
    assert told == sent
    assert "another-secret" not in etree.tostring(answer).decode()
    assert {**spis_of(bob), "ipsec-77": ""} == {**before, "ipsec-77": ""}
    bob.run(stack.aclose())


def test_the_example_of_the_manual_is_what_is_answered(pair: Pair) -> None:
    up(pair, 1, 2)
    second = spis(pair.bob_until(2, "installed"))

    async def ask() -> str:
        async def work(orchestrator: Any) -> str:
            await orchestrator.do(edit(BLOCKS["dry run, edited"]))
            reply = await orchestrator.do(BLOCKS["dry run"])
            one = await orchestrator.do(BLOCKS["dry run, one"])
            assert one.xpath("count(//*[local-name()='path'][contains(., \"ipsec[id='1']\")])") == 1
            await orchestrator.do("<discard-changes/>")
            return etree.tostring(reply).decode()

        return await talk(pair.bob, work)

    answer = inside(pair.lab.bob_ns, ask)
    print(answer)
    assert spis(pair.bob_until(2, "installed")) == second
    (inner,) = re.findall(r"<rpc-reply[^>]*>(.*)</rpc-reply>", answer, re.DOTALL)
    assert plain(inner) == plain(BLOCKS["dry run, answered"])


def plain(answer: str) -> list[tuple[str, str]]:
    """Return the leafs in order, without what is another each time and without what the page leaves out."""
    found = []
    for element in named(answer).iter():
        text = re.sub(r'"(local|remote)_addrs.*"children"', '"children"', (element.text or "").strip())
        if not len(element):
            name = etree.QName(element).localname
            value = "*" if name == "interruption-s" else re.sub(r'-id": "\d+"', '-id": "*"', text)
            found.append((name, value))
    return found
