"""The program: everything but what the settings name is constructed here, and nowhere else."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from agent import logs, named, search_path
from agent.at_work import in_context
from agent.command_line import PROGRAM, Task, printing, read
from agent.data_folder import (
    DataDir,
    DataDirInUse,
    Exposed,
    Lost,
    is_fresh,
    may_begin,
    refuse_lost,
    refuse_read,
    refuse_read_history,
    refuse_traceless,
    refuse_unused,
)
from agent.datastore.configuration import Configuration
from agent.datastore.confirming import ConfirmedCommits
from agent.datastore.locks import Locks
from agent.datastore.migration import models_of
from agent.datastore.progress import Ended, Progress
from agent.datastore.pruning import Keep
from agent.datastore.store import Store, StoreDamaged, StoreError
from agent.ending import Ending, Hangups
from agent.errors import BackendError, about_file
from agent.first_start import RULES_NOTE, ensure_keys, ensure_rules, greeting, keep_trace
from agent.from_settings import Looked, Outlet, as_passed, look, make_limits, make_schema
from agent.nacm.control import NACM_PATH, AccessControl
from agent.notifications import Stream
from agent.offline import words
from agent.offline.tasks import carry_out
from agent.operational import Operational
from agent.operations.context import Context
from agent.phases import Phases
from agent.repair import Declined, ask, repair
from agent.reread import Reread, Rereading
from agent.server import Server
from agent.settings import Settings, SettingsError
from agent.supervision import taken_from as supervision_from
from agent.translator import Translator
from agent.transport import activation
from agent.transport.activation import NONE, Passed, Unserviceable
from agent.transport.files import DamagedKey
from agent.transport.limits import Refused
from agent.transport.places import Places
from agent.transport.ssh import SshTransport
from agent.transport.unix import UnixTransport
from agent.turns import Turns
from agent.visible import say
from agent.watchdog import Beats
from agent.yang.modules import SchemaError
from agent.yang.schema import Schema
from agent.yang.worker import Worker

log = logging.getLogger("agent")

STOP_LIMIT_S = 10


def main() -> None:
    """Run the agent until a signal ends it; exits 0 on a clean stop, 78 if the settings cannot be used
    (sysexits.h, EX_CONFIG), 1 if what keeps it from starting may go by itself, with the reason."""
    hangups = None
    search_path.complete(os.environ)
    if sys.argv[1:2] and sys.argv[1] in words.TASKS:
        logs.configure(words.log_level_of(sys.argv[2:]))
        raise SystemExit(carry_out(sys.argv[1:]))
    try:
        asked = read()
        spoken = asked.task in (Task.CHECK, Task.REPAIR) and asked.settings.log_format == "json"
        logs.configure(asked.settings.log_level, "text" if spoken else asked.settings.log_format)
        looking = asked.task is Task.CHECK
        if asked.task is Task.RUN:
            hangups = Hangups()
        looked = look(asked.settings, asked.task, starting=True)
        if faults := [*asked.faults, *looked.faults]:
            raise SettingsError(*faults)
        if asked.task is Task.PROTECT and is_fresh(asked.settings.data_dir):
            say(f"{PROGRAM}: nothing to protect yet: no agent has used {asked.settings.data_dir}", sys.stderr)
            return
        if asked.task in (Task.PROTECT, Task.UNPROTECT):
            refuse_unused(asked.settings.data_dir)
        if asked.task is Task.REPAIR:
            refuse_traceless(asked.settings.data_dir)
        if looking:
            of_translators = (lack for translator in looked.translators for lack in translator.lacking())
            for note in (*named.lacking(asked.settings), *named.notes(asked.settings), *of_translators):
                say(f"{PROGRAM}: note: {note}", sys.stderr)
            if hindrances := named.hindrances(asked.settings):
                _complain(*hindrances, status=1)
        else:
            with DataDir(asked.settings.data_dir):
                if asked.task is Task.REPAIR:
                    mend(asked.settings, looked, yes=asked.yes)
                else:
                    asyncio.run(_WORK[asked.task](asked.settings, looked, hangups))
    except SettingsError as problem:
        _complain(*problem.faults, status=os.EX_CONFIG)
    except (SchemaError, Exposed, Lost, DamagedKey, StoreDamaged, Unserviceable) as problem:
        _complain(str(problem), status=os.EX_CONFIG)
    except (DataDirInUse, Declined, StoreError, BackendError) as problem:
        _complain(str(problem), status=1)
    except OSError as problem:
        _complain(about_file(problem), status=1)
    except Ended:
        log.info("stopped before the history was read; it is as it was")
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        raise SystemExit(0) from None
    finally:
        if hangups is not None:
            hangups.close()


def _complain(*sentences: str, status: int) -> NoReturn:
    for sentence in sentences:
        logs.last_words(sentence)
    raise SystemExit(status) from None


async def run(settings: Settings, looked: Looked, hangups: Hangups | None = None) -> None:
    """Construct the agent, serve, and stop in reverse order; at each of ``hangups`` read settings again."""
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="libyang")
    ending, beats = Ending(keep_on_stop=settings.on_stop == "keep"), Beats()
    ending.listen(asyncio.get_running_loop())
    supervision = supervision_from(os.environ)
    passed = activation.taken_from(os.environ)
    as_read, settings = settings, as_passed(settings, passed)
    worker = _worker_of(pool, beats.beat)
    phases = Phases(supervision, beats=beats, worker=worker)
    refuse_read(settings.data_dir)
    refuse_read_history(settings.data_dir)
    phases.open_history()
    store = _open_history(settings)
    outlet, translators = looked.outlet, looked.translators
    try:
        phases.begin("YANG modules are loaded")
        schema = await worker(make_schema, settings, translators)
        agent = assemble(
            settings,
            schema=schema,
            store=store,
            translators=translators,
            outlet=outlet,
            worker=worker,
            passed=passed,
            progress=Progress(ending.is_asked, moved=beats.beat, told=phases.starting),
        )
        users = ensure_keys(settings.data_dir, settings.users)
        keep_trace(settings)
        await agent.start(users)
        try:
            where = f"{_address(settings.host)}:{agent.transport.port}"
            configuration = agent.context.configuration
            await phases.serve(f"NETCONF on {where}, charon {settings.charon}", configuration)
            with printing():
                for line in greeting(settings, agent.transport.port, users):
                    print(line)
                print(f"ready {where}")
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
        for translator in translators:
            phases.stop(f"{translator.name}, and {'not ' if ending.keep else ''}what it runs")
            await translator.stop(keep=ending.keep)
        phases.end()
        await _end_worker(pool, store)


def _worker_of(pool: ThreadPoolExecutor, ended: Callable[[object], None] | None = None) -> Worker:
    """``ended`` is called on the thread after each call."""

    async def worker(function: Callable[..., Any], *arguments: Any) -> Any:
        # The thread works on what whoever calls works on: its log lines say so.
        call = pool.submit(in_context(function, *arguments))
        if ended is not None:
            call.add_done_callback(ended)
        result = asyncio.wrap_future(call)
        try:
            return await asyncio.shield(result)
        except asyncio.CancelledError:
            # A call that has begun goes on to its end: what it works with must not be given up before.
            if not call.cancel():
                await asyncio.wait({result})
            raise
        finally:
            # What it raised holds this frame, and all above it: with the message that is answered.
            del call, result

    return worker


def _open_history(settings: Settings) -> Store:
    refuse_lost(settings.data_dir)
    keep = Keep(settings.history_commits, settings.history_days)
    return Store(settings.data_dir / "history.db", new=may_begin(settings.data_dir), keep=keep)


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


async def protect(settings: Settings, looked: Looked, _hangups: Hangups | None = None) -> None:
    """Have in force what holds for the committed configuration though no agent runs.

    Raises:
        BackendError: a translator cannot.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        worker = _worker_of(pool)
        store = _open_history(settings)
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


_WORK = {Task.RUN: run, Task.PROTECT: protect, Task.UNPROTECT: unprotect}


@dataclass(frozen=True, slots=True)
class Agent:
    """What is running, in the order in which it starts; it stops in reverse."""

    context: Context
    server: Server
    transport: SshTransport
    local: UnixTransport

    async def start(self, users: Mapping[str, Path]) -> None:
        context = self.context
        # First: a port in use, or a damaged host key, is found out before anything is begun that others see.
        await self.transport.take_address()
        self.local.take_address()
        context.stream.start()
        await context.configuration.start()
        await context.worker(context.nacm.load, context.configuration.running)
        await ensure_rules(context.configuration, users)
        await self.server.start()
        self.transport.users = users
        await self.transport.start()
        await self.local.start()

    def take_over(self, now: Reread) -> None:
        """Go on with other users, limits and another log; see agent.reread."""
        settings, limits = now.settings, make_limits(now.settings)
        self.transport.places.take_over(limits, settings.recovery_users)
        gone = self.transport.take_over(now.users, limits=limits, recovery_users=settings.recovery_users)
        self.context.nacm.take_over(settings.recovery_users)
        self.context.stream.bound(limits.notification_events, limits.notification_octets)
        self.server.take_over(limits)
        self.server.end_sessions_of(gone, now.why_gone)
        logs.configure(settings.log_level, settings.log_format)

    async def stop(self) -> None:
        await asyncio.gather(self.transport.stop(), self.local.stop())
        await self.server.stop()
        await self.context.confirmed.stop()
        await self.context.stream.stop()


def assemble(
    settings: Settings,
    *,
    schema: Schema,
    store: Store,
    translators: Sequence[Translator],
    outlet: Outlet,
    worker: Worker,
    progress: Progress,
    passed: Passed = NONE,
) -> Agent:
    """Put everything together; nothing runs yet."""
    limits, refused = make_limits(settings), Refused()
    outlet.stream = stream = Stream(
        schema,
        worker=worker,
        now=_clock,
        max_events=limits.notification_events,
        max_octets=limits.notification_octets,
    )
    configuration = Configuration(
        schema,
        store,
        translators=translators,
        worker=worker,
        announce=stream.publish,
        progress=progress,
    )
    nacm = AccessControl(schema, settings.recovery_users)
    configuration.when_swapped.append(nacm.reload)
    outlet.operational = operational = Operational(schema, translators, {NACM_PATH: nacm.state})
    outlet.confirmed = confirmed = ConfirmedCommits(configuration)
    operational.when_changed.append(confirmed.state_changed)
    context = Context(
        schema=schema,
        configuration=configuration,
        locks=Locks(),
        confirmed=confirmed,
        stream=stream,
        nacm=nacm,
        operational=operational,
        worker=worker,
        callers=tuple,
        now=_now,
    )
    outlet.context = context
    turns = Turns()
    server = Server(context, limits, refused=refused, turns=turns)
    places = Places(
        limits,
        recovery_users=settings.recovery_users,
        kept=settings.socket_path is not None,
        refused=refused,
    )
    transport = SshTransport(
        host=settings.host,
        port=settings.port,
        host_key=settings.data_dir / "host_key",
        credential=settings.credential,
        passed=passed.tcp,
        users={},
        places=places,
        serve=server.serve,
        turns=turns,
    )
    local = UnixTransport(
        settings.socket_path,
        settings.socket_group,
        insists=settings.socket is not None,
        passed=passed.unix,
        places=places,
        serve=server.serve,
    )
    return Agent(context, server, transport=transport, local=local)


async def _end_worker(pool: ThreadPoolExecutor, store: Store) -> None:
    """End the libyang thread; if a call keeps it, end the program: what was answered is on disk."""
    last = asyncio.get_running_loop().run_in_executor(pool, store.close)
    _, late = await asyncio.wait({last}, timeout=STOP_LIMIT_S)
    if late:
        log.error("a request is still being worked on after %d s; the program ends without it", STOP_LIMIT_S)
        logging.shutdown()
        os._exit(1)
    pool.shutdown()


def _address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _clock() -> datetime:
    return datetime.now(UTC)


def _now() -> str:
    return _clock().isoformat(timespec="seconds")


if __name__ == "__main__":
    main()
