"""Servers that are made up, on a UNIX socket: what one says is a function of what it was sent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NETCONF = "urn:ietf:params:xml:ns:netconf:base:1.0"
HELLO = (
    f'<hello xmlns="{NETCONF}"><capabilities><capability>urn:ietf:params:netconf:base:1.1</capability>'
    "</capabilities><session-id>7</session-id></hello>]]>]]>"
).encode()

Behaviour = Callable[[socket.socket], None]


@contextmanager
def server(path: Path, behave: Behaviour) -> Iterator[Path]:
    """Listen on ``path``; each connection is ``behave``'d to, in a thread of its own, and then ended."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()

    def serve(accepted: socket.socket) -> None:
        with accepted, suppress(OSError):
            behave(accepted)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield path
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def says(data: bytes) -> Behaviour:
    """Behaviour of one that says ``data`` to whoever comes, and ends the connection."""
    return lambda accepted: accepted.sendall(data)


def silent(accepted: socket.socket) -> None:
    while accepted.recv(65536):
        pass


def chunked(message: str | bytes) -> bytes:
    data = message.encode() if isinstance(message, str) else message
    return b"\n#%d\n%s\n##\n" % (len(data), data)


def reply(message_id: int | str, content: str = "<ok/>") -> bytes:
    return chunked(f'<rpc-reply xmlns="{NETCONF}" message-id="{message_id}">{content}</rpc-reply>')


def answering(answer: Callable[[int, bytes], bytes | None]) -> Behaviour:
    """Behaviour of a NETCONF server; ``answer`` gets the number of a request and what was sent with it."""

    def behave(accepted: socket.socket) -> None:
        accepted.sendall(HELLO)
        held, number = b"", 0
        while data := accepted.recv(65536):
            held += data
            if b"]]>]]>" in held:
                held = held.partition(b"]]>]]>")[2]
            while b"\n##\n" in held:
                message, _, held = held.partition(b"\n##\n")
                number += 1
                if (said := answer(number, message)) is not None:
                    accepted.sendall(said)

    return behave
