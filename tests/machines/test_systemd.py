"""systemctl and the agent: what restart, stop, reload and broken settings do to charon and its tunnels."""

from __future__ import annotations

import re

import pytest

from tests.machines.running import CABLE, machine

pytestmark = pytest.mark.machine

SETUP = ("--layer", "setup", "script/setup")
# The agent starts seven times; each takes 40 to 120 s there.
LIMIT = ("--limit", "1800")
EXPOSURE_MAX = 4.4
"""As docs/settings.md says; root, of whose rights charon needs some."""

GATEWAYS = (
    CABLE
    + """\
ip -n bob link set cable-of-bob up
script/apparmor allow /var/lib/yangswan-bob 2>/dev/null

mkdir -p /etc/yangswan
settings=/etc/yangswan/settings.toml
printf 'listen = "127.0.0.1:8300"\\ndata-dir = "/var/lib/yangswan"\\n' >good.toml
(cat good.toml; printf 'colour = 1\\n[limits]\\nsessions = 0\\n') >broken.toml
cp good.toml $settings
cp examples/gateway/yangswan.service /etc/systemd/system
"""
)

TOOLS = """
until_listening() { until (: </dev/tcp/127.0.0.1/8300) 2>/dev/null; do sleep 1; done; }
# Who is killed may listen for a moment more.
until_another() {
    until [ "$(of_unit MainPID)" != 0 ] && [ "$(of_unit MainPID)" != "$1" ]; do sleep 1; done
    until_listening
}
until_said() { until grep -q "$1" "$2"; do sleep 1; done; }
alive() { [ -d "/proc/$1" ] && echo yes || echo no; }
# systemctl returns when the agent is gone; of its scope charon goes next.
gone() {
    for _ in $(seq 120); do [ "$(alive $1)" = no ] && break || sleep 1; done
    [ "$(alive $1)" = no ] && echo yes || echo no
}
of_unit() { systemctl show -P "$1" yangswan; }
charon_of_alice() { cat /var/lib/yangswan/strongswan/run/charon.pid; }
esp() { ip xfrm state | grep -c 'proto esp'; }
"""

TRAFFIC = '''
cat >traffic.py <<'PYTHON'
"""Echo; or send a numbered packet every 50 ms until SIGTERM, and say how many of them did not come back."""
import select, signal, socket, sys, time

SO_RCVBUFFORCE = 33  # socket(7); Python does not name it

def bound(address):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)  # who is slow loses nothing
    made.bind((address, 7000))
    return made

if sys.argv[1] == "echo":
    ours = bound("10.2.0.1")
    while True:
        ours.sendto(*ours.recvfrom(100))

ending, sent, back, ours, until = [], 0, set(), bound("10.1.0.1"), None
while not select.select([ours], [], [], 1)[0]:  # until who sends back is there
    ours.sendto(b"0", ("10.2.0.1", 7000))
signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
while until is None or (len(back) < sent and time.monotonic() < until):
    if not ending:
        try:
            ours.sendto(str(sent).encode(), ("10.2.0.1", 7000))
        except OSError:
            pass  # no way to there any more: lost
        sent += 1
        time.sleep(0.05)
    elif until is None:
        until = time.monotonic() + 60
    while select.select([ours], [], [], 0.5 if ending else 0)[0]:
        back.add(int(ours.recv(100)))
print(f"{sent - len(back)} of {sent}", flush=True)
PYTHON
start_traffic() { python3 traffic.py send >traffic.out & traffic=$!; }
# Not in $(...): only who has started it can wait for it.
end_traffic() { kill $traffic; wait $traffic; lost=$(cat traffic.out); }
'''

UP = """
systemctl daemon-reload
systemctl enable --now yangswan 2>/dev/null
ip netns exec bob .venv/bin/yangswand --data-dir /var/lib/yangswan-bob >bob.out 2>bob.log &
until_said '^ready ' bob.out
ip netns exec bob bash examples/clients/with_ssh.sh examples/site-to-site/bob.xml 8300 \\
    /var/lib/yangswan-bob/client_key >bob.commit 2>&1
until_listening
bash examples/clients/with_ssh.sh examples/site-to-site/alice.xml 8300 \\
    /var/lib/yangswan/client_key >alice.commit 2>&1
until [ "$(esp)" -gt 0 ]; do sleep 1; done
ip netns exec bob python3 traffic.py echo &
charon=$(charon_of_alice)
echo "systemd: $(systemctl --version | head -n 1)"
echo "group: $(cut -d: -f3 /proc/$charon/cgroup | sed "s/$charon/PID/")"
echo "status: $(of_unit StatusText)"
echo "exposure: $(systemd-analyze security yangswan --no-pager | tail -n 1)"
base='xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'
{
    echo "<hello $base><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability>"
    echo "</capabilities></hello>]]>]]>"
    echo "<rpc message-id='1' $base>"
    echo "<start-monitor xmlns='urn:yangswan:params:xml:ns:yang:daemon'><seconds>5</seconds></start-monitor>"
    echo "</rpc>]]>]]><rpc message-id='2' $base><close-session/></rpc>]]>]]>"
} | ssh -i /var/lib/yangswan/client_key -p 8300 -o UserKnownHostsFile=/var/lib/yangswan/known_hosts \\
    -o StrictHostKeyChecking=yes -s admin@127.0.0.1 netconf >monitor.out
echo "monitor: $(grep -o '<monitor-id[^<]*' monitor.out | sed 's/.*>//')"
"""

RESTART = """
start_traffic
agent=$(of_unit MainPID)
systemctl restart yangswan
until_another $agent
end_traffic
echo "restart lost: $lost"
echo "restart: $(of_unit ActiveState), charon $(alive $charon)"

start_traffic
agent=$(of_unit MainPID)
kill -HUP $agent
until [ "$(of_unit ActiveState)" != reloading ]; do sleep 1; done
echo "hangup: $(of_unit ActiveState), agent $(alive $agent)"
kill -9 $agent
until_another $agent
end_traffic
echo "killed lost: $lost"
echo "killed: $(of_unit ActiveState), charon $(alive $charon)"
"""

BROKEN = """
start_traffic
agent=$(of_unit MainPID)
cp broken.toml $settings
systemctl reload yangswan 2>/dev/null
echo "refused: $?, agent $(alive $agent)"
systemctl restart yangswan
until [ "$(of_unit ActiveState)" = failed ]; do sleep 1; done
echo "broken: $(of_unit Result) $(of_unit ExecMainStatus), started again $(of_unit NRestarts)"
echo "said: $(journalctl _PID=$(of_unit ExecMainPID) -o cat --no-pager | grep -c 'colour\\|sessions')"
end_traffic
echo "broken lost: $lost"
systemctl stop yangswan
echo "stopped when failed: charon gone $(gone $charon), esp $(esp)"
"""

# It comes back from the last commit. The reload is no restart.
RELOAD = """
cp good.toml $settings
systemctl start yangswan
until_listening
until [ "$(esp)" -gt 0 ]; do sleep 1; done
charon=$(charon_of_alice)
start_traffic
agent=$(of_unit MainPID)
systemctl reload yangswan
until journalctl _PID=$agent -o cat --no-pager | grep -q 'settings were read again'; do sleep 1; done
end_traffic
echo "reload lost: $lost"
echo "reload: $(of_unit ActiveState), agent $(alive $agent), charon $(alive $charon)"
"""

STOP = """
kill -9 $(of_unit MainPID)
systemctl stop yangswan
echo "stopped when killed: $(of_unit ActiveState), charon gone $(gone $charon), esp $(esp)"

(cat good.toml; echo 'on-stop = "keep"') >$settings
systemctl start yangswan
until_listening
charon=$(charon_of_alice)
systemctl stop yangswan
echo "kept: $(of_unit ActiveState) $(of_unit Result), charon $(alive $charon)"
cp good.toml $settings
systemctl start yangswan
until_listening
echo "adopted: charon $(alive $charon)"
systemctl stop yangswan
echo "stopped: $(of_unit ActiveState) $(of_unit Result), charon $(alive $charon), esp $(esp)"
echo "scopes: $(systemctl list-units --no-legend 'yangswan-charon*' | wc -l)"
"""

# Somebody else of root, with more rights than the agent has.
TAKEN = """
python3 -c 'import signal, socket
taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
taken.bind(("", 500))
signal.pause()' &
systemctl start yangswan
journalctl -u yangswan -o cat --no-pager >journal
echo "taken: $(grep -o 'UDP port 500 is taken by [a-z]*' journal | tail -n 1)"
"""


def test_restart_stop_reload_and_broken_settings() -> None:
    script = GATEWAYS + TOOLS + TRAFFIC + UP + RESTART + BROKEN + RELOAD + STOP + TAKEN
    ended = machine("system", "12", *SETUP, *LIMIT, "--", "bash", "-c", script)
    print(ended.output)
    assert ended.status == 0
    of = dict(line.split(": ", 1) for line in ended.output.splitlines() if ": " in line)
    assert of["group"] == "/system.slice/yangswan-charon-PID.scope"
    for what in ("restart", "killed", "broken", "reload"):
        lost, sent = re.fullmatch(r"(\d+) of (\d+)", of[f"{what} lost"]).groups()  # type: ignore[union-attr]
        assert (lost, int(sent) > 100) == ("0", True), what
    assert of["restart"] == "active, charon yes"
    assert of["hangup"] == "active, agent yes"
    assert of["killed"] == "active, charon yes"
    assert of["refused"] == "1, agent yes"
    assert of["broken"] == "exit-code 78, started again 0"
    assert of["said"] == "2"
    assert of["stopped when failed"] == "charon gone yes, esp 0"
    assert of["reload"] == "active, agent yes, charon yes"
    assert of["stopped when killed"] == "inactive, charon gone yes, esp 0"
    assert of["kept"] == "inactive success, charon yes"
    assert of["adopted"] == "charon yes"
    assert of["stopped"] == "inactive success, charon no, esp 0"
    assert of["scopes"] == "0"
    assert of["status"] == "ready: NETCONF on 127.0.0.1:8300, charon managed, tunnels: 1"
    exposure = re.search(r"(\d+\.\d+) OK", of["exposure"])
    assert exposure is not None
    assert float(exposure[1]) <= EXPOSURE_MAX
    assert of["monitor"] == "1"
    assert of["taken"] == "UDP port 500 is taken by python"
