"""script/machine system: a whole Debian, from its kernel and systemd up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from script.machines.apart import STATUS_LIMIT
from tests.machines.running import GUEST_LIMIT, STRONGSWAN, machine, told

pytestmark = pytest.mark.machine

CHARON = "/usr/lib/ipsec/charon"
LOOK = """
grep VERSION_ID= /etc/os-release
pwd
cat /proc/1/comm
systemctl is-system-running
cat /sys/module/apparmor/parameters/enabled
aa-status --json
exit 7
"""


@pytest.mark.parametrize("release", ["12", "13"])
def test_systemd_has_started_and_charon_is_confined(release: str, tmp_path: Path) -> None:
    console = tmp_path / "console"
    options = (*STRONGSWAN, *GUEST_LIMIT, "--console", str(console))
    ended = machine("system", release, *options, "--", "bash", "-c", LOOK)
    version, place, first, state, apparmor, profiles = ended.output.splitlines()
    assert version == f'VERSION_ID="{release}"'
    assert (place, first, state, apparmor) == ("/opt/yangswan", "systemd", "running", "Y")
    assert json.loads(profiles)["profiles"][CHARON] == "enforce"
    assert ended.status == 7
    assert "Linux version" in console.read_text(errors="replace")


def test_a_system_that_takes_too_long_is_ended_and_that_is_said() -> None:
    ended = told("system", "12", *STRONGSWAN, "--limit", "2", "--", "true")
    assert ended.status == STATUS_LIMIT
    assert "the machine was ended after the limit of 2 s" in ended.output
