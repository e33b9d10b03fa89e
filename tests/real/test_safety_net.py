"""An operator who wants no surprise, with ncclient: comments, comparisons, a dry run, and the way back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from ncclient import manager
from ncclient.operations.rpc import RPCError

from tests.agent_process import AgentProcess
from tests.lab import Lab, carries
from tests.real.gateways import IPSEC, gateway
from tests.real.test_netconf_to_charon import OTHER_SECRET, Pair, spis, tunnel

pytestmark = pytest.mark.real

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
A = {"a": AGENT}
BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
LIMIT_S = 60


def person(folder: Path, name: str) -> Path:
    """Make a key for somebody; returns the private one."""
    key = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return key


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    return {name: person(tmp_path, name) for name in ("anna", "otto")}


@pytest.fixture
def pair(lab: Lab, tmp_path: Path, keys: dict[str, Path]) -> Iterator[Pair]:
    settings = tmp_path / "settings.toml"
    settings.write_text("[users]\n" + "".join(f'{name} = "{key}.pub"\n' for name, key in keys.items()))
    with ExitStack() as stack:
        alice = stack.enter_context(gateway(lab.alice_ns, tmp_path / "alice-agent"))
        bob = stack.enter_context(gateway(lab.bob_ns, tmp_path / "bob-agent", "--config", str(settings)))
        # Who looks at states in the background is anna, too.
        bob.user = "anna"
        bob.key.write_bytes(keys["anna"].read_bytes())
        bob.key.chmod(0o600)
        yield Pair(lab, alice, bob)


def connected(agent: AgentProcess, user: str, key: Path) -> manager.Manager:
    return manager.connect(
        host=agent.host,
        port=agent.port,
        username=user,
        key_filename=str(key),
        hostkey_b64=(agent.data_dir / "host_key.pub").read_text().split()[1],
        allow_agent=False,
        look_for_keys=False,
        timeout=LIMIT_S,
    )


def config(*tunnels: str) -> str:
    return f'<config xmlns="{BASE}"><tunnels xmlns="{IPSEC}">{"".join(tunnels)}</tunnels></config>'


def commit(client: manager.Manager, comment: str, *tunnels: str) -> None:
    client.edit_config(config(*tunnels), target="candidate")
    comment = f'<comment xmlns="{AGENT}">{comment}</comment>'
    client.dispatch(etree.XML(f'<commit xmlns="{BASE}">{comment}</commit>'))


def asked(client: manager.Manager, operation: str, body: str = "") -> etree._Element:
    """Invoke an rpc of the agent; returns its reply."""
    reply = client.dispatch(etree.XML(f'<{operation} xmlns="{AGENT}">{body}</{operation}>'))
    return etree.fromstring(str(reply).encode())


def words(reply: etree._Element, path: str) -> list[str]:
    return [found.text or "" for found in reply.findall(path, A)]


def history(client: manager.Manager) -> list[tuple[str, ...]]:
    reply = client.get(("subtree", f'<agent xmlns="{AGENT}"><history/></agent>')).data_xml
    commits = etree.fromstring(reply.encode()).findall(".//a:history/a:commit", A)
    return [
        tuple(one.findtext(f"a:{leaf}", "", A) for leaf in ("id", "user", "comment", "outcome"))
        for one in commits
    ]


def operators_day(pair: Pair, keys: dict[str, Path]) -> dict[str, Any]:
    """Three commits by two people, a look at what they did, a look at what a fourth would do, and back."""
    told: dict[str, Any] = {}
    side = [tunnel(n, "bob", "alice", initiator=True) for n in (1, 2)]
    with connected(pair.bob, "anna", keys["anna"]) as anna, connected(pair.bob, "otto", keys["otto"]) as otto:
        commit(anna, "both tunnels", *side)
        told["first"] = pair.bob_until(1, "installed"), pair.bob_until(2, "installed")
        told["running"] = anna.get_config("running").data_xml
        description = "<ipsec><id>1</id><description>room 7</description></ipsec>"
        commit(otto, "where it ends", description)
        commit(anna, "a new secret", f"<ipsec><id>1</id><secret>{OTHER_SECRET}</secret></ipsec>")
        told["history"] = history(otto)
        numbers = {comment: number for number, _user, comment, _outcome in told["history"]}
        first = numbers["both tunnels"]
        span = f"<from>{first}</from><to>{numbers['a new secret']}</to><as>text</as>"
        told["compared"] = words(asked(otto, "compare-commits", span), ".//a:text")[0].splitlines()
        told["loaded"] = words(asked(otto, "load-commit", f"<commit>{first}</commit>"), ".//a:commit")
        told["dry"] = asked(otto, "dry-run")
        told["second before"] = pair.bob_until(2, "installed")
        commit(otto, "as it was")
        told["after"] = pair.bob_until(1, "installed"), pair.bob_until(2, "installed")
        told["running again"] = otto.get_config("running").data_xml
        with pytest.raises(RPCError) as refused:
            asked(otto, "load-commit", "<commit>4711</commit>")
        told["refused"] = refused.value
    return told


def test_three_commits_by_two_people_are_compared_and_taken_back(pair: Pair, keys: dict[str, Path]) -> None:
    pair.on_alice(*(tunnel(n, "alice", "bob", initiator=False) for n in (1, 2)))
    told = pair.lab.bob_ns.call(lambda: operators_day(pair, keys))
    assert [row[1:] for row in told["history"][:3]] == [
        ("anna", "a new secret", "committed"),
        ("otto", "where it ends", "committed"),
        ("anna", "both tunnels", "committed"),
    ]
    place = "/yangswan-ipsec:tunnels/ipsec[id='1']"
    assert sorted(told["compared"]) == [
        f"+ {place}/description = room 7",
        f"+ {place}/secret = {OTHER_SECRET}",
        f"- {place}/description = to alice",
        f"- {place}/secret = Zebra-Crossing-7",
    ]
    shown = told["dry"].findall(".//a:entry", A)
    assert [one.findtext("a:path", "", A) for one in shown] == [place]
    # Of an SA that the other secret never let come up there may be something to terminate, or nothing.
    commands = [command for command in words(shown[0], "a:message/a:command") if command != "terminate"]
    assert commands == ["load-shared", "initiate"]
    content = json.loads(shown[0].findtext("a:message/a:content", "", A))
    assert content["data"] == "<secret>"
    assert spis(told["second before"]) == spis(told["first"][1]) == spis(told["after"][1])
    assert told["running again"] == told["running"]
    assert carries(pair.lab.bob_ns, "10.2.0.1", pair.lab.alice_ns, "10.1.0.1")
    assert (told["refused"].tag, told["refused"].app_tag) == ("invalid-value", "no-such-commit")
