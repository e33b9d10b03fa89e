"""What the state says of tunnels that overlap is what happens to their traffic."""

from __future__ import annotations

import pytest

from tests.lab import Gateway, Lab, carries
from tests.translators.tunnels import at_alice, at_bob

pytestmark = pytest.mark.real


def octets_out(gateway: Gateway, tunnel: int) -> int:
    return sum(int(child["bytes-out"]) for child in gateway.state(tunnel)["child-sa"])


@pytest.mark.parametrize("narrow", [1, 2])
def test_the_narrower_tunnel_carries_what_both_have(lab: Lab, narrow: int) -> None:
    alice, bob = lab.alice(), lab.bob()
    subnets = {number: ["10.1.0.0/24" if number == narrow else "10.1.0.0/16"] for number in (1, 2)}
    alice.start(*(at_alice(number, local_subnet=subnets[number]) for number in (1, 2)))
    bob.start(at_bob(1, remote_subnet=subnets[1]))
    bob.wait_status("installed", 1)
    bob.commit(at_bob(2, remote_subnet=subnets[2]))
    bob.wait_status("installed", 2)
    wide = 3 - narrow
    assert [(one["tunnel"], one["relation"]) for one in bob.state(narrow)["overlap"]] == [(wide, "narrower")]
    assert [(one["tunnel"], one["relation"]) for one in bob.state(wide)["overlap"]] == [(narrow, "wider")]
    carries(lab.bob_ns, "10.2.0.1", lab.alice_ns, "10.1.0.1")
    assert octets_out(bob, narrow) > 0
    assert octets_out(bob, wide) == 0
