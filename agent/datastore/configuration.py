"""The configuration as the rest of the server sees it: what it holds, and the ways to change it.

Each part of the work has a file of its own, in the order of a start: migration, recovery (what was
interrupted), replay, recovery (what nobody confirmed); then preparation and transaction for every change.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from agent.datastore import recovery, replay
from agent.datastore.backends import Backends, Changes
from agent.datastore.candidate import Candidate
from agent.datastore.conditions import mismatches
from agent.datastore.datastores import Datastores, WhenRemoving, WhenSwapped
from agent.datastore.expecting import Expecting
from agent.datastore.migration import bring_up_to_date
from agent.datastore.preparation import Check, Preparation, Prepared
from agent.datastore.progress import Progress, endless
from agent.datastore.published import Published
from agent.datastore.records import CommitInfo
from agent.datastore.resting import Resting
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError, usable
from agent.datastore.transaction import Announce, Opens, Transactions, Vet
from agent.datastore.txid_history import load_txids
from agent.datastore.txids import View
from agent.errors import OperationFailed, RpcErrors, raise_all
from agent.tally import Commits, Outcome
from agent.translator import (
    Captured,
    Foresight,
    Json,
    Keys,
    Notification,
    Reader,
    Route,
    Translator,
    reads_all,
)
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import Unit
from agent.yang.worker import Worker

Read = Mapping[str, Mapping[Keys, Json]]
"""Entries of lists, by path and keys."""
Expect = Callable[[str, Mapping[Keys, Json]], None]


def _nobody(_notification: Notification) -> None:
    pass


def _by_nobody(_list_path: str, _entries: Mapping[Keys, Json]) -> None:
    pass


class Configuration:
    """Running and candidate, their history, and the translators that make running real.

    ``announce`` is told of every change; ``progress`` of what takes long at the start.
    """

    def __init__(
        self,
        schema: Schema,
        store: Store,
        *,
        translators: Sequence[Translator],
        worker: Worker,
        announce: Announce = _nobody,
        progress: Progress | None = None,
    ) -> None:
        self.store = store
        self.translators = tuple(translators)
        self.worker = worker
        self._announce = announce
        self._progress = progress or endless()
        self.commits = Commits()
        self._is_copy = False
        self._is_shut = False
        self.datastores = Datastores(schema)
        self._preparation = Preparation(schema, translators)
        self._backends = Backends(translators, self.datastores, worker=worker, progress=self._progress)
        self._resting = Resting(self.datastores, worker)
        self._transactions = Transactions(
            self.datastores,
            preparation=self._preparation,
            store=store,
            backends=self._backends,
            worker=worker,
            announce=announce,
        )

    @property
    def announce(self) -> Announce:
        return self._announce

    @property
    def running(self) -> Tree:
        """*worker* Running; who reads it on another thread holds ``published``."""
        return self.datastores.running

    @property
    def published(self) -> Published:
        return self.datastores.published

    @property
    def candidate(self) -> Candidate:
        return self.datastores.candidate

    @property
    def writing(self) -> asyncio.Lock:
        """Held by whoever changes running or the candidate."""
        return self.datastores.writing

    @property
    def committer(self) -> int | None:
        """The session whose commit is under way."""
        return self.datastores.committer

    @property
    def when_swapped(self) -> list[WhenSwapped]:
        return self.datastores.when_swapped

    @property
    def with_swap(self) -> list[WhenSwapped]:
        return self.datastores.with_swap

    @property
    def when_removing(self) -> list[WhenRemoving]:
        return self.datastores.when_removing

    # -- worker ----------------------------------------------------------------------------

    def load(self, expect: Expect = _by_nobody) -> Read:
        """*worker* Read running from the history, and put right what the last end of the server left.

        If that cannot be recorded it is put right in memory.

        Args:
            expect: told of entries of translators' lists, by path, that running will probably have.

        Returns:
            All entries of running of those lists, by path, as far as they were read on the way.

        Raises:
            StoreError: the history cannot be used.
            Ended: the agent was told to stop meanwhile.
        """
        try:
            read = self._load(expect)
        except StoreError as problem:
            if not self.store.detach(problem):
                raise
            read = self._load(expect)
        self.store.seal()
        return read

    def _load(self, expect: Expect) -> Read:
        with usable(self.store.path):
            schema, beforehand, written = self.datastores.schema, None, self.store.written
            if self.store.is_being_compared:  # on another processor, if there is one
                beforehand = replay.load_beforehand(
                    self.store,
                    schema,
                    self._progress,
                    lists=[schema.find(translator.config_list) for translator in self.translators],
                    read=lambda list_node, entries: expect(list_node.path, entries),
                )
            self.store.verify(self._progress)
            bring_up_to_date(self.store, self.translators, schema, self._progress)
            recovery.undo_interrupted(self.store)
            if beforehand is None or self.store.written != written:
                beforehand = None  # freed before there is another one
                beforehand = replay.load(self.store, schema, self._progress)
            loaded = beforehand
            self._is_copy = loaded.is_copy
            self.datastores.start_with(loaded.running, loaded.rule_lists)
            self.datastores.txids = load_txids(self.store, loaded.running)
            changes = self.published.changes
            recovery.roll_back_unconfirmed(self.datastores, self.store, self._preparation)
            is_same = self.published.changes == changes
            return {node.path: found for node, found in loaded.entries.items()} if is_same else {}

    def txids(self, name: str) -> View:
        """*worker* Return the transaction ids of running or of the candidate."""
        return self.datastores.txids_of(name)

    def refuse_mismatch(self) -> None:
        """*worker* Refuse to commit the candidate if running is not as those know it who edited that.

        Raises:
            RpcErrors: it is not; the errors name what has changed.
        """
        raise_all(mismatches(self.candidate.conditions.values(), self.running, self.datastores.txids))

    def as_of(self, commit_id: int) -> Candidate:
        """*worker* Return running as it was when ``commit_id`` was the newest commit, as a candidate."""
        return replay.as_of(commit_id, store=self.store, running=self.running)

    def is_as_of(self, commit_id: int) -> bool:
        """*worker* Return whether nothing was committed after ``commit_id``."""
        return self.store.latest() == commit_id

    def committed_after(self, commit_id: int) -> str:
        """*worker* Return which commits came into force after ``commit_id``, in words."""
        return self.store.history.after(commit_id)

    def close_window(self) -> None:
        """*worker* Record that no confirmed commit is pending. Raises: RpcErrors."""
        self._transactions.record_window(None)

    def with_content(self, document: Json) -> Candidate:
        """*worker* Return running with ``document`` (RFC 7951) merged into it, as a candidate."""
        return self.datastores.with_content(document)

    def explicit_units(self) -> Iterator[Unit]:
        """*worker* Yield the units of running that somebody configured."""
        return self.datastores.explicit_units()

    def prepare(self, candidate: Candidate) -> Prepared:
        """*worker* Validate what ``candidate`` changes of running.

        Raises:
            RpcErrors: all that is wrong with it.
        """
        return self._preparation.prepare(candidate, self.running)

    def holding(self, content: Tree) -> Candidate:
        """*worker* Return a candidate that holds exactly ``content``."""
        candidate = Candidate(self.running)
        candidate.replace_all(content, self.running)
        return candidate

    def record(self, info: CommitInfo, candidate: Candidate) -> int | None:
        """*worker* Record ``candidate`` as committed; the next start carries it out.

        Returns:
            The commit's id, None if nothing differed.

        Raises:
            RpcErrors: it is not valid.
            StoreError: it could not be recorded.
        """
        with usable(self.store.path):
            return self._transactions.record(info, candidate)

    # -- event loop ------------------------------------------------------------------------

    async def start(self) -> None:
        """Load running and start the translators with it."""
        expecting = Expecting(self.translators)
        try:
            read = await self.worker(self.load, expecting.tell)
            await expecting.over()
        finally:
            await expecting.give_up()
        await self._backends.start(read)

    def compact(self) -> None:
        """Have running lie where it takes least memory, if a start has copied it between others; nobody waits
        for that but who changes it."""
        if self._is_copy:
            self._resting.compact()

    async def protect(self) -> None:
        """Load running and have in force what holds for it though no translator runs."""
        await self.worker(self.load)
        await self._backends.protect()

    async def discard(self) -> None:
        """Make the candidate equal to running (RFC 6241 section 8.3.4.2). The caller holds ``writing``."""
        await self.worker(self.candidate.discard, self.running)
        self._resting.later()

    async def validate(self, candidate: Candidate, may_read: Reader = reads_all) -> None:
        """Validate as a commit would, without effects (RFC 6241 section 8.6), for who may read that.

        Raises:
            RpcErrors: all that is wrong.
        """
        prepared = await self.worker(self.prepare, candidate)
        await self.worker(self.datastores.refuse_losing_rules, prepared.units, prepared.scratch)
        if errors := await self._backends.check(prepared.changes, may_read):
            raise RpcErrors(errors, all_known=True)

    async def examine(self, candidate: Candidate, check: Check | None) -> Prepared:
        """Return what a commit of ``candidate`` would change. The caller holds ``writing``.

        Raises:
            RpcErrors: why it would be refused before a translator is asked.
        """
        prepared: Prepared = await self.worker(self.prepare, candidate)
        await self.worker(self._keeping_rules(check), prepared, self.running)
        return prepared

    async def foresee(self, prepared: Prepared, may_read: Reader = reads_all) -> Sequence[Foresight]:
        """Return what each translator would do with what was examined, for who may read that."""
        return await self._backends.foresee(prepared.changes, may_read)

    async def captured(self, changes: Changes, routes: Sequence[Route]) -> Sequence[Captured]:
        """Return which of the sessions on ``routes`` the changes of a Prepared would cut off, each once."""
        return await self._backends.captured(changes, routes)

    def shut(self) -> None:
        """Let no commit begin any more, for what would carry it out ends; one that goes on does so."""
        self._is_shut = True

    async def commit(
        self,
        info: CommitInfo,
        *,
        candidate: Candidate | None = None,
        opens: Opens | None = None,
        check: Check | None = None,
        may_read: Reader = reads_all,
        vet: Vet | None = None,
    ) -> int | None:
        """Make the candidate (the shared one if none is given) running.

        The caller holds ``writing``. A client that goes away does not stop a commit half way.

        Args:
            opens: returns the window of a confirmed commit that is open once this commit is in force; it may
                refuse the commit.
            check: may refuse what would be changed.
            may_read: what a refusal may depend on.
            vet: may refuse what nothing else is wrong with, just before it is done.

        Returns:
            The commit's id, None if nothing differed.

        Raises:
            RpcErrors: it was refused; neither running, disk nor a backend has changed.
        """
        if self._is_shut:
            raise RpcErrors([OperationFailed("the server stops, and this was not begun")])
        chosen, begun_s, outcome = candidate or self.candidate, time.monotonic(), Outcome.FAILED
        if candidate is None:  # else it is the server that commits, which puts back what was
            check = self._keeping_rules(check)
        try:
            commit_id = await self._transactions.commit(
                info, chosen, opens=opens, check=check, may_read=may_read, vet=vet
            )
            outcome = Outcome.UNCHANGED if commit_id is None else Outcome.COMMITTED
            return commit_id
        finally:
            self.commits.ended(outcome, time.monotonic() - begun_s)
            self._resting.later()

    def _keeping_rules(self, further: Check | None) -> Check:
        def check(prepared: Prepared, running: Tree) -> None:
            self.datastores.refuse_losing_rules(prepared.units, prepared.scratch)
            if further is not None:
                further(prepared, running)

        return check
