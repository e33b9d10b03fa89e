"""Joins sessions and operations: the register of sessions, their counters, and what is told of them."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import logging
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from ipaddress import ip_address

from agent import monitoring
from agent.at_work import bind_session
from agent.datastore.changes import base_event, session_parameters
from agent.errors import RpcErrors
from agent.live import Live
from agent.netconf.known import Known
from agent.netconf.messages import Rpc
from agent.netconf.session import Action, Session
from agent.notifications import RFC8639_STREAMS_PATH, STREAMS_PATH
from agent.operational import Provider
from agent.operations import publisher
from agent.operations.commit import caller_info
from agent.operations.context import Context, Ending, EndKind
from agent.operations.dispatch import dispatch
from agent.operations.locking import release
from agent.operations.one_entry import OneEntry, one_entry, read_one
from agent.stopping import Stopping
from agent.subscribed import Bounds
from agent.subscriptions import SUBSCRIPTIONS_PATH
from agent.tally import Figures
from agent.translator import Json
from agent.transport.limits import Limits, Refused
from agent.transport.stream import ByteStream, Peer
from agent.turns import Turns
from agent.unfinished import Holder, Unfinished
from agent.xml import YANG_NS, Element, local_name, namespace

log = logging.getLogger(__name__)

AGENT_PATH = "/yangswan-agent:agent"


@dataclass(slots=True)
class Totals:
    """Counters of sessions that have ended; live ones are added when asked (RFC 6022 section 2.1.5)."""

    in_bad_hellos: int = 0
    in_sessions: int = 0
    dropped_sessions: int = 0
    in_rpcs: int = 0
    in_bad_rpcs: int = 0
    out_rpc_errors: int = 0
    out_notifications: int = 0
    tags: Counter[str] = field(default_factory=Counter)


class Server:
    """The NETCONF server; ``serve`` is given to every transport."""

    def __init__(self, context: Context, limits: Limits, refused: Refused, turns: Turns) -> None:
        self.context = context
        self.capabilities = monitoring.capabilities(context.schema)
        self._limits = limits
        self._known = Known()
        self._refused = refused
        self._turns = turns
        octets, octets_per_user = _unfinished_octets(limits)
        self._unfinished = Unfinished(octets, octets_per_user, end=_give_way)
        self._ids = itertools.count(1)
        self._live: dict[int, Live] = {}
        self._totals = Totals()
        self._operations: Counter[str] = Counter()
        self._started = context.now()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stops: Ending | None = None
        context.callers = lambda: list(self._live.values())
        context.operational.add_translator_roots()
        context.operational.roots.update(
            {
                monitoring.NETCONF_STATE_PATH: self._netconf_state,
                monitoring.LIBRARY_PATH: _constant(monitoring.yang_library(context.schema)),
                monitoring.MODULES_STATE_PATH: _constant(monitoring.modules_state(context.schema)),
                STREAMS_PATH: _constant(context.stream.content()),
                RFC8639_STREAMS_PATH: self._streams,
                SUBSCRIPTIONS_PATH: context.subscriptions.state,
                AGENT_PATH: self._agent_state,
            }
        )

    async def serve(self, stream: ByteStream, peer: Peer) -> None:
        """Own one session from its hello to its end; its locks never outlive it (RFC 6241 section 7.5)."""
        limits, session_id = self._limits, self.next_session_id()
        bind_session(session_id, peer.user)
        session = Session(
            session_id,
            self.capabilities,
            limit_octets=limits.message_octets,
            max_elements=limits.message_elements,
            max_depth=limits.message_depth,
            known=self._known,
        )
        live = Live(
            session,
            stream=stream,
            peer=peer,
            login_time=self.context.now(),
            limits=limits,
            answer=self._answer,
            answer_at_once=self._answer_at_once,
            may_idle=self._may_idle,
            turns=self._turns,
            unfinished=self._unfinished,
        )
        self._live[live.session_id] = live
        if self._stops is not None:  # it was admitted before
            live.finish(self._stops)
        self._totals.in_sessions += 1
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        log.info("begun %s (%s)", peer.whence, peer.transport)
        try:
            await live.drive(self._tell_start)
        finally:
            ending = live.ending or Ending(EndKind.DROPPED, "connection closed")
            try:
                await asyncio.shield(release(self.context, live.session_id))
            finally:
                self.context.subscriptions.session_ended(live.session_id)
                # Not before: who sees the session gone sees what it held gone, too.
                del self._live[live.session_id]
                self._count_out(session, ending)
            self._tell_end(live, ending)
            await live.close()
            if task is not None:
                self._tasks.discard(task)
            log.info("ended: %s", ending.reason)

    def next_session_id(self) -> int:
        """Return the id of a session that is served elsewhere."""
        return next(self._ids)

    async def start(self) -> None:
        """Tell subscribers what this server can do that it could not before it was started again."""
        store, worker = self.context.configuration.store, self.context.worker
        before = await worker(store.note, "capabilities")
        if before is not None and (change := monitoring.capability_change(before.split(), self.capabilities)):
            self.context.stream.publish(change)
        now = "\n".join(self.capabilities)
        if before != now:
            await worker(store.keep_note, "capabilities", now)

    def take_over(self, limits: Limits) -> None:
        """Have other limits from now on; what a message may hold stays as it was in sessions that exist."""
        self._limits = limits
        self._known = Known()  # what came before may be more than a message may hold now
        self.context.subscriptions.take_over(subscription_bounds(limits))
        self.context.publisher.bounds = push_bounds(limits)
        self._unfinished.bound(*_unfinished_octets(limits))
        for live in self._live.values():
            live.take_over(limits)

    def end_sessions_of(self, peers: Collection[Peer], why: Callable[[str], str]) -> None:
        """End the sessions of ``peers``, who could not log in any more; ``why`` says it of a user."""
        for live in list(self._live.values()):
            if live.peer in peers:
                live.end(Ending(EndKind.OTHER, why(live.user)))

    async def stop(self, stopping: Stopping) -> None:
        """End every session once what it has asked for is answered; returns when their locks are released.

        Who takes too long is ended all the same, and then not waited for without an end.
        """
        self._stops = Ending(EndKind.OTHER, "the server stops")
        for live in list(self._live.values()):
            live.finish(self._stops)
        await self._over(stopping.answers_s)
        for live in list(self._live.values()):
            live.end(self._stops)
        await self._over(stopping.changes_s)
        self.context.subscriptions.stop()

    async def _over(self, within_s: float) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)

    async def _answer(self, live: Live, rpc: Rpc) -> list[Action]:
        self._operations[self._known_name(rpc.operation)] += 1
        try:
            body = await dispatch(self.context, live, rpc.operation, rpc.octets)
        except RpcErrors as problem:
            return live.session.reply_errors(rpc, problem.errors, self.context.schema.namespaces())
        return live.session.reply(rpc, body)

    def _answer_at_once(self, live: Live, rpc: Rpc) -> list[Action] | None:
        """Answer a request for which nothing is waited; None for any other, which ``_answer`` answers."""
        context, made = self.context, rpc.made
        try:
            if made is None and rpc.message:
                made = one_entry(context.schema, rpc.operation)
            rules = context.nacm.rules
            body = read_one(context, context.access(live), made) if isinstance(made, OneEntry) else None
            if context.nacm.rules is not rules:  # those that came meanwhile may hide what came with them
                body = None
        except Exception:  # the other way fails, too, and says why
            body = None
        if body is None or not isinstance(made, OneEntry):
            return None
        if rpc.made is None:
            live.session.know(rpc, made)
        self._operations[made.operation.name] += 1
        return live.session.reply(rpc, body)

    def _known_name(self, operation: Element) -> str:
        """Return the name of an operation, "other" where clients could think of ever more."""
        qname = namespace(operation), local_name(operation)
        return qname[1] if qname in self.context.schema.rpcs or qname == (YANG_NS, "action") else "other"

    def _may_idle(self, live: Live) -> bool:
        return self.context.confirmed.owner == live.session_id

    # -- events (RFC 6470) -----------------------------------------------------------------

    def _tell_start(self, live: Live) -> None:
        self._tell("netconf-session-start", _parameters(live))

    def _tell_end(self, live: Live, ending: Ending) -> None:
        content = {**_parameters(live), "termination-reason": ending.kind.value}
        if ending.killed_by is not None:
            content["killed-by"] = ending.killed_by
        self._tell("netconf-session-end", content)

    def _tell(self, name: str, content: Json) -> None:
        self.context.stream.publish(base_event(name, content))

    # -- monitoring ------------------------------------------------------------------------

    def _count_out(self, session: Session, ending: Ending) -> None:
        totals, counters = self._totals, session.counters
        totals.in_rpcs += counters.in_rpcs
        totals.in_bad_rpcs += counters.in_bad_rpcs
        totals.out_rpc_errors += counters.out_rpc_errors
        totals.out_notifications += counters.out_notifications
        totals.tags.update(counters.tags)
        if ending.kind is EndKind.BAD_HELLO or not session.greeted:
            totals.in_bad_hellos += 1
        elif ending.kind is not EndKind.CLOSED:
            totals.dropped_sessions += 1

    def figures(self, *, rejected_logins: int) -> Figures:
        """Return what sessions have done since the start, those that are open with them; ``rejected_logins``
        before there was a session."""
        context, totals = self.context, self._totals
        counters = [live.session.counters for live in self._live.values()]
        return Figures(
            sessions=len(self._live),
            in_sessions=totals.in_sessions,
            dropped_sessions=totals.dropped_sessions,
            bad_hellos=totals.in_bad_hellos,
            operations=dict(self._operations),
            bad_rpcs=totals.in_bad_rpcs + sum(c.in_bad_rpcs for c in counters),
            errors=sum((c.tags for c in counters), totals.tags.copy()),
            notifications=totals.out_notifications + sum(c.out_notifications for c in counters),
            rejected_logins=rejected_logins,
            refused_connections=self._refused.connections,
            confirmed_pending=context.confirmed.window is not None,
            history_read_only=context.configuration.store.read_only is not None,
        )

    async def _netconf_state(self) -> Json:
        context, totals = self.context, self._totals
        counters = [live.session.counters for live in self._live.values()]
        statistics = {
            "netconf-start-time": self._started,
            "in-bad-hellos": totals.in_bad_hellos,
            "in-sessions": totals.in_sessions,
            "dropped-sessions": totals.dropped_sessions,
        }
        for name in ("in_rpcs", "in_bad_rpcs", "out_rpc_errors", "out_notifications"):
            total = getattr(totals, name) + sum(getattr(c, name) for c in counters)
            statistics[name.replace("_", "-")] = total
        return monitoring.netconf_state(
            context.schema,
            locks=context.locks,
            callers=context.callers(),
            statistics=statistics,
            hello=self.capabilities,
        )

    async def _streams(self) -> Json:
        return self.context.stream.listed()

    async def _agent_state(self) -> Json:
        limits = {name.replace("_", "-"): n for name, n in dataclasses.asdict(self._limits).items()}
        content: Json = {"limits": limits, "refused-connections": self._refused.connections}
        confirmed = self.context.confirmed
        if confirmed.window is not None:
            content["confirmed-commit"] = {
                "session-id": confirmed.window.session_id,
                "user": confirmed.window.user,
                "persistent": confirmed.window.persist is not None,
                "rollback-to": confirmed.window.rollback_to,
                "remaining-s": int(confirmed.remaining_s()),
                **({"verify": confirmed.verification.state()} if confirmed.verification else {}),
            }
        if (why := self.context.configuration.store.read_only) is not None:
            content["history-read-only"] = why
        return content


def _unfinished_octets(limits: Limits) -> tuple[int, int]:
    """Return the bounds of what is not finished, in all and per user: one message of the largest size has
    room, whatever is set."""
    return (
        max(limits.unfinished_octets, limits.message_octets),
        max(limits.unfinished_octets_per_user, limits.message_octets),
    )


def subscription_bounds(limits: Limits) -> Bounds:
    """Return what the limits say of subscriptions."""
    return Bounds(
        limits.subscriptions,
        per_user=limits.subscriptions_per_user,
        per_session=limits.subscriptions_per_session,
        events=limits.subscription_events,
        octets=limits.subscription_octets,
        suspended_s=limits.subscription_suspended_s,
    )


def push_bounds(limits: Limits) -> publisher.Bounds:
    """Return what the limits say of subscriptions to datastores."""
    return publisher.Bounds(
        period_cs=limits.push_period_cs,
        selections=limits.push_selections,
        octets=limits.push_octets,
        update_octets=limits.push_update_octets,
    )


def _give_way(holder: Holder, reason: str) -> None:
    if isinstance(holder, Live):
        holder.end(Ending(EndKind.OTHER, reason))


def _parameters(live: Live) -> Json:
    return session_parameters(caller_info(live))


def _constant(content: Json) -> Provider:
    async def provide() -> Json:
        return content

    return provide


def routed_address(source: str) -> str | None:
    """Return the address of another machine that ``source`` is, which packets reach by a route; else None."""
    try:
        address = ip_address(source)
    except ValueError:
        return None
    address = getattr(address, "ipv4_mapped", None) or address
    return None if address.is_loopback or address.is_link_local else str(address)
