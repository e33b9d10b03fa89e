"""asyncssh alone, with replies that were recorded of another peer: what there is before any NETCONF."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.messages import Words
from bench.peers.keys import make_key
from bench.processes import running
from bench.session import Session, ssh_command
from bench.site import Peer

SUBJECT = "stub"
ROOT = Path(__file__).parents[2]


def record(session: Session, words: Words, number: int) -> Mapping[str, bytes]:
    """Return the replies to all reads, by their message-ids, with an <ok/> for all that changes."""
    return {
        "ok": session.ask(words.discard()),
        "whole": session.ask(words.whole()),
        "tunnels": session.ask(words.tunnels()),
        "state": session.ask(words.state()),
        "one": session.ask(words.one(number)),
        "one-state": session.ask(words.one_state(number)),
    }


@contextmanager
def started(folder: Path, replies: Mapping[str, bytes]) -> Iterator[Peer]:
    """A stub that is ended with the block."""
    folder = folder / SUBJECT
    folder.mkdir()
    key = make_key(folder)
    for message_id, reply in replies.items():
        (folder / f"{message_id}.reply").write_bytes(reply)
    command = (sys.executable, "-m", "bench.peers.stub_server", str(folder))
    with running(command, folder, PYTHONPATH=str(ROOT)) as process:
        assert process.stdout is not None
        port = process.stdout.read(10)
        yield Peer(
            subject=SUBJECT,
            command=ssh_command(getpass.getuser(), key, int(port)),
            pid=process.pid,
            words=Words(),
        )
