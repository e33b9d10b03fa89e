"""The playbooks of examples/ansible, run by the real Ansible as their first lines say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.transport.files import public_key, write_key_pair
from tests.agent_process import AgentProcess, running_agent
from tests.clients.test_clients import config, ncclient, wanted
from tests.clients.test_orchestrators import description, event

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).with_name("ansible-playbook")
SECRET = "choose-a-secret-of-your-own"
OTHER_SECRET = "another-secret-of-mine"
LIMIT_S = 120

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="Ansible is not installed: the extra ansible")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """An agent whose user stands where ./var and ./examples are."""
    folder = tmp_path_factory.mktemp("ansible")
    (folder / "examples").symlink_to(ROOT / "examples")
    with running_agent(folder / "var") as running:
        yield running


def play(agent: AgentProcess, *playbooks: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run playbooks one after the other; raises no error if they fail."""
    folder = agent.data_dir.parent
    extra = [f"-e{name}={value}" for name, value in {"ansible_port": agent.port, **variables}.items()]
    options = [f"examples/ansible/{name}" if name.endswith(".yml") else name for name in playbooks]
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return subprocess.run(
        [str(PROGRAM), "-i", "examples/ansible/inventory.yml", *options, *extra],
        cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False, stdin=subprocess.DEVNULL,
        # Ansible refuses to start under an encoding other than UTF-8.
        env={**surroundings, "HOME": str(folder), "ANSIBLE_HOME": str(folder / ".ansible"),
             "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1"},
    )  # fmt: skip


def recap(done: subprocess.CompletedProcess[str]) -> tuple[int, int]:
    """Return how many tasks of all playbooks changed something, and how many failed."""
    found = re.findall(r"^gateway .* changed=(\d+) .* failed=(\d+) ", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    changed, failed = found[-1]  # there is one after every playbook, and it counts on
    return int(changed), int(failed)


def tunnel(agent: AgentProcess, datastore: str = "running") -> str:
    with ncclient(agent) as client:
        found: str = client.get_config(datastore, filter=("subtree", wanted(20))).data_xml
        return found


def make_tunnel(agent: AgentProcess, text: str) -> None:
    with ncclient(agent) as client:
        client.edit_config(config(20, text), target="candidate")
        client.commit()


def test_the_second_run_changes_nothing_and_no_run_shows_the_secret(agent: AgentProcess) -> None:
    done = play(agent, "tunnel.yml", "tunnel.yml", "-vvv", "--diff")
    assert done.returncode == 0, done.stdout + done.stderr
    assert recap(done) == (1, 0)
    assert "WARNING" not in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert '"description": "to the branch office"' in done.stdout
    assert '"status": "down"' in done.stdout
    there = tunnel(agent)
    for leaf in (f"<secret>{SECRET}</secret>", "<peer>198.51.100.20</peer>", "<name>branch</name>"):
        assert leaf in there


def test_a_change_is_reported_and_made_but_not_in_check_mode(agent: AgentProcess) -> None:
    make_tunnel(agent, "to the branch office")
    done = play(agent, "tunnel.yml", "safe_change.yml", "--check", peer="198.51.100.21")
    assert recap(done) == (1, 0)
    assert "<peer>198.51.100.20</peer>" in tunnel(agent)
    done = play(agent, "tunnel.yml", peer="198.51.100.21")
    assert recap(done) == (1, 0)
    assert "<peer>198.51.100.21</peer>" in tunnel(agent)


def test_a_wrong_value_fails_with_the_answer_of_the_gateway_and_leaves_nothing_behind(
    agent: AgentProcess,
) -> None:
    make_tunnel(agent, "before")
    # The commit refuses it: what was edited by then goes when Ansible gives the lock back.
    done = play(agent, "tunnel.yml", "-vvv", "--diff", local_address="224.0.0.1", tunnel_secret=OTHER_SECRET)
    assert done.returncode != 0
    assert recap(done) == (0, 1)
    assert '"msg": "local-address must be the address of one host"' in done.stdout
    assert OTHER_SECRET not in (done.stdout + done.stderr).replace(f"-etunnel_secret={OTHER_SECRET}", "")
    candidate = tunnel(agent, "candidate")
    assert "224.0.0.1" not in candidate
    assert "<description>before</description>" in candidate
    with ncclient(agent) as client, client.locked("candidate"):
        pass  # nobody holds the lock, and nothing is uncommitted


def test_an_rpc_answers(agent: AgentProcess) -> None:
    make_tunnel(agent, "for looking")
    done = play(agent, "look.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"module yangswan-ipsec"' in done.stdout
    assert "<description>for looking</description>" in done.stdout
    assert "<status>down</status>" in done.stdout


@pytest.mark.parametrize(
    ("wanted_status", "changed", "failed", "end", "kept"),
    [("down", 2, 0, "complete", "after"), ("up", 1, 1, "cancel", "before")],
)
def test_a_change_on_trial_is_kept_only_if_the_tunnel_is_well(
    agent: AgentProcess, wanted_status: str, changed: int, failed: int, end: str, kept: str
) -> None:
    make_tunnel(agent, "before")
    with ncclient(agent) as watcher:
        watcher.create_subscription()
        done = play(
            agent, "safe_change.yml", wanted_status=wanted_status, tunnel_description="after",
            checks="0", check_every_s="0",
        )  # fmt: skip
        assert recap(done) == (changed, failed), done.stdout + done.stderr
        assert "WARNING" not in done.stderr
        assert ("not kept: the tunnel is down, not up" in done.stdout) == bool(failed)
        seen = [event(watcher, "netconf-confirmed-commit").findtext("{*}confirm-event") for _ in range(2)]
        assert seen == ["start", end]
        assert description(watcher, 20) == kept


def test_the_host_key_is_checked_if_a_file_names_the_known_hosts_of_the_agent(agent: AgentProcess) -> None:
    """As the inventory says for who wants it."""
    folder = agent.data_dir.parent
    file, other = folder / "ssh_config", folder / "other_key"
    checked = {"ansible_host_key_checking": "true", "ansible_netconf_ssh_config": str(file)}
    file.write_text(f"Host *\n    UserKnownHostsFile {agent.data_dir}/known_hosts\n")
    done = play(agent, "look.yml", **checked)
    assert done.returncode == 0, done.stdout + done.stderr
    write_key_pair(other, "test")
    (folder / "known").write_text(f"[127.0.0.1]:{agent.port} {' '.join(public_key(other))}\n")
    file.write_text(f"Host *\n    UserKnownHostsFile {folder}/known\n")
    done = play(agent, "look.yml", **checked)
    assert done.returncode != 0
    assert "Unknown host key" in done.stdout + done.stderr
