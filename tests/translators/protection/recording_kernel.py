"""A kernel and a session with charon that remember what they were asked for, and may refuse it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping

from translators.strongswan.charon.vici import ViciError
from translators.strongswan.protection.nft import NftError
from translators.strongswan.protection.rules import Charons
from translators.strongswan.protection.ruleset import Count
from translators.strongswan.translation.guards import NO_GUARD, Guard, Untaken
from translators.strongswan.translation.overlaps import Pair


class Kernel:
    """What is in force, of nftables and of routing, and what was done in which order. ``refuses`` holds the
    words of what is refused."""

    def __init__(self) -> None:
        self.guards: list[Guard] = []
        self.rules: set[Pair] = set()
        self.untaken = Untaken()
        self.rules_whole = True
        self.of_charon: list[Charons] = []
        self.shunts: dict[str, frozenset[Pair]] = {}
        self.done: list[str] = []
        self.refuses: set[str] = set()
        self.whole = True
        self.counted: Mapping[str, Count] = {}
        self.counting = asyncio.Event()
        """Until it is set nobody is told what was counted."""
        self.counting.set()

    def _do(self, words: str, error: Exception) -> None:
        if words in self.refuses:
            raise error
        self.done.append(words)

    # --- as Firewall ---

    @property
    def is_there(self) -> bool:
        return bool(self.guards)

    async def replace(self, guards: Collection[Guard]) -> None:
        self._do("all", NftError("nft refused"))
        self.guards = list(guards)

    async def change(self, *, going: Collection[Guard] = (), coming: Collection[Guard] = ()) -> None:
        self._do("coming" if coming else "going", NftError("nft refused"))
        self.guards += [guard for guard in coming if guard != NO_GUARD]
        for guard in going:
            if guard != NO_GUARD:
                self.guards.remove(guard)

    async def repair(self) -> bool:
        self._do("look", NftError("nft refused"))
        was_whole, self.whole = self.whole, True
        return not was_whole

    async def counts(self) -> Mapping[str, Count]:
        self._do("counts", NftError("nft refused"))
        await self.counting.wait()
        return self.counted

    # --- as shunts.put ---

    async def put(self, _session: object, changed: Mapping[str, frozenset[Pair]]) -> None:
        self._do("shunts", ViciError("load-conn", "refused"))
        self.shunts |= changed


class Rules:
    """As RoutingRules."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    async def replace(self, bypass: Iterable[Pair], untaken: Untaken) -> None:
        self._kernel._do("rules", OSError(1, "not permitted"))
        self._kernel.rules = set(bypass)
        self._kernel.untaken = untaken

    async def repair(self) -> bool:
        self._kernel._do("rules looked at", OSError(1, "not permitted"))
        return not self._kernel.rules_whole

    async def know_charon(self) -> None:
        self._kernel._do("rule of charon known", OSError(1, "not permitted"))

    async def repair_charon(self) -> Charons:
        return self._kernel.of_charon.pop() if self._kernel.of_charon else Charons.THERE


class Session:
    """As CharonSession."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()


class Silent:
    """As RulesWatch, and hears nothing."""

    def __init__(self, _changed: object) -> None:
        """Nothing is kept."""

    def start(self) -> None:
        """Nothing to listen to."""

    def stop(self) -> None:
        """Nothing to end."""
