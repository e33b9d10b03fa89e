"""The words of yangswand."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from agent import command_line
from agent.command_line import read_settings
from agent.offline import words as offline
from agent.offline.tasks import carry_out
from agent.settings import Settings, SettingsError

ROOT = Path(__file__).parents[2]


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
    assert read_settings(["--data-dir", "var"]) == Settings()


def test_who_names_no_data_folder_gets_that_of_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path / ".venv"))
    assert read_settings([]).data_dir == Path("var")  # an agent that is installed
    (tmp_path / "script").mkdir()
    (tmp_path / "script" / "run").touch()
    assert read_settings([]).data_dir == tmp_path / "var"
    settings = tmp_path / "elsewhere" / "settings.toml"
    settings.parent.mkdir()
    settings.write_text("")
    assert read_settings(["--config", str(settings)]).data_dir == settings.parent / "var"
    assert read_settings(["--data-dir", "here"]).data_dir == Path("here")


@pytest.fixture
def package_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file of the package, whose program runs; nobody has written it yet."""
    file = tmp_path / "settings.toml"
    monkeypatch.setattr("agent.command_line.PACKAGE", Path(sys.prefix))
    monkeypatch.setattr("agent.command_line.PACKAGE_SETTINGS", file)
    return file


def test_the_program_of_the_package_reads_its_settings_by_itself(package_settings: Path) -> None:
    package_settings.write_text('listen = "127.0.0.1:1"\ndata-dir = "/var/lib/there"')
    found = read_settings([])
    assert (found.port, found.data_dir) == (1, Path("/var/lib/there"))
    assert read_settings(["--listen", "127.0.0.1:2"]).port == 2
    other = package_settings.parent / "other.toml"
    other.write_text('listen = "127.0.0.1:3"')
    assert read_settings(["--config", str(other)]).port == 3


def test_the_package_is_where_it_is_built_for() -> None:
    environment = (ROOT / "packaging/deb/environment").read_text(encoding="utf-8")
    contents = (ROOT / "packaging/deb/contents").read_text(encoding="utf-8")
    assert f"\nplace={command_line.PACKAGE}\n" in environment
    assert f"$package{command_line.PACKAGE_SETTINGS}" in contents


def test_who_names_a_data_folder_means_another_agent_than_that_of_the_package(package_settings: Path) -> None:
    package_settings.write_text('listen = "127.0.0.1:1"')
    assert read_settings(["--data-dir", "trial"]) == Settings(data_dir=Path("trial"))


def test_settings_of_the_package_that_are_missing_are_named(package_settings: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings([])
    assert caught.value.faults == (f"{package_settings} cannot be read: No such file or directory",)


def test_a_program_that_is_not_the_packages_does_without_its_settings(
    package_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package_settings.write_text('listen = "127.0.0.1:1"')
    monkeypatch.setattr("agent.command_line.PACKAGE", Path(f"{sys.prefix}-of-the-package"))
    assert read_settings([]).port == Settings().port


@pytest.mark.parametrize(("task", "faulty"), [("check", 0), ("history", 1), ("export", 1), ("import", 1)])
def test_only_a_check_can_do_without_the_settings_of_the_package(
    task: str, faulty: int, package_settings: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = [task, *(["site.xml"] if task in ("check", "import") else [])]
    if faulty:
        with pytest.raises(SettingsError, match="cannot be read"):
            offline.read(words)
    else:
        asked = offline.read(words)
        assert (asked.settings.port, asked.faults) == (Settings().port, ())
        assert f"{package_settings} cannot be read" in caplog.text


def test_settings_are_checked_without_those_of_the_package(
    package_settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package_settings.write_text("colour = 1")
    good, site = tmp_path / "good.toml", tmp_path / "site.xml"
    good.write_text('charon = "none"')
    site.write_text("<config/>")
    assert carry_out(["check", str(good)]) == 0
    assert carry_out(["check", str(site)]) == 1
    assert "unknown setting 'colour'" in capsys.readouterr().err


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
