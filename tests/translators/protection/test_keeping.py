"""In which order what protects tunnels is put in force and taken out, and what happens where that fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agent.errors import BackendError
from tests.translators.protection.recording_kernel import Kernel, Rules, Session, Silent
from tests.translators.translation.guarded_networks import OUTSIDE, between
from tests.translators.tunnels import Json
from tests.translators.upkeep.test_supervisor import until
from translators.strongswan.charon.shared import Shared
from translators.strongswan.protection import keeping, ruleset, shunts
from translators.strongswan.protection.keeping import Protection
from translators.strongswan.protection.rules import Charons
from translators.strongswan.protection.ruleset import DROP, Count
from translators.strongswan.translation.guards import ForAll, Guard, Untaken, Way
from translators.strongswan.translation.overlaps import Pair, prefix

PLAIN = between(["10.1.0.0/16"], ["10.2.0.0/16"])
BYPASSING = between(["10.1.0.0/16"], ["10.2.0.0/16"], bypass={"network": ["10.2.7.0/24"]})
EVERYWHERE = between(["10.1.0.0/16"], ["0.0.0.0/0"])
PAIR: Pair = (prefix("10.1.0.0/16"), prefix("10.2.7.0/24"))
PAIR_OUTSIDE: Pair = (prefix("10.1.0.0/16"), OUTSIDE.network)
HOME: Pair = (prefix("0.0.0.0/0"), prefix("10.1.0.0/16"))
PAST, PAST_OUTSIDE = {PAIR, PAIR[::-1]}, {PAIR_OUTSIDE, PAIR_OUTSIDE[::-1], HOME}


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel()
    monkeypatch.setattr(keeping, "Firewall", lambda: made)
    monkeypatch.setattr(keeping, "RoutingRules", lambda: Rules(made))
    monkeypatch.setattr(keeping, "RulesWatch", Silent)
    monkeypatch.setattr(keeping, "SETTLE_S", 0.0)
    monkeypatch.setattr(keeping, "SURE_S", 0.0)
    monkeypatch.setattr(shunts, "put", made.put)
    return made


@pytest.fixture
async def shared(kernel: Kernel) -> Shared:
    return Shared(session=Session())  # type: ignore[arg-type]


def protection_of(shared: Shared, **changed: Any) -> Protection:
    wanted: dict[str, Any] = {"interval_s": 0.001, "clients": tuple, "is_used": True}
    return Protection(shared, **{**wanted, **changed})


@asynccontextmanager
async def started(
    shared: Shared, told: list[str] | None = None, **entries: Json
) -> AsyncIterator[Protection]:
    """Yield what protects ``entries``, named t1, t2 and so on; nobody looks after it unless one waits.
    ``told`` gets the paths of state that may be another."""
    by_id = {name.removeprefix("t"): entry for name, entry in entries.items()}
    shared.desired.replace(by_id)
    hear = (told if told is not None else []).extend
    protection = protection_of(shared, interval_s=3600.0, state_changed=hear)
    await protection.start(by_id)
    try:
        yield protection
    finally:
        await protection.stop()
        await protection.stop()


def wanted(protection: Protection, **entries: Json | None) -> Mapping[str, Guard]:
    return protection.wanted({name.removeprefix("t"): entry for name, entry in entries.items()}, ForAll())


# --- changes ---


async def test_what_comes_is_in_force_before_what_goes_is_out(kernel: Kernel, shared: Shared) -> None:
    async with started(shared, t1=PLAIN) as protection:
        (before,) = kernel.guards
        changed = wanted(protection, t1=EVERYWHERE)
        await protection.widen(changed)
        assert kernel.guards == [before, changed["1"]]
        assert protection.guards.of("1") == before
        await protection.settle(changed)
        assert kernel.guards == [changed["1"]]
        assert protection.guards.of("1") == changed["1"]
        assert wanted(protection, t1=EVERYWHERE) == {}


async def test_a_change_that_is_not_made_leaves_what_was(kernel: Kernel, shared: Shared) -> None:
    async with started(shared, t1=BYPASSING) as protection:
        before = list(kernel.guards)
        changed = wanted(protection, t1=PLAIN, t2=EVERYWHERE)
        await protection.widen(changed)
        await protection.revert(changed)
        assert kernel.guards == before
        assert kernel.rules == PAST
        assert kernel.shunts == {"1": frozenset({PAIR})}


async def test_a_bypass_passes_before_it_is_routed_and_let_past(kernel: Kernel, shared: Shared) -> None:
    async with started(shared, t1=PLAIN) as protection:
        kernel.done.clear()
        changed = wanted(protection, t1=BYPASSING)
        await protection.widen(changed)
        assert kernel.done == ["coming", "rules", "shunts"]
        assert (kernel.rules, kernel.shunts) == (PAST, {"1": frozenset({PAIR})})
        await protection.settle(changed)
        gone = wanted(protection, t1=None)
        await protection.widen(gone)
        assert kernel.rules == PAST, "until it is gone"
        await protection.settle(gone)
        assert (kernel.guards, kernel.rules, kernel.shunts["1"]) == ([], set(), frozenset())


async def test_without_a_session_nothing_is_said_to_charon(kernel: Kernel, shared: Shared) -> None:
    shared.session = None
    async with started(shared) as protection:
        await protection.widen(wanted(protection, t1=BYPASSING))
        assert kernel.rules == PAST
        assert kernel.shunts == {}


async def test_what_cannot_be_put_in_force_refuses_the_change(kernel: Kernel, shared: Shared) -> None:
    async with started(shared, t1=PLAIN) as protection:
        kernel.refuses = {"coming"}
        with pytest.raises(BackendError, match=r"cannot be put in force: nft refused \(as root, with the"):
            await protection.widen(wanted(protection, t2=EVERYWHERE))
        assert len(kernel.guards) == 1


@pytest.mark.parametrize("refused", ["rules", "shunts"])
async def test_a_bypass_that_cannot_be_put_in_force_leaves_what_was(
    kernel: Kernel, shared: Shared, refused: str
) -> None:
    async with started(shared, t1=PLAIN) as protection:
        before = list(kernel.guards)
        kernel.refuses = {refused}
        with pytest.raises(BackendError, match=r"a bypass cannot be put in force: .*(refused|not permitted)"):
            await protection.widen(wanted(protection, t1=BYPASSING))
        assert kernel.guards == before
        assert kernel.rules == set()
        # What charon holds is not known then.
        assert shared.session is not None
        assert shared.session.lost.is_set() is (refused == "shunts")


async def test_what_cannot_be_taken_out_is_told_and_tried_again(
    kernel: Kernel, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(shared, t1=PLAIN) as protection:
        changed = wanted(protection, t1=None)
        await protection.widen(changed)
        kernel.refuses = {"going"}
        shared.desired.replace({})
        await protection.settle(changed)
        assert "cannot be taken out of force: nft refused" in protection.trouble
        assert protection.trouble in caplog.text
        kernel.refuses = set()
        protection._look_soon()
        await until(lambda: not protection.trouble)
        assert kernel.guards == []
        assert "is in force again" in caplog.text


# --- keeping ---


async def test_a_start_that_fails_is_told_and_tried_again(kernel: Kernel, shared: Shared) -> None:
    kernel.refuses = {"all"}
    async with started(shared, t1=PLAIN) as protection:
        assert "cannot be put in force: nft refused" in protection.trouble
        kernel.refuses = set()
        protection._look_soon()
        await until(lambda: not protection.trouble)
        assert len(kernel.guards) == 1


async def test_without_nft_packets_are_routed_as_they_should_all_the_same(
    kernel: Kernel, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    kernel.refuses = {"all"}
    async with started(shared, t1=BYPASSING) as protection:
        assert "nft refused" in protection.trouble
        assert kernel.rules == PAST
        kernel.refuses = {"all", "look"}
        kernel.rules_whole = False
        protection._look_soon()
        await until(lambda: kernel.done.count("rules") > 1)


async def test_what_somebody_took_out_is_put_in_again_and_told(
    kernel: Kernel, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(shared, t1=PLAIN) as protection:
        kernel.whole = False
        protection._look_soon()
        await until(lambda: "somebody took rules of nftables" in caplog.text)
        assert "of routing" not in caplog.text
        kernel.whole, kernel.rules_whole = True, False
        protection._look_soon()
        await until(lambda: "somebody took rules of routing" in caplog.text)


async def test_a_rule_of_charon_that_is_gone_is_put_in_at_the_second_look(
    kernel: Kernel, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(shared, t1=PLAIN) as protection:
        kernel.of_charon = [Charons.PUT_IN, Charons.MISSING]
        protection._look_soon()
        await until(lambda: "somebody took out charon's rule of routing, 220" in caplog.text)


async def test_without_charon_its_rules_are_its_own_affair(kernel: Kernel, shared: Shared) -> None:
    shared.session = None
    async with started(shared, t1=PLAIN) as protection:
        kernel.of_charon = [Charons.PUT_IN]
        for looks in (1, 2):
            protection._look_soon()
            await until(lambda looks=looks: kernel.done.count("rules looked at") >= looks)
        assert kernel.of_charon == [Charons.PUT_IN]


async def test_rules_of_routing_that_cannot_be_looked_at_are_told(kernel: Kernel, shared: Shared) -> None:
    kernel.refuses = {"rules looked at"}
    async with started(shared, t1=BYPASSING) as protection:
        protection._look_soon()
        await until(lambda: "not permitted" in protection.trouble)
        kernel.refuses = set()
        protection._look_soon()
        await until(lambda: not protection.trouble)


async def test_one_looks_also_without_being_told(kernel: Kernel, shared: Shared) -> None:
    protection = protection_of(shared)
    await protection.start({})
    await until(lambda: kernel.done.count("look") > 2)
    await protection.stop()


async def test_what_is_in_force_stays_when_nobody_looks_after_it_any_more(
    kernel: Kernel, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with started(shared, t1=BYPASSING):
        pass
    assert len(kernel.guards) == 1
    assert kernel.rules == PAST
    assert caplog.text.count("stays in force; yangswand --unprotect takes it out") == 1


async def test_where_nothing_is_in_force_nothing_is_said_of_it(
    kernel: Kernel, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with started(shared):
        pass
    assert "stays in force" not in caplog.text


async def test_networks_that_come_and_go_are_followed(kernel: Kernel, shared: Shared) -> None:
    async with started(shared, t1=EVERYWHERE) as protection:
        protection.on_networks(frozenset({OUTSIDE}))
        await until(lambda: kernel.rules == PAST_OUTSIDE)
        await until(lambda: protection.guards.of("1").bypass == {PAIR_OUTSIDE})
        assert kernel.guards == [protection.guards.of("1")]
        taken = frozenset({(PAIR[0], prefix("0.0.0.0/0"))})
        assert kernel.untaken == Untaken(frozenset({OUTSIDE.network}), taken=taken)
        protection.on_networks(frozenset())
        await until(lambda: kernel.rules == {HOME})
        assert kernel.untaken == Untaken()


async def test_networks_that_could_not_be_followed_are_followed_later(kernel: Kernel, shared: Shared) -> None:
    async with started(shared, t1=EVERYWHERE) as protection:
        kernel.refuses = {"coming"}
        protection.on_networks(frozenset({OUTSIDE}))
        await until(lambda: bool(protection.trouble))
        kernel.refuses = set()
        protection._look_soon()
        await until(lambda: kernel.rules == PAST_OUTSIDE)


async def test_a_network_that_a_tunnel_takes_is_told_once(
    kernel: Kernel, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    covering = between(None, ["192.168.0.0/16"])
    async with started(shared, t1=covering) as protection:
        protection.on_networks(frozenset({OUTSIDE}))
        await until(lambda: "tunnel 1 takes 192.168.0.0/24" in caplog.text)
        caplog.clear()
        changed = wanted(protection, t1={**covering, "leak-protection": False})
        await protection.widen(changed)
        await protection.settle(changed)
        assert "takes" not in caplog.text


# --- whose state may be another ---

STATE = "/yangswan-ipsec:tunnels/ipsec[id='{}']/state"


async def test_who_takes_a_network_that_comes_or_goes_shows_another_state(
    kernel: Kernel, shared: Shared
) -> None:
    told: list[str] = []
    async with started(shared, told, t1=between(None, ["192.168.0.0/16"]), t2=PLAIN) as protection:
        assert told == []
        protection.on_networks(frozenset({OUTSIDE}))
        await until(lambda: bool(protection.guards.of("1").covered))
        await until(lambda: told == [STATE.format(1)])
        protection.on_networks(frozenset())
        await until(lambda: not protection.guards.of("1").covered)
        await until(lambda: told == 2 * [STATE.format(1)])


async def test_what_is_for_all_changes_the_state_of_each_whom_it_concerns(
    kernel: Kernel, shared: Shared
) -> None:
    told: list[str] = []
    as_it_is = {**PLAIN, "leak-protection": False}
    async with started(shared, told, t1=PLAIN, t2=PLAIN, t3=as_it_is) as protection:
        told.clear()
        for for_all in (ForAll(leak_protection=False), ForAll()):
            changed = protection.wanted({}, for_all)
            await protection.widen(changed)
            protection.guards.for_all = for_all
            await protection.settle(changed)
            assert sorted(told) == [STATE.format(1), STATE.format(2)]
            told.clear()


async def test_a_change_that_shows_nothing_else_is_told_to_nobody(kernel: Kernel, shared: Shared) -> None:
    told: list[str] = []
    async with started(shared, told, t1=PLAIN) as protection:
        changed = wanted(protection, t1=BYPASSING)
        await protection.widen(changed)
        await protection.settle(changed)
        assert told == []


async def test_trouble_and_its_end_change_the_state_of_all(kernel: Kernel, shared: Shared) -> None:
    told: list[str] = []
    both = [STATE.format(1), STATE.format(2)]
    kernel.refuses = {"all"}
    async with started(shared, told, t1=PLAIN, t2=EVERYWHERE) as protection:
        assert told == both
        kernel.refuses = set()
        protection._look_soon()
        await until(lambda: not protection.trouble)
        assert told == 2 * both
        kernel.refuses = {"look"}
        protection._look_soon()
        await until(lambda: bool(protection.trouble))
        assert told == 3 * both


async def test_entries_put_in_the_place_of_others_change_the_state_of_both(
    kernel: Kernel, shared: Shared
) -> None:
    told: list[str] = []
    plain = {**PLAIN, "leak-protection": False}
    async with started(shared, told, t1=PLAIN, t2=plain) as protection:
        told.clear()
        await protection.replace({"1": plain, "3": plain})
        assert sorted(told) == [STATE.format(1), STATE.format(2), STATE.format(3)]


# --- without charon ---


async def test_without_charon_nothing_is_touched(kernel: Kernel, shared: Shared) -> None:
    protection = protection_of(shared, is_used=False)
    await protection.start({"1": PLAIN})
    changed = wanted(protection, t1=BYPASSING)
    await protection.widen(changed)
    await protection.settle(changed)
    assert await protection.dropped("1") == {}
    await protection.stop()
    assert kernel.done == []


# --- what was dropped ---


async def test_what_was_dropped_of_all_pairs_of_a_tunnel_is_added(kernel: Kernel, shared: Shared) -> None:
    entry = between(["10.1.0.0/16", "10.3.0.0/16"], ["10.2.0.0/16"])
    async with started(shared, t1=entry) as protection:
        outwards = [match for match in protection.guards.of("1").drops if match.way is Way.OUT]
        kernel.counted = {ruleset.element_key(DROP, match): Count(2, 100) for match in outwards}
        assert await protection.dropped("1") == {Way.OUT: Count(4, 200), Way.IN: Count()}
        assert await protection.dropped("2") == {}
        kernel.counted = {}
        await protection.dropped("1")
        assert kernel.done.count("counts") == 1, "nft is not asked again within a second"


async def test_counters_are_read_again_when_they_are_older(
    kernel: Kernel, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with started(shared, t1=PLAIN) as protection:
        (outwards,) = (match for match in protection.guards.of("1").drops if match.way is Way.OUT)
        monkeypatch.setattr(keeping, "COUNTS_MAX_AGE_S", -1.0)
        for number in (1, 2):
            kernel.counted = {ruleset.element_key(DROP, outwards): Count(number, number)}
            assert await protection.dropped("1") == {Way.OUT: Count(number, number), Way.IN: Count()}


async def test_all_who_ask_while_counters_are_read_wait_for_one_listing(
    kernel: Kernel, shared: Shared
) -> None:
    async with started(shared, t1=PLAIN) as protection:
        (outwards,) = (match for match in protection.guards.of("1").drops if match.way is Way.OUT)
        kernel.counted = {ruleset.element_key(DROP, outwards): Count(7, 9)}
        kernel.counting.clear()
        first, *others = [asyncio.ensure_future(protection.dropped("1")) for _ in range(5)]
        await until(lambda: "counts" in kernel.done)
        first.cancel()  # the next one asks for all
        with pytest.raises(asyncio.CancelledError):
            await first
        await until(lambda: kernel.done.count("counts") == 2)
        kernel.counting.set()
        assert await asyncio.gather(*others) == [{Way.OUT: Count(7, 9), Way.IN: Count()}] * 4
        assert kernel.done.count("counts") == 2


async def test_counters_that_cannot_be_read_are_none(kernel: Kernel, shared: Shared) -> None:
    async with started(shared, t1=PLAIN) as protection:
        kernel.refuses = {"counts"}
        assert await protection.dropped("1") == dict.fromkeys(Way, Count())
        kernel.refuses = set()
        await protection.dropped("1")
        assert "counts" not in kernel.done, "nft is not asked again within a second"
