"""What is foretold of sessions comes true: packets are sent, and either arrive or do not."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

import pytest

from agent.translator import Captured, Route
from tests.lab import FAST_RETRANSMIT, STATUS_LIMIT_S, Gateway, Lab, Namespace, change, udp
from tests.translators.real.test_leaks import host_behind, until_both_are_up
from tests.translators.tunnels import Json, at_alice, at_bob

pytestmark = pytest.mark.real

EVERYTHING: Json = {"local_subnet": ["10.8.0.0/24"], "remote_subnet": ["0.0.0.0/0"]}
PARTS: Json = {"local_subnet": ["10.8.0.0/24"], "remote_subnet": ["10.5.0.0/16"]}
NEXT_DOOR, BEHIND = Route("10.8.0.1", "10.8.0.2"), Route("10.8.0.1", "10.5.0.9")
OUTSIDE = Route("192.168.0.1", "10.5.0.9")
CASES: Mapping[str, Json] = {
    "everything": EVERYTHING,
    "everything, unprotected": EVERYTHING | {"leak_protection": False},
    "nothing spared": EVERYTHING | {"bypass": {"connected-networks": False}},
    "nothing spared, unprotected": EVERYTHING
    | {"leak_protection": False, "bypass": {"connected-networks": False}},
    "spared": EVERYTHING | {"bypass": {"network": ["10.5.0.0/16"]}},
    "of another near side": {"local_subnet": ["10.1.0.0/16"], "remote_subnet": ["0.0.0.0/0"]},
    "of another near side, spared": {
        "local_subnet": ["10.1.0.0/16"],
        "remote_subnet": ["0.0.0.0/0"],
        "bypass": {"network": ["10.5.0.0/16"]},
    },
    "marked": PARTS | {"esp": {"mark-in": "0x5", "mark-out": "0x5"}},
    "an interface": PARTS | {"esp": {"if-id-in": 5, "if-id-out": 5}},
    "elsewhere": {"local_subnet": ["10.8.0.0/24"], "remote_subnet": ["10.2.0.0/16"]},
}


@pytest.mark.parametrize("members", CASES.values(), ids=CASES)
def test_what_is_foretold_comes_true(lab: Lab, members: Json) -> None:
    with host_behind(lab) as host:
        host.ip("link", "set", "lo", "up")
        host.ip("address", "add", "10.5.0.9/32", "dev", "lo")
        lab.alice_ns.ip("route", "add", "10.5.0.0/16", "via", "10.8.0.2")
        # charon makes no route without an address of the near side.
        lab.bob_ns.ip("address", "add", "10.5.0.7/32", "dev", "lo")
        alice, bob = lab.both({**FAST_RETRANSMIT, "kernel": "libipsec"})
        entry = at_alice(**members)
        foretold = cut_off(alice, None, entry)
        alice.commit(entry)
        near, far = members["local_subnet"], members["remote_subnet"]
        bob.commit(at_bob(local_subnet=far, remote_subnet=near, leak_protection=False))
        until_both_are_up(alice, bob)
        assert cut_off(alice, entry, {**entry, "description": "branch"}) == {}
        with ExitStack() as stack:
            talks = {
                route: stack.enter_context(talk(route, lab.alice_ns, host))
                for route in (NEXT_DOOR, BEHIND, OUTSIDE)
            }
            for one in talks.values():
                one.send(b"through")
            alice.commit(delete=(1,))
            for one in talks.values():
                one.send(b"after")
            lost = {route for route, one in talks.items() if one.lost(b"through")}
        assert foretold.keys() == lost


def cut_off(gateway: Gateway, before: Json | None, after: Json | None) -> dict[Route, Captured]:
    routes = (NEXT_DOOR, BEHIND, OUTSIDE)
    found = gateway.run(gateway.translator.captured([change(before, after)], routes))
    return {one.route: one for one in found}


class Talk:
    """Packets both ways between two addresses; those that arrive keep their order."""

    def __init__(self, ends: tuple[socket.socket, socket.socket]) -> None:
        self._ends = ends

    def send(self, text: bytes) -> None:
        for one, other in (self._ends, self._ends[::-1]):
            with suppress(PermissionError):  # a rule drops it at once
                one.sendto(text, other.getsockname())

    def lost(self, text: bytes) -> bool:
        """Return whether the first packet to arrive at one of the ends is not ``text``."""
        return any(end.recv(100) != text for end in self._ends)


@contextmanager
def talk(route: Route, ours: Namespace, theirs: Namespace) -> Iterator[Talk]:
    ends = ours.call(lambda: udp(route.local)), theirs.call(lambda: udp(route.remote))
    with ends[0], ends[1]:
        for end in ends:
            end.settimeout(STATUS_LIMIT_S)
        yield Talk(ends)
