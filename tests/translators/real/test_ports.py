"""A charon of our own beside a program that has the ports of IKE."""

from __future__ import annotations

import socket

import pytest

from tests.lab import Gateway, Lab
from tests.translators.tunnels import Json, at_alice, at_bob

pytestmark = pytest.mark.real


def holder(lab: Lab, port: int) -> socket.socket:
    """Return a socket of bob's that has ``port`` as a charon has it."""

    def opened() -> socket.socket:
        found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(("0.0.0.0", port))
        return found

    return lab.bob_ns.call(opened)


def daemon(gateway: Gateway) -> Json:
    return gateway.run(gateway.translator.root_state("/yangswan-daemon:daemon"))


@pytest.mark.parametrize("port", [500, 4500])
def test_a_port_that_another_has_is_told_and_charon_is_started_once_it_is_free(lab: Lab, port: int) -> None:
    alice = lab.alice()
    alice.start(at_alice())
    bob = lab.bob()
    with holder(lab, port):
        bob.start(at_bob())
        told = daemon(bob)
        assert told["connected"] is False
        assert told["trouble"].startswith(f"UDP port {port} is taken by ")
        error = bob.state()["last-error"]
        assert (error["reason"], error["detail"]) == ("daemon-unavailable", told["trouble"])
        assert bob.charon_pid_or_none() is None
    bob.wait_status("installed")
    assert "trouble" not in daemon(bob)
