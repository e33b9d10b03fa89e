"""The event stream NETCONF (RFC 5277): what is published, recorded for replay, and sent to subscribers.

Events pass through one bounded record; while nobody waits for one, a little later and some at a time. A
subscription is a cursor into it: its task waits for the next event, looks whether the subscriber wants it and
may have it, and sends it, so a slow subscriber delays nobody and has no queue of its own. When the record has
moved on before it came by, it is told how many events it missed. Nothing here waits for a commit, and no
commit waits for anything here.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agent.translator import Json, Notification
from agent.yang.invocation import notification_tree
from agent.yang.nodes import json_document
from agent.yang.schema import Schema
from agent.yang.schema_node import QName, SchemaNode
from agent.yang.tree import Tree
from agent.yang.worker import Worker

log = logging.getLogger(__name__)

STREAM = "NETCONF"
NOTIFICATION_NS = "urn:ietf:params:xml:ns:netconf:notification:1.0"
STREAMS_NS = "urn:ietf:params:xml:ns:netmod:notification"
STREAMS_PATH = "/nc-notifications:netconf"
RFC8639_STREAMS_PATH = "/ietf-subscribed-notifications:streams"
AGENT_NS = "urn:yangswan:params:xml:ns:yang:agent"
MAX_WAITING = 10_000
"""Events that were published and not recorded yet; beyond, the oldest of them are dropped."""
LATER_S = 0.1
"""An event that nobody waits for is recorded so much later, when whoever caused it has his answer,"""
MANY_WAITING = 64
"""unless so many wait."""
AT_A_TIME = 8
"""So many are rendered in one step, a millisecond: what else the thread has to do waits for it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One recorded event; ``number`` counts from 1 without gaps. ``body``: its element, as XML. ``names``: as
    in ``agent.translator.Notification``. ``before``: octets of all the bodies that were recorded before."""

    number: int
    time: datetime
    name: QName
    body: bytes = field(repr=False)
    names: Mapping[str, str] = field(default_factory=dict)
    before: int = 0


Door = Callable[[Event], bytes | None]
"""*worker* Returns what of an event somebody may be told, as XML; None if nothing."""


def message(time: datetime, body: bytes) -> bytes:
    """Return a ``<notification>`` (RFC 5277 section 2.2.1)."""
    start = f'<notification xmlns="{NOTIFICATION_NS}"><eventTime>{time_text(time)}</eventTime>'
    return start.encode() + body + b"</notification>"


def missed(count: int) -> bytes:
    """Return notifications-missed, which tells a subscriber how many events it was too slow for."""
    name = "notifications-missed"
    return f'<{name} xmlns="{AGENT_NS}"><count>{count}</count></{name}>'.encode()


def time_text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Stream:
    """What happened, in order.

    Args:
        now: the time of an event.
        max_events, max_octets: bounds of the record; whichever is reached first drops the oldest events.
    """

    def __init__(
        self,
        schema: Schema,
        worker: Worker,
        now: Callable[[], datetime],
        max_events: int = 10_000,
        max_octets: int = 8 * 1024 * 1024,
    ) -> None:
        self.schema = schema
        self.worker = worker
        self.now = now
        self.created = now()
        self.aged: datetime | None = None
        """When the newest of the events happened that the record holds no longer."""
        self._bounds = max_events, max_octets
        self._record: deque[Event] = deque()
        self._octets = 0
        self._octets_ever = 0
        self._numbers = itertools.count(1)
        self._waiting: deque[tuple[datetime, Notification]] = deque(maxlen=MAX_WAITING)
        self._published = asyncio.Event()
        self._due: asyncio.TimerHandle | None = None
        self._grew = asyncio.Condition()
        self._waited_for = 0
        self._taken = self._done = 0
        self._pump: asyncio.Task[None] | None = None
        self._over = False

    @property
    def last_number(self) -> int:
        """Number of the newest event, 0 before the first."""
        return self._record[-1].number if self._record else 0

    def start(self) -> None:
        self._pump = asyncio.create_task(self._record_published())

    async def stop(self) -> None:
        """Record nothing any more; nobody who waits for what is published to be recorded waits on."""
        self._over = True
        if self._due is not None:
            self._due.cancel()
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])
        async with self._grew:
            self._grew.notify_all()

    def bound(self, max_events: int, max_octets: int) -> None:
        """Have other bounds of the record, from the next event on."""
        self._bounds = max_events, max_octets

    def publish(self, notification: Notification) -> None:
        """Take an event; never blocks. To be called on the event loop."""
        if len(self._waiting) == MAX_WAITING:
            log.error("events come faster than they are recorded; the oldest waiting one is dropped")
            self._done += 1
        time = self.now()
        # A client asks with the times that it was told, so an event has no finer one.
        time = time.replace(microsecond=time.microsecond // 1000 * 1000)
        self._waiting.append((time, notification))
        self._taken += 1
        if self._waited_for or len(self._waiting) >= MANY_WAITING:
            self._published.set()
        elif self._due is None:
            self._due = asyncio.get_running_loop().call_later(LATER_S, self._record_now)

    def _record_now(self) -> None:
        self._due = None
        self._published.set()

    async def settled(self) -> None:
        """Return when everything is recorded that was published before, or nothing is any more: who begins to
        wait for events shall not take it for new."""
        until = self._taken
        self._published.set()
        async with self._grew:
            await self._grew.wait_for(lambda: self._over or self._done >= until)

    def since(self, time: datetime) -> int:
        """Return the number of the first recorded event that did not happen before ``time``."""
        return next((e.number for e in self._record if e.time >= time), self.last_number + 1)

    async def events(self, number: int, until: datetime | None = None) -> AsyncIterator[Event | int]:
        """Yield the events from ``number`` on as they come; an int is how many were dropped meanwhile.

        Ends when it is ``until`` and nothing is left.
        """
        while (found := await self.at(number, until)) is not None:
            yield found
            number += found if isinstance(found, int) else 1

    async def at(self, number: int, until: datetime | None = None) -> Event | int | None:
        """Wait for the event ``number``, and return it; None if it is ``until`` and it did not happen before.

        An int is how many events were dropped from that one on. May be cancelled while it waits.
        """
        if self.last_number < number:
            try:
                async with asyncio.timeout(None if until is None else (until - self.now()).total_seconds()):
                    await self._recorded(number)
            except TimeoutError:
                await self.settled()  # what was published before may not be recorded yet
                if self.last_number < number:
                    return None
        first = self._record[0].number
        if first > number:
            return first - number
        event = self._record[number - first]
        return None if until is not None and event.time > until else event

    async def _recorded(self, number: int) -> None:
        self._waited_for += 1
        try:
            self._published.set()
            async with self._grew:
                await self._grew.wait_for(lambda: self.last_number >= number)
        finally:
            self._waited_for -= 1

    def waiting(self, number: int) -> tuple[int, int]:
        """Return how many events are recorded from ``number`` on, and their octets."""
        if number > self.last_number:
            return 0, 0
        first = self._record[0].number
        return self.last_number - number + 1, self._octets_ever - self._record[max(0, number - first)].before

    def newest(self, events: int, octets: int) -> int:
        """Return the number of the first of the newest events, of which there are no more than these."""
        number = self.last_number + 1
        for event in reversed(self._record):
            events, octets = events - 1, octets - len(event.body)
            if events < 0 or octets < 0:
                break
            number = event.number
        return number

    def content(self) -> Json:
        """Return the content of ``/netconf`` (RFC 5277 section 3.4)."""
        stream = {
            "name": STREAM,
            "description": "All events of this server",
            "replaySupport": True,
            "replayLogCreationTime": time_text(self.created),
        }
        return {"streams": {"stream": [stream]}}

    def listed(self) -> Json:
        """Return the content of ``/streams`` (RFC 8639 section 3.1)."""
        stream = {
            "name": STREAM,
            "description": "All events of this server",
            "replay-support": [None],
            "replay-log-creation-time": time_text(self.created),
            **({} if self.aged is None else {"replay-log-aged-time": time_text(self.aged)}),
        }
        return {"stream": [stream]}

    async def _record_published(self) -> None:
        while True:
            await self._published.wait()
            self._published.clear()
            while self._waiting:
                await self._record_some()

    async def _record_some(self) -> None:
        # Not in the loop above, which would hold the last ones until others come.
        some = [self._waiting.popleft() for _ in range(min(AT_A_TIME, len(self._waiting)))]
        rendered: Sequence[Rendered | Exception]
        try:
            rendered = await self.worker(_render_each, self.schema, [one for _, one in some])
        except Exception as problem:  # who waits for these must not wait for ever
            rendered = [problem] * len(some)
        async with self._grew:
            for (time, notification), made in zip(some, rendered, strict=True):
                self._add(time, notification, made)
            self._done += len(some)
            self._grew.notify_all()

    def _add(self, time: datetime, notification: Notification, made: Rendered | Exception) -> None:
        if isinstance(made, Exception):
            # A fault of whoever made it; the name is all that may be safe to log.
            names = ", ".join(notification.content)
            log.error("an event cannot be recorded: %s", names, exc_info=made)
            return
        name, body = made
        number, before = next(self._numbers), self._octets_ever
        self._record.append(
            Event(number, time=time, name=name, body=body, names=notification.names, before=before)
        )
        self._octets += len(body)
        self._octets_ever += len(body)
        max_events, max_octets = self._bounds
        while len(self._record) > max_events or (self._octets > max_octets and len(self._record) > 1):
            dropped = self._record.popleft()
            self._octets -= len(dropped.body)
            self.aged = dropped.time


Rendered = tuple[QName, bytes]


def _render_each(schema: Schema, notifications: Sequence[Notification]) -> list[Rendered | Exception]:
    """*worker* Return what ``render`` does of each, or raises."""
    made: list[Rendered | Exception] = []
    for notification in notifications:
        try:
            made.append(render(schema, notification))
        except Exception as problem:
            made.append(problem)
    return made


def render(schema: Schema, notification: Notification) -> Rendered:
    """*worker* Return the name of an event and its element.

    Raises:
        RpcErrors: it does not fit its YANG module.
    """
    tree, node = notification_tree(schema, json_document(notification.content))
    return node.qname, tree.to_xml()


@dataclass(frozen=True, slots=True)
class Look:
    """What one subscriber is told of an event.

    ``wants``: *worker* function that says if a filter selects something of an event's tree. ``may``: if the
    subscriber may read an event of this kind; asked for each event, for the rules may change. ``door``:
    returns the *worker* function that says what of an event he may be told, None if that is all.
    ``carry_out``: has the look at an event done where it harms nobody, None on libyang's thread.
    """

    stream: Stream
    wants: Callable[[Tree], bool] | None
    may: Callable[[SchemaNode], bool]
    door: Callable[[], Door | None] = lambda: None
    carry_out: Callable[[Event, Callable[[], bytes]], Awaitable[bytes]] | None = None

    async def told(self, event: Event) -> bytes:
        """Return what of ``event`` the subscriber is told, as XML, b"" if nothing."""
        if not self.may(self.stream.schema.notifications[event.name]):
            return b""
        door = self.door()
        if door is None and self.wants is None:
            return event.body
        return await self._carried_out(event, lambda: self._selected(event, door))

    async def _carried_out(self, event: Event, work: Callable[[], bytes]) -> bytes:
        if self.carry_out is None:
            done: bytes = await self.stream.worker(work)
            return done
        return await self.carry_out(event, work)

    def _selected(self, event: Event, door: Door | None) -> bytes:
        """*worker* Return what may be told of an event if the filter selects something of that, else b""."""
        body = event.body if door is None else door(event)
        if not body or self.wants is None:
            return body or b""
        tree, _ = notification_tree(self.stream.schema, body, xml=True)
        return body if self.wants(tree) else b""


@dataclass(slots=True)
class Subscription:
    """What one session wants (RFC 5277 section 2.1.1); as ``Look``, and from ``start`` to ``stop``."""

    stream: Stream
    send: Callable[[bytes], Awaitable[None]]
    wants: Callable[[Tree], bool] | None
    may: Callable[[SchemaNode], bool]
    start: datetime | None = None
    stop: datetime | None = None
    door: Callable[[], Door | None] = lambda: None
    carry_out: Callable[[Event, Callable[[], bytes]], Awaitable[bytes]] | None = None

    async def run(self) -> None:
        """Send events until the stop time, or for ever; ends with the connection."""
        first = self.stream.last_number + 1
        if self.start is not None:
            first = await self._replay(self.stream.since(self.start))
        await self._deliver(first)
        await self._complete("notificationComplete")

    async def _replay(self, number: int) -> int:
        """Send what was recorded until now; returns the number of the next event."""
        last = self.stream.last_number
        if number <= last:
            async for event in self.stream.events(number):
                if isinstance(event, int):
                    await self._missed(event)
                    continue
                await self._offer(event)
                # A slow subscriber may find that all of the replay has been dropped meanwhile.
                if event.number >= last:
                    last = event.number
                    break
        await self._complete("replayComplete")
        return last + 1

    async def _deliver(self, number: int) -> None:
        async for event in self.stream.events(number, self.stop):
            if isinstance(event, int):
                await self._missed(event)
            else:
                await self._offer(event)

    async def _offer(self, event: Event) -> None:
        if self.stop is not None and event.time > self.stop:
            return
        look = Look(self.stream, self.wants, may=self.may, door=self.door, carry_out=self.carry_out)
        if body := await look.told(event):
            await self.send(message(event.time, body))

    async def _missed(self, count: int) -> None:
        log.warning("a subscriber is too slow: %d events were dropped before it read them", count)
        await self.send(message(self.stream.now(), missed(count)))

    async def _complete(self, name: str) -> None:
        await self.send(message(self.stream.now(), f'<{name} xmlns="{STREAMS_NS}"/>'.encode()))
