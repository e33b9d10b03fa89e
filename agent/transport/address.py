"""The address that clients come to. It is taken first of all: nothing is begun where nobody could come."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import Any

SERVED = "NETCONF"
TAKES_ROOT = "a port below 1024 takes root, or CAP_NET_BIND_SERVICE"


async def take(host: str, port: int, what: str = SERVED) -> list[socket.socket]:
    """Return a bound socket, on which nobody listens yet, for each address of ``host``; port 0 for any.
    ``what`` is to be served there, in words.

    Raises:
        OSError: one cannot be had; the text says why, and what to do.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as problem:
        raise OSError(_unresolved(host, problem, what)) from None
    taken: list[socket.socket] = []
    try:
        for family, _type, _protocol, _name, address in dict.fromkeys(found):
            taken.append(_bound(family, (address[0], port, *address[2:]), what))
            port = taken[0].getsockname()[1]
    except OSError:
        close(taken)
        raise
    return taken


def lacking(port: int, what: str = SERVED) -> list[str]:
    """Return in a sentence why this process may not take ``port`` of any address; whether it is in use does
    not matter."""
    try:
        _bound(socket.AF_INET, ("127.0.0.1", port), what).close()
    except OSError as problem:
        return [str(problem)] if TAKES_ROOT in str(problem) else []
    return []


def hindrances(host: str, what: str = SERVED) -> list[str]:
    """Return why no port of ``host`` could be had at the moment, for ``what`` in words; whether one is in use
    does not matter."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _type, _protocol, _name, address in dict.fromkeys(found):
            _bound(family, address, what).close()
    except socket.gaierror as problem:
        return [_unresolved(host, problem, what)]
    except OSError as problem:
        return [str(problem)]
    return []


def _unresolved(host: str, problem: socket.gaierror, what: str = SERVED) -> str:
    return f"{what} cannot be served on {host}: {problem.strerror}"


def _bound(family: int, address: tuple[Any, ...], what: str = SERVED) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        # As asyncio does: a port whose connections have just ended is free.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except OSError as problem:
        made.close()
        where = f"{address[0]} port {address[1]}" if address[1] else address[0]
        raise OSError(f"{what} cannot be served on {where}: {_reason(problem, what)}") from None
    return made


def _reason(problem: OSError, what: str) -> str:
    if problem.errno == errno.EADDRINUSE:
        where = "--listen" if what == SERVED else "the setting 'listen' of it"
        return f"another program listens there (ss -ltnp names it): end it, or choose another with {where}"
    if problem.errno == errno.EADDRNOTAVAIL:
        return "no interface has this address"
    if problem.errno == errno.EACCES:
        return TAKES_ROOT
    return os.strerror(problem.errno or 0)


def close(sockets: list[socket.socket]) -> None:
    """Give up the addresses."""
    while sockets:
        sockets.pop().close()
