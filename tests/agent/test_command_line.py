"""The words of yangswand."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from agent.command_line import read_settings
from agent.settings import Settings, SettingsError


def file_with(folder: Path, text: str) -> Path:
    file = folder / "settings.toml"
    file.write_text(text)
    return file


def test_options_override_the_file(tmp_path: Path) -> None:
    file = file_with(tmp_path, 'listen = "127.0.0.1:1"\nlog-level = "error"')
    found = read_settings(
        ["--config", str(file), "--listen", "127.0.0.1:2", "--charon", "none", "--yang-module", "a.yang"]
    )
    assert (found.port, found.charon, found.log_level) == (2, "none", "error")
    assert found.yang_modules == (Path("a.yang"),)


def test_a_user_needs_keys() -> None:
    with pytest.raises(SettingsError, match="authorized-keys"):
        read_settings(["--user", "ann"])
    found = read_settings(["--user", "ann", "--authorized-keys", "ann.pub"])
    assert found.users == {"ann": Path("ann.pub")}


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        read_settings(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"yangswand {version('yangswan')}\n")


def test_its_version_is_looked_up_for_who_asks_and_not_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(distribution: str) -> str:
        raise PackageNotFoundError(distribution)

    monkeypatch.setattr("agent.command_line.version", not_installed)
    assert read_settings([]) == Settings()


@pytest.mark.parametrize(
    "words", [("--shwo",), ("shwo",), ("--charon", "never"), ("--listen",), ("--version", "--shwo")]
)
def test_a_wrong_word_is_said_with_its_name_and_status_2(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        read_settings(words)
    printed = capsys.readouterr()
    assert (caught.value.code, printed.out) == (2, "")
    assert printed.err.startswith("usage: yangswand ")
    assert printed.err.splitlines()[-1].startswith("yangswand: error: ")


def test_help_says_what_it_is_and_names_the_operators_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_settings(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("usage: yangswand ")
    assert "The agent of yangswan" in said
    assert "command is yangswan." in said


def test_what_cannot_be_used_is_said_in_one_line_by_its_name(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent", "--config", str(tmp_path / "missing.toml")],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (os.EX_CONFIG, "")
    assert done.stderr.startswith("yangswand: ")
    assert done.stderr.count("\n") == 1
