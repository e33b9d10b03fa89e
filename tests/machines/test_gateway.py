"""A whole gateway on Debian 13: what script/setup makes of it works under systemd and AppArmor.

Its YANG library is libyang 3, its daemon strongSwan 6, and ESP is the kernel's; one machine shows all of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from tests.machines.running import GUEST_LIMIT, PYTEST, SETUP, shown

pytestmark = [pytest.mark.machine, pytest.mark.machine_quick]

# Waits are for what is said, and bounded for all that is never said.
SCRIPT = r"""
denied() { dmesg | grep -c 'apparmor="DENIED"'; }
tests() {
    .venv/bin/python -m pytest -q --no-header -p no:cacheprovider "$@" | tee tests.out
    status=${PIPESTATUS[0]}
}

echo "mode: $(sed -n 's|^/usr/lib/ipsec/charon (\(.*\))$|\1|p' /sys/kernel/security/apparmor/profiles)"
echo "library: $(.venv/bin/python -c 'from importlib.metadata import version; print(version("libyang"))')"
echo "daemon: $(/usr/lib/ipsec/charon --version)"
script/demo --once
echo "demo: $?"
tests tests/translators/real/test_tunnel.py tests/translators/real/test_tunnel_changed.py \
    -k 'carries_data_both_ways or changed_proposals_take_effect or a_changed_secret'
echo "tunnels: $status, $(tail -n 1 tests.out)"
tests tests/agent/yang/test_violations.py tests/agent/yang/test_native.py
echo "trees: $status, $(tail -n 1 tests.out)"

mkdir -p /etc/yangswan
printf 'listen = "127.0.0.1:8300"\ndata-dir = "/var/lib/yangswan"\n' >/etc/yangswan/settings.toml
cp examples/gateway/yangswan.service /etc/systemd/system
said() { journalctl -u yangswan -o cat --no-pager | grep -q "$1"; }
until_said() { for _ in $(seq 300); do said "$1" && return; sleep 1; done; }
about() { systemctl show -P "$1" yangswan; }
systemctl daemon-reload
systemctl start yangswan
until_said 'started charon'
until_said '^ready '
first=$(about MainPID)
kill -HUP "$first"
until_said 'the settings were read again'
[ "$first" = "$(about MainPID)" ] && echo "service: $(about ActiveState), $(about NRestarts) restarts"
charon=$(cat /var/lib/yangswan/strongswan/run/charon.pid)
alive() { [ -d "/proc/$1" ] && echo yes || echo no; }
systemctl restart yangswan
until_said 'adopted charon'
echo "restart: agent $(alive "$first"), charon $(alive "$charon")"
systemctl stop yangswan
echo "stop: charon $(alive "$charon")"
echo "esp: $(grep -oE '^(esp4|xfrm_user) ' /proc/modules | sort | tr -d '\n')"
echo "denied: $(denied)"
"""


@pytest.fixture(scope="module")
def seen() -> Mapping[str, str]:
    """What the script says, by what stands before the first colon of each line."""
    ended = shown("system", "13", *SETUP, *PYTEST, *GUEST_LIMIT, "--", "bash", "-c", SCRIPT)
    assert ended.status == 0
    return dict(line.split(": ", 1) for line in ended.output.splitlines() if ": " in line)


def test_it_is_the_debian_that_it_should_be(seen: Mapping[str, str]) -> None:
    assert re.match(r"3\.", seen["library"])
    assert "strongSwan 6." in seen["daemon"]
    assert seen["mode"] == "enforce"


def test_the_demonstration_carries_traffic_and_apparmor_denies_nothing(seen: Mapping[str, str]) -> None:
    assert (seen["demo"], seen["denied"]) == ("0", "0")
    assert seen["esp"].split() == ["esp4", "xfrm_user"]


def test_a_hangup_ends_nothing_a_restart_not_charon_and_a_stop_both(seen: Mapping[str, str]) -> None:
    assert seen["service"] == "active, 0 restarts"
    assert seen["restart"] == "agent no, charon yes"
    assert seen["stop"] == "charon no"


def test_a_tunnel_comes_up_and_is_changed(seen: Mapping[str, str]) -> None:
    assert seen["tunnels"].startswith("0, 3 passed")


def test_trees_and_faults_are_those_of_the_other_library(seen: Mapping[str, str]) -> None:
    assert re.fullmatch(r"0, [1-9]\d* passed.*", seen["trees"])
