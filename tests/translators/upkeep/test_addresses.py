"""The addresses of a network namespace, as they come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from secrets import token_hex

import pytest

from tests.lab import Namespace
from tests.translators.upkeep.test_supervisor import until
from translators.strongswan.translation.guards import Connected
from translators.strongswan.translation.overlaps import prefix
from translators.strongswan.upkeep import addresses
from translators.strongswan.upkeep.addresses import AddressWatch, way_to


@pytest.fixture
def namespace(tmp_path: Path) -> Iterator[Namespace]:
    made = Namespace(f"ys-{token_hex(3)}-addr")
    yield made
    made.close()


@pytest.mark.real
def test_addresses_that_come_and_go_are_seen(namespace: Namespace) -> None:
    came: list[frozenset[str]] = []

    async def watch() -> None:
        watch = AddressWatch(came.append)
        assert not watch.missing("192.0.2.7"), "nothing is known to be missing before one has looked"
        await watch.start()
        assert watch.missing("192.0.2.7")
        for _ in range(2):
            namespace.ip("address", "add", "192.0.2.7/24", "dev", "lo")
            await until(lambda: not watch.missing("192.0.2.7"))
            namespace.ip("address", "delete", "192.0.2.7/24", "dev", "lo")
            await until(lambda: watch.missing("192.0.2.7"))
        namespace.ip("link", "set", "lo", "up")
        namespace.ip("address", "add", "2001:db8::7/64", "dev", "lo")
        await until(lambda: not watch.missing("2001:db8::7"))
        assert watch.missing("192.0.2.7")
        await watch.stop()
        await watch.stop()
        assert watch.present is None

    namespace.call(lambda: asyncio.run(watch()))
    assert came[:2] == [frozenset({"192.0.2.7"})] * 2
    assert "2001:db8::7" in frozenset().union(*came)


def connected(*written: str) -> frozenset[Connected]:
    """Return the networks of our addresses in them, each written with the length of its network."""
    return frozenset(Connected(prefix(one), prefix(one.partition("/")[0])) for one in written)


@pytest.mark.real
def test_networks_are_connected_as_long_as_an_address_and_its_interface_are(namespace: Namespace) -> None:
    told: list[frozenset[Connected]] = []

    async def watch() -> None:
        watch = AddressWatch(lambda _came: None, told.append)
        await watch.start()
        assert told == [frozenset()], "loopback leads to no network, nor does what is down"
        namespace.ip("link", "set", "near", "up")
        await until(lambda: told[-1] == connected("192.0.2.7/24"))
        namespace.ip("address", "add", "2001:db8::7/64", "dev", "near", "nodad")
        await until(lambda: told[-1] == connected("192.0.2.7/24", "2001:db8::7/64"))
        # Two addresses in one network; behind the other interface a host alone.
        namespace.ip("address", "add", "192.0.2.8/24", "dev", "near")
        namespace.ip("address", "add", "198.51.100.7/32", "dev", "near")
        both = connected("192.0.2.7/24", "192.0.2.8/24", "2001:db8::7/64")
        await until(lambda: told[-1] == both)
        # No network is behind these.
        namespace.ip("tuntap", "add", "ipsec0", "mode", "tun")
        namespace.ip("address", "add", "203.0.113.7/24", "dev", "ipsec0")
        namespace.ip("link", "set", "ipsec0", "up")
        await until(lambda: not watch.missing("203.0.113.7"))
        assert told[-1] == both
        namespace.ip("address", "delete", "192.0.2.7/24", "dev", "near")
        await until(lambda: connected("192.0.2.7/24").isdisjoint(told[-1]))
        # Addresses of IPv4 stay with an interface that goes down; their routes do not.
        namespace.ip("link", "set", "near", "down")
        await until(lambda: told[-1] == frozenset())
        await watch.stop()

    namespace.ip("link", "set", "lo", "up")
    namespace.ip("address", "add", "10.9.0.1/16", "dev", "lo")
    namespace.ip("link", "add", "near", "type", "veth", "peer", "name", "cable")
    namespace.ip("link", "set", "cable", "up")
    namespace.ip("address", "add", "192.0.2.7/24", "dev", "near")
    namespace.call(lambda: asyncio.run(watch()))
    assert [one for one, following in pairwise(told) if one == following] == [], "told without a change"


async def test_where_they_cannot_be_watched_nothing_is_called_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries = []

    class Refused:
        async def __aenter__(self) -> None:
            tries.append(1)
            raise OSError(1, "not permitted")

        async def __aexit__(self, *_about: object) -> None:
            """Never entered."""

    monkeypatch.setattr(addresses, "AsyncIPRoute", Refused)
    monkeypatch.setattr(addresses, "RETRY_S", 0.001)
    watch = AddressWatch(lambda _came: None)
    await watch.start()
    assert not watch.missing("192.0.2.7")
    await until(lambda: len(tries) > 2)
    assert "not permitted" in caplog.text
    await watch.stop()


@pytest.mark.real
def test_which_way_packets_go_depends_on_their_source_too(namespace: Namespace) -> None:
    for name, one, gateway in (("va", "10.8.0.1", "10.8.0.2"), ("vb", "192.168.0.1", "192.168.0.2")):
        namespace.ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-end")
        namespace.ip("address", "add", f"{one}/24", "dev", name)
        namespace.ip("address", "add", f"2001:db8:{name[1]}::1/64", "dev", name, "nodad")
        for end in (name, f"{name}-end"):
            namespace.ip("link", "set", end, "up")
        namespace.ip("route", "add", "10.5.0.0/16", "via", gateway, "table", "7" if name == "vb" else "main")
    namespace.ip("rule", "add", "from", "192.168.0.1", "lookup", "7")

    async def ways() -> list[object]:
        found = [await way_to("10.5.0.9"), await way_to("10.5.0.9", "192.168.0.1"), await way_to("10.8.0.9")]
        return [*found, await way_to("2001:db8:b::9", "2001:db8:b::1"), await way_to("203.0.113.1")]

    first, second, next_door, six, nowhere = namespace.call(lambda: asyncio.run(ways()))
    assert isinstance(first, tuple)
    assert isinstance(second, tuple)
    assert (first[1], second[1]) == ("10.8.0.2", "192.168.0.2")
    assert first[0] != second[0]
    assert next_door == (first[0], None)
    assert six == (second[0], None)
    assert nowhere is None
