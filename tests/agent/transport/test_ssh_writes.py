"""What a reply takes of the socket: one write."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.agent.transport.ssh_server import WAIT_S, serving

REPLIES = 20


@pytest.mark.parametrize("octets", [1, 900])
async def test_a_reply_is_one_write(tmp_path: Path, octets: int, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    async with serving(tmp_path) as served, asyncssh.connect("127.0.0.1", **served.options()) as connection:
        process = await connection.create_process(encoding=None, subsystem="netconf")
        (of_server,) = served.transport.connections
        transport: Any = of_server._transport
        write = type(transport).write

        def counted(itself: Any, data: bytes) -> None:
            if itself is transport:
                written.append(len(data))
            write(itself, data)

        async def echoed() -> None:
            process.stdin.write(b"x" * octets)
            async with asyncio.timeout(WAIT_S):
                await process.stdout.readexactly(octets)

        await echoed()
        monkeypatch.setattr(type(transport), "write", counted)
        for number in range(1, REPLIES + 1):
            await echoed()
            assert len(written) == number
        assert sum(written) > REPLIES * octets
