"""script/run: the agent with a charon of its own, as its user starts and stops it."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.scripts.agents import ROOT, environment, lines_until

STOP_LIMIT_S = 60


def test_its_options_are_those_of_the_agent(tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / "script/run", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    for option in ("--config", "--listen", "--data-dir", "--user", "--authorized-keys", "--yang-module",
                   "--charon", "--log-level"):  # fmt: skip
        assert option in done.stdout


def test_the_operators_command_lies_beside_the_agent() -> None:
    subprocess.run([ROOT / "script/setup", "--quiet"], check=True)
    done = subprocess.run(
        [".venv/bin/yangswan", "help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "The operator's command of yangswan" in done.stdout
    assert (ROOT / ".venv/bin/yangswand").exists()


@pytest.mark.parametrize("name", ["agent", "console", "translators"])
def test_a_folder_of_our_name_where_the_user_stands_is_not_taken_for_ours(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    for file in ("__init__.py", "__main__.py"):
        (tmp_path / name / file).write_text("raise SystemExit('somebody else')\n")
    done = subprocess.run(
        [ROOT / "script/run", "--charon", "none", "--listen", "nowhere"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (78, "yangswand: 'nowhere' is not of the form ADDR:PORT\n")


@pytest.mark.parametrize("folder", ["/", "/usr"])
def test_its_data_is_in_the_checkout_wherever_it_is_started(folder: str) -> None:
    subprocess.run([ROOT / "script/setup", "--quiet"], check=True)
    done = subprocess.run(
        [ROOT / ".venv/bin/python", "-P", ROOT / "script/charon_folder.py"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"{ROOT / 'var'}\n"


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_ready_and_stops_cleanly(number: int, tmp_path: Path, namespace: str) -> None:
    process = subprocess.Popen(
        ["ip", "netns", "exec", namespace, ROOT / "script/run", "--data-dir", "var"], cwd=tmp_path,
        env=environment(tmp_path), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        output = lines_until(process, "ready ")
        assert output[-1:] == ("ready 127.0.0.1:8300",)
        assert any("-s netconf" in line for line in output)
        assert {"host_key", "client_key"} <= {path.name for path in (tmp_path / "var").iterdir()}
        process.send_signal(number)
        _, messages = process.communicate(timeout=STOP_LIMIT_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, messages
    left = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=True)
    assert left.stdout == ""
