"""Whoever knows the secret of one tunnel does not get into another: charon itself keeps him out."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest

from tests.lab import STATUS_LIMIT_S, Gateway, Lab, carries, udp
from tests.translators.tunnels import Json, at_alice

pytestmark = pytest.mark.real

TRIES = 100
ONE, TWO = "key-number-one-01", "key-number-two-02"
OPEN: dict[str, Any] = {"peer": None, "remote_id": None, "remote_subnet": ["10.2.0.0/16"]}


def open_to_all(id: int, secret: str, **members: Any) -> Json:
    return at_alice(id, **{**OPEN, "local_id": {"name": f"alice{id}"}, "secret": secret, **members})


class Peer:
    """A hand-made connection of bob's charon to alice, with whatever identities it claims."""

    def __init__(self, bob: Gateway) -> None:
        self._bob = bob

    def comes(self, own: str | None, wanted: str | None, secret: str, **ends: str) -> None:
        """Have bob ready to come as ``own``, asking for ``wanted``; with None as strongSwan does by itself,
        which is with the address, and without IDr."""
        vici, local = self._bob.vici, ends.get("local_address", "192.168.0.2")
        vici("load-shared", {"id": "foreign", "type": "IKE", "data": secret, "owners": ["%any"]})
        connection = {
            "version": ends.get("version", "2"),
            "local_addrs": [local],
            "remote_addrs": ["192.168.0.1"],
            "local": {"auth": "psk", **({"id": own} if own else {})},
            "remote": {"auth": "psk", **({"id": wanted} if wanted else {})},
            "children": {"foreign": {"local_ts": ["10.2.0.0/16"], "remote_ts": ["10.1.0.0/16"]}},
        }
        vici("load-conn", {"foreign": connection})

    def try_once(self) -> bool:
        """Return whether one attempt brings up a CHILD_SA; when it returns no SA is left."""
        self._bob.vici("initiate", {"ike": "foreign", "child": "foreign", "timeout": "-1"})
        deadline = time.monotonic() + STATUS_LIMIT_S
        while sas := self._bob.sas("foreign"):
            if any(child["state"] == "INSTALLED" for sa in sas for child in sa["child-sas"].values()):
                return True
            assert time.monotonic() < deadline, sas
        return False

    def leave(self) -> None:
        for sa in self._bob.sas("foreign"):
            self._bob.vici("terminate", {"ike-id": sa["uniqueid"], "force": "yes", "timeout": "-1"})


def arrived(lab: Lab, peer: Peer, tries: int) -> int:
    """Return how many datagrams come through while the peer tries again and again."""
    count = 0
    with (
        lab.alice_ns.call(lambda: udp("10.1.0.1")) as inside,
        lab.bob_ns.call(lambda: udp("10.2.0.1")) as out,
    ):
        inside.setblocking(False)
        for _try in range(tries):
            peer.try_once()
            for _datagram in range(5):
                with suppress(OSError):  # there is no way there where there is no tunnel
                    out.sendto(b"let me in", inside.getsockname())
            peer.leave()
            with suppress(BlockingIOError):
                while inside.recv(100):
                    count += 1
    return count


@pytest.fixture
def gateways(lab: Lab) -> tuple[Gateway, Gateway]:
    return lab.both()


# What stands beside the tunnel that is open to all, who the impostor says he is and whom he asks for.
IMPOSTORS = {
    "another open tunnel": (open_to_all(2, TWO), "fqdn:alice2", "fqdn:alice1"),
    "another open tunnel, and no IDr": (open_to_all(2, TWO), "fqdn:alice2", None),
    "a named peer": (at_alice(2, peer="192.168.0.77", secret=TWO, remote_subnet=["10.4.0.0/16"]), "fqdn:bob2",
                     "fqdn:alice1"),
    "a named peer, and no IDr": (at_alice(2, peer="192.168.0.77", secret=TWO, remote_subnet=["10.4.0.0/16"]),
                                 "fqdn:bob2", None),
    "a peer by address": (at_alice(2, peer="192.168.0.77", secret=TWO, remote_id={"inet": "192.168.0.77"},
                                   remote_subnet=["10.4.0.0/16"]), "192.168.0.77", "fqdn:alice1"),
}  # fmt: skip


@pytest.mark.parametrize("case", IMPOSTORS)
def test_another_tunnels_secret_does_not_open_a_tunnel_that_accepts_any_identity(
    lab: Lab, gateways: tuple[Gateway, Gateway], case: str
) -> None:
    alice, bob = gateways
    other, own, wanted = IMPOSTORS[case]
    alice.commit(open_to_all(1, ONE), other)
    peer = Peer(bob)
    peer.comes("fqdn:whoever", "fqdn:alice1", ONE)
    assert peer.try_once()  # its own peer comes in
    assert carries(lab.bob_ns, "10.2.0.1", lab.alice_ns, "10.1.0.1")
    peer.leave()
    alice.wait_for(lambda _state: alice.sas() == [] or peer.leave())
    peer.comes(own, wanted, TWO)
    assert arrived(lab, peer, TRIES) == 0
    assert "established" not in alice.log().split("whoever")[-1]
    state = alice.wait_for(lambda state: state.get("last-error", {}).get("reason") == "identity-conflict")
    assert own.rpartition(":")[2] in state["last-error"]["detail"]


def test_nor_does_it_while_no_agent_is_there_to_see_it(lab: Lab, gateways: tuple[Gateway, Gateway]) -> None:
    alice, bob = gateways
    entries = [open_to_all(1, ONE), open_to_all(2, TWO)]
    alice.commit(*entries)
    peer = Peer(bob)
    alice.crash()
    peer.comes("fqdn:whoever", "fqdn:alice1", ONE)
    assert peer.try_once()
    peer.leave()
    peer.comes("fqdn:alice2", "fqdn:alice1", TWO)
    assert arrived(lab, peer, 20) == 0
    again = lab.alice()
    again.start(*entries)
    assert again.sas("ipsec-1") == []
    assert arrived(lab, peer, 20) == 0


def test_a_tunnel_that_comes_later_does_not_open_those_that_are_there(
    lab: Lab, gateways: tuple[Gateway, Gateway]
) -> None:
    alice, bob = gateways
    peer = Peer(bob)
    alice.commit(open_to_all(1, ONE))
    alice.commit(open_to_all(2, TWO))
    peer.comes("fqdn:alice2", "fqdn:alice1", TWO)
    assert arrived(lab, peer, 5) == 0
    alice.commit(open_to_all(1, ONE, local_id={"name": "other"}))
    peer.comes("fqdn:alice2", "fqdn:other", TWO)
    assert arrived(lab, peer, 5) == 0
    alice.commit(open_to_all(2, ONE))
    peer.comes("fqdn:alice2", "fqdn:other", ONE)
    assert peer.try_once()  # with equal secrets nothing is gained, and nothing barred
    peer.leave()
    alice.commit(delete=(2,))
    assert alice.vici("get-conns")["conns"] == ["ipsec-1"]


# What stands beside the tunnel whose peer sends no IDr.
NEIGHBOURS: dict[str, list[Json]] = {
    "none": [],
    "a named peer": [at_alice(2, peer="192.168.0.77", secret=TWO, remote_subnet=["10.4.0.0/16"])],
    "a peer by address": [at_alice(2, peer="192.168.0.77", secret=TWO, remote_id={"inet": "192.168.0.77"},
                                   remote_subnet=["10.4.0.0/16"])],
    "another open tunnel": [open_to_all(2, TWO, peer="192.168.0.77", remote_subnet=["10.4.0.0/16"])],
}  # fmt: skip


@pytest.mark.parametrize("neighbours", NEIGHBOURS)
@pytest.mark.parametrize("remote_id", [None, {"inet": "192.168.0.2"}], ids=["any", "named"])
@pytest.mark.parametrize("local_id", [None, {"name": "alice1"}], ids=["automatic", "named"])
@pytest.mark.parametrize("peer_address", [None, "192.168.0.2"], ids=["any", "peer"])
def test_a_peer_that_sends_no_idr_comes_up(
    gateways: tuple[Gateway, Gateway],
    neighbours: str,
    peer_address: str | None,
    local_id: Json | None,
    remote_id: Json | None,
) -> None:
    # With two that accept anybody, from anywhere, nothing tells whose peer it is.
    is_known = neighbours != "another open tunnel" or peer_address is not None or remote_id is not None
    alice, bob = gateways
    alice.commit(*NEIGHBOURS[neighbours])
    alice.commit(open_to_all(1, ONE, peer=peer_address, local_id=local_id, remote_id=remote_id))
    peer = Peer(bob)
    peer.comes(None, None, TWO)
    assert not peer.try_once()
    peer.comes(None, None, ONE)
    assert peer.try_once() is is_known
    assert [sa["name"] for sa in alice.sas()] == ["ipsec-1"] * is_known


@pytest.mark.parametrize("own", ["2001:db8::9", "10.0.0.5"])
def test_a_peer_that_sends_no_idr_and_an_address_from_behind_nat_comes_up(
    gateways: tuple[Gateway, Gateway], own: str
) -> None:
    alice, bob = gateways
    alice.commit(open_to_all(1, ONE), *NEIGHBOURS["a peer by address"])
    peer = Peer(bob)
    peer.comes(own, None, ONE)
    assert peer.try_once()


def test_the_peer_of_a_named_tunnel_still_comes_up_once_that_was_loaded_anew(
    gateways: tuple[Gateway, Gateway],
) -> None:
    alice, bob = gateways
    named = {"peer": None, "local_id": {"name": "named"}, "remote_id": {"name": "bob2"}, "secret": TWO,
             "remote_subnet": ["10.2.0.0/16"]}  # fmt: skip
    alice.commit(open_to_all(1, ONE), at_alice(2, **named))
    peer = Peer(bob)
    for change in (
        {"ike": {"proposal": [], "dscp": 8}},
        {"ike": {"proposal": [], "dscp": 8}, "dpd": {"enabled": False}},
        {"enabled": False},
        {},
        None,
    ):
        if change is None:
            alice.vici("unload-conn", {"name": "ipsec-2"})
            alice.wait_for(lambda _state: "ipsec-2" in alice.vici("get-conns")["conns"])
        else:
            alice.commit(at_alice(2, **named, **change))
        if change == {"enabled": False}:
            continue
        peer.comes("fqdn:bob2", None, TWO)
        assert peer.try_once(), change
        assert [sa["name"] for sa in alice.sas()] == ["ipsec-2"]
        peer.leave()
        alice.wait_for(lambda _state: alice.sas() == [] or peer.leave())
        peer.comes("fqdn:bob2", "fqdn:alice1", TWO)
        assert not peer.try_once(), "the barrier stands"
