"""What charon tells by itself, over a VICI connection that carries nothing else."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence

from vici.protocol import Packet

from translators.strongswan.charon.vici import (
    REQUEST_LIMIT_S,
    Section,
    ViciError,
    ViciUnavailable,
    Wire,
    parse,
)

EVENTS_A_TURN = 32
"""Of events that have come already so many are handed on before others have the event loop."""


class EventStream(Wire):
    """One VICI connection that only receives events."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._early: list[tuple[str, Section]] = []
        self._adds = asyncio.Lock()
        self._adding: tuple[str, asyncio.Future[bool | None]] | None = None
        """An event, and whether charon knows it; None: it is lost."""
        self._known: set[str] = set()
        self._is_lost = False

    def hears(self, event: str) -> bool:
        """Return whether charon has confirmed that it tells of ``event``, as far as its packets have been
        read."""
        return event in self._known

    async def subscribe(self, events: Sequence[str], limit_s: float = REQUEST_LIMIT_S) -> frozenset[str]:
        """Register for ``events``; return those that this charon knows (``alert`` is new in 6.0.3).

        Raises:
            ViciUnavailable: the connection broke or ``limit_s`` passed.
        """
        try:
            async with asyncio.timeout(limit_s):
                for event in events:
                    if await self._register(event):
                        self._known.add(event)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            raise ViciUnavailable("register", "charon closed the event connection") from None
        return frozenset(self._known)

    async def _register(self, event: str) -> bool:
        await self._write(Packet.register_event(event))
        while True:
            kind, name, body = parse("register", await self._read())
            if kind != Packet.EVENT:
                return bool(kind == Packet.EVENT_CONFIRM)
            self._early.append((name, body))

    async def add(self, event: str, limit_s: float = REQUEST_LIMIT_S) -> None:
        """Register for one more event, while somebody else takes what comes.

        Raises:
            ViciError: this charon does not know it.
            ViciUnavailable: the connection broke or ``limit_s`` passed; what is answered after that could not
                be told apart from the answer about another event, so the connection is closed.
        """
        # An answer does not say which event it is about.
        async with self._adds:
            if self._is_lost:
                raise _no_more_events()
            is_known = await self._add(event, limit_s)
        if is_known is None:
            raise _no_more_events()
        if not is_known:
            raise ViciError("register", f"charon does not know the event '{event}'")

    async def _add(self, event: str, limit_s: float) -> bool | None:
        adding: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self._adding = event, adding
        try:
            async with asyncio.timeout(limit_s):
                await self._write(Packet.register_event(event))
                return await adding
        except (TimeoutError, OSError):
            raise ViciUnavailable("register", "charon does not answer on the event connection") from None
        finally:
            if not adding.done() or adding.cancelled():
                self.abandon()

    async def __aiter__(self) -> AsyncIterator[tuple[str, Section]]:
        """Yield (event, message) until the connection is lost.

        Raises:
            ViciUnavailable: the connection is lost.
        """
        for early in self._early:
            yield early
        self._early.clear()
        try:
            for number in itertools.count(1):
                if not number % EVENTS_A_TURN:
                    await asyncio.sleep(0)
                kind, name, body = parse("events", await self._read())
                if kind == Packet.EVENT:
                    yield name, body
                else:
                    self._answered(kind == Packet.EVENT_CONFIRM)
        except (OSError, asyncio.IncompleteReadError):
            raise _no_more_events() from None
        finally:
            self._is_lost = True
            self._answered(None)

    def _answered(self, is_known: bool | None) -> None:
        if self._adding is None or self._adding[1].done():
            return
        event, adding = self._adding
        if is_known:
            self._known.add(event)  # here: events that came before this are handed on already
        adding.set_result(is_known)


def _no_more_events() -> ViciUnavailable:
    return ViciUnavailable("events", "charon closed the event connection")
