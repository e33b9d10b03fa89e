"""systemctl and the agent: what a restart, a stop, a reload and broken settings do to charon and its tunnels."""

from __future__ import annotations

import pytest

from tests.machines.running import GUEST_LIMIT, machine

pytestmark = pytest.mark.machine

SETUP = ("--layer", "setup", "script/setup")

# alice is the service, bob an agent by itself in a network namespace; a cable joins them.
GATEWAYS = """
ip netns add bob
ip link add cable type veth peer name cable-of-bob netns bob
ip address add 10.1.0.1/16 dev lo
ip address add 192.168.0.1/24 dev cable
ip link set cable up
ip -n bob address add 10.2.0.1/16 dev lo
ip -n bob link set lo up
ip -n bob address add 192.168.0.2/24 dev cable-of-bob
ip -n bob link set cable-of-bob up

mkdir -p /etc/yangswan
settings=/etc/yangswan/settings.toml
cat >settings.good <<'TOML'
listen = "127.0.0.1:8300"
data-dir = "/var/lib/yangswan"
TOML
(cat settings.good; printf 'colour = 1\\n[limits]\\nsessions = 0\\n') >settings.broken
cp settings.good $settings
cp examples/gateway/yangswan.service /etc/systemd/system
systemctl daemon-reload
script/apparmor allow /var/lib/yangswan-bob 2>/dev/null
"""

TOOLS = """
until_said() { timeout 600 grep -m 1 "$1" <(tail -n +1 -F "$2") >/dev/null; }
# The journal says ready for the time that is asked for; and a restart is over then.
ready() { journalctl -u yangswan -o cat --no-pager | grep -c '^ready '; }
until_ready() { until [ "$(ready)" -ge "$1" ]; do sleep 2; done; }
charons() { pgrep -f /usr/lib/ipsec/charon | sort | tr '\\n' ' '; }
charon_of() { cat $1/strongswan/run/charon.pid; }
alive() { [ -d /proc/$1 ] && echo yes || echo no; }
installed() { ip xfrm state | grep -c 'proto esp'; }
main() { systemctl show -P MainPID yangswan; }
state() { systemctl show -P ActiveState yangswan; }
"""

TRAFFIC = '''
cat >traffic.py <<'PYTHON'
"""Echo, or send a numbered packet every 20 ms until a signal comes; then say how many did not come back."""
import select, signal, socket, sys, time

def bound(address):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, 7000))
    return made

if sys.argv[1] == "echo":
    with bound("10.2.0.1") as ours:
        while True:
            ours.sendto(*ours.recvfrom(100))

ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
sent, back = 0, set()
with bound("10.1.0.1") as ours:
    until = None
    while until is None or (len(back) < sent and time.monotonic() < until):
        if not ended:
            ours.sendto(str(sent).encode(), ("10.2.0.1", 7000))
            sent += 1
        elif until is None:
            until = time.monotonic() + 20
        if select.select([ours], [], [], 0.02)[0]:
            back.add(int(ours.recv(100)))
            time.sleep(0 if ended else 0.02)
print(f"{sent - len(back)} of {sent}", flush=True)
PYTHON
start_traffic() { python3 traffic.py send >traffic.out & traffic=$!; }
end_traffic() { kill $traffic; wait $traffic; cat traffic.out; }
'''

UP = """
ip netns exec bob .venv/bin/yangswand --data-dir /var/lib/yangswan-bob >bob.out 2>bob.log &
systemctl start yangswan
until_said '^ready ' bob.out
ip netns exec bob bash examples/clients/with_ssh.sh examples/site-to-site/bob.xml 8300 \\
    /var/lib/yangswan-bob/client_key >bob.commit 2>&1
until_ready 1
bash examples/clients/with_ssh.sh examples/site-to-site/alice.xml 8300 /var/lib/yangswan/client_key >alice.commit 2>&1
timeout 600 sh -c 'until ip xfrm state | grep -q "proto esp"; do sleep 1; done'
ip netns exec bob python3 traffic.py echo &
charon=$(charon_of /var/lib/yangswan)
echo "scope: $(systemctl show -P Id $(basename $(cut -d: -f3 /proc/$charon/cgroup)))"
echo "charon: $charon"
"""
