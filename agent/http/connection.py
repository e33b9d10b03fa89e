"""A connection of uvicorn's, on which nothing waits without an end; what is refused gets its own status."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from agent.http.arrival import Guest, Hall
from agent.http.head import Refusal, Target, refusal, target_of
from agent.http.limits import DoorLimits
from agent.http.lingering import Rest
from agent.http.requests import Requests

log = logging.getLogger(__name__)

_SILENT_S, _PROBE_S, _PROBES = 30, 10, 3

# uvicorn warns of each request that is none; whoever likes could fill the log by it.
_quiet = logging.getLogger("agent.http.uvicorn")
_quiet.setLevel(logging.ERROR)


class Connection(H11Protocol):
    """One connection, which speaks HTTP from now on.

    Args:
        guest: whose it is, None for who comes without TLS, and has no place yet.
        hosts: what the door is known by, besides the address that the client has come to.
    """

    def __init__(
        self,
        hall: Hall,
        limits: DoorLimits,
        *,
        hosts: Collection[str],
        guest: Guest | None,
        config: Config,
        server_state: ServerState,
    ) -> None:
        super().__init__(config=config, server_state=server_state, app_state={})
        self.logger = _quiet
        self._hall = hall
        self._limits = limits
        self._hosts = hosts
        self._guest = guest
        self._requests = Requests(limits, self._admitted)
        self._requests.began, self._requests.ended = self._head_ended, self._body_ended
        self.conn = self._requests
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._said_anything = False
        self._said_all = False
        self._shut = False
        self._method = ""
        self._rest: Rest | None = None

    # -- what the transport calls ----------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _keep_alive(transport)
        is_new = self._guest is None
        if self._guest is None:
            self._guest = Guest(self._hall, transport)
        guest = self._guest
        if self._hall.closed:  # while its connection was accepted, or TLS agreed upon
            transport.abort()
            return
        if is_new and not self._hall.enter(guest):
            log.info("refused a connection from %s: it has too many", guest.source)
            self._answer(Refusal(429, "there are too many connections from this address"))
            return
        guest.expect_read_in = self._expect_read_in
        self.app_state["guest"] = guest
        self._after("head", self._limits.head_s, self._no_head)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._said_anything = True
        if self.cycle is None or self.cycle.response_complete:
            self._expect_head()
        super().data_received(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer who asks no more (RFC 9112 section 9.6), in a time: who is gone looks the same.

        Who follows something without an end is gone. With TLS asyncio lets nothing be said after it.
        """
        assert self._guest is not None
        is_bounded = "answer" in self._timers
        is_followed = self.cycle is not None and self.cycle.response_started and not is_bounded
        self._said_all = not (self._guest.secure or self._owes_nothing() or is_followed)
        if not self._said_all:
            self._linger()
        elif not is_bounded:
            self._after("last", self._limits.last_s, self.abandon)
        return self._said_all

    def _owes_nothing(self) -> bool:
        """True if there is no request that has come whole and has not been answered."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def connection_lost(self, exc: Exception | None) -> None:
        for name in list(self._timers):
            self._stop(name)
        if self._guest is not None:
            self._guest.leave()
        if self._rest is not None:
            self._hall.lingering.begin(self._rest)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        # No circle is left: with TLS 256 KiB would wait in it until somebody looks for circles.
        self._requests.let_go()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._hall.closed:
            self._while_read("write")
        else:
            self._after("write", self._limits.write_s, self._no_reader)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop("write")

    # -- what uvicorn calls ----------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        self._answer(self._requests.fault)

    def on_response_complete(self) -> None:
        self._stop("answer")
        super().on_response_complete()
        if self._said_all:
            self._owe_the_next()
        if self.transport.is_closing():
            self._linger()
            if self.conn.their_state is h11.SEND_BODY:  # of the body there is more
                self._keep_rest()
        elif self.cycle.response_complete and self.conn.trailing_data[0]:
            self._expect_head()  # the beginning of the next has come with this one

    def _owe_the_next(self) -> None:
        if self._owes_nothing():
            self.transport.close()
        else:
            self._after("last", self._limits.last_s, self.abandon)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._linger()

    def shutdown(self) -> None:
        """The door is shut: end the connection, or when what goes on is answered. A client that does not
        send the rest of it has no more than ``close_s`` from now on, and one that reads nothing for so long
        is given up. A second call changes nothing."""
        if self._shut:
            return
        self._shut = True
        if not self.transport.is_closing():
            super().shutdown()
        if "body" in self._timers:
            self._after("body", self._limits.close_s, self._no_body_in_time)
        if "write" in self._timers:
            self._while_read("write")
        if self.transport.is_closing():
            self._linger()

    # -- requests --------------------------------------------------------------------------

    def _admitted(self, request: h11.Request) -> h11.Request | Refusal:
        method = self._method = request.method.decode("latin-1")
        assert self._guest is not None
        local = self._guest.local.partition("%")[0].removeprefix("::ffff:")
        hosts = {*self._hosts, local}
        if local in ("127.0.0.1", "::1"):
            hosts.add("localhost")
        if not request.http_version.startswith(b"1."):
            return Refusal(505, "HTTP/1.1 is spoken here")
        if request.http_version == b"1.0" and any(
            name == b"transfer-encoding" for name, _ in request.headers
        ):
            return Refusal(400, "HTTP/1.0 has no Transfer-Encoding")
        target = target_of(request.target)
        if target.scheme and target.scheme != (b"https" if self._guest.secure else b"http"):
            return Refusal(421, "this is not the scheme that was asked for")
        request = _in_origin_form(request, target)
        fields = list(request.headers)
        return refusal(method, target.path, fields, limits=self._limits, hosts=hosts) or request

    def _expect_head(self) -> None:
        if self._timers.keys().isdisjoint(("head", "body")):
            self._after("head", self._limits.head_s, self._no_head)

    def _head_ended(self) -> None:
        self._stop("head")
        self._after("body", self._limits.body_s, self._no_body)

    def _body_ended(self) -> None:
        self._stop("body")

    def _answer(self, why: Refusal) -> None:
        """Refuse what is being asked, and close the connection: what follows on it may be of the body."""
        for name in ("head", "body"):
            self._stop(name)
        cycle, transport = self.cycle, self.transport
        if transport.is_closing():
            return
        going_on = cycle is not None and not cycle.response_complete
        if going_on:
            cycle.disconnected = True
            cycle.message_event.set()
        if going_on and cycle.response_started:
            transport.abort()
            return
        self._write(why)
        transport.close()
        self._linger()
        self._keep_rest()

    def _keep_rest(self) -> None:
        """Have what the client still sends thrown away, so that it reads what it was told."""
        if self._rest is None and self._guest is not None:
            self._rest = self._hall.lingering.keep(self.transport, self._guest.counted)

    def _write(self, why: Refusal) -> None:
        """Write an answer; nothing where the request has been answered, and only its body goes on."""
        body = f"{why.sentence}\n".encode()
        headers = [
            ("content-type", "text/plain; charset=utf-8"),
            ("content-length", str(len(body))),
            ("date", formatdate(usegmt=True)),
            ("connection", "close"),
        ]
        if why.allow:
            headers.append(("allow", why.allow))
        if why.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
            headers.append(("accept-encoding", "identity"))
        phrase = HTTPStatus(why.status).phrase
        with suppress(h11.LocalProtocolError):
            said = self.conn.send(h11.Response(status_code=why.status, headers=headers, reason=phrase))
            if self._method != "HEAD":
                said += self.conn.send(h11.Data(data=body))
            self.transport.write(said + self.conn.send(h11.EndOfMessage()))

    # -- ends of waiting -------------------------------------------------------------------

    def _no_head(self) -> None:
        if self._said_anything:
            self._answer(Refusal(408, f"a head takes {self._limits.head_s:g} s at most"))
        else:
            self.transport.abort()

    def _no_body(self) -> None:
        self._answer(Refusal(408, f"a body takes {self._limits.body_s:g} s at most"))

    def _no_body_in_time(self) -> None:
        self._answer(Refusal(503, "the server stops, and what has not come whole by now is not begun"))

    def _no_reader(self) -> None:
        log.info("gave up an answer: its client does not read")
        self.transport.abort()

    def abandon(self) -> None:
        """End at once what goes on: the door is closed, or nobody is there."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.abort()

    def _expect_read_in(self, seconds: float) -> None:
        """Give up the answer that goes on if it is not read in that time."""
        self._stop("last")
        self._after("answer", seconds, self._no_reader)

    def _linger(self) -> None:
        """Give the client time for the rest of an answer; closing a transport waits for ever."""
        if self._hall.closed:
            self._while_read("close")
        else:
            self._after("close", self._limits.write_s, self.transport.abort)

    def _while_read(self, name: str) -> None:
        """Give the client up when it has read nothing for ``close_s``."""
        guest = self._guest
        assert guest is not None
        unread_octets = guest.unread_octets

        def look() -> None:
            if guest.unread_octets < unread_octets:
                self._while_read(name)
            elif unread_octets:
                self._no_reader()
            else:
                self.transport.abort()

        self._after(name, self._limits.close_s, look)

    def _after(self, name: str, seconds: float, do: Callable[[], Any]) -> None:
        self._stop(name)

        def run() -> None:
            self._timers.pop(name, None)
            do()

        self._timers[name] = self.loop.call_later(seconds, run)

    def _stop(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()


def _keep_alive(transport: asyncio.Transport) -> None:
    """Have the system find out that a client is gone which nothing is sent to: one that follows events."""
    carried = transport.get_extra_info("socket")
    if carried is None or carried.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with suppress(OSError):
        carried.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        carried.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _SILENT_S)
        carried.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _PROBE_S)
        carried.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)


def _in_origin_form(request: h11.Request, target: Target) -> h11.Request:
    """Return ``request`` as the application sees it: what its target says of the host takes the place of
    Host (RFC 9112 section 3.2.2)."""
    if not target.scheme:
        return request
    fields = [field for field in request.headers if field[0] != b"host"]
    return h11.Request(
        method=request.method,
        headers=[(b"host", target.host), *fields],
        target=target.path,
        http_version=request.http_version,
    )
