"""Policy rules of routing, by which what goes past the tunnels is looked up in the main table.

charon's own routes, which lead into its TUN device or name the address to use, are in a table of their own
(220), which a rule of priority 220 names. Rules of ours come just before it.

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

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from translators.strongswan.translation.overlaps import Pair, Prefix, prefix, written

PRIORITIES = {(True, True): 219, (False, True): 218, (True, False): 217, (False, False): 216}
"""By whether a rule names a source and a destination."""
MAIN_TABLE = 254
CHARON = 220
"""charon's table of routes, and the priority of its rule."""
INVERTED = 2
"""The flag of a rule for what does not match (FIB_RULE_INVERT, linux/fib_rules.h)."""
PROTOCOL = 119
"""By which the kernel says whose a rule is; none of the numbers that are given to somebody."""
_FAMILY = {4: 2, 6: 10}


class RoutingRules:
    """The rules of ours; they stay when this object goes."""

    def __init__(self) -> None:
        self._one_by_one = asyncio.Lock()
        self._in_force: set[Pair] = set()
        self._of_charon: set[CharonRule] = set()
        self._missed: set[CharonRule] = set()

    async def replace(self, past: Iterable[Pair]) -> None:
        """Have exactly one rule for each of ``past``: pairs of a source and a destination.

        Raises:
            OSError: the kernel refused.
        """
        async with self._one_by_one:
            wanted = set(past)
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


async def _have(wanted: set[Pair]) -> bool:
    """Have exactly ``wanted``; return whether something of it was not there."""
    async with AsyncIPRoute() as kernel:
        there = await _rules(kernel)
        for pair in wanted - there:
            await _change(kernel, "add", _rule(pair), already=errno.EEXIST)
        for pair in there - wanted:
            await _change(kernel, "del", _rule(pair), already=errno.ENOENT)
    return not wanted <= there


async def _change(kernel: AsyncIPRoute, command: str, rule: Mapping[str, object], *, already: int) -> None:
    try:
        await kernel.rule(command, **rule)
    except NetlinkError as error:
        if error.code != already:
            raise OSError(error.code, f"a rule of routing: {error}") from error


async def _rules(kernel: AsyncIPRoute) -> set[Pair]:
    found: set[Pair] = set()
    for version, family in _FAMILY.items():
        async for message in await kernel.rule("dump", family=family):
            pair = _side(message, version, "src"), _side(message, version, "dst")
            is_ours = message.get_attr("FRA_PROTOCOL") == PROTOCOL
            if is_ours and message.get_attr("FRA_PRIORITY") == _priority(pair):
                found.add(pair)
    return found


def _side(message: object, version: int, side: str) -> Prefix:
    address = message.get_attr(f"FRA_{side.upper()}")  # type: ignore[attr-defined]
    length = message[f"{side}_len"]  # type: ignore[index]
    return prefix(f"{address}/{length}") if address is not None else (version, 0, 0)


def _priority(pair: Pair) -> int:
    source, destination = pair
    return PRIORITIES[source[2] > 0, destination[2] > 0]


def _rule(pair: Pair) -> dict[str, object]:
    found: dict[str, object] = {
        "family": _FAMILY[pair[0][0]],
        "priority": _priority(pair),
        "table": MAIN_TABLE,
        "protocol": PROTOCOL,
    }
    # The kernel takes no rule for a prefix of length 0: it is one that names no prefix.
    return found | {side: written(one) for side, one in zip(("src", "dst"), pair, strict=True) if one[2]}
