"""The unit for the charon of the system: an agent that is no root, with systemd's socket and host key.

One machine shows all of it: who may open charon's sockets, what the agent does with its three capabilities,
what its clients see of a restart, and that a process that hangs is ended.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from tests.machines.running import CABLE, GUEST_LIMIT, SETUP, shown

pytestmark = pytest.mark.machine

EXTERNAL = (
    "--layer", "external",
    "set -e; export DEBIAN_FRONTEND=noninteractive; apt-get update -qq; "
    "apt-get install -y -qq --no-install-recommends strongswan-starter polkitd",
)  # fmt: skip

GATEWAYS = (
    "\nip link set lo up"
    + CABLE
    + """\
ip -n bob link set cable-of-bob up
script/apparmor allow /var/lib/yangswan-bob 2>/dev/null
"""
)

# As examples/gateway/yangswan-external.service says.
INSTALL = """
gateway=examples/gateway units=/etc/systemd/system
useradd --system --user-group --home-dir /var/lib/yangswan --shell /usr/sbin/nologin yangswan
mkdir -p /etc/yangswan $units/yangswan.service.d
ssh-keygen -q -t ed25519 -N '' -f /root/admin
ssh-keygen -q -t ed25519 -N '' -f /etc/yangswan/host_key
cp /root/admin.pub /etc/yangswan/admin.pub
cat >/etc/yangswan/settings.toml <<TOML
listen = "127.0.0.1:830"
data-dir = "/var/lib/yangswan"
charon = "external"
users.admin = "/etc/yangswan/admin.pub"
TOML
cp $gateway/yangswan-external.service $units/yangswan.service
cp $gateway/yangswan.socket $gateway/yangswan-protect.service $units
sed -i s/0.0.0.0:830/127.0.0.1:830/ $units/yangswan.socket
printf '[Service]\\nLoadCredential=host_key:/etc/yangswan/host_key\\n' >$units/yangswan.service.d/key.conf
cp $gateway/yangswan.rules /etc/polkit-1/rules.d/
"""

TOOLS = """
of_unit() { systemctl show -P "$1" yangswan; }
until_another() {
    until [ "$(of_unit MainPID)" != 0 ] && [ "$(of_unit MainPID)" != "$1" ] && \\
        [ "$(of_unit ActiveState)" = active ]; do sleep 1; done
}
until_said() { until grep -q "$1" "$2"; do sleep 1; done; }
base='xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'
# The answer without the hello before it, up to 300 characters.
rpc() {
    {
        echo "<hello $base><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability>"
        echo "</capabilities></hello>]]>]]>"
        echo "<rpc message-id='1' $base>$1</rpc>]]>]]><rpc message-id='2' $base><close-session/></rpc>]]>]]>"
    } | ssh -i /root/admin -p 830 -o UserKnownHostsFile=/root/known_hosts -o StrictHostKeyChecking=yes \\
        -s admin@127.0.0.1 netconf | tr -d '\\n' | sed 's/.*<\\/hello>]]>]]>//; s/]]>]]>.*//' | cut -c1-300
    echo
}
capabilities() { sed -n "s/^$2:\\t//p" "/proc/$1/status"; }
"""

SOCKETS = """
until_charon() { for _ in $(seq 300); do [ -S /run/charon.vici ] && return; sleep 1; done; }
systemctl start strongswan-starter
until_charon
echo "before: $(stat -c '%U:%G %a' /run/charon.vici)"
as_user() {
    setpriv --reuid yangswan --regid yangswan --init-groups --inh-caps=-all --bounding-set=-all "$@"
}
install -d -o yangswan -g yangswan -m 700 /var/lib/yangswan
as_user .venv/bin/yangswand --check --config /etc/yangswan/settings.toml 2>notes
echo "check: $?, $(grep -c 'note: ' notes) notes, $(grep -c 'charon.vici may not be opened' notes) of vici"
cp $gateway/strongswan-yangswan.conf /etc/strongswan.d/yangswan.conf
systemctl stop strongswan-starter
rm -f /run/charon.vici
systemctl start strongswan-starter
until_charon
echo "after: $(stat -c '%U:%G %a' /run/charon.vici)"
"""

UP = """
systemctl daemon-reload
systemctl enable --now yangswan.socket 2>/dev/null
systemctl start yangswan
echo "[127.0.0.1]:830 $(cut -d' ' -f1,2 /etc/yangswan/host_key.pub)" >/root/known_hosts
agent=$(of_unit MainPID)
echo "user: $(stat -c %U /proc/$agent), $(capabilities $agent CapEff), $(capabilities $agent CapBnd)"
echo "status: $(of_unit StatusText)"
echo "door: $(stat -c '%U:%G %a' /run/yangswan/netconf.sock)"
of_others() { find /var/lib/yangswan ! -user yangswan | wc -l; }
echo "folder: $(of_others) of others, $(ls /var/lib/yangswan | grep -c '^host_key') host keys"
ip netns exec bob .venv/bin/yangswand --data-dir /var/lib/yangswan-bob >bob.out 2>bob.log &
until_said '^ready ' bob.out
ip netns exec bob bash examples/clients/with_ssh.sh examples/site-to-site/bob.xml 8300 \\
    /var/lib/yangswan-bob/client_key >bob.commit 2>&1
tunnel=$(sed '/^<?xml/d' examples/site-to-site/alice.xml)
echo "edit: $(rpc "<edit-config><target><candidate/></target>$tunnel</edit-config>")"
echo "commit: $(rpc '<commit/>')"
until ip xfrm state | grep -q 'proto esp'; do sleep 1; done
echo "protected: $(nft list table inet yangswan | grep -c '10.1.0.0 . 10.2.0.0')"
echo "one: $(of_unit StatusText)"
search="<filter type='xpath' select='//*[string-length(.) > 5]'/>"
echo "search: $(rpc "<get-config><source><running/></source>$search</get-config>")"
daemon="xmlns='urn:yangswan:params:xml:ns:yang:daemon'"
echo "monitor: $(rpc "<start-monitor $daemon><seconds>5</seconds></start-monitor>")"
charon=$(pidof charon)
echo "daemon: $(rpc "<restart-daemon $daemon/>")"
[ "$charon" != "$(pidof charon)" ] && echo "another: yes"
"""

# Whoever comes while there is no agent waits for the next one.
RESTART = """
cat >knock.py <<'PYTHON'
import collections, os, socket, sys, time
seen = collections.Counter()
while not os.path.exists("enough"):
    try:
        socket.create_connection(("127.0.0.1", 830), 60).close()
        seen["came"] += 1
    except OSError as problem:
        seen[str(problem)] += 1
    time.sleep(0.2)
print(f"knocked: {sum(seen.values()) > 10}, {list(seen)}", flush=True)
PYTHON
python3 knock.py &
knocking=$!
agent=$(of_unit MainPID)
systemctl restart yangswan
until_another $agent
agent=$(of_unit MainPID)
systemctl reload yangswan
echo "reload: $?"
until journalctl _PID=$agent -o cat --no-pager | grep -q 'settings were read again'; do sleep 1; done
echo "reloaded: $([ "$(of_unit MainPID)" = "$agent" ] && echo yes || echo no)"
touch enough
wait $knocking
echo "notes: $(journalctl -u yangswan -o cat --no-pager | grep -c 'note: ')"
"""

WATCHDOG = """
printf '[Service]\\nWatchdogSec=20\\n' >$units/yangswan.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart yangswan
agent=$(of_unit MainPID)
kill -STOP $agent
until_another $agent
said() { journalctl -u yangswan -o cat --no-pager | grep -c "$1"; }
echo "watchdog: $(of_unit NRestarts), $(said 'Watchdog timeout')"
"""

END = """
echo "exposure: $(systemd-analyze security yangswan --no-pager | tail -n 1)"
systemctl stop yangswan.socket yangswan
nft delete table inet yangswan
systemctl start yangswan-protect
echo "protect: $?, $(nft list table inet yangswan | grep -c '10.1.0.0 . 10.2.0.0')"
echo "left: $(of_others)"
systemctl start yangswan
echo "again: $(of_unit ActiveState)"
echo "denied: $(dmesg | grep -c 'apparmor="DENIED"')"
"""


@pytest.fixture(scope="module")
def seen() -> Mapping[str, str]:
    """What the script says, by what stands before the first colon of each line."""
    script = GATEWAYS + INSTALL + TOOLS + SOCKETS + UP + RESTART + WATCHDOG + END
    ended = shown("system", "12", *SETUP, *EXTERNAL, *GUEST_LIMIT, "--", "bash", "-c", script)
    assert ended.status == 0
    return dict(line.split(": ", 1) for line in ended.output.splitlines() if ": " in line)


def test_charon_gives_its_socket_to_the_group_and_a_check_says_when_it_does_not(
    seen: Mapping[str, str],
) -> None:
    assert seen["before"] == "root:root 770"
    assert seen["check"] == "0, 5 notes, 1 of vici"
    assert seen["after"] == "root:yangswan 770"


def test_it_is_no_root_and_has_three_capabilities(seen: Mapping[str, str]) -> None:
    assert seen["user"] == "yangswan, 0000000000003400, 0000000000003400"
    assert seen["door"] == "yangswan:yangswan 660"
    assert seen["folder"] == "0 of others, 0 host keys"
    assert seen["status"] == "ready: NETCONF on 127.0.0.1:830, charon external, tunnels: 0"


def test_it_does_what_an_agent_of_root_does(seen: Mapping[str, str]) -> None:
    for what in ("edit", "commit", "daemon"):
        assert "<ok/>" in seen[what], what
    assert int(seen["protected"]) > 0
    assert seen["one"].endswith("tunnels: 1")
    assert "<monitor-id " in seen["monitor"]
    assert "<data" in seen["search"], "which a copy of the process looks for"
    assert seen["another"] == "yes"


def test_no_client_is_refused_while_it_is_restarted(seen: Mapping[str, str]) -> None:
    assert (seen["reload"], seen["reloaded"]) == ("0", "yes")
    assert seen["knocked"] == "True, ['came']"
    assert seen["notes"] == "0", "the unit gives it all that it uses"


def test_an_agent_that_hangs_is_ended_and_started_again(seen: Mapping[str, str]) -> None:
    assert seen["watchdog"] == "1, 1"


def test_the_unit_gives_it_little_and_root_leaves_nothing_in_its_folder(seen: Mapping[str, str]) -> None:
    found = re.search(r"(\d+\.\d+) OK", seen["exposure"])
    assert found is not None
    assert float(found[1]) <= 2.0
    assert re.fullmatch(r"0, [1-9]\d*", seen["protect"])
    assert (seen["left"], seen["again"], seen["denied"]) == ("0", "active", "0")
