"""yangswand --check: all that is wrong with the settings, said without an agent and without a trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent_process import running_agent

ROOT = Path(__file__).parents[2]


def check(*options: str) -> tuple[int, str, list[str]]:
    """Return the status, standard output, and the lines of standard error of a check."""
    done = subprocess.run(
        [sys.executable, "-m", "agent", "--check", *options],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr.splitlines()


def file_with(folder: Path, text: str) -> str:
    file = folder / "settings.toml"
    file.write_text(text)
    return str(file)


def test_settings_in_order_end_with_0_and_leave_nothing_behind(tmp_path: Path) -> None:
    module = ROOT / "tests/modules/every-construct.yang"
    capture = f'translator.strongswan.capture = "{tmp_path}/said"'
    text = f'data-dir = "data"\nyang-modules = ["{module}"]\n{capture}'
    assert check("--config", file_with(tmp_path, text)) == (0, "", [])
    assert os.listdir(tmp_path) == ["settings.toml"]


def test_every_fault_is_said_in_a_line_of_its_own(tmp_path: Path) -> None:
    text = """
        colour = 1
        charon = "sometimes"
        [limits]
        sessions = 0
        [translator.other]
        [translator.strongswan]
        kernel = "solid"
    """
    words = ["colour", "setting 'charon'", "--user and", "limit 'sessions'", "'other'", "kernel: 'solid'"]
    status, output, said = check("--config", file_with(tmp_path, text), "--user", "ann")
    assert (status, output, len(said)) == (os.EX_CONFIG, "", len(words))
    assert all(word in line for word, line in zip(words, said, strict=True))
    assert all(line.startswith("yangswand: ") for line in said)
    assert os.listdir(tmp_path) == ["settings.toml"]


@pytest.mark.parametrize("module", ["missing.yang", "settings.toml"])
def test_a_module_that_cannot_be_served_is_a_fault(tmp_path: Path, module: str) -> None:
    status, _, said = check("--config", file_with(tmp_path, f'yang-modules = ["{module}"]'))
    assert (status, len(said)) == (os.EX_CONFIG, 1)
    assert module in said[0]


def test_an_agent_that_uses_the_data_folder_does_not_matter(tmp_path: Path) -> None:
    with running_agent(tmp_path):
        before = sorted(os.listdir(tmp_path))
        assert check("--data-dir", str(tmp_path)) == (0, "", [])
        assert sorted(os.listdir(tmp_path)) == before


def test_a_second_agent_on_the_data_folder_is_refused_with_another_status(tmp_path: Path) -> None:
    with running_agent(tmp_path):
        done = subprocess.run(
            [sys.executable, "-m", "agent", "--data-dir", str(tmp_path), "--charon", "none"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"another agent uses the data folder {tmp_path}" in done.stderr


def test_a_start_says_the_same_and_ends_with_the_same_status(tmp_path: Path) -> None:
    file = file_with(tmp_path, 'data-dir = "data"\ncolour = 1\n[limits]\nsessions = 0')
    done = subprocess.run(
        [sys.executable, "-m", "agent", "--config", file],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.splitlines()) == check("--config", file)[::2]
    assert os.listdir(tmp_path) == ["settings.toml"]


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), ("\n", "holds no public key")])
def test_a_user_without_a_key_that_can_be_read_is_a_fault_of_a_check_and_told_at_a_start(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    keys = tmp_path / "keys"
    if content is not None:
        keys.write_text(content)
    options = ["--user", "ann", "--authorized-keys", str(keys)]
    status, _, (said,) = check(*options)
    assert status == os.EX_CONFIG
    assert said.startswith(f"yangswand: the user 'ann' cannot log in: {keys}")
    assert reason in said
    with running_agent(tmp_path / "data", options) as agent:
        agent.stop()
        assert any("the user 'ann' cannot log in" in line for line in agent.log)
