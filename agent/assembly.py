"""Everything but what the settings name is constructed here, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent import logs
from agent.datastore.configuration import Configuration
from agent.datastore.confirming import ConfirmedCommits
from agent.datastore.locks import Locks
from agent.datastore.progress import Progress
from agent.datastore.store import Store
from agent.first_start import ensure_rules
from agent.from_settings import Outlet, make_limits
from agent.nacm.control import NACM_PATH, AccessControl
from agent.notifications import Stream
from agent.operational import Operational
from agent.operations.context import Context
from agent.operations.publisher import Publisher
from agent.orphans import Orphans
from agent.reread import Reread
from agent.server import Server, push_bounds, subscription_bounds
from agent.settings import Settings
from agent.stopping import Stopping, ended, going_on
from agent.subscriptions import Subscriptions, namespaces_of
from agent.translator import Translator
from agent.transport.activation import NONE, Passed
from agent.transport.limits import Refused
from agent.transport.places import Places
from agent.transport.ssh import SshTransport
from agent.transport.unix import UnixTransport
from agent.turns import Turns
from agent.yang.schema import Schema
from agent.yang.worker import Worker

if TYPE_CHECKING:
    from agent.metrics.page import MetricsDoor
    from agent.web import WebDoor


@dataclass(frozen=True, slots=True)
class Agent:
    """What is running, in the order in which it starts; it stops in reverse."""

    context: Context
    server: Server
    transport: SshTransport
    local: UnixTransport
    orphans: Orphans
    metrics: MetricsDoor | None = None
    web: WebDoor | None = None

    async def start(self, users: Mapping[str, Path]) -> None:
        context = self.context
        # First: a port in use, or a damaged host key, is found out before anything is begun that others see.
        await self.transport.take_address()
        self.local.take_address()
        if self.metrics is not None:
            await self.metrics.take_address()
        if self.web is not None:
            await self.web.take_address()
        self.orphans.start()
        context.stream.start()
        await context.configuration.start()
        await context.worker(context.nacm.load, context.configuration.running)
        await ensure_rules(context.configuration, users)
        await self.server.start()
        self.transport.users = users
        await self.transport.start()
        await self.local.start()
        if self.metrics is not None:
            await self.metrics.start()
        if self.web is not None:
            await self.web.start()

    def take_over(self, now: Reread) -> None:
        """Go on with other users, limits and another log; see agent.reread."""
        settings, limits = now.settings, make_limits(now.settings)
        self.transport.places.take_over(limits, settings.recovery_users)
        gone = self.transport.take_over(now.users, limits=limits, recovery_users=settings.recovery_users)
        self.context.nacm.take_over(settings.recovery_users)
        self.context.stream.bound(limits.notification_events, limits.notification_octets)
        self.server.take_over(limits)
        self.server.end_sessions_of(gone, now.why_gone)
        if self.web is not None:
            self.web.take_over(settings, limits)
        logs.configure(settings.log_level, settings.log_format)

    async def stop(self, stopping: Stopping | None = None) -> None:
        """End everything, whatever of it fails, within ``stopping``, which begins now if nobody says when."""
        stopping = stopping or Stopping()
        for door in (self.transport, self.local):  # those of HTTP are shut by their stop
            with going_on("a door is shut"):
                door.shut()
        parts = {"sessions": self.server.stop(stopping)}
        if self.metrics is not None:
            parts["metrics"] = self.metrics.stop()
        if self.web is not None:
            parts["RESTCONF"] = self.web.stop(stopping)
        await ended(parts)
        # Connections go last: they carry the answers to what was being done.
        left_s = stopping.all_s
        await ended({"SSH": self.transport.stop(left_s), "the UNIX socket": self.local.stop(left_s)})
        await ended({"confirmed commits": self.context.confirmed.stop(stopping.all_s)})
        self.context.configuration.shut()
        await ended({"the record of events": self.context.stream.stop(), "trees": self.orphans.stop()})


def assemble(
    settings: Settings,
    *,
    schema: Schema,
    store: Store,
    translators: Sequence[Translator],
    outlet: Outlet,
    worker: Worker,
    reader: Worker,
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
    configuration.with_swap.append(nacm.reload)
    outlet.operational = operational = Operational(schema, translators, {NACM_PATH: nacm.state})
    outlet.confirmed = confirmed = ConfirmedCommits(configuration)
    operational.when_changed.append(confirmed.state_changed)
    context = Context(
        schema=schema,
        configuration=configuration,
        locks=Locks(),
        confirmed=confirmed,
        stream=stream,
        subscriptions=Subscriptions(
            subscription_bounds(limits), now=_clock, namespaces=namespaces_of(schema)
        ),
        nacm=nacm,
        operational=operational,
        worker=worker,
        reader=reader,
        callers=tuple,
        now=_now,
        publisher=Publisher(push_bounds(limits)),
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
    metrics = None
    if settings.metrics is not None:
        # Not at the top: what serves HTTP takes memory, and who has no such door does without.
        from agent.metrics.page import MetricsDoor
        from agent.metrics.scraping import Scraping

        scraping = Scraping(
            translators,
            figures=lambda: server.figures(rejected_logins=transport.lockout.total),
            commits=configuration.commits,
        )
        metrics = MetricsDoor(settings.metrics, scraping)
    web = None
    if settings.web is not None:
        from agent.web import make_web  # with uvicorn: five megabytes that few need

        web = make_web(
            settings,
            settings.web,
            context=context,
            limits=limits,
            ssh=transport,
            ids=server.next_session_id,
        )
    orphans = Orphans(schema, worker)
    return Agent(context, server, transport=transport, local=local, orphans=orphans, metrics=metrics, web=web)


def _clock() -> datetime:
    return datetime.now(UTC)


def _now() -> str:
    return _clock().isoformat(timespec="seconds")
