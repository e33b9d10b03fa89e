"""What asyncssh has no hooks for: methods of its connection are replaced by ours, which call them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from asyncssh.constants import MSG_IGNORE

from agent.transport.intake import Intake
from agent.turns import Turns


def stand_between(conn: Any, turns: Turns, *, drained: asyncio.Event, refused: Callable[[], None]) -> None:
    """Hear what asyncssh does not tell: what TCP brings, whether it has room, which requests are refused.

    And keep it from sending a packet without content before each other: none of our ciphers needs it.

    Args:
        turns: in which what TCP brings is worked on.
        drained: set while TCP has room.
        refused: hears of each request to log in that is refused.
    """
    intake = Intake(turns, conn.data_received, conn._transport)
    conn.data_received = intake.data_received
    conn._transport.set_protocol(conn)  # uvloop looks for data_received only then
    conn.create_task = intake.in_order(conn.create_task)

    def pause() -> None:
        drained.clear()
        intake.pause()

    def resume() -> None:
        drained.set()
        intake.resume()

    conn.pause_writing, conn.resume_writing = pause, resume
    send = conn.send_packet

    def send_content(kind: int, *arguments: bytes, handler: Any = None) -> None:
        if kind != MSG_IGNORE:
            send(kind, *arguments, handler=handler)

    conn.send_packet = send_content
    refuse = conn.send_userauth_failure

    def count_and_refuse(partial_success: bool) -> None:
        refuse(partial_success)
        refused()

    conn.send_userauth_failure = count_and_refuse
