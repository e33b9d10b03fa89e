"""What the program does with its settings once these can be used: serve, protect, repair."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from agent.assembly import assemble
from agent.command_line import Task, printing, read
from agent.data_folder import may_begin, refuse_lost, refuse_read, refuse_read_history
from agent.datastore.comparison import of_long as comparison_of_long
from agent.datastore.configuration import Configuration
from agent.datastore.migration import models_of
from agent.datastore.progress import Progress
from agent.datastore.pruning import Keep
from agent.datastore.store import Store
from agent.ending import Ending, Hangups
from agent.errors import BackendError
from agent.first_start import RULES_NOTE, ensure_keys, greeting, keep_trace
from agent.from_settings import Looked, as_passed, look, make_schema
from agent.memory import join_what_is_free, keep_what_is_there, share_one_heap
from agent.phases import Phases
from agent.repair import ask, repair
from agent.reread import Reread, Rereading
from agent.settings import Settings, SettingsError
from agent.stopping import going_on
from agent.supervision import taken_from as supervision_from
from agent.threads import SWITCH_S, begin, begin_in_first_heap, end_threads, thread, worker_of
from agent.translator import Translator
from agent.transport import activation
from agent.watchdog import Beats, Watched
from agent.yang.beside import BESIDE

log = logging.getLogger("agent")


async def run(settings: Settings, looked: Looked, hangups: Hangups | None = None) -> None:
    """Construct the agent, serve, and stop in reverse order; at each of ``hangups`` read settings again."""
    sys.setswitchinterval(SWITCH_S)
    begin(BESIDE.pool)
    share_one_heap()  # all others do
    join_what_is_free()
    writes = thread("libyang")
    reads = thread("reads")
    begin_in_first_heap(writes, reads)
    ending, beats = Ending(keep_on_stop=settings.on_stop == "keep"), Beats()
    beats_of_reads = Beats()
    ending.listen(asyncio.get_running_loop())
    supervision = supervision_from(os.environ)
    passed = activation.taken_from(os.environ)
    as_read, settings = settings, as_passed(settings, passed)
    worker, reader = worker_of(writes, beats.beat), worker_of(reads, beats_of_reads.beat)
    phases = Phases(supervision, threads=(Watched(beats, worker), Watched(beats_of_reads, reader)))
    refuse_read(settings.data_dir)
    refuse_read_history(settings.data_dir)
    phases.open_history()
    store = open_history(settings)
    outlet, translators = looked.outlet, looked.translators
    try:
        phases.begin("YANG modules are loaded")
        schema = await worker(make_schema, settings, translators)
        await reader(schema.frees_here)
        agent = assemble(
            settings,
            schema=schema,
            store=store,
            translators=translators,
            outlet=outlet,
            worker=worker,
            reader=reader,
            passed=passed,
            progress=Progress(ending.is_asked, moved=beats.beat, told=phases.starting),
        )
        users = ensure_keys(settings.data_dir, settings.users)
        keep_trace(settings)
        await agent.start(users)
        keep_what_is_there()
        try:
            where = f"{_address(settings.host)}:{agent.transport.port}"
            configuration = agent.context.configuration
            await phases.serve(f"NETCONF on {where}, charon {settings.charon}", configuration)
            with printing():
                for line in greeting(settings, agent.transport.port, users):
                    print(line)
                print(f"ready {where}")
            configuration.compact()
            rereading = Rereading(
                hangups or Hangups(),
                settings=as_read,
                read=partial(_reread, settings.data_dir),
                take_over=agent.take_over,
                supervised=phases.reload,
            )
            async with rereading.in_background():
                await ending.asked()
        finally:
            log.info("stopping")
            phases.stop("sessions are ended")
            await agent.stop()
    finally:
        failed = await stop_all(translators, phases, keep=ending.keep)
        phases.end()
        await end_threads(writes, reads, store)
    if failed:
        raise BackendError(f"not stopped, see the log: {', '.join(failed)}")


async def stop_all(translators: Sequence[Translator], phases: Phases, *, keep: bool) -> list[str]:
    """Stop each of ``translators``, whichever of them fails; return the names of those that did."""
    failed = []
    for translator in translators:
        phases.stop(f"{translator.name}, and {'not ' if keep else ''}what it runs")
        is_stopped = False
        with going_on(f"translator {translator.name}"):
            await translator.stop(keep=keep)
            is_stopped = True
        if not is_stopped:
            failed.append(translator.name)
    return failed


async def protect(settings: Settings, looked: Looked, _hangups: Hangups | None = None) -> None:
    """Have in force what holds for the committed configuration though no agent runs.

    Raises:
        BackendError: a translator cannot.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        worker = worker_of(pool)
        store = open_history(settings)
        try:
            translators = looked.translators
            schema = await worker(make_schema, settings, translators)
            await Configuration(schema, store, translators=translators, worker=worker).protect()
        finally:
            await worker(store.close)


async def unprotect(_settings: Settings, looked: Looked, _hangups: Hangups | None = None) -> None:
    """Take out of the system what agents leave there on purpose.

    Raises:
        BackendError: a translator cannot.
    """
    for translator in looked.translators:
        await translator.withdraw()


def mend(settings: Settings, looked: Looked, *, yes: bool) -> None:
    """Make a new history of what is whole in a damaged one, if whoever asks for it agrees.

    Raises:
        Declined: he does not.
        StoreError: it cannot be made.
    """
    notes = {RULES_NOTE: "made"} | models_of(looked.translators)
    refuse_read_history(settings.data_dir)
    with printing():
        repair(settings.data_dir / "history.db", notes, (lambda _question: True) if yes else ask)


def open_history(settings: Settings) -> Store:
    """Return the history of a folder that this process alone uses; a long one is compared with its checksums
    in a copy of this process, which is made here: there is no other thread yet."""
    refuse_lost(settings.data_dir)
    keep, file = Keep(settings.history_commits, settings.history_days), settings.data_dir / "history.db"
    comparison = comparison_of_long(file)
    try:
        store = Store(file, new=may_begin(settings.data_dir), keep=keep)
    except BaseException:
        if comparison is not None:
            comparison.end()
        raise
    if comparison is not None:
        store.compare_by(comparison)
    return store


def _reread(data_dir: Path) -> Reread:
    """Read the settings as at the start, on any thread, for an agent whose folder is ``data_dir``.

    Raises:
        SettingsError: they cannot be used, for the reasons that --check gives.
        OSError: what they name cannot be read at the moment.
    """
    asked = read()
    if faults := [*asked.faults, *look(asked.settings, Task.RUN).faults]:
        raise SettingsError(*faults)
    return Reread(asked.settings, ensure_keys(data_dir, asked.settings.users))


def _address(host: str) -> str:
    return f"[{host}]" if ":" in host else host
