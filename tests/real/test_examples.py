"""The folders of examples/, as their pages say: one gateway from XML with ncclient, the other from JSON with
Ansible, and traffic through what comes of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.served import SERVED, standard_modules
from agent.yang.nodes import JSON, json_document, to_json
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent_process import AgentProcess
from tests.lab import Gateway, Lab, Namespace, carries
from tests.real.gateways import gateway, on, text
from translators.strongswan.translator import find_yang_files

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FOLDERS = sorted(path.parent.name for path in EXAMPLES.glob("*/playbook.yml") if path.is_symlink())
DOCUMENTS = sorted(path.relative_to(EXAMPLES) for name in FOLDERS for path in (EXAMPLES / name).glob("*.xml"))
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
LIMIT_S = 120


@pytest.fixture(scope="module")
def schema() -> Iterator[Schema]:
    made = Schema(standard_modules(), SERVED, find_yang_files())
    yield made
    made.close()


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_xml_and_json_say_the_same(document: Path, schema: Schema) -> None:
    """And both fit the module."""
    xml = (EXAMPLES / document).read_text(encoding="utf-8")
    found = re.search(r"<tunnels.*</tunnels>|<certificates.*</tunnels>", xml, re.DOTALL)
    assert found is not None
    from_xml = Tree.parse(schema, found[0].encode(), state=False)
    from_json = Tree.parse(
        schema, (EXAMPLES / document).with_suffix(".json").read_bytes(), format=JSON, state=False
    )
    assert from_xml.to_xml() == from_json.to_xml()


def test_every_folder_has_all_that_it_takes() -> None:
    assert len(FOLDERS) == 8
    for name in FOLDERS:
        page = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
        assert f"examples/{name}/configure.py" in page
        assert f"examples/{name}/playbook.yml" in page
        assert (EXAMPLES / name / "configure.py").resolve().is_file()


class Site:
    """An agent in a namespace, configured in the two ways of the examples."""

    def __init__(self, namespace: Namespace, agent: AgentProcess) -> None:
        self.namespace = namespace
        self.agent = agent

    def run(self, *command: str, cwd: Path = ROOT) -> str:
        folder = self.agent.data_dir.parent
        done = subprocess.run(
            [*self.namespace.exec, *command],
            cwd=cwd, capture_output=True, text=True, timeout=LIMIT_S, check=False,
            env={**os.environ, "HOME": str(folder), "ANSIBLE_HOME": str(folder / ".ansible"),
                 "PWD": str(cwd), "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def by_ncclient(self, folder: str, name: str) -> None:
        where = ("--port", str(self.agent.port), "--key", str(self.agent.key))
        told = self.run(sys.executable, f"examples/{folder}/configure.py", name, *where)
        assert told == f"{name} is configured\n"

    def play(self, playbook: str, name: str, cwd: Path = ROOT) -> str:
        reach = {"ansible_port": self.agent.port, "ansible_private_key_file": self.agent.key}
        extra = [f"-e{key}={value}" for key, value in {"name": name, **reach}.items()]
        return self.run(str(ANSIBLE), "-i", "examples/ansible/inventory.yml", playbook, *extra, cwd=cwd)

    def by_ansible(self, folder: str, name: str) -> None:
        told = self.play(f"examples/{folder}/playbook.yml", name)
        assert " changed=1 " in told
        assert "choose-a-secret" not in told

    def until_installed(self, tunnel: int = 1) -> str:
        """Return the cipher of the tunnel once it is up."""
        state = on(self.namespace, self.agent, lambda o: o.until_status(tunnel, "installed"))
        return text(state, "child-sa/cipher")


@pytest.fixture
def lab(lab: Lab) -> Lab:
    for namespace, number in ((lab.alice_ns, 1), (lab.bob_ns, 2)):
        namespace.ip("-6", "address", "add", f"2001:db8:{number}::1/64", "dev", "lo", "nodad")
        cable = lab.cable_of_bob if number == 2 else f"{lab.cable_of_bob[:-1]}a"
        namespace.ip("-6", "address", "add", f"2001:db8::{number}/64", "dev", cable, "nodad")
    return lab


@contextmanager
def sites(lab: Lab, folder: Path) -> Iterator[tuple[Site, Site]]:
    """Alice and bob, with nothing configured."""
    with ExitStack() as stack:
        alice, bob = (
            Site(namespace, stack.enter_context(gateway(namespace, folder / name / "data")))
            for name, namespace in (("alice", lab.alice_ns), ("bob", lab.bob_ns))
        )
        yield alice, bob


@contextmanager
def configured(lab: Lab, folder: Path, example: str) -> Iterator[tuple[Site, Site]]:
    """Alice and bob as the example says; the initiator is up when this begins."""
    with sites(lab, folder) as (alice, bob):
        alice.by_ncclient(example, "alice")
        bob.by_ansible(example, "bob")
        bob.until_installed()
        yield alice, bob


def crosses(lab: Lab, alice: str, bob: str) -> None:
    """A packet each way arrives, and arrives through the tunnel: ESP in UDP alone passes the cable."""
    for source, source_ip, target, target_ip in (
        (lab.alice_ns, alice, lab.bob_ns, bob),
        (lab.bob_ns, bob, lab.alice_ns, alice),
    ):
        assert carries(source, source_ip, target, target_ip)


def octets(site: Site, tunnel: int = 1) -> int:
    state = on(site.namespace, site.agent, lambda o: o.state(tunnel))
    return int(text(state, "child-sa/bytes-in") or 0)


PAIRS = {
    "site-to-site": ("10.1.0.1", "10.2.0.1"),
    "site-to-host": ("10.1.0.1", "192.168.0.2"),
    "host-to-host": ("192.168.0.1", "192.168.0.2"),
    "ipv4-in-ipv6": ("10.1.0.1", "10.2.0.1"),
    "ipv6": ("2001:db8:1::1", "2001:db8:2::1"),
}


@pytest.mark.real
@pytest.mark.parametrize("example", PAIRS)
def test_an_example_carries_traffic(example: str, lab: Lab, tmp_path: Path) -> None:
    with configured(lab, tmp_path, example) as (alice, bob):
        crosses(lab, *PAIRS[example])
        assert octets(alice) > 0
        assert octets(bob) > 0


@pytest.mark.real
def test_two_tunnels_have_ciphers_of_their_own(lab: Lab, tmp_path: Path) -> None:
    with configured(lab, tmp_path, "two-ciphers") as (alice, bob):
        assert bob.until_installed(1) == "aes256gcm16"
        assert bob.until_installed(2) == "aes128"
        crosses(lab, "10.1.0.1", "10.2.0.1")
        crosses(lab, "10.3.0.1", "10.4.0.1")
        assert octets(alice, 1) > 0
        assert octets(alice, 2) > 0


@pytest.mark.real
def test_certificates_are_enrolled_and_the_tunnel_carries_traffic(lab: Lab, tmp_path: Path) -> None:
    with sites(lab, tmp_path) as (alice, bob):
        work = tmp_path / "work"
        work.mkdir()
        (work / "examples").symlink_to(EXAMPLES)
        enrol = [sys.executable, "examples/certificates/enrol.py"]
        where = ["--port", str(alice.agent.port), "--key", str(alice.agent.key)]
        (work / "alice.csr").write_text(alice.run(*enrol, *where, "request", "alice.example.com", cwd=work))
        signed = alice.run("bash", "examples/certificates/authority.sh", "alice.csr", cwd=work)
        (work / "alice.pem").write_text(signed)
        assert alice.run(*enrol, *where, "install", "alice.pem", "root.pem", cwd=work) == (
            "the certificates are there\n"
        )
        bob.play("examples/certificates/enrol.yml", "bob.example.com", cwd=work)
        alice.by_ncclient("certificates", "alice")
        bob.by_ansible("certificates", "bob")
        bob.until_installed()
        crosses(lab, "10.1.0.1", "10.2.0.1")


# --- the hub ---


def entry_of(schema: Schema, document: str) -> dict[str, Any]:
    """Return the tunnel of a JSON document with its defaults, as the agent gives it to the translator."""
    tree = Tree.parse(schema, json_document(json.loads(document)), format=JSON, state=False)
    tree.add_defaults()
    entry = tree.find("/yangswan-ipsec:tunnels/ipsec[id='1']")
    return to_json(entry)


@contextmanager
def spoke(hub: Namespace, folder: Path, number: int) -> Iterator[Gateway]:
    """A spoke with a cable to the bridge of the hub."""
    namespace = Namespace(f"{hub.name}-{number}")
    try:
        hub.ip("link", "add", f"s{number}", "type", "veth", "peer", "name", "wan", "netns", namespace.name)
        hub.ip("link", "set", f"s{number}", "master", "bridge", "up")
        for device in ("lo", "wan"):
            namespace.ip("link", "set", device, "up")
        namespace.ip("address", "add", f"192.168.0.{100 + number}/24", "dev", "wan")
        namespace.ip("address", "add", f"10.{number}.0.1/16", "dev", "lo")
        made = Gateway(namespace, folder / f"spoke-{number}")
        try:
            yield made
        finally:
            made.close()
    finally:
        namespace.close()


@pytest.mark.real
def test_a_hub_with_20_spokes_that_reach_each_other(schema: Schema, tmp_path: Path) -> None:
    """The hub is an agent; the spokes, to be light, are the translator that an agent has, with spoke 1's
    document after the change that the page describes."""
    hub = Namespace(f"ys-{os.getpid()}-hub")
    pattern = (EXAMPLES / "hub-and-spokes" / "spoke-1.json").read_text(encoding="utf-8")
    with ExitStack() as stack:
        stack.callback(hub.close)
        hub.ip("link", "add", "bridge", "type", "bridge")
        for device in ("lo", "bridge"):
            hub.ip("link", "set", device, "up")
        hub.ip("address", "add", "192.168.0.1/24", "dev", "bridge")
        hub.ip("address", "add", "10.0.0.1/16", "dev", "lo")
        hub.call(lambda: Path("/proc/sys/net/ipv4/ip_forward").write_text("1"))
        agent = stack.enter_context(gateway(hub, tmp_path / "hub" / "data"))
        site = Site(hub, agent)
        site.by_ncclient("hub-and-spokes", "hub")
        spokes = [stack.enter_context(spoke(hub, tmp_path, number)) for number in range(1, 21)]
        for number, one in enumerate(spokes, 1):
            document = re.sub(r"spoke-1\b", f"spoke-{number}", pattern)
            document = document.replace("192.168.0.101", f"192.168.0.{100 + number}")
            one.start(entry_of(schema, document.replace("10.1.0.0/16", f"10.{number}.0.0/16")))
        for one in spokes:
            one.wait_status("installed")
        site.until_installed(20)
        for number, one in enumerate(spokes, 1):
            assert carries(one.namespace, f"10.{number}.0.1", hub, "10.0.0.1")
        first, second = spokes[:2]
        assert carries(first.namespace, "10.1.0.1", second.namespace, "10.2.0.1")
