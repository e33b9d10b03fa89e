"""Who gets a place at the door for HTTP, and who gives way where none is left."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import pytest

from agent.http.arrival import Guest
from agent.http.door import open_door
from tests.agent.http.door_lab import PATIENCE_S, all_of, echo, get, said, status_of
from tests.agent.http.door_waits import HERE, LIMITS, Nowhere, emptied, held, until


async def test_a_source_has_its_places_and_no_more() -> None:
    async with open_door(echo, HERE, limits=replace(LIMITS, connections_per_source=3)) as door:
        waiting = await held(door.port, 3)
        assert status_of(await said(door.port, b"")) == 429
        assert door.hall.refused == 1
        gone = waiting.pop()
        gone.transport.abort()
        await until(lambda: len(door.hall) == 2)
        assert status_of(await said(door.port, get())) == 200
        for writer in waiting:
            writer.transport.abort()


async def test_who_has_said_nothing_gives_way_where_all_places_are_taken() -> None:
    async with open_door(echo, HERE, limits=replace(LIMITS, connections=3, connections_per_source=9)) as door:
        waiting = await held(door.port, 30)
        assert status_of(await said(door.port, get())) == 200
        assert len(door.hall) <= 3
        for writer in waiting:
            writer.transport.abort()


async def test_who_is_vouched_for_gives_way_to_nobody_of_the_same_user() -> None:
    found: list[Guest] = []
    vouched: list[bool] = []

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        found.append(scope["state"]["guest"])
        vouched.append(found[-1].vouch())
        await echo(scope, receive, send)

    limits = replace(LIMITS, connections=2, connections_per_source=2)
    async with open_door(app, HERE, limits=limits) as door:
        kept = await held(door.port, 2)
        for number, writer in enumerate(kept):
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await until(lambda least=number: len(found) > least)
        crowd = await held(door.port, 2)
        assert status_of(await said(door.port, get())) == 429
        crowd[0].write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: len(vouched) == 3)
        assert vouched == [True, True, False]
        assert len(door.hall) == 4
        for writer in (*kept, *crowd):
            writer.transport.abort()
        await emptied(door)


@pytest.mark.parametrize(
    ("connections", "per_source"), [(3, 9), (9, 3)], ids=["all places are taken", "those of the source are"]
)
async def test_who_has_most_gives_way_to_another_user(connections: int, per_source: int) -> None:
    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        user = str(scope["path"])[1:]
        said_yes = scope["state"]["guest"].vouch(user)
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200 if said_yes else 503, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def status_for(user: str) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(f"GET /{user} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        return status_of(head), reader, writer

    limits = replace(LIMITS, connections=connections, connections_per_source=per_source)
    async with open_door(app, HERE, limits=limits) as door:
        eves = [await status_for("eve") for _ in range(3)]
        found = [(await status_for(user)) for user in ("eve", "admin", "bob", "bob", "eve")]
        # Two of eve's give way, then each has one, and nobody has more than who comes will have.
        assert [one[0] for one in found] == [503, 200, 200, 503, 503]
        for gone in eves[:2]:
            assert await asyncio.wait_for(all_of(gone[1]), PATIENCE_S) == b""
        for _, _, writer in (*eves, *found):
            writer.transport.abort()
        await emptied(door)


def waiting(known: list[bool], begun: asyncio.Queue[Guest], go_on: asyncio.Event) -> Any:
    """Return an application that finds out slowly who asks it; his name is the path."""

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        guest = scope["state"]["guest"]
        begun.put_nowait(guest)
        await go_on.wait()
        known.append(guest.vouch(str(scope["path"])[1:]))
        await echo(scope, receive, send)

    return app


async def test_who_gave_way_while_he_asked_takes_no_place_again() -> None:
    known: list[bool] = []
    begun: asyncio.Queue[Guest] = asyncio.Queue()
    go_on = asyncio.Event()
    limits = replace(LIMITS, connections=2, close_s=PATIENCE_S)
    async with open_door(waiting(known, begun, go_on), HERE, limits=limits) as door:
        guests, writers = [], []
        for _ in range(2):
            _reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writers.append(writer)
            writer.write(get("/eve"))
            guests.append(await asyncio.wait_for(begun.get(), PATIENCE_S))
            assert guests[-1].vouch("eve")
        bob = Guest(door.hall, Nowhere())
        assert bob.vouch("bob")  # where eve's oldest was
        assert [one.gone for one in guests] == [True, False]
        bob.leave()  # so that there is room again
        go_on.set()
        await until(lambda: len(known) == 2)
        assert sorted(known) == [False, True]
        assert guests[0] not in door.hall._vouched
        for writer in writers:
            writer.transport.abort()
        await emptied(door)


async def test_a_connection_counts_as_of_who_asked_last() -> None:
    """As behind a proxy, which sends what another asks on the connection that it has."""

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        assert scope["state"]["guest"].vouch(str(scope["path"])[1:])
        await echo(scope, receive, send)

    async with open_door(app, HERE, limits=LIMITS) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        for user in ("eve", "bob"):
            writer.write(f"GET /{user} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            await asyncio.wait_for(reader.readuntil(f"/{user} 0".encode()), PATIENCE_S)
            assert list(door.hall._vouched.values()) == [user]
        writer.transport.abort()
        await emptied(door)
