"""Makes a charon agree with what is wanted, whatever it holds: at start, and whenever one was lost.

Everything wanted is sent; charon takes an equal secret or connection as no change, and its SAs go on. What
is ours by name and not wanted goes, with its SAs. Then the SAs that were negotiated with something else than
what is wanted now (an agent that died in the middle of a change leaves such) go too. Connections and secrets
of other names are not touched.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent.at_work import on_tunnel
from translators.strongswan.charon.session import CharonSession, try_request
from translators.strongswan.charon.vici import Section, ViciError, ViciUnavailable
from translators.strongswan.status import drift
from translators.strongswan.status.facts import Reason
from translators.strongswan.status.state import sections
from translators.strongswan.tasks import in_turns
from translators.strongswan.translation.connections import connection_name, tunnel_of, tunnel_of_secret
from translators.strongswan.translation.credentials import FURTHER_SUFFIX
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translation.strangers import barred
from translators.strongswan.upkeep.executor import end_all, end_found, renew
from translators.strongswan.upkeep.trust import CharonTrust
from translators.strongswan.upkeep.tunnels import LiveTunnels

log = logging.getLogger(__name__)

AT_A_TIME = 256
"""Of so many tunnels the messages are on their way at once: charon does them one after the other, and has not
to wait in between. Over several connections it is no faster: it takes locks for each."""
ONE_BY_ONE_MAX = 8


async def reconcile(
    session: CharonSession, desired: Desired, live: LiveTunnels, *, trust: CharonTrust
) -> None:
    """Make the charon of ``session`` hold exactly what ``desired`` says, as far as names are ours.

    Raises:
        ViciError: charon was lost on the way.
    """
    desired.available, desired.plugins = session.algorithms, session.plugins
    refused = frozenset(desired.refused)
    live.supervisor.hold_all()
    # Nobody else changes it meanwhile: who does has the lock that the caller holds.
    for refusal in await in_turns(desired.adapt_in_pieces(), rest_s=0):
        log.error(
            "tunnel %s, which is committed, does not suit this charon: %s", refusal.tunnel, refusal.message
        )
        live.fail(refusal.tunnel, Reason.OTHER, refusal.message)
    await trust.agree(session)
    await _unload_others(session, desired)
    await _load_all(session, desired, live)
    # Before the SAs are listed: of what is not listed yet the log is heard.
    await session.hear_log()
    await _settle(session, trust)
    sas = await session.list_sas()
    await _end_drifted(session, desired, sas)
    live.found(session, sas)
    for tunnel in refused - desired.refused:
        live.changed(tunnel)
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
        with on_tunnel(tunnel_of(name)):
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
    """In the order of a plan: the connections, between them the barriers, and only then the secrets."""
    loading = _Loading(session, desired, live)
    by_openness: dict[bool, list[str]] = {False: [], True: []}
    for tunnel, messages in desired.messages.items():
        by_openness[messages.is_open].append(tunnel)
    await loading.connections(by_openness[False])
    await loading.barriers()
    await loading.connections(by_openness[True])
    # Again: without a tunnel that was refused meanwhile, others may own more than with it.
    await loading.barriers()
    await loading.secrets()
    await loading.barriers()
    await loading.further_owners()
    connections, _secrets = await session.loaded()
    for name in connections:
        if barred(name) is not None and name not in desired.fence.barriers:
            await try_request(session, "unload-conn", {"name": name})
    await loading.renew(desired.misplaced(connections))


def _pieces(tunnels: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(tunnels), AT_A_TIME):
        yield tunnels[begin : begin + AT_A_TIME]


class _Loading:
    """Loads what ``desired`` says. A tunnel of which charon refuses anything, be it a barrier, is refused as
    a whole: it is not held without what keeps others out of it."""

    def __init__(self, session: CharonSession, desired: Desired, live: LiveTunnels) -> None:
        self._session = session
        self._desired = desired
        self._live = live
        self._barriers: set[str] = set()
        self._further: dict[str, Mapping[str, object]] = {}

    async def connections(self, tunnels: Sequence[str]) -> None:
        for piece in _pieces(tunnels):
            messages = self._desired.messages
            loads = [(one, "load-conn", messages[one].load_conn) for one in piece if one in messages]
            await self._take_each(loads)

    async def barriers(self) -> None:
        while missing := self._desired.fence.barriers.keys() - self._barriers:
            for name in missing:
                barrier = self._desired.fence.barriers.get(name)
                if barrier is not None and await self._takes(barrier.tunnel, "load-conn", barrier.load_conn):
                    self._barriers.add(name)

    async def secrets(self) -> None:
        for piece in _pieces(list(self._desired.messages)):
            messages = self._desired.messages
            there = [(one, messages[one]) for one in piece if one in messages]
            loads = [(one, "load-shared", secret) for one, each in there for secret in each.secrets]
            await self._take_each(loads)

    async def further_owners(self) -> None:
        while missing := {
            handle: message
            for handle, message in self._desired.fence.further.items()
            if self._further.get(handle) != message
        }:
            for handle, message in missing.items():
                if await self._takes(tunnel_of_secret(handle) or "", "load-shared", message):
                    self._further[handle] = message
            await self.barriers()

    async def renew(self, names: Iterable[str]) -> None:
        for name in names:
            if (barrier := self._desired.fence.barriers.get(name)) is not None:
                try:
                    await renew(barrier, self._session)
                except ViciUnavailable:
                    raise
                except ViciError as error:
                    await self._refuse(barrier.tunnel, error.reason)

    async def _take_each(self, loads: Sequence[tuple[str, str, Mapping[str, object]]]) -> None:
        if len(loads) <= ONE_BY_ONE_MAX:
            for tunnel, command, message in loads:
                if tunnel in self._desired.messages:  # charon may have refused something else of it
                    await self._takes(tunnel, command, message)
            return
        refused = await self._session.each([(command, message) for _tunnel, command, message in loads])
        for (tunnel, _command, _message), error in zip(loads, refused, strict=True):
            if error is not None and tunnel in self._desired.messages:
                await self._refuse(tunnel, error.reason)

    async def _takes(self, tunnel: str, command: str, message: Mapping[str, object]) -> bool:
        try:
            await self._session.request(command, message)
        except ViciUnavailable:
            raise
        except ViciError as error:
            await self._refuse(tunnel, error.reason)
            return False
        return True

    async def _refuse(self, tunnel: str, reason: str) -> None:
        with on_tunnel(tunnel):
            log.error("charon refused tunnel %s, which is committed: %s", tunnel, reason)
        messages = self._desired.messages.get(tunnel)
        further = f"{connection_name(tunnel)}{FURTHER_SUFFIX}"
        self._desired.refuse(tunnel)
        self._live.fail(tunnel, Reason.OTHER, reason)
        if messages is None:
            return
        # charon may hold it from before, without what it is to have now.
        await try_request(self._session, "unload-conn", {"name": messages.name})
        for handle in sorted({*messages.handles, further}):
            await try_request(self._session, "unload-shared", {"id": handle})
        await end_all([messages.name], self._session)


async def _end_drifted(session: CharonSession, desired: Desired, sas: list[Section]) -> None:
    drifted: dict[str, list[Section]] = {}
    for sa in sas:
        name = str(sa["name"])
        messages = desired.messages.get(tunnel_of(name) or "")
        if messages is not None and (why := drift.disagreement(messages, sa)):
            with on_tunnel(tunnel_of(name)):
                log.warning("%s: an SA does not agree with the configuration (%s) and is ended", name, why)
            drifted.setdefault(name, []).append(sa)
    await end_found(drifted, session)
