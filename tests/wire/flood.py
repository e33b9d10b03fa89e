"""A client that sends white space without end, each octet in an SSH packet of its own: a program of its own.

Arguments: port, file of the private key, user, the address of loopback that it comes from. It prints the
number of its session, and ends when the server ends that.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from typing import Any

import asyncssh

from tests.wire.raw_client import EOM, hello

AT_ONCE = 2000


async def flood(port: int, key: str, user: str, source: str) -> None:
    options: dict[str, Any] = {
        "known_hosts": None, "username": user, "client_keys": [key], "agent_path": None, "config": None,
        "local_addr": (source, 0),
    }  # fmt: skip
    async with asyncssh.connect("127.0.0.1", port, **options) as connection:
        process = await connection.create_process(subsystem="netconf", encoding=None)
        process.stdin.write(hello("1.1") + EOM)
        found = re.search(rb"<session-id>(\d+)<", await process.stdout.readuntil(EOM))
        assert found is not None
        print(int(found[1]), flush=True)
        channel: Any = process.channel
        channel._send_pktsize = 1
        ended = asyncio.ensure_future(process.stdout.read())
        while not ended.done():
            process.stdin.write(b" " * AT_ONCE)
            room = asyncio.ensure_future(process.stdin.drain())
            await asyncio.wait({ended, room}, return_when=asyncio.FIRST_COMPLETED)
            room.cancel()


if __name__ == "__main__":
    with contextlib.suppress(OSError, asyncssh.Error):  # the server ended it
        asyncio.run(flood(int(sys.argv[1]), *sys.argv[2:]))
