"""A peer that does not answer from the start: when it is told, and when another attempt begins."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.translators.upkeep.test_supervisor import until
from translators.strongswan.charon.shared import Shared
from translators.strongswan.options import Options
from translators.strongswan.status.exchange import Exchange
from translators.strongswan.status.facts import Facts, Reason
from translators.strongswan.status.operational import RETRANSMIT_BASE
from translators.strongswan.upkeep import silence
from translators.strongswan.upkeep.silence import SilentPeers
from translators.strongswan.upkeep.tunnels import LiveTunnels

ASKING = Facts(exchange=Exchange(asked="IKE_SA_INIT"))


class Watched:
    """One tunnel, with what was said and done about its peer."""

    def __init__(self, options: Options) -> None:
        self.facts = ASKING
        self.failed: list[Reason] = []
        self.begun = 0
        self.silent = SilentPeers(
            options, facts=lambda _: self.facts, fail=self._fail, begin_anew=lambda _: self._begin()
        )

    def _fail(self, _tunnel: str, reason: Reason, _detail: str) -> None:
        self.failed.append(reason)

    def _begin(self) -> None:
        self.begun += 1

    def tried(self, *tries: int) -> None:
        for number in tries:
            self.facts = replace(self.facts, retransmitting=number > 0, tries=number)
            self.silent.look("1")


async def test_it_is_told_once_for_an_attempt_after_two_tries() -> None:
    watched = Watched(Options())
    watched.tried(1)
    assert watched.failed == []
    watched.tried(2, 3, 4)
    assert watched.failed == [Reason.PEER_SILENT]
    watched.tried(0, 1, 2)
    assert watched.failed == [Reason.PEER_SILENT] * 2
    watched.silent.stop()


async def test_what_could_not_be_decrypted_is_no_silence() -> None:
    watched = Watched(Options())
    watched.facts = replace(ASKING, exchange=Exchange(asked="ID_PROT", heard=True, garbled=True))
    watched.tried(2)
    assert watched.failed == [Reason.AUTHENTICATION_FAILED]


@pytest.mark.parametrize("facts", [Facts(children=frozenset("1")), Facts(exchange=Exchange("INFORMATIONAL"))])
async def test_a_tunnel_that_is_up_or_an_old_delete_does_not_count(facts: Facts) -> None:
    watched = Watched(Options())
    watched.facts = facts
    watched.tried(2, 3, 4)
    assert (watched.failed, watched.begun) == ([], 0)


async def test_a_long_pause_is_cut_short_once_what_was_sent_can_be_answered_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(silence, "ANSWER_S", 0.001)
    watched = Watched(Options())
    watched.tried(2, 3, 4)
    await until(lambda: watched.begun == 1)
    watched.tried(3)
    watched.tried(0)  # it was answered meanwhile
    quick = Watched(Options(retransmit_timeout=1.0, retransmit_base=1.5))
    quick.tried(2, 3)
    watched.tried(3)
    await until(lambda: watched.begun == 2)
    assert quick.begun == 0, "its pauses are short by themselves"


@pytest.mark.parametrize(("timeout_s", "base"), [(10.0, None), (60.0, 1.1), (None, 4.0)])
async def test_an_attempt_that_ends_at_its_first_pause_is_told_once(
    monkeypatch: pytest.MonkeyPatch, timeout_s: float | None, base: float | None
) -> None:
    monkeypatch.setattr(silence, "ANSWER_S", 0.001)
    watched = Watched(Options(retransmit_timeout=timeout_s, retransmit_base=base))
    watched.tried(1)
    await until(lambda: watched.begun == 1)
    assert watched.failed == [Reason.PEER_SILENT]
    watched.tried(0, 1)
    await until(lambda: watched.begun == 2)
    assert watched.failed == [Reason.PEER_SILENT] * 2


async def test_an_attempt_that_is_answered_before_it_ends_has_not_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(silence, "ANSWER_S", 0.0)
    watched = Watched(Options(retransmit_timeout=10.0))
    watched.tried(1, 0)
    await asyncio.sleep(0)
    assert (watched.failed, watched.begun) == ([], 0)


@pytest.mark.parametrize(("ours", "base"), [(True, 1.1), (False, RETRANSMIT_BASE)])
async def test_the_pauses_of_the_settings_are_those_of_our_own_charon_alone(ours: bool, base: float) -> None:
    live = LiveTunnels(
        Options(retransmit_base=1.1),
        Shared(),
        notify=lambda _: None,
        state_changed=lambda _: None,
        networks_changed=lambda _: None,
        ours=ours,
    )
    assert live._silent._base == base
