"""yangcli (yuma123), which learns the agent's modules by get-schema and checks values against them itself.

It keeps its temporary files in ``~/.yuma/tmp`` of the user's home as the password file has it, whatever HOME
says, and removes them at its end. Its exit code is 0 whatever the answers were, and it looks at no host key.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.agent_process import AgentProcess
from tests.clients.test_clients import LIMIT_S, ncclient, wanted

SECRET = "not-a-real-secret"

pytestmark = pytest.mark.skipif(
    shutil.which("yangcli") is None, reason="yangcli is not installed (script/setup --tests installs it)"
)


def yangcli(agent: AgentProcess, script: Path, *commands: str) -> str:
    """Run a script of commands, which ends at the first one that fails; returns what yangcli shows."""
    script.write_text("".join(f"{command}\n" for command in commands))
    done = subprocess.run(
        [
            "yangcli", f"--server={agent.host}", f"--ncport={agent.port}", f"--user={agent.user}",
            f"--private-key={agent.key}", f"--public-key={agent.key}.pub",
            # Asked for otherwise, though the key is enough.
            "--password=none",
            "--batch-mode", f"--run-script={script}", "--display-mode=xml", "--log-level=debug",
            # It crashes (2.13) when it sorts an edit that deletes a leaf.
            "--fixorder=false",
            # Nothing is kept from one run to the next.
            "--autoaliases=false", "--autouservars=false", "--autohistory=false",
        ],
        cwd=script.parent, env={**os.environ, "HOME": str(script.parent)},
        capture_output=True, text=True, timeout=LIMIT_S, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_it_loads_the_modules_of_the_agent_and_shows_one(agent: AgentProcess, tmp_path: Path) -> None:
    shown = yangcli(
        agent, tmp_path / "script",
        "show session",
        "show modules",
        "get-schema identifier=yangswan-ipsec format=yang",
    )  # fmt: skip
    assert "Protocol version set to: RFC 6241 (base:1.1)" in shown
    assert "Default target set to: <candidate>" in shown
    for capability in ("candidate:1.0", "rollback-on-error:1.0", "xpath:1.0", "validate:1.1",
                       "confirmed-commit:1.1", "notification:1.0", "yang-library:1.0"):  # fmt: skip
        assert f"   {capability}\n" in shown
    # Neither of these is on the disk: what yangcli knows of them it had from the agent.
    for module in ("yangswan-ipsec", "yangswan-agent"):
        assert f"Got autoload reply for '{module}'" in shown
        assert f"  {module}@" in shown
    # It cannot read the module of RFC 8639, whose refinements of a grouping lead through a choice, nor what
    # adds to it.
    faults = {line.partition(":")[0] for line in shown.splitlines() if ": error(" in line}
    unread = {"ietf-subscribed-notifications", "ietf-yang-push", "yangswan-subscriptions"}
    assert {name.partition("@")[0] for name in faults} <= unread
    assert "module yangswan-ipsec {" in shown


def test_it_creates_changes_reads_and_deletes_a_tunnel(agent: AgentProcess, tmp_path: Path) -> None:
    shown = yangcli(
        agent, tmp_path / "script",
        "lock target=candidate",
        f"create /tunnels/ipsec[id='7'] -- secret={SECRET} local-address=192.0.2.1 peer=198.51.100.7",
        "merge /tunnels/ipsec[id='7']/description value='by yangcli'",
        "merge /tunnels/ipsec[id='7']/dpd/delay value=60",
        "validate source=candidate",
        "commit",
        "unlock target=candidate",
        "sget-config /tunnels/ipsec[id='7'] source=running",
        "xget /tunnels/ipsec[id='7']/state",
        "get-config source=running with-defaults=report-all",
    )  # fmt: skip
    assert "RPC Error" not in shown
    assert shown.count("RPC OK Reply") == 7
    plain, _, rest = shown.partition("<rpc-reply")[2].partition("<rpc-reply")
    assert "<description>by yangcli</description>" in plain
    assert "<delay>60</delay>" in plain
    assert "<enabled>" not in plain
    state, _, everything = rest.partition("<rpc-reply")
    assert "<status>down</status>" in state
    assert "<enabled>true</enabled>" in everything
    with ncclient(agent) as client:
        there = client.get_config("running", filter=("subtree", wanted(7))).data_xml
        assert f"<secret>{SECRET}</secret>" in there
        assert "<peer>198.51.100.7</peer>" in there

    yangcli(
        agent, tmp_path / "script",
        "delete /tunnels/ipsec[id='7']/description",
        "replace /tunnels/ipsec[id='7']/dpd/delay value=90",
        "commit",
    )  # fmt: skip
    with ncclient(agent) as client:
        there = client.get_config("running", filter=("subtree", wanted(7))).data_xml
        assert "<description>" not in there
        assert "<delay>90</delay>" in there

    yangcli(agent, tmp_path / "script", "delete /tunnels/ipsec[id='7']", "commit")
    with ncclient(agent) as client:
        assert "<id>" not in client.get_config("running", filter=("subtree", wanted(7))).data_xml


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (f"create /tunnels/ipsec[id='8'] -- secret={SECRET} local-address=not-an-address", "wrong node type"),
        ("create /tunnels/ipsec[id='8'] -- secret=short local-address=192.0.2.1", "value not in range"),
        ("merge /tunnels/ipsec[id='8']/dpd/delay value=0", "value not in range"),
    ],
)
def test_it_refuses_a_wrong_value_by_the_agent_s_own_module(
    agent: AgentProcess, tmp_path: Path, command: str, message: str
) -> None:
    shown = yangcli(agent, tmp_path / "script", command)
    assert f"Script '{tmp_path / 'script'}' canceled" in shown
    assert message in shown.partition("Begin startup script")[2]
    assert "Sending <edit-config> request" not in shown


def test_it_shows_what_the_agent_refuses(agent: AgentProcess, tmp_path: Path) -> None:
    create = f"create /tunnels/ipsec[id='9'] -- secret={SECRET} local-address="
    shown = yangcli(agent, tmp_path / "script", create + "224.0.0.1", "commit")
    for leaf in (
        "<error-tag>operation-failed</error-tag>",
        "<error-app-tag>local-address-not-unicast</error-app-tag>",
        ">local-address must be the address of one host</error-message>",
    ):
        assert leaf in shown
    assert "ipsec:ipsec[ipsec:id='9']/ipsec:local-address</error-path>" in shown

    shown = yangcli(agent, tmp_path / "script", create + "192.0.2.1")
    assert "<error-tag>data-exists</error-tag>" in shown
    shown = yangcli(agent, tmp_path / "script", "discard-changes", "delete /tunnels/ipsec[id='9']")
    assert "<error-tag>data-missing</error-tag>" in shown
