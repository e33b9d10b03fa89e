"""Keeps packets of IKE from arriving for a moment; who sent them sends them again.

The table belongs to the nft that made it: the kernel takes it out when that ends, also when we are killed.
ESP in UDP comes through: it does not begin with four octets of zero (RFC 3948 section 2.2).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from translators.strongswan.protection import nft
from translators.strongswan.protection.nft import NftError

log = logging.getLogger(__name__)

TABLE = "inet yangswan-hush"
_COMMAND = (
    f"add table {TABLE} {{ flags owner; chain ike {{ type filter hook input priority raw; "
    "udp dport 500 drop; udp dport 4500 @th,64,32 0 drop; }; }\n"
)
IN_FORCE_LIMIT_S = 2.0
END_LIMIT_S = 2.0


@contextlib.asynccontextmanager
async def hushed() -> AsyncIterator[bool]:
    """Let no packet of IKE in; yields whether that is so: nft may be missing, or the kernel not able to."""
    process = await _begun()
    try:
        yield process is not None and await _is_in_force(process)
    finally:
        if process is not None:
            await asyncio.shield(_end(process))


async def _begun() -> asyncio.subprocess.Process | None:
    found = nft.program()
    if found is None:
        return None
    quiet = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            found, "-i", stdin=asyncio.subprocess.PIPE, stdout=quiet, stderr=quiet
        )
    except OSError as error:
        log.info("nft cannot be run: %s", error)
        return None
    nft.own_pids.append(process.pid)
    assert process.stdin is not None
    process.stdin.write(_COMMAND.encode())
    return process


async def _is_in_force(process: asyncio.subprocess.Process) -> bool:
    try:
        async with asyncio.timeout(IN_FORCE_LIMIT_S):
            while process.returncode is None:
                if await nft.listing(TABLE) is not None:
                    return True
    except (NftError, TimeoutError) as error:
        log.info("packets of IKE are not held back: %s", error or "nft did not answer")
    return False


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(END_LIMIT_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
