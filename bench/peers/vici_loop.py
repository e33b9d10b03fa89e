"""A real charon, and its VICI socket with nothing between: what there is before any agent.

The messages are those that an agent sent, taken from the wire: it was given a socket of ours, from which all
went on to a charon. Then they are sent again to another charon that holds nothing, each as soon as the one
before it is answered.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from vici.protocol import Message, Packet

from tests.lab import Namespace, end_charon
from translators.strongswan.charon.daemon import ManagedCharon
from translators.strongswan.options import Options
from translators.strongswan.translator import NAME

READ_OCTETS = 64 * 1024
LIMIT_S = 120.0
LOADS = (b"load-conn", b"load-shared")
REQUEST, RESPONSE, REGISTER, EVENT = 0, 1, 3, 7


@contextmanager
def charon(namespace: Namespace, folder: Path) -> Iterator[Path]:
    """A charon that holds nothing, in ``folder`` below ``namespace``; its folder. It ends with the block."""
    folder.mkdir()
    try:
        namespace.call(lambda: asyncio.run(ManagedCharon(folder / NAME, Options()).start()))
        yield folder / NAME
    finally:
        end_charon(folder)


class Wire:
    """One connection to a VICI socket: segments, as octets."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(LIMIT_S)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._file = self._socket.makefile("rb")

    def ask(self, packet: bytes) -> bytes:
        """Return the answer to ``packet``; what comes of events before it is read and left."""
        *_events, answer = self._told(packet)
        return answer

    def _told(self, packet: bytes) -> Iterator[bytes]:
        self._socket.sendall(struct.pack("!I", len(packet)) + packet)
        kind = EVENT
        while kind == EVENT:
            (octets,) = struct.unpack("!I", self._file.read(4))
            segment = self._file.read(octets)
            kind = segment[0]
            yield segment

    def command(self, name: bytes) -> bytes:
        return self.ask(_command(name))

    def told_by(self, command: bytes) -> Iterator[bytes]:
        """Yield the events that come before the answer to ``command``, and the answer."""
        return self._told(_command(command))

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def _command(name: bytes) -> bytes:
    return bytes((REQUEST, len(name))) + name


def list_sas(wire: Wire) -> None:
    """Have charon tell of all its SAs."""
    wire.command(b"list-sas")


def listen_to_sas(wire: Wire) -> None:
    """Have ``wire`` get what list-sas tells, one event for each IKE_SA."""
    event = b"list-sa"
    wire.ask(bytes((REGISTER, len(event))) + event)


def held(wire: Wire) -> int:
    """Return for how many tunnels charon has both, a connection and a secret."""
    found = (
        _read(wire.command(command)).get(of, [])
        for command, of in ((b"get-conns", "conns"), (b"get-shared", "keys"))
    )
    return min(len(list(names)) for names in found)


def installed(wire: Wire) -> int:
    """Return how many IKE_SAs have a CHILD_SA that is installed; ``wire`` listens to what list-sas tells."""
    return sum(b"INSTALLED" in told for told in wire.told_by(b"list-sas"))


def _read(answer: bytes) -> Any:
    return Message.deserialize(Packet.parse(answer).payload)


def replay(wire: Wire, packets: Sequence[bytes]) -> int:
    """Send each when the one before it is answered; returns how many charon refused."""
    return sum(b"success" not in (answer := wire.ask(packet)) or b"yes" not in answer for packet in packets)


class Tap:
    """Takes what goes to a VICI socket: ``packets`` are those that load something, in order."""

    def __init__(self, path: Path, charon_socket: Path) -> None:
        self.packets: list[bytes] = []
        self._charon_socket = charon_socket
        self._stack = ExitStack()
        self._listening = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        self._listening.bind(str(path))
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._stack.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the end
            while True:
                came, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(came,), daemon=True).start()

    def _serve(self, came: socket.socket) -> None:
        with came, socket.socket(socket.AF_UNIX) as on, suppress(OSError):
            on.connect(str(self._charon_socket))
            back = threading.Thread(target=_pass, args=(on, came), daemon=True)
            back.start()
            rest = b""
            while data := came.recv(READ_OCTETS):
                rest = self._take(rest + data)
                on.sendall(data)
            on.shutdown(socket.SHUT_RDWR)
            back.join()

    def _take(self, data: bytes) -> bytes:
        """Take the whole packets of ``data``; return what is left."""
        while len(data) >= 4 and len(data) >= (end := 4 + int.from_bytes(data[:4], "big")):
            packet, data = data[4:end], data[end:]
            if packet[0] == REQUEST and packet[2 : 2 + packet[1]] in LOADS:
                self.packets.append(packet)
        return data


def _pass(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(READ_OCTETS):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)
