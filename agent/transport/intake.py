"""What arrives on a connection is given to the SSH library in pieces, in turns, and only while there is room.

asyncssh takes whatever TCP has read, up to 256 KiB at once: thousands of packets where each has one octet.
And it answers a client that reads nothing into a buffer without end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from agent.turns import Account, Turns

PIECE_OCTETS = 2048
"""About fifty of the smallest packets."""


class Intake:
    """Stands between the TCP connection, which waits meanwhile, and who takes the octets.

    Args:
        take: is given them, in order.
        reading: the TCP connection, which is not read from while more than a piece waits here, or one for
            room.
    """

    def __init__(self, turns: Turns, take: Callable[[bytes], None], reading: asyncio.ReadTransport) -> None:
        self._turns = turns
        self._take = take
        self._reading = reading
        self._account = Account()
        self._waiting = bytearray()
        self._asked = False
        self._room = True
        self._taking = False
        self._unfinished = 0
        self._paused = False

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        """What the TCP connection calls; ``datatype`` is there for asyncssh, and None."""
        self._waiting += data
        if not self._paused and (len(self._waiting) > PIECE_OCTETS or not self._room):
            self._paused = True
            self._reading.pause_reading()
        if self._may_ask() and len(self._waiting) <= PIECE_OCTETS:
            self._asked = True
            if self._turns.at_once(self._account, self._piece):
                return
            self._asked = False
        self._ask()

    def pause(self) -> None:
        """Take nothing more: what is answered is not read."""
        self._room = False

    def resume(self) -> None:
        """Go on."""
        self._room = True
        self._ask()

    def in_order(self, create_task: Callable[..., asyncio.Task[None]]) -> Callable[..., asyncio.Task[None]]:
        """Return ``create_task`` so that the next piece waits for what a piece began.

        asyncssh lets a packet whose work is such a task hold up those behind it, and then takes all at once.
        """

        def begin(*arguments: Any) -> asyncio.Task[None]:
            task = create_task(*arguments)
            if self._taking:
                self._unfinished += 1
                task.add_done_callback(self._finished)
            return task

        return begin

    def _finished(self, _task: asyncio.Task[None]) -> None:
        self._unfinished -= 1
        self._ask()

    def _may_ask(self) -> bool:
        return bool(self._waiting) and self._room and not self._unfinished and not self._asked

    def _ask(self) -> None:
        if self._may_ask():
            self._asked = True
            self._turns.ask(self._account, self._piece)

    def _piece(self) -> None:
        self._asked = False
        if not self._room:
            return
        piece = bytes(self._waiting[:PIECE_OCTETS])
        del self._waiting[:PIECE_OCTETS]
        if self._reading.is_closing():
            self._waiting.clear()
            return
        self._taking = True
        try:
            self._take(piece)
        finally:
            self._taking = False
        if self._waiting:
            self._ask()
        elif self._paused:
            self._paused = False
            self._reading.resume_reading()
