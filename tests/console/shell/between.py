"""Stands between a command line and a live agent, and does something to a <commit> on its way."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

_COMMIT = re.compile(rb"<(\w+:)?rpc [^>]*>\s*<(\w+:)?commit[ />]")
_ID = re.compile(rb'message-id="([^"]*)"')
REFUSAL = (
    '<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="{}"><rpc-error>'
    "<error-type>application</error-type><error-tag>operation-failed</error-tag>"
    "<error-severity>error</error-severity><error-app-tag>would-cut-off-session</error-app-tag>"
    "<error-message>the way of this session would go into tunnel 1</error-message></rpc-error></rpc-reply>"
)


class Does(Enum):
    """What becomes of a commit."""

    HOLD = "the agent carries it out, and its answer does not come"
    CUT = "the agent carries it out, and the connection ends in place of its answer"
    DROP = "the connection ends before the agent has it"
    REFUSE = "it would cut off this session, unless it says that it may"


@dataclass
class Between:
    """``path``: the socket for the command line. ``reached``: the agent has answered the commit."""

    path: Path
    agent: Path
    does: Does
    reached: threading.Event = field(default_factory=threading.Event)
    open: list[socket.socket] = field(default_factory=list)

    def serve(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                agent = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                agent.connect(str(self.agent))
                self.open += [client, agent]
                committing = threading.Event()
                for work in (self._requests, self._replies):
                    threading.Thread(target=work, args=(client, agent, committing), daemon=True).start()

    def _requests(self, client: socket.socket, agent: socket.socket, committing: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 20):
                if _COMMIT.search(data):
                    if self.does is Does.DROP:
                        break
                    if self.does is Does.REFUSE and b"even-if-cut-off" not in data:
                        found = _ID.search(data)
                        assert found is not None
                        refusal = REFUSAL.format(found[1].decode()).encode()
                        client.sendall(b"\n#%d\n%s\n##\n" % (len(refusal), refusal))
                        continue
                    if self.does is not Does.REFUSE:
                        committing.set()
                agent.sendall(data)
        end(client, agent)

    def _replies(self, client: socket.socket, agent: socket.socket, committing: threading.Event) -> None:
        with suppress(OSError):
            while data := agent.recv(1 << 20):
                if not committing.is_set():
                    client.sendall(data)
                    continue
                self.reached.set()
                if self.does is Does.CUT:
                    break
        end(client, agent)


def end(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextmanager
def between(agent: Path, folder: Path, does: Does) -> Iterator[Between]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        made = Between(folder / "between", agent, does)
        listening.bind(str(made.path))
        listening.listen()
        thread = threading.Thread(target=made.serve, args=(listening,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            end(listening, *made.open)
            thread.join()
            for one in made.open:
                one.close()
