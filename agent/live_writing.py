"""What a live session writes: whole messages, one at a time, and how long its client may read nothing.

While a session goes on that is for the stream to say. One that is to end waits for less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from agent.breakable import Breakable
from agent.transport.stream import ByteStream

LAST_WRITE_S = 2.0
"""How long the last message of a session that is to end at once may take."""
UNREAD_S = 3.0
"""How long a session that is to end after its answer waits for a client that takes no piece more of it."""
PIECE_OCTETS = 65536


def _later(seconds: float, call: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, call)


class Writing:
    """The messages of one session on their way to its client.

    Args:
        later: has something called after so many seconds.
    """

    def __init__(
        self, stream: ByteStream, later: Callable[[float, Callable[[], None]], None] = _later
    ) -> None:
        self._stream = stream
        self._later = later
        self._turn = asyncio.Lock()
        self._write: Breakable | None = None
        self._pieces = 0
        self._finishes = False
        self._ends = False
        self._broken = False

    def finish(self) -> None:
        """From now on wait for a client only while it reads."""
        self._finishes = True
        if self._write is not None:
            self._give_up_unread(self._write)

    def end(self) -> None:
        """From now on wait for a client only shortly, whether it reads or not."""
        self._ends = True
        if self._write is not None:
            self._give_up_soon(self._write)

    async def message(self, data: bytes) -> None:
        """Write a message when those before it are written.

        Raises:
            ConnectionError: the client is gone, or a message before this one was not written whole.
            TimeoutError: it does not read.
        """
        async with self._turn:
            if self._broken:
                raise ConnectionResetError("a message before this one was not written whole")
            is_whole, pieces = False, self._pieces
            try:
                with Breakable() as self._write:
                    if self._ends:
                        self._give_up_soon(self._write)
                    elif self._finishes:
                        self._give_up_unread(self._write)
                    await self._in_pieces(data)
                    is_whole = True
                    return
            finally:
                self._write = None
                if not is_whole and self._pieces != pieces:
                    self._broken = True
                    self._stream.abort()
            raise TimeoutError("the client does not read")

    async def _in_pieces(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE_OCTETS):
            await self._stream.write(data[start : start + PIECE_OCTETS])
            self._pieces += 1

    def _give_up_soon(self, write: Breakable) -> None:
        self._later(LAST_WRITE_S, write.break_off)

    def _give_up_unread(self, write: Breakable) -> None:
        self._later(UNREAD_S, partial(self._look, write, self._pieces))

    def _look(self, write: Breakable, pieces: int) -> None:
        if write is not self._write:
            return
        if self._pieces == pieces:
            write.break_off()
        else:
            self._give_up_unread(write)
