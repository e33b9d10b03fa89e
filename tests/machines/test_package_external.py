"""The Debian package on a gateway whose charon is the system's: an upgrade over a live tunnel, and a removal.

The agent is a user of its own, by the unit that the administrator has copied from the package's examples.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.machines.test_package import GATEWAYS, life_of
from tests.machines.test_systemd import TOOLS

pytestmark = pytest.mark.machine

# As examples/gateway/yangswan-external.service says, but for the user, whom the package has made.
INSTALL = """
dpkg -i /root/old.deb >dpkg.log 2>&1
echo "installed: $?, agent $(is yangswan)"
until_listening
systemctl stop yangswan
gateway=/usr/share/doc/yangswan/examples/gateway
cp $gateway/yangswan-external.service /etc/systemd/system/yangswan.service
cp $gateway/strongswan-yangswan.conf /etc/strongswan.d/yangswan.conf
sed -i 's/^charon = .*/charon = "external"/' /etc/yangswan/settings.toml
systemctl daemon-reload
systemctl start strongswan-starter
until [ -S /run/charon.vici ]; do sleep 1; done
systemctl start yangswan
echo "external: $?, user $(stat -c %U /proc/$(of_unit MainPID)), $(of_unit StatusText)"
yangswan-apparmor allow /var/lib/yangswan-bob 2>/dev/null
charon=$(pidof charon)
start_bob
join
"""

UPGRADE = """
python3 packaging/deb/traffic.py send 10.1.0.1 10.2.0.1 >traffic.out & traffic=$!
agent=$(of_unit MainPID)
before=$(spis)
dpkg -i /root/new.deb >>dpkg.log 2>&1
echo "upgraded: $?, agent $(is yangswan), the old one $(alive $agent), charon $(alive $charon)"
until_listening
until is_up; do sleep 1; done
kill $traffic; wait $traffic
echo "upgrade lost: $(cat traffic.out)"
[ "$(spis)" = "$before" ] && echo "sas: the same"
echo "again: user $(stat -c %U /proc/$(of_unit MainPID)), $(of_unit StatusText)"
echo "others: $(find /var/lib/yangswan ! -user yangswan | wc -l) of others"
echo "left of the upgrade: $(find /run/systemd/system -path '*yangswan*' -name '*upgrade*' | wc -l)"
"""

REMOVE = """
agent=$(of_unit MainPID)
dpkg -r yangswan >>dpkg.log 2>&1
echo "removed: $?, agent $(alive $agent), charon $(alive $charon), $(is strongswan-starter)"
echo "rules: $(nft list tables | grep -c yangswan)"
echo "failed: $(systemctl list-units --failed --no-legend 'yangswan*' | wc -l)"
dpkg -P yangswan >>dpkg.log 2>&1
echo "purged: $?, kept $(ls /etc/systemd/system/yangswan.service | wc -l)"
echo "denied: $(dmesg | grep -c 'apparmor="DENIED"')"
echo "said: $(grep '^yangswan: ' dpkg.log | tr '\\n' ' ')"
"""


@pytest.fixture(scope="module")
def seen(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    script = TOOLS + GATEWAYS + INSTALL + UPGRADE + REMOVE
    return life_of(package, tmp_path_factory.mktemp("packages"), script)


def test_the_unit_of_the_examples_runs_the_agent_of_the_package_as_its_user(seen: Mapping[str, str]) -> None:
    assert seen["installed"] == "0, agent active"
    assert re.fullmatch("0, user yangswan, ready: .*, charon external, tunnels: 0", seen["external"])
    assert seen["typed"].count("Committed: ") == 2


def test_an_upgrade_loses_no_sa_and_no_packet(seen: Mapping[str, str]) -> None:
    assert seen["upgraded"] == "0, agent active, the old one no, charon yes"
    assert seen["sas"] == "the same"
    assert re.fullmatch(r"0 of \d{3,}", seen["upgrade lost"])
    assert re.fullmatch("user yangswan, ready: .*, charon external, tunnels: 1", seen["again"])
    assert (seen["others"], seen["left of the upgrade"]) == ("0 of others", "0")


def test_removal_ends_the_agent_and_leaves_charon_to_the_system(seen: Mapping[str, str]) -> None:
    assert seen["removed"] == "0, agent no, charon yes, active"
    assert (seen["rules"], seen["failed"]) == ("0", "0")
    assert seen["purged"] == "0, kept 1"
    assert (seen["denied"], seen["said"]) == ("0", "")
