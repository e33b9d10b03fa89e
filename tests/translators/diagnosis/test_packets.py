"""Captures read from octets: every link, IKE and ESP with and without UDP, and whatever else passes by."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.strongswan.diagnosis.packets import CaptureError, CaptureReader, Packet, Protocol

A4, B4 = bytes([192, 0, 2, 1]), bytes([198, 51, 100, 1])
A6, B6 = bytes.fromhex("20010db8" + "00" * 11 + "01"), bytes.fromhex("20010db8" + "00" * 11 + "02")
IKE = bytes.fromhex("11111111111111112222222222222222") + struct.pack(">BBBBII", 33, 0x20, 35, 0x28, 1, 28)
ESP = struct.pack(">II", 0xC0FFEE01, 7) + b"x" * 40


def udp(port: int, payload: bytes, source_port: int = 0) -> bytes:
    return struct.pack(">HHHH", source_port or port, port, 8 + len(payload), 0) + payload


def ipv4(protocol: int, payload: bytes, fragment: int = 0) -> bytes:
    total = 20 + len(payload)
    return struct.pack(">BBHHHBBH", 0x45, 0, total, 0, fragment, 64, protocol, 0) + A4 + B4 + payload


def ipv6(protocol: int, payload: bytes) -> bytes:
    return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + A6 + B6 + payload


LINKS = {
    1: lambda ether_type: b"\0" * 12 + struct.pack(">H", ether_type),
    101: lambda _: b"",
    113: lambda ether_type: b"\0" * 14 + struct.pack(">H", ether_type),
    276: lambda ether_type: struct.pack(">H", ether_type) + b"\0" * 18,
}


def capture(*packets: bytes, link: int = 276, order: str = "<", magic: int = 0xA1B2C3D4) -> bytes:
    """Return a pcap of IP packets."""
    found = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    for packet in packets:
        framed = LINKS[link](0x0800 if packet[0] >> 4 == 4 else 0x86DD) + packet
        found += struct.pack(f"{order}IIII", 1, 2, len(framed), len(framed)) + framed
    return found


def read(data: bytes) -> list[Packet]:
    return list(CaptureReader().feed(data))


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_ike_over_every_link_in_either_order(link: int, order: str) -> None:
    (packet,) = read(capture(ipv4(17, udp(500, IKE)), link=link, order=order))
    assert (packet.protocol, packet.source, packet.destination) == (Protocol.IKE, "192.0.2.1", "198.51.100.1")
    assert (packet.initiator_spi, packet.responder_spi) == ("1" * 16, "2" * 16)
    assert (packet.exchange, packet.response, packet.sequence) == ("ike-auth", True, 1)


CASES = {
    "esp": (ipv4(50, ESP), Protocol.ESP),
    "esp in udp": (ipv4(17, udp(4500, ESP)), Protocol.ESP),
    "esp in udp from behind a nat": (ipv4(17, udp(4500, ESP, source_port=61000)), Protocol.ESP),
    "ike in udp with its marker": (ipv4(17, udp(4500, b"\0\0\0\0" + IKE)), Protocol.IKE),
    "esp over ipv6": (ipv6(50, ESP), Protocol.ESP),
    "ike over ipv6": (ipv6(17, udp(500, IKE)), Protocol.IKE),
    "a nat keep-alive": (ipv4(17, udp(4500, b"\xff")), None),
    "another port": (ipv4(17, udp(53, IKE)), None),
    "tcp": (ipv4(6, b"\0" * 20), None),
    "a later fragment": (ipv4(17, udp(500, IKE), fragment=100), None),
    "an ike header cut short": (ipv4(17, udp(500, IKE[:20])), None),
    "an esp header cut short": (ipv4(50, b"\0\0\0"), None),
    "nothing but an ip header": (ipv4(17, b""), None),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_packet_is(name: str) -> None:
    data, protocol = CASES[name]
    assert [packet.protocol for packet in read(capture(data))] == ([protocol] if protocol else [])


def test_esp_shows_spi_and_sequence() -> None:
    (packet,) = read(capture(ipv6(50, ESP)))
    assert (packet.spi, packet.sequence, packet.source) == ("c0ffee01", 7, "2001:db8::1")


def test_an_exchange_that_is_not_known_is_another() -> None:
    strange = IKE[:18] + bytes([200]) + IKE[19:]
    (packet,) = read(capture(ipv4(17, udp(500, strange))))
    assert packet.exchange == "other"


@pytest.mark.parametrize("cut", range(0, 200, 7))
def test_it_does_not_matter_where_the_stream_is_cut(cut: int) -> None:
    data = capture(ipv4(17, udp(500, IKE)), ipv4(50, ESP))
    reader = CaptureReader()
    packets = [*reader.feed(data[:cut]), *reader.feed(data[cut:])]
    assert [packet.protocol for packet in packets] == [Protocol.IKE, Protocol.ESP]


def test_nanoseconds_are_read_too() -> None:
    assert len(read(capture(ipv4(50, ESP), magic=0xA1B23C4D))) == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"nonsense" * 4, "pcap"),
        (capture(link=276)[:20] + struct.pack("<I", 9), "links of type 9"),
        (capture() + struct.pack("<IIII", 1, 2, 10_000_000, 10_000_000), "cannot be"),
    ],
)
def test_what_is_no_capture_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(CaptureError, match=reason):
        read(data)


@given(st.binary(max_size=200))
def test_no_packet_whatever_it_holds_stops_the_reader(payload: bytes) -> None:
    for link in LINKS:
        framed = struct.pack("<IIII", 1, 2, len(payload), len(payload)) + payload
        list(CaptureReader().feed(capture(link=link) + framed))
