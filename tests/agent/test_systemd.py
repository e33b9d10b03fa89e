"""The agent as systemd starts it: what it says of itself, the sockets and the host key that it is given."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.data_folder import CREDENTIAL_TRACE
from agent.transport.files import write_key_pair
from tests.agent.listening import PATIENCE_S, listening
from tests.agent_process import AgentProcess, start_agent

ROOT = Path(__file__).parents[2]
# LISTEN_PID is known to the process alone that the agent becomes.
AS_PASSED = (
    "import os, sys\n"
    "descriptor, *command = sys.argv[1:]\n"
    "os.dup2(int(descriptor), 3, inheritable=True)\n"
    "os.environ |= {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1', 'LISTEN_FDNAMES': 'netconf'}\n"
    "os.execv(command[0], command)\n"
)


def start_with(passed: socket.socket, data_dir: Path, *options: str) -> AgentProcess:
    number = passed.fileno()
    prefix = (sys.executable, "-c", AS_PASSED, str(number))
    return start_agent(data_dir, options, prefix=prefix, pass_fds=[number])


def refused(data_dir: Path, *prefix: str, pass_fds: tuple[int, ...] = ()) -> tuple[int, str]:
    """Return how a start ended, and what it said."""
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "agent", "--data-dir", str(data_dir), "--listen", "127.0.0.1:0",
         "--charon", "none"],
        cwd=ROOT, pass_fds=pass_fds, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    return done.returncode, done.stderr


def test_systemd_hears_of_a_start_of_being_ready_and_alive_and_of_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(tmp_path) as systemd:
        monkeypatch.setenv("NOTIFY_SOCKET", systemd.address)
        monkeypatch.setenv("WATCHDOG_USEC", "400000")
        agent = start_agent(tmp_path / "data")
        *starting, ready = systemd.until("READY=1")
        systemd.until("WATCHDOG=1")
        systemd.until("WATCHDOG=1")
        agent.process.send_signal(signal.SIGTERM)
        stopping = systemd.until("STOPPING=1")[-1]
        assert agent._end() == 0
        after = systemd.said()
    said = "".join(starting)
    assert starting[0] == "STATUS=starting: the history is opened\nEXTEND_TIMEOUT_USEC=600000000\n"
    assert "STATUS=starting: YANG modules are loaded\n" in said
    assert "STATUS=starting: tunnels: 0 committed, strongswan begins with them\n" in said
    assert "EXTEND_TIMEOUT_USEC=180000000\n" in said
    assert "WATCHDOG=1" not in said
    assert ready == f"READY=1\nSTATUS=ready: NETCONF on 127.0.0.1:{agent.port}, charon none, tunnels: 0\n"
    assert stopping == "STOPPING=1\nSTATUS=stopping: sessions are ended\n"
    more_time = "EXTEND_TIMEOUT_USEC=180000000\n"
    assert after == [more_time, "STOPPING=1\nSTATUS=stopping: strongswan, and what it runs\n", more_time]


@pytest.mark.parametrize("faulty", [False, True])
def test_systemd_hears_that_settings_are_read_again_and_that_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faulty: bool
) -> None:
    settings = tmp_path / "settings.toml"
    settings.touch()
    with listening(tmp_path) as systemd:
        monkeypatch.setenv("NOTIFY_SOCKET", systemd.address)
        agent = start_agent(tmp_path / "data", ["--config", str(settings)])
        systemd.until("READY=1")
        settings.write_text("colour = 1" if faulty else "[limits]\nsessions = 3")
        agent.process.send_signal(signal.SIGHUP)
        begun = systemd.until("RELOADING=1")[-1]
        ready = systemd.until("READY=1")[-1]
        assert agent.stop() == 0
    assert begun.splitlines()[1].startswith("MONOTONIC_USEC=")
    assert ready == f"READY=1\nSTATUS=ready: NETCONF on 127.0.0.1:{agent.port}, charon none, tunnels: 0\n"
    assert any("unknown setting 'colour'" in line for line in agent.log) is faulty


def test_an_agent_that_the_watchdog_ends_says_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it does end one which hangs is seen on a machine (tests/machines)."""
    with listening() as systemd:
        monkeypatch.setenv("NOTIFY_SOCKET", systemd.address)
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        agent = start_agent(tmp_path)
        systemd.until("WATCHDOG=1")
        agent.process.send_signal(signal.SIGABRT)
        assert agent._end() == -signal.SIGABRT
    assert any("Current thread" in line for line in agent.log)
    assert any("in run_forever" in line for line in agent.log)


def test_nobody_where_systemd_should_be_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    assert start_agent(tmp_path / "data").stop() == 0


# --- sockets ---


@contextmanager
def listened_on() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def connected(passed: socket.socket) -> socket.socket:
    made = socket.create_connection(passed.getsockname(), PATIENCE_S)
    made.settimeout(PATIENCE_S)
    return made


def test_no_connection_is_refused_while_the_agent_is_restarted(tmp_path: Path) -> None:
    with listened_on() as passed, connected(passed) as early:
        first = start_with(passed, tmp_path)
        assert first.port == passed.getsockname()[1]
        assert early.recv(8) == b"SSH-2.0-", "who came before the agent"
        with connected(passed) as during:
            assert during.recv(8) == b"SSH-2.0-"
        first.process.send_signal(signal.SIGTERM)
        # As many as may be there without a login (unauthenticated-per-source).
        coming = [connected(passed) for _ in range(2)]
        assert first._end() == 0
        coming += [connected(passed) for _ in range(2)]
        second = start_with(passed, tmp_path)
        assert second.port == first.port
        # One that the first agent had accepted before its end it has closed, which is no refusal either.
        assert [one.recv(8) for one in coming[2:]] == [b"SSH-2.0-"] * 2
        for one in coming:
            one.close()
        assert second.stop() == 0


def test_the_socket_of_the_machine_may_be_listened_on_by_systemd_and_its_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "netconf.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as passed:
        passed.bind(str(file))
        file.chmod(0o660)
        passed.listen()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(PATIENCE_S)
            client.connect(str(file))
            agent = start_with(passed, tmp_path / "data")
            assert b"<hello" in client.recv(4096), "who came before the agent"
            assert agent.stop() == 0
    assert file.is_socket()
    assert any(f"NETCONF is served at {file} for whom the socket unit says" in line for line in agent.log)


def test_an_address_other_than_that_of_the_settings_is_said_and_used(tmp_path: Path) -> None:
    with listened_on() as passed:
        agent = start_with(passed, tmp_path, "--listen", "127.0.0.2:8300")
        assert agent.port == passed.getsockname()[1]
        assert agent.stop() == 0
    assert any("and not on 127.0.0.2:8300, as the setting listen has it" in line for line in agent.log)


def test_a_socket_to_which_nobody_can_come_keeps_the_agent_from_starting(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as passed:
        number = passed.fileno()
        prefix = (sys.executable, "-c", AS_PASSED, str(number))
        status, said = refused(tmp_path, *prefix, pass_fds=(number,))
    assert status == os.EX_CONFIG
    assert "systemd passes 'netconf', which is no stream socket" in said
    assert "Traceback" not in said


# --- the host key ---


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The host key that systemd gives."""
    file = tmp_path / "credentials" / "host_key"
    file.parent.mkdir()
    write_key_pair(file, "of the site")
    file.chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(file.parent))
    return file


def test_the_host_key_that_is_given_is_used_and_none_is_made(given: Path, tmp_path: Path) -> None:
    before = given.read_bytes()
    agent = start_agent(tmp_path / "data")
    assert agent.stop() == 0
    made = {file.name for file in agent.data_dir.iterdir()}
    assert CREDENTIAL_TRACE in made
    assert "host_key" not in made
    public = given.with_suffix(".pub").read_text().split()[1]
    assert public in (agent.data_dir / "known_hosts").read_text()
    assert given.read_bytes() == before
    (agent.data_dir / "history.db").unlink()
    (agent.data_dir / "client_key").unlink()
    status, said = refused(agent.data_dir)
    assert status == os.EX_CONFIG
    assert f"{CREDENTIAL_TRACE} shows that it was not" in said


@pytest.mark.parametrize("what", ["damaged", "exposed"])
def test_one_that_is_damaged_or_exposed_keeps_the_agent_from_starting(
    given: Path, tmp_path: Path, what: str
) -> None:
    given.chmod(0o644)
    if what == "damaged":
        given.write_bytes(b"half of a key")
        given.chmod(0o400)
    status, said = refused(tmp_path / "data")
    assert status == os.EX_CONFIG
    assert len(said.splitlines()) == 1
    assert said.endswith("give another one with LoadCredential=, or none\n")
    assert not (tmp_path / "data").exists()
