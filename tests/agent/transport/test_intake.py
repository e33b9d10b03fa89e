"""What TCP brings at once is taken in pieces, in order, and only while what is answered is read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from agent.transport.intake import PIECE_OCTETS, Intake
from agent.turns import TURN_S, Turns
from tests.agent.test_turns import Clock, until


@dataclass
class Tcp:
    """A TCP connection that is read from, or is not."""

    reading: bool = True
    closing: bool = False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing


@dataclass
class Taken:
    clock: Clock = field(default_factory=Clock)
    tcp: Any = field(default_factory=Tcp)
    pieces: list[bytes] = field(default_factory=list)
    cost_s: float = 2 * TURN_S

    def __call__(self, piece: bytes) -> None:
        self.clock.now_s += self.cost_s
        self.pieces.append(piece)

    def intake(self) -> Intake:
        return Intake(Turns(self.clock), self, self.tcp)


async def test_what_came_at_once_is_taken_in_pieces_between_which_others_work() -> None:
    taken, sent = Taken(), bytes(range(256)) * 1024
    intake, others = taken.intake(), 0
    intake.data_received(sent)
    assert taken.pieces == []
    assert not taken.tcp.reading

    def other() -> None:
        nonlocal others
        others += 1
        if not taken.tcp.reading:
            asyncio.get_running_loop().call_soon(other)

    other()
    await until(lambda: taken.tcp.reading)
    assert b"".join(taken.pieces) == sent
    assert max(map(len, taken.pieces)) == PIECE_OCTETS
    assert others >= len(taken.pieces) == len(sent) // PIECE_OCTETS


async def test_nothing_is_taken_while_answers_are_not_read() -> None:
    taken = Taken()
    intake = taken.intake()
    intake.data_received(bytes(PIECE_OCTETS * 20))
    await until(lambda: len(taken.pieces) >= 1)
    intake.pause()
    before, turns = len(taken.pieces), iter(range(20))
    await until(lambda: next(turns, None) is None)
    assert len(taken.pieces) == before < 20
    assert not taken.tcp.reading
    intake.resume()
    await until(lambda: taken.tcp.reading)
    assert len(taken.pieces) == 20


async def test_a_piece_waits_for_what_the_one_before_it_began() -> None:
    taken = Taken(cost_s=0)
    done = asyncio.Event()

    async def work() -> None:
        await done.wait()

    def create_task(coroutine: Any) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(coroutine)

    intake = Intake(Turns(taken.clock), lambda piece: (taken(piece), begin(work()))[0], taken.tcp)
    begin = intake.in_order(create_task)
    intake.data_received(bytes(PIECE_OCTETS * 2))
    await until(lambda: len(taken.pieces) == 1)
    other = begin(work())  # begun by nobody's piece, as a question whether the client is there: waits for it
    turns = iter(range(20))
    await until(lambda: next(turns, None) is None)
    assert len(taken.pieces) == 1
    done.set()
    await until(lambda: len(taken.pieces) == 2)
    await other


async def test_a_connection_that_is_over_has_nothing_taken() -> None:
    taken = Taken()
    intake = taken.intake()
    intake.data_received(bytes(PIECE_OCTETS + 1))
    taken.tcp.closing = True
    turns = iter(range(20))
    await until(lambda: next(turns, None) is None)
    assert taken.pieces == []
    intake.data_received(bytes(10))
    await until(lambda: not intake._asked)
    assert taken.pieces == []


async def test_what_is_small_is_taken_as_it_comes_where_nobody_waits() -> None:
    taken = Taken()
    intake = taken.intake()
    intake.data_received(b"first")
    assert taken.pieces == [b"first"]
    assert taken.tcp.reading
    intake.data_received(b"second")  # the first one took all the time that there was
    intake.data_received(b", third")
    assert taken.pieces == [b"first"]
    await until(lambda: len(taken.pieces) == 2)
    assert taken.pieces == [b"first", b"second, third"]


async def test_what_is_small_waits_for_room() -> None:
    taken = Taken()
    intake = taken.intake()
    intake.pause()
    intake.data_received(b"first")
    assert taken.pieces == []
    intake.resume()
    await until(lambda: taken.pieces == [b"first"])
