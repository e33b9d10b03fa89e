"""What charon says now about SAs, for whoever must not wait long for it, and whoever has to know."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.vici import Section, ViciError

log = logging.getLogger(__name__)

ONE_BY_ONE_MAX = 32
"""Up to so many tunnels are asked for by name; for more, one list of all SAs is cheaper."""
READ_LIMIT_S = 2.0
"""A charon that hangs is found out by its session after much longer; readers do not wait for that."""


async def sas_of(session: CharonSession | None, names: Sequence[str]) -> dict[str, list[Section]] | None:
    """Return the IKE_SAs by connection name, nothing without a charon; None if it does not answer soon."""
    if session is None:
        return {}
    try:
        async with asyncio.timeout(READ_LIMIT_S):
            return await listed(session, names)
    except TimeoutError:
        log.warning("charon does not answer")
        return None
    except ViciError as error:
        # Lost at this moment: what is configured is still told, as down.
        log.info("%s", error)
        return {}


async def sas_however_long(
    session: CharonSession | None, names: Sequence[str]
) -> dict[str, list[Section]] | None:
    """Return the IKE_SAs by connection name, nothing without a charon, however long it takes to list them;
    None if it is lost on the way."""
    try:
        return {} if session is None else await listed(session, names)
    except ViciError as error:
        log.info("%s", error)
        return None


async def listed(session: CharonSession, names: Sequence[str]) -> dict[str, list[Section]]:
    """Return the IKE_SAs by connection name, those of ``names`` at least, however long charon takes.

    Raises:
        ViciError: charon is lost.
    """
    if len(names) > ONE_BY_ONE_MAX:
        return by_name(await session.list_sas())
    return by_name([sa for name in names for sa in await session.list_sas(name)])


def by_name(sas: Sequence[Section]) -> dict[str, list[Section]]:
    """Return IKE_SAs by the name of their connection."""
    found: dict[str, list[Section]] = {}
    for sa in sas:
        found.setdefault(str(sa["name"]), []).append(sa)
    return found
