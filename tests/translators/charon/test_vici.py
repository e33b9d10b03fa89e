"""The VICI client against a charon that is played by the test."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from vici.protocol import Message, Packet

from translators.strongswan.charon.event_stream import EVENTS_A_TURN, EventStream
from translators.strongswan.charon.vici import (
    PACKETS_A_TURN,
    Connection,
    ViciError,
    ViciUnavailable,
)

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def packet(kind: int, message: Any = None, name: str = "") -> bytes:
    named = struct.pack("!B", len(name)) + name.encode() if name else b""
    body = struct.pack("!B", kind) + named + Message.serialize(message or {})
    return struct.pack("!I", len(body)) + body


def reply(message: Any = None) -> bytes:
    return packet(Packet.CMD_RESPONSE, message)


@asynccontextmanager
async def charon(tmp_path: Path, *answers: bytes, then_close: bool = False) -> AsyncIterator[Path]:
    """Answer each segment that comes in with the next of ``answers``."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            for answer in answers:
                (octets,) = struct.unpack("!I", await reader.readexactly(4))
                await reader.readexactly(octets)
                writer.write(answer)
            if not then_close:
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    # Longer than a socket address may be: 108 octets.
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    here = Path.cwd()
    os.chdir(folder)
    try:
        server = await asyncio.start_unix_server(serve, "vici.sock")
    finally:
        os.chdir(here)
    async with server:
        yield folder / "vici.sock"
    for writer in writers:
        writer.close()


async def test_a_request_returns_text_lists_and_sections(tmp_path: Path) -> None:
    answer = reply({"a": "1", "list": ["x", "y"], "section": {"b": b"\xff"}})
    async with charon(tmp_path, answer) as socket:
        connection = await Connection.open(socket)
        assert await connection.request("stats") == {"a": "1", "list": ["x", "y"], "section": {"b": "\ufffd"}}
        await connection.close()


async def test_events_between_request_and_reply_are_passed_over(tmp_path: Path) -> None:
    async with charon(tmp_path, packet(Packet.EVENT, {"x": "1"}, "log") + reply({"ok": "yes"})) as socket:
        connection = await Connection.open(socket)
        assert await connection.request("version") == {"ok": "yes"}
        await connection.close()


async def test_a_stream_is_read_to_its_end_also_when_names_repeat(tmp_path: Path) -> None:
    events = b"".join(packet(Packet.EVENT, {"ipsec-1": {"uniqueid": str(n)}}, "list-sa") for n in (1, 2))
    confirm = packet(Packet.EVENT_CONFIRM)
    async with charon(tmp_path, confirm, events + reply(), confirm, reply({"ok": "yes"})) as socket:
        connection = await Connection.open(socket)
        found = await connection.stream("list-sas", "list-sa", {"ike": "ipsec-1"})
        assert found == [{"ipsec-1": {"uniqueid": "1"}}, {"ipsec-1": {"uniqueid": "2"}}]
        assert await connection.request("version") == {"ok": "yes"}
        await connection.close()


async def test_what_is_to_be_done_together_is_made_before_any_of_it_is_answered(tmp_path: Path) -> None:
    ok, no = reply({"success": "yes"}), reply({"success": "no", "errmsg": "not this"})
    event = packet(Packet.EVENT, {"x": "1"}, "log")
    async with charon(tmp_path, b"", b"", ok + event + no + ok, reply({"a": "1"})) as socket:
        connection = await Connection.open(socket)
        with pytest.raises(ViciError, match="load-shared: not this"):
            await connection.together([("clear-creds", {}), ("load-shared", {"id": "x"}), ("load-key", {})])
        assert await connection.request("stats") == {"a": "1"}
        await connection.close()


async def test_a_refusal_is_an_error_with_charons_words(tmp_path: Path) -> None:
    async with charon(tmp_path, reply({"success": "no", "errmsg": "config discarded"}), reply()) as socket:
        connection = await Connection.open(socket)
        with pytest.raises(ViciError, match="load-conn: config discarded") as refused:
            await connection.request("load-conn", {"x": {}})
        assert not isinstance(refused.value, ViciUnavailable)
        assert await connection.request("version") == {}, "the connection is still good"
        await connection.close()


async def test_an_unknown_command_is_an_error(tmp_path: Path) -> None:
    async with charon(tmp_path, packet(Packet.CMD_UNKNOWN)) as socket:
        connection = await Connection.open(socket)
        with pytest.raises(ViciError, match="does not know"):
            await connection.request("no-such-command")
        await connection.close()


async def test_no_answer_within_the_limit_closes_the_connection(tmp_path: Path) -> None:
    async with charon(tmp_path) as socket:
        connection = await Connection.open(socket)
        with pytest.raises(ViciUnavailable, match="did not answer"):
            await connection.request("version", limit_s=0.01)
        assert connection.broken
        with pytest.raises(ViciUnavailable, match="closed"):
            await connection.request("version")
        await connection.close()


async def test_a_cancelled_request_costs_nobody_the_connection_and_its_reply_is_not_anothers(
    tmp_path: Path,
) -> None:
    async with charon(tmp_path, reply({"to": "first"}), reply({"to": "second"})) as socket:
        connection = await Connection.open(socket)
        task = asyncio.create_task(connection.request("version"))
        waiting = asyncio.create_task(connection.request("never-sent"))
        await asyncio.sleep(0)
        waiting.cancel()
        task.cancel()
        for cancelled in (task, waiting):
            with pytest.raises(asyncio.CancelledError):
                await cancelled
        assert not connection.broken
        assert await connection.request("version") == {"to": "second"}
        await connection.close()


async def test_a_request_that_nobody_waits_for_ends_with_its_connection(tmp_path: Path) -> None:
    async with charon(tmp_path) as socket:
        connection = await Connection.open(socket)
        task = asyncio.create_task(connection.request("version"))
        await asyncio.sleep(0)
        task.cancel()
        await connection.close()
        with pytest.raises(ViciUnavailable, match="closed"):
            await connection.request("version")
        assert not connection._exchanges


@pytest.mark.parametrize(
    "answer",
    [b"\xff\xff\xff\xff", struct.pack("!I", 3) + b"\x01\x01\x05", b""],
    ids=["segment too long", "cut short", "nothing"],
)
async def test_garbage_ends_the_connection(tmp_path: Path, answer: bytes) -> None:
    async with charon(tmp_path, answer, then_close=True) as socket:
        connection = await Connection.open(socket)
        with pytest.raises(ViciUnavailable):
            await connection.request("version", limit_s=5)
        await connection.close()


async def test_nobody_at_the_socket_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(ViciUnavailable, match=r"vici\.sock"):
        await Connection.open(tmp_path / "vici.sock")
    with pytest.raises(ViciUnavailable):
        await EventStream.open(tmp_path / "no" / "vici.sock")


async def test_a_value_that_does_not_fit_is_refused_without_being_shown(tmp_path: Path) -> None:
    async with charon(tmp_path, reply()) as socket:
        connection = await Connection.open(socket)
        for message in ({"data": "secret" * 20_000}, {"x": {"secret" * 100: "y"}}):
            with pytest.raises(ViciError) as refused:
                await connection.request("load-shared", message)
            assert "secretsecret" not in str(refused.value)
        with pytest.raises(ViciError, match="longer than"):
            await connection.request("load-conn", {str(n): "x" * 60_000 for n in range(10)})
        assert await connection.request("version") == {}, "nothing was sent"
        await connection.close()


async def drain(stream: EventStream, into: list[Any]) -> None:
    async for event in stream:
        into.append(event)


async def test_events_are_received_until_the_connection_is_lost(tmp_path: Path) -> None:
    early = packet(Packet.EVENT, {"n": "0"}, "log")
    answers = [
        packet(Packet.EVENT_CONFIRM),
        early + packet(Packet.EVENT_UNKNOWN),
        packet(Packet.EVENT_CONFIRM) + packet(Packet.EVENT, {"n": "1"}, "log"),
    ]
    async with charon(tmp_path, *answers, then_close=True) as socket:
        stream = await EventStream.open(socket)
        assert await stream.subscribe(["log", "alert", "ike-updown"]) == {"log", "ike-updown"}
        received: list[Any] = []
        with pytest.raises(ViciUnavailable):
            await drain(stream, received)
        assert received == [("log", {"n": "0"}), ("log", {"n": "1"})]
        await stream.close()


async def test_an_event_is_added_while_others_are_received(tmp_path: Path) -> None:
    answers = [
        packet(Packet.EVENT_CONFIRM),
        packet(Packet.EVENT, {"n": "0"}, "ike-updown")
        + packet(Packet.EVENT_CONFIRM)
        + packet(Packet.EVENT, {"n": "1"}, "log"),
    ]
    async with charon(tmp_path, *answers, then_close=True) as socket:
        stream = await EventStream.open(socket)
        await stream.subscribe(["ike-updown"])
        received: list[Any] = []
        draining = asyncio.create_task(drain(stream, received))
        await stream.add("log")
        with pytest.raises(ViciUnavailable):
            await draining
        assert received == [("ike-updown", {"n": "0"}), ("log", {"n": "1"})]
        with pytest.raises(ViciUnavailable):
            await stream.add("log", limit_s=0)
        await stream.close()


async def test_who_adds_an_event_hears_that_the_connection_is_lost(tmp_path: Path) -> None:
    async with charon(tmp_path, packet(Packet.EVENT_CONFIRM), b"", then_close=True) as socket:
        stream = await EventStream.open(socket)
        await stream.subscribe(["ike-updown"])
        draining = asyncio.create_task(drain(stream, []))
        with pytest.raises(ViciUnavailable, match="closed the event connection"):
            await stream.add("log", limit_s=1000)
        with pytest.raises(ViciUnavailable):
            await draining
        with pytest.raises(ViciUnavailable, match="closed the event connection"):
            await stream.add("log", limit_s=1000)
        await stream.close()


async def test_who_adds_an_event_that_this_charon_does_not_know_hears_it(tmp_path: Path) -> None:
    confirm = packet(Packet.EVENT_CONFIRM)
    async with charon(tmp_path, confirm, packet(Packet.EVENT_UNKNOWN), confirm) as socket:
        stream = await EventStream.open(socket)
        await stream.subscribe(["ike-updown"])
        draining = asyncio.create_task(drain(stream, []))
        with pytest.raises(ViciError, match="does not know the event 'nonsense'") as refused:
            await stream.add("nonsense", limit_s=1000)
        assert not isinstance(refused.value, ViciUnavailable)
        await stream.add("log", limit_s=1000)
        await stream.close()
        with pytest.raises(ViciUnavailable):
            await draining


async def test_of_two_events_that_are_added_at_a_time_each_gets_its_own_answer(tmp_path: Path) -> None:
    confirm = packet(Packet.EVENT_CONFIRM)
    async with charon(tmp_path, confirm, packet(Packet.EVENT_UNKNOWN), confirm) as socket:
        stream = await EventStream.open(socket)
        await stream.subscribe(["ike-updown"])
        draining = asyncio.create_task(drain(stream, []))
        adding = asyncio.gather(stream.add("nonsense"), stream.add("log"), return_exceptions=True)
        refused, taken = await asyncio.wait_for(adding, 60)
        assert isinstance(refused, ViciError)
        assert not isinstance(refused, ViciUnavailable)
        assert taken is None
        assert [stream.hears(event) for event in ("ike-updown", "log", "nonsense")] == [True, True, False]
        await stream.close()
        with pytest.raises(ViciUnavailable):
            await draining


async def test_an_answer_that_nobody_waits_for_any_more_is_not_taken_for_the_next(tmp_path: Path) -> None:
    async with charon(tmp_path, packet(Packet.EVENT_CONFIRM)) as socket:
        stream = await EventStream.open(socket)
        await stream.subscribe(["ike-updown"])
        draining = asyncio.create_task(drain(stream, []))
        with pytest.raises(ViciUnavailable, match="does not answer"):
            await stream.add("log", limit_s=0.01)
        with pytest.raises(ViciUnavailable, match="closed the event connection"):
            await draining


async def test_each_of_several_commands_says_for_itself_whether_it_was_refused(tmp_path: Path) -> None:
    refused = reply({"success": "no", "errmsg": "not with me"})
    async with charon(tmp_path, reply({}), refused, reply({"success": "yes"})) as socket:
        connection = await Connection.open(socket)
        found = await connection.each([("load-conn", {"a": {}}), ("load-conn", {"b": {}}), ("load-conn", {})])
        assert [error and error.reason for error in found] == [None, "not with me", None]
        await connection.close()


async def test_of_several_commands_none_is_made_if_one_of_them_cannot_be(tmp_path: Path) -> None:
    too_long: Any = {"a": {f"{number}": "x" * 60_000 for number in range(9)}}
    async with charon(tmp_path, reply({"version": "5.9.8"})) as socket:
        connection = await Connection.open(socket)
        with pytest.raises(ViciError, match="load-conn: the message is longer than 524288 octets"):
            await connection.each([("load-conn", {"b": {}}), ("load-conn", too_long)])
        assert await connection.request("version") == {"version": "5.9.8"}, "no reply is left of the first"
        await connection.close()


async def test_others_have_the_event_loop_while_many_messages_are_made(
    tmp_path: Path,
) -> None:
    many, rounds, is_made = 4 * PACKETS_A_TURN, 0, False

    async def count() -> None:
        nonlocal rounds
        while not is_made:
            rounds += 1
            await asyncio.sleep(0)

    class Last(dict[str, object]):
        def items(self) -> Any:
            nonlocal is_made
            is_made = True
            return super().items()

    async with charon(tmp_path, *[reply({"success": "yes"})] * many) as socket:
        connection = await Connection.open(socket)
        counting = asyncio.create_task(count())
        requests: list[tuple[str, Any]] = [("load-conn", {"a": {}})] * (many - 1)
        assert await connection.each([*requests, ("load-conn", Last(a={}))]) == [None] * many
        await counting
        assert rounds >= 3
        await connection.close()


async def test_others_have_the_event_loop_while_many_events_are_handed_on() -> None:
    many, rounds, all_came = 4 * EVENTS_A_TURN, 0, False
    there = asyncio.StreamReader()
    there.feed_data(packet(Packet.EVENT, {"n": "0"}, "log") * many)
    there.feed_eof()

    async def count() -> None:
        nonlocal rounds
        while not all_came:
            rounds += 1
            await asyncio.sleep(0)

    received: list[Any] = []
    counting = asyncio.create_task(count())
    with pytest.raises(ViciUnavailable):
        await drain(EventStream(there, cast(asyncio.StreamWriter, None)), received)
    all_came = True
    await counting
    assert len(received) == many
    assert rounds >= 4
