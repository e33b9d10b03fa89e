"""Sees that charon still holds what it was told, and puts it right.

Somebody with access to charon's socket may unload a connection of ours, load another under its name, or
take a secret away. A load is seen at once in charon's log, where everything that is not ours is told apart;
what leaves no line there is seen by looking at the names every so often, and at some connections in turn,
so that the cost of a look does not grow with the number of tunnels.

Who does it again and again is another agent rather than a mistake; the longer it goes on the longer it is
put up with, so that the two do not make a storm of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice

from agent.at_work import on_tunnel
from translators.strongswan.charon.session import CharonSession, try_request
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciError, ViciUnavailable
from translators.strongswan.status import drift
from translators.strongswan.status.announcements import Drift
from translators.strongswan.tasks import Background, is_set_within
from translators.strongswan.translation.connections import (
    Messages,
    connection_name,
    tunnel_of,
    tunnel_of_secret,
)
from translators.strongswan.translation.credentials import FURTHER_SUFFIX
from translators.strongswan.translation.strangers import barred
from translators.strongswan.upkeep.executor import end_all, end_found, load, renew

log = logging.getLogger(__name__)

SETTLE_S = 0.2
PATIENCE_MAX = 20
"""The longest pause between two repairs of one tunnel or barrier, in intervals."""
IN_TURN = 32
"""How many connections are compared in full at each look."""


class Audit:
    """``repaired`` is called, under the lock of changes, with each tunnel (by id) that was put right.
    ``give_keys`` gives charon the private keys that it lacks; it returns the tunnels that need them. ``mend``
    gives it the authorities and CRLs that it lacks."""

    def __init__(
        self,
        shared: Shared,
        *,
        interval_s: float,
        repaired: Callable[[str, Drift, str], None],
        give_keys: Callable[[CharonSession], Awaitable[Sequence[str]]],
        mend: Callable[[CharonSession], Awaitable[None]],
    ) -> None:
        self._interval_s = interval_s
        self._shared = shared
        self._repaired = repaired
        self._give_keys = give_keys
        self._mend = mend
        self._suspects: dict[str, Drift] = {}
        self._barriers: set[str] = set()
        """Names of barriers (see strangers) that others have loaded."""
        self._wake = asyncio.Event()
        self._next = ""
        self._given_up: dict[str, str] = {}
        self._repairs: dict[str, tuple[int, float]] = {}
        self._task = Background()

    def start(self) -> None:
        """Begin to look."""
        self._task.start(self._run())

    async def stop(self) -> None:
        """Stop looking. Safe to call twice."""
        await self._task.stop()

    def on_log(self, session: CharonSession, line: str) -> None:
        """Take a line of charon's log that is about no SA."""
        load = session.own_loads.foreign(line)
        if load is None:
            return
        command, what = load
        if barred(what) is not None:
            self._barriers.add(what)
            self._wake.set()
            return
        tunnel = tunnel_of(what) if command == "load-conn" else tunnel_of_secret(what)
        if tunnel is None:
            return
        name = connection_name(tunnel)
        self._suspects[name] = Drift.CONNECTION_CHANGED if command == "load-conn" else Drift.SECRET_CHANGED
        self._wake.set()

    async def _run(self) -> None:
        while True:
            if await is_set_within(self._wake, self._interval_s):
                await asyncio.sleep(SETTLE_S)
            self._wake.clear()
            try:
                async with self._shared.changing:
                    if (session := self._shared.session) is not None:
                        await self._look(session)
            except ViciError as error:
                log.info("%s", error)
            except Exception:
                log.exception("defect while comparing charon with what is configured")

    async def _look(self, session: CharonSession) -> None:
        suspects = {name: what for name, what in self._suspects.items() if self._may_repair(name)}
        self._suspects = {name: what for name, what in self._suspects.items() if name not in suspects}
        # Seen before the first request: what of ours was sent before the lock was ours is in charon by now.
        order, handles = await session.loaded()
        connections, secrets = frozenset(order), frozenset(handles)
        wanted = {messages.name: messages for messages in self._shared.desired.messages.values()}
        await self._mend_fence(session, order, secrets)
        for name in sorted(name for name in connections - wanted.keys() if tunnel_of(name) is not None):
            if self._may_repair(name):
                await self._remove(session, name)
        for name, messages in wanted.items():
            if tunnel_of(name) in self._shared.desired.refused or not self._may_repair(name):
                continue
            if name not in connections:
                detail = "its connection was unloaded"
                await self._try(name, self._repair(session, messages, Drift.CONNECTION_MISSING, detail))
            elif not messages.handles <= secrets:
                detail = "its secret was unloaded"
                await self._try(name, self._repair(session, messages, Drift.SECRET_MISSING, detail))
            elif name in suspects:
                await self._try(name, self._reload(session, messages, suspects[name]))
        for tunnel in await self._give_keys(session):
            self._repaired(tunnel, Drift.KEY_MISSING, "the private key of its certificate was unloaded")
        await self._mend(session)
        for name in self._in_turn(wanted.keys() & connections - suspects.keys()):
            await self._compare(session, wanted[name])

    async def _mend_fence(
        self, session: CharonSession, order: Sequence[str], secrets: frozenset[str]
    ) -> None:
        fence, connections = self._shared.desired.fence, frozenset(order)
        suspects = {name for name in self._barriers if self._may_repair(name)}
        self._barriers -= suspects
        for name in sorted(name for name in connections - fence.barriers.keys() if barred(name) is not None):
            if self._may_repair(name):
                log.warning("%s: a barrier was loaded that is not configured; it is unloaded", name)
                await try_request(session, "unload-conn", {"name": name})
                self._count(name)
        misplaced = set(self._shared.desired.misplaced(order))
        for name in sorted((fence.barriers.keys() - (connections - suspects)) | misplaced):
            if self._may_repair(name):
                await self._try(name, self._mend_barrier(session, name, is_there=name in connections))
        for handle in sorted(fence.further.keys() - secrets):
            if self._may_repair(handle):
                await self._try(handle, self._mend_owners(session, handle))

    async def _mend_barrier(self, session: CharonSession, name: str, *, is_there: bool) -> None:
        log.warning("%s: the barrier was unloaded or changed; it is loaded again", name)
        barrier = self._shared.desired.fence.barriers[name]
        if is_there:
            await renew(barrier, session)
        else:
            await session.request("load-conn", barrier.load_conn)
        self._tell(name, Drift.CONNECTION_MISSING, "a barrier was unloaded")

    async def _mend_owners(self, session: CharonSession, handle: str) -> None:
        await session.request("load-shared", self._shared.desired.fence.further[handle])
        self._tell(handle, Drift.SECRET_MISSING, "its secret was unloaded")

    async def _try(self, name: str, repair: Awaitable[None]) -> None:
        """Have one repair that charon refuses hinder no other."""
        with on_tunnel(_tunnel_of(name)):
            try:
                await repair
            except ViciUnavailable:
                raise
            except ViciError as error:
                log.warning("%s could not be put right: %s", name, error)
                self._count(name)

    def _may_repair(self, name: str) -> bool:
        count, at = self._repairs.get(name, (0, 0.0))
        age_s = asyncio.get_running_loop().time() - at
        if count and age_s > 2 * PATIENCE_MAX * self._interval_s:
            del self._repairs[name]
        return not count or age_s >= min(2.0 ** (count - 1), PATIENCE_MAX) * self._interval_s

    def _tell(self, name: str, what: Drift, detail: str) -> None:
        self._count(name)
        self._repaired(_tunnel_of(name) or "", what, detail)

    def _count(self, name: str) -> None:
        count, _at = self._repairs.get(name, (0, 0.0))
        self._repairs[name] = (count + 1, asyncio.get_running_loop().time())

    def _in_turn(self, names: frozenset[str] | set[str]) -> list[str]:
        ordered = sorted(names)
        turn = list(islice((name for name in ordered if name > self._next), IN_TURN))
        self._next = turn[-1] if len(turn) == IN_TURN else ""
        return turn

    async def _compare(self, session: CharonSession, messages: Messages) -> None:
        why = await _disagreement(session, messages)
        if why is None:
            self._given_up.pop(messages.name, None)
        elif self._given_up.get(messages.name) != why:
            # Once: should charon show what we sent in another way, this would go on for ever.
            self._given_up[messages.name] = why
            detail = f"its connection had {why}"
            await self._try(messages.name, self._repair(session, messages, Drift.CONNECTION_CHANGED, detail))

    async def _reload(self, session: CharonSession, messages: Messages, what: Drift) -> None:
        if what is Drift.SECRET_CHANGED:
            await self._repair(session, messages, what, "a secret was loaded under its name")
            return
        why = await _disagreement(session, messages)
        detail = f" with {why}" if why else ""
        await self._repair(session, messages, what, f"a connection was loaded under its name{detail}")

    async def _repair(self, session: CharonSession, messages: Messages, what: Drift, detail: str) -> None:
        name = messages.name
        log.warning("%s: %s; it is loaded again", name, detail)
        if what is Drift.CONNECTION_CHANGED:
            # Out first: charon does not compare everything when it takes a connection for an equal one.
            await try_request(session, "unload-conn", {"name": name})
        await load(messages, session)
        further = self._shared.desired.fence.further.get(f"{name}{FURTHER_SUFFIX}")
        if further is not None and what is Drift.SECRET_CHANGED:
            await session.request("load-shared", further)
        desired = self._shared.desired
        if desired.fence.barriers and what in (Drift.CONNECTION_CHANGED, Drift.CONNECTION_MISSING):
            # It has come after them, and its peer is to find it before them.
            for barrier in desired.misplaced((await session.loaded())[0]):
                await renew(desired.fence.barriers[barrier], session)
        sas = [sa for sa in await session.list_sas(name) if drift.disagreement(messages, sa)]
        await end_found({name: sas}, session)
        self._tell(name, what, detail)

    async def _remove(self, session: CharonSession, name: str) -> None:
        with on_tunnel(_tunnel_of(name)):
            log.warning("%s: a connection was loaded that is not configured; it is unloaded", name)
        await try_request(session, "unload-conn", {"name": name})
        await end_all([name], session)
        self._tell(name, Drift.CONNECTION_UNKNOWN, "a connection of this name was loaded")


def _tunnel_of(name: str) -> str | None:
    """Return whose tunnel the connection, the barrier or the secret ``name`` is."""
    return barred(name) or tunnel_of_secret(name)


async def _disagreement(session: CharonSession, messages: Messages) -> str | None:
    listed = await session.connection(messages.name)
    return None if listed is None else drift.connection_disagreement(messages, listed)
