"""What has come on a connection, as requests; more is refused than h11 refuses (RFC 9112)."""

from __future__ import annotations

import re
from collections.abc import Callable

import h11

from agent.http.head import Refusal, too_large
from agent.http.limits import DoorLimits

Event = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]
Admit = Callable[[h11.Request], h11.Request | Refusal]


_FOLD = re.compile(rb"\n[ \t]")
_FRAMES_MAX = 8
"""Octets that may frame each of a body in chunks: one alone has five."""


class _Refused(h11.RemoteProtocolError):
    """A request that h11 would have taken."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why.sentence, error_status_hint=why.status)
        self.why = why


class Requests(h11.Connection):
    """h11's state of a connection, which refuses more than h11 does.

    ``began`` and ``ended`` are told of the end of each head and body; ``admit`` says what is wrong with a
    head, or how the application sees it. They end with ``let_go``.
    """

    def __init__(self, limits: DoorLimits, admit: Admit) -> None:
        super().__init__(h11.SERVER, limits.head_octets)
        self._limits = limits
        self._admit = admit
        self._begun = False
        self._body_octets = 0
        self._received_octets = 0
        self.fault = Refusal(400, "this is no request of HTTP/1.1")
        self.began: Callable[[], None] = _nothing
        self.ended: Callable[[], None] = _nothing

    def receive_data(self, data: bytes) -> None:
        if self.their_state is h11.SEND_BODY:
            self._received_octets += len(data)
        super().receive_data(data)

    def next_event(self) -> Event:
        try:
            event = h11.NEED_DATA if self._is_half_a_line() else self._seen(self._unfolded())
        except _Refused as problem:
            self.fault = problem.why
            raise
        except h11.RemoteProtocolError as problem:
            self.fault = Refusal(problem.error_status_hint, self.fault.sentence)
            raise
        return event

    def let_go(self) -> None:
        self.began = self.ended = _nothing
        self._admit = _as_it_is

    def _is_half_a_line(self) -> bool:
        """Skip an empty line before a request (RFC 9112 section 2.2); True if the half of one has come."""
        if self._begun or self.their_state is not h11.IDLE:
            return False
        begins = self.trailing_data[0][:2]
        if begins == b"\r":
            return True
        if begins == b"\r\n":
            self._receive_buffer.maybe_extract_at_most(len(begins))
        self._begun = bool(begins)
        return False

    def _unfolded(self) -> Event:
        """Return what is next; a field over several lines is refused (RFC 9112 section 5.2), for who stands
        between may read another field, and so another end of the body."""
        before = self.trailing_data[0] if self.their_state is h11.IDLE else b""
        event: Event = super().next_event()
        if isinstance(event, h11.Request):
            head = before[: len(before) - len(self.trailing_data[0])]
            if _FOLD.search(head):
                raise _Refused(Refusal(400, "a header field stands in one line"))
        return event

    def _seen(self, event: Event) -> Event:
        if isinstance(event, h11.Request):
            self._begun = False
            self._body_octets = 0
            self._received_octets = len(self.trailing_data[0])
            event = self._admitted(event)
            self.began()
        elif isinstance(event, h11.EndOfMessage):
            self.ended()
        elif self.their_state is h11.SEND_BODY:
            self._bound_body(event)
        return event

    def _bound_body(self, event: Event) -> None:
        if isinstance(event, h11.Data):
            self._body_octets += len(event.data)
        announced = getattr(self._reader, "_bytes_in_chunk", 0)  # of h11's, and not to be had otherwise
        if self._body_octets + announced > self._limits.body_octets:
            raise _Refused(too_large(self._limits))
        frames = self._received_octets - self._body_octets
        if event is h11.NEED_DATA and frames > 2 * self._limits.head_octets + _FRAMES_MAX * self._body_octets:
            raise _Refused(Refusal(413, "a body is not framed by so much more than it has"))

    def _admitted(self, request: h11.Request) -> h11.Request:
        admitted = self._admit(request)
        if isinstance(admitted, Refusal):
            raise _Refused(admitted)
        return admitted


def _nothing() -> None:
    """Until it is set."""


def _as_it_is(request: h11.Request) -> h11.Request:
    """Nobody is there any more."""
    return request
