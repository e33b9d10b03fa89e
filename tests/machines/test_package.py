"""The Debian package: tried from installation to purge in a chroot, and under systemd."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.machines.running import CABLE, GUEST_LIMIT, ROOT, shown
from tests.machines.test_systemd import TOOLS
from tests.scripts.links import dead_links

pytestmark = pytest.mark.machine

OLD, NEW = "old.deb", "new.deb"
# A guest has no network: what the package depends on is there before, and strongSwan's own service is off.
DEPENDENCIES = r"""# what the package depends on
set -e
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get update -qq
apt-get install -y -qq --no-install-recommends openssh-client {}
rm /usr/sbin/policy-rc.d
systemctl disable --quiet strongswan-starter
"""


def test_it_is_installed_upgraded_over_traffic_removed_and_purged(package: Path) -> None:
    assert subprocess.run([ROOT / "script/try-deb", "--new", package], check=False).returncode == 0


def test_each_link_of_its_documents_leads_to_what_is_in_it(package: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path], check=True)
    documents = tmp_path / "usr/share/doc/yangswan"
    pages = [*documents.rglob("*.md")]
    assert documents / "README.md" in pages
    assert dead_links(pages) == []


def newer(package: Path, folder: Path) -> Path:
    """Return the same package with a higher version."""
    tree, made = folder / "tree", folder / NEW
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^(Version: .*)$", r"\1+newer", control.read_text()))
    subprocess.run(["dpkg-deb", "-Zgzip", "-z1", "--build", tree, made], check=True, capture_output=True)
    return made


GATEWAYS = (
    CABLE
    + """\
ip -n bob link set cable-of-bob up
until_listening() { until (: </dev/tcp/127.0.0.1/830) 2>/dev/null; do sleep 1; done; }
spis() { ip xfrm state | grep -oE 'spi 0x[0-9a-f]+' | sort | tr '\\n' ' '; }
is() { systemctl is-active "$1"; }
of_bob() { YANGSWAN_SOCKET=/var/lib/yangswan-bob/netconf.sock "$@"; }
configure() { yangswan --commit -c "config; tunnel; ipsec 1; secret correct-horse-battery; $1"; }
is_up() { yangswan show ipsec | grep -q '^1 .*Up(Installed)'; }
# No unit starts it.
start_bob() {
    : >bob.out
    ip netns exec bob yangswand --data-dir /var/lib/yangswan-bob >bob.out 2>bob.log &
    bob=$!
    until_said '^ready ' bob.out
}
# The tunnel of both, and who sends back what alice sends.
join() {
    of_bob configure 'local-address 192.168.0.2; peer 192.168.0.1; initiator
        local-subnet 10.2.0.0/16; remote-subnet 10.1.0.0/16' >bob.typed
    configure 'local-address 192.168.0.1; peer 192.168.0.2
        local-subnet 10.1.0.0/16; remote-subnet 10.2.0.0/16' >alice.typed
    echo "typed: $(cat alice.typed bob.typed | tr '\\n' ' ')"
    until is_up && of_bob is_up; do sleep 1; done
    ip netns exec bob python3 packaging/deb/traffic.py echo 10.2.0.1 &
}
"""
)

INSTALL = """
dpkg -i /root/old.deb >dpkg.log 2>&1
echo "installed: $?, agent $(is yangswan), protection $(systemctl is-enabled yangswan-protect)"
echo "others: socket $(is yangswan.socket), starter $(is strongswan-starter)"
echo "modes: $(stat -c '%a %U:%G' /etc/yangswan/settings.toml /var/lib/yangswan | tr '\\n' ' ')"
echo "confinement: $(yangswan-apparmor list)"
until_listening
yangswan-apparmor allow /var/lib/yangswan-bob 2>/dev/null
start_bob
join
"""

UPGRADE = """
python3 packaging/deb/traffic.py send 10.1.0.1 10.2.0.1 >traffic.out & traffic=$!
agent=$(of_unit MainPID)
charon=$(charon_of_alice)
before=$(spis)
dpkg -i /root/new.deb >>dpkg.log 2>&1
echo "upgraded: $?, agent $(is yangswan), the old one $(alive $agent), charon $(alive $charon)"
until_listening
until journalctl -u yangswan -o cat --no-pager | grep -q "adopted charon, process $charon"; do sleep 1; done
kill $traffic; wait $traffic
echo "upgrade lost: $(cat traffic.out)"
[ "$(spis)" = "$before" ] && echo "sas: the same"
echo "left of the upgrade: $(find /run/systemd/system -path '*yangswan*' -name '*upgrade*' | wc -l)"
"""

REMOVE = """
agent=$(of_unit MainPID)
dpkg -r yangswan >>dpkg.log 2>&1
echo "removed: $?, agent $(alive $agent), charon gone $(gone $charon), esp $(esp)"
wait $bob
echo "bob: $?"
echo "rules: $(nft list tables | grep -c yangswan), confinement: $(grep -c '"/var/lib/yangswan"' \
    /etc/apparmor.d/local/usr.lib.ipsec.charon)"
echo "kept: $(ls /var/lib/yangswan/history.db /etc/yangswan/settings.toml | wc -l)"
dpkg -i /root/new.deb >>dpkg.log 2>&1
echo "again: $?, agent $(is yangswan)"
start_bob
until [ "$(esp)" -gt 0 ]; do sleep 1; done
systemctl stop yangswan
dpkg -i /root/new.deb >>dpkg.log 2>&1
echo "upgraded when stopped: $?, agent $(is yangswan)"
"""

# The first client starts the agent; those who come during the upgrade wait.
SOCKET = """
systemctl enable --quiet --now yangswan.socket
dpkg -i /root/new.deb >>dpkg.log 2>&1
echo "upgraded while it waits: $?, socket $(is yangswan.socket), agent $(is yangswan)"
until_listening
until [ "$(is yangswan)" = active ]; do sleep 1; done
agent=$(of_unit MainPID)
touch coming
while [ -e coming ]; do (: </dev/tcp/127.0.0.1/830) 2>>refused || true; sleep 1; done & clients=$!
dpkg -i /root/new.deb >>dpkg.log 2>&1
echo "upgraded with the socket: $?, socket $(is yangswan.socket), agent $(is yangswan)"
echo "the old one: $(alive $agent)"
rm coming; wait $clients
echo "refused: $(wc -l <refused)"
"""

PURGE = """
kill $bob; wait $bob
rm -rf /var/lib/yangswan-bob
yangswan-apparmor forget /var/lib/yangswan-bob 2>/dev/null
dpkg -P yangswan >>dpkg.log 2>&1
echo "purged: $?, user $(getent passwd yangswan | wc -l), group $(getent group yangswan | wc -l)"
echo "left: $(find /etc /run /usr /var -xdev -iname '*yangswan*' ! -path '/var/log/*' | tr '\\n' ' ')"
echo "units: $(systemctl list-units --all --no-legend 'yangswan*' | wc -l)"
echo "denied: $(dmesg | grep -c 'apparmor="DENIED"')"
echo "said: $(grep '^yangswan: ' dpkg.log | tr '\\n' ' ')"
"""


@pytest.fixture(scope="module")
def seen(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    script = TOOLS + GATEWAYS + INSTALL + UPGRADE + REMOVE + SOCKET + PURGE
    return life_of(package, tmp_path_factory.mktemp("packages"), script)


def life_of(package: Path, folder: Path, script: str) -> Mapping[str, str]:
    """Return what ``script`` says, by what stands before the first colon of each line."""
    old = folder / OLD
    shutil.copy(package, old)
    listed = subprocess.run(
        ["dpkg-deb", "--field", package, "Depends"], capture_output=True, text=True, check=True
    ).stdout
    names = sorted({name.split()[0] for name in listed.split(",")})
    layer = ("--layer", "depends", DEPENDENCIES.format(" ".join(names)))
    brought = ("--bring", str(old), "--bring", str(newer(package, folder)))
    ended = shown("system", "12", *layer, *brought, *GUEST_LIMIT, "--", "bash", "-c", script)
    assert ended.status == 0
    return dict(line.split(": ", 1) for line in ended.output.splitlines() if ": " in line)


def test_it_is_started_and_confined_and_nothing_else_is_switched_on(seen: Mapping[str, str]) -> None:
    assert seen["installed"] == "0, agent active, protection enabled"
    assert seen["others"] == "socket inactive, starter inactive"
    assert seen["modes"] == "640 root:yangswan 700 root:root "
    assert seen["confinement"] == "/var/lib/yangswan"
    assert seen["denied"] == "0"
    assert seen["typed"].count("Committed: ") == 2


def test_an_upgrade_replaces_the_agent_and_loses_no_sa_and_no_packet(seen: Mapping[str, str]) -> None:
    assert seen["upgraded"] == "0, agent active, the old one no, charon yes"
    assert seen["sas"] == "the same"
    assert re.fullmatch(r"0 of \d{3,}", seen["upgrade lost"])
    assert seen["left of the upgrade"] == "0"
    assert seen["upgraded when stopped"] == "0, agent inactive"


def test_nobody_is_refused_in_an_upgrade_where_systemd_listens(seen: Mapping[str, str]) -> None:
    assert seen["upgraded while it waits"] == "0, socket active, agent inactive"
    assert seen["upgraded with the socket"] == "0, socket active, agent active"
    assert seen["the old one"] == "no"
    assert seen["refused"] == "0"


def test_removal_ends_all_of_it_and_keeps_what_is_the_administrators(seen: Mapping[str, str]) -> None:
    assert seen["removed"] == "0, agent no, charon gone yes, esp 0"
    assert seen["bob"] == "0", "an agent that no unit has started"
    assert seen["rules"] == "0, confinement: 0"
    assert seen["kept"] == "2"
    assert seen["again"] == "0, agent active"


def test_nothing_is_left_of_what_was_purged(seen: Mapping[str, str]) -> None:
    assert seen["purged"] == "0, user 0, group 0"
    assert (seen["left"], seen["units"], seen["said"]) == ("", "0", "")
