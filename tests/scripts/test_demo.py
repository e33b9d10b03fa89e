"""script/demo: it shows what it promises, and leaves nothing behind whenever it ends."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scripts.agents import ROOT, lines_until

pytestmark = pytest.mark.real

DEMO_LIMIT_S = 180
# What it has just said when the signal comes; it is then in the middle of what follows.
MOMENTS = [
    ("two gateways", signal.SIGINT),
    ("the networks behind", signal.SIGTERM),
    ("alice: the agent", signal.SIGINT),
    ("bob: the agent", signal.SIGHUP),
    ("bob.xml", signal.SIGTERM),
    ("bob: tunnel 1 is connecting", signal.SIGINT),
    ("alice.xml", signal.SIGINT),
    ("datagrams", signal.SIGTERM),
]


def start(*options: str) -> subprocess.Popen[str]:
    """Start it with signals as a user's shell would have them."""
    return subprocess.Popen(
        ["script/demo", *options], cwd=ROOT, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Traces:
    """What a demonstration makes, as far as it is there now."""

    namespaces: frozenset[str]
    links: frozenset[str]
    folders: frozenset[str]
    processes: frozenset[int]

    @classmethod
    def now(cls, demo: int) -> Traces:
        """``demo`` is the process id that its names carry."""
        links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout
        folders = frozenset(str(path) for path in Path(tempfile.gettempdir()).glob("yangswan-demo-*"))
        return cls(
            frozenset(path.name for path in Path("/run/netns").glob(f"yangswan-*-{demo}")),
            frozenset(line.split()[0] for line in links.splitlines()),
            folders,
            frozenset(_processes_of(folders)),
        )


def _processes_of(folders: frozenset[str]) -> list[int]:
    """Agents name their data folder in their arguments, charon its own in its environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if b"yangswan-demo-" in words and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


def test_once_shows_the_tunnel_come_up_and_carry_traffic() -> None:
    before = Traces.now(0)
    demo = subprocess.run(
        ["script/demo", "--once"], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=DEMO_LIMIT_S, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert demo.returncode == 0, demo.stdout + demo.stderr
    shown = re.findall(r"bob: tunnel 1 is (.+)", demo.stdout)
    assert shown == ["down", "connecting", "installed"]
    assert "alice: tunnel 1 is installed" in demo.stdout
    assert "20 of 20 datagrams" in demo.stdout
    tables = re.findall(r"ID +DESCRIPTION +STATUS +TIME.*\n +1 .* Up\(Installed\) +\d+ Days", demo.stdout)
    assert len(tables) == 2
    counters = re.findall(r"tunnel 1 counts (\d+) bytes in, (\d+) bytes out", demo.stdout)
    assert len(counters) == 2
    assert all(int(count) >= 20_000 for pair in counters for count in pair)
    assert Traces.now(0) == before


@pytest.mark.parametrize(("moment", "number"), MOMENTS)
def test_an_interruption_leaves_nothing_behind(moment: str, number: signal.Signals) -> None:
    before = Traces.now(0)
    demo = start("--once")
    assert lines_until(demo, moment)
    demo.send_signal(number)
    demo.send_signal(signal.SIGTERM)  # the impatient user: the removal runs to its end all the same
    output, _ = demo.communicate(timeout=DEMO_LIMIT_S)
    assert "are gone" in output
    assert demo.returncode in (128 + number, 128 + signal.SIGTERM)  # of two at once, either may be first
    assert Traces.now(demo.pid) == before


def test_it_stays_up_until_ctrl_c_and_says_how_to_connect(tmp_path: Path) -> None:
    before = Traces.now(0)
    demo = start()
    shown = lines_until(demo, "until Ctrl-C")
    commands = [line.strip() for line in shown if line.strip().startswith("ip netns exec")]
    ssh = next(command for command in commands if "-alice-" in command and " ssh " in command)
    hello = subprocess.run(["bash", "-c", f"{ssh} </dev/null"], capture_output=True, text=True, check=False)
    opened = next(command for command in commands if "-bob-" in command and "/yangswan " in command)
    shown_by_bob = subprocess.run(
        [*shlex.split(opened), "-c", "tunnel; show ipsec"],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=DEMO_LIMIT_S)
    assert "Up(Installed)" in shown_by_bob.stdout, shown_by_bob.stderr
    assert "urn:ietf:params:netconf:base:1.1" in hello.stdout, hello.stderr
    assert demo.returncode == 0
    assert "are gone" in output
    assert Traces.now(demo.pid) == before


def test_without_root_and_sudo_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    for program in ("bash", "dirname", "readlink"):
        (tmp_path / program).symlink_to(f"/usr/bin/{program}")
    done = subprocess.run(
        [ROOT / "script/demo", "--once"], env={"PATH": str(tmp_path)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("demo: not root, and no sudo: run as root: ")
    assert done.stderr.count("\n") == 1
