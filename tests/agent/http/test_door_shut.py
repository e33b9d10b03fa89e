"""A door that is shut waits only shortly for clients: the rest of a body, or that somebody reads."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

from agent.http.door import Door, open_door
from tests.agent.http.door_lab import PATIENCE_S, all_of, echo, get, status_of
from tests.agent.http.door_waits import HERE, LIMITS, SHORT_S, emptied, reading_little, sending, until

HEAD = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n"
SHORTLY = replace(LIMITS, close_s=SHORT_S)


def paused(door: Door) -> bool:
    """Return whether an answer waits for its reader."""
    assert door._server is not None
    return any("write" in one._timers for one in door._server.server_state.connections)  # type: ignore[attr-defined]


async def begun(door: Door) -> None:
    assert door._server is not None
    tasks = door._server.server_state.tasks
    await until(lambda: bool(tasks))


async def test_a_body_that_does_not_come_is_given_up() -> None:
    async with open_door(echo, HERE, limits=SHORTLY) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(HEAD + b"a")
        await begun(door)
        door.shut()
        answer = await asyncio.wait_for(all_of(reader), PATIENCE_S)
        writer.close()
    assert status_of(answer) == 503
    assert b"the server stops" in answer


async def test_a_body_that_comes_is_answered() -> None:
    async with open_door(echo, HERE, limits=LIMITS) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(HEAD + b"a")
        await begun(door)
        door.shut()
        writer.write(b"bcdefghi")
        answer = await asyncio.wait_for(all_of(reader), PATIENCE_S)
        writer.close()
    assert status_of(answer) == 200
    assert answer.endswith(b"/ 9")


async def test_who_does_not_read_is_given_up() -> None:
    async with open_door(sending(50_000_000, length=False), HERE, limits=SHORTLY) as door:
        with reading_little(door.port) as slow:
            await asyncio.get_running_loop().sock_sendall(slow, get())
            await until(lambda: paused(door))
            door.shut()
            await emptied(door)


async def test_who_does_not_read_what_begins_then_is_given_up() -> None:
    asked, goes_on = asyncio.Event(), asyncio.Event()

    async def held(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        asked.set()
        await goes_on.wait()
        await sending(50_000_000, length=False)(scope, receive, send)

    async with open_door(held, HERE, limits=SHORTLY) as door:
        with reading_little(door.port) as slow:
            await asyncio.get_running_loop().sock_sendall(slow, get())
            await asked.wait()
            door.shut()
            goes_on.set()
            await emptied(door)


async def test_answers_have_the_time_that_is_given_for_them() -> None:
    """Of a door that would not wait itself."""
    asked, goes_on = asyncio.Event(), asyncio.Event()

    async def held(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        asked.set()
        await goes_on.wait()
        await echo(scope, receive, send)

    async with open_door(held, HERE, limits=replace(LIMITS, close_s=0)) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(get())
        await asked.wait()
        closing = asyncio.ensure_future(door.close(PATIENCE_S))
        await until(lambda: door._server is None)
        for _ in range(10):
            await asyncio.sleep(0)
        goes_on.set()
        assert status_of(await asyncio.wait_for(all_of(reader), PATIENCE_S)) == 200
        await closing
        writer.close()
