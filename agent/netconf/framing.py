"""Message framing over a byte stream (RFC 6242 sections 4.2 and 4.3).

White space between messages is accepted: people type it, and clients send it. A chunk header is at most ten
digits and reserves nothing; a message may not exceed the decoder's limit. Every octet is looked at once.
"""

from __future__ import annotations

import re
from enum import Enum

END_OF_MESSAGE = b"]]>]]>"
MAX_CHUNK_OCTETS = 4294967295
MAX_CHUNK_DIGITS = 10
OUT_CHUNK_OCTETS = 65536
MESSAGE_LIMIT_OCTETS = 64 * 1024 * 1024
WHITE_SPACE = b" \t\r\n"
_CHUNK_START = re.compile(rb"\n#([1-9][0-9]{0,9})\n")
_END_OF_CHUNKS = b"\n##\n"


class ProtocolError(Exception):
    """The peer broke the protocol in a way that cannot be answered; the session must end."""


class FramingError(ProtocolError):
    """The stream cannot be cut into messages any more. ``complete``: those that came whole before, and have a
    right to an answer."""

    complete: tuple[bytes, ...] = ()


class EndOfMessageDecoder:
    """Cuts a stream at ``]]>]]>`` (base:1.0, and every <hello>)."""

    def __init__(self, limit_octets: int = MESSAGE_LIMIT_OCTETS) -> None:
        self._limit = limit_octets
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that ``data`` completes.

        Raises:
            FramingError: a message exceeds the limit.
        """
        self.add(data)
        messages: list[bytes] = []
        try:
            while (message := self.next_message()) is not None:
                messages.append(message)
        except FramingError as problem:
            problem.complete = tuple(messages)
            raise
        return messages

    def add(self, data: bytes) -> None:
        # White space before a message is dropped as it comes: it must not pile up.
        self._buffer += data if self._buffer else data.lstrip(WHITE_SPACE)

    def next_message(self) -> bytes | None:
        """Return one complete message, without the white space around it, or None."""
        end = self._buffer.find(END_OF_MESSAGE, max(0, self._searched - len(END_OF_MESSAGE)))
        if end < 0:
            self._searched = len(self._buffer)
            _refuse_long(len(self._buffer), self._limit)
            return None
        _refuse_long(end, self._limit)
        message = bytes(self._buffer[:end]).rstrip(WHITE_SPACE)
        rest = self._buffer[end + len(END_OF_MESSAGE) :].lstrip(WHITE_SPACE)
        self._buffer = rest
        self._searched = 0
        return message

    @property
    def held_octets(self) -> int:
        """How much of a message is held that is not whole."""
        return len(self._buffer)

    def take_rest(self) -> bytes:
        """Return what follows the last message, for a decoder of the other framing."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._searched = 0
        return rest


def _refuse_long(octets: int, limit_octets: int) -> None:
    if octets > limit_octets:
        raise FramingError(f"a message exceeds {limit_octets} octets")


class _State(Enum):
    BETWEEN = "between messages"
    LINE_FEED = "line feed before a chunk"
    HASH = "hash"
    SIZE = "size"
    DATA = "data"
    END = "end of chunks"


class ChunkDecoder:
    """Cuts a chunked stream into messages (base:1.1)."""

    def __init__(self, limit_octets: int = MESSAGE_LIMIT_OCTETS) -> None:
        self._limit = limit_octets
        self._state = _State.BETWEEN
        self._digits = bytearray()
        self._missing = 0
        self._message = bytearray()

    @property
    def held_octets(self) -> int:
        """How much of a message is held that is not whole."""
        return len(self._message)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that ``data`` completes.

        Raises:
            FramingError: the stream is not chunked as RFC 6242 section 4.2 says, or a message is too long.
        """
        messages: list[bytes] = []
        position = 0
        try:
            while position < len(data):
                if self._state is _State.DATA:
                    position = self._take(data, position)
                elif self._state is _State.BETWEEN and (whole := self._whole(data, position)) is not None:
                    messages.append(whole[0])
                    position = whole[1]
                else:
                    if self._step(data[position]):
                        messages.append(bytes(self._message))
                        self._message.clear()
                    position += 1
        except FramingError as problem:
            problem.complete = tuple(messages)
            raise
        return messages

    def _whole(self, data: bytes, position: int) -> tuple[bytes, int] | None:
        """Return the message of one chunk that begins at ``position`` and ends in ``data``, as most do, and
        where it ends; None if there is none."""
        start = _CHUNK_START.match(data, position)
        if start is None:
            return None
        size = parse_chunk_size(start[1])
        end = start.end() + size
        if not data.startswith(_END_OF_CHUNKS, end):
            return None
        _refuse_long(size, self._limit)
        return data[start.end() : end], end + len(_END_OF_CHUNKS)

    def _take(self, data: bytes, position: int) -> int:
        count = min(self._missing, len(data) - position)
        _refuse_long(len(self._message) + count, self._limit)
        self._message += data[position : position + count]
        self._missing -= count
        if self._missing == 0:
            self._state = _State.LINE_FEED
        return position + count

    def _step(self, octet: int) -> bool:
        """Consume one octet outside chunk data; True if it completes a message."""
        state = self._state
        if state is _State.BETWEEN:
            # The line feed that starts a message may be missing: some clients forget it.
            if octet == 0x23:
                self._state = _State.HASH
            elif octet not in WHITE_SPACE:
                raise FramingError("a chunk must start with a line feed and '#'")
        elif state is _State.LINE_FEED:
            if octet != 0x0A:
                raise FramingError("a line feed must follow a chunk")
            self._state = _State.END
        elif state is _State.END:
            if octet != 0x23:
                raise FramingError("'#' must follow the line feed after a chunk")
            self._state = _State.HASH
        elif state is _State.HASH:
            self._after_hash(octet)
        else:
            return self._in_size(octet)
        return False

    def _after_hash(self, octet: int) -> None:
        if octet == 0x23:
            if not self._message:
                raise FramingError("a message must have at least one chunk")
            self._digits[:] = b"#"
        elif 0x31 <= octet <= 0x39:
            self._digits[:] = bytes([octet])
        else:
            raise FramingError("a chunk size must be a decimal number without leading zero")
        self._state = _State.SIZE

    def _in_size(self, octet: int) -> bool:
        if self._digits == b"#":
            if octet != 0x0A:
                raise FramingError("a line feed must follow the end of chunks")
            self._state = _State.BETWEEN
            return True
        if octet == 0x0A:
            self._missing = parse_chunk_size(bytes(self._digits))
            self._state = _State.DATA
        elif 0x30 <= octet <= 0x39 and len(self._digits) < MAX_CHUNK_DIGITS:
            self._digits.append(octet)
        else:
            raise FramingError(f"a chunk size has at most {MAX_CHUNK_DIGITS} decimal digits")
        return False


def parse_chunk_size(digits: bytes) -> int:
    """Return the chunk size in octets written in ``digits``.

    Raises:
        FramingError: it exceeds ``MAX_CHUNK_OCTETS`` (RFC 6242 section 4.2).
    """
    size = int(digits)
    if size > MAX_CHUNK_OCTETS:
        raise FramingError(f"a chunk has at most {MAX_CHUNK_OCTETS} octets")
    return size


def encode_end_of_message(message: bytes) -> bytes:
    return message + END_OF_MESSAGE


def encode_chunks(message: bytes) -> bytes:
    """Return ``message`` in chunks of at most ``OUT_CHUNK_OCTETS``; some clients limit a chunk to 16 MiB."""
    if 0 < len(message) <= OUT_CHUNK_OCTETS:
        return b"\n#%d\n%b\n##\n" % (len(message), message)
    parts: list[bytes | memoryview] = []
    view = memoryview(message)  # a large message is copied once
    for start in range(0, len(message), OUT_CHUNK_OCTETS):
        piece = view[start : start + OUT_CHUNK_OCTETS]
        parts += [b"\n#%d\n" % len(piece), piece]
    return b"".join([*parts, b"\n##\n"])
