"""Rules in force that change, that somebody else disturbs, and that no nft puts in."""

from __future__ import annotations

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
    passes,
    within,
)
from translators.strongswan.protection import nft, ruleset
from translators.strongswan.protection.firewall import Firewall
from translators.strongswan.protection.nft import NftError
from translators.strongswan.protection.ruleset import DROP, Count
from translators.strongswan.translation.guards import Guard

# --- changes ---


@pytest.mark.real
def test_a_drop_that_two_ask_for_stays_until_both_are_gone_and_goes_on_counting(gateway: Namespace) -> None:
    async def test() -> None:
        firewall = Firewall()
        await firewall.change(coming=[guard(OUT), guard(OUT, OUT6)])
        assert not passes(NEAR, FAR)
        await firewall.change(going=[guard(OUT)])
        assert not passes(NEAR, FAR)
        await firewall.change(going=[guard(OUT, OUT6)], coming=[guard(OUT)])
        assert not passes(NEAR, FAR)
        assert passes(NEAR6, FAR6)
        assert (await firewall.counts())[ruleset.element_key(DROP, OUT)].packets == 3
        await firewall.change(going=[guard(OUT)])
        assert passes(NEAR, FAR)

    within(gateway, test)


@pytest.mark.real
def test_the_next_agent_takes_over_what_is_in_force_with_its_counters(gateway: Namespace) -> None:
    async def test() -> None:
        await Firewall().replace([guard(OUT, OUT6)])
        assert not passes(NEAR, FAR)
        following = Firewall()
        await following.replace([guard(OUT)])
        assert not passes(NEAR, FAR)
        assert passes(NEAR6, FAR6)
        assert await following.counts() == {ruleset.element_key(DROP, OUT): Count(2, 2 * SIZE)}
        await Firewall().replace([])
        assert passes(NEAR, FAR)
        assert await nft.listing(ruleset.TABLE) is None

    within(gateway, test)


DISTURBANCES = (
    "flush ruleset",
    "delete table inet yangswan",
    "flush table inet yangswan",
    "flush chain inet yangswan output_out",
    "flush set inet yangswan drop_out4_16_16",
    "flush set inet yangswan pass_out4_16_24",
    "add element inet yangswan pass_out4_16_24 { 10.1.0.0 . 10.2.0.0 }",
    "insert rule inet yangswan output_out accept",
    "add table inet yangswan { flags dormant; }",
)


@pytest.mark.real
@pytest.mark.parametrize("disturbance", DISTURBANCES)
def test_what_somebody_else_took_out_is_put_in_again(gateway: Namespace, disturbance: str) -> None:
    async def test() -> None:
        firewall = Firewall()
        await firewall.replace([guard(OUT, bypass=[("10.1.0.0/16", "10.2.7.0/24")])])
        assert not await firewall.repair()
        disturb(disturbance)
        assert await firewall.repair()
        assert not await firewall.repair()
        assert not passes(NEAR, FAR)
        assert passes(NEAR, "10.2.7.9")

    within(gateway, test)


@pytest.mark.real
def test_a_change_is_made_although_somebody_took_the_table_out(gateway: Namespace) -> None:
    async def test() -> None:
        firewall = Firewall()
        await firewall.replace([guard(OUT)])
        disturb("flush ruleset")
        await firewall.change(coming=[guard(OUT6)])
        assert not passes(NEAR, FAR)
        assert not passes(NEAR6, FAR6)
        assert not await firewall.repair()

    within(gateway, test)


# --- without nft ---


async def test_a_gateway_that_asks_for_nothing_needs_no_nft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nft, "program", lambda: None)
    firewall = Firewall()
    await firewall.replace([])
    await firewall.change(coming=[Guard()])
    assert not await firewall.repair()


async def test_what_is_to_be_dropped_takes_nft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nft, "program", lambda: None)
    firewall = Firewall()
    for change in (firewall.replace([guard(OUT)]), firewall.change(coming=[guard(OUT)])):
        with pytest.raises(NftError, match="install the package nftables"):
            await change


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("/bin/false", "nft ended with status 1"),
        ("/nonexistent/nft", "nft cannot be run: .*No such file"),
    ],
)
async def test_an_nft_that_does_not_work_is_told(
    monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    monkeypatch.setattr(nft, "program", lambda: program)
    with pytest.raises(NftError, match=words):
        await nft.apply(["add table inet yangswan"])
