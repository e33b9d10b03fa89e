"""Subscriptions to event streams (RFC 8639 sections 2.1 to 2.4): a cursor into the record of events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from agent.errors import (
    BadElement,
    ErrorType,
    InvalidParameter,
    InvalidValue,
    ResourceDenied,
    RpcError,
    RpcErrors,
)
from agent.notifications import STREAM, Event, Look, Stream, missed, time_text
from agent.operations.parameters import declared_with_modules, parameter, text_of
from agent.operations.read import Filter, subtree_or_xpath
from agent.operations.subscribe import alone, door_for, look_at, time_of, tried
from agent.operations.targets import Established, Request
from agent.operations.xpath import DEFAULT, Expression, as_boolean
from agent.push.bodies import changed, leaf
from agent.push.refusal import (
    ESTABLISH_STREAM,
    FILTER_UNAVAILABLE,
    FILTER_UNSUPPORTED,
    INSUFFICIENT_RESOURCES,
    MODIFY_STREAM,
    SN_NS,
    Declined,
    Terminate,
)
from agent.push.source import Backlog, Counters, Source, Update
from agent.subscribed import Bounds
from agent.xml import serialize

log = logging.getLogger(__name__)

FILTERS = ("stream-filter-name", "stream-subtree-filter", "stream-xpath-filter")
TURN = 64
"""Events that are left out one after the other before others have their turn."""


@dataclass(slots=True)
class StreamSource:
    """The events of a stream from ``number`` on, as far as ``look`` tells of them.

    ``replay``: the number of the last event that is sent again, None if none is. ``filter_xml``: the filter
    as it was given.
    """

    id: int
    stream: Stream
    look: Look
    filter_xml: bytes
    counters: Counters
    bounds: Callable[[], Bounds]
    stop: datetime | None
    number: int
    start: datetime | None = None
    replay: int | None = None
    _left_out: int = field(default=0, init=False)

    async def next(self) -> Update | None:
        while True:
            if self.replay is not None and self.number > self.replay:
                return self._replayed()
            event = await self.stream.at(self.number, self.stop)
            if event is None:
                return None if self.replay is None else self._replayed()
            if isinstance(event, int):
                log.warning("a subscriber is too slow: %d events were dropped before it read them", event)
                self.number += event
                self.counters.missed += event
                return Update(self.stream.now(), missed(event), is_record=False)
            try:
                body = await self.look.told(event)
            except (RpcError, RpcErrors) as problem:
                log.warning("the filter of subscription %d cannot be applied: %s", self.id, problem)
                raise Terminate(FILTER_UNAVAILABLE) from None
            self.number += 1
            if body:
                return Update(event.time, body)
            self.counters.excluded += 1
            self._left_out += 1
            if self._left_out % TURN == 0:
                await asyncio.sleep(0)

    def follow(self, before: Source) -> None:
        assert isinstance(before, StreamSource)
        self.number, self.replay = before.number, before.replay

    def _replayed(self) -> Update:
        self.replay = None
        return Update(self.stream.now(), changed("replay-completed", self.id), is_record=False)

    async def recovered(self) -> None:
        return None  # it never asks to be suspended

    def behind(self) -> Backlog:
        first = self.number if self.replay is None else max(self.number, self.replay + 1)
        return Backlog(*self.stream.waiting(first))

    def skip(self) -> int:
        bounds = self.bounds()
        # Half of what may wait, or it would be suspended again at once.
        first = self.stream.newest(bounds.events // 2, bounds.octets // 2)
        lost = max(0, first - self.number)
        self.number += lost
        return lost

    def described(self) -> bytes:
        start = b"" if self.start is None else leaf("replay-start-time", time_text(self.start))
        return leaf("stream", STREAM) + self.filter_xml + start

    def close(self) -> None:
        return None  # the record is everybody's


class StreamTarget:
    """Subscriptions to event streams, of which there is one."""

    establishing = ESTABLISH_STREAM
    modifying = MODIFY_STREAM
    parameters = frozenset((SN_NS, name) for name in ("stream", "replay-start-time", *FILTERS))

    async def established(self, request: Request) -> Established:
        stream, operation = request.context.stream, request.operation
        name = text_of(operation, "stream")
        if name != STREAM:
            raise InvalidParameter("stream", f"this server has no stream '{name}', only {STREAM}")
        start = time_of(operation, "replay-start-time")
        _refuse_times(start, request.stop, stream.now())
        filter_, filter_xml = await _filter(request)
        await stream.settled()
        source = _source(request, filter_, filter_xml)
        if start is None:
            return Established(source)
        source.start, source.replay = start, stream.last_number
        source.number = stream.since(start)
        earliest = stream.aged or stream.created
        if start >= earliest:
            return Established(source)
        source.start = earliest
        revision = f'<replay-start-time-revision xmlns="{SN_NS}">{time_text(earliest)}'
        return Established(source, f"{revision}</replay-start-time-revision>".encode())

    async def modified(self, request: Request, before: Source) -> Source:
        assert isinstance(before, StreamSource)
        _refuse_times(before.start, request.stop, request.context.stream.now())
        filter_, filter_xml = await _filter(request)
        source = _source(request, filter_, filter_xml)
        source.start = before.start
        return source


def _source(request: Request, filter_: Filter, filter_xml: bytes) -> StreamSource:
    context, caller, key = request.context, request.caller, filter_.key

    async def carry_out(event: Event, work: Callable[[], bytes]) -> bytes:
        access = context.access(caller)
        return await context.shared.told(
            event.number, access, key, lambda: look_at(context, caller, filter_, event, work)
        )

    look = Look(
        context.stream,
        wants=None if filter_.empty else filter_.matches_event,
        may=lambda node: context.nacm.may_be_told(context.access(caller), node),
        door=lambda: door_for(context, caller),
        carry_out=carry_out,
    )
    return StreamSource(
        request.id,
        stream=context.stream,
        look=look,
        filter_xml=filter_xml,
        counters=request.counters,
        bounds=lambda: context.subscriptions.bounds,
        stop=request.stop,
        number=context.stream.last_number + 1,
    )


def _refuse_times(start: datetime | None, stop: datetime | None, now: datetime) -> None:
    if start is not None and start >= now:
        message = "<replay-start-time> must lie in the past"
        raise BadElement("replay-start-time", message, type=ErrorType.PROTOCOL)
    if stop is not None and stop <= (start or now):
        than = "now" if start is None else "<replay-start-time>"
        raise BadElement("stop-time", f"<stop-time> must be later than {than}", type=ErrorType.PROTOCOL)


async def _filter(request: Request) -> tuple[Filter, bytes]:
    """Return the filter that a request gives, found to be usable, and what says so in state.

    Raises:
        Declined: it cannot be used.
    """
    context, caller = request.context, request.caller
    try:
        given, filter_xml = _given(request)
        filter_ = alone(given)
        try:
            await tried(context, caller, filter_)
        except InvalidValue as problem:
            if filter_.xpath is None or NO_NODES not in problem.message:
                raise
            filter_ = Filter(xpath=as_boolean(filter_.xpath))
            await tried(context, caller, filter_)
    except ResourceDenied as problem:
        raise Declined(INSUFFICIENT_RESOURCES, problem.message) from None
    except Declined:
        raise
    except (RpcError, RpcErrors) as problem:
        reason = str(problem)
        hints = {"filter-failure-hint": reason}
        raise Declined(FILTER_UNSUPPORTED, reason, hints=hints) from None
    return filter_, filter_xml


NO_NODES = "result is not a node set"


def _given(request: Request) -> tuple[Filter, bytes]:
    schema, operation = request.context.schema, request.operation
    name = parameter(operation, "stream-filter-name")
    if name is not None:
        named = (name.text or "").strip()
        message = f"this server has no filter '{named}', for none can be configured: give it in the request"
        raise Declined(FILTER_UNSUPPORTED, message, hints={"filter-failure-hint": message})
    subtree = parameter(operation, "stream-subtree-filter")
    xpath = parameter(operation, "stream-xpath-filter")
    declared = None if xpath is None else declared_with_modules(schema, xpath)
    filter_ = subtree_or_xpath(schema, subtree, xpath, declared)
    return filter_, as_written(filter_)


def as_written(filter_: Filter) -> bytes:
    """Return a filter as XML of ietf-subscribed-notifications, which is the default namespace there."""
    if filter_.subtree is not None:
        return serialize(filter_.subtree)
    return b"" if filter_.xpath is None else _xpath_leaf(filter_.xpath)


def _xpath_leaf(expression: Expression) -> bytes:
    declared = "".join(
        f" xmlns:{prefix}={quoteattr(uri)}"
        for prefix, uri in expression.declared.items()
        if prefix and prefix != DEFAULT
    )
    name = "stream-xpath-filter"
    return f"<{name}{declared}>{escape(expression.text)}</{name}>".encode()
