"""Rules of routing for what is bypassed, in a network namespace."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from tests.lab import Namespace
from translators.strongswan.protection.rules import Charons, RoutingRules
from translators.strongswan.translation.guards import Untaken
from translators.strongswan.translation.overlaps import Pair, prefix

PAIRS = {
    ("10.1.0.0/16", "192.0.2.0/24"): "from 10.1.0.0/16 to 192.0.2.0/24 lookup main",
    ("192.0.2.1/32", "192.0.2.2/32"): "from 192.0.2.1 to 192.0.2.2 lookup main",
    ("0.0.0.0/0", "192.0.2.0/24"): "from all to 192.0.2.0/24 lookup main",
    ("10.1.0.0/16", "0.0.0.0/0"): "from 10.1.0.0/16 lookup main",
    ("0.0.0.0/0", "0.0.0.0/0"): "from all lookup main",
    ("2001:db8:1::/48", "2001:db8:2::/48"): "from 2001:db8:1::/48 to 2001:db8:2::/48 lookup main",
    ("::/0", "2001:db8::1/128"): "from all to 2001:db8::1 lookup main",
    ("::/0", "::/0"): "from all lookup main",
}

OURS = tuple(map(str, range(206, 220)))
UNTAKEN = Untaken(
    networks=frozenset(map(prefix, ("192.0.2.0/24", "0.0.0.0/0", "2001:db8:2::/48"))),
    taken=frozenset(
        (prefix(local), prefix(remote))
        for local, remote in (
            ("10.1.0.0/16", "192.0.2.128/25"),
            ("10.1.0.0/16", "0.0.0.0/0"),
            ("0.0.0.0/0", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8:1::/48", "::/0"),
        )
    ),
)
IN_ORDER = {
    "-4": [
        "210: from all goto 220",
        "211: from 10.1.0.0/16 goto 220",
        "212: from all to 192.0.2.0/24 goto 220",
        "213: from 10.1.0.0/16 to 192.0.2.128/25 goto 220",
        "214: from all lookup main",
        "215: from all to 192.0.2.0/24 lookup main",
    ],
    "-6": ["211: from 2001:db8:1::/48 goto 220", "215: from all to 2001:db8:2::/48 lookup main"],
}


def pair(local: str, network: str) -> Pair:
    return prefix(local), prefix(network)


def ours() -> list[str]:
    """Return the rules of our priorities in the namespace of the calling thread."""
    found = []
    for family in ("-4", "-6"):
        shown = subprocess.run(["ip", family, "rule"], capture_output=True, text=True, check=True).stdout
        found += [line.partition("\t")[2] for line in shown.splitlines() if line.split(":")[0] in OURS]
    return sorted(line.partition(" proto")[0] for line in found)


@pytest.mark.real
def test_exactly_the_rules_that_are_wanted_are_there(namespace: Namespace) -> None:
    async def test() -> None:
        rules = RoutingRules()
        await rules.replace(pair(*one) for one in PAIRS)
        assert ours() == sorted(PAIRS.values())
        # The next agent finds them, and each of them again.
        await RoutingRules().replace(pair(*one) for one in PAIRS)
        assert ours() == sorted(PAIRS.values())
        for one in PAIRS:
            await rules.replace([pair(*one)])
            assert ours() == [PAIRS[one]]
        await rules.replace([])
        assert ours() == []

    namespace.call(lambda: asyncio.run(test()))


@pytest.mark.real
@pytest.mark.parametrize("first", PAIRS)
def test_a_rule_that_names_less_is_another_one(namespace: Namespace, first: tuple[str, str]) -> None:
    """The kernel takes it for the same: it would refuse to add it, and delete the other in its place."""

    async def test() -> None:
        rules = RoutingRules()
        await rules.replace([pair(*first)])
        await rules.replace(pair(*one) for one in PAIRS)
        assert ours() == sorted(PAIRS.values())
        await rules.replace(pair(*one) for one in PAIRS if one != first)
        assert ours() == sorted(words for one, words in PAIRS.items() if one != first)

    namespace.call(lambda: asyncio.run(test()))


def before_charon(family: str) -> list[str]:
    """Return the rules before that of charon, each with its priority."""
    done = subprocess.run(["ip", family, "rule"], capture_output=True, text=True, check=True)
    lines = [line.replace("\t", " ") for line in done.stdout.splitlines() if line.split(":")[0] in OURS]
    # While there is no rule of charon's, the kernel says so of those that lead on to it.
    return [line.partition(" proto")[0].replace(" [unresolved]", "") for line in lines]


@pytest.mark.real
def test_what_a_tunnel_takes_is_led_on_before_the_rest_goes_past(namespace: Namespace) -> None:
    async def test() -> None:
        rules = RoutingRules()
        await rules.replace([], UNTAKEN)
        assert {family: before_charon(family) for family in IN_ORDER} == IN_ORDER
        await RoutingRules().replace([], UNTAKEN)
        assert {family: before_charon(family) for family in IN_ORDER} == IN_ORDER
        for family in IN_ORDER:
            await asyncio.to_thread(subprocess.run, ["ip", family, "rule", "flush"], check=True)
        assert await rules.repair()
        assert {family: before_charon(family) for family in IN_ORDER} == IN_ORDER
        # What goes past in any case comes first.
        await rules.replace([pair("10.1.0.0/16", "192.0.2.0/24")], UNTAKEN)
        past = "209: from 10.1.0.0/16 to 192.0.2.0/24 lookup main"
        assert before_charon("-4") == [past, *IN_ORDER["-4"]]
        await rules.replace([])
        assert ours() == []

    namespace.call(lambda: asyncio.run(test()))


@pytest.mark.real
def test_rules_at_the_priorities_of_an_earlier_version_go(namespace: Namespace) -> None:
    earlier = {
        "216": "",
        "217": "from 10.1.0.0/16",
        "218": "to 192.0.2.0/24",
        "219": "from 10.1.0.0/16 to 192.0.2.0/24",
    }
    for priority, words in earlier.items():
        namespace.ip("rule", "add", *words.split(), "priority", priority, "protocol", "119", "lookup", "main")

    async def test() -> None:
        wanted = Untaken(frozenset({prefix("192.0.2.0/24")}), taken=frozenset({pair(*next(iter(PAIRS)))}))
        await RoutingRules().replace([pair(*next(iter(PAIRS)))], wanted)
        assert before_charon("-4") == [
            "209: from 10.1.0.0/16 to 192.0.2.0/24 lookup main",
            "213: from 10.1.0.0/16 to 192.0.2.0/24 goto 220",
            "215: from all to 192.0.2.0/24 lookup main",
        ]

    namespace.call(lambda: asyncio.run(test()))


@pytest.mark.real
def test_rules_of_others_are_left_alone_and_not_taken_for_ours(namespace: Namespace) -> None:
    wanted = ("10.1.0.0/16", "192.0.2.0/24")
    others = [
        "from 10.1.0.0/16 to 192.0.2.0/24 lookup 220",
        "from 10.9.0.0/16 lookup main",
    ]
    for other in others:
        namespace.ip("rule", "add", "priority", "209", *other.split())
        namespace.ip("rule", "add", "priority", "207", *other.split())
    others += others

    async def test() -> None:
        rules = RoutingRules()
        await rules.replace([pair(*wanted)])
        assert ours() == sorted([*others, PAIRS[wanted]])
        await rules.replace([])
        assert ours() == sorted(others)

    namespace.call(lambda: asyncio.run(test()))


@pytest.mark.real
def test_what_the_kernel_refuses_is_an_os_error(namespace: Namespace) -> None:
    async def test() -> None:
        with pytest.raises(OSError, match="a rule of routing"):
            await RoutingRules().replace([((4, 0, 40), prefix("10.0.0.0/8"))])

    namespace.call(lambda: asyncio.run(test()))


@pytest.mark.real
def test_what_somebody_else_took_out_is_put_in_again(namespace: Namespace) -> None:
    async def test() -> None:
        rules = RoutingRules()
        assert not await rules.repair()
        await rules.replace(pair(*one) for one in PAIRS)
        assert not await rules.repair()
        for family in ("-4", "-6"):
            await asyncio.to_thread(subprocess.run, ["ip", family, "rule", "flush"], check=True)
        assert ours() == []
        assert await rules.repair()
        assert ours() == sorted(PAIRS.values())

    namespace.call(lambda: asyncio.run(test()))


@pytest.mark.real
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("", "from all lookup 220"),
        ("not fwmark 0x42", "not from all fwmark 0x42 lookup 220"),
        ("fwmark 0x40/0xc0", "from all fwmark 0x40/0xc0 lookup 220"),
    ],
)
@pytest.mark.parametrize("family", ["-4", "-6"])
def test_a_rule_of_charon_is_put_in_again_when_it_was_missing_twice(
    namespace: Namespace, family: str, words: str, shown: str
) -> None:
    def there() -> list[str]:
        found = subprocess.run(["ip", family, "rule"], capture_output=True, text=True, check=True).stdout
        return [line.split("\t")[1].strip() for line in found.splitlines() if line.startswith("220:")]

    async def test() -> None:
        rules = RoutingRules()
        await rules.know_charon()
        assert await rules.repair_charon() is Charons.THERE, "there was none"
        namespace.ip(family, "rule", "add", *words.split(), "priority", "220", "lookup", "220")
        assert await rules.repair_charon() is Charons.THERE
        await rules.know_charon()
        namespace.ip(family, "rule", "del", "priority", "220")
        assert await rules.repair_charon() is Charons.MISSING
        assert there() == [], "charon may be ending"
        assert await rules.repair_charon() is Charons.PUT_IN
        assert there() == [shown]
        assert await rules.repair_charon() is Charons.THERE

    namespace.call(lambda: asyncio.run(test()))
