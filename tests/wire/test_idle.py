"""What each session keeps whose client says nothing: counted in resident memory, for many of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from tests.agent_process import AgentProcess, running_agent
from tests.wire.raw_client import EOM, LIMIT_S, chunked, hello, raw_client, rpc
from tests.wire.test_bad_input import resident_octets

KIB = 1024
ONE_ITSELF = 16 * KIB
"""Of a session, without a connection of SSH beside it."""
OF_SSH = 32 * KIB
"""Of asyncssh, for a connection with its ciphers and one channel; an echo server of its own takes 28."""
TOLERANCE = 3 * KIB
"""Pages that are shared with what is there already, or begun with the last session."""
FIRST, MORE = 60, 160
"""Sessions: those that take what the first ones take, and those that are measured."""
MUCH = f"<get-config><source><running/></source><filter>{'<nothing/>' * 2500}</filter></get-config>"
"""As elements more than ten times what a session may keep."""

Another = Callable[[AsyncExitStack], Awaitable[None]]


def settings(folder: Path) -> list[str]:
    file = folder / "agent.toml"
    names = ("sessions", "sessions-per-user", "sessions-per-source")
    limits = "\n".join(f"{name} = {2 * (FIRST + MORE)}" for name in names)
    file.write_text(f'socket = "s"\n[limits]\n{limits}\n')
    return ["--config", str(file)]


async def grown_octets(agent: AgentProcess, another: Another) -> float:
    """Return by how much the agent grows with each session more that has asked once."""
    async with AsyncExitStack() as sessions:
        for _ in range(FIRST):
            await another(sessions)
        before = resident_octets(agent)
        for _ in range(MORE):
            await another(sessions)
        return (resident_octets(agent) - before) / MORE


async def test_a_session_that_is_silent_keeps_16_kib(tmp_path: Path) -> None:
    async def another(sessions: AsyncExitStack) -> None:
        async with asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
            sessions.callback(writer.close)
            writer.write(hello("1.1") + EOM)
            await reader.readuntil(EOM)
            writer.write(chunked(rpc(MUCH)))
            assert b"<data" in await reader.readuntil(b"\n##\n")

    with running_agent(tmp_path / "data", settings(tmp_path), log_level="warning") as agent:
        assert await grown_octets(agent, another) < ONE_ITSELF + TOLERANCE


async def test_a_session_with_a_connection_of_its_own_keeps_that_of_ssh_beside_it(tmp_path: Path) -> None:
    async def another(sessions: AsyncExitStack) -> None:
        client = await sessions.enter_async_context(raw_client(agent, greet="1.1"))
        assert b"<data" in await client.ask(MUCH)

    with running_agent(tmp_path / "data", settings(tmp_path), log_level="warning") as agent:
        assert await grown_octets(agent, another) < ONE_ITSELF + OF_SSH + TOLERANCE
