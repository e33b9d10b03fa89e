"""Who waits how long for a charon that is slow to list its SAs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.translators.recorded import INSTALLED
from tests.translators.tunnels import at_bob
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciUnavailable
from translators.strongswan.options import Options
from translators.strongswan.status.state import Status
from translators.strongswan.upkeep import listing
from translators.strongswan.upkeep.listing import ONE_BY_ONE_MAX, listed, sas_of
from translators.strongswan.upkeep.tunnels import LiveTunnels


class Slow:
    """A session whose charon lists its SAs once it may."""

    def __init__(self, error: Exception | None = None) -> None:
        self.may = asyncio.Event()
        self.asked: list[str | None] = []
        self._error = error

    async def list_sas(self, name: str | None = None) -> list[Any]:
        self.asked.append(name)
        await self.may.wait()
        if self._error is not None:
            raise self._error
        return [INSTALLED]


def live(session: Slow) -> LiveTunnels:
    shared = Shared(session=session)  # type: ignore[arg-type]
    shared.desired.entries["1"] = at_bob()
    return LiveTunnels(
        Options(),
        shared,
        notify=lambda _: None,
        state_changed=lambda _: None,
        networks_changed=lambda _: None,
        ours=True,
    )


async def test_a_reader_does_not_wait_for_it_and_who_announces_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "READ_LIMIT_S", 0.001)
    session = Slow()
    tunnels = live(session)
    look = asyncio.create_task(tunnels._statuses(["1"]))
    assert await tunnels.sas(["ipsec-1"]) is None
    assert not look.done()
    session.may.set()
    assert await look == {"1": Status.INSTALLED}


async def test_a_charon_that_is_lost_meanwhile_gives_no_answer_that_could_be_announced() -> None:
    session = Slow(ViciUnavailable("list-sas", "gone"))
    session.may.set()
    assert await live(session)._statuses(["1"]) is None
    assert await sas_of(session, ["ipsec-1"]) == {}  # type: ignore[arg-type]


async def test_many_tunnels_cost_one_list() -> None:
    session = Slow()
    session.may.set()
    names = [f"ipsec-{n}" for n in range(ONE_BY_ONE_MAX + 1)]
    assert list(await listed(session, names)) == ["ipsec-1"]  # type: ignore[arg-type]
    await listed(session, names[:2])  # type: ignore[arg-type]
    assert session.asked == [None, "ipsec-0", "ipsec-1"]
