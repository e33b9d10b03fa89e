"""Where the log of a process goes: its own words, and of libraries what is a warning at least."""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent import logs
from tests.agent.test_log_format import fields_of

PROGRAM = """
import logging
from agent.logs import configure
configure("debug")
import pyroute2  # which sets the level of its logger
for name in ("pyroute2", "pyroute2.netlink.core", "asyncssh", "asyncio", "agent.x", "translators.x"):
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        logging.getLogger(name).log(level, "said")
"""
ONE_LINE = """
import logging, sys
from pathlib import Path
from agent.at_work import bind_session
from agent.logs import configure
configure(*sys.argv[1:3], journal=Path(sys.argv[3]))
bind_session(12, "admin")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("agent.x").exception("said %s", "\\n<0>forged")
"""


def logged(form: str, journal: Path, **stderr: int) -> str:
    command = [sys.executable, "-c", ONE_LINE, "info", form, str(journal)]
    done = subprocess.run(command, stderr=stderr.get("stderr", subprocess.PIPE), text=True, check=True)
    return done.stderr or ""


def test_libraries_trace_nothing_even_at_debug() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    told = [line.split()[2:4] for line in done.stderr.splitlines()]
    libraries = ("pyroute2", "pyroute2.netlink.core", "asyncssh", "asyncio")
    assert told == [["WARNING", f"{name}:"] for name in libraries] + [
        [level, f"{name}:"] for name in ("agent.x", "translators.x") for level in ("DEBUG", "INFO", "WARNING")
    ]


def test_json_is_one_object_even_with_a_traceback(tmp_path: Path) -> None:
    (line,) = logged("json", tmp_path / "none").splitlines()
    found = json.loads(line)
    assert (found["message"], found["session"], found["user"]) == (r"said \n<0>forged", 12, "admin")
    assert found["traceback"][-1] == "ZeroDivisionError: division by zero"


def test_the_journal_gets_fields_and_standard_error_nothing(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "socket"))
        assert logged("journald", tmp_path / "socket") == ""
        found = fields_of(journal.recv(65536))
    assert (found["PRIORITY"], found["YANGSWAN_SESSION"], found["YANGSWAN_USER"]) == ("3", "12", "admin")
    assert found["MESSAGE"].startswith("agent.x: [session 12 admin] said \\n<0>forged\n  | Traceback")
    assert found["CODE_FUNC"] == "<module>"


def test_without_a_journal_the_log_is_text_and_says_so(tmp_path: Path) -> None:
    first, second, *_ = logged("journald", tmp_path / "none").splitlines()
    assert f"log-format is journald, and there is no journal at {tmp_path / 'none'}: the log is text" in first
    assert second.endswith(r"ERROR   agent.x: [session 12 admin] said \n<0>forged")


def on_stream(path: Path, said: str) -> Sequence[str]:
    """Return what is logged to a file whose device and inode, in ``said``, are told as the journal's."""
    with path.open("w") as stream:
        status = os.fstat(stream.fileno())
        environment = said.format(device=status.st_dev, inode=status.st_ino)
        command = [sys.executable, "-c", ONE_LINE, "info", "text", "none"]
        subprocess.run(command, stderr=stream, check=True, env={**os.environ, "JOURNAL_STREAM": environment})
    return path.read_text().splitlines()


def test_systemd_exec_5_text_on_the_journals_stream_has_priorities_and_no_time(tmp_path: Path) -> None:
    first, *trace = on_stream(tmp_path / "log", "{device}:{inode}")
    assert first == r"<3>agent.x: [session 12 admin] said \n<0>forged"
    assert all(line.startswith("<3>  | ") for line in trace)


@pytest.mark.parametrize("said", ["", "1:1", "{device}:", "x"])
def test_standard_error_that_is_not_the_journals_stream_has_times(tmp_path: Path, said: str) -> None:
    first, *_ = on_stream(tmp_path / "log", said)
    assert first.startswith("20")


LOST = """
import logging, socket, sys
from pathlib import Path
from agent import logs
path = sys.argv[1]
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind(path)
logs.configure("info", "journald", journal=Path(path))
for number in range(2000):  # more than it takes without being read
    logging.getLogger("agent").info("line %d %s", number, "x" * 1000)
journal.setblocking(False)
def read():
    found = []
    try:
        while True:
            found.append(journal.recv(65536))
    except BlockingIOError:
        return found
taken = read()
logging.getLogger("agent").info("again")
note, again = read()
assert f"{2000 - len(taken)} lines of the log were lost".encode() in note, note
assert b"again" in again
journal.close()
logging.getLogger("agent").info("elsewhere")
"""


def test_a_journal_that_hangs_stops_nobody_and_what_it_lost_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOST, str(tmp_path / "socket")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "<6>agent: elsewhere\n")


LAST_WORDS = """
import sys
from pathlib import Path
from agent import logs
logs.configure("error", sys.argv[1], journal=Path("none"))
logs.last_words("the port is in use\\n<0>forged")
"""


def test_last_words_have_the_form_of_the_log(tmp_path: Path) -> None:
    said = {}
    for form in ("text", "json"):
        command = [sys.executable, "-c", LAST_WORDS, form]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        (said[form],) = done.stderr.splitlines()
    assert said["text"] == r"yangswand: the port is in use\n<0>forged"
    found = json.loads(said["json"])
    assert (found["level"], found["message"]) == ("critical", r"the port is in use\n<0>forged")


def test_without_a_descriptor_for_the_journal_the_log_is_text_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The settings are read again by an agent that has none left: nothing of them may fail half way."""

    def none_left(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(path))
        monkeypatch.setattr(logs.socket, "socket", none_left)
        logs.configure("info", "journald", journal=path)
    assert "the journal cannot be spoken to (Too many open files): the log is text" in capsys.readouterr().err
