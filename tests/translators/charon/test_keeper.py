"""Whom a start keeps waiting: nobody, where charon has to be told of many tunnels."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from translators.strongswan.charon import keeper
from translators.strongswan.charon.keeper import AWAITED_MAX, Keeper, Unavailable
from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.shared import Shared
from translators.strongswan.options import Options


class Session:
    """One that is never lost by itself."""

    version = "5.9.8"

    def __init__(self) -> None:
        self.lost = asyncio.Event()

    async def close(self) -> None:
        self.lost.set()


class Follower:
    """Has charon agree when it is allowed to."""

    def __init__(self) -> None:
        self.may, self.agreeing = asyncio.Event(), asyncio.Event()
        self.on_event = self.on_notice = self.lost = self.found = lambda *_arguments: None
        self.hindered = lambda: None
        self.is_watched = False

    def is_log_watched(self) -> bool:
        return self.is_watched

    async def agree(self, _session: CharonSession) -> None:
        self.agreeing.set()
        await self.may.wait()


def keeper_of(tunnels: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Keeper, Follower, Shared]:
    async def opened(*_arguments: Any, **_named: Any) -> Session:
        return Session()

    monkeypatch.setattr(keeper.CharonSession, "open", opened)
    shared, follower = Shared(), Follower()
    shared.desired.messages = dict.fromkeys(map(str, range(tunnels)), SimpleNamespace())  # type: ignore[arg-type]
    return Keeper(Options(), shared, daemon=None, follower=follower), follower, shared  # type: ignore[arg-type]


async def test_with_many_tunnels_a_start_does_not_wait_until_charon_holds_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, follower, shared = keeper_of(AWAITED_MAX + 1, monkeypatch)
    await made.start()
    assert shared.session is None
    with pytest.raises(Unavailable, match="it is being told what is configured"):
        await made.available(0)
    follower.may.set()
    assert await made.available(60) is shared.session
    await made.stop()


async def test_with_few_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    made, follower, shared = keeper_of(AWAITED_MAX, monkeypatch)
    start = asyncio.create_task(made.start())
    await follower.agreeing.wait()
    await asyncio.sleep(0)
    assert not start.done()
    follower.may.set()
    await start
    assert shared.session is not None
    await made.stop()


class Daemon:
    """One that starts, or was left running."""

    vici_socket = notify_socket = Path("vici.sock")

    def __init__(self, *, adopted: bool) -> None:
        self.adopted = adopted

    async def start(self) -> bool:
        return self.adopted

    async def stop(self) -> None:
        pass


@pytest.mark.parametrize(
    ("daemon", "tunnels", "is_watched", "later"),
    [
        (Daemon(adopted=False), AWAITED_MAX + 1, False, True),
        (Daemon(adopted=False), AWAITED_MAX, False, False),
        (Daemon(adopted=False), AWAITED_MAX + 1, True, False),
        (Daemon(adopted=True), AWAITED_MAX + 1, False, False),
        (None, AWAITED_MAX + 1, False, False),
    ],
)
async def test_only_a_new_charon_of_our_own_is_told_of_many_tunnels_unheard(
    monkeypatch: pytest.MonkeyPatch, daemon: Any, tunnels: int, is_watched: bool, later: bool
) -> None:
    asked: list[bool] = []

    async def opened(*_arguments: Any, log_later: bool, **_named: Any) -> Session:
        asked.append(log_later)
        return Session()

    made, follower, _shared = keeper_of(tunnels, monkeypatch)
    monkeypatch.setattr(keeper.CharonSession, "open", opened)
    made._daemon, follower.is_watched = daemon, is_watched
    follower.may.set()
    await made.start()
    await made.available(60)
    assert asked == [later]
    await made.stop()
