"""Peers that do not answer from the start, and a charon that hangs."""

from __future__ import annotations

import os
import signal

import pytest

from tests.lab import Gateway, Lab
from tests.translators.real.pairs import failed_for, pair
from tests.translators.tunnels import at_alice, at_bob
from translators.strongswan.upkeep import silence

pytestmark = pytest.mark.real


@pytest.mark.parametrize("base", [10.0, 30.0])
def test_a_silent_peer_is_told_long_before_charon_gives_it_up_and_found_when_it_is_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, base: float
) -> None:
    monkeypatch.setattr(silence, "PAUSE_MAX_S", 2.0)
    monkeypatch.setattr(silence, "ANSWER_S", 0.2)
    # charon would wait for minutes after the third try, or the second.
    alice, bob = lab.alice(), lab.bob({"retransmit-timeout": 0.2, "retransmit-base": base})
    lab.cut()
    alice.start(at_alice())
    bob.start(at_bob())
    bob.wait_for(lambda state: state.get("supervision", {}).get("attempts", 0) >= 2)
    bob.wait_for(failed_for("peer-silent"))
    lab.mend()
    bob.wait_status("installed")
    assert "giving up" not in bob.log()


def test_a_silent_peer_has_a_last_error_after_two_tries(lab: Lab) -> None:
    bob = lab.bob({"retransmit-timeout": 0.5, "retransmit-tries": 9})
    lab.cut()
    bob.start(at_bob())
    state = bob.wait_for(failed_for("peer-silent"))
    assert state["status"] == "connecting"
    assert "giving up" not in bob.log()


def test_a_charon_that_hangs_keeps_no_reader_and_no_change_that_is_not_for_it(lab: Lab) -> None:
    _alice, bob = pair(lab, 1)
    hung = bob.charon_pid
    os.kill(hung, signal.SIGSTOP)
    try:
        assert bob.state()["status"] == "installed"
        told = bob.run(bob.translator.root_state("/yangswan-daemon:daemon"))
        assert (told["connected"], told["trouble"]) == (False, "charon does not answer")
        bob.commit(at_bob(description="meanwhile"))
        lose_session(bob)
        bob.commit(at_bob(description="and after that"))
    finally:
        os.kill(hung, signal.SIGCONT)
    bob.wait_status("installed")


def lose_session(gateway: Gateway) -> None:
    """Have it begin anew with its charon, as it does once a request was not answered for long."""
    session = gateway.translator.parts.shared.session
    assert session is not None
    gateway.loop.call_soon_threadsafe(session.lost.set)
    gateway.wait_for(lambda _state: gateway.translator.parts.shared.session is None)
