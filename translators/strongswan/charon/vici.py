"""A small asyncio client of charon's VICI socket, with the packets of the ``vici`` package.

A segment is a 32-bit length and a packet; a packet is a type octet, for named packets an octet of
name length and the name, and a message of sections, lists and key/values (strongSwan's
``src/libcharon/plugins/vici/README.md``). One connection carries one command at a time and events
may come in between, so each purpose has a connection of its own: commands, polling, events.

A connection whose reply did not come in time is closed: the late reply would be taken for the
answer to the next request. Values that we send (a load-shared message holds a pre-shared key) are
never part of an error's text; what charon itself says is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from vici.protocol import Message, Packet

from agent.outlasting import end_of
from translators.strongswan.charon.codec import Malformed, TooLong, decode, encode
from translators.strongswan.charon.codec import Section as Section

SEGMENT_OCTETS_MAX = 512 * 1024
REQUEST_LIMIT_S = 10.0
PACKETS_A_TURN = 32
"""So many messages are made before others have the event loop: it takes them about a millisecond."""

_SEGMENT = struct.Struct("!I")
_DONE = bytes((Packet.CMD_RESPONSE,)) + encode({"success": "yes"})
"""The reply to most of what is loaded, as charon writes it."""

T = TypeVar("T")

Request = Mapping[str, object]
"""A message to send: str and bytes values, lists of them, and nested mappings."""


class ViciError(Exception):
    """charon refused ``command``; ``reason`` is what it said."""

    def __init__(self, command: str, reason: str) -> None:
        super().__init__(f"{command}: {reason}")
        self.command = command
        self.reason = reason


class ViciUnavailable(ViciError):
    """charon did not answer: no socket, connection lost, or the time limit passed."""


class Wire:
    """One VICI connection, and the segments on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, socket: Path, limit_s: float = REQUEST_LIMIT_S) -> Self:
        """Connect to charon's ``socket``.

        Raises:
            ViciUnavailable: nobody listens there.
        """
        return cls(*await _connect(socket, limit_s))

    async def _write(self, *packets: bytes) -> None:
        self._writer.write(b"".join(_SEGMENT.pack(len(packet)) + packet for packet in packets))
        await self._writer.drain()

    async def _read(self) -> bytes:
        (octets,) = _SEGMENT.unpack(await self._reader.readexactly(_SEGMENT.size))
        if octets > SEGMENT_OCTETS_MAX:
            raise OSError("segment too long")
        return await self._reader.readexactly(octets)

    def abandon(self) -> None:
        """Close the connection without waiting until it is closed."""
        self._writer.close()

    async def close(self) -> None:
        """Close the connection; whoever waits for something from it hears that it is lost."""
        self.abandon()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


class Connection(Wire):
    """One VICI connection for commands; requests queue behind each other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._turn = asyncio.Lock()
        self._exchanges: set[asyncio.Task[Any]] = set()
        self.broken = False

    async def request(
        self, command: str, message: Request | None = None, limit_s: float = REQUEST_LIMIT_S
    ) -> Section:
        """Run ``command`` and return its reply.

        Raises:
            ViciError: charon answered ``success = no`` or does not know the command.
            ViciUnavailable: the connection broke or ``limit_s`` passed; it is closed then.
        """
        return await self._whole(lambda: self._request(command, message, limit_s))

    async def _request(self, command: str, message: Request | None, limit_s: float) -> Section:
        async with self._limited(command, limit_s):
            await self._send(command, _request(command, message))
            while True:
                kind, _name, body = parse(command, await self._read())
                if kind != Packet.EVENT:
                    return _reply(command, kind, body)

    async def together(
        self, requests: Sequence[tuple[str, Request]], limit_s: float = REQUEST_LIMIT_S
    ) -> None:
        """Run commands in order, each sent before the reply to the one before it came: charon does them one
        after the other with nothing in between.

        Raises: as ``request``, the first that charon refused; the others are done all the same.
        """
        refused = await self.each(requests, limit_s)
        if (first := next(filter(None, refused), None)) is not None:
            raise first

    async def each(
        self, requests: Sequence[tuple[str, Request]], limit_s: float = REQUEST_LIMIT_S
    ) -> list[ViciError | None]:
        """Run commands as ``together`` does; return for each why charon refused it, None where it did not.

        Raises:
            ViciUnavailable: the connection broke or ``limit_s`` passed; it is closed then.
        """
        return await self._whole(lambda: self._each(requests, limit_s))

    async def _each(self, requests: Sequence[tuple[str, Request]], limit_s: float) -> list[ViciError | None]:
        packets: list[tuple[str, bytes]] = []
        for number, (command, message) in enumerate(requests, 1):
            packets.append((command, _request(command, message)))
            if not number % PACKETS_A_TURN:
                await asyncio.sleep(0)
        refused: list[ViciError | None] = []
        async with self._limited("", limit_s):
            await self._send_all(packets)
            for command, _packet in packets:
                refused.append(await self._refusal(command))
        return refused

    async def _refusal(self, command: str) -> ViciError | None:
        while (segment := await self._read()) != _DONE:
            kind, _name, body = parse(command, segment)
            if kind == Packet.EVENT:
                continue
            try:
                _reply(command, kind, body)
            except ViciUnavailable:
                raise
            except ViciError as error:
                return error
            break
        return None

    async def stream(
        self,
        command: str,
        event: str,
        message: Request | None = None,
        limit_s: float = REQUEST_LIMIT_S,
        seen: Callable[[Mapping[str, object]], None] | None = None,
    ) -> list[Section]:
        """Run a command that answers with a stream of ``event`` messages; return all of them. ``seen`` gets
        each as it came, in octets.

        Raises: as ``request``.
        """
        return await self._whole(
            lambda: self._stream(command, event, message=message, limit_s=limit_s, seen=seen)
        )

    async def _stream(
        self,
        command: str,
        event: str,
        *,
        message: Request | None,
        limit_s: float,
        seen: Callable[[Mapping[str, object]], None] | None,
    ) -> list[Section]:
        received: list[Section] = []
        async with self._limited(command, limit_s):
            await self._send(command, Packet.register_event(event))
            await self._confirm(command, event)
            await self._send(command, _request(command, message))
            while True:
                segment = await self._read()
                kind, _name, body = parse(command, segment)
                if kind != Packet.EVENT:
                    break
                received.append(body)
                if seen is not None:
                    seen(Message.deserialize(Packet.parse(segment).payload))
            await self._send(command, Packet.unregister_event(event))
            await self._confirm(command, event)
        _reply(command, kind, body)
        return received

    async def _whole(self, exchange: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run ``exchange`` in its turn and to its end, even if the caller is cancelled meanwhile.

        Who stops waiting must not cost everybody the connection: what is still to come on it could not be
        told apart from later replies.
        """
        await self._turn.acquire()
        return await end_of(self._begun(exchange()))

    def _begun(self, exchange: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(exchange)
        self._exchanges.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._exchanges.discard(task)
        self._turn.release()
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits any more

    def abandon(self) -> None:
        """Close the connection without waiting until it is closed."""
        self.broken = True
        super().abandon()

    async def _send(self, command: str, packet: bytes) -> None:
        await self._send_all([(command, packet)])

    async def _send_all(self, packets: Sequence[tuple[str, bytes]]) -> None:
        for command, packet in packets:
            if len(packet) > SEGMENT_OCTETS_MAX:
                raise ViciError(command, f"the message is longer than {SEGMENT_OCTETS_MAX} octets")
        await self._write(*(packet for _command, packet in packets))

    async def _confirm(self, command: str, event: str) -> None:
        kind, _name, _body = parse(command, await self._read())
        if kind != Packet.EVENT_CONFIRM:
            self.broken = True
            raise ViciError(command, f"charon does not stream '{event}'")

    @contextlib.asynccontextmanager
    async def _limited(self, command: str, limit_s: float) -> AsyncIterator[None]:
        if self.broken:
            raise ViciUnavailable(command, "the connection to charon is closed")
        try:
            async with asyncio.timeout(limit_s):
                yield
        except TimeoutError:
            self.abandon()
            raise ViciUnavailable(command, f"charon did not answer within {limit_s:g} s") from None
        except (OSError, asyncio.IncompleteReadError):
            self.abandon()
            raise ViciUnavailable(command, "charon closed the connection") from None
        except BaseException as error:
            # Garbled, or the loop ends in the middle of an exchange: what is still to come on this
            # connection can no longer be told apart from later replies.
            if not isinstance(error, ViciError):
                self.abandon()
            raise


@contextlib.contextmanager
def short_path(socket: Path) -> Iterator[str]:
    """Yield a path to ``socket`` that fits sun_path, whose 108 octets a data folder may exceed."""
    folder = os.open(socket.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{socket.name}"
    finally:
        os.close(folder)


async def _connect(socket: Path, limit_s: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        # Not wait_for: in Python 3.11 it may swallow a cancellation, and lose what it waited for.
        with short_path(socket) as path:
            async with asyncio.timeout(limit_s):
                return await asyncio.open_unix_connection(path)
    except (OSError, TimeoutError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no answer"
        raise ViciUnavailable("connect", f"{socket}: {reason}") from None


def _request(command: str, message: Request | None) -> bytes:
    try:
        packet: bytes = Packet.request(command, encode(message or {}))
    except (TooLong, struct.error):
        # A name beyond 255 or a value beyond 65535 octets; the value itself must not be shown.
        raise ViciError(command, "a name or value is too long for VICI") from None
    return packet


def parse(command: str, segment: bytes) -> tuple[int, str, Section]:
    """Return the type of a packet that came while ``command`` was under way, the event that it is about,
    empty of any other, and its message.

    Raises:
        ViciUnavailable: it is malformed.
    """
    try:
        kind, name, at = segment[0], "", 1
        if kind == Packet.EVENT:
            at = 2 + segment[1]
            name = segment[2:at].decode()
        return kind, name, decode(segment, at)
    except (Malformed, IndexError, UnicodeDecodeError) as error:
        raise ViciUnavailable(command, f"charon sent a malformed packet ({type(error).__name__})") from None


def _reply(command: str, kind: int, body: Section) -> Section:
    if kind == Packet.CMD_UNKNOWN:
        raise ViciError(command, "charon does not know this command")
    if kind != Packet.CMD_RESPONSE:
        raise ViciUnavailable(command, f"charon answered with packet type {kind}")
    if body.get("success") == "no":
        raise ViciError(command, str(body.get("errmsg") or "refused without a reason"))
    return body


def _text(section: Mapping[str, object]) -> Section:
    result: Section = {}
    for key, value in section.items():
        if isinstance(value, bytes):
            result[key] = value.decode("utf-8", "replace")
        elif isinstance(value, list):
            result[key] = [item.decode("utf-8", "replace") for item in value]
        elif isinstance(value, Mapping):
            result[key] = _text(value)
    return result
