"""What a charon leaves in the kernel: nothing when it ends in order, else nothing beside the next one."""

from __future__ import annotations

import os
import signal

import pytest

from tests.lab import Lab, Namespace
from tests.translators.real.kernel.wire import told
from tests.translators.real.pairs import pair
from tests.translators.tunnels import at_alice

pytestmark = pytest.mark.real

# In place of charon's own where ESP is not the kernel's: its policies need no ESP.
POLICY = (
    *("ip", "xfrm", "policy", "add", "src", "10.7.0.0/16", "dst", "10.8.0.0/16", "dir", "out"),
    *("mark", "0x2", "if_id", "7"),
    *("tmpl", "src", "192.168.0.1", "dst", "192.168.0.2", "proto", "esp", "reqid", "9", "mode", "tunnel"),
)
BLOCK = (
    *("ip", "xfrm", "policy", "add", "src", "10.7.0.0/16", "dst", "10.9.0.0/16", "dir", "out"),
    *("action", "block"),
)


def held(namespace: Namespace) -> str:
    return told(namespace, "ip", "xfrm", "policy", "list", "nosock") + told(namespace, "ip", "xfrm", "state")


def test_what_a_killed_charon_left_is_gone_when_the_next_one_has_started(lab: Lab) -> None:
    alice, _bob = pair(lab, 1)
    told(lab.alice_ns, *POLICY)
    told(lab.alice_ns, *BLOCK)
    lab.cut()
    before = alice.charon_pid
    os.kill(before, signal.SIGKILL)
    alice.wait_for(lambda state: alice.charon_pid_or_none() not in (None, before) and alice.vici("version"))
    left = held(lab.alice_ns)
    assert "action block" in left, "that is not charon's"
    assert "tmpl" not in left
    assert "proto esp" not in left


def test_what_is_not_charons_outlives_one_that_ends_in_order(lab: Lab) -> None:
    alice = lab.alice()
    alice.start(at_alice())
    told(lab.alice_ns, *POLICY)
    alice.stop()
    assert "tmpl src 192.168.0.1 dst 192.168.0.2" in held(lab.alice_ns)
    again = lab.alice()
    again.start(at_alice())
    assert "tmpl src 192.168.0.1 dst 192.168.0.2" in held(lab.alice_ns)


def test_a_tunnel_leaves_nothing_when_it_is_deleted(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    bob.commit(delete=(1,))
    alice.wait_status("down")
    for namespace in (lab.alice_ns, lab.bob_ns):
        assert held(namespace) == ""
