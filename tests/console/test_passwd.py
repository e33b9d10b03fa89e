"""yangswan passwd: a line for the settings, and nothing of the password anywhere."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pexpect
import pytest

from agent.restconf import passwords
from agent.web_settings import KEYS
from console import passwd

ROOT = Path(__file__).parents[2]
WORD = "correct horse ü"
PATIENCE_S = 60


def piped(*words: str, given: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "console", "passwd", *words],
        cwd=ROOT, input=given, capture_output=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("user", ["ann", "ann.b", 'a"n\\n', "änn"])
def test_the_line_of_a_pipe_is_one_of_the_settings(user: str) -> None:
    done = piped(user, given=f"{WORD}\r\nrest".encode())
    assert (done.returncode, done.stderr) == (0, b"")
    table = tomllib.loads(f"[web.passwords]\n{done.stdout.decode()}")["web"]["passwords"]
    assert list(table) == [user]
    assert passwords.fault_of(table[user]) is None
    assert passwords.is_right(WORD.encode(), table[user])
    assert "passwords" in KEYS


@pytest.mark.parametrize(
    ("user", "given", "why"),
    [
        ("ann", b"", b"not empty"),
        ("ann", b"\n", b"not empty"),
        ("ann", b"x" * 1025 + b"\n", b"1024 octets"),
        ("ann", b"x" * 100_000, b"1024 octets"),
        ("ann", b"\xff\n", b"UTF-8"),
        ("ann", b"a\0b\n", b"control"),
        ("", b"word\n", b"not empty"),
        ("a b", b"word\n", b"white space"),
        ("a:b", b"word\n", b"colon"),
    ],
)
def test_what_can_be_no_password_is_refused(user: str, given: bytes, why: bytes) -> None:
    done = piped(user, given=given)
    assert (done.returncode, done.stdout) == (1, b"")
    assert why in done.stderr
    assert done.stderr.count(b"\n") == 1


def on_terminal(*answers: str) -> tuple[str, int | None]:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "console", "passwd", "ann"],
        cwd=str(ROOT),
        timeout=PATIENCE_S,
        encoding="utf-8",
    )
    shown = ""
    for question, answer in zip(("password of ann: ", "once more: "), answers, strict=True):
        child.expect_exact(question)
        shown += child.before
        child.sendline(answer)
    child.expect(pexpect.EOF)
    shown += child.before
    child.close()
    return shown, child.exitstatus


def test_a_terminal_is_asked_twice_and_shows_nothing() -> None:
    shown, status = on_terminal(WORD, WORD)
    assert status == 0
    assert WORD not in shown
    line = shown.rstrip().rpartition("\n")[2]
    assert passwords.is_right(WORD.encode(), tomllib.loads(line)["ann"])


def test_two_passwords_are_none() -> None:
    shown, status = on_terminal(WORD, "another")
    assert status == 1
    assert "these are two passwords" in shown


def test_the_work_is_that_of_the_agent() -> None:
    assert (passwd.MEMORY_KIB, passwd.ITERATIONS, passwd.PASSWORD_OCTETS_MAX) == (
        passwords.MEMORY_KIB,
        passwords.ITERATIONS,
        passwords.PASSWORD_OCTETS_MAX,
    )
