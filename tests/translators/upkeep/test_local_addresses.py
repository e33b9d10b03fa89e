"""Whose state is another when an address comes or goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from secrets import token_hex
from typing import Any

import pytest

from tests.lab import Namespace
from tests.translators.tunnels import tunnel
from tests.translators.upkeep.test_supervisor import until
from translators.strongswan.translation.desired import Desired
from translators.strongswan.upkeep import addresses
from translators.strongswan.upkeep.local_addresses import LocalAddresses

STATE = "/yangswan-ipsec:tunnels/ipsec[id='{}']/state"


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    made = Namespace(f"ys-{token_hex(3)}-own")
    yield made
    made.close()


def watched(told: list[str]) -> LocalAddresses:
    """Return the addresses of three tunnels, of which one has none of its own."""
    desired = Desired()
    own = {1: "192.0.2.7", 2: "192.0.2.8", 3: None}
    desired.entries = {str(number): tunnel(number, local_address=one) for number, one in own.items()}
    return LocalAddresses(
        desired,
        ours=True,
        changed=lambda _came: None,
        networks_changed=lambda _networks: None,
        state_changed=told.extend,
    )


@pytest.mark.real
def test_the_tunnels_whose_address_comes_or_goes_and_no_others(namespace: Namespace) -> None:
    told: list[str] = []

    async def watch() -> None:
        own = watched(told)
        await own.start()
        assert (own.has_that_of("1"), told) == (False, [])
        for is_there, verb in ((True, "add"), (False, "delete")):
            namespace.ip("address", verb, "192.0.2.7/32", "dev", "lo")
            await until(lambda now=is_there: own.has_that_of("1") is now)  # type: ignore[misc]
            assert told == [STATE.format(1)]
            told.clear()
        await own.stop()

    namespace.call(lambda: asyncio.run(watch()))


class Kernel:
    """Has one address, and is lost when it is said."""

    is_there = True
    is_lost = asyncio.Event()

    async def __aenter__(self) -> Kernel:
        if not self.is_there:
            raise OSError(1, "not permitted")
        return self

    async def __aexit__(self, *_about: object) -> None:
        """Nothing is kept."""

    async def bind(self, _groups: int) -> None:
        """Nothing is told of changes."""

    async def get(self) -> AsyncIterator[Any]:
        await self.is_lost.wait()
        raise OSError(105, "no buffer space")
        yield

    async def get_links(self) -> AsyncIterator[Any]:
        return nothing()

    async def get_addr(self) -> AsyncIterator[Any]:
        return nothing()


async def nothing() -> AsyncIterator[Any]:
    for one in ():
        yield one


async def test_what_is_not_known_any_more_or_again_is_told_of_all_that_have_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    both = [STATE.format(1), STATE.format(2)]
    monkeypatch.setattr(addresses, "AsyncIPRoute", Kernel)
    monkeypatch.setattr(addresses, "RETRY_S", 0.001)
    monkeypatch.setattr(Kernel, "is_lost", asyncio.Event())
    own = watched(told)
    await own.start()
    assert (own.has_that_of("1"), told) == (False, [])
    monkeypatch.setattr(Kernel, "is_there", False)
    Kernel.is_lost.set()
    await until(lambda: told == both)
    assert own.has_that_of("1") is None
    Kernel.is_lost.clear()
    monkeypatch.setattr(Kernel, "is_there", True)
    await until(lambda: told == 2 * both)
    assert own.has_that_of("1") is False
    await own.stop()
