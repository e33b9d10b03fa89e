"""An agent that is killed, not there yet, or taken away: what passes in clear then."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agent_process import AgentProcess
from tests.lab import Lab, Namespace
from tests.real.gateways import Orchestrator, gateway, inside, on, problems, talk, text
from tests.translators.real.test_leaks import FAR, NEAR, PACKETS, rules, tapped, until

pytestmark = pytest.mark.real

ALICE = (
    "<ipsec><id>1</id><secret>right-secret-0001</secret><local-address>192.168.0.1</local-address>"
    "<peer>192.168.0.2</peer><local-subnet>10.1.0.0/16</local-subnet>"
    "<remote-subnet>10.2.0.0/16</remote-subnet></ipsec>"
)
OFF = "<leak-protection>false</leak-protection>"
OFF_HERE = ALICE.replace("</ipsec>", f"{OFF}</ipsec>")


def commit(namespace: Namespace, agent: AgentProcess, *bodies: str) -> None:
    async def work(orchestrator: Orchestrator) -> None:
        await orchestrator.commit(*bodies)

    on(namespace, agent, work)


def program(namespace: Namespace, *options: str) -> subprocess.CompletedProcess[str]:
    """Run ``yangswand`` with ``options`` until it ends."""
    command = [*namespace.exec, sys.executable, "-m", "agent", *options]
    return subprocess.run(command, capture_output=True, text=True)


def test_an_agent_that_is_killed_leaves_the_tunnel_protected(lab: Lab, tmp_path: Path) -> None:
    with tapped(lab) as tap:
        with gateway(lab.alice_ns, tmp_path / "a") as agent:
            commit(lab.alice_ns, agent, ALICE)
            # In the other direction packets leave bob, who protects nothing, and are dropped at alice.
            before = tap.seen["10.1.0.1", "10.2.0.1"]
            agent.kill()
        with gateway(lab.alice_ns, tmp_path / "a") as agent:
            agent.stop()
        lab.bob_ns.ip("link", "set", "lo", "up")
        assert tap.seen["10.1.0.1", "10.2.0.1"] == before
        done = program(lab.alice_ns, "--unprotect", "--data-dir", str(tmp_path / "a"))
        assert done.returncode == 0
        assert done.stderr.endswith("nothing keeps packets of tunnels from passing in clear any more\n")
        until(lambda: tap.seen["10.1.0.1", "10.2.0.1"] > before + PACKETS)
        assert tap.between(NEAR, FAR) > 0


def test_a_boot_protects_before_the_agent_is_there(lab: Lab, tmp_path: Path) -> None:
    data_dir = ("--data-dir", str(tmp_path / "a"))
    with gateway(lab.alice_ns, tmp_path / "a") as agent:
        commit(lab.alice_ns, agent, ALICE, "<bypass><network>10.2.7.0/24</network></bypass>")
        agent.stop()
    with machine_anew(lab) as namespace:
        assert "yangswan" not in rules(namespace)
        done = program(namespace, "--protect", *data_dir)
        assert (done.returncode, done.stderr) == (0, "")
        found = rules(namespace)
        assert "10.1.0.0 . 10.2.0.0" in found
        assert "pass_out4_0_24" in found
        assert program(namespace, "--unprotect", *data_dir).returncode == 0
        assert rules(namespace) == ""


@pytest.mark.parametrize("option", ["--protect", "--unprotect"])
def test_a_folder_that_no_agent_has_used_changes_nothing(lab: Lab, tmp_path: Path, option: str) -> None:
    with gateway(lab.alice_ns, tmp_path / "a") as agent:
        commit(lab.alice_ns, agent, ALICE)
        agent.stop()
    before = rules(lab.alice_ns)
    assert "10.1.0.0 . 10.2.0.0" in before
    for folder in (tmp_path / "elsewhere", tmp_path / "empty"):
        done = program(lab.alice_ns, option, "--data-dir", str(folder))
        if option == "--protect":
            assert (done.returncode, "nothing to protect yet" in done.stderr) == (0, True)
        else:
            assert done.returncode == 1
            assert f"{folder} is no data folder that an agent has used" in done.stderr
        assert rules(lab.alice_ns) == before
        (tmp_path / "empty").mkdir(exist_ok=True)
    assert not (tmp_path / "elsewhere").exists()
    assert list((tmp_path / "empty").iterdir()) == []


def test_what_protects_cannot_be_taken_out_without_nft(
    lab: Lab, tmp_path: Path
) -> None:
    with gateway(lab.alice_ns, tmp_path / "a") as agent:
        commit(lab.alice_ns, agent, ALICE)
        agent.stop()
    hidden = "for it in $(which -a nft); do mount --bind /dev/null $it; done; exec \"$@\""
    command = [sys.executable, "-m", "agent", "--unprotect", "--data-dir", str(tmp_path / "a")]
    done = subprocess.run(
        [*lab.alice_ns.exec, "unshare", "--mount", "sh", "-c", hidden, "sh", *command],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "the program nft was not found: install the package nftables" in done.stderr
    assert "10.1.0.0 . 10.2.0.0" in rules(lab.alice_ns)


@contextmanager
def machine_anew(lab: Lab) -> Iterator[Namespace]:
    """Yield a network stack as it is after a boot."""
    namespace = Namespace(f"{lab.alice_ns.name}-anew")
    try:
        yield namespace
    finally:
        namespace.close()


def test_the_default_for_all_tunnels_and_what_one_says_itself(lab: Lab, tmp_path: Path) -> None:
    async def in_force(orchestrator: Orchestrator) -> str:
        return text(await orchestrator.state(1), "leak-protection/in-force")

    async def story(agent: AgentProcess) -> list[str]:
        found = []

        async def work(orchestrator: Orchestrator) -> None:
            for bodies in (
                (ALICE,),
                (OFF,),
                (ALICE.replace("</ipsec>", f"{OFF.replace('false', 'true')}</ipsec>"),),
            ):
                await orchestrator.commit(*bodies)
                found.append(await in_force(orchestrator))

        await talk(agent, work)
        return found

    with gateway(lab.alice_ns, tmp_path / "a") as agent:
        assert inside(lab.alice_ns, lambda: story(agent)) == ["true", "false", "true"]
        many = "".join(
            f"<bypass><network>10.{n // 250}.{n % 250}.0/24</network></bypass>" for n in range(257)
        )
        ((tag, app_tag, path, message),) = problems(lab.alice_ns, agent, many)
        assert (tag, app_tag) == ("operation-failed", "too-many-elements")
        assert path.endswith("/ipsec:bypass")
        assert "256" in message
