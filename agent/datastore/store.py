"""The commit history in one SQLite file: durability, write-ahead record, and what running is at start.

A commit is a row with its state (applying, committed, undone) and the units it replaced, before and after.
Running is the newest snapshot with the later committed changes put on top. Every method returns only when
what it wrote is on disk (synchronous=FULL). The file holds secrets and is readable by its owner only.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.datastore import pruning, snapshots
from agent.datastore.checksums import is_current, is_sealed, keep_sums, know_sums, verify
from agent.datastore.comparison import Comparison, seal_of
from agent.datastore.confirmed import Window
from agent.datastore.database import Confined, Transaction, about_writing, copy_in_memory, on_disk, unwritable
from agent.datastore.ends import Ends
from agent.datastore.forms import HISTORY_ID, KEEP_NOTE, begin_conversion, look, seal_form
from agent.datastore.history import History
from agent.datastore.kept_window import keep_window, kept_window
from agent.datastore.many_rows import Written, add_changes, add_commit, note_changed, note_recorded, seal
from agent.datastore.progress import Progress
from agent.datastore.pruning import Keep
from agent.datastore.records import CommitInfo, UnitChange, timestamp
from agent.datastore.snapshots import Pending
from agent.datastore.store_errors import NotRecorded, StoreError, newer, usable
from agent.datastore.tables import SCHEMA_VERSION
from agent.errors import about_file

log = logging.getLogger(__name__)

MAX_REASON_LENGTH = 2000


class Store:
    """The history at ``path``; ``new``: it is made if there is none, or one without an octet. ``keep``: what
    of the past is kept, when snapshots are written.

    ``read_only`` says why nothing can be recorded: the file system was full at the start, or read-only. What
    is recorded is known then from a copy in memory, in which a start puts right what it has to. The next
    commit after there is room writes the copy back.

    Raises:
        StoreError: the file is not a history of this program, or cannot be opened.
    """

    def __init__(self, path: Path, *, new: bool = True, keep: Keep | None = None) -> None:
        self.path, self._new = path, new
        self._keep = keep or Keep()
        self._dropping = False
        self.read_only: str | None = None
        self.is_current = False
        self._sealed = False
        self._pending = Pending()
        self._comparison: Comparison | None = None
        self._seen_written = 0
        self._ends = Ends()
        with usable(path):
            self._db = self._opened()
            try:
                self._prepare()
            except sqlite3.OperationalError as problem:
                if not self.detach(problem):
                    raise

    def _opened(self) -> Confined:
        if problem := unwritable(self.path.parent):
            return self._in_memory(str(problem.strerror))
        try:
            return on_disk(self.path, new=self._new)
        except sqlite3.OperationalError as refused:
            if not about_writing(refused):
                raise
            return self._in_memory(str(refused))

    def _prepare(self) -> None:
        try:
            know_sums(self._db)
            self._migrate()
            self._pending.count(self._db)
        except BaseException:
            self._db.close()
            raise

    def detach(self, problem: BaseException) -> bool:
        """Go on with a copy in memory if ``problem`` is that the file cannot be written; return whether so.

        Raises:
            StoreError: there can be no copy.
        """
        cause = next((one for one in (problem, problem.__cause__) if about_writing(one)), None)
        if self.read_only is not None or cause is None:
            return False
        self._db.close()
        self._db = self._in_memory(str(cause))
        self._prepare()
        return True

    def _in_memory(self, why: str) -> Confined:
        try:
            if not self.path.exists():
                raise StoreError(f"{self.path} cannot be made: {why}")
            with usable(self.path):
                copy = copy_in_memory(self.path, new=self._new)
        except OSError as problem:
            nor = f"nor copied: {about_file(problem)}"
            raise StoreError(f"{self.path} cannot be written: {why}; {nor}") from problem
        self.read_only = why
        log.error(
            "%s cannot be written (%s): what was committed is in force, and commits are refused until there "
            "is room; then the next one goes through, without a restart",
            self.path,
            why,
        )
        return copy

    def seal(self) -> None:
        """*worker* From now on nothing is recorded in memory alone, as what a start had to put right is done;
        and no other thread uses what is recorded."""
        self._sealed = True
        self._db.confine()

    def _transaction(self) -> Transaction:
        """Raises: NotRecorded."""
        if self.read_only is not None and self._sealed:
            self._return_to_disk(self.read_only)
        return Transaction(self._db)

    def _return_to_disk(self, before: str) -> None:
        try:
            if problem := unwritable(self.path.parent):
                raise problem
            disk = on_disk(self.path)
            try:
                # What was put right at the start comes along. It is all or nothing.
                self._db.backup(disk)
            except BaseException:
                disk.close()
                raise
        except (OSError, sqlite3.Error) as problem:
            why = getattr(problem, "strerror", None) or problem
            raise NotRecorded(
                f"nothing can be recorded in {self.path}: {why}; free some space and commit again, the "
                "server need not be restarted"
            ) from problem
        keep_sums(disk)
        disk.confine()
        self._db.close()
        self._db = disk
        self.read_only = None
        log.warning("%s can be written again (%s before): commits are taken", self.path, before)

    def close(self) -> None:
        self._end_comparison()
        self._db.close()

    def begin(self, info: CommitInfo, changes: Sequence[UnitChange], time: str) -> int:
        """Record a commit that is about to be applied; returns its id."""
        with self._recording():
            commit_id, *written = self._add(info, changes, time, state="applying")
            seal(self._db, *written)
        self._pending.add(changes)
        return commit_id

    def finish(self, commit_id: int | None, window: Window | None = None) -> None:
        """Record that the commit is applied: from here on it is part of running.

        In the same step ``window`` becomes the open window of a confirmed commit, None closes it.
        ``commit_id`` None: nothing was changed, only the window.
        """
        with self._recording():
            if commit_id is not None:
                self._db.execute("UPDATE commits SET state = 'committed' WHERE id = ?", (commit_id,))
                seal(self._db, note_recorded(self._db, commit_id))
            keep_window(self._db, window)

    def record(
        self, info: CommitInfo, changes: Sequence[UnitChange], time: str, *, window: Window | None = None
    ) -> int:
        """Do what ``begin`` and ``finish`` do in one step, for a commit that has nothing to be applied beside
        this program, or was; returns its id, which is ``upcoming``."""
        with self._recording():
            commit_id, *written = self._add(info, changes, time, state="committed")
            noted = note_changed(self._db, commit_id, time, [change.path for change in changes])
            seal(self._db, *written, noted)
            keep_window(self._db, window)
        self._pending.add(changes)
        return commit_id

    @contextmanager
    def _recording(self) -> Iterator[None]:
        """A transaction by which the file has more than before. Raises: NotRecorded."""
        transaction = self._transaction()
        with self._ends.growing(self._db), transaction:
            yield

    def _add(
        self, info: CommitInfo, changes: Sequence[UnitChange], time: str, *, state: str
    ) -> tuple[int, Written, Written]:
        commit_id = self.upcoming()
        row = (commit_id, time, info.user, info.session_id, info.source, info.comment, state, str(info.cause))
        written = add_commit(self._db, (*row, "")), add_changes(self._db, commit_id, changes)
        self._ends.added(commit_id)
        return commit_id, *written

    def upcoming(self) -> int:
        """Return the id that the next commit gets which is recorded."""
        return self._ends.newest(self._db) + 1

    def window(self) -> Window | None:
        """Return the window of a confirmed commit that was open when the program ended; it is too late."""
        return kept_window(self._db)

    def note(self, name: str) -> str | None:
        """Return what was kept under ``name``, None if nothing was."""
        row = self._db.execute("SELECT content FROM notes WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def keep_note(self, name: str, content: str) -> None:
        with self._transaction():
            self._db.execute(KEEP_NOTE, (name, content))

    @property
    def history(self) -> History:
        """*worker* What is recorded of commits; to be had anew each time, as the file may become another."""
        return History(self._db)

    @property
    def has_sums(self) -> bool:
        return is_sealed(self._db)

    @property
    def history_id(self) -> str:
        """What tells this history from others, in which commits have the same numbers."""
        return self.note(HISTORY_ID) or ""

    def undo(self, commit_id: int, reason: str) -> None:
        """Record that the commit was taken back, and why: what its client was told."""
        with self._transaction():
            self._db.execute(
                "UPDATE commits SET state = 'undone', reason = ? WHERE id = ?",
                (reason[:MAX_REASON_LENGTH], commit_id),
            )

    def interrupted(self) -> list[int]:
        """Return the commits that a crash left between begin and finish, and mark them undone."""
        rows = self._db.execute("SELECT id FROM commits WHERE state = 'applying' ORDER BY id")
        found = [int(row[0]) for row in rows]
        for commit_id in found:
            self.undo(commit_id, "the agent ended before it was in force")
        return found

    def load(self) -> tuple[bytes, Iterator[UnitChange]]:
        """Return the newest snapshot (XML, may be empty) and the committed changes after it."""
        since, content = next(self.snapshots(), (0, b""))
        return content, self.changes_after(since)

    def snapshots(self) -> Iterator[tuple[int, bytes]]:
        """Yield commit and content of each, newest first: see ``snapshots.read``."""
        return snapshots.read(self._db)

    def has_commits(self) -> bool:
        """Return whether anything was ever recorded, whatever became of it."""
        return self._db.execute("SELECT 1 FROM commits LIMIT 1").fetchone() is not None

    def latest(self) -> int:
        """Return the id of the newest committed commit, 0 if there is none."""
        row = self._db.execute("SELECT max(id) FROM commits WHERE state = 'committed'").fetchone()
        return int(row[0] or 0)

    def is_tidy(self, time: str | None = None) -> bool:
        """Return whether ``snapshot_if_due`` and ``drop_old`` have nothing to do."""
        if self._dropping or self._pending.is_much:
            return False
        return self._ends.are_near(self._db, self._keep, time or timestamp())

    def snapshot_if_due(self, content: Callable[[], bytes], time: str | None = None) -> bool:
        """Write a snapshot of running if enough was changed since the last one, or too much is kept.

        ``time``: of now, if it is another.
        """
        too_much = pruning.needs_snapshot(self._db, self._keep, time or timestamp())
        if not too_much and not self._pending.is_much:
            return False
        body = content()
        if not self._pending.outweighs(body) and not too_much:
            return False
        with self._transaction():
            snapshots.replace(self._db, self.latest(), body)
        self._pending.octets = 0
        self._dropping = True
        return True

    def drop_old(self, time: str | None = None) -> None:
        """Drop commits that are not to be kept, at snapshots and where there are far too many.

        A step of them each time: what is left goes the next times. ``time``: of now, if it is another.
        """
        if self.read_only is not None:
            return
        now = time or timestamp()
        if self._dropping or pruning.is_due(self._db, self._keep, now):
            self._dropping = pruning.drop_old(self._db, self._keep, now)
        pruning.shrink(self._db)

    def _migrate(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise newer(self.path, version)
        look(self._db)
        self.is_current = is_current(self._db)
        if self.is_current:
            keep_sums(self._db)
        elif not self.has_sums and not self.has_commits():
            with self.rewriting({}):
                pass

    def verify(self, progress: Progress) -> None:
        """Compare all that is recorded with its checksums, as far as it has any.

        Raises:
            Damaged: it differs.
            Ended: the agent was told to stop.
        """
        if self.has_sums and not self._compared_apart(progress):
            verify(self._db, progress)

    def compare_by(self, comparison: Comparison) -> None:
        """Have ``comparison`` begin to compare the file, for ``verify``; until then nothing is written."""
        self._comparison = comparison
        if self.read_only is None:  # else what is used is not the file, and may be more than it holds
            self._seen_written = self.written
            comparison.begin()

    @property
    def is_being_compared(self) -> bool:
        """Whether another process compares what is recorded, and ``verify`` has not been asked."""
        return self._comparison is not None and self.read_only is None

    @property
    def written(self) -> int:
        """How many rows were written since the history was opened."""
        return self._db.total_changes

    def _compared_apart(self, progress: Progress) -> bool:
        """Return whether another process has seen that all is whole, and that it was what is there now."""
        try:
            if self._comparison is None or not self.is_being_compared:
                return False
            seen = self._comparison.whole(progress)
            return seen is not None and (seen, self._seen_written) == (seal_of(self._db), self.written)
        finally:
            self._end_comparison()

    def _end_comparison(self) -> None:
        if self._comparison is not None:
            self._comparison.end()
            self._comparison = None

    def changes_after(self, commit_id: int) -> Iterator[UnitChange]:
        """Yield what the committed commits after ``commit_id`` changed, oldest first."""
        return self.history.changes(commit_id)

    @contextmanager
    def rewriting(self, notes: Mapping[str, str]) -> Iterator[sqlite3.Connection]:
        """Yield what to put all that is recorded into another form by, and keep ``notes`` about it.

        In one step, or not at all. The tables are those of this version then, and afterwards all rows have
        checksums.
        """
        with self._transaction():
            if not self.is_current:
                begin_conversion(self._db)
            yield self._db
            self._db.executemany(KEEP_NOTE, notes.items())
            if not self.is_current:
                seal_form(self._db)
        if not self.is_current:
            pruning.make_able_to_shrink(self._db)
            keep_sums(self._db)
            self.is_current = True
        self._pending.count(self._db)

    def rows(self, statement: str, *parameters: int | str) -> list[Any]:
        """Return what a query finds."""
        return self._db.execute(statement, parameters).fetchall()

    def changes_count(self) -> int:
        """Return how many units are recorded, in all commits together."""
        return int(self._db.execute("SELECT count(*) FROM changes").fetchone()[0])
