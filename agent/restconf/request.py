"""The parts of a request, read within bounds."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from agent.http.answers import Message, Receive
from agent.http.arrival import Guest
from agent.restconf.media import Media, sent, wanted
from agent.restconf.problems import Problem

Result = TypeVar("Result")


class Gone(Exception):
    """The client has gone, and waits for nothing."""


@dataclass(slots=True)
class Bodies:
    """How much of all bodies is held at the moment, and of those ``of_users``, in octets.

    ``most``: of all; ``most_of_user``: of one user, so that nobody takes the room of the others.
    """

    most: int
    most_of_user: int
    held: int = 0
    of_users: Counter[str] = field(default_factory=Counter)

    def take(self, user: str, octets: int) -> None:
        """Take note of ``octets`` more.

        Raises:
            Problem: there is no room for them (503).
        """
        message = ""
        if self.held + octets > self.most:
            message = "too much is being sent at once"
        elif self.of_users[user] + octets > self.most_of_user:
            message = "this user sends too much at once"
        if message:
            raise Problem(503, "resource-denied", message, headers={"Retry-After": "1"})
        self.held += octets
        self.of_users[user] += octets

    def give_back(self, user: str, octets: int) -> None:
        self.held -= octets
        self.of_users[user] -= octets
        if not self.of_users[user]:
            del self.of_users[user]


@dataclass(slots=True)
class Request:
    """``segments`` of the path, still encoded; ``fields`` of the head, by their names in small letters.

    ``user``: who sends it, "" until that is known.
    """

    method: str
    segments: tuple[str, ...]
    query: str
    fields: Mapping[str, str]
    guest: Guest
    receive: Receive
    bodies: Bodies
    user: str = ""
    held: int = field(default=0)

    @property
    def media(self) -> Media:
        """What the answer is written in.

        Raises:
            Problem: nothing that its client takes (406).
        """
        found = wanted(self.fields.get("accept", ""), self._likely)
        if found is None:
            names = " and ".join(one.value for one in Media)
            raise Problem(406, "invalid-value", f"answers are written in {names}")
        return found

    @property
    def media_of_errors(self) -> Media:
        return wanted(self.fields.get("accept", ""), self._likely) or self._likely

    @property
    def _likely(self) -> Media:
        return sent(self.fields.get("content-type", "")) or Media.JSON

    @property
    def media_sent(self) -> Media:
        """What the body is written in.

        Raises:
            Problem: nothing that is taken (415).
        """
        found = sent(self.fields.get("content-type", ""))
        if found is None:
            names = ", ".join(one.value for one in Media)
            raise Problem(
                415, "invalid-value", f"a body is written in {names}", headers={"Accept-Patch": names}
            )
        return found

    async def body(self) -> bytes:
        """Return the body; it counts as held until ``release``.

        Raises:
            Gone: it has not come whole.
            Problem: there is no room for it.
        """
        found = bytearray()
        more = True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Gone
            piece = message.get("body", b"")
            self.bodies.take(self.user, len(piece))
            self.held += len(piece)
            found += piece
            more = message.get("more_body", False)
        return bytes(found)

    def release(self) -> None:
        self.bodies.give_back(self.user, self.held)
        self.held = 0

    async def while_there(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what ``work`` returns, which is broken off when the client is gone.

        Raises:
            Gone: it is.
        """
        task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(self.receive))
        try:
            await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise Gone
        finally:
            for one in (task, gone):
                one.cancel()
            await asyncio.wait((task, gone))


async def _gone(receive: Receive) -> None:
    message: Message = {"type": ""}
    while message["type"] != "http.disconnect":
        message = await receive()


def request_of(scope: Mapping[str, Any], receive: Receive, bodies: Bodies) -> Request:
    """Return the request of an ASGI scope."""
    fields: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        fields[key] = f"{fields[key]}, {text}" if key in fields else text
    path = scope["raw_path"].decode("ascii").strip("/")
    return Request(
        scope["method"],
        segments=tuple(path.split("/")) if path else (),
        query=scope["query_string"].decode("ascii"),
        fields=fields,
        guest=scope["state"]["guest"],
        receive=receive,
        bodies=bodies,
    )


@dataclass(slots=True)
class UnderWay:
    """How many requests each user has under way, and how many streams, which stay: ``most`` of either."""

    most: int
    requests: Counter[str] = field(default_factory=Counter)
    streams: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def counted(self, user: str, *, is_stream: bool) -> Iterator[None]:
        """Count a request as long as it goes on.

        Raises:
            Problem: there are too many of ``user`` (503).
        """
        counts, what = (self.streams, "streams open") if is_stream else (self.requests, "requests under way")
        if counts[user] >= self.most:
            message = f"this user has too many {what}"
            raise Problem(503, "resource-denied", message, headers={"Retry-After": "1"})
        counts[user] += 1
        try:
            yield
        finally:
            counts[user] -= 1
            if not counts[user]:
                del counts[user]
