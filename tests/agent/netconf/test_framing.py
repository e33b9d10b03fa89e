"""Framing (RFC 6242): the network may cut a stream anywhere, and a wrong stream is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.netconf.framing import (
    OUT_CHUNK_OCTETS,
    ChunkDecoder,
    EndOfMessageDecoder,
    FramingError,
    encode_chunks,
    encode_end_of_message,
    parse_chunk_size,
)

CHUNKED = {
    "one chunk": (b"\n#4\n<a/>\n##\n", [b"<a/>"]),
    "a character cut by a chunk": ("\n#3\ná<\n#2\n/>\n##\n".encode(), ["á</>".encode()]),
    "two messages": (b"\n#1\na\n##\n\n#1\nb\n##\n", [b"a", b"b"]),
    "white space between messages": (b" \r\n\n#1\na\n##\n\t\n \n#1\nb\n##\n\n", [b"a", b"b"]),
    "no line feed before the first chunk": (b"#1\na\n##\n", [b"a"]),
    "data that looks like an end": (b"\n#9\n\n##\n]]>]]\n##\n", [b"\n##\n]]>]]"]),
    "unfinished": (b"\n#4\n<a/", []),
}
PLAIN = {
    "one message": (b"<a/>]]>]]>", [b"<a/>"]),
    "white space around": (b"\n <a/> \n]]>]]>\r\n", [b"<a/>"]),
    "two messages": (b"<a/>]]>]]>\n<b/>]]>]]>", [b"<a/>", b"<b/>"]),
    "a mark that is not complete": (b"<a/>]]>]]", []),
    "a mark begun twice": (b"<a/>]]>]]]>]]>", [b"<a/>]]>]"[:4] + b"]]>]"]),
}


@pytest.mark.parametrize("name", CHUNKED)
def test_rfc6242_4_2_chunks_whatever_the_cut(name: str) -> None:
    wire, expected = CHUNKED[name]
    for cut in range(len(wire) + 1):
        decoder = ChunkDecoder()
        assert decoder.feed(wire[:cut]) + decoder.feed(wire[cut:]) == expected


@pytest.mark.parametrize("name", CHUNKED)
def test_rfc6242_4_2_chunks_octet_by_octet(name: str) -> None:
    wire, expected = CHUNKED[name]
    decoder = ChunkDecoder()
    assert [m for octet in wire for m in decoder.feed(bytes([octet]))] == expected


@pytest.mark.parametrize("name", PLAIN)
def test_rfc6242_4_3_end_of_message_whatever_the_cut(name: str) -> None:
    wire, expected = PLAIN[name]
    for cut in range(len(wire) + 1):
        decoder = EndOfMessageDecoder()
        assert decoder.feed(wire[:cut]) + decoder.feed(wire[cut:]) == expected


@pytest.mark.parametrize(
    "wire",
    [
        b"x", b"\n\n#x", b"\n#0\n", b"\n#01\n", b"\n#-1\n", b"\n#1 \n", b"\n##\n", b"\n#1\nab",
        b"\n#1\na\n#\n", b"\n#1\na##", b"\n#12345678901", b"\n#4294967296\n", b"\n#1\na\n##x",
    ],
)  # fmt: skip
def test_a_stream_that_is_not_chunked_is_refused(wire: bytes) -> None:
    with pytest.raises(FramingError):
        ChunkDecoder().feed(wire)


def test_the_largest_chunk_size_is_taken_and_reserves_nothing() -> None:
    assert parse_chunk_size(b"4294967295") == 4294967295
    decoder = ChunkDecoder()
    assert decoder.feed(b"\n#4294967295\nab") == []
    assert len(decoder._message) == 2


@pytest.mark.parametrize("chunk", [b"\n#6\nabcdef\n##\n", b"\n#3\nabc\n#3\ndef\n##\n"])
def test_a_message_over_the_limit_is_refused(chunk: bytes) -> None:
    with pytest.raises(FramingError, match="5 octets"):
        ChunkDecoder(5).feed(chunk)
    assert ChunkDecoder(6).feed(chunk) == [b"abcdef"]


def test_a_message_over_the_limit_is_refused_before_its_end() -> None:
    with pytest.raises(FramingError, match="5 octets"):
        EndOfMessageDecoder(5).feed(b"abcdef")
    with pytest.raises(FramingError, match="5 octets"):
        EndOfMessageDecoder(5).feed(b"abcdef]]>]]>")


@given(st.binary(max_size=200_000))
def test_what_is_chunked_is_read_back(message: bytes) -> None:
    wire = encode_chunks(message)
    if message:
        assert ChunkDecoder().feed(wire) == [message]


def test_a_long_message_goes_out_in_chunks_of_64_kibibytes() -> None:
    wire = encode_chunks(b"a" * (OUT_CHUNK_OCTETS + 1))
    assert wire.startswith(b"\n#65536\na")
    assert wire.endswith(b"\n#1\na\n##\n")


def test_the_end_of_a_message_is_its_mark() -> None:
    assert encode_end_of_message(b"<a/>") == b"<a/>]]>]]>"


def test_white_space_before_a_message_does_not_pile_up() -> None:
    decoder = EndOfMessageDecoder(10)
    for _ in range(1000):
        assert decoder.feed(b" \n" * 50) == []
    assert decoder.feed(b"<a/>]]>]]>") == [b"<a/>"]
