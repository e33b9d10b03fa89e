"""Settings that are read again: what has changed, what of it is taken over, and when."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from agent import made_user
from agent.ending import Hangups
from agent.reread import FAULTS_MAX, NAMES_MAX, PASSWORDS, TAKEN_OVER, Reread, Rereading, changed, merged
from agent.settings import SETTINGS, Settings, SettingsError, from_file
from agent.web_settings import Web

BEFORE = Settings(users={"ann": Path("ann.pub")}, translators={"strongswan": {"kernel": "auto"}})
EVERYTHING = """
listen = "127.0.0.1:1"
data-dir = "other"
charon = "none"
on-stop = "keep"
log-level = "error"
log-format = "json"
socket = "x.sock"
socket-group = "operators"
yang-modules = ["x.yang"]
recovery-users = ["rescue"]
history-commits = 5
history-days = 5
[users]
bob = "bob.pub"
[limits]
sessions = 3
[metrics]
listen = "127.0.0.1:2"
[web]
listen = "127.0.0.1:2"
[translator.strongswan]
kernel = "libipsec"
retry-max = 5
[translator.other]
x = 1
"""


@pytest.fixture(autouse=True)
def hangup_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


def test_what_has_changed_is_told_in_the_words_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(EVERYTHING)
    found = changed(BEFORE, from_file(file))
    assert {key.partition(".")[0] for key in found} == SETTINGS
    assert {key for key in found if "." in key} == {
        "users.ann", "users.bob", "limits.sessions", "translator.strongswan.kernel",
        "translator.strongswan.retry-max", "translator.other.x", "web.listen",
    }  # fmt: skip


def test_what_is_taken_over_is_a_setting() -> None:
    assert set(TAKEN_OVER) < SETTINGS


def test_passwords_are_taken_over_and_the_rest_of_the_web_is_not(tmp_path: Path) -> None:
    before = Settings(web=Web("::1", 1, names=("a",), passwords={"ann": "x", "bob": "y"}))
    now = Settings(web=Web("::1", 2, names=("a",), passwords={"bob": "z"}))
    assert changed(before, now) == ["web.listen", PASSWORDS]
    assert merged(before, now).web == Web("::1", 1, names=("a",), passwords={"bob": "z"})
    assert merged(before, Settings()).web == Web("::1", 1, names=("a",))
    assert merged(Settings(), now).web is None


def test_the_rest_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(EVERYTHING)
    now = merged(BEFORE, from_file(file))
    assert (now.users, now.limits) == ({"bob": tmp_path / "bob.pub"}, {"sessions": 3})
    assert (now.recovery_users, now.log_level, now.log_format) == (("rescue",), "error", "json")
    assert {key.partition(".")[0] for key in changed(BEFORE, now)} == set(TAKEN_OVER)


KEY = Path("/data/client_key.pub")


@pytest.mark.parametrize(
    ("before", "now", "goes", "keys"),
    [
        ({}, {"rita": Path("r.pub")}, True, {"users.admin", "users.rita"}),
        ({}, {"rita": Path("r.pub"), "admin": KEY}, False, {"users.admin", "users.rita"}),
        ({"admin": KEY}, {"rita": Path("r.pub")}, False, {"users.admin", "users.rita"}),
        ({"rita": Path("r.pub")}, {}, False, {"users.admin", "users.rita"}),
        ({}, {}, False, set()),
    ],
)
def test_the_user_who_is_made_without_others_counts_as_one(
    before: dict[str, Path], now: dict[str, Path], goes: bool, keys: set[str]
) -> None:
    was, becomes = Settings(users=before, data_dir=Path("/data")), Settings(users=now, data_dir=Path("/data"))
    assert set(changed(was, becomes)) == keys
    assert made_user.goes(was, becomes) is goes


def test_of_whoever_goes_the_true_reason_is_said() -> None:
    taken = Reread(BEFORE, BEFORE.users)
    ousted = replace(taken, ousted="admin")
    assert taken.why_gone("admin") == "the user 'admin' was taken out of the settings"
    assert ousted.why_gone("ann") == "the user 'ann' was taken out of the settings"
    assert "while the settings named no users" in ousted.why_gone("admin")


def test_how_to_keep_him_can_be_pasted(tmp_path: Path) -> None:
    folder = tmp_path / 'a "b" \\c'
    line = made_user.how_to_keep(folder).removeprefix("To keep him: ").removesuffix(" below [users]")
    assert tomllib.loads(line) == {"admin": str(folder / "client_key.pub")}


@dataclass
class World:
    """What is read, what was taken over, and the log of both."""

    answers: list[Settings | Exception]
    reads: int = 0
    taken: list[Settings] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    read: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    def answer(self) -> Reread:
        self.reads += 1
        self.read.set()
        self.go_on.wait()
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return Reread(found, found.users)

    def take_over(self, found: Reread) -> None:
        self.taken.append(found.settings)

    @contextmanager
    def supervised(self) -> Iterator[None]:
        self.log.append("reloading")
        yield
        self.log.append("ready")


@asynccontextmanager
async def rereading(world: World) -> AsyncIterator[None]:
    work = Rereading(
        Hangups(), settings=BEFORE, read=world.answer, take_over=world.take_over, supervised=world.supervised
    )
    async with work.in_background():
        await turns(lambda: True)
        yield


async def turns(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            await asyncio.to_thread(lambda: None)
            if true():
                return


async def hangup() -> None:
    os.kill(os.getpid(), signal.SIGHUP)
    await turns(lambda: True)


async def test_a_hangup_takes_over_what_was_read_and_names_what_needs_a_restart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    nobody = replace(BEFORE, users={}, says_users=True)
    now = replace(nobody, host="::1", port=5, translators={"strongswan": {"kernel": "netlink"}})
    world = World([now, now])
    async with rereading(world):
        await hangup()
        await turns(lambda: world.log == ["reloading", "ready"])
        assert world.taken == [now]
        assert "are in force now: users.admin, users.ann" in caplog.text
        needed = [record.getMessage().split("'")[1] for record in caplog.records if "restart" in record.msg]
        assert needed == ["listen", "translator.strongswan.kernel"]
        caplog.clear()
        await hangup()
        await turns(lambda: len(world.log) == 4)
        # What is in force is in force; what waits for a restart still waits.
        assert "nothing has changed that an agent takes over" in caplog.text
        assert len([record for record in caplog.records if "restart" in record.msg]) == 2


@pytest.mark.parametrize(
    "problem",
    [
        SettingsError("the first", "the second"),
        OSError(5, "the first", "the second"),
        RuntimeError("the first the second"),
    ],
    ids=lambda problem: type(problem).__name__,
)
async def test_what_cannot_be_used_changes_nothing_and_the_next_may(
    problem: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    world = World([problem, BEFORE])
    async with rereading(world):
        await hangup()
        await turns(lambda: world.log == ["reloading", "ready"])
        assert world.taken == []
        assert "stay as they were" in caplog.text
        assert all(word in caplog.text for word in ("the first", "the second"))
        await hangup()
        await turns(lambda: world.taken == [BEFORE])


async def test_a_file_that_forgets_all_users_logs_nobody_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    forgotten = replace(BEFORE, users={}, says_users=False)
    world = World([forgotten, replace(forgotten, says_users=True)])
    async with rereading(world):
        await hangup()
        await turns(lambda: world.log == ["reloading", "ready"])
        assert world.taken == []
        assert "does not say [users] any more" in caplog.text
        await hangup()
        await turns(lambda: bool(world.taken))
        assert world.taken[0].users == {}


async def test_each_fault_has_a_line_of_its_own_up_to_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    world = World([SettingsError(*(f"fault {number}" for number in range(1000)))])
    async with rereading(world):
        await hangup()
        await turns(lambda: world.log == ["reloading", "ready"])
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert said[1:-1] == [f"fault {number}" for number in range(FAULTS_MAX)]
    assert said[-1] == f"and {1000 - FAULTS_MAX} more, which --check names"


async def test_the_names_in_a_line_have_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    world = World([replace(BEFORE, users={f"user{number}": Path("x") for number in range(1000)})])
    async with rereading(world):
        await hangup()
        await turns(lambda: bool(world.taken))
    assert f"and {1001 - NAMES_MAX} more" in caplog.text


async def test_hangups_while_settings_are_read_are_one(caplog: pytest.LogCaptureFixture) -> None:
    world = World([BEFORE, BEFORE])
    world.go_on.clear()
    async with rereading(world):
        await hangup()
        await asyncio.to_thread(world.read.wait)
        for _ in range(50):
            await hangup()
        world.go_on.set()
        await turns(lambda: len(world.log) == 4)
        await turns(lambda: True)
    assert world.reads == 2


async def test_a_hangup_before_anybody_waits_is_not_lost() -> None:
    world, hangups = World([BEFORE]), Hangups()
    os.kill(os.getpid(), signal.SIGHUP)
    work = Rereading(hangups, settings=BEFORE, read=world.answer, take_over=world.take_over)
    async with work.in_background():
        await turns(lambda: world.taken == [BEFORE])


def test_a_hangup_after_the_loop_is_harmless() -> None:
    hangups = Hangups()

    async def wait() -> None:
        task = asyncio.create_task(hangups.came())
        await turns(lambda: True)
        task.cancel()

    asyncio.run(wait())
    os.kill(os.getpid(), signal.SIGHUP)
    assert True  # the process is there
