"""script/machine as its user starts it. What it tells goes to the terminal: pytest -s shows it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("YANGSWAN_MACHINES") or "~/.cache/yangswan-machines").expanduser()
# Without a limit of its own a guest that hangs would take an hour.
GUEST_LIMIT = ("--limit", "1800")
# What comes with strongSwan's daemon, its AppArmor profile included.
STRONGSWAN = (
    "--layer", "strongswan",
    "set -e; apt-get update -qq; export DEBIAN_FRONTEND=noninteractive; "
    "apt-get install -y -qq --no-install-recommends strongswan-charon strongswan-swanctl",
)  # fmt: skip
# A gateway by its own means, and then what runs its tests.
SETUP = ("--layer", "setup", "script/setup")
PYTEST = ("--layer", "pytest", "cd .venv; bin/pip install -q -e '/opt/yangswan[test]'")

# alice is the service, bob an agent by itself in a network namespace; a cable joins them.
CABLE = """
ip netns add bob
ip link add cable type veth peer name cable-of-bob netns bob
ip address add 10.1.0.1/16 dev lo
ip address add 192.168.0.1/24 dev cable
ip link set cable up
ip -n bob address add 10.2.0.1/16 dev lo
ip -n bob link set lo up
ip -n bob address add 192.168.0.2/24 dev cable-of-bob
"""


@dataclass(frozen=True, slots=True)
class Ended:
    status: int
    output: str


def machine(*arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
    """Return how script/machine ended, and what it printed to standard output."""
    done = subprocess.run(
        [ROOT / "script/machine", *arguments], env=os.environ | dict(environment or {}),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout)


def shown(*arguments: str) -> Ended:
    """Return how script/machine ended and what it printed, shown as it comes: for what takes long."""
    lines = []
    with subprocess.Popen(
        [ROOT / "script/machine", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return Ended(process.returncode, "".join(lines))


def told(*arguments: str) -> Ended:
    """Return how script/machine ended, and what it told its user on standard error."""
    done = subprocess.run(
        [ROOT / "script/machine", *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stderr)


def started(*arguments: str) -> subprocess.Popen[str]:
    """Start script/machine, with pipes to the command; the process is the one that the user would end."""
    return subprocess.Popen(
        [ROOT / "script/machine", *arguments], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def runs_of(process: subprocess.Popen[str]) -> list[Path]:
    """Return what is left of the folders of its runs."""
    return list((CACHE / "runs").glob(f"run-{process.pid}-*"))
