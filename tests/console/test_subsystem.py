"""``yangswan netconf-subsystem``: octets pass as they are, and whatever ends, both sides see it."""

from __future__ import annotations

import json
import os
import pwd
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import subsystem
from console.subsystem import INSTALLED, PIECE_OCTETS, VARIABLE, WORD, find, preamble

ROOT = Path(__file__).parents[2]
LIMIT_S = 60
OURSELVES = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return Path(os.path.relpath(tmp_path / "s", ROOT))


@pytest.fixture
def agent(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The agent's side: listens, and is told nothing but octets."""
    monkeypatch.chdir(ROOT)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(LIMIT_S)
        yield listening


def begun(path: Path, *words: str, **environ: str) -> subprocess.Popen[bytes]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("SSH_", "SUDO_"))}
    return subprocess.Popen(
        [sys.executable, *words, "-m", "console", "netconf-subsystem", "--socket", str(path)],
        cwd=ROOT, env={**plain, **environ},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def accepted(agent: socket.socket) -> tuple[socket.socket, dict[str, object]]:
    """Return the connection, and what is said on it first."""
    connection, _ = agent.accept()
    connection.settimeout(LIMIT_S)
    line = b""
    while not line.endswith(b"\n"):
        line += connection.recv(1)
    assert line.startswith(WORD)
    return connection, json.loads(line.removeprefix(WORD))


def received(connection: socket.socket) -> bytes:
    """Return what comes to the end of that direction."""
    found = b""
    while data := connection.recv(PIECE_OCTETS):
        found += data
    return found


def test_both_directions_and_half_of_an_end(agent: socket.socket, path: Path) -> None:
    question, answer = os.urandom(3_000_000), os.urandom(3_000_000)
    process = begun(path)
    connection, said = accepted(agent)
    with connection:
        assert said == {"user": OURSELVES}
        assert process.stdin is not None
        feeding = threading.Thread(target=lambda: (process.stdin.write(question), process.stdin.close()))
        feeding.start()
        assert received(connection) == question
        feeding.join()
        process.stdin = None
        threading.Thread(target=lambda: (connection.sendall(answer), connection.close())).start()
        out, errors = process.communicate(timeout=LIMIT_S)
    assert (out == answer, errors, process.returncode) == (True, b"", 0)


def test_the_agent_may_end_it_first(agent: socket.socket, path: Path) -> None:
    process = begun(path)
    connection, _ = accepted(agent)
    connection.sendall(b"bye")
    connection.close()
    # Its input is open still: that keeps nothing.
    assert process.stdout is not None
    assert process.stdout.read() == b"bye"
    assert process.wait(LIMIT_S) == 0
    process.communicate()


def test_what_is_not_taken_is_not_read(agent: socket.socket, path: Path) -> None:
    """In both directions: the kernel holds something, and the program two pieces."""
    process = begun(path)
    connection, _ = accepted(agent)
    os.set_blocking(process.stdin.fileno(), False)  # type: ignore[union-attr]
    connection.setblocking(False)
    for send in (lambda data: os.write(process.stdin.fileno(), data), connection.send):  # type: ignore[union-attr]
        sent = quiet = 0
        while quiet < 1000 and sent < 4_000_000:  # it does not stand still
            try:
                sent += send(b"x" * PIECE_OCTETS)
                quiet = 0
            except BlockingIOError:
                quiet += 1
                os.sched_yield()
        assert sent < 4_000_000
    process.kill()
    process.communicate()
    connection.close()


def test_it_passes_on_what_sshd_says(agent: socket.socket, path: Path) -> None:
    process = begun(path, SSH_CONNECTION="192.0.2.7 50022 192.0.2.1 22")
    connection, said = accepted(agent)
    connection.close()
    process.communicate(timeout=LIMIT_S)
    assert said == {
        "user": OURSELVES,
        "source-host": "192.0.2.7",
        "source-port": 50022,
        "local-host": "192.0.2.1",
    }


@pytest.mark.parametrize(
    "connection",
    ["UNKNOWN 65535 UNKNOWN 65535", "192.0.2.7", "", "a b c d", "192.0.2.7 x 192.0.2.1 22", "1 2 3 4 5"],
)
def test_what_sshd_does_not_know_is_left_out(connection: str) -> None:
    assert preamble({"SSH_CONNECTION": connection}) == preamble({})


def test_who_has_become_root_by_sudo_is_himself(monkeypatch: pytest.MonkeyPatch) -> None:
    for uid, user in ((0, "ann"), (os.getuid() or 1, None)):
        with monkeypatch.context() as patch:
            patch.setattr(os, "getuid", lambda uid=uid: uid)
            said = json.loads(preamble({"SUDO_USER": "ann"}).removeprefix(WORD))
        assert (said["user"] == "ann") == (user == "ann")


def test_where_the_socket_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find({VARIABLE: "/x"}) == Path("/x")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    monkeypatch.setattr("console.subsystem.INSTALLED", tmp_path / "run" / "netconf.sock")
    assert find({}) == tmp_path / "run" / "netconf.sock"
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "netconf.sock").touch()
    assert find({}) == tmp_path / "var" / "netconf.sock"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "netconf.sock").touch()
    assert find({}) == tmp_path / "run" / "netconf.sock"
    assert Path("/run/yangswan/netconf.sock") == INSTALLED


@pytest.mark.parametrize("name", ["missing", "file", "x" * 200])
def test_without_an_agent_there_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    process = begun(tmp_path / name)
    out, errors = process.communicate(b"<hello/>", timeout=LIMIT_S)
    assert (out, process.returncode) == (b"", 1)
    assert errors.startswith(b"yangswan: no agent can be reached at ")
    assert errors.count(b"\n") == 1


@pytest.mark.parametrize("connection", ["192.0.2.7 50022 192.0.2.1 22", None])
def test_under_sshd_the_log_of_the_system_has_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], connection: str | None
) -> None:
    """sshd drops what a subsystem says on standard error."""
    lines: list[str] = []
    monkeypatch.setattr(subsystem.syslog, "syslog", lambda _level, line: lines.append(line))
    monkeypatch.setattr(subsystem.signal, "signal", lambda *_: None)
    monkeypatch.setattr(subsystem.os, "set_blocking", lambda *_: None)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    if connection is not None:
        monkeypatch.setenv("SSH_CONNECTION", connection)
    assert subsystem.carry(Path("/nowhere/s")) == 1
    said = "no agent can be reached at /nowhere/s: No such file or directory"
    assert capsys.readouterr().err == f"yangswan: {said}\n"
    assert lines == ([f"netconf-subsystem: {said}"] if connection else [])


@pytest.mark.parametrize("unread", [True, False])
def test_an_agent_that_refuses_is_said(agent: socket.socket, path: Path, unread: bool) -> None:
    process = begun(path)
    connection, _ = agent.accept() if unread else accepted(agent)
    connection.close()
    out, errors = process.communicate(timeout=LIMIT_S)
    assert (out, process.returncode) == (b"", 1)
    assert errors.endswith(b"has refused the session; its log says why\n")
    assert errors.count(b"\n") == 1


def test_who_reads_nothing_any_more_ends_it(agent: socket.socket, path: Path) -> None:
    process = begun(path)
    connection, _ = accepted(agent)
    assert process.stdout is not None
    process.stdout.close()
    with pytest.raises(ConnectionError):
        connection.sendall(b"x" * 50_000_000)
    connection.close()
    assert process.stderr is not None
    assert b"Traceback" not in process.stderr.read()
    process.wait(LIMIT_S)
    process.stdin.close()  # type: ignore[union-attr]
    process.stderr.close()


def test_its_start_imports_nothing_of_the_command_line_s_libraries(path: Path) -> None:
    process = begun(Path("/nowhere/s"), "-X", "importtime")
    _, errors = process.communicate(timeout=LIMIT_S)
    imported = {line.rpartition(b"|")[2].strip().partition(b".")[0] for line in errors.splitlines()}
    assert b"console" in imported
    assert not imported & {
        b"ncclient",
        b"paramiko",
        b"lxml",
        b"rich",
        b"prompt_toolkit",
        b"pyang",
        b"asyncio",
    }


def test_it_says_nothing_of_a_signal(agent: socket.socket, path: Path) -> None:
    process = begun(path)
    connection, _ = accepted(agent)
    process.send_signal(2)
    _, errors = process.communicate(timeout=LIMIT_S)
    connection.close()
    assert (process.returncode, errors) == (-2, b"")
