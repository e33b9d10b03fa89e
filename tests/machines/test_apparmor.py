"""Debian's profile of charon enforces, and a charon of our own works: what it may is written beside it."""

from __future__ import annotations

import pytest

from tests.machines.running import GUEST_LIMIT, PYTEST, SETUP, STRONGSWAN, machine

pytestmark = pytest.mark.machine

# The daemon's own code needs no more than this, also where the agent does not run yet.
VICI = (
    "--layer", "vici",
    "set -e; apt-get install -y -qq --no-install-recommends python3-venv libcharon-extra-plugins "
    "libstrongswan-standard-plugins libstrongswan-extra-plugins; python3 -m venv with-vici; "
    "with-vici/bin/pip install -q vici cryptography",
)  # fmt: skip

TOOLS = """
mode() { sed -n 's|^/usr/lib/ipsec/charon (\\(.*\\))$|\\1|p' /sys/kernel/security/apparmor/profiles; }
until_said() { timeout 300 grep -m 1 "$1" <(tail -n +1 -F "$2"); }
denied() { dmesg | grep 'apparmor="DENIED"' | grep -c "\\"$1/"; }
"""

# The agent is told the rule that it asks for, by its own words, while it tries again and again.
AGENT = """
folder=/var/lib/yangswan2
commit() {
    bash examples/clients/with_ssh.sh examples/site-to-site/alice.xml 8300 $folder/client_key |
        tr -d '\\n' | grep -o 'message-id="2">.*message-id="3"'
}
touch agent.log agent.out
.venv/bin/yangswand --data-dir $folder --charon managed >agent.out 2>agent.log &
agent=$!
said=$(until_said AppArmor agent.log)
echo "said: $said"
echo "ready: $(until_said '^ready ' agent.out)"
echo "before: $(commit)"
echo "denied before: $(denied $folder/strongswan)"
echo "command: $(eval "${said##*: run }" 2>&1)"
count=$(denied $folder/strongswan)
echo "started: $(until_said 'started charon' agent.log)"
echo "after: $(commit)"
echo "profile of charon: $(cat /proc/$(cat $folder/strongswan/run/charon.pid)/attr/apparmor/current)"
echo "denied after: $(($(denied $folder/strongswan) - count))"
echo "mode: $(mode)"
kill $agent
wait $agent
echo "ended: $?"
"""

RUN = """
folder=/var/lib/yangswan3
touch run.log
script/run --data-dir $folder --listen 127.0.0.1:8301 >run.out 2>run.log &
run=$!
echo "started: $(until_said 'charon, process\\|AppArmor.s' run.log)"
kill $run
wait $run
echo "ended: $?"
echo "first: $(head -n 1 run.log)"
echo "folders: $(script/apparmor list | tr '\\n' ' ')"
echo "denied: $(denied $folder/strongswan)"
"""

DEMO = """
script/demo --once
echo "demo: $?"
echo "denied: $(denied /tmp/yangswan-demo-[a-z0-9_]*)"
echo "folders: $(script/apparmor list | tr '\\n' ' ')"
echo "mode: $(mode)"
"""

# Two gateways, and a charon that no agent manages, in folders of other names.
TESTS = """
.venv/bin/python -m pytest -q tests/translators/real/test_tunnel.py tests/real/test_restart_daemon.py \\
    -k 'hosts_without_subnets or it_returns_when'
echo "tests: $?"
echo "denied: $(denied /tmp/pytest-of-root/.*)"
echo "loaded anew: $(dmesg | grep -c 'operation="profile_replace".*name="/usr/lib/ipsec/charon"')"
echo "folders: $(script/apparmor list | tr '\\n' ' ')"
echo "mode: $(mode)"
"""

# A name with a blank is in hexadecimal in the kernel's log.
BY_ITSELF = """
denied() { dmesg | grep 'apparmor="DENIED"' | grep -c 'name=2F7661722F6C69622F79616E67207377616E'; }
cat >start.py <<'PYTHON'
import asyncio
from pathlib import Path
from translators.strongswan.charon.daemon import DaemonError, ManagedCharon
from translators.strongswan.options import Kernel, Options

async def start():
    charon = ManagedCharon(Path("/var/lib/yang swan/strongswan"), Options(kernel=Kernel.NETLINK))
    try:
        await charon.start()
    except DaemonError as error:
        print(error)
    else:
        print("started,", Path(f"/proc/{charon.pid}/attr/apparmor/current").read_text().strip())
        await charon.stop()

asyncio.run(start())
PYTHON
said=$(with-vici/bin/python start.py)
echo "said: $said"
echo "charon: $(cat '/var/lib/yang swan/strongswan/charon.err')"
echo "denied before: $(denied)"
echo "command: $(eval "${said##*: run }" 2>&1)"
echo "then: $(with-vici/bin/python start.py)"
echo "denied after: $(denied)"
echo "mode: $(mode)"
"""


def told(release: str, script: str, *layers: str) -> dict[str, str]:
    """Return what ``script`` says on a whole system, by what stands before the first colon of each line."""
    ended = machine("system", release, *layers, *GUEST_LIMIT, "--", "bash", "-c", TOOLS + script)
    print(ended.output)
    assert ended.status == 0
    return dict(line.split(": ", 1) for line in ended.output.splitlines() if ": " in line)


def test_the_agent_says_what_to_do_and_goes_on_when_it_is_done() -> None:
    of = told("12", AGENT, *SETUP)
    blamed = (
        "AppArmor's profile /usr/lib/ipsec/charon is in force and does not let charon use "
        "/var/lib/yangswan2/strongswan/strongswan.conf: "
        "run /opt/yangswan/script/apparmor allow /var/lib/yangswan2"
    )
    assert of["said"].endswith(blamed)
    assert "<error-app-tag>daemon-unavailable</error-app-tag>" in of["before"]
    assert blamed in of["before"]
    assert int(of["denied before"]) > 0
    assert "the profile /usr/lib/ipsec/charon is loaded anew" in of["command"]
    assert "started charon" in of["started"]
    assert of["after"].startswith('message-id="2"><ok/></rpc-reply>')
    assert of["profile of charon"] == "/usr/lib/ipsec/charon (enforce)"
    assert (of["denied after"], of["mode"], of["ended"]) == ("0", "enforce", "0")


def test_script_run_allows_its_folder_before_it_starts() -> None:
    of = told("12", RUN, *SETUP)
    assert "started charon" in of["started"]
    assert "charon may use its files in /var/lib/yangswan3" in of["first"]
    assert of["folders"].split() == ["/var/lib/yangswan", "/opt/yangswan/var", "/var/lib/yangswan3"]
    assert (of["denied"], of["ended"]) == ("0", "0")


def test_the_demonstration_allows_its_folder_while_it_runs() -> None:
    of = told("12", DEMO, *SETUP)
    assert of["demo"] == "0"
    assert of["folders"].split() == ["/var/lib/yangswan", "/opt/yangswan/var"]
    assert (of["denied"], of["mode"]) == ("0", "enforce")


def test_the_tests_allow_their_folder_while_they_run() -> None:
    of = told("12", TESTS, *SETUP, *PYTEST)
    assert of["tests"] == "0"
    assert of["folders"].split() == ["/var/lib/yangswan", "/opt/yangswan/var"]
    assert (of["denied"], of["loaded anew"], of["mode"]) == ("0", "2", "enforce")


def test_a_charon_of_our_own_says_it_and_starts_where_the_agent_does_not_run_yet() -> None:
    of = told("13", BY_ITSELF, *STRONGSWAN, *VICI)
    assert of["said"].endswith(
        "does not let charon use /var/lib/yang swan/strongswan/strongswan.conf: "
        "run /opt/yangswan/script/apparmor allow '/var/lib/yang swan'"
    )
    # By these words the agent knows it where the kernel's log cannot be read.
    assert of["charon"].endswith("invalid configuration")
    assert of["then"] == "started, /usr/lib/ipsec/charon (enforce)"
    assert (of["denied before"], of["denied after"], of["mode"]) == ("1", "1", "enforce")
