"""What is in force in the kernel: drops and passes, counted by how many ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from translators.strongswan.protection import nft, ruleset
from translators.strongswan.protection.nft import NftError
from translators.strongswan.protection.ruleset import DROP, PASS, Combination, Count
from translators.strongswan.translation.guards import Guard, Match, drops_of, passes_of

Asked = Mapping[str, dict[Match, int]]
"""By verdict: how many guards ask for a match."""


def _asked(guards: Collection[Guard]) -> Asked:
    return {DROP: drops_of(guards), PASS: passes_of(guards)}


class Firewall:
    """The table of ruleset. It stays in force when this object goes; the next one takes its counters over.
    ``is_there``: whether there is one, as far as is known.

    Each call is carried out whole or not at all, and one after the other. All raise NftError.
    """

    def __init__(self) -> None:
        self._in_force: Asked = _asked(())
        self._sets: set[Combination] = set()
        self.is_there = False
        self._seen = False  # whether there is a table that another left was looked at
        self._one_by_one = asyncio.Lock()

    async def replace(self, guards: Collection[Guard]) -> None:
        """Have exactly ``guards`` in force, whatever is; what was counted before goes on."""
        async with self._one_by_one:
            await self._replace(_asked(guards))

    async def _replace(self, wanted: Asked) -> None:
        if not any(wanted.values()):
            await self._withdraw()
            return
        counts = await self.counts()
        sets: set[Combination] = set()
        lines = ruleset.skeleton()
        for verdict, matches in wanted.items():
            lines += ruleset.additions(verdict, matches, sets, counts)
        await nft.apply(lines)
        self._in_force, self._sets, self.is_there = wanted, sets, True

    async def _withdraw(self) -> None:
        """Take the table out, if there is one: a gateway that asks for nothing needs no nft."""
        if not self.is_there and (nft.program() is None or self._seen):
            return
        self._seen = True
        if await nft.listing(ruleset.TABLE) is not None:
            await nft.apply([f"delete table {ruleset.TABLE}"])
        self._in_force, self._sets, self.is_there = _asked(()), set(), False

    async def change(self, *, going: Collection[Guard] = (), coming: Collection[Guard] = ()) -> None:
        """Put ``coming`` in force and take ``going``, which are, out of force, both at once."""
        async with self._one_by_one:
            gone, come = _asked(going), _asked(coming)
            moved = {v: _moved(self._in_force[v], gone[v], come[v]) for v in (DROP, PASS)}
            await self._apply(moved)
            for verdict, counts in moved.items():
                _move(self._in_force[verdict], counts)
            if not any(self._in_force.values()):
                await self._withdraw()

    async def _apply(self, moved: Asked) -> None:
        """Have those in force of which ``moved`` says that somebody asks for them, and the others not."""
        sets = set(self._sets) if self.is_there else set()
        come, gone = [], []
        for verdict, counts in moved.items():
            known = self._in_force[verdict]
            come += ruleset.additions(verdict, [m for m, n in counts.items() if n and m not in known], sets)
            gone += ruleset.removals(verdict, [m for m, n in counts.items() if not n and m in known])
        if not come and not gone:
            return
        try:
            await nft.apply([*([] if self.is_there else ruleset.skeleton()), *come, *gone])
        except NftError:
            # Somebody may have taken out what this builds on.
            if not self.is_there:
                raise
            after = {verdict: dict(known) for verdict, known in self._in_force.items()}
            for verdict, counts in moved.items():
                _move(after[verdict], counts)
            await self._replace(after)
        else:
            self._sets, self.is_there = sets, True

    async def repair(self) -> bool:
        """Put in force again what should be; return whether something of it was not."""
        async with self._one_by_one:
            if await self._is_whole():
                return False
            await self._replace(self._in_force)
            return True

    async def _is_whole(self) -> bool:
        if not self.is_there:
            return True
        listing = await nft.listing(ruleset.TABLE)
        return listing is not None and await asyncio.to_thread(self._is_as_it_should, listing)

    def _is_as_it_should(self, listing: Mapping[str, object]) -> bool:
        wanted = {
            ruleset.element_key(verdict, match)
            for verdict, matches in self._in_force.items()
            for match in matches
        }
        return ruleset.is_whole(listing, self._sets) and ruleset.elements(listing).keys() == wanted

    async def counts(self) -> Mapping[str, Count]:
        """Return what was dropped, by ``ruleset.element_key``; nothing if there is no table."""
        listing = await nft.listing(ruleset.TABLE)
        return {} if listing is None else await asyncio.to_thread(ruleset.counts, listing)


def _moved(
    before: Mapping[Match, int], gone: Mapping[Match, int], come: Mapping[Match, int]
) -> dict[Match, int]:
    """Return how many ask, from now on, for each match that goes or comes."""
    # Less than nothing: it never came into force, because nft refused.
    return {
        match: max(before.get(match, 0) + come.get(match, 0) - gone.get(match, 0), 0)
        for match in {**gone, **come}
    }


def _move(asked: dict[Match, int], moved: Mapping[Match, int]) -> None:
    for match, count in moved.items():
        if count:
            asked[match] = count
        else:
            asked.pop(match, None)
