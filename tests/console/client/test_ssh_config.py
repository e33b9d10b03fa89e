"""~/.ssh/config and files of known host keys, with a live agent."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest

from console.client.session import Gone
from console.client.ssh import Address, Login, SshStream
from console.client.ssh_config import Configured, configured
from tests.agent_process import AgentProcess, running_agent
from tests.console.shell.lines import CommandLine

OTHER = paramiko.ECDSAKey.generate()


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    folder = tmp_path_factory.mktemp("ssh")
    # Whoever refuses a host key leaves without a login, and is counted until the agent has seen that.
    (folder / "agent.toml").write_text("[limits]\nunauthenticated-per-source = 32\n")
    with running_agent(folder / "data", ["--config", str(folder / "agent.toml")]) as process:
        yield process


@dataclass(frozen=True)
class Ssh:
    """``home`` with a folder .ssh in it, and the host key of the agent as a file of known hosts has it."""

    home: Path
    agent: AgentProcess
    key: str

    @property
    def name(self) -> str:
        return f"[{self.agent.host}]:{self.agent.port}"

    def write(self, config: str = "", known_hosts: str = "") -> None:
        (self.home / ".ssh").mkdir(exist_ok=True)
        (self.home / ".ssh/config").write_text(config)
        (self.home / ".ssh/mine").write_text(known_hosts)

    def shows(self, *words: str, config: str) -> subprocess.CompletedProcess[str]:
        self.write(config, f"{self.name} {self.key}\n")
        return CommandLine(self.agent, self.home).run(*words, HOME=str(self.home))


@pytest.fixture
def ssh(agent: AgentProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ssh:
    monkeypatch.setenv("HOME", str(tmp_path))
    key = paramiko.PKey.from_path(str(agent.data_dir / "host_key"))
    return Ssh(tmp_path, agent, f"{key.get_name()} {key.get_base64()}")


def test_what_the_file_says_of_a_host_is_used(ssh: Ssh) -> None:
    told = (
        f"Host gw\n HostName {ssh.agent.host}\n Port {ssh.agent.port}\n User {ssh.agent.user}\n"
        f" IdentityFile {ssh.agent.key}\n UserKnownHostsFile ~/.ssh/mine\n"
    )
    done = ssh.shows("--host", "gw", "show", "ipsec", config=told)
    assert (done.returncode, done.stderr) == (0, "")
    # What the line says goes before it.
    assert "nobody listens at" in ssh.shows("--host", "gw:9", "show", "ipsec", config=told).stderr
    done = ssh.shows("--host", "gw", "--user", "nobody", "show", "ipsec", config=told)
    assert "does not let nobody in" in done.stderr
    done = ssh.shows("--host", "gw", "--known-hosts", "none", "show", "ipsec", config=told)
    assert "is not known" in done.stderr
    # Of other hosts nothing is said.
    assert ssh.shows("--host", "other.invalid", "show", "ipsec", config=told).returncode == 3


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("Port x\n", "cannot be used"),
        ("Match\n", "cannot be used"),
    ],
)
def test_a_file_that_cannot_be_used_is_said(ssh: Ssh, config: str, said: str) -> None:
    ssh.write(config)
    with pytest.raises(Gone, match=said):
        configured("gw")


def test_no_program_is_run_to_read_it(ssh: Ssh) -> None:
    ran = ssh.home / "ran"
    ssh.write(f'Match host gw exec "touch {ran}"\n Port 1\nHost gw\n User ann\n')
    assert configured("gw") == Configured("gw", user="ann")
    assert not ran.exists()


def test_without_a_file_a_host_is_what_was_typed(ssh: Ssh) -> None:
    assert configured("gw") == Configured("gw")


@pytest.mark.parametrize("names", ["*", "{}", "a,{}", "[127.0.0.?]:*"])
@pytest.mark.parametrize("trusted", ["", "{} {key}\n", "{} {other}\n"], ids=["unknown", "known", "another"])
def test_a_revoked_key_is_refused_whatever_else_is_known(ssh: Ssh, names: str, trusted: str) -> None:
    other = f"{OTHER.get_name()} {OTHER.get_base64()}"
    lines = trusted.format(ssh.name, key=ssh.key, other=other)
    ssh.write(known_hosts=f"{lines}@revoked {names.format(ssh.name)} {ssh.key}\n")
    login = Login(
        ssh.agent.user, ssh.agent.key, ssh.home / ".ssh/mine", ask=lambda question: pytest.fail("asked")
    )
    with pytest.raises(Gone, match="was revoked"):
        SshStream(Address(ssh.agent.host, ssh.agent.port), login)


def test_an_authority_is_no_host_key(ssh: Ssh) -> None:
    ssh.write(known_hosts=f"@cert-authority * {ssh.key}\n")
    login = Login(ssh.agent.user, ssh.agent.key, ssh.home / ".ssh/mine")
    with pytest.raises(Gone, match="is not known"):
        SshStream(Address(ssh.agent.host, ssh.agent.port), login)
