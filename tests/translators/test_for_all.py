"""What is configured for all tunnels: leak protection, and networks that go into none."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.translator import EntryChange, Json, Settings
from tests.lab import change
from tests.translators.tunnels import at_alice
from translators.strongswan.assembly import make
from translators.strongswan.model import BYPASS_PATH, LEAK_PROTECTION_PATH
from translators.strongswan.planning import BYPASS_MAX
from translators.strongswan.translator import StrongSwanTranslator


def bypass(*networks: str, gone: bool = False) -> list[EntryChange]:
    found = []
    for network in networks:
        entry: Json = {"network": network}
        before, after = (entry, None) if gone else (None, entry)
        path = f"{BYPASS_PATH}[network='{network}']"
        found.append(EntryChange((network,), path, before, after, BYPASS_PATH))
    return found


def protection(*, before: bool, after: bool) -> EntryChange:
    leaves = ({"leak-protection": value} for value in (before, after))
    return EntryChange((), LEAK_PROTECTION_PATH, *leaves, LEAK_PROTECTION_PATH)


def many(count: int) -> list[str]:
    return [f"10.{number >> 8}.{number & 255}.0/24" for number in range(count)]


@pytest.fixture
async def translator(tmp_path: Path) -> StrongSwanTranslator:
    return make(Settings(tmp_path, "none", {}))


async def test_one_network_too_many_is_refused_with_the_number(translator: StrongSwanTranslator) -> None:
    assert translator.check(bypass(*many(BYPASS_MAX))) == []
    (error,) = translator.check(bypass(*many(BYPASS_MAX + 1)))
    assert (error.tag, error.app_tag, error.path) == ("operation-failed", "too-many-elements", BYPASS_PATH)
    assert f"at most {BYPASS_MAX} networks" in error.message


async def test_networks_that_are_there_count_and_make_room_when_they_go(
    translator: StrongSwanTranslator,
) -> None:
    networks = many(BYPASS_MAX)
    translator.know(BYPASS_PATH, {(network,): {"network": network} for network in networks})
    assert len(translator.check(bypass("192.0.2.0/24"))) == 1
    assert translator.check([*bypass("192.0.2.0/24"), *bypass(networks[0], gone=True)]) == []


async def test_what_changes_for_all_is_described_before_the_steps(translator: StrongSwanTranslator) -> None:
    plan = await translator.prepare(
        [*bypass("192.0.2.0/24"), protection(before=True, after=False), change(None, at_alice())]
    )
    first, *others = plan.describe()
    assert first == "for all tunnels: leak protection off, bypass of 192.0.2.0/24"
    assert others
    unchanged = await translator.prepare([change(None, at_alice())])
    assert not [line for line in unchanged.describe() if "for all" in line]


async def test_what_is_for_all_is_kept_once_it_is_applied_and_taken_back(
    translator: StrongSwanTranslator,
) -> None:
    guards = translator.parts.protection.guards
    before = guards.for_all
    plan = await translator.prepare([*bypass("192.0.2.0/24"), protection(before=True, after=False)])
    assert guards.for_all == before
    await translator.apply(plan)
    assert str(guards.for_all) == "leak protection off, bypass of 192.0.2.0/24"
    await translator.undo(plan)
    assert guards.for_all == before


@pytest.mark.parametrize("value", [True, False])
async def test_what_is_committed_is_known_at_a_start(translator: StrongSwanTranslator, value: bool) -> None:
    translator.know(LEAK_PROTECTION_PATH, {(): {"leak-protection": value}})
    translator.know(BYPASS_PATH, {("192.0.2.0/24",): {"network": "192.0.2.0/24"}})
    for_all = translator.parts.protection.guards.for_all
    assert (for_all.leak_protection, len(for_all.bypass)) == (value, 1)
    translator.know(BYPASS_PATH, {})
    translator.know(LEAK_PROTECTION_PATH, {})
    assert str(translator.parts.protection.guards.for_all) == "leak protection on, bypass of no network"


async def test_without_charon_a_tunnel_has_no_state_of_its_protection(
    translator: StrongSwanTranslator,
) -> None:
    await translator.start({("1",): at_alice()})
    state = await translator.entry_state([("1",)])
    assert "leak-protection" not in state["1",]
    await translator.stop()
