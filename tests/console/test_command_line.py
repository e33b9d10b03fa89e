"""The words of yangswan, the operator's command."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def typed(*words: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run it as a shell does, which may do something with its output ``before``."""
    # With a buffer, as users have it: what is printed is written when the program ends.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["bash", "-c", f'{before} exec "$@"', "bash", sys.executable, "-m", "console", *words],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_it_says_its_version() -> None:
    done = typed("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"yangswan {version('yangswan')}\n", "")


@pytest.mark.parametrize("words", [("help",), ("--help",)])
def test_help_says_what_it_is_and_names_the_agent(words: tuple[str, ...]) -> None:
    done = typed(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: yangswan ")
    said = " ".join(done.stdout.split())
    assert "The operator's command of yangswan" in said
    assert "The agent itself is yangswand." in said
    assert "help" in done.stdout.partition("commands:")[2]


@pytest.mark.parametrize("words", [("help",), ("help", "help"), ("help", "show")])
def test_no_options_are_looked_for_behind_two_hyphens(words: tuple[str, ...]) -> None:
    assert typed("--", *words).stdout == typed(*words).stdout
    done = typed("--", "--version")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "yangswan: '--version' is not known here ('yangswan help' lists the commands)\n"


def test_help_about_a_command() -> None:
    assert typed("help", "help").stdout == typed("help", "--help").stdout
    assert typed("help", "help").stdout.startswith("usage: yangswan help ")


@pytest.mark.parametrize(
    "words",
    [
        ("shwo",), ("help", "shwo"), ("--shwo",), ("help", "help", "shwo"), ("shwo", "help"),
        ("--shwo", "help"), ("--shwo=1", "x"), ("shwo", "--x"), ("-shwo", "help"), ("help", "--shwo"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_said_in_one_line(words: tuple[str, ...]) -> None:
    done = typed(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("yangswan: ")
    assert "shwo" in done.stderr
    assert "'yangswan help'" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--socket", "a", "--host", "b", "diff"), ("--host", "b", "--socket", "a"), ("--user", "a", "diff"),
        ("--key", "a", "diff"), ("--known-hosts", "a"), ("-c", "diff", "-f", "-"), ("-c", "diff", "diff"),
        ("-f", "-", "diff"), ("--comment", "a", "-c", "diff"), ("--secret-file", "-", "-f", "-"),
    ],
)  # fmt: skip
def test_options_that_would_be_ignored_are_refused(words: tuple[str, ...]) -> None:
    done = typed(*words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("words", [("",), ("--",), ("-", "help"), ("--vers",)])
def test_a_word_that_is_hardly_one_is_not_understood_either(words: tuple[str, ...]) -> None:
    done = typed(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("yangswan: there is no ")
    assert f"'{words[0]}'" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--config", "settings.toml"), ("--listen=127.0.0.1:1",), ("--charon", "none"), ("--data-dir", "x"),
        ("--conf", "settings.toml"), ("--lis=127.0.0.1:1",),
    ],
)  # fmt: skip
def test_who_means_the_agent_is_told_its_name(words: tuple[str, ...]) -> None:
    done = typed(*words)
    option = words[0].partition("=")[0]
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"yangswan: {option} is an option of the agent, which yangswand starts\n"


def test_the_options_of_the_agent_that_it_knows_are_all_that_there_are() -> None:
    from console.command_line import _OF_THE_AGENT

    done = subprocess.run(
        [sys.executable, "-m", "agent", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    there = {word.strip("[],;:") for word in done.stdout.split() if word.strip("[],;:").startswith("--")}
    assert there - {"--help", "--version"} == _OF_THE_AGENT


@pytest.mark.parametrize("words", [("help",), ("--help",), ("--version",)])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_seen_enough_is_no_error(words: tuple[str, ...], unbuffered: str) -> None:
    """As ``yangswan help | head -1`` closes the pipe: here before anything was written."""
    process = subprocess.Popen(
        [sys.executable, "-m", "console", *words], cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), said) == (0, b"")


@pytest.mark.parametrize("words", [("help",), ("--help",), ("--version",)])
def test_a_disk_that_is_full_is_said_in_one_line(words: tuple[str, ...]) -> None:
    done = typed(*words, before="exec >/dev/full;")
    assert (done.returncode, done.stderr) == (1, "yangswan: No space left on device\n")


@pytest.mark.parametrize("words", [("help",), ("--help",), ("--version",)])
def test_an_output_that_is_closed_is_said_in_one_line(words: tuple[str, ...]) -> None:
    done = typed(*words, before="exec >&-;")
    assert (done.returncode, done.stderr) == (1, "yangswan: standard output is closed\n")
