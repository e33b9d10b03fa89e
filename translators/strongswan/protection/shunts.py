"""Connections of charon's that hold nothing but policies which let packets past, for the kernel's ESP.

A policy of a tunnel takes packets whatever their route, and has the kernel refuse those in clear; only
another policy that comes before it lets them past. charon gives those of the mode "pass" the precedence.
Where charon itself encrypts (kernel-libipsec) there are no policies, and routes decide (rules).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from translators.strongswan.charon.session import CharonSession, try_request
from translators.strongswan.translation.prefixes import Pair, written

PREFIX = "yangswan-bypass-"
OF_GATEWAY = "gateway"
LIBIPSEC = "kernel-libipsec"


def connection(owner: str) -> str:
    """Return the name of the connection for an owner of a guard: a tunnel id, or "" for the gateway."""
    return PREFIX + (owner or OF_GATEWAY)


def load_conn(owner: str, bypass: Iterable[Pair]) -> dict[str, object]:
    """Return the load-conn message: a child for each pair, which both lie in one address family."""
    name = connection(owner)
    children = {
        f"{name}-{index}": {
            "local_ts": [written(local)],
            "remote_ts": [written(network)],
            "mode": "pass",
            "start_action": "trap",
        }
        for index, (local, network) in enumerate(sorted(bypass), 1)
    }
    # Nobody can be this peer.
    return {name: {"local_addrs": ["127.0.0.1"], "remote_addrs": ["127.0.0.1"], "children": children}}


async def put(session: CharonSession, changed: Mapping[str, frozenset[Pair]]) -> None:
    """Have charon let past, for each owner, exactly these pairs.

    Raises:
        ViciError: charon refused, or is lost.
    """
    for owner, bypass in changed.items() if needed(session.plugins) else ():
        for command, message in requests(owner, bypass):
            if command == "unload-conn":
                await try_request(session, command, message)
            else:
                await session.request(command, message)


def needed(plugins: Collection[str]) -> bool:
    """Return whether policies decide, and not routes, where charon has these plugins."""
    return LIBIPSEC not in plugins


def requests(owner: str, bypass: frozenset[Pair]) -> list[tuple[str, dict[str, object]]]:
    """Return the requests that have charon let past exactly ``bypass`` for ``owner``."""
    # Out first: charon keeps policies of children that a new version of the connection has not.
    out: tuple[str, dict[str, object]] = ("unload-conn", {"name": connection(owner)})
    return [out, ("load-conn", load_conn(owner, bypass))] if bypass else [out]


async def replace(session: CharonSession, wanted: Mapping[str, frozenset[Pair]]) -> None:
    """Have charon let past exactly ``wanted``, whatever it holds.

    Raises:
        ViciError: charon refused, or is lost.
    """
    connections, _secrets = await session.loaded()
    for name in connections:
        if name.startswith(PREFIX):
            await try_request(session, "unload-conn", {"name": name})
    await put(session, {owner: bypass for owner, bypass in wanted.items() if bypass})
