"""An agent that is stopped, restarted or refused its settings, and what becomes of charon and its tunnels."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agent_process import AgentProcess
from tests.lab import Lab, charon_folder
from tests.real.gateways import gateway, loaded_connections, on
from tests.real.test_netconf_to_charon import Pair, spis, tunnel, up
from tests.real.traffic import Traffic, flowing
from translators.strongswan.charon.daemon import leftover_pids

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]


@contextmanager
def bob_in_traffic(lab: Lab, folder: Path, *options: str) -> Iterator[tuple[Pair, Traffic]]:
    """Yield two gateways whose tunnel carries traffic. Bob's agent, of these ``options``, may be ended."""
    with (
        gateway(lab.alice_ns, folder / "alice-agent") as alice,
        gateway(lab.bob_ns, folder / "bob-agent", *options) as bob,
    ):
        pair = Pair(lab, alice, bob)
        up(pair, 1)
        with flowing(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1") as traffic:
            yield pair, traffic


def charon_of_bob(agent: AgentProcess) -> list[int]:
    return leftover_pids([charon_folder(agent.data_dir)])


def ended_by(agent: AgentProcess, number: signal.Signals) -> int:
    agent.process.send_signal(number)
    return agent._end()


def file_with(folder: Path, text: str) -> str:
    file = folder / "settings.toml"
    file.write_text(text)
    return str(file)


def test_a_restart_keeps_charon_and_loses_no_packet(lab: Lab, tmp_path: Path) -> None:
    with bob_in_traffic(lab, tmp_path) as (pair, traffic):
        before, charon = spis(pair.bob_until(1, "installed")), charon_of_bob(pair.bob)
        assert ended_by(pair.bob, signal.SIGUSR1) == 0
        assert any("goes on for the next agent" in line for line in pair.bob.log)
        assert charon_of_bob(pair.bob) == charon
        traffic.wait_for_some()
        with gateway(lab.bob_ns, pair.bob.data_dir) as again:
            pair.bob = again
            assert spis(pair.bob_until(1, "installed")) == before
            assert charon_of_bob(again) == charon
            assert any("adopted charon" in line for line in again.log)
            # It is the next agent's in every respect.
            pair.on_bob(tunnel(2, "bob", "alice", initiator=False))
            held = on(lab.bob_ns, again, lambda _o: loaded_connections(again.data_dir))
            assert set(held) == {"ipsec-1", "ipsec-2"}
            traffic.wait_for_some()
            assert traffic.lost == 0
        assert charon_of_bob(again) == []


@pytest.mark.parametrize(
    ("setting", "number", "kept"),
    [
        ("end", signal.SIGTERM, False),
        ("keep", signal.SIGTERM, True),
        ("keep", signal.SIGINT, False),
        ("end", signal.SIGUSR1, True),
    ],
)
def test_the_signal_and_the_setting_decide_whether_charon_goes_on(
    lab: Lab, tmp_path: Path, setting: str, number: signal.Signals, kept: bool
) -> None:
    file = file_with(tmp_path, f'on-stop = "{setting}"')
    with gateway(lab.bob_ns, tmp_path / "bob-agent", "--config", file) as bob:
        charon = charon_of_bob(bob)
        assert len(charon) == 1
        assert ended_by(bob, number) == 0
        assert charon_of_bob(bob) == (charon if kept else [])


def test_an_agent_that_is_restarted_with_broken_settings_leaves_the_tunnels_alone(
    lab: Lab, tmp_path: Path
) -> None:
    file = file_with(tmp_path, "")
    with bob_in_traffic(lab, tmp_path, "--config", file) as (pair, traffic):
        before, charon = spis(pair.bob_until(1, "installed")), charon_of_bob(pair.bob)
        ended_by(pair.bob, signal.SIGUSR1)
        file_with(tmp_path, "colour = 1")
        command = [*lab.bob_ns.exec, sys.executable, "-m", "agent", "--config", file]
        refused = subprocess.run(
            [*command, "--data-dir", str(pair.bob.data_dir)],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (refused.returncode, "colour" in refused.stderr) == (os.EX_CONFIG, True)
        traffic.wait_for_some()
        assert charon_of_bob(pair.bob) == charon
        file_with(tmp_path, "")
        with gateway(lab.bob_ns, pair.bob.data_dir, "--config", file) as pair.bob:
            assert spis(pair.bob_until(1, "installed")) == before
            traffic.wait_for_some()
            assert traffic.lost == 0
            ended_by(pair.bob, signal.SIGUSR1)


FAILS_LATE = """
from agent.program import main
from agent.transport.ssh import SshTransport

async def start(_transport):
    raise OSError("no room for another door")

SshTransport.start = start
main()
"""
"""An agent whose start fails when charon is there already: all that is known to go wrong is found before."""


def test_a_start_that_fails_under_systemd_leaves_an_adopted_charon_to_the_next(
    lab: Lab, tmp_path: Path
) -> None:
    with bob_in_traffic(lab, tmp_path) as (pair, traffic):
        charon = charon_of_bob(pair.bob)
        ended_by(pair.bob, signal.SIGUSR1)
        # What systemd tells the process that it starts; sh stays that process.
        as_service = 'export SYSTEMD_EXEC_PID=$$; exec "$@"'
        command = [sys.executable, "-c", FAILS_LATE, "--data-dir", str(pair.bob.data_dir)]
        failed = subprocess.run(
            [*lab.bob_ns.exec, "sh", "-c", as_service, "sh", *command],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert failed.returncode == 1
        assert "adopted charon" in failed.stderr
        assert failed.stderr.endswith("no room for another door\n")
        traffic.wait_for_some()
        assert charon_of_bob(pair.bob) == charon
        assert traffic.lost == 0
