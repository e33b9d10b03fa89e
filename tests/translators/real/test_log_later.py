"""A new charon that is told of many tunnels before its log is heard: what is learnt of it all the same."""

from __future__ import annotations

import pytest

from tests.lab import Gateway, Lab
from tests.translators.real.test_logs import lines, start_log
from tests.translators.tunnels import at_alice, at_bob
from translators.strongswan.charon import keeper
from translators.strongswan.translation.connections import Messages

pytestmark = pytest.mark.real

QUICK = {"audit-interval": 0.5}


@pytest.fixture(autouse=True)
def one_is_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "AWAITED_MAX", 0)


def repairs(gateway: Gateway) -> list[str]:
    name = "yangswan-ipsec:drift-repaired"
    return [content[name]["what"] for content in list(gateway.notifications) if name in content]


def held(gateway: Gateway) -> Messages:
    return gateway.translator.parts.shared.desired.messages["1"]


def test_own_loads_are_no_drift_and_those_of_others_are(lab: Lab) -> None:
    alice, bob = lab.alice(QUICK), lab.bob(QUICK)
    alice.start(at_alice())
    bob.start(at_bob())
    bob.wait_status("installed")
    session = bob.translator.parts.shared.session
    assert session is not None
    assert session.hears_log
    assert not session.own_loads._expected, "nothing that would hide what others load"
    for gateway in (alice, bob):
        assert not repairs(gateway)
    bob.vici("load-shared", {**held(bob).secrets[0], "data": "somebody-elses-key"})
    bob.wait_for(lambda _state: repairs(bob) == ["secret-changed"])
    bob.vici("load-conn", held(bob).load_conn | {"ipsec-1": {**held(bob).ike, "version": "2"}})
    bob.wait_for(lambda _state: repairs(bob) == ["secret-changed", "connection-changed"])


def test_what_happens_after_a_start_is_heard_in_the_log(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob()
    alice.start(at_alice())
    bob.start(at_bob(secret="another-secret-0002"))
    failed = bob.wait_for(lambda state: "last-error" in state)
    assert failed["last-error"]["reason"] == "authentication-failed"
    number = start_log(bob)
    bob.wait_for(lambda _state: any("initiating IKE_SA ipsec-1[" in line["text"] for line in lines(bob)))
    assert number


def test_who_is_shown_the_log_is_shown_what_a_new_charon_is_told(lab: Lab) -> None:
    bob = lab.bob()
    bob.start(at_bob())
    start_log(bob)
    bob.run(bob.translator.rpc("restart-daemon", {}))
    bob.wait_for(lambda _state: any("added vici connection: ipsec-1" in line["text"] for line in lines(bob)))
