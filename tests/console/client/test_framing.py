"""Messages cut out of a stream, within bounds."""

from __future__ import annotations

import pytest

from console.client.framing import Decoder, FramingError, framed

CHUNKED = "\n#3\ná<\n#2\n/>\n##\n".encode()
BOTH = b"<hello/>]]>]]>" + CHUNKED + CHUNKED


def messages(decoder: Decoder, data: bytes) -> list[bytes]:
    decoder.add(data)
    found = []
    while (message := decoder.next_message()) is not None:
        found.append(message)
        decoder.chunked = True
    return found


@pytest.mark.parametrize("cut", range(len(BOTH) + 1))
def test_rfc6242_framing_ignores_where_the_network_cuts(cut: int) -> None:
    decoder = Decoder()
    found = messages(decoder, BOTH[:cut]) + messages(decoder, BOTH[cut:])
    assert found == [b"<hello/>", "á</>".encode(), "á</>".encode()]


def test_octet_by_octet() -> None:
    decoder = Decoder()
    found = [message for octet in BOTH for message in messages(decoder, bytes([octet]))]
    assert len(found) == 3


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400",
        b"\n#0\n",
        b"\n#03\nabc",
        b"\n#x\n",
        b"\n##x",
        b"#3\nabc",
        b"\n#12345678901\n",
        b"\n#-1\n",
    ],
)
def test_what_is_not_cut_into_chunks_is_refused(data: bytes) -> None:
    decoder = Decoder()
    decoder.chunked = True
    with pytest.raises(FramingError):
        messages(decoder, data)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_message_beyond_the_limit_is_refused_before_it_has_come(chunked: bool) -> None:
    decoder = Decoder(limit_octets=100)
    decoder.chunked = chunked
    with pytest.raises(FramingError, match="longer than 100 octets"):
        messages(decoder, b"\n#101\n" if chunked else b"x" * 101)


def test_many_small_chunks_count_together() -> None:
    decoder = Decoder(limit_octets=100)
    decoder.chunked = True
    with pytest.raises(FramingError):
        messages(decoder, b"\n#1\nx" * 101)


@pytest.mark.parametrize("chunked", [False, True])
def test_what_is_framed_is_cut_again(chunked: bool) -> None:
    decoder = Decoder()
    decoder.chunked = chunked
    assert messages(decoder, framed(b"<a/>", chunked)) == [b"<a/>"]
