"""Makes a charon agree with what is wanted, whatever it holds: at start, and whenever one was lost.

Everything wanted is sent; charon takes an equal secret or connection as no change, and its SAs go on. What
is ours by name and not wanted goes, with its SAs. Then the SAs that were negotiated with something else than
what is wanted now (an agent that died in the middle of a change leaves such) go too. Connections and secrets
of other names are not touched.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import groupby

from translators.strongswan.charon.session import CharonSession, try_request
from translators.strongswan.charon.vici import Section, ViciError, ViciUnavailable
from translators.strongswan.status import drift
from translators.strongswan.status.facts import Reason
from translators.strongswan.status.state import sections
from translators.strongswan.translation.connections import Messages, tunnel_of, tunnel_of_secret
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translation.strangers import barred
from translators.strongswan.upkeep.executor import end_all, end_found, load
from translators.strongswan.upkeep.trust import CharonTrust
from translators.strongswan.upkeep.tunnels import LiveTunnels

log = logging.getLogger(__name__)


async def reconcile(
    session: CharonSession, desired: Desired, live: LiveTunnels, *, trust: CharonTrust
) -> None:
    """Make the charon of ``session`` hold exactly what ``desired`` says, as far as names are ours.

    Raises:
        ViciError: charon was lost on the way.
    """
    desired.available, desired.plugins = session.algorithms, session.plugins
    live.supervisor.hold_all()
    for refusal in desired.replace(desired.entries):
        log.error(
            "tunnel %s, which is committed, does not suit this charon: %s", refusal.tunnel, refusal.message
        )
        live.fail(refusal.tunnel, Reason.OTHER, refusal.message)
    await trust.agree(session)
    await _unload_others(session, desired)
    await _load_all(session, desired, live)
    await _settle(session, trust)
    sas = await session.list_sas()
    await _end_drifted(session, desired, sas)
    live.found(session, sas)
    live.want_all()


async def _settle(session: CharonSession, trust: CharonTrust) -> None:
    try:
        await trust.settle(session)
    except ViciUnavailable:
        raise
    except ViciError as error:
        log.error("charon could not be made to forget what is not configured: %s", error)


async def _unload_others(session: CharonSession, desired: Desired) -> None:
    wanted = {messages.name for messages in desired.messages.values()}
    connections, secrets = await session.loaded()
    ours = [name for name in connections if tunnel_of(name) is not None and name not in wanted]
    children = {}
    for name in ours:
        log.info("unloading '%s', which is not configured", name)
        children[name] = list(sections(await session.connection(name) or {}, "children"))
        await session.request("unload-conn", {"name": name})
    # Also where the connection is gone but an SA was left: the agent may have died between the two.
    orphans = {str(sa["name"]) for sa in await session.list_sas()} - wanted
    gone = sorted({*ours, *(name for name in orphans if tunnel_of(name) is not None)})
    await end_all(gone, session)
    for name in gone:
        for child in children.get(name) or [name]:
            await try_request(session, "uninstall", {"ike": name, "child": child})
    handles = {handle for messages in desired.messages.values() for handle in messages.handles}
    handles |= desired.fence.further.keys()
    for handle in secrets:
        if tunnel_of_secret(handle) is not None and handle not in handles:
            await session.request("unload-shared", {"id": handle})


async def _load_all(session: CharonSession, desired: Desired, live: LiveTunnels) -> None:
    fence = desired.fence
    by_openness = groupby(
        sorted(desired.messages.items(), key=lambda one: one[1].is_open), lambda one: one[1].is_open
    )
    tunnels = {is_open: list(group) for is_open, group in by_openness}
    await _load_tunnels(session, tunnels.get(False, ()), desired, live)
    for barrier in fence.barriers.values():
        await session.request("load-conn", barrier.load_conn)
    await _load_tunnels(session, tunnels.get(True, ()), desired, live)
    for further in fence.further.values():
        await session.request("load-shared", further)
    connections, _secrets = await session.loaded()
    for name in connections:
        if barred(name) is not None and name not in fence.barriers:
            await try_request(session, "unload-conn", {"name": name})


async def _load_tunnels(
    session: CharonSession, tunnels: Iterable[tuple[str, Messages]], desired: Desired, live: LiveTunnels
) -> None:
    for tunnel, messages in tunnels:
        try:
            await load(messages, session)
        except ViciUnavailable:
            raise
        except ViciError as error:
            log.error("charon refused tunnel %s, which is committed: %s", tunnel, error.reason)
            desired.refused.add(tunnel)
            live.fail(tunnel, Reason.OTHER, error.reason)


async def _end_drifted(session: CharonSession, desired: Desired, sas: list[Section]) -> None:
    drifted: dict[str, list[Section]] = {}
    for sa in sas:
        name = str(sa["name"])
        messages = desired.messages.get(tunnel_of(name) or "")
        if messages is not None and (why := drift.disagreement(messages, sa)):
            log.warning("%s: an SA does not agree with the configuration (%s) and is ended", name, why)
            drifted.setdefault(name, []).append(sa)
    await end_found(drifted, session)
