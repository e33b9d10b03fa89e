"""What is in force in the kernel of a network namespace, and what it does to packets."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.lab import Namespace
from tests.translators.protection.kernel_rules import (
    FAR,
    FAR6,
    NEAR,
    NEAR6,
    OUT,
    OUT6,
    SIZE,
    disturb,
    guard,
    in_force,
    keys,
    passes,
    within,
)
from tests.translators.protection.test_ruleset import DROPS, PASSES, match
from tests.translators.upkeep.test_supervisor import until
from translators.strongswan.protection import nft, ruleset
from translators.strongswan.protection.firewall import Firewall
from translators.strongswan.protection.nft import NftError
from translators.strongswan.protection.ruleset import DROP, PASS, Count
from translators.strongswan.translation.guards import Match, Way

# --- what nft takes ---


@pytest.mark.real
def test_nft_takes_all_that_can_be_asked_for_and_gives_it_back(namespace: Namespace) -> None:
    async def test() -> None:
        everything = guard(*DROPS, bypass=[("10.1.0.0/16", "10.2.7.0/24"), ("::/0", "::/0")])
        firewall = Firewall()
        await firewall.replace([everything])
        assert await in_force() == keys(*DROPS, passes=everything.passes)
        assert not await firewall.repair()
        # One by one: each is an element of the right type for its set.
        for one in DROPS:
            await firewall.change(coming=[guard(one)])
        await firewall.change(going=[everything])
        assert await in_force() == keys(*DROPS)
        await firewall.change(going=[guard(one) for one in DROPS[1:]])
        assert await in_force() == keys(DROPS[0])
        assert not await firewall.repair()
        for one in PASSES:
            there = {ruleset.combination(DROP, DROPS[0])}
            await nft.apply(ruleset.additions(PASS, [one], there) + ruleset.removals(PASS, [one]))
        await firewall.change(going=[guard(DROPS[0])])
        assert await nft.listing(ruleset.TABLE) is None

    within(namespace, test)


@pytest.mark.real
def test_what_is_refused_leaves_all_as_it_was(namespace: Namespace) -> None:
    async def test() -> None:
        firewall = Firewall()
        await firewall.replace([guard(OUT)])
        beyond = Match(Way.OUT, (4, 1 << 31, 16), (4, 0, 0), mark=1, mask=1 << 40)
        with pytest.raises(NftError, match=r"0x10000000000|Value|too big"):
            await firewall.change(coming=[guard(OUT6), guard(beyond)])
        assert await in_force() == keys(OUT)
        await firewall.change(coming=[guard(OUT6)])
        assert await in_force() == keys(OUT, OUT6)

    within(namespace, test)


# --- what it does to packets ---


@pytest.mark.real
def test_packets_in_clear_are_dropped_and_counted(gateway: Namespace) -> None:
    async def test() -> None:
        firewall = Firewall()
        await firewall.replace([guard(OUT, OUT6)])
        assert [passes(NEAR, FAR) for _ in range(3)] == [False] * 3
        assert not passes(NEAR6, FAR6)
        assert passes(NEAR, "10.3.0.1")
        assert passes(NEAR, NEAR), "loopback"
        counts = await firewall.counts()
        assert counts[ruleset.element_key(DROP, OUT)] == Count(3, 3 * SIZE)
        assert counts[ruleset.element_key(DROP, OUT6)] == Count(1, SIZE + 20)

    within(gateway, test)


@pytest.mark.real
@pytest.mark.parametrize("port", [500, 4500])
def test_the_gateway_itself_may_negotiate(gateway: Namespace, port: int) -> None:
    async def test() -> None:
        await Firewall().replace([guard(OUT)])
        assert passes(NEAR, FAR, own_port=port)
        assert not passes(NEAR, FAR, port=port)

    within(gateway, test)


def quoted(protocol: int, version: int) -> bytes:
    """Return the head of a packet of ``protocol``, as an error of ICMP quotes it."""
    if version == 4:
        return struct.pack("!BxHxxxxBBxx4s4s", 0x45, 28, 64, protocol, b"\n\1\0\1", b"\n\2\0\1") + bytes(8)
    return struct.pack("!IHBB16s16s", 6 << 28, 8, protocol, 64, bytes(16), bytes(16)) + bytes(8)


@pytest.mark.real
@pytest.mark.parametrize(
    ("protocol", "arrives"),
    [(50, True), (17, True), (6, False), (1, False)],
    ids=["esp", "udp", "tcp", "icmp"],
)
@pytest.mark.parametrize("version", [4, 6])
def test_what_a_router_says_of_esp_arrives(
    gateway: Namespace, beside: Namespace, version: int, protocol: int, arrives: bool
) -> None:
    gateway.ip("link", "set", "cable", "netns", beside.name)
    beside.ip("address", "add", "10.1.0.2/16", "dev", "cable")
    beside.ip("address", "add", "2001:db8:1::2/48", "dev", "cable", "nodad")
    beside.ip("link", "set", "cable", "up")
    family, number = ((socket.AF_INET, 1), (socket.AF_INET6, 58))[version == 6]
    kind, code, target = (3, 4, NEAR) if version == 4 else (2, 0, NEAR6)
    dropped = match(Way.IN, *(("0.0.0.0/0", "0.0.0.0/0") if version == 4 else ("::/0", "::/0")))
    body = struct.pack("!BBHHH", kind, code, 0, 0, 1280) + quoted(protocol, version)

    def send() -> None:
        with socket.socket(family, socket.SOCK_RAW, number) as sender:
            sender.sendto(_checked(body) if version == 4 else body, (target, 0))

    async def test() -> None:
        firewall = Firewall()
        await firewall.replace([guard(dropped)])
        with socket.socket(family, socket.SOCK_RAW, number) as receiver:
            receiver.setblocking(False)
            beside.call(send)
            key = ruleset.element_key(DROP, dropped)

            def seen() -> bool:
                with suppress(BlockingIOError):
                    return quoted(protocol, version) in receiver.recv(2048)
                return False

            def counted() -> bool:
                table = subprocess.run(["nft", "-j", "list", "ruleset"], capture_output=True, check=True)
                return bool(ruleset.counts(json.loads(table.stdout))[key].packets)

            found = "waiting"

            def ended() -> bool:
                nonlocal found
                found = "arrived" if seen() else "dropped" if counted() else found
                return found != "waiting"

            await until(ended)
            assert found == ("arrived" if arrives else "dropped")

    within(gateway, test)


def _checked(message: bytes) -> bytes:
    """Return a message of ICMP with its checksum (RFC 1071)."""
    words = struct.unpack(f"!{len(message) // 2}H", message)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return message[:2] + struct.pack("!H", ~total & 0xFFFF) + message[4:]


@pytest.mark.real
def test_multicast_that_no_router_hands_on_passes(gateway: Namespace) -> None:
    async def test() -> None:
        everything = (match(Way.OUT, "0.0.0.0/0", "0.0.0.0/0"), match(Way.OUT, "::/0", "::/0"))
        await Firewall().replace([guard(*everything)])
        assert passes(NEAR, "224.0.0.5")
        assert not passes(NEAR, "239.0.0.5")
        assert passes(NEAR6, "ff02::5%near")
        assert not passes(NEAR6, "ff05::5")

    within(gateway, test)


@pytest.mark.real
def test_neighbours_find_each_other_where_everything_else_is_dropped(
    gateway: Namespace, beside: Namespace
) -> None:
    neighbour = "2001:db8:1::2"
    gateway.ip("link", "set", "cable", "netns", beside.name)
    beside.ip("address", "add", f"{neighbour}/48", "dev", "cable", "nodad")
    beside.ip("link", "set", "cable", "up")

    def known() -> bool:
        shown = subprocess.run(["ip", "-6", "neighbour"], capture_output=True, text=True, check=True)
        return f"{NEAR6} dev cable lladdr" in shown.stdout

    async def test() -> None:
        await Firewall().replace([guard(match(Way.OUT, "::/0", "::/0"), match(Way.IN, "::/0", "::/0"))])
        assert not passes(NEAR6, neighbour)

    async def look() -> None:
        assert passes(neighbour, NEAR6)
        await until(known)

    within(gateway, test)
    within(beside, look)


@pytest.mark.real
@pytest.mark.parametrize(
    ("mark", "mask", "sent", "leaves"),
    [
        (0x2A, 0xFF, 0x2A, False),
        (0x2A, 0xFF, 0x12A, False),
        (0x2A, 0xFF, 0, True),
        (0x2A, 0xFF, 0x2B, True),
        (0x2A, 0xFFFFFFFF, 0x2A, False),
        (0x2A, 0xFFFFFFFF, 0x12A, True),
        (0, 0xFFFFFFFF, 0, False),
        (0, 0xFFFFFFFF, 1, True),
        (0x80000000, 0x80000000, 0xC0000000, False),
    ],
)
def test_of_marked_tunnels_only_marked_packets_are_dropped(
    gateway: Namespace, mark: int, mask: int, sent: int, leaves: bool
) -> None:
    async def test() -> None:
        await Firewall().replace([guard(match(Way.OUT, "10.1.0.0/16", "10.2.0.0/16", mark=mark, mask=mask))])
        assert passes(NEAR, FAR, mark=sent) is leaves

    within(gateway, test)


@pytest.mark.real
def test_what_is_bypassed_passes_and_the_rest_of_the_network_does_not(gateway: Namespace) -> None:
    async def test() -> None:
        await Firewall().replace([guard(OUT, bypass=[("10.1.0.0/16", "10.2.7.0/24")])])
        assert passes(NEAR, "10.2.7.9")
        assert not passes(NEAR, "10.2.8.9")

    within(gateway, test)


# Counts what leaves the near network's interface after all translation of addresses.
TRANSLATION = """
table inet translation {
  chain translated { type nat hook postrouting priority srcnat; ip saddr 10.9.0.2 snat ip to 10.1.0.1; }
  chain left { type filter hook postrouting priority 300; oifname "near" udp dport 9 counter; }
}
"""


@pytest.mark.real
def test_packets_that_get_a_near_address_on_their_way_out_are_dropped_too(
    gateway: Namespace, beside: Namespace
) -> None:
    gateway.ip("link", "add", "lan", "type", "veth", "peer", "name", "host", "netns", beside.name)
    for namespace, device, address in ((gateway, "lan", "10.9.0.1/24"), (beside, "host", "10.9.0.2/24")):
        namespace.ip("address", "add", address, "dev", device)
        namespace.ip("link", "set", device, "up")
    beside.ip("route", "add", "10.0.0.0/8", "via", "10.9.0.1")

    def forward() -> None:
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        disturb(TRANSLATION)

    async def dropped() -> Count:
        return (await Firewall().counts())[ruleset.element_key(DROP, OUT)]

    async def test() -> None:
        forward()
        await Firewall().replace([guard(OUT)])

    async def send() -> None:
        assert passes("10.9.0.2", FAR)

    async def look() -> None:
        async with asyncio.timeout(30):
            while await dropped() != Count(1, SIZE):
                assert not await left()

    async def left() -> int:
        listing = await nft.listing("inet translation")
        found = json.dumps(listing).partition('"counter": {"packets": ')[2]
        return int(found.partition(",")[0])

    within(gateway, test)
    within(beside, send)
    within(gateway, look)
