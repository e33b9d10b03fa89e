"""A long history is compared in a process of its own, which is believed only if it says that all is whole."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import IO, Any

import pytest

from agent import tasks
from agent.datastore import checksums, comparison, replay, store
from agent.datastore.checksums import Damaged
from agent.datastore.comparison import Comparison, of_long
from agent.datastore.configuration import Configuration
from agent.datastore.confirmed import Window
from agent.datastore.progress import Ended, Progress, endless
from agent.datastore.records import CommitInfo, UnitChange
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreDamaged
from agent.served import SERVED, standard_modules
from agent.settings import Settings
from agent.translator import Json, Keys
from agent.yang import completing
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.datastore.lab import ONE, commit, started
from tests.agent.datastore.test_in_pieces import BODIES, LIST, MODULE, document
from tests.agent.lab import direct, entry
from tests.agent.recording_translator import RecordingTranslator

INFO = CommitInfo("tester", 7, "127.0.0.1", "why")
TIME = "2026-11-27T00:00:00Z"
DAMAGE = "UPDATE changes SET after = CAST('<x/>' AS BLOB) WHERE commit_id = 1"


def change(number: int) -> UnitChange:
    return UnitChange(f"/m:list[id='{number}']", b"", b"<a>%d</a>" % number)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "history.db"
    opened = Store(made)
    for number in range(3):
        opened.finish(opened.begin(INFO, [change(number)], TIME))
    opened.close()
    return made


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often this process has compared a history itself."""
    found: list[str] = []
    real = checksums.verify

    def counted(database: sqlite3.Connection, progress: Progress) -> None:
        found.append("compared")
        real(database, progress)

    monkeypatch.setattr(store, "verify", counted)
    return found


@pytest.fixture
def compared(file: Path) -> Iterator[Callable[[], Store]]:
    """Opens the history as a start does, with a process that compares it."""
    opened: list[Store] = []

    def open_() -> Store:
        begun = Comparison(file)
        opened.append(Store(file))
        opened[-1].compare_by(begun)
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


def damage(file: Path, statement: str = DAMAGE) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.executescript(statement)


def pid_of(opened: Store) -> int:
    assert opened._comparison is not None
    return opened._comparison._pid


def taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def until(happened: Callable[[], bool]) -> bool:
    given_up_s = monotonic() + 60
    while not (seen := happened()) and monotonic() < given_up_s:
        os.sched_yield()
    return seen


def test_what_is_whole_is_compared_by_the_other_process_alone(
    compared: Callable[[], Store], here: list[str]
) -> None:
    opened = compared()
    assert opened.is_being_compared
    opened.verify(endless())
    assert here == []
    opened.verify(endless())
    assert here == ["compared"], "what was said holds once"


@pytest.mark.parametrize(
    "statement",
    [
        DAMAGE,
        "DELETE FROM changes WHERE commit_id = 2",
        "UPDATE seal SET total = total + 1",
        "DELETE FROM seal",
    ],
)
def test_damage_is_found_and_named_as_ever(
    file: Path, compared: Callable[[], Store], here: list[str], statement: str
) -> None:
    damage(file, statement)
    with closing(Store(file)) as alone, pytest.raises(Damaged) as expected:
        alone.verify(endless())
    with pytest.raises(Damaged) as found:
        compared().verify(endless())
    assert found.value.faults == expected.value.faults
    assert here == ["compared"] * 2


def test_a_process_that_was_killed_is_not_believed(
    file: Path, compared: Callable[[], Store], here: list[str]
) -> None:
    opened = compared()
    os.kill(pid_of(opened), signal.SIGKILL)
    opened.verify(endless())
    damage(file)
    opened = compared()
    os.kill(pid_of(opened), signal.SIGKILL)
    with pytest.raises(Damaged):
        opened.verify(endless())
    # It may have been done before the signal came, but for what is damaged.
    assert 1 <= len(here) <= 2


def test_one_that_stands_still_is_given_up(
    file: Path, here: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "SILENT_S", 0.2)
    begun = Comparison(file)
    os.kill(begun._pid, signal.SIGSTOP)
    os.waitid(os.P_PID, begun._pid, os.WSTOPPED)
    with closing(Store(file)) as opened:
        opened.compare_by(begun)
        opened.verify(endless())
        assert here == ["compared"]
        assert begun._pid == 0


@pytest.mark.parametrize(
    ("said", "exits"),
    [(b"", 0), (b"whole", 0), (b"whole 1", 0), (b"whole a b", 0), (b"whole 6 7", 0), (b"whole %d %d", 1)],
)
def test_what_it_says_has_to_be_all_of_it(
    file: Path, here: list[str], monkeypatch: pytest.MonkeyPatch, said: bytes, exits: int
) -> None:
    def copy(_path: Path, _begin: int, say: int) -> None:
        with closing(sqlite3.connect(file)) as database:
            seal = comparison.seal_of(database) or (0, 0)
        os.write(say, said % seal if b"%" in said else said)
        os._exit(exits)

    monkeypatch.setattr(comparison, "_be_copy", copy)
    begun = Comparison(file)
    with closing(Store(file)) as opened:
        opened.compare_by(begun)
        opened.verify(endless())
    assert here == ["compared"]


def test_what_was_written_meanwhile_has_it_done_again(compared: Callable[[], Store], here: list[str]) -> None:
    opened = compared()
    opened._db.execute("PRAGMA busy_timeout = 60000")
    opened.keep_note("a", "b")
    opened.verify(endless())
    assert here == ["compared"]


def test_who_is_told_to_stop_does_not_wait_for_it(compared: Callable[[], Store]) -> None:
    opened = compared()
    pid = pid_of(opened)
    with pytest.raises(Ended):
        opened.verify(Progress(lambda: True))
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)


def test_it_ends_with_its_history(compared: Callable[[], Store]) -> None:
    opened = compared()
    pid = pid_of(opened)
    opened.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)


def test_it_ends_by_itself_if_nobody_tells_it_to_begin(file: Path) -> None:
    begun = Comparison(file)
    os.close(begun._begin)
    begun._begin = os.dup(begun._said)
    assert begun.whole(endless()) is None


def test_it_keeps_no_lock_of_this_process(file: Path, tmp_path: Path) -> None:
    """Else a killed agent could not be started again before this process has ended."""
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waits = Comparison(file)
    try:
        with (tmp_path / "lock").open("w") as again:
            assert until(lambda: taken(again)), "it still has what this process has closed"
        assert os.waitpid(waits._pid, os.WNOHANG) == (0, 0)
    finally:
        waits.end()


def test_a_short_history_or_none_is_compared_here(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert of_long(file) is None
    assert of_long(file.with_name("none")) is None
    monkeypatch.setattr(comparison, "LONG_OCTETS", file.stat().st_size)
    begun = of_long(file)
    assert begun is not None
    begun.end()


def test_what_does_not_fit_is_said_when_all_is_known_to_be_whole(
    schema: Schema, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def loaded(*, apart: bool) -> tuple[bytes, list[str]]:
        caplog.clear()
        begun = Comparison(file) if apart else None
        with closing(Store(file)) as opened:
            if begun is not None:
                opened.compare_by(begun)
            configuration = Configuration(schema, opened, translators=[], worker=direct)
            configuration.load()
            return configuration.running.to_xml(), [record.getMessage() for record in caplog.records]

    loaded(apart=False)
    alone = loaded(apart=False)
    assert alone == loaded(apart=True)
    assert "is left out" in alone[1][0]
    damage(file)
    with pytest.raises(StoreDamaged):
        loaded(apart=True)
    assert not caplog.records


@pytest.mark.parametrize(
    ("table", "column"), [("snapshots", "content"), ("changes", "after")], ids=["a snapshot", "a change"]
)
async def test_libyang_sees_nothing_that_does_not_fit_its_checksum(
    schema: Schema, tmp_path: Path, table: str, column: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the history is read while another process compares it: a row that is read is compared first."""
    configuration = await started(schema, tmp_path)
    await commit(configuration, entry("<word>good</word>"))
    if table == "snapshots":
        content = configuration.running.to_xml()
        configuration.store._db.execute("DELETE FROM snapshots")
        configuration.store._db.execute("INSERT INTO snapshots (commit_id, content) VALUES (1, ?)", [content])
    configuration.store.close()
    path = tmp_path / "history.db"
    damage(path, f"UPDATE {table} SET {column} = CAST(replace({column}, 'good', 'evil') AS BLOB)")
    parsed: list[bytes] = []
    parse = Tree.parse

    def noted(of: Schema, data: bytes, *further: Any, **named: Any) -> Tree:
        parsed.append(data)
        return parse(of, data, *further, **named)

    begun = Comparison(path)
    with closing(Store(path)) as opened:
        opened.compare_by(begun)
        again = Configuration(schema, opened, translators=[RecordingTranslator()], worker=direct)
        monkeypatch.setattr(Tree, "parse", noted)
        with pytest.raises(StoreDamaged, match="does not fit its checksum"):
            again.load()
    assert not [data for data in parsed if b"evil" in data]


async def test_running_is_read_once_and_again_if_something_had_to_be_put_right(
    schema: Schema, tmp_path: Path, here: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, ONE)
    running = configuration.running.to_xml()
    configuration.store.close()
    here.clear()
    read: list[int] = []
    real = replay._read

    def counted(opened: Store, of: Schema, progress: Progress) -> object:
        read.append(opened.latest())
        return real(opened, of, progress)

    monkeypatch.setattr(replay, "_read", counted)
    path = tmp_path / "history.db"

    def start() -> None:
        begun = Comparison(path)
        with closing(Store(path)) as opened:
            opened.compare_by(begun)
            again = Configuration(schema, opened, translators=[RecordingTranslator()], worker=direct)
            again.load()
            assert again.running.to_xml() == running
            assert opened.interrupted() == []

    start()
    assert read == [1]
    assert here == []
    with closing(Store(path)) as opened:
        opened.begin(INFO, [change(9)], TIME)
    start()
    assert read == [1, 1, 1]
    assert here == []


def schema_of(folder: Path, text: str) -> Schema:
    (folder / "pieces.yang").write_text(text)
    return Schema(standard_modules(), SERVED, [folder / "pieces.yang"])


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    return schema_of(tmp_path_factory.mktemp("pieces"), MODULE)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some entries are many."""
    monkeypatch.setattr(completing, "LEAST", 1)
    monkeypatch.setattr(completing, "PIECE", 2)


async def _started_on(
    schema: Schema, path: Path, translator: RecordingTranslator
) -> tuple[Configuration, dict[Keys, Json]]:
    """Start as an agent on a long history does; returns what each entry of running is, too."""
    begun = Comparison(path)
    opened = Store(path)
    opened.compare_by(begun)
    started_again = Configuration(schema, opened, translators=[translator], worker=direct)
    await started_again.start()
    opened.close()
    return started_again, started_again.datastores.entries(translator.config_list)


@pytest.mark.parametrize("cannot_expect", [False, True])
async def test_translators_hear_early_of_the_entries_that_they_begin_with(
    pieces: Schema, tmp_path: Path, small: None, cannot_expect: bool
) -> None:
    body = document({f"n{number}": BODIES[number] for number in range(7)})
    await _recorded(pieces, tmp_path, [body])
    translator = RecordingTranslator(config_list=LIST, cannot_expect=cannot_expect)
    again, entries = await _started_on(pieces, tmp_path / "history.db", translator)
    again.compact()
    assert again._resting._task is None, "there was one tree, which lies together"
    assert list(translator.holds.items()) == list(entries.items())
    assert len(entries) == 7
    others = list(entries)[1:]
    assert translator.expected == ({} if cannot_expect else {keys: entries[keys] for keys in others})


async def test_what_is_rolled_back_at_a_start_is_not_what_translators_begin_with(
    pieces: Schema, tmp_path: Path, small: None
) -> None:
    bodies = [document(dict.fromkeys("abc", "")), document({"b": "<number>7</number>", "d": ""})]
    await _recorded(pieces, tmp_path, bodies, window=True)
    translator = RecordingTranslator(config_list=LIST)
    _, entries = await _started_on(pieces, tmp_path / "history.db", translator)
    assert set(translator.expected) == {("b",), ("c",), ("d",)}, "before it was rolled back"
    assert translator.holds == entries
    assert set(entries) == {("a",), ("b",), ("c",)}
    assert "number" not in entries["b",]


async def test_an_entry_that_is_not_valid_any_more_is_told_as_ever(
    pieces: Schema, tmp_path: Path, small: None, caplog: pytest.LogCaptureFixture
) -> None:
    await _recorded(pieces, tmp_path, [document(dict.fromkeys("abcde", "<number>7</number>"))])
    text = MODULE.replace(". != 13", ". != 7")
    (tmp_path / "later").mkdir()
    later = schema_of(tmp_path / "later", text)
    _, entries = await _started_on(later, tmp_path / "history.db", RecordingTranslator(config_list=LIST))
    assert len(entries) == 5
    assert "the stored configuration does not satisfy the YANG modules" in caplog.text


async def _recorded(schema: Schema, folder: Path, bodies: list[str], *, window: bool = False) -> None:
    """Leave a history of commits of ``bodies``; ``window``: the last is one that nobody confirmed."""
    opened = Store(folder / "history.db")
    translators = [RecordingTranslator(config_list=LIST)]
    configuration = Configuration(schema, opened, translators=translators, worker=direct)
    await configuration.start()
    for body in bodies:
        before = opened.latest()
        await commit(configuration, body)
    if window:
        opened.finish(None, Window(before, 600, 0.0, 7, "tester", "127.0.0.1"))
    opened.close()


def test_a_start_of_the_agent_has_a_long_history_compared_apart(
    file: Path, here: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "LONG_OCTETS", 1)
    file.parent.chmod(0o700)
    opened = tasks.open_history(Settings(data_dir=file.parent))
    try:
        assert opened.is_being_compared
        opened.verify(endless())
        assert here == []
    finally:
        opened.close()
