"""What state and notifications say, while things happen to live tunnels."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.lab import FAST_RETRANSMIT, Gateway, Lab, carries
from tests.translators.real.pairs import FOREIGN, failed_for, pair, spis
from tests.translators.status.test_announcements import valid
from tests.translators.status.test_state import assert_valid
from tests.translators.status.test_state import context as _context
from tests.translators.tunnels import Json, at_alice, at_bob
from translators.strongswan.status import dampening

pytestmark = pytest.mark.real

yang = _context

CHANGED = "yangswan-ipsec:tunnel-state-changed"
ANY = {"enabled": True, "delay": 1}


def told(gateway: Gateway, name: str, tunnel: int = 1) -> list[Json]:
    """Return the notifications of this name about the tunnel, so far."""
    member = f"yangswan-ipsec:{name}"
    return [n[member] for n in list(gateway.notifications) if n.get(member, {}).get("id") == tunnel]


def statuses(gateway: Gateway, tunnel: int = 1) -> list[str]:
    """Return the statuses that were told, in order; each is the old one of the next."""
    changes = told(gateway, "tunnel-state-changed", tunnel)
    path = [changes[0]["old-status"], *(change["new-status"] for change in changes)] if changes else []
    assert [change["old-status"] for change in changes] == path[:-1]
    return path


def happened(state: Json) -> list[str]:
    return [entry["what"] for entry in state.get("event", ())]


def in_order(wanted: Iterable[str], path: Iterable[str]) -> bool:
    """Return whether ``wanted`` stands in ``path`` in this order, with others between."""
    rest = iter(path)
    return all(step in rest for step in wanted)


def until_told(gateway: Gateway, last: str, tunnel: int = 1) -> None:
    """Wait until what was last told of the tunnel is this status, and is what one reads."""
    gateway.wait_for(
        lambda state: state["status"] == last and statuses(gateway, tunnel)[-1:] == [last], tunnel
    )


def assert_sound(yang: Any, gateway: Gateway) -> None:
    """Everything told, and everything that can be read, is valid data of the model."""
    for content in gateway.notifications:
        valid(yang, content)
    for number, entry in gateway.entries.items():
        tunnels = {"ipsec": [{**entry, "state": gateway.state(int(number))}]}
        assert_valid(yang, {"yangswan-ipsec:tunnels": tunnels})
    daemon = gateway.run(gateway.translator.root_state("/yangswan-daemon:daemon"))
    assert_valid(yang, {"yangswan-daemon:daemon": daemon})


def test_the_life_of_a_tunnel_is_told_and_can_be_read_afterwards(
    lab: Lab, yang: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dampening, "BURST", 100)  # so much happens to no tunnel in so little time
    alice, bob = lab.alice(FAST_RETRANSMIT), lab.bob(FAST_RETRANSMIT)
    # The initiator first: its peer does not know it yet.
    bob.start(at_bob())
    alice.start()
    state = bob.wait_for(lambda state: state.get("supervision", {}).get("attempts", 0) >= 2)
    assert (state["status"], state["last-error"]["reason"]) == ("connecting", "no-proposal-chosen")
    # Then a first child that fails: the IKE SA stays, without any.
    alice.commit(at_alice(remote_subnet=["10.9.0.0/16"]))
    bob.wait_for(failed_for("selectors-mismatch"))
    until_told(bob, "ike-established")
    alice.commit(at_alice())
    until_told(bob, "installed")
    until_told(alice, "installed")
    up = bob.state()
    assert "supervision" not in up
    # Whoever watches the state is told where to look again.
    for gateway in (alice, bob):
        wanted = {"/yangswan-ipsec:tunnels/ipsec[id='1']/state", "/yangswan-daemon:daemon"}
        assert wanted <= gateway.changed_paths
    assert up["counters"]["ups"] == 1
    bob.vici("rekey", {"child": "ipsec-1"})
    bob.wait_for(lambda state: state["counters"]["rekeys"] == 1)
    alice.vici("rekey", {"ike": "ipsec-1"})
    for gateway in (alice, bob):
        rekeyed = gateway.wait_for(lambda state: "ike-rekeyed" in happened(state))
        assert rekeyed["since"] == gateway.state()["since"]
        assert {entry["sa"] for entry in told(gateway, "rekeyed")} == {"child-sa", "ike-sa"}
    assert rekeyed["since"] == up["since"], "a rekeying is no new beginning"
    newest = told(bob, "rekeyed")[0]
    assert newest["spi-in"] in {child["spi-in"] for child in bob.state()["child-sa"]}
    # The peer ends it, and gets it back; bob says who did it.
    alice.run(alice.translator.action(("1",), "terminate", {}))
    assert alice.state()["last-down"]["reason"] == "terminated"
    state = bob.wait_for(lambda state: state["counters"]["ups"] == 2)
    assert state["last-down"]["reason"] == "peer-closed"
    # The other end is changed so that nothing can come of it, and is gone in the end.
    until_told(bob, "installed")
    alice.commit(at_alice(secret="another-secret-2"))
    bob.wait_for(failed_for("authentication-failed"))
    assert alice.state()["last-down"]["reason"] == "configuration-changed"
    bob.wait_for(lambda _state: told(bob, "negotiation-failed")[-1]["reason"] == "authentication-failed")
    bob.commit(delete=(1,))
    path = ["down", "connecting", "ike-established", "installed", "connecting", "installed", "connecting"]
    assert in_order([*path, "down"], statuses(bob))
    reasons = {entry["reason"] for entry in told(bob, "negotiation-failed")}
    assert reasons == {"no-proposal-chosen", "selectors-mismatch", "authentication-failed"}
    alice_knows = alice.state()
    assert in_order(["failed", "up", "rekeyed", "ike-rekeyed", "down", "up", "down"], happened(alice_knows))
    for gateway in (alice, bob):
        assert_sound(yang, gateway)


def sent_dpd(gateway: Gateway) -> int:
    return gateway.log().count("sending DPD request")


def traps(gateway: Gateway) -> list[str]:
    return [
        name for reply in gateway.stream("list-policies", "list-policy", {"trap": "yes"}) for name in reply
    ]


def test_each_dpd_action_on_a_cut_link_and_none_without_dpd(lab: Lab, yang: Any) -> None:
    alice, bob = lab.alice(FAST_RETRANSMIT), lab.bob(FAST_RETRANSMIT)
    without = {"enabled": False, "delay": 1}
    alice.start(*(at_alice(n, dpd=ANY if n == 1 else without) for n in (1, 2, 3, 4)))
    actions = {1: "restart", 2: "clear", 3: "trap"}
    bob.start(*(at_bob(n, dpd={**ANY, "action": action}) for n, action in actions.items()),
              at_bob(4, dpd=without))  # fmt: skip
    for number in (1, 2, 3, 4):
        bob.wait_status("installed", number)
        alice.wait_status("installed", number)
    blind = spis(bob, 4)
    lab.cut()
    silent = bob.wait_status("retransmission")
    assert (silent["counters"]["retransmissions"], silent["retransmission-tries"]) == (1, 1), "at the first"
    for number, becomes in {1: "connecting", 2: "down", 3: "down"}.items():
        until_told(bob, becomes, number)
        state = bob.wait_for(failed_for("peer-silent"), number)
        assert state["last-down"]["reason"] == "peer-silent"
        assert state["counters"]["retransmissions"] >= FAST_RETRANSMIT["retransmit-tries"]
        assert in_order(["installed", "retransmission", becomes], statuses(bob, number))
        assert told(bob, "negotiation-failed", number) == [], "it was lost, not refused"
        assert in_order(["up", "retransmission", "down"], happened(state))
    until_told(alice, "down")
    assert (bob.sas("ipsec-2"), bob.sas("ipsec-3")) == ([], [])
    assert traps(bob) == ["ipsec-3/ipsec-3"]
    assert bob.state(4)["status"] == "installed"
    assert spis(bob, 4) == blind
    lab.mend()
    until_told(bob, "installed")
    assert bob.state(2)["status"] == "down"
    bob.commit(at_bob(2, dpd={**ANY, "action": "restart"}))  # nothing for charon, but for who restarts
    bob.wait_status("installed", 2)
    bob.commit(delete=(3,))
    assert traps(bob) == [], "a trap left behind would bring a deleted tunnel back"
    assert spis(bob, 4) == blind
    assert_sound(yang, bob)


def test_dpd_asks_only_when_nothing_is_received(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob()
    alice.start(at_alice(dpd={"enabled": False, "delay": 1}))
    bob.start(at_bob(dpd={"enabled": True, "delay": 2}))
    bob.wait_status("installed")

    def with_traffic(state: Json) -> bool:
        carries(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1")
        return bool(state["time-since-rekey"] >= 5)

    bob.wait_for(with_traffic)
    assert sent_dpd(bob) == 0
    bob.wait_for(lambda _state: sent_dpd(bob) > 0)
    assert bob.state()["status"] == "installed"


def test_a_tunnel_waits_for_its_local_address_and_outlives_its_going_and_coming(lab: Lab, yang: Any) -> None:
    alice, bob = (
        lab.alice(FAST_RETRANSMIT),
        lab.bob({**FAST_RETRANSMIT, "retry-first": 500, "retry-max": 900}),
    )
    address = ("192.168.0.9/24", "dev", lab.cable_of_bob)
    alice.start(at_alice())
    bob.start(at_bob(local_address="192.168.0.9", dpd=ANY))
    state = bob.wait_for(failed_for("local-address-missing"))
    assert (state["status"], state["local-address-present"]) == ("connecting", False)
    assert state["supervision"]["attempts"] == 0, "nothing is sent from an address that is not there"
    # The next try would be in minutes: it is the coming of the address that begins it.
    lab.bob_ns.ip("address", "add", *address)
    up = bob.wait_status("installed")
    assert (up["local-address-present"], up["counters"]["ups"]) == (True, 1)
    before = spis(bob)
    lab.bob_ns.ip("address", "delete", *address)
    bob.wait_for(lambda state: state["status"] == "retransmission" and not state["local-address-present"])
    lab.bob_ns.ip("address", "add", *address)
    bob.wait_status("installed")
    assert spis(bob) == before
    assert in_order(["failed", "up", "retransmission", "answered"], happened(bob.state()))
    assert_sound(yang, bob)


def test_a_killed_charon_is_told_by_both_ends_and_there_is_never_a_second_ike_sa(lab: Lab, yang: Any) -> None:
    alice, bob = pair(lab, 1)
    os.kill(bob.charon_pid, signal.SIGKILL)
    state = bob.wait_for(lambda state: state["counters"]["ups"] == 2)
    assert state["last-down"]["reason"] == "daemon-lost"
    # That it is installed may have been told before: what is waited for is that it is told again.
    bob.wait_for(lambda _state: statuses(bob).count("installed") == 2)
    names = [next(iter(content)).partition(":")[2] for content in bob.notifications]
    assert in_order(["daemon-started", "daemon-stopped", "daemon-started"], names)
    assert in_order(["installed", "connecting", "installed"], statuses(bob))
    state = alice.wait_for(lambda state: state["counters"]["ups"] == 2)
    assert state["last-down"]["reason"] == "peer-restarted"
    for gateway in (alice, bob):
        assert len(gateway.sas("ipsec-1")) == 1
        assert_sound(yang, gateway)


def test_two_initiators_that_begin_at_once_keep_one_ike_sa_and_stay_up(lab: Lab) -> None:
    alice, bob = lab.alice(FAST_RETRANSMIT), lab.bob(FAST_RETRANSMIT)
    lab.cut()
    alice.start(at_alice(initiator=True, peer="192.168.0.2"))
    bob.start(at_bob())
    for gateway in (alice, bob):  # both have asked before either can answer
        gateway.wait_for(lambda state: state["counters"]["retransmissions"] > 0)
    lab.mend()
    for gateway in (alice, bob):
        gateway.wait_for(lambda state: state["status"] == "installed" and len(state["ike-sa"]) == 1)
    (of_alice,), (of_bob,) = alice.state()["ike-sa"], bob.state()["ike-sa"]
    assert of_alice["initiator-spi"] == of_bob["initiator-spi"]
    assert alice.state()["counters"]["downs"] == bob.state()["counters"]["downs"] == 0
    assert carries(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1")


def test_a_peer_that_charon_does_not_know_yet_is_known_by_its_address(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob()
    ike = [
        {"priority": 1, "cipher": cipher, "auth": "sha256", "dh": "x25519"} for cipher in ("aes128", "aes256")
    ]
    alice.start(at_alice(peer="192.168.0.2", ike={"proposal": ike[:1]}))
    bob.start(at_bob(ike={"proposal": [{**ike[1], "priority": 1}]}))
    for gateway in (alice, bob):
        gateway.wait_for(failed_for("no-proposal-chosen"))


def sabotages(gateway: Gateway) -> dict[str, Callable[[], object]]:
    """Return what another party may do to charon, by what the repair of it is called."""
    secret = {"id": "ipsec-1", "type": "IKE", "data": "their secret", "owners": ["bob1"]}
    return {
        "connection-changed": lambda: gateway.vici("load-conn", {"ipsec-1": FOREIGN}),
        "connection-missing": lambda: gateway.vici("unload-conn", {"name": "ipsec-1"}),
        "secret-changed": lambda: gateway.vici("load-shared", secret),
        "secret-missing": lambda: gateway.vici("unload-shared", {"id": "ipsec-1"}),
    }


def test_what_others_change_in_charon_is_noticed_told_and_repaired(lab: Lab, yang: Any) -> None:
    alice, bob = lab.alice({**FAST_RETRANSMIT, "audit-interval": 0.2}), lab.bob(FAST_RETRANSMIT)
    alice.start(at_alice())
    bob.start(at_bob())
    bob.wait_status("installed")
    before = spis(alice)
    alice.vici("load-conn", {"theirs": FOREIGN})
    for what, sabotage in sabotages(alice).items():
        sabotage()
        alice.wait_for(lambda _state, what=what: told(alice, "drift-repaired")[-1:] != []
                       and told(alice, "drift-repaired")[-1]["what"] == what)  # fmt: skip
    assert [entry["what"] for entry in told(alice, "drift-repaired")] == list(sabotages(alice))
    assert happened(alice.state()).count("repaired") == 4
    assert spis(alice) == before, "the SAs were of our configuration"
    alice.vici("load-conn", {"ipsec-9": FOREIGN})
    alice.wait_for(lambda _state: told(alice, "drift-repaired", 9))
    assert set(alice.vici("get-conns")["conns"]) == {"ipsec-1", "theirs"}
    bob.run(bob.translator.action(("1",), "restart", {}))
    bob.wait_for(lambda state: state["status"] == "installed" and spis(bob) and not spis(bob) & before)
    assert_sound(yang, alice)


def test_our_own_changes_are_no_drift(lab: Lab) -> None:
    alice = lab.alice({"audit-interval": 0.1})
    alice.start(at_alice())
    for number in range(2, 12):
        ends = {"remote_id": {"name": f"bob{number}"}, "local_id": {"name": f"alice{number}"}}
        alice.commit(at_alice(number, **ends))
        alice.commit(at_alice(number, secret=f"another-secret-{number}", **ends))
    alice.commit(delete=tuple(range(2, 12)))
    alice.run(alice.translator.reconcile({("1",): at_alice()}))
    alice.vici("load-conn", {"ipsec-9": FOREIGN})
    alice.wait_for(lambda _state: told(alice, "drift-repaired", 9))
    assert [n for n in alice.notifications if "yangswan-ipsec:drift-repaired" in n] == [
        {
            "yangswan-ipsec:drift-repaired": {
                "id": 9,
                "what": "connection-unknown",
                "detail": "a connection of this name was loaded",
            }
        }
    ]
