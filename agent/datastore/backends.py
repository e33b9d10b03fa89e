"""The translators as one: planned together, applied in order, taken back in reverse."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from agent.datastore.datastores import Datastores
from agent.datastore.progress import Progress
from agent.errors import BackendError, RpcError, RpcErrors
from agent.translator import (
    Captured,
    EntryChange,
    Foresight,
    Json,
    Keys,
    Plan,
    Reader,
    Route,
    Translator,
    reads_all,
)
from agent.yang.worker import Worker

log = logging.getLogger(__name__)

Changes = Mapping[str, Sequence[EntryChange]]
"""By name of the translator."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A translator and its ready plan."""

    translator: Translator
    plan: Plan


class ApplyFailed(Exception):
    """A translator refused its plan, ``problem``. ``restored``: all backends are as they were before."""

    def __init__(self, problem: Exception, restored: bool) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.restored = restored


def kind_of(config_list: str) -> str:
    """Return what the entries of a list are called together: the name of the container that it is in, as in
    ``/yangswan-ipsec:tunnels/ipsec``, or that of the list."""
    names = [step.rpartition(":")[2] for step in config_list.split("/") if step]
    return names[-2] if len(names) > 1 else names[-1]


class Backends:
    """What the translators stand before, reconciled with the entries of running if need be."""

    def __init__(
        self, translators: Sequence[Translator], datastores: Datastores, *, worker: Worker, progress: Progress
    ) -> None:
        self._translators = tuple(translators)
        self._datastores = datastores
        self._worker = worker
        self._progress = progress

    async def start(self, read: Mapping[str, Mapping[Keys, Json]]) -> None:
        """``read``: all entries of some lists of running, by path, where they were read already."""
        for translator in self._translators:
            entries = await self._known(translator, read)
            self._progress.say(
                "%s: %d committed, %s begins with them",
                kind_of(translator.config_list),
                len(entries),
                translator.name,
            )
            await translator.start(entries)

    async def protect(self) -> None:
        for translator in self._translators:
            await translator.protect(await self._known(translator))

    async def _known(
        self, translator: Translator, read: Mapping[str, Mapping[Keys, Json]] = MappingProxyType({})
    ) -> Mapping[Keys, Json]:
        """Tell the translator the entries of its further lists; return those of its own."""
        for path in translator.further_lists:
            translator.know(path, await self._entries(path))
        own = read.get(translator.config_list)
        return await self._entries(translator.config_list) if own is None else own

    async def _entries(self, list_path: str) -> Mapping[Keys, Json]:
        entries: Mapping[Keys, Json] = await self._worker(self._datastores.entries, list_path)
        return entries

    async def check(self, changes: Changes, may_read: Reader = reads_all) -> list[RpcError]:
        """Return every reason of any translator why ``changes`` cannot be applied."""
        own = ((translator, changes.get(translator.name, [])) for translator in self._translators)
        return [error for t, found in own for error in await t.check_in_turns(found, may_read)]

    async def foresee(self, changes: Changes, may_read: Reader = reads_all) -> list[Foresight]:
        """Return what each translator with ``changes`` would do with them; nothing is changed."""
        own = ((translator, changes.get(translator.name)) for translator in self._translators)
        return [await translator.foresee(found, may_read) for translator, found in own if found]

    async def captured(self, changes: Changes, routes: Sequence[Route]) -> list[Captured]:
        """Return which of the sessions on ``routes`` the changes would cut off, each once."""
        found: dict[Route, Captured] = {}
        for translator in self._translators:
            if routes and (own := changes.get(translator.name)):
                for one in await translator.captured(own, routes):
                    found.setdefault(one.route, one)
        return list(found.values())

    async def plan(self, changes: Changes) -> list[Planned]:
        """Plan ``changes``; nothing is changed.

        Raises:
            RpcErrors: the reasons of all translators that refuse.
        """
        planned: list[Planned] = []
        errors: list[RpcError] = []
        for translator in self._translators:
            if own := changes.get(translator.name):
                try:
                    planned.append(Planned(translator, await translator.prepare(own)))
                except RpcErrors as problem:
                    errors.extend(problem.errors)
        if errors:
            raise RpcErrors(errors, all_known=True)
        return planned

    async def apply(self, planned: Sequence[Planned], commit_id: int) -> None:
        """Make the plans real.

        Raises:
            ApplyFailed: one was refused; what was done before it has been taken back.
        """
        done: list[Planned] = []
        for each in planned:
            for line in each.plan.describe() if log.isEnabledFor(logging.DEBUG) else ():
                log.debug("commit %d, %s: %s", commit_id, each.translator.name, line)
            try:
                await each.translator.apply(each.plan)
            except Exception as problem:
                # Only a plain BackendError promises that nothing of the plan is left behind.
                clean = type(problem) is BackendError or await self._reconcile(each.translator)
                restored = await self.take_back(done, commit_id)
                raise ApplyFailed(problem, clean and restored) from problem
            done.append(each)

    async def take_back(self, planned: Sequence[Planned], commit_id: int) -> bool:
        """Reverse plans that were applied in full; returns False if a backend could not be restored."""
        restored = True
        for each in reversed(planned):
            name = each.translator.name
            try:
                await each.translator.undo(each.plan)
            except Exception:
                log.exception("%s could not undo commit %d; it is reconciled", name, commit_id)
                restored = await self._reconcile(each.translator) and restored
        return restored

    async def _reconcile(self, translator: Translator) -> bool:
        try:
            await translator.reconcile(await self._known(translator))
        except Exception:
            log.exception("%s cannot be reconciled; it may differ from running", translator.name)
            return False
        return True
