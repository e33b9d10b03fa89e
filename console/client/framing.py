"""Messages in a stream of octets (RFC 6242 sections 4.2 and 4.3), within bounds: pure."""

from __future__ import annotations

import re

END_OF_MESSAGE = b"]]>]]>"
END_OF_CHUNKS = b"\n##\n"
MESSAGE_LIMIT_OCTETS = 256 * 1024 * 1024
HELLO_LIMIT_OCTETS = 1024 * 1024
"""Who has not said hello is not believed more."""
_HEADER = re.compile(rb"\n#(?:([1-9][0-9]{0,9})|#)\n")
_HEADER_OCTETS = len(b"\n#4294967295\n")
_WHITE_SPACE = b" \t\r\n"


class FramingError(Exception):
    """What came is no NETCONF, or too much of it."""


class Decoder:
    """Cuts a stream into messages: by end marks until ``chunked`` is set, and by chunks from then on."""

    def __init__(self, limit_octets: int = HELLO_LIMIT_OCTETS) -> None:
        self.limit_octets = limit_octets
        self.chunked = False
        self._buffer = bytearray()
        self._searched = 0
        self._message = bytearray()
        self._missing = 0

    def add(self, data: bytes) -> None:
        self._buffer += data

    def next_message(self) -> bytes | None:
        """Return the next whole message, None if there is none yet.

        Raises:
            FramingError: the stream is not as RFC 6242 says, or a message is longer than the limit.
        """
        return self._by_chunks() if self.chunked else self._by_end_mark()

    def _by_end_mark(self) -> bytes | None:
        end = self._buffer.find(END_OF_MESSAGE, max(0, self._searched - len(END_OF_MESSAGE)))
        self._bounded(len(self._buffer) if end < 0 else end)
        if end < 0:
            self._searched = len(self._buffer)
            return None
        message = bytes(self._buffer[:end])
        del self._buffer[: end + len(END_OF_MESSAGE)]
        self._searched = 0
        return message.strip(_WHITE_SPACE)

    def _by_chunks(self) -> bytes | None:
        while self._buffer:
            if self._missing:
                taken = self._buffer[: self._missing]
                self._message += taken
                self._missing -= len(taken)
                del self._buffer[: len(taken)]
                continue
            header = _HEADER.match(self._buffer)
            if header is None:
                if len(self._buffer) >= _HEADER_OCTETS or not _may_begin_header(self._buffer):
                    raise FramingError("what the server sent is not cut into chunks (RFC 6242 section 4.2)")
                return None
            size = header[1]
            del self._buffer[: header.end()]
            if size is None:
                message = bytes(self._message)
                self._message = bytearray()
                return message
            self._missing = int(size)
            self._bounded(len(self._message) + self._missing)
        return None

    def _bounded(self, octets: int) -> None:
        if octets > self.limit_octets:
            raise FramingError(f"a message of the server is longer than {self.limit_octets} octets")


def _may_begin_header(data: bytes | bytearray) -> bool:
    return re.fullmatch(rb"\n(#(#|[1-9][0-9]{0,9})?)?", bytes(data)) is not None


def framed(message: bytes, chunked: bool) -> bytes:
    """Return ``message`` as it goes on the wire."""
    if not chunked:
        return message + END_OF_MESSAGE
    return b"\n#%d\n%s%s" % (len(message), message, END_OF_CHUNKS)
