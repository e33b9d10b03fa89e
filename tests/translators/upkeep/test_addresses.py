"""The addresses of a network namespace, as they come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from tests.lab import Namespace
from tests.translators.upkeep.test_supervisor import until
from translators.strongswan.upkeep import addresses
from translators.strongswan.upkeep.addresses import AddressWatch


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
