"""Every file under examples/ is run, read or served; a file that nothing proves is refused."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.first_start import keep_known_hosts
from agent.settings import Settings, SettingsError, from_file
from agent.transport.files import write_key_pair
from tests.scripts.agents import ROOT, Agent, running_agent
from translators.strongswan.options import Options

EXAMPLES = ROOT / "examples"
CLIENTS = sorted(path.name for path in (EXAMPLES / "clients").iterdir() if path.suffix in (".py", ".sh"))
PROVEN_ELSEWHERE = {
    "site-to-site/alice.xml",
    "site-to-site/bob.xml",
}  # script/demo; and here, by every client
# By the page that shows them: tests/scripts/test_readme.py runs every command of it.
NETCONF_PAGE = "".join(
    (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("netconf.md", "safety-net.md")
)
# Run by the real Ansible.
ANSIBLE_TESTS = "".join(
    (ROOT / "tests" / "clients" / name).read_text(encoding="utf-8")
    for name in ("test_ansible.py", "test_ansible_restconf.py")
)
PROVEN_BELOW = {
    "gateway/settings.toml",
    "gateway/yangswan.service",
    "gateway/yangswan-protect.service",
    "gateway/yangswan-external.service",
    "gateway/yangswan.socket",
    "gateway/yangswan.rules",
    "gateway/strongswan-yangswan.conf",
}  # and on whole machines: tests/machines
# By tests/clients/test_prometheus.py: what Prometheus reads, and what Grafana asks it for.
PROVEN_BY_PROMETHEUS = {
    "prometheus/prometheus.yml",
    "prometheus/yangswan.rules.yml",
    "prometheus/yangswan.tests.yml",
    "grafana/yangswan.json",
}
# By tests/real/test_examples.py, which runs every folder that has these; the same two files by links.
FOLDERS = {path.parent.name for path in EXAMPLES.glob("*/playbook.yml") if path.is_symlink()}
OF_A_FOLDER = {"README.md", "configure.py", "playbook.yml"}
OF_ENROLMENT = {"certificates/authority.sh", "certificates/enrol.py", "certificates/enrol.yml"}


@pytest.mark.parametrize("document", ["alice.xml", "bob.xml"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_configures_a_tunnel(client: str, document: str, agent: Agent) -> None:
    program = "bash" if client.endswith(".sh") else ".venv/bin/python"
    done = agent.run_as_written("sh", f"{program} examples/clients/{client} examples/site-to-site/{document}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {"alice.xml": "to the branch office", "bob.xml": "to the central office"}[document] in done.stdout
    assert "rpc-error" not in done.stdout


@pytest.mark.parametrize("client", [f"clients/{name}" for name in CLIENTS] + ["apply/configure.py"])
def test_a_client_of_another_gateway_is_not_let_in(client: str, agent: Agent, tmp_path: Path) -> None:
    """Whoever stands between has another host key: nothing is told to him."""
    other = tmp_path / "host_key"
    write_key_pair(other, "another gateway")
    keep_known_hosts(Settings(data_dir=tmp_path), agent.port)
    for name in ("client_key", "client_key.pub"):
        shutil.copy(agent.folder / "var" / name, tmp_path)
    shutil.copy(agent.folder / "examples/apply/configure.py", agent.folder / "examples/site-to-site")
    key = tmp_path / "client_key"
    command = {
        "with_ssh.sh": f"bash examples/{client} examples/site-to-site/alice.xml {agent.port} {key}",
        "configure.py": f"python3 examples/site-to-site/configure.py alice --key {key}",
    }.get(Path(client).name, f"python3 examples/{client} examples/site-to-site/alice.xml --key {key}")
    done = agent.run_as_written("sh", command)
    assert done.returncode != 0
    assert "office" not in done.stdout
    assert "configured" not in done.stdout


PAGES = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))


def python_commands(page: str) -> str:
    """Return the commands of a page for one gateway, without those of Ansible, which does the same."""
    text = "\n".join(re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)).replace("\\\n", "")
    return "\n".join(line for line in text.splitlines() if "ansible-playbook" not in line)


@pytest.mark.parametrize("folder", PAGES)
def test_the_commands_of_a_folder_do_as_they_are_written(folder: str, tmp_path: Path) -> None:
    """By a user whose key is where ssh-keygen puts it, and not beside the gateway's."""
    commands = python_commands((EXAMPLES / folder / "README.md").read_text(encoding="utf-8"))
    assert f"examples/{folder}/configure.py" in commands
    with running_agent(tmp_path) as agent:
        (tmp_path / ".ssh").mkdir()
        shutil.copy(tmp_path / "var" / "client_key", tmp_path / ".ssh" / "id_ed25519")
        shutil.copy(tmp_path / "var" / "host_key.pub", tmp_path)
        here = commands.replace("--host GATEWAY --port 830 ", f"--host 127.0.0.1 --port {agent.port} ")
        done = agent.run_as_written("sh", here)
        assert (done.returncode, "is configured" in done.stdout) == (0, True), done.stdout + done.stderr


NEED_A_HOST_KEY = {
    "apply/configure.py": "alice",
    "certificates/enrol.py": "request alice.example.com",
    "clients/with_ncclient.py": "examples/site-to-site/alice.xml",
    "clients/with_netconf_client.py": "examples/site-to-site/alice.xml",
    "netconf/grant.py": "reader rita",
}


@pytest.mark.parametrize("content", [None, b"", b"ssh-ed25519", b"\xff\xfe key"])
@pytest.mark.parametrize("program", NEED_A_HOST_KEY)
def test_without_a_host_key_a_program_says_what_it_needs(
    program: str, content: bytes | None, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "var").mkdir()
        (tmp_path / "var" / "host_key.pub").write_bytes(content)
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    folder = "site-to-site" if program.startswith("apply") else Path(program).parent.name
    done = subprocess.run(
        [sys.executable, f"examples/{folder}/{Path(program).name}", *NEED_A_HOST_KEY[program].split()],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "give a copy of the gateway's host_key.pub with --host-key" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_gateway_that_is_not_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    key = tmp_path / "id_ed25519"
    write_key_pair(key, "somebody")
    where = ["--port", "1", "--key", str(key), "--host-key", f"{key}.pub"]
    programs = {"site-to-site/configure.py": ["alice"], "certificates/enrol.py": ["request", "a"]}
    for program, words in programs.items():
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / program), *where, *words],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr


def test_nothing_teaches_to_leave_the_host_key_unchecked() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "agent").rglob("*.py")]
    pages += [path for path in EXAMPLES.rglob("*") if path.suffix in (".py", ".sh", ".md")]
    words = ("hostkey_verify", "auth_strict_key=False", "accept-new", "StrictHostKeyChecking=no")
    assert [path for path in pages if any(word in path.read_text(encoding="utf-8") for word in words)] == []


def test_the_one_place_that_does_not_check_it_is_named_by_the_readme() -> None:
    unchecked = "ansible_host_key_checking: false"
    files = [path for path in EXAMPLES.rglob("*.yml") if unchecked in path.read_text(encoding="utf-8")]
    assert [path.relative_to(ROOT).as_posix() for path in files] == ["examples/ansible/inventory.yml"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "but Ansible with [this inventory](examples/ansible/inventory.yml)" in readme


def test_the_settings_of_the_gateway_are_accepted() -> None:
    settings = from_file(EXAMPLES / "gateway" / "settings.toml")
    assert (settings.host, settings.port, settings.charon) == ("0.0.0.0", 830, "managed")
    assert settings.users == {"admin": Path("/etc/yangswan/admin.pub")}
    assert Options.parse(settings.translators["strongswan"]).retransmit_tries == 5


def test_settings_with_a_misspelt_key_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text((EXAMPLES / "gateway" / "settings.toml").read_text().replace("data-dir", "data-folder"))
    with pytest.raises(SettingsError, match="data-folder"):
        from_file(file)


def unit(name: str) -> configparser.ConfigParser:
    read = configparser.ConfigParser(interpolation=None, strict=False)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(EXAMPLES / "gateway" / name)
    return read


def test_the_unit_of_boot_protects_with_the_same_settings_before_the_network_is_up() -> None:
    found = unit("yangswan-protect.service")
    agent = unit("yangswan.service")["Service"]["ExecStart"].split()
    assert found["Service"]["ExecStart"].split() == [agent[0], "--protect", *agent[1:]]
    assert {"network-pre.target", "yangswan.service"} <= set(found["Unit"]["Before"].split())
    assert "nftables.service" in found["Unit"]["After"].split()


def test_the_unit_starts_the_agent_with_the_settings_of_the_readme() -> None:
    command = unit("yangswan.service")["Service"]["ExecStart"].split()
    assert command == ["/opt/yangswan/.venv/bin/yangswand", "--config", "/etc/yangswan/settings.toml"]
    readme = (ROOT / "README.md").read_text()
    assert "/etc/yangswan/settings.toml" in readme
    assert "`/opt/yangswan`" in readme


def test_the_unit_tells_a_restart_from_a_stop_and_looks_at_the_settings_before_a_reload() -> None:
    service = unit("yangswan.service")["Service"]
    assert (service["RestartKillSignal"], service.get("KillSignal", "SIGTERM")) == ("SIGUSR1", "SIGTERM")
    assert (service["RestartPreventExitStatus"], service["KillMode"]) == (str(os.EX_CONFIG), "process")
    assert unit("yangswan.service")["Unit"]["StartLimitIntervalSec"] == "0"  # else it is given up after 5
    agent, *options = service["ExecStart"].split()
    text = (EXAMPLES / "gateway" / "yangswan.service").read_text()
    reload = [line.partition("=")[2].split() for line in text.splitlines() if line.startswith("ExecReload=")]
    assert reload == [[agent, "--check", *options], ["sh", "-c", "'kill", "-HUP", "$MAINPID'"]]
    # It would be tried again and again: systemd looks at the status of the main process alone.
    assert service["ExecStartPre"].startswith("-"), "whatever becomes of it"


def test_the_units_of_both_charons_differ_in_rights_alone() -> None:
    """Who starts, restarts and watches the agent has to know one of them."""
    rights = {
        *("AmbientCapabilities", "CapabilityBoundingSet", "DeviceAllow", "DevicePolicy", "ExecStartPre"),
        *("Group", "KillMode", "PrivateDevices", "ProtectHome", "ProtectProc", "ReadWritePaths"),
        *("RestrictNamespaces", "SystemCallFilter", "User"),
    }
    ours, theirs = (dict(unit(f"yangswan{name}.service")["Service"]) for name in ("", "-external"))
    assert {key for key in ours | theirs if ours.get(key) != theirs.get(key)} <= rights
    assert theirs["User"] == theirs["Group"] == "yangswan"
    assert set(theirs["AmbientCapabilities"].split()) == set(theirs["CapabilityBoundingSet"].split())


ENDS_ANOTHERS = """
import os, pwd, signal
ready, nobody = os.pipe(), pwd.getpwnam("nobody")
child = os.fork()
if not child:
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    os.write(ready[1], b"1")
    signal.alarm(60)
    signal.pause()
os.read(ready[0], 1)
os.kill(child, signal.SIGKILL)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give rights up")
def test_root_of_the_unit_may_end_what_it_gave_to_another_user() -> None:
    """tcpdump gives its rights up, and a monitor ends before its time when somebody says so."""
    text = (EXAMPLES / "gateway" / "yangswan.service").read_text()
    sets = re.findall(r"^CapabilityBoundingSet=(.+)$", text, re.MULTILINE)
    names = [name.removeprefix("CAP_").lower() for line in sets for name in line.split()]
    rights = ",".join(("-all", *(f"+{name}" for name in names)))
    done = subprocess.run(
        ["setpriv", f"--bounding-set={rights}", "--no-new-privs", sys.executable, "-c", ENDS_ANOTHERS],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_an_agent_that_is_no_root_needs_of_others_is_for_its_user() -> None:
    user = unit("yangswan-external.service")["Service"]["User"]
    assert f"group = {user}\n" in (EXAMPLES / "gateway" / "strongswan-yangswan.conf").read_text()
    rules = (EXAMPLES / "gateway" / "yangswan.rules").read_text()
    assert f'subject.user == "{user}"' in rules
    assert f'action.lookup("unit") == "{Options().charon_unit}"' in rules


def test_the_socket_unit_listens_where_the_settings_say_and_not_for_everybody() -> None:
    found = unit("yangswan.socket")["Socket"]
    settings = from_file(EXAMPLES / "gateway" / "settings.toml")
    assert found["ListenStream"] == f"{settings.host}:{settings.port}"
    assert found["SocketMode"] == "0660"
    assert "Accept" not in found


@pytest.mark.parametrize("script", sorted(EXAMPLES.rglob("*.sh")), ids=lambda path: path.name)
@pytest.mark.parametrize("words", [[], ["no-such-file"], ["a", "b", "c", "d"]])
def test_a_script_says_how_it_is_used(script: Path, words: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", str(script), *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: ")
    assert list(tmp_path.iterdir()) == []


def test_no_example_is_without_proof() -> None:
    there = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*") if path.is_file()}
    there = {path for path in there if "__pycache__" not in path}
    shown = {path for path in there if path.startswith("netconf/") and f"examples/{path}" in NETCONF_PAGE}
    imported = {"netconf/gateway.py"}
    played = {path for path in there if path.startswith("ansible/") and Path(path).name in ANSIBLE_TESTS}
    in_folders = {path for path in there if Path(path).parts[0] in FOLDERS}
    run = {p for p in in_folders if Path(p).name in OF_A_FOLDER or Path(p).suffix in (".xml", ".json")}
    applied = {"apply/configure.py", "apply/playbook.yml"}
    proven = PROVEN_ELSEWHERE | PROVEN_BELOW | PROVEN_BY_PROMETHEUS | OF_ENROLMENT
    proven |= shown | imported | played | run | applied
    assert there == {f"clients/{name}" for name in CLIENTS} | proven
