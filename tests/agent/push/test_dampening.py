"""dampening-period (RFC 8641 section 3.3), by a clock that the test holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.yang.schema import Schema
from tests.agent.push.held_clock import HeldClock
from tests.agent.push.links import ALL, PushLab, datastore, on_change, push_lab


@pytest.fixture
async def lab(changing: Schema, tmp_path: Path) -> AsyncIterator[PushLab]:
    async with push_lab(changing, tmp_path) as made:
        await made.configure("<link><name>a</name></link>")
        made.set_state("a", {"status": "up"})
        made.context.publisher.clock = HeldClock()
        yield made


def dampened(centiseconds: int) -> str:
    return datastore() + ALL + on_change(f"<yp:dampening-period>{centiseconds}</yp:dampening-period>")


async def test_a_tunnel_that_flaps_costs_one_patch_a_period_and_its_last_state_is_right(lab: PushLab) -> None:
    clock = lab.context.publisher.clock
    await lab.establish(dampened(1000))
    reader = lab.follow()
    await reader.until(await lab.shown())  # at 0 s
    for flap in range(100):
        lab.set_state("a", {"status": f"down {flap}"})
    await clock.until_asleep()
    clock.pass_(9.9)
    lab.set_state("a", {"status": "last"})
    assert reader.subscriber.patches == 0
    clock.pass_(0.1)
    await reader.until(await lab.shown())
    assert reader.subscriber.patches == 1
    assert lab.links.states["a"] == {"status": "last"}


async def test_what_is_undone_within_the_period_costs_nothing(lab: PushLab) -> None:
    clock = lab.context.publisher.clock
    await lab.establish(dampened(1000))
    reader = lab.follow()
    await reader.until(await lab.shown())
    lab.set_state("a", {"status": "down"})
    await clock.until_asleep()
    lab.set_state("a", {"status": "up"})
    clock.pass_(10)
    await lab.lab.until(lambda: not lab.context.publisher.watches.touched)
    assert reader.updates == reader.updates[:1]
    # And the next change does not wait for a period after nothing.
    lab.set_state("a", {"status": "down"})
    await reader.until(await lab.shown())
    assert (reader.subscriber.syncs, reader.subscriber.patches) == (1, 1)


async def test_each_subscriber_has_his_own_period(lab: PushLab) -> None:
    clock = lab.context.publisher.clock
    await lab.establish(dampened(0), session_id=1)
    await lab.establish(dampened(5000), session_id=2)
    quick, slow = lab.follow(1), lab.follow(2)
    for reader in (quick, slow):
        await reader.until(await lab.shown())
    for status in ("one", "two", "three"):
        lab.set_state("a", {"status": status})
        await quick.until(await lab.shown())
    assert (quick.subscriber.patches, slow.subscriber.patches) == (3, 0)
    await clock.until_asleep()
    clock.pass_(50)
    await slow.until(await lab.shown())
    assert slow.subscriber.patches == 1


async def test_a_resync_does_not_wait_for_the_end_of_a_period(lab: PushLab) -> None:
    clock = lab.context.publisher.clock
    number = await lab.establish(dampened(1000))
    reader = lab.follow()
    await reader.until(await lab.shown())
    lab.set_state("a", {"status": "down"})
    await clock.until_asleep()
    await lab.lab.do(
        f'<resync-subscription xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push"><id>{number}</id>'
        "</resync-subscription>"
    )
    await reader.until(await lab.shown())
    assert (reader.subscriber.syncs, reader.subscriber.patches) == (2, 0)
