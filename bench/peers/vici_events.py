"""Events of a charon, as they come out of its socket: what the agent gets, too, at the same time."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vici.protocol import Message, Packet

from bench.session import Refused

READ_OCTETS = 64 * 1024
REQUEST, REGISTER, EVENT = 0, 3, 7
UPDOWN = "ike-updown", "child-updown"
LIMIT_S = 30.0


class ViciEvents:
    """An ear at a VICI socket: "down" for an IKE_SA that ends, "installed" for a CHILD_SA that is there.

    ``tell`` asks for something; its answer is read with the events, and left.
    """

    def __init__(self, path: Path, events: Sequence[str] = UPDOWN) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(LIMIT_S)
        self._socket.connect(str(path))
        self._rest = b""
        for name in events:
            self._send(bytes((REGISTER, len(name))) + name.encode())

    def close(self) -> None:
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def tell(self, command: str, message: dict[str, Any]) -> None:
        self._send(Packet.request(command, Message.serialize(message)))

    def hear(self) -> Sequence[str]:
        data = self._socket.recv(READ_OCTETS)
        if not data:
            raise Refused("charon has gone")
        text = self._rest + data
        found: list[str] = []
        while len(text) >= 4 and len(text) >= (end := 4 + int.from_bytes(text[:4], "big")):
            packet, text = text[4:end], text[end:]
            if packet[0] == EVENT:
                found.extend(_said(packet))
        self._rest = text
        return found

    def _send(self, packet: bytes) -> None:
        self._socket.sendall(struct.pack("!I", len(packet)) + packet)


def _said(packet: bytes) -> Sequence[str]:
    name = packet[2 : 2 + packet[1]].decode()
    is_up = "up" in Message.deserialize(Packet.parse(packet).payload)
    if name == "child-updown":
        return ["installed"] if is_up else []
    return [] if is_up else ["down"]
