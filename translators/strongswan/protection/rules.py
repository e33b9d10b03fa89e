"""Policy rules of routing, by which what goes past the tunnels is looked up in the main table.

charon's own routes, which lead into its TUN device or name the address to use, are in a table of their own
(220), which a rule of priority 220 names. Rules of ours come just before it: first those for what goes past
the tunnels in any case; then those that lead on to charon's rule what a tunnel takes; and then those for
networks that are bypassed, whatever the source is, since charon's routes go by the destination alone.

To the kernel a rule that names no source is the same as one that names any, when it looks whether a rule is
there already and which one to delete; so is one that names no destination. So rules that name both, one or
neither have priorities of their own.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from translators.strongswan.translation.guards import EVERYTHING, Untaken
from translators.strongswan.translation.prefixes import Pair, Prefix, prefix, written


class Kind(Enum):
    """What a rule of ours is for; those of one kind come before those of the next."""

    PAST = "past"
    TAKEN = "taken"
    UNTAKEN = "untaken"


PRIORITIES = {
    Kind.PAST: {(True, True): 209, (False, True): 208, (True, False): 207, (False, False): 206},
    Kind.TAKEN: {(True, True): 213, (False, True): 212, (True, False): 211, (False, False): 210},
    Kind.UNTAKEN: {(False, True): 215, (False, False): 214},
}
"""By whether a rule names a source and a destination. Those from 216 on were an earlier version's; its rules
are found and taken out."""
MAIN_TABLE = 254
CHARON = 220
"""charon's table of routes, and the priority of its rule."""
FR_ACT_GOTO = 2
"""The action of a rule that leads on to another (linux/fib_rules.h)."""
INVERTED = 2
"""The flag of a rule for what does not match (FIB_RULE_INVERT, linux/fib_rules.h)."""
PROTOCOL = 119
"""By which the kernel says whose a rule is; none of the numbers that are given to somebody."""
NOTHING = Untaken()
_FAMILY = {4: 2, 6: 10}


class Rule(NamedTuple):
    """One of ours: the priority, the pair of a source and a destination, and whether it leads on to that of
    charon instead of to the main table."""

    priority: int
    pair: Pair
    leads_on: bool

    @classmethod
    def of(cls, kind: Kind, pair: Pair) -> Rule:
        """Return the rule of ``kind`` for what goes from the one to the other."""
        source, destination = pair
        priority = PRIORITIES[kind][source[2] > 0, destination[2] > 0]
        return cls(priority, pair, leads_on=kind is Kind.TAKEN)

    @property
    def words(self) -> dict[str, object]:
        """What pyroute2 calls it."""
        found: dict[str, object] = {
            "family": _FAMILY[self.pair[0][0]],
            "priority": self.priority,
            "protocol": PROTOCOL,
        }
        # Where charon has no rule there are no routes of tunnels either: the kernel goes on to the next.
        found |= {"action": FR_ACT_GOTO, "goto": CHARON} if self.leads_on else {"table": MAIN_TABLE}
        # The kernel takes no rule for a prefix of length 0: it is one that names no prefix.
        sides = zip(("src", "dst"), self.pair, strict=True)
        return found | {side: written(one) for side, one in sides if one[2]}


class RoutingRules:
    """The rules of ours; they stay when this object goes."""

    def __init__(self) -> None:
        self._one_by_one = asyncio.Lock()
        self._in_force: set[Rule] = set()
        self._of_charon: set[CharonRule] = set()
        self._missed: set[CharonRule] = set()

    async def replace(self, past: Iterable[Pair], untaken: Untaken = NOTHING) -> None:
        """Have exactly one rule for each of ``past``, pairs of a source and a destination, and those that
        ``untaken`` takes.

        Raises:
            OSError: the kernel refused.
        """
        async with self._one_by_one:
            wanted = {Rule.of(Kind.PAST, pair) for pair in past}
            wanted |= {Rule.of(Kind.TAKEN, pair) for pair in untaken.taken}
            everywhere = ((EVERYTHING[network[0]], network) for network in untaken.networks)
            wanted |= {Rule.of(Kind.UNTAKEN, pair) for pair in everywhere}
            await _have(wanted)
            self._in_force = wanted

    async def repair(self) -> bool:
        """Put in force again what should be; return whether something of it was not.

        Raises:
            OSError: the kernel refused.
        """
        async with self._one_by_one:
            return await _have(self._in_force)

    async def know_charon(self) -> None:
        """Take the rules of a charon that is there anew: for each address family one, or none, each with the
        mark that it looks at.

        Raises:
            OSError: the kernel refused.
        """
        async with self._one_by_one:
            self._of_charon, self._missed = await _of_charon(), set()

    async def repair_charon(self) -> Charons:
        """Put rules in again that ``know_charon`` found, and that were missing at the last call too.

        Without them no packet finds its way into a tunnel. Missing once may be that charon takes them out,
        because it ends.

        Raises:
            OSError: the kernel refused.
        """
        async with self._one_by_one:
            missing = self._of_charon - await _of_charon() if self._of_charon else set()
            again, self._missed = missing & self._missed, missing - self._missed
            if again:
                await _put_in_of_charon(again)
            return Charons.PUT_IN if again else Charons.MISSING if missing else Charons.THERE


class Charons(Enum):
    """What became of the rules of charon."""

    THERE = "there"
    MISSING = "missing"
    PUT_IN = "put in"


@dataclass(frozen=True, slots=True)
class CharonRule:
    """A rule of charon: what has the mark, as far as ``mask`` says, or (``inverted``) what has not; 0 and 0
    for all packets."""

    version: int
    mark: int = 0
    mask: int = 0
    inverted: bool = False

    @property
    def words(self) -> dict[str, object]:
        """What pyroute2 calls it."""
        found: dict[str, object] = {"family": _FAMILY[self.version], "priority": CHARON, "table": CHARON}
        if self.mask:
            found |= {"fwmark": self.mark, "fwmask": self.mask}
        return found | {"flags": INVERTED if self.inverted else 0}


async def _of_charon() -> set[CharonRule]:
    async with AsyncIPRoute() as kernel:
        return {
            CharonRule(
                version,
                mark=message.get_attr("FRA_FWMARK") or 0,
                mask=message.get_attr("FRA_FWMASK") or 0,
                inverted=bool(message["flags"] & INVERTED),
            )
            for version, family in _FAMILY.items()
            async for message in await kernel.rule("dump", family=family)
            if (message.get_attr("FRA_PRIORITY"), message.get_attr("FRA_TABLE")) == (CHARON, CHARON)
        }


async def _put_in_of_charon(rules: Iterable[CharonRule]) -> None:
    async with AsyncIPRoute() as kernel:
        for rule in rules:
            await _change(kernel, "add", rule.words, already=errno.EEXIST)


async def _have(wanted: set[Rule]) -> bool:
    """Have exactly ``wanted``; return whether something of it was not there."""
    async with AsyncIPRoute() as kernel:
        there = await _rules(kernel)
        # In the order in which they are looked at, and out the other way: nothing slips past one for less.
        for rule in sorted(wanted - there):
            await _change(kernel, "add", rule.words, already=errno.EEXIST)
        for rule in sorted(there - wanted, reverse=True):
            await _change(kernel, "del", rule.words, already=errno.ENOENT)
    return not wanted <= there


async def _change(kernel: AsyncIPRoute, command: str, rule: Mapping[str, object], *, already: int) -> None:
    try:
        await kernel.rule(command, **rule)
    except NetlinkError as error:
        if error.code != already:
            raise OSError(error.code, f"a rule of routing: {error}") from error


async def _rules(kernel: AsyncIPRoute) -> set[Rule]:
    found: set[Rule] = set()
    for version, family in _FAMILY.items():
        async for message in await kernel.rule("dump", family=family):
            if message.get_attr("FRA_PROTOCOL") == PROTOCOL:
                pair = _side(message, version, "src"), _side(message, version, "dst")
                leads_on = message["action"] == FR_ACT_GOTO
                found.add(Rule(message.get_attr("FRA_PRIORITY"), pair, leads_on=leads_on))
    return found


def _side(message: object, version: int, side: str) -> Prefix:
    address = message.get_attr(f"FRA_{side.upper()}")  # type: ignore[attr-defined]
    length = message[f"{side}_len"]  # type: ignore[index]
    return prefix(f"{address}/{length}") if address is not None else (version, 0, 0)
