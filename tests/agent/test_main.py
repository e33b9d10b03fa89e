"""The program's last resort: a call into libyang that does not end cannot keep it from stopping."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncssh
import pytest

from agent import from_settings, tasks, threads
from agent.assembly import Agent
from agent.data_folder import KEYS, DataDir, DataDirInUse, Exposed, Lost, refuse_lost, refuse_read
from agent.datastore.configuration import Configuration
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError
from agent.first_start import (
    connect_hints,
    ensure_keys,
    ensure_rules,
    host_key_hint,
    keep_known_hosts,
)
from agent.operational import Operational
from agent.settings import Settings
from agent.transport.files import DamagedKey, write_key_pair
from agent.transport.limits import Limits
from agent.transport.places import Places
from agent.transport.ssh import SshTransport
from agent.transport.unix import UnixTransport
from agent.yang.schema import Schema
from tests.agent.lab import direct


class Exited(Exception):
    pass


@pytest.mark.parametrize("which", [0, 1])
async def test_a_stuck_libyang_thread_does_not_keep_the_program(
    which: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def leave(code: int) -> None:
        raise Exited(code)

    monkeypatch.setattr(threads, "STOP_LIMIT_S", 0.1)
    monkeypatch.setattr(threads.os, "_exit", leave)
    pools, stuck = [ThreadPoolExecutor(1), ThreadPoolExecutor(1)], threading.Event()
    pools[which].submit(stuck.wait)
    with pytest.raises(Exited):
        await threads.end_threads(*pools, Store(tmp_path / "history.db"))
    assert "the program ends without it" in caplog.text
    stuck.set()
    for pool in pools:
        pool.shutdown()


async def test_an_idle_libyang_thread_ends_with_the_program(tmp_path: Path) -> None:
    writes, reads = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
    await threads.end_threads(writes, reads, Store(tmp_path / "history.db"))
    for pool in (writes, reads):
        with pytest.raises(RuntimeError):
            pool.submit(int)


def test_the_first_start_makes_a_key_once(tmp_path: Path) -> None:
    users = ensure_keys(tmp_path, {})
    first = (tmp_path / "client_key").read_bytes()
    assert ensure_keys(tmp_path, {}) == users == {"admin": tmp_path / "client_key.pub"}
    assert (tmp_path / "client_key").read_bytes() == first
    assert (tmp_path / "client_key").stat().st_mode & 0o777 == 0o600


def test_a_key_of_which_a_crash_left_half_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "client_key").write_bytes(b"half")
    ensure_keys(tmp_path, {})
    assert b"OPENSSH PRIVATE KEY" in (tmp_path / "client_key").read_bytes()


@pytest.mark.parametrize("content", [b"", b"half", bytes(5000), b"\xff\xfe\n" * 50])
def test_a_key_of_the_made_user_that_is_damaged_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    ensure_keys(tmp_path, {})
    assert not caplog.records
    (tmp_path / "client_key").write_bytes(content)
    users = ensure_keys(tmp_path, {})
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"the key of the user 'admin' {tmp_path}/client_key cannot be read: ")
    assert "remove it" in said
    assert (tmp_path / "client_key").read_bytes() == content
    caplog.clear()
    ensure_keys(tmp_path, {"bob": tmp_path / "bob.pub"})
    assert not caplog.records, "nobody uses it"
    (tmp_path / "client_key").unlink()
    assert ensure_keys(tmp_path, {}) == users
    assert b"OPENSSH PRIVATE KEY" in (tmp_path / "client_key").read_bytes()


@pytest.mark.parametrize("key", KEYS)
def test_a_history_that_is_lost_beside_keys_is_refused_with_how_to_go_on(tmp_path: Path, key: str) -> None:
    history = tmp_path / "history.db"
    refuse_lost(tmp_path)
    history.touch()
    refuse_lost(tmp_path)  # a first start that ended early
    (tmp_path / key).touch()
    for state in ("empty", "missing"):
        with pytest.raises(Lost, match=rf"history\.db is {state}, and .*{key} shows .* --repair"):
            refuse_lost(tmp_path)
        history.unlink(missing_ok=True)
    history.write_bytes(b"something")
    refuse_lost(tmp_path)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_key_that_others_may_read_is_refused_and_left_as_it_is(tmp_path: Path, key: str, mode: int) -> None:
    file = tmp_path / key
    file.touch(0o600)
    refuse_read(tmp_path)
    file.chmod(mode)
    with pytest.raises(Exposed, match=rf"{key} may be read by others \(mode {mode:04o}\).* chmod 600 "):
        refuse_read(tmp_path)
    assert file.stat().st_mode & 0o777 == mode


def test_with_configured_users_no_key_is_made(tmp_path: Path) -> None:
    assert ensure_keys(tmp_path, {"ann": tmp_path / "ann.pub"}) == {"ann": tmp_path / "ann.pub"}
    assert os.listdir(tmp_path) == []


def test_the_hints_name_user_port_and_key(tmp_path: Path) -> None:
    users = ensure_keys(tmp_path, {})
    write_key_pair(tmp_path / "host_key", "host")
    hints = list(connect_hints(Settings(data_dir=tmp_path), 8301, users))
    for hint in hints[1:]:
        assert "8301" in hint
        assert "admin" in hint
        assert str(tmp_path / "client_key") in hint


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o500 | 0o200])
def test_a_data_folder_that_the_agent_did_not_make_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    folder.chmod(mode)
    with DataDir(folder):
        assert folder.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o722, 0o1777])
def test_a_data_folder_that_others_may_write_in_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(Exposed, match=rf"mode {mode:04o}.* chmod go-w {folder}"), DataDir(folder):
        pass
    assert (list(folder.iterdir()), folder.stat().st_mode & 0o1777) == ([], mode)


def test_a_data_folder_that_is_made_is_private(tmp_path: Path) -> None:
    with DataDir(tmp_path / "new" / "folder"):
        assert (tmp_path / "new" / "folder").stat().st_mode & 0o777 == 0o700


def test_only_clients_that_are_installed_are_hinted_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = ensure_keys(tmp_path, {})
    write_key_pair(tmp_path / "host_key", "host")
    monkeypatch.setattr("agent.first_start.find_spec", lambda _name: None)
    monkeypatch.setattr("agent.first_start._client", lambda _name: None)
    (_, only) = connect_hints(Settings(data_dir=tmp_path), 8301, users)
    assert only.startswith("  ssh ")


def test_the_hints_check_the_host_key(tmp_path: Path) -> None:
    users = ensure_keys(tmp_path, {})
    write_key_pair(tmp_path / "host_key", "host")
    algorithm, key, *_ = (tmp_path / "host_key.pub").read_text().split()
    settings = Settings(data_dir=tmp_path)
    assert host_key_hint(tmp_path / "host_key") == f"Host key: {algorithm} {key}"
    _, ssh, _, ncclient = connect_hints(settings, 8301, users)
    assert f"UserKnownHostsFile={tmp_path / 'known_hosts'} -o StrictHostKeyChecking=yes" in ssh
    assert f"hostkey_b64='{key}'" in ncclient
    assert "hostkey_verify" not in ncclient
    for port, name in ((8301, "[127.0.0.1]:8301"), (22, "127.0.0.1")):
        keep_known_hosts(settings, port)
        assert (tmp_path / "known_hosts").read_text() == f"{name},* {algorithm} {key}\n"


def test_known_hosts_that_cannot_be_written_are_no_reason_not_to_serve(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_key_pair(tmp_path / "host_key", "host")
    (tmp_path / "known_hosts.new").mkdir()
    keep_known_hosts(Settings(data_dir=tmp_path), 8301)
    assert not (tmp_path / "known_hosts").exists()
    assert "known_hosts could not be written" in caplog.text


@pytest.mark.parametrize("there", [True, False])
def test_a_data_folder_that_takes_no_lock_file_has_one_agent_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    if there:
        (tmp_path / "lock").touch()
    open_as_it_is = os.open

    def full(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return open_as_it_is(path, flags, mode)

    monkeypatch.setattr(os, "open", full)
    first, second = DataDir(tmp_path), DataDir(tmp_path)
    with first, pytest.raises(DataDirInUse, match="another agent"), second:
        pass
    with DataDir(tmp_path):
        assert sorted(os.listdir(tmp_path)) == (["lock"] if there else [])


def test_a_data_folder_that_may_not_be_written_for_another_reason_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", forbidden)
    with pytest.raises(PermissionError), DataDir(tmp_path):
        pass


def test_what_a_translator_says_of_its_state_reaches_who_watches_it(schema: Schema) -> None:
    outlet = from_settings.Outlet()
    seen: list[Sequence[str]] = []
    outlet.state_changed(["/before:anybody/watches"])
    outlet.operational = Operational(schema, [], {})
    outlet.operational.when_changed += [seen.append, seen.append]
    outlet.state_changed(["/a:b/c"])
    assert seen == [["/a:b/c"], ["/a:b/c"]]


async def test_first_rules_for_which_the_disk_has_no_room_are_said(schema: Schema, tmp_path: Path) -> None:
    store = Store(tmp_path / "history.db")
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    configuration = Configuration(schema, store, translators=[], worker=direct)
    await configuration.start()
    with pytest.raises(StoreError, match=r"first rules of access control could not be committed: .*full"):
        await ensure_rules(configuration, ["u" * 60_000])
    store.close()


def only_a_transport(host_key: Path, port: int) -> Agent:
    """Return an agent in which to begin anything but its transport would be an AttributeError."""
    shared: dict[str, Any] = {
        "places": Places(Limits()),
        "serve": lambda _stream, _peer: asyncio.sleep(0),
    }
    transport = SshTransport(host="localhost", port=port, host_key=host_key, users={}, **shared)
    local = UnixTransport(host_key.with_name("socket"), "yangswan", insists=True, **shared)
    nothing: Any = SimpleNamespace()
    return Agent(nothing, nothing, transport=transport, local=local, orphans=nothing)


async def test_a_port_in_use_is_found_before_anything_is_begun(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        agent = only_a_transport(tmp_path / "host_key", port=other.getsockname()[1])
        with pytest.raises(OSError, match=r"cannot be served on 127\.0\.0\.1 .* another program listens"):
            await agent.start({})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", [b"", bytes(500), b"\xff\xfe", b"ssh-ed25519 AAAA\n", None])
async def test_a_damaged_host_key_is_found_before_anything_is_begun(
    tmp_path: Path, content: bytes | None
) -> None:
    key = tmp_path / "host_key"
    if content is None:  # one with a passphrase
        made = asyncssh.generate_private_key("ssh-ed25519")
        content = made.export_private_key("pkcs8-pem", passphrase="secret", hash_name="sha256")
    key.write_bytes(content)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(
        DamagedKey, match=r"the host key .*host_key cannot be read: .*; remove it to have one"
    ):
        await only_a_transport(key, port).start({})
    assert key.read_bytes() == content
    again = only_a_transport(tmp_path / "other", port).transport
    await again.take_address()  # it was given back
    await again.stop()


def test_keys_are_made_in_the_folder_that_is_in_use_when_settings_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('data-dir = "elsewhere"\ncharon = "none"\n')
    (tmp_path / "data").mkdir()
    monkeypatch.setattr("sys.argv", ["yangswand", "--config", str(file)])
    assert tasks._reread(tmp_path / "data").users == {"admin": tmp_path / "data" / "client_key.pub"}
    assert not (tmp_path / "elsewhere").exists()
