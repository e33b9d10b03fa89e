"""Puts in force what protects tunnels, in the order in which nothing slips through, and keeps it there.

A change of tunnels has two sides: what is to come is put in force before charon hears of the change, and what
is to go is taken out after it. Between the two both are in force.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from agent.errors import BackendError
from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciError
from translators.strongswan.model import Json, entry_path
from translators.strongswan.pieces import Pieces, at_once
from translators.strongswan.protection import ruleset, shunts
from translators.strongswan.protection.firewall import Firewall
from translators.strongswan.protection.nft import NftError
from translators.strongswan.protection.rules import CHARON, Charons, RoutingRules
from translators.strongswan.protection.ruleset import DROP, Count
from translators.strongswan.protection.watch import RulesWatch
from translators.strongswan.tasks import Background, in_turns, is_set_within
from translators.strongswan.translation.guards import (
    NO_GUARD,
    Connected,
    ForAll,
    Guard,
    Guards,
    Surroundings,
    Way,
    past,
    untaken,
)
from translators.strongswan.translation.prefixes import prefix, written

log = logging.getLogger(__name__)

COUNTS_MAX_AGE_S = 1.0
SETTLE_S = 0.05
SURE_S = 1.0
QUIET_INTERVALS = 10
AT_ONCE = 32
"""So few tunnels are looked at without a turn for others in between."""
HINT = "as root, with the package nftables; or set leak-protection to false"
Changed = Mapping[str, Guard]
"""By owner: a tunnel id, or "" for the gateway."""


class Protection:
    """Keeps ``guards`` in force. ``clients`` returns the addresses from which clients of this server are
    connected. Without charon (``is_used`` is False) there is nothing to protect. ``state_changed`` hears the
    paths of state that may be another."""

    def __init__(
        self,
        shared: Shared,
        *,
        interval_s: float,
        clients: Callable[[], Iterable[str]],
        is_used: bool,
        state_changed: Callable[[Sequence[str]], None] = lambda _paths: None,
    ) -> None:
        self.guards = Guards()
        self.trouble = ""
        self._shared = shared
        self._interval_s = interval_s
        self._clients = clients
        self._is_used = is_used
        self._state_changed = state_changed
        self._firewall = Firewall()
        self._rules = RoutingRules()
        self._watch = RulesWatch(self._look_soon)
        self._look = asyncio.Event()
        self._networks_came = asyncio.Event()
        self._connected: frozenset[Connected] = frozenset()
        self._tasks = (Background(), Background())
        self._counts: tuple[float, Mapping[str, Count]] = (-COUNTS_MAX_AGE_S, {})
        """Since when on the loop's clock they have been asked for, and what they were."""
        self._counting = asyncio.Lock()

    # --- life ---

    async def start(self, entries: Mapping[str, Json]) -> None:
        """Put in force what ``entries`` ask for, and keep it there. Where that cannot be, the log and the
        state say so, and it is tried again."""
        if not self._is_used:
            return
        self.look_around()
        self._networks_came.clear()
        await self.replace(entries)
        self._tasks[0].start(self._keep())
        self._tasks[1].start(self._follow_networks())

    async def stop(self) -> None:
        """Stop looking; what is in force stays. Safe to call twice."""
        if self._firewall.is_there and self._tasks[0].is_running:
            log.info("what protects tunnels stays in force; yangswand --unprotect takes it out")
        for task in self._tasks:
            await task.stop()

    async def replace(self, entries: Mapping[str, Json], for_all: ForAll | None = None) -> None:
        """Have exactly what ``entries`` ask for in force."""
        if for_all is not None:
            self.guards.for_all = for_all
        if not self._is_used:
            return
        anew = Guards()
        anew.for_all, anew.around = self.guards.for_all, self.guards.around
        wanted = await in_turns(anew.wanted_in_pieces(dict(entries)), rest_s=0)
        before = {owner: self.guards.of(owner) for owner in (*self.guards.held, *wanted)}
        self.guards.put(dict.fromkeys(before, NO_GUARD))
        self.guards.put(wanted)
        self._tell_differing(before)
        for owner, guard in self.guards.held.items():
            _warn_of_covered(owner, guard)
        await self._put_all()

    async def _put_all(self) -> None:
        problems = []
        try:
            await self._firewall.replace(list(self.guards.held.values()))
        except NftError as error:
            problems.append(str(error))
        try:
            # Also where there is no nft: without them tunnels do not carry what they should.
            await self._route(self.guards.held.values())
        except OSError as error:
            problems.append(str(error))
        why = "; ".join(problems)
        self._troubled(why and f"what protects tunnels cannot be put in force: {why}")

    async def _route(self, guards: Collection[Guard]) -> None:
        await self._rules.replace(past(guards), untaken(guards))

    def _troubled(self, why: str) -> None:
        if why and why != self.trouble:
            log.error("%s (%s)", why, HINT)
        elif self.trouble and not why:
            log.warning("what protects tunnels is in force again")
        if why != self.trouble:
            self.trouble = why
            self._tell(self._shared.desired.entries)

    # --- charon ---

    async def agree(self, session: CharonSession) -> None:
        """Have the charon of a new session let past what is bypassed.

        Raises:
            ViciError: it was lost.
        """
        try:
            await self._rules.know_charon()
        except OSError as error:
            log.info("rules of routing cannot be read: %s", error)
        await shunts.replace(session, {owner: guard.bypass for owner, guard in self.guards.held.items()})

    # --- changes ---

    async def widen(self, changed: Changed) -> None:
        """Put ``changed`` in force beside what is; the caller holds the lock of changes.

        Raises:
            BackendError: it cannot be done; what was in force still is.
        """
        if not self._is_used or not changed:
            return
        try:
            await self._firewall.change(coming=list(changed.values()))
        except NftError as error:
            raise BackendError(f"leak protection cannot be put in force: {error} ({HINT})") from error
        try:
            await self._bypass_also(changed)
        except BaseException as error:
            await asyncio.shield(self.revert(changed))
            if isinstance(error, ViciError | OSError):
                raise BackendError(f"a bypass cannot be put in force: {error}") from error
            raise

    async def _bypass_also(self, changed: Changed) -> None:
        if self.guards.has_other_past(changed):
            await self._route([*self.guards.held.values(), *changed.values()])
        differing = self._other_bypass(changed)
        if differing and self._shared.session is not None:
            await shunts.put(
                self._shared.session, {owner: guard.bypass for owner, guard in differing.items()}
            )

    def _other_bypass(self, changed: Changed) -> Changed:
        return {o: guard for o, guard in changed.items() if guard.bypass != self.guards.of(o).bypass}

    async def settle(self, changed: Changed) -> None:
        """Take out of force what ``changed``, which is in force, came in the place of."""
        before = {owner: self.guards.of(owner) for owner in changed}
        other_past = self.guards.has_other_past(changed)
        self.guards.put(changed)
        for owner, guard in changed.items():
            if guard.covered != before[owner].covered:
                _warn_of_covered(owner, guard)
        self._tell_differing(before)
        await self._take_out(before, with_rules=other_past)

    async def revert(self, changed: Changed) -> None:
        """Take ``changed`` out of force again: what it should have come in the place of stays."""
        before = {owner: self.guards.of(owner).bypass for owner in self._other_bypass(changed)}
        await self._take_out(changed, with_rules=self.guards.has_other_past(changed))
        session = self._shared.session
        if session is None or not before:
            return
        try:
            await shunts.put(session, before)
        except ViciError as error:
            log.error("a bypass cannot be put back, so all is sent anew: %s", error)
            session.lost.set()

    async def _take_out(self, going: Changed, *, with_rules: bool) -> None:
        if not self._is_used or not going:
            return
        try:
            await self._firewall.change(going=list(going.values()))
            if with_rules:
                await self._route(self.guards.held.values())
        except (NftError, OSError) as error:
            # More is in force than should be, never less; the next look takes it out.
            self._troubled(f"what protected tunnels before cannot be taken out of force: {error}")

    # --- keeping ---

    def on_networks(self, connected: frozenset[Connected]) -> None:
        """Take the networks that this gateway is directly connected to now."""
        self._connected = connected
        self._networks_came.set()

    def look_around(self) -> None:
        """Have the next guards made with what this gateway is connected to, and who is to it, by now."""
        clients = (prefix(address) for address in self._clients())
        self.guards.around = Surroundings(self._connected, frozenset(clients))

    def wanted(self, entries: Mapping[str, Json | None], for_all: ForAll) -> Changed:
        """Return what is asked for where that is not what is in force, once ``entries`` and ``for_all`` are
        so; a change of ``for_all`` is one of every tunnel. Nothing is where nothing is protected."""
        return at_once(self._wanted_in_pieces(entries, for_all))

    async def wanted_in_turns(self, entries: Mapping[str, Json | None], for_all: ForAll) -> Changed:
        """Return what ``wanted`` returns, while the event loop goes on."""
        if len(self.concerned(entries, for_all)) <= AT_ONCE:
            return self.wanted(entries, for_all)
        return await in_turns(self._wanted_in_pieces(entries, for_all), rest_s=0)

    def _wanted_in_pieces(
        self, entries: Mapping[str, Json | None], for_all: ForAll
    ) -> Pieces[dict[str, Guard]]:
        if not self._is_used:
            return {}
        self.look_around()
        return (yield from self.guards.wanted_in_pieces(dict(self.concerned(entries, for_all)), for_all))

    def concerned(self, entries: Mapping[str, Json | None], for_all: ForAll) -> Mapping[str, Json | None]:
        """Return the entries of which something else may be asked for, once ``entries`` and ``for_all`` are
        so."""
        return entries if for_all == self.guards.for_all else {**self._shared.desired.entries, **entries}

    def _look_soon(self) -> None:
        self._look.set()

    async def _keep(self) -> None:
        self._watch.start()
        try:
            await self._look_again_and_again()
        finally:
            self._watch.stop()

    async def _look_again_and_again(self) -> None:
        while True:
            # What is heard of is seen at once; the rest is for what was not.
            pause_s = self._interval_s if self.trouble else self._interval_s * QUIET_INTERVALS
            if await is_set_within(self._look, pause_s):
                await asyncio.sleep(SETTLE_S)
            self._look.clear()
            try:
                if self.trouble:
                    async with self._shared.changing:
                        await self._put_all()
                    # What networks came meanwhile may not have been followed.
                    self._networks_came.set()
                else:
                    await self._repair()
            except (NftError, OSError) as error:
                self._troubled(str(error))
            except Exception:
                log.exception("defect while looking whether tunnels are protected")

    async def _repair(self) -> None:
        try:
            if await self._firewall.repair():
                log.warning("somebody took rules of nftables out that protect tunnels; they are in again")
        finally:
            await self._repair_rules()

    async def _repair_rules(self) -> None:
        if await self._rules.repair():
            log.warning("somebody took rules of routing out that bypass tunnels; they are in again")
        if self._shared.session is None:
            return
        of_charon = await self._rules.repair_charon()
        if of_charon is Charons.PUT_IN:
            log.warning("somebody took out charon's rule of routing, %d; it is in again", CHARON)
        elif of_charon is Charons.MISSING:
            asyncio.get_running_loop().call_later(SURE_S, self._look_soon)

    async def _follow_networks(self) -> None:
        while True:
            await self._networks_came.wait()
            self._networks_came.clear()
            try:
                async with self._shared.changing:
                    changed = await self.wanted_in_turns(self._shared.desired.entries, self.guards.for_all)
                    await self.widen(changed)
                    await self.settle(changed)
            except BackendError as error:
                self._troubled(str(error))
            except Exception:
                log.exception("defect while following the networks of this gateway")

    # --- state ---

    def _tell_differing(self, before: Changed) -> None:
        """Say which of these tunnels show another guard than ``before``, beside what is counted."""
        of = self.guards.of
        self._tell(t for t, guard in before.items() if t and self._shown(guard) != self._shown(of(t)))

    def _shown(self, guard: Guard) -> object:
        return guard.unprotected, guard.covered, bool(self.trouble and guard.drops)

    def _tell(self, tunnels: Iterable[str]) -> None:
        if paths := [f"{entry_path(tunnel)}/state" for tunnel in tunnels]:
            self._state_changed(paths)

    async def dropped(self, owner: str) -> Mapping[Way, Count]:
        """Return what was dropped of the packets of a tunnel, up to a second ago."""
        drops = self.guards.of(owner).drops
        if not drops or not self._is_used:
            return {}
        counts = await self._recent_counts()
        found: dict[Way, Count] = dict.fromkeys(Way, Count())
        for match in drops:
            found[match.way] += counts.get(ruleset.element_key(DROP, match), Count())
        return found

    async def _recent_counts(self) -> Mapping[str, Count]:
        loop = asyncio.get_running_loop()
        asked_s = loop.time()
        async with self._counting:  # one listing is for all who wait for it
            if asked_s - self._counts[0] > COUNTS_MAX_AGE_S:
                begun_s, counts = loop.time(), self._counts[1]
                try:
                    counts = await self._firewall.counts()
                except NftError as error:
                    log.info("%s", error)
                self._counts = begun_s, counts
        return self._counts[1]


def _warn_of_covered(owner: str, guard: Guard) -> None:
    for network in guard.covered:
        log.warning(
            "tunnel %s takes %s, to which this gateway is connected, or from which a client of it is: "
            "they reach each other through the tunnel only; set bypass if that is not what you want",
            owner,
            written(network),
        )
