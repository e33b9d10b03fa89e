"""check, export, import and history: done by the agent's program, as if yangswan did it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agent.offline import words
from console import stopped
from tests.console.test_command_line import ROOT, typed

EVERY_LEAF = ROOT / "tests" / "yang" / "instances" / "valid" / "every-leaf.xml"
INVALID = ROOT / "tests" / "yang" / "instances" / "invalid" / "crl-empty.xml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an agent that has every leaf of a tunnel."""
    made = tmp_path_factory.mktemp("stopped") / "data"
    done = typed("import", str(EVERY_LEAF), "--data-dir", str(made))
    assert (done.returncode, done.stderr) == (0, "")
    return made


def test_the_tasks_are_those_of_the_agent_in_the_same_words() -> None:
    assert stopped.TASKS == words.TASKS
    out = " ".join(typed("help").stdout.split())
    assert all(f"{task} {what}" in out for task, what in stopped.TASKS.items())


@pytest.mark.parametrize("task", stopped.TASKS)
def test_help_is_that_of_the_agent_with_the_name_that_was_typed(task: str) -> None:
    asked = [typed("help", task), typed(task, "--help")]
    assert asked[0].stdout == asked[1].stdout
    assert [(done.returncode, done.stderr) for done in asked] == [(0, ""), (0, "")]
    assert asked[0].stdout.startswith(f"usage: yangswan {task} ")
    assert "--program" not in asked[0].stdout


def test_the_exit_status_and_the_words_are_those_of_the_agent(folder: Path) -> None:
    good = typed("check", str(EVERY_LEAF), "--data-dir", str(folder))
    assert (good.returncode, good.stderr) == (0, "")
    bad = typed("check", str(INVALID), "--data-dir", str(folder))
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith(f"{INVALID}:5: /pki:certificates/pki:crl[pki:name='root']/pki:pem: ")
    mistake = typed("check")
    assert (mistake.returncode, mistake.stdout) == (2, "")
    assert mistake.stderr.startswith("usage: yangswan check ")


@pytest.mark.parametrize("level", [["loud"], []])
def test_a_level_of_the_log_that_is_none(level: list[str]) -> None:
    done = typed("history", "--log-level", *level)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: yangswan history ")


def test_a_complaint_has_the_name_that_was_typed(tmp_path: Path) -> None:
    done = typed("history", "--data-dir", str(tmp_path / "nope"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"yangswan: no agent has used {tmp_path}/nope: ")


def test_an_export_goes_through_a_pipe_and_back(folder: Path, tmp_path: Path) -> None:
    done = typed("export", "--with-secrets", "--format", "json", "--data-dir", str(folder))
    (tmp_path / "x.json").write_text(done.stdout)
    other = str(tmp_path / "other")
    assert typed("import", str(tmp_path / "x.json"), "--data-dir", other).returncode == 0
    again = typed("export", "--with-secrets", "--format", "json", "--data-dir", other)
    assert again.stdout == done.stdout


def test_secrets_do_not_go_into_a_file_that_others_may_read(folder: Path, tmp_path: Path) -> None:
    public = tmp_path / "public"
    done = typed("export", "--with-secrets", "--data-dir", str(folder), before=f"umask 022; exec >{public};")
    assert (done.returncode, public.read_bytes()) == (1, b"")
    assert "say -o FILE" in done.stderr
    done = typed("export", "--with-secrets", "--data-dir", str(folder), before=f"umask 077; exec >{public}2;")
    assert done.returncode == 0
    assert b"<secret>" in Path(f"{public}2").read_bytes()


@pytest.mark.parametrize("task", ["export", "history", "check"])
def test_a_disk_that_is_full_is_said_in_one_line(folder: Path, task: str) -> None:
    file = [str(EVERY_LEAF)] if task == "check" else []
    done = typed(task, *file, "--data-dir", str(folder), before="exec >/dev/full;")
    assert (done.returncode, done.stderr) == (1, "yangswan: No space left on device\n")


@pytest.mark.parametrize("task", ["export", "history", "check"])
def test_without_an_output_there_is_no_traceback(folder: Path, task: str) -> None:
    file = [str(EVERY_LEAF)] if task == "check" else []
    done = typed(task, *file, "--data-dir", str(folder), before="exec >&-;")
    instead = ": say -o FILE" if task == "export" else ""
    assert (done.returncode, done.stderr) == (1, f"yangswan: standard output is closed{instead}\n")


@pytest.mark.parametrize("task", ["export", "history"])
def test_a_reader_that_has_seen_enough_is_no_error(folder: Path, task: str) -> None:
    process = subprocess.Popen(
        ["bash", "-c", 'exec "$@"', "bash", *_console(), task, "--data-dir", str(folder)],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), said) == (0, b"")


def _console() -> list[str]:
    import sys

    return [sys.executable, "-m", "console"]


def test_a_program_that_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stopped.sys, "executable", str(tmp_path / "python"))
    assert stopped.pass_on(["history"], "yangswan") == 1
    assert capsys.readouterr().err.startswith(f"yangswan: {tmp_path}/python: No such file or directory")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_who_may_not_read_the_folder_is_told_so(folder: Path) -> None:
    folder.chmod(0o700)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", *_console(), "history", "--data-dir", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("yangswan: ")
    assert "Permission denied" in done.stderr
    assert done.stderr.count("\n") == 1
