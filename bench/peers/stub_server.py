"""``python -m bench.peers.stub_server FOLDER``: an SSH server that answers with what lies in a folder.

FOLDER has ``authorized_keys`` and the replies, framed, each in a file ``ID.reply`` of the message-id that it
answers. It writes the port of loopback that it has, and ends when its standard input does. Nothing is
parsed: what it costs is asyncssh, the same framing, and the event loop.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import asyncssh

from bench.messages import END, HELLO

READ_OCTETS = 1024 * 1024
HEAD_OCTETS = 300
_ID = re.compile(rb'message-id="([a-z-]+)"')


class Answering:
    """The replies, by message-id."""

    def __init__(self, folder: Path) -> None:
        self._replies = {file.stem.encode(): file.read_bytes() for file in folder.glob("*.reply")}

    async def serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(HELLO)
        parts: list[bytes] = []
        tail = b""
        try:
            while data := await process.stdin.read(READ_OCTETS):
                parts.append(data)
                tail = (tail + data[-len(END) :])[-len(END) :]
                if tail == END:
                    await self._answer(process, b"".join(parts))
                    parts = []
        except (asyncssh.Error, ConnectionError):
            pass  # the client went
        process.exit(0)

    async def _answer(self, process: asyncssh.SSHServerProcess[bytes], came: bytes) -> None:
        """Answer each message of ``came``: whoever sends ahead may send many at once."""
        for message in came.split(END)[:-1]:
            found = _ID.search(message[:HEAD_OCTETS])
            if found is not None:
                process.stdout.write(self._replies[found[1]])
        await process.stdout.drain()


async def serve(folder: Path) -> None:
    answering = Answering(folder)
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        authorized_client_keys=str(folder / "authorized_keys"),
        compression_algs=["none"],
        process_factory=answering.serve,
        encoding=None,
    )
    print(server.get_port(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
