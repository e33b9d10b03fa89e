"""Runs nft: the rules go to it by standard input, and what it says comes back as a whole."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections import deque
from collections.abc import Iterable, Mapping

LIMIT_S = 30.0
own_pids: deque[int] = deque(maxlen=64)
"""Of the last runs: whose changes those were (see watch)."""
NOT_FOUND = "the program nft was not found: install the package nftables"
PLACES = "/usr/local/sbin:/usr/sbin:/sbin"


def program() -> str | None:
    """Return the path of nft, None where it is not installed."""
    return shutil.which("nft") or shutil.which("nft", path=PLACES)


class NftError(Exception):
    """nft is not there, or refused; the text says why."""


async def apply(lines: Iterable[str]) -> None:
    """Carry out ``lines`` as one transaction: all of them, or none.

    Raises:
        NftError: nft refused, was not found, or took longer than ``LIMIT_S`` seconds.
    """
    await _run(["-f", "-"], "\n".join(lines).encode() + b"\n")


async def listing(table: str) -> Mapping[str, object] | None:
    """Return what nft says of ``table`` in JSON, None if there is none.

    Raises:
        NftError: as ``apply``.
    """
    try:
        text = await _run(["-j", "list", "table", *table.split()], b"")
    except NftError as error:
        if "No such file or directory" in str(error):
            return None
        raise
    found = await asyncio.to_thread(json.loads, text)
    return found if isinstance(found, dict) else None


async def _run(arguments: list[str], text: bytes) -> bytes:
    found = program()
    if found is None:
        raise NftError(NOT_FOUND)
    process = None
    try:
        process = await asyncio.create_subprocess_exec(
            found,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        own_pids.append(process.pid)  # before it changes anything, which it does when its input ends
        async with asyncio.timeout(LIMIT_S):
            out, words = await process.communicate(text)
    except TimeoutError:
        raise NftError(f"nft did not answer within {LIMIT_S:g} s") from None
    except OSError as error:
        raise NftError(f"nft cannot be run: {error}") from None
    finally:
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        raise NftError(_first_line(words) or f"nft ended with status {process.returncode}")
    return out


def _first_line(words: bytes) -> str:
    lines = words.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else ""
