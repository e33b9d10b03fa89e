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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--protect --unprotect", "--unprotect: not allowed with argument --protect"),
        ("--protect --check", "--check: not allowed with argument --protect"),
        ("--check --unprotect", "--unprotect: not allowed with argument --check"),
        ("--user a --authorized-keys f --user b", "--user: it can be given only once"),
        ("--user a --authorized-keys f --authorized-keys f", "--authorized-keys: it can be given only once"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        read_settings(words.split())
    assert caught.value.code == 2
    assert f"yangswand: error: argument {said}" in capsys.readouterr().err


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        read_settings(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"yangswand {version('yangswan')}\n")


def test_its_version_is_looked_up_for_who_asks_and_not_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(distribution: str) -> str:
        raise PackageNotFoundError(distribution)

    monkeypatch.setattr("agent.command_line.version", not_installed)
    assert read_settings([]) == Settings()


OPTIONS = (
    "--config", "--listen", "--data-dir", "--user", "--authorized-keys", "--recovery-user", "--yang-module",
)  # fmt: skip


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_with_nothing_is_refused_by_its_name(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises((SystemExit, SettingsError)) as caught:
        read_settings([option, ""])
    if option == "--listen":
        assert str(caught.value) == "'' is not of the form ADDR:PORT"
    else:
        assert f"argument {option}: it is empty" in capsys.readouterr().err


def test_a_data_folder_whose_name_is_no_utf_8_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"the data folder 'd\\udce9f' is not UTF-8"):
        read_settings(["--data-dir", os.fsdecode(b"d\xe9f")])
    assert read_settings(["--data-dir", "d\u00e9f"]).data_dir == Path("d\u00e9f")


@pytest.mark.parametrize(("words", "status"), [("--help", 0), ("--version", 0), ("--shwo", 2)])
def test_a_reader_who_has_seen_enough_is_no_failure(words: str, status: int) -> None:
    """As ``yangswand --help | head -1`` closes the pipe: here before anything was written."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "agent", words], cwd=Path(__file__).parents[2],
            stdout=writing, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert done.returncode == status
    assert ("error" in done.stderr) == (status == 2)


def test_a_disk_without_room_for_what_is_printed_is_said() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "agent", "--version"], cwd=Path(__file__).parents[2],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "yangswand: [Errno 28] No space left on device\n")


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
