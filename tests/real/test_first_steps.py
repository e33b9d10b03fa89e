"""The ten minutes of the README: what it types is typed, on two gateways, and answered as it says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.console.shell.transcript import play
from tests.lab import carries
from tests.real.test_manual_session import begun, gateways, homes, until_up
from tests.real.test_netconf_to_charon import Pair, pair
from tests.scripts.test_readme import README

__all__ = ["homes", "pair"]
pytestmark = pytest.mark.real

SESSIONS = [block.text for block in README if block.proof == "session"]


def as_patterns(session: str) -> str:
    """Return a session whose answers may have other numbers, and other columns, than those that are shown."""
    return "\n".join(line if "#>" in line else _pattern(line) for line in session.splitlines())


def _pattern(line: str) -> str:
    return re.sub(r"\d+", r"\\d+", re.sub(r"(?:\\ )+", " +", re.escape(line)))


def test_the_ten_minutes_of_the_readme(pair: Pair, homes: Path) -> None:
    on_alice, on_bob, shown, another = map(as_patterns, SESSIONS)
    (traffic,) = (block.text for block in README if block.proof == "traffic")
    (forwarding,) = (block.text for block in README if block.proof == "forwarding")
    with gateways(pair, homes) as (alice, bob):
        begun(alice, "alice")
        play(alice, on_alice)
        begun(bob, "bob")
        play(bob, on_bob)
        until_up(bob)
        play(bob, shown)
    if shutil.which("sysctl"):
        kept = homes / "90-forward.conf"
        forward = forwarding.replace("/etc/sysctl.d/90-forward.conf", str(kept))
        for command in (forward, f"sysctl -w net.ipv4.ip_forward=0\nsysctl -p {kept}"):
            subprocess.run([*pair.lab.bob_ns.exec, "sh", "-ec", command], check=True)
            asked = [*pair.lab.bob_ns.exec, "sysctl", "-n", "net.ipv4.ip_forward"]
            assert subprocess.check_output(asked, text=True) == "1\n"
    assert carries(pair.lab.bob_ns, "10.2.0.1", pair.lab.alice_ns, "10.1.0.1")
    if shutil.which("ping"):
        pinged = subprocess.run([*pair.lab.bob_ns.exec, *traffic.split()], capture_output=True, text=True)
        assert " 0% packet loss" in pinged.stdout, pinged.stderr
    with gateways(pair, homes) as (alice, _):
        alice.sees("on alice: you are ")
        play(alice, another)
