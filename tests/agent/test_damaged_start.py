"""Whatever the files of a data folder hold, a start says in a sentence what is wrong, or goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent_process import running_agent

ROOT = Path(__file__).parents[2]
LIMIT_S = 60
JUNK = {
    "a folder": None,
    "NULs": bytes(5000),
    "no text": b"\xff\xfe caf\xe9\n" * 50,
    "nothing": b"",
}
REFUSED = {
    "lock": {"a folder": 1},
    "history.db": {"a folder": 78, "NULs": 78, "no text": 78, "nothing": 78},
    "history.db-journal": {"a folder": 78},
    "host_key": dict.fromkeys(JUNK, 78),
    "client_key": {"a folder": 78},
}
"""What keeps the agent from starting, with the status; anything else does not."""


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("used") / "data"
    with running_agent(folder):
        pass
    return folder


@pytest.fixture
def folder(used: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(used, tmp_path / "data"))


def started(folder: Path) -> tuple[bool, int, str]:
    """Start and stop an agent; returns whether it was ready, its status, and what it said."""
    command = [sys.executable, "-m", "agent", "--data-dir", str(folder), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        [*command, "--charon", "none", "--log-level", "error"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        ready = any(line.startswith("ready ") for line in process.stdout if "ready" in line)
        if ready:
            process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=LIMIT_S)
    return ready, process.returncode, said


def put(file: Path, content: bytes | None) -> None:
    if file.is_file():
        file.unlink()
    if content is None:
        file.mkdir(parents=True)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o600)


@pytest.mark.parametrize(("name", "what"), [(name, what) for name in REFUSED for what in REFUSED[name]])
def test_what_cannot_be_used_is_named_in_one_sentence(folder: Path, name: str, what: str) -> None:
    put(folder / name, JUNK[what])
    ready, status, said = started(folder)
    assert (ready, status, said.count("\n")) == (False, REFUSED[name][what], 1)
    assert said.startswith("yangswand: ")
    assert str(folder / name) in said
    assert "Errno" not in said.split(str(folder / name))[0]


@pytest.mark.parametrize("what", JUNK)
def test_what_an_agent_can_do_without_keeps_none_from_starting(folder: Path, what: str) -> None:
    for name in ("host_key.pub", "lockout.json", "strongswan/private-keys/key.pem"):
        put(folder / name, JUNK[what])
    ready, status, said = started(folder)
    assert (ready, status, "Traceback" in said) == (True, 0, False)
    assert "the private key 'key' is left out" in said


@pytest.mark.parametrize(
    "octets",
    [
        b'# caf\xe9\nlisten = "x"',
        bytes(20),
        b"a = " + b"[" * 100_000,
        b'data-dir = "a\\u0000b"',
        b'[users]\n"a\\u0000" = "x"',
        b'[users]\nann = ""',
        b'[users]\n"" = "keys"',
        b'yang-modules = [""]',
        b'recovery-users = ["\\u0000"]',
        b"[limits]\nlogin-timeout-s = 10000000000000000000",
        b'[translator.strongswan]\ncharon-binary = "/\\u0000"',
        b"[translator.strongswan]\nretry-max = nan",
        b"[translator.strongswan]\nretry-max = {}",
        b"[translator]\nstrongswan = 1",
    ],
)
def test_settings_that_cannot_be_read_are_said_in_sentences(tmp_path: Path, octets: bytes) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(octets)
    done = subprocess.run(
        [sys.executable, "-m", "agent", "--check", "--config", str(file)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (os.EX_CONFIG, "")
    assert done.stderr
    assert all(line.startswith("yangswand: ") for line in done.stderr.splitlines())
