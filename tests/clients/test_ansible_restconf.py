"""The playbooks of examples/ansible for RESTCONF, run by the real Ansible as their first lines say."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.agent.http.door_lab import Authority
from tests.clients.test_ansible import LIMIT_S, OTHER_SECRET, PROGRAM, ROOT, SECRET, config, ncclient, recap
from tests.clients.test_ansible import tunnel as seen_by_netconf
from tests.clients.web_agent import WORD, WebAgent, blocks, running_web_agent

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="Ansible is not installed: the extra ansible")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebAgent]:
    """An agent whose user stands where ./web.crt and ./examples are."""
    folder = tmp_path_factory.mktemp("ansible-web")
    (folder / "examples").symlink_to(ROOT / "examples")
    with running_web_agent(folder) as running:
        (folder / "web.crt").write_bytes(running.authority.read_bytes())
        yield running


def run(agent: WebAgent, *command: str, word: str = WORD) -> subprocess.CompletedProcess[str]:
    """Run Ansible as a user does; raises no error if it fails."""
    home = str(agent.folder)
    return subprocess.run(
        command,
        cwd=home, capture_output=True, text=True, timeout=LIMIT_S, check=False, stdin=subprocess.DEVNULL,
        env={
            "PATH": os.environ["PATH"], "HOME": home, "ANSIBLE_HOME": f"{home}/.ansible",
            "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1", "YANGSWAN_PASSWORD": word,
            "ANSIBLE_DEPRECATION_WARNINGS": "0",  # restconf_config uses what Ansible will drop
        },
    )  # fmt: skip


def play(
    agent: WebAgent, *options: str, word: str = WORD, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run playbooks one after the other."""
    given = {"ansible_httpapi_port": agent.port, **variables}
    named = [f"examples/ansible/{name}" if name.endswith(".yml") else name for name in options]
    extra = [f"-e{name}={value}" for name, value in given.items()]
    return run(agent, str(PROGRAM), "-i", "examples/ansible/web_inventory.yml", *named, *extra, word=word)


def output(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def test_the_second_run_changes_nothing_and_no_run_shows_a_secret(agent: WebAgent) -> None:
    done = play(agent, "web_tunnel.yml", "web_tunnel.yml", "-vvv", "--diff")
    assert done.returncode == 0, output(done)
    assert recap(done) == (1, 0)
    assert "WARNING" not in done.stderr
    assert SECRET not in output(done)
    assert WORD not in output(done)
    assert '"description": "to the branch office"' in done.stdout
    assert '"status": "down"' in done.stdout
    there = seen_by_netconf(agent.process)
    for leaf in (f"<secret>{SECRET}</secret>", "<peer>198.51.100.20</peer>", "<name>branch</name>"):
        assert leaf in there


def test_a_change_is_made_but_not_in_check_mode_and_the_tunnel_is_taken_away(agent: WebAgent) -> None:
    make_tunnel(agent, "before")
    done = play(agent, "web_tunnel.yml", "--check")
    assert recap(done) == (1, 0), output(done)
    assert "<description>before</description>" in seen_by_netconf(agent.process)
    done = play(agent, "web_tunnel.yml", tunnel_secret=OTHER_SECRET)
    assert recap(done) == (1, 0), output(done)
    assert f"<secret>{OTHER_SECRET}</secret>" in seen_by_netconf(agent.process)
    done = play(agent, "web_tunnel.yml", "web_tunnel.yml", state="absent")
    assert recap(done) == (1, 0), output(done)
    assert "<ipsec>" not in seen_by_netconf(agent.process)


def make_tunnel(agent: WebAgent, text: str) -> None:
    with ncclient(agent.process) as client:
        client.edit_config(config(20, text), target="candidate")
        client.commit()


def test_a_wrong_value_fails_with_the_answer_of_the_gateway(agent: WebAgent) -> None:
    make_tunnel(agent, "before")
    done = play(
        agent, "web_tunnel.yml", "-vvv", "--diff", local_address="224.0.0.1", tunnel_secret=OTHER_SECRET
    )
    assert done.returncode != 0
    assert recap(done) == (0, 1)
    assert "local-address must be the address of one host" in done.stdout
    assert OTHER_SECRET not in output(done).replace(f"-etunnel_secret={OTHER_SECRET}", "")
    assert "<description>before</description>" in seen_by_netconf(agent.process)


def test_the_commands_of_the_page_do_what_it_says(agent: WebAgent) -> None:
    """Among them the look at state, and the operation."""
    (text,) = blocks(agent, "bash")
    text = text.replace(".venv/bin/ansible-playbook", f"{PROGRAM} -v -eansible_httpapi_port={agent.port}")
    done = run(agent, "bash", "-eu", "-c", text)
    assert done.returncode == 0, output(done)
    assert "WARNING" not in done.stderr
    assert '"description": "to the branch office"' in done.stdout
    assert '"action": "permit"' in done.stdout
    assert WORD not in output(done)
    assert SECRET not in output(done)
    assert "<ipsec>" not in seen_by_netconf(agent.process)


def test_who_has_a_wrong_password_or_trusts_another_authority_gets_nothing(agent: WebAgent) -> None:
    done = play(agent, "web_look.yml", word="wrong")
    assert recap(done) == (0, 1)
    assert "401" in output(done)
    done = play(agent, "web_look.yml", ansible_httpapi_ca_path=str(Authority(agent.folder, "other").file))
    assert recap(done) == (0, 1)
    assert "certificate verify failed" in output(done).lower()
