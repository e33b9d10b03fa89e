"""Attempts towards one peer, one at a time: which of them give their place to the next."""

from __future__ import annotations

import pytest

from tests.lab import Lab
from tests.translators.real.pairs import installed
from tests.translators.tunnels import Json, at_alice, at_bob
from translators.strongswan.upkeep import supervisor

pytestmark = pytest.mark.real

NETS: Json = {"local_subnet": ["10.4.0.0/16"], "remote_subnet": ["10.3.0.0/16"]}
MIRROR: Json = {"local_subnet": ["10.3.0.0/16"], "remote_subnet": ["10.4.0.0/16"]}
NEVER = {"retry-first": 500.0, "retry-max": 1000.0}
AES128, AES256 = (
    {"esp": {"proposal": [{"priority": 1, "cipher": cipher, "auth": "sha256", "dh": "modp2048"}]}}
    for cipher in ("aes128", "aes256")
)
OTHER_NETS: Json = {"local_subnet": ["10.7.0.0/16"]}


@pytest.fixture(autouse=True)
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a place kept for longer than any test waits."""
    monkeypatch.setattr(supervisor, "AT_A_TIME", 1)
    monkeypatch.setattr(supervisor, "ATTEMPT_S", 1000.0)


@pytest.mark.parametrize("version", ["ikev2", "ikev1"])
@pytest.mark.parametrize(("ours", "peers"), [(AES128, AES256), ({}, OTHER_NETS)], ids=["proposal", "subnets"])
def test_an_attempt_whose_child_is_refused_gives_its_place(
    lab: Lab, version: str, ours: Json, peers: Json
) -> None:
    alice, bob = lab.alice(), lab.bob(NEVER)
    alice.start(at_alice(1, ike={"version": version}, **peers), at_alice(2, **MIRROR))
    bob.start()
    bob.commit(at_bob(1, ike={"version": version}, **ours))
    bob.commit(at_bob(2, **NETS))
    bob.wait_status("installed", 2)
    assert bob.state(1)["status"] == "ike-established"


@pytest.mark.parametrize("how", [{"esp": {"sa-per-subnet-pair": True}}, {"ike": {"version": "ikev1"}}])
def test_an_attempt_of_many_children_gives_its_place_when_all_are_up_or_refused(lab: Lab, how: Json) -> None:
    nets = [f"10.{number}.0.0/16" for number in (1, 5, 6)]
    lab.alice_ns.ip("address", "add", "10.5.0.1/16", "dev", "lo")
    alice, bob = lab.alice(), lab.bob(NEVER)
    alice.start(at_alice(1, local_subnet=nets[:2], **how), at_alice(2, **MIRROR))
    bob.start()
    bob.commit(at_bob(1, remote_subnet=nets, **how))
    bob.commit(at_bob(2, **NETS))
    bob.wait_status("installed", 2)
    children = [child for _sa, child in installed(bob, 1)]
    assert sorted(net for child in children for net in child["remote-ts"]) == nets[:2]
