"""Users whom the system looks up at a server that hangs: nobody waits for it but they themselves."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from agent.transport import ssh as ssh_transport
from agent.transport import unix
from agent.transport.accounts import Lookups, Unanswered
from agent.transport.limits import Limits
from tests.agent.transport import ssh_server, unix_server
from tests.agent.transport.unix_server import ANN, USERS, Machine, close_clients, until

PATIENT_S = 3600.0


class Directory:
    """What hangs until the test ends."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.asked = 0

    def hang(self, *_: Any) -> Any:
        self.asked += 1
        self.over.wait()
        return ()


@pytest.fixture
def directory() -> Iterator[Directory]:
    made = Directory()
    yield made
    made.over.set()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    return Path("s")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


async def ended(question: asyncio.Task[Any]) -> str:
    """Return how it ended that nobody answered."""
    with pytest.raises(Unanswered) as problem:
        await question
    return str(problem.value)


async def test_what_hangs_keeps_no_more_threads_than_are_allowed(directory: Directory) -> None:
    lookups = Lookups(limit_s=0.01, at_once=2)
    asked = [asyncio.create_task(lookups.ask(directory.hang)) for _ in range(5)]
    for one in asked:
        assert "does not tell in time" in await ended(one)
    assert directory.asked == 2
    directory.over.set()
    patient = Lookups(limit_s=PATIENT_S, at_once=1)
    assert await patient.ask(lambda: 1) == 1
    assert await patient.ask(lambda: 2) == 2


async def test_the_place_of_what_hangs_is_given_back_and_others_are_answered(directory: Directory) -> None:
    lookups = Lookups(limit_s=PATIENT_S, at_once=1, given_up_s=0.01)
    hanging = asyncio.create_task(lookups.ask(directory.hang))
    assert await lookups.ask(lambda: 1) == 1
    assert await lookups.ask(lambda: 2) == 2
    assert not hanging.done()
    directory.over.set()
    assert await hanging == ()  # who still waits for it is told


async def test_no_more_threads_hang_than_are_allowed_and_those_that_end_make_room(
    directory: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    lookups = Lookups(limit_s=PATIENT_S, at_once=1, given_up_s=0.001, given_up_max=2)
    hanging = [asyncio.create_task(lookups.ask(directory.hang)) for _ in range(3)]
    await until(lambda: directory.asked == 3)
    impatient = asyncio.create_task(lookups.ask(lambda: 1))
    # By the time that others give up after, the third has been looked at, and keeps its place.
    others = Lookups(limit_s=PATIENT_S, at_once=1, given_up_s=0.05)
    hanging.append(asyncio.create_task(others.ask(directory.hang)))
    await until(lambda: directory.asked == 4)
    assert await others.ask(lambda: 1) == 1
    assert not impatient.done()
    assert caplog.text.count("does not end") == 3  # one of the others
    directory.over.set()
    assert await impatient == 1
    assert await asyncio.gather(*hanging) == [(), (), (), ()]
    again = Directory()
    hanging = [asyncio.create_task(lookups.ask(again.hang)) for _ in range(3)]
    await until(lambda: again.asked == 3)
    again.over.set()
    await asyncio.gather(*hanging)


async def test_what_it_raises_is_raised_and_its_thread_is_free_again() -> None:
    lookups = Lookups(limit_s=PATIENT_S, at_once=1)
    for _ in range(2):
        with pytest.raises(ValueError, match="damaged"):
            await lookups.ask(_damaged)
    assert await lookups.ask(lambda: 1) == 1


async def test_without_a_thread_nobody_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups = Lookups(limit_s=PATIENT_S, at_once=1)
    with monkeypatch.context() as none_left:
        none_left.setattr(threading.Thread, "start", _no_thread)
        for _ in range(2):
            with pytest.raises(Unanswered, match="no thread"):
                await lookups.ask(lambda: 1)
    assert await lookups.ask(lambda: 1) == 1


@pytest.mark.parametrize("what", ["name_of", "system_groups"])
async def test_who_is_not_looked_up_in_time_is_refused_at_the_socket_and_others_go_on(
    machine: Machine,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: Any,
    directory: Directory,
    what: str,
) -> None:
    async with unix_server.serving(path) as served:
        before = await unix_server.connect(served)
        await before.echo(b"<")
        monkeypatch.setattr(unix, what, directory.hang)
        served.transport._lookups = Lookups(limit_s=0.05, at_once=8)
        client = await unix_server.connect(served)
        await until(lambda: directory.asked)
        assert await before.echo(b"<") == b"<"  # meanwhile
        assert await client.rest() == b""
        assert len(served.peers) == 1
        await close_clients()
    assert f"user {ANN} of this machine: the system does not tell in time" in caplog.text


@pytest.mark.parametrize(("user", "recovery_users"), [("root", ()), ("ann", ("ann",))])
async def test_for_whom_no_rule_holds_groups_are_not_needed(
    machine: Machine,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    directory: Directory,
    user: str,
    recovery_users: tuple[str, ...],
) -> None:
    machine.uid = next(uid for uid, name in USERS.items() if name == user)
    monkeypatch.setattr(unix, "system_groups", directory.hang)
    async with unix_server.serving(path, recovery_users=recovery_users) as served:
        served.transport._lookups = Lookups(limit_s=0.01, at_once=8)
        client = await unix_server.connect(served)
        client.writer.write_eof()
        await until(lambda: served.ended)
        await close_clients()
    assert [(peer.user, peer.groups) for peer in served.peers] == [(user, ())]


async def test_those_who_are_being_looked_up_are_bounded_and_do_not_keep_root_out(
    machine: Machine, path: Path, monkeypatch: pytest.MonkeyPatch, directory: Directory, caplog: Any
) -> None:
    names: Callable[[int], Any] = lambda uid: directory.hang() if uid == ANN else USERS.get(uid)  # noqa: E731
    monkeypatch.setattr(unix, "name_of", names)
    async with unix_server.serving(path, Limits(sessions=2)) as served:
        served.transport._lookups = Lookups(limit_s=PATIENT_S, at_once=8)
        for _ in range(2):
            await unix_server.connect(served)
        await until(lambda: directory.asked == 2)
        assert await (await unix_server.connect(served)).rest() == b""
        assert "being looked up already" in caplog.text
        machine.uid = 0
        assert await (await unix_server.connect(served)).echo(b"<") == b"<"
        await close_clients()


async def test_over_ssh_too_and_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any, directory: Directory
) -> None:
    async with ssh_server.serving(tmp_path) as served, _connected(served) as before:
        assert await ssh_server.echo(before, b"<") == b"<"
        monkeypatch.setattr(ssh_transport, "system_groups", directory.hang)
        served.transport.lookups = Lookups(limit_s=0.05, at_once=8)
        async with _connected(served) as late:
            for _ in range(served.transport.limits.sessions_per_user + 1):  # none keeps a place
                with pytest.raises(asyncssh.ChannelOpenError, match="does not tell in time"):
                    await ssh_server.echo(late, b"<")
        assert len(served.peers) == 1
    assert "refused a session of ann from 127.0.0.1: the system does not tell in time" in caplog.text


async def test_a_recovery_user_needs_no_groups_over_ssh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directory: Directory
) -> None:
    monkeypatch.setattr(ssh_transport, "system_groups", directory.hang)
    async with ssh_server.serving(tmp_path, recovery_users=("ann",)) as served, _connected(served) as client:
        served.transport.lookups = Lookups(limit_s=0.01, at_once=8)
        assert await ssh_server.echo(client, b"<") == b"<"
    assert [peer.groups for peer in served.peers] == [()]


async def test_who_goes_meanwhile_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directory: Directory
) -> None:
    monkeypatch.setattr(ssh_transport, "system_groups", directory.hang)
    async with ssh_server.serving(tmp_path) as served:
        served.transport.lookups = Lookups(limit_s=PATIENT_S, at_once=8)
        async with _connected(served) as client:
            opening = asyncio.create_task(ssh_server.echo(client, b"<"))
            await until(lambda: directory.asked)
            client.abort()
            with contextlib.suppress(asyncssh.Error):
                await opening
        await until(lambda: not served.transport.connections)
        directory.over.set()
        monkeypatch.setattr(ssh_transport, "system_groups", lambda user: ("staff",))
        async with _connected(served) as client:
            assert await ssh_server.echo(client, b"<") == b"<"
    assert [peer.groups for peer in served.peers] == [("staff",)]


def _connected(served: ssh_server.Served) -> Any:
    return asyncssh.connect("127.0.0.1", **served.options())


def _damaged() -> int:
    raise ValueError("damaged")


def _no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
