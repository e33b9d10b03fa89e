"""The units of examples/gateway as systemd reads them: what it does not know, and how much they expose."""

from __future__ import annotations

import pytest

from tests.machines.running import machine

pytestmark = pytest.mark.machine

SYSTEMD = (
    "--layer", "systemd",
    "set -e; export DEBIAN_FRONTEND=noninteractive; apt-get update -qq; "
    "apt-get install -y -qq --no-install-recommends systemd",
)  # fmt: skip
# As docs/settings.md says, and the least that works: who runs a charon is root.
EXPOSURE_MAX = {"yangswan": 4.3, "yangswan-external": 2.0, "yangswan-protect": 3.0}
LOOK = """
mkdir -p .venv/bin
printf '#!/bin/sh\\n' >.venv/bin/yangswand
chmod 755 .venv/bin/yangswand
cd examples/gateway
for unit in *.service; do
    said=$(systemd-analyze security --offline=true --no-pager $unit | grep -o "exposure level.*")
    echo "${unit%.service}: $(echo "$said" | grep -o "[0-9][0-9]*\\.[0-9]")"
done
cp yangswan.service /etc/systemd/system
systemd-analyze verify *.service *.socket 2>&1 | sed 's/^/fault: /'
"""


@pytest.mark.parametrize("release", ["12", "13"])
def test_they_expose_no_more_than_is_said_and_systemd_finds_no_fault(release: str) -> None:
    ended = machine("chroot", release, *SYSTEMD, "--", "bash", "-c", LOOK)
    assert ended.status == 0
    lines = [line.split(": ", 1) for line in ended.output.splitlines()]
    assert [what for name, what in lines if name == "fault"] == []
    found = {name: float(figure) for name, figure in lines}
    assert set(found) == set(EXPOSURE_MAX)
    assert all(found[unit] <= most for unit, most in EXPOSURE_MAX.items()), found
