"""The routes of the page: a Starlette application."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
from codecs import BOM_UTF8
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as Asked
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agent.at_work import bind_session
from agent.http.answers import Noting, Receive, Send
from agent.http.arrival import Guest
from agent.notifications import time_text
from agent.offline.from_json import JsonError, read_json
from agent.operations.context import Context
from agent.page.events import Subscriber, Tab
from agent.page.files import INDEX, File
from agent.page.selected import of_tunnels
from agent.page.sessions import LONGEST_S, Over, Session
from agent.page.written import Written
from agent.restconf.login import Known, Logins, cookie_name
from agent.restconf.methods import refuse_foreign
from agent.restconf.problems import Problem
from agent.restconf.queries import parameters
from agent.restconf.request import Bodies, Request, UnderWay, request_of
from agent.restconf.validators import names_tag
from agent.yang.units import entries_of

log = logging.getLogger(__name__)

COOKIE_OCTETS = 32
LOGIN_OCTETS_MAX = 4096
ALIVE_S = 10.0
TRAFFIC_S = 10
TRAFFIC_S_MIN, TRAFFIC_S_MAX = 2, 300
ENTRIES_OF_PERIOD = 2000
"""As many entries as are looked at in one period of ``TRAFFIC_S``."""
_TRAFFIC = "traffic-s"
_NUMBER = re.compile(r"[0-9]{1,3}")
_JSON = "application/json"
_FAULT = "the server failed to carry this out; its log says why"


class Page:
    """What is served at the paths that are not RESTCONF's; an ASGI application.

    Args:
        files: by name, ``index.html`` among them.
        under_way: counts the streams of users, those of RESTCONF with them.
        next_session_id: of the sessions of all transports.
        version: of this server, which the page shows.
        asked: returns the rpcs of subscriptions of a tab, by name, for so many seconds between counters. The
            more entries there are, the more seconds: each time all are looked at.
        wait: until the next sign of life of a stream.
    """

    def __init__(
        self,
        context: Context,
        logins: Logins,
        *,
        files: Mapping[str, File],
        under_way: UnderWay,
        next_session_id: Callable[[], int],
        version: str,
        asked: Callable[[int], Mapping[str, bytes]] = of_tunnels,
        wait: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(ALIVE_S),
    ) -> None:
        self._context = context
        self._logins = logins
        self._files = files
        self._under_way = under_way
        self._next_session_id = next_session_id
        self._version = version
        self._asked = asked
        self._wait = wait
        self._written = Written(context)
        self.tabs: set[Tab] = set()
        self._is_shut = False
        self._app = Starlette(
            routes=[
                Route("/", self._index),
                Route("/static/{name}", self._static),
                Route("/session", self._session, methods=["GET", "POST", "DELETE"]),
                Route("/events", self._events),
            ],
            exception_handlers={
                HTTPException: _no_such,
                Problem: _refused,
                ClientDisconnect: _gone,
                Exception: _failed,
            },
        )
        self._app.router.redirect_slashes = False

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as problem:  # it is answered; Starlette raises it again for who logs it
            log.error("a request of the page failed by a fault of this server", exc_info=problem)

    def end_streams(
        self, why: Over, stays: Callable[[str], bool] = lambda user: False, changed: Collection[str] = ()
    ) -> None:
        """As ``Restconf.end_streams``; ``why`` is the last that they are told."""
        for tab in self.tabs:
            if not stays(tab.user) or (tab.pushed.by_password and tab.user in changed):
                tab.end(why)

    def shut(self) -> None:
        """End the streams that there are, and those that begin yet: the server stops."""
        self._is_shut = True
        self.end_streams(Over.STOPPING)

    # -- files -----------------------------------------------------------------------------

    async def _index(self, asked: Asked) -> Response:
        return self._file(asked, INDEX)

    async def _static(self, asked: Asked) -> Response:
        return self._file(asked, asked.path_params["name"])

    def _file(self, asked: Asked, name: str) -> Response:
        file = self._files.get(name)
        if file is None:
            raise HTTPException(404)
        headers = {"ETag": file.tag, "Cache-Control": "no-cache"}
        if names_tag(asked.headers.get("if-none-match", ""), file.tag):
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers={**headers, "Content-Type": file.type})

    # -- logins ----------------------------------------------------------------------------

    async def _session(self, asked: Asked) -> Response:
        request = _request_of(asked)
        refuse_foreign(request, also_reads=True)
        match request.method:
            case "POST":
                return await self._log_in(asked, request)
            case "DELETE":
                return await self._log_out(request)
        logins, guest = self._logins, request.guest
        if logins.session_of(guest, request.fields) is None and logins.certified(guest) is None:
            return Response(status_code=204)  # whoever comes for the first time has made no mistake
        return self._told(await logins.known(guest, request.fields, changes=False))

    async def _log_in(self, asked: Asked, request: Request) -> Response:
        guest = request.guest
        user, password = await _credentials(asked)
        await self._logins.refuse_wrong(guest, user, password)
        self._logins.vouch(guest, user)
        before = self._logins.session_of(guest, request.fields)
        if before is not None:
            self._logins.sessions.end(before, Over.LOGIN)
        cookie = secrets.token_urlsafe(COOKIE_OCTETS)
        token = secrets.token_urlsafe(COOKIE_OCTETS)
        session = self._logins.sessions.open(user, cookie=cookie, token=token, now=self._logins.now())
        log.info("%r has logged in to the page from %s", user, guest.source)
        answer = self._told(Known(user, by_password=True, session=session))
        answer.headers["Set-Cookie"] = _set_cookie(guest, cookie)
        return answer

    async def _log_out(self, request: Request) -> Response:
        known = await self._logins.known(request.guest, request.fields, changes=True)
        if known.session is not None:
            self._logins.sessions.end(known.session, Over.LOGOUT)
        gone = f"{_set_cookie(request.guest, '')}; Max-Age=0"
        return Response(status_code=204, headers={"Set-Cookie": gone})

    def _told(self, known: Known) -> Response:
        content: dict[str, object] = {"user": known.user}
        if known.session is None:
            content |= {"csrf-token": "", "expires": None, "by": "certificate"}
        else:
            content |= {
                "csrf-token": known.session.token,
                "expires": self._expires(known.session),
                "by": "password",
            }
        return _json(200, content)

    def _expires(self, session: Session) -> str:
        left_s = min(LONGEST_S, session.until - self._logins.now())
        return time_text(self._context.stream.now() + timedelta(seconds=left_s))

    # -- what happens ----------------------------------------------------------------------

    async def _events(self, asked: Asked) -> Response:
        request = _request_of(asked)
        refuse_foreign(request, also_reads=True)
        known = await self._logins.known(request.guest, request.fields, changes=False)
        traffic_s = _traffic_s(request.query)
        if request.method == "HEAD":
            return Response(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        request.user = known.user
        return _Answered(lambda send: self._show(request, known, traffic_s=traffic_s, send=send))

    async def _show(self, request: Request, known: Known, *, traffic_s: int, send: Send) -> None:
        logins = self._logins
        with self._under_way.counted(known.user, is_stream=True):
            pushed, notified = (self._subscriber(request, known) for _ in range(2))
            bind_session(pushed.session_id, known.user)
            tab = Tab(
                self._context,
                self._written,
                pushed=pushed,
                notified=notified,
                send=send,
                version=self._version,
                look=lambda: logins.sessions.look(logins.now()),
                wait=self._wait,
            )
            # Nothing is waited for before: else it would not hear that its user or its session is over.
            self.tabs.add(tab)
            if self._is_shut:
                tab.end(Over.STOPPING)
            try:
                with logins.ends_with(known.session, tab.end):
                    pushed.groups = notified.groups = await logins.groups_of(known.user)
                    least_s = await self._context.reader(_least_s, self._context)
                    await tab.show(request, self._asked(max(traffic_s, least_s)))
            finally:
                self.tabs.discard(tab)

    def _subscriber(self, request: Request, known: Known) -> Subscriber:
        return Subscriber(
            self._next_session_id(),
            known.user,
            groups=(),
            source=request.guest.source,
            local=request.guest.local,
            login_time=self._context.now(),
            sees_secrets=False,
            by_password=known.by_password,
            logged_in=known.session,
        )


class _Answered(Response):
    """An answer that is written by somebody else, as it goes on."""

    def __init__(self, write: Callable[[Send], Any]) -> None:
        super().__init__()
        self._write = write

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        noting = Noting(send)
        try:
            await self._write(noting)
        except Exception as problem:
            if not noting.has_begun:
                raise
            log.error("a stream of the page failed by a fault of this server", exc_info=problem)
            scope["state"]["guest"].abort()


def _request_of(asked: Asked) -> Request:
    return request_of(asked.scope, asked.receive, Bodies(0, most_of_user=0))


async def _credentials(asked: Asked) -> tuple[str, bytes]:
    """Return the name and the password in the body of a login.

    Raises:
        Problem: it is none.
    """
    if asked.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise Problem(415, "invalid-value", f"a login is written in {_JSON}")
    body = bytearray()
    async for piece in asked.stream():
        body += piece
        if len(body) > LOGIN_OCTETS_MAX:
            message = f"a login has {LOGIN_OCTETS_MAX} octets at most"
            raise Problem(413, "too-big", message, headers={"Connection": "close"})
    try:
        content = {} if body.startswith(BOM_UTF8) else read_json(bytes(body))
    except JsonError:
        content = {}
    match content:
        case {"user": str(user), "password": str(password)} if len(content) == 2:
            return user, password.encode()
    message = "a login is an object of JSON in UTF-8, with the texts 'user' and 'password', each once"
    raise Problem(400, "invalid-value", message)


def _traffic_s(query: str) -> int:
    """Return how often ``query`` wants traffic to be told.

    Raises:
        Problem: that cannot be, or something else is asked for (400).
    """
    found = parameters(query, (_TRAFFIC,))
    text = found.get(_TRAFFIC, str(TRAFFIC_S))
    if not _NUMBER.fullmatch(text) or not TRAFFIC_S_MIN <= int(text) <= TRAFFIC_S_MAX:
        message = f"'{_TRAFFIC}' is a number of seconds, from {TRAFFIC_S_MIN} to {TRAFFIC_S_MAX}"
        raise Problem(400, "invalid-value", message)
    return int(text)


def _least_s(context: Context) -> int:
    """*worker* Return how many seconds lie between counters at least, whole periods of the usual length."""
    with context.configuration.published.held() as running:
        lists = [translator.config_list for translator in context.operational.translators]
        count = sum(1 for path in lists for _ in entries_of(running, path))
    return min(TRAFFIC_S_MAX, count // ENTRIES_OF_PERIOD * TRAFFIC_S)


def _set_cookie(guest: Guest, value: str) -> str:
    secure = "; Secure" if guest.secure else ""
    return f"{cookie_name(guest)}={value}; Path=/; HttpOnly; SameSite=Strict{secure}"


def _json(status: int, content: object, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(content, ensure_ascii=False).encode()
    return Response(body, status, headers={**(headers or {}), "Content-Type": _JSON})


async def _no_such(_asked: Asked, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    words = {404: "there is nothing here", 405: "this method is not allowed here"}
    text = words.get(problem.status_code, "this request is refused")
    return PlainTextResponse(f"{text}\n", problem.status_code, headers=problem.headers)


async def _refused(_asked: Asked, problem: Exception) -> Response:
    """The page asks for a password itself, so no browser is told to."""
    assert isinstance(problem, Problem)
    error = problem.errors[0]
    content = {"error": {"tag": error.tag, "message": " ".join(error.message.split())}}
    headers = {name: value for name, value in problem.headers.items() if name != "WWW-Authenticate"}
    return _json(problem.status, content, headers)


async def _gone(_asked: Asked, _problem: Exception) -> Response:
    """Nobody reads it."""
    return Response(status_code=400)


async def _failed(_asked: Asked, _problem: Exception) -> Response:
    return PlainTextResponse(f"{_FAULT}\n", 500)
