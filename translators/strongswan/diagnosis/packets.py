"""A stream of captured packets (pcap) read piece by piece, and what IKE and ESP show on the outside. Pure.

Nothing is decrypted: of IKE its header (RFC 7296 section 3.1), of ESP its SPI and sequence number
(RFC 4303 section 2), also inside UDP (RFC 3948).
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

GLOBAL_HEADER_OCTETS = 24
_RECORD_OCTETS = 16
MAX_PACKET_OCTETS = 262_144
"""What tcpdump takes at most; a longer record means that the stream is not what it should be."""

IKE_PORT, NAT_PORT = 500, 4500
_UDP, _ESP = 17, 50
_IPV4, _IPV6 = 0x0800, 0x86DD
_IKE_HEADER = struct.Struct(">8s8sBBBBII")
_RESPONSE = 0x20
EXCHANGES = {
    2: "main-mode",
    5: "informational-1",
    32: "quick-mode",
    34: "ike-sa-init",
    35: "ike-auth",
    36: "create-child-sa",
    37: "informational",
    43: "ike-intermediate",
}


class CaptureError(Exception):
    """The stream is no pcap, or of a kind of link that is not known."""


class Protocol(Enum):
    IKE = "ike"
    ESP = "esp"


@dataclass(frozen=True, slots=True)
class Packet:
    """What one packet shows. ``spi`` and ``sequence`` are ESP's; an IKE message has the SPIs of both sides in
    hexadecimal, a message id as ``sequence``, and an exchange. ``length_octets``: on the wire."""

    protocol: Protocol
    source: str
    destination: str
    length_octets: int
    sequence: int
    spi: str = ""
    initiator_spi: str = ""
    responder_spi: str = ""
    exchange: str = ""
    response: bool = False


class CaptureReader:
    """Feed it what a capture program writes; it gives the packets that are IKE or ESP."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._order = ""
        self._link = 0

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Yield the packets that are complete with ``data``.

        Raises:
            CaptureError: this is no capture that can be read.
        """
        self._buffer += data
        if not self._order and not self._read_header():
            return
        while (record := self._next_record()) is not None:
            packet = decode(self._link, *record)
            if packet is not None:
                yield packet

    def _read_header(self) -> bool:
        if len(self._buffer) < GLOBAL_HEADER_OCTETS:
            return False
        magic = bytes(self._buffer[:4])
        orders = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\x4d\x3c\xb2\xa1": "<"}
        if magic not in orders:
            raise CaptureError("the capture does not begin as a pcap does")
        self._order = orders[magic]
        (self._link,) = struct.unpack_from(f"{self._order}I", self._buffer, 20)
        if self._link not in _LINKS:
            raise CaptureError(f"links of type {self._link} are not known")
        del self._buffer[:GLOBAL_HEADER_OCTETS]
        return True

    def _next_record(self) -> tuple[bytes, int] | None:
        """Return (captured octets, length on the wire) of the next packet, None until it is complete."""
        if len(self._buffer) < _RECORD_OCTETS:
            return None
        captured, length = struct.unpack_from(f"{self._order}II", self._buffer, 8)
        if captured > MAX_PACKET_OCTETS:
            raise CaptureError(f"a packet of {captured} octets cannot be")
        if len(self._buffer) < _RECORD_OCTETS + captured:
            return None
        data = bytes(self._buffer[_RECORD_OCTETS : _RECORD_OCTETS + captured])
        del self._buffer[: _RECORD_OCTETS + captured]
        return data, length


def decode(link: int, data: bytes, length_octets: int) -> Packet | None:
    """Return what a packet shows, None if it is neither IKE nor ESP or was cut too short."""
    try:
        ether_type, packet = _LINKS[link](data)
        found = _ip(ether_type, packet)
        if found is None:
            return None
        protocol, source, destination, payload = found
        if protocol == _ESP:
            return _esp(source, destination, payload, length_octets)
        return _udp(source, destination, payload, length_octets) if protocol == _UDP else None
    except (struct.error, IndexError, ValueError):
        return None


def _ethernet(data: bytes) -> tuple[int, bytes]:
    return struct.unpack_from(">H", data, 12)[0], data[14:]


def _cooked(data: bytes) -> tuple[int, bytes]:
    return struct.unpack_from(">H", data, 14)[0], data[16:]


def _cooked_2(data: bytes) -> tuple[int, bytes]:
    return struct.unpack_from(">H", data)[0], data[20:]


def _raw(data: bytes) -> tuple[int, bytes]:
    return (_IPV4 if data[0] >> 4 == 4 else _IPV6), data


_LINKS = {1: _ethernet, 101: _raw, 113: _cooked, 276: _cooked_2}


def _ip(ether_type: int, data: bytes) -> tuple[int, str, str, bytes] | None:
    """Return (protocol, source, destination, payload); None for later fragments and anything else."""
    if ether_type == _IPV4:
        if struct.unpack_from(">H", data, 6)[0] & 0x1FFF:
            return None
        header = (data[0] & 0x0F) * 4
        source, destination = (str(ipaddress.IPv4Address(data[at : at + 4])) for at in (12, 16))
        return data[9], source, destination, data[header:]
    if ether_type == _IPV6:
        source, destination = (str(ipaddress.IPv6Address(data[at : at + 16])) for at in (8, 24))
        return data[6], source, destination, data[40:]
    return None


def _udp(source: str, destination: str, data: bytes, length_octets: int) -> Packet | None:
    ports = struct.unpack_from(">HH", data)
    payload = data[8:]
    if IKE_PORT in ports:
        return _ike(source, destination, payload, length_octets)
    if NAT_PORT not in ports or len(payload) < 4:  # a single octet keeps the NAT's mapping alive
        return None
    if payload[:4] == b"\0\0\0\0":
        return _ike(source, destination, payload[4:], length_octets)
    return _esp(source, destination, payload, length_octets)


def _ike(source: str, destination: str, data: bytes, length_octets: int) -> Packet:
    initiator, responder, _next, _version, exchange, flags, message_id, _length = _IKE_HEADER.unpack_from(
        data
    )
    return Packet(
        protocol=Protocol.IKE,
        source=source,
        destination=destination,
        length_octets=length_octets,
        sequence=message_id,
        initiator_spi=initiator.hex(),
        responder_spi=responder.hex(),
        exchange=EXCHANGES.get(exchange, "other"),
        response=bool(flags & _RESPONSE),
    )


def _esp(source: str, destination: str, data: bytes, length_octets: int) -> Packet:
    spi, sequence = struct.unpack_from(">II", data)
    return Packet(
        protocol=Protocol.ESP,
        source=source,
        destination=destination,
        length_octets=length_octets,
        sequence=sequence,
        spi=f"{spi:08x}",
    )
