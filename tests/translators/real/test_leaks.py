"""No packet of a tunnel in clear: counted on the cable between two gateways that never stop talking."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from agent.errors import BackendError
from tests.lab import FAST_RETRANSMIT, STATUS_LIMIT_S, Gateway, Lab, Namespace, carries, udp
from tests.translators.real.kernel.wire import hardware_address
from tests.translators.tunnels import Json, at_alice, at_bob
from tests.wire_tap import Tap, talking
from translators.strongswan.protection import nft

pytestmark = pytest.mark.real

NEAR, FAR = "10.1.0.0/16", "10.2.0.0/16"
PACKETS = 20
"""So many that are sent while one waits show that somebody talks."""


@contextmanager
def tapped(lab: Lab) -> Iterator[Tap]:
    """Yield a tap on the cable while hosts of both networks talk to each other, where a way in clear is."""
    lab.join_networks()
    with (
        talking(lab.alice_ns, "10.1.0.1", "10.2.0.1"),
        talking(lab.bob_ns, "10.2.0.1", "10.1.0.1"),
        Tap(lab) as tap,
    ):
        until(lambda: tap.between(NEAR, FAR) > PACKETS)
        yield tap


def until(condition: Callable[[], object]) -> None:
    """Return when ``condition`` holds."""
    deadline = time.monotonic() + STATUS_LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def dropped(gateway: Gateway, way: str = "out", tunnel: int = 1) -> int:
    return int(gateway.state(tunnel)["leak-protection"].get(f"dropped-packets-{way}", 0))


def rules(namespace: Namespace) -> str:
    done = subprocess.run([*namespace.exec, "nft", "list", "ruleset"], capture_output=True, text=True)
    return done.stdout


def until_both_are_up(alice: Gateway, bob: Gateway) -> None:
    bob.wait_status("installed")
    alice.wait_status("installed")


class Story:
    """Two gateways and what happens to them; ``clear`` is how many packets passed in clear meanwhile."""

    def __init__(self, lab: Lab, tap: Tap, protected: bool) -> None:
        self._lab, self._tap = lab, tap
        self._protected = {} if protected else {"leak_protection": False}
        self._stack = ExitStack()
        self.clear: dict[str, int] = {}
        self.alice, self.bob = lab.both(FAST_RETRANSMIT)

    def entries(self, **members: object) -> tuple[Json, Json]:
        """Return both ends of the tunnel."""
        given = {**self._protected, **members}
        return at_alice(**given), at_bob(**given)

    @contextmanager
    def chapter(self, name: str) -> Iterator[None]:
        before = self._tap.between(NEAR, FAR)
        yield
        self.clear[name] = self._tap.between(NEAR, FAR) - before

    def play(self) -> None:
        """Let everything happen, from the commits to a restart of the agent."""
        lab, alice, bob = self._lab, self.alice, self.bob
        for gateway, entry in zip((alice, bob), self.entries(), strict=True):
            gateway.commit(entry)
        with self.chapter("committed, until up"):
            until_both_are_up(alice, bob)
        with self.chapter("up, and rekeyed"):
            bob.vici("rekey", {"child": "ipsec-1"})
            until(lambda: bob.state().get("counters", {}).get("rekeys"))
            bob.vici("rekey", {"ike": "ipsec-1"})
            until(lambda: "ike-rekeyed" in {event["what"] for event in bob.state().get("event", ())})
        with self.chapter("the subnets changed"):
            self._change_subnets()
        with self.chapter("charon killed"):
            os.kill(alice.charon_pid, signal.SIGKILL)
            bob.run(bob.translator.action(("1",), "restart", {}))
            until_both_are_up(alice, bob)
        with self.chapter("charon restarted"):
            bob.run(bob.translator.rpc("restart-daemon", {}))
            until_both_are_up(alice, bob)
        with self.chapter("the peer is dead"):
            lab.cut()
            bob.wait_status("retransmission")
            bob.wait_for(lambda state: state["status"] not in ("installed", "retransmission"))
            lab.mend()
            lab.bob_ns.ip("route", "replace", "10.1.0.0/16", "via", "192.168.0.1")
            until_both_are_up(alice, bob)
        with self.chapter("the agent killed, and charon after it"):
            bob.crash()
            os.kill(bob.charon_pid, signal.SIGKILL)
            until(lambda: bob.charon_pid_or_none() is None)
            self.bob = again = lab.bob(FAST_RETRANSMIT)
            again.start(*bob.entries.values())
            until_both_are_up(alice, again)

    def _change_subnets(self) -> None:
        for gateway, entry in zip(
            (self.alice, self.bob),
            (
                self.entries(remote_subnet=[FAR, "10.4.0.0/16"])[0],
                self.entries(local_subnet=[FAR, "10.4.0.0/16"])[1],
            ),
            strict=True,
        ):
            gateway.commit(entry)
        until_both_are_up(self.alice, self.bob)


def test_no_packet_of_a_tunnel_is_in_clear_whatever_happens(lab: Lab) -> None:
    with tapped(lab) as tap:
        story = Story(lab, tap, protected=True)
        story.play()
        assert set(story.clear.values()) == {0}, story.clear
        assert dropped(story.bob) > 0, "what was dropped before the agent was killed is still counted"
        with story.chapter("disabled"):
            for gateway, entry in zip((story.alice, story.bob), story.entries(enabled=False), strict=True):
                gateway.commit(entry)
            until(lambda: tap.between(NEAR, FAR) > PACKETS)
        assert "yangswan" not in rules(lab.alice_ns), "what is not asked for is not there"


def test_without_protection_packets_of_a_tunnel_are_in_clear(lab: Lab) -> None:
    """What the test above looks for is to be seen."""
    with tapped(lab) as tap:
        story = Story(lab, tap, protected=False)
        story.play()
        assert story.clear["charon killed"] > 0, story.clear
        assert story.clear["the agent killed, and charon after it"] > 0, story.clear
        assert story.alice.state()["leak-protection"] == {"in-force": False, "reason": "switched-off"}


def test_what_claims_to_come_from_the_far_side_in_clear_is_dropped(lab: Lab) -> None:
    alice, bob = lab.both(FAST_RETRANSMIT)
    alice.commit(at_alice())
    bob.commit(at_bob())
    until_both_are_up(alice, bob)
    receiver = lab.alice_ns.call(lambda: udp("10.1.0.1"))
    with receiver:
        forged = _datagram("10.2.0.7", "10.1.0.1", receiver.getsockname()[1])
        _send_in_clear(lab, forged)
        until(lambda: dropped(alice, "in") == 1)
        # Disabled: while it is up, the kernel refuses such a packet itself, where that does ESP.
        alice.commit(at_alice(enabled=False))
        _send_in_clear(lab, forged)
        receiver.settimeout(STATUS_LIMIT_S)
        assert receiver.recv(100) == b"forged", "where it is no tunnel's it arrives"
        receiver.setblocking(False)
        with pytest.raises(BlockingIOError):
            receiver.recv(100)


def _datagram(source: str, destination: str, port: int) -> bytes:
    """Return an IPv4 packet with a UDP datagram; a checksum of 0 is not looked at."""
    payload = struct.pack("!HHHH", 4000, port, 8 + 6, 0) + b"forged"
    header = [0x4500, 20 + len(payload), 0, 0, 64 << 8 | socket.IPPROTO_UDP, 0]
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    words = header + list(struct.unpack("!4H", ends))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    header[5] = ~total & 0xFFFF
    return struct.pack("!6H", *header) + ends + payload


def _send_in_clear(lab: Lab, packet: bytes) -> None:
    """Put a packet on the cable, past every rule of bob's kernel."""
    address = lab.alice_ns.call(lambda: hardware_address(lab.cable_of_alice))
    sender = lab.bob_ns.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0))
    with sender:
        sender.sendto(packet, (lab.cable_of_bob, 0x0800, 0, 0, address))


def test_rules_that_somebody_else_takes_out_are_in_force_again(lab: Lab) -> None:
    alice = lab.alice()
    alice.start(at_alice())
    with lab_host(lab):
        alice_talks_once(lab)
        until(lambda: dropped(alice) == 1)
        subprocess.run([*lab.alice_ns.exec, "nft", "flush", "ruleset"], check=True)
        until(lambda: "drop_out4_16_16" in rules(lab.alice_ns))
        subprocess.run(
            [*lab.alice_ns.exec, "nft", "add", "table", "inet", "yangswan", "{ flags dormant; }"], check=True
        )
        until(lambda: "dormant" not in rules(lab.alice_ns))


@contextmanager
def lab_host(lab: Lab) -> Iterator[None]:
    lab.join_networks()
    yield


def alice_talks_once(lab: Lab) -> None:
    sender = lab.alice_ns.call(lambda: udp("10.1.0.1"))
    with sender, pytest.raises(PermissionError):
        sender.sendto(b"in clear?", ("10.2.0.1", 9))


def test_a_commit_that_cannot_be_protected_is_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = lab.alice()
    alice.start()
    monkeypatch.setattr(nft, "program", lambda: None)
    with pytest.raises(BackendError, match="install the package nftables"):
        alice.commit(at_alice())
    assert alice.vici("get-conns")["conns"] == []
    alice.commit(at_alice(leak_protection=False))
    assert alice.state()["leak-protection"]["in-force"] is False


def test_a_start_that_cannot_protect_says_so_and_tries_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = lab.alice({"audit-interval": 0.2})
    with monkeypatch.context() as without:
        without.setattr(nft, "program", lambda: None)
        alice.start(at_alice())
        found = alice.state()["leak-protection"]
        assert (found["in-force"], found["reason"]) == (False, "failed")
        assert "nft was not found" in found["detail"]
    alice.wait_for(lambda state: state["leak-protection"]["in-force"])
    assert "drop_out4_16_16" in rules(lab.alice_ns)


def test_a_commit_that_charon_refuses_leaves_the_rules_as_they_were(lab: Lab) -> None:
    alice = lab.alice()
    alice.start(at_alice())
    before = rules(lab.alice_ns)
    with pytest.raises(BackendError):
        alice.commit_broken([at_alice(2, remote_subnet=["10.9.0.0/24"])], "ipsec-2")
    assert "10.9.0.0" not in rules(lab.alice_ns)
    alice.commit_and_undo(at_alice(2, remote_subnet=["10.9.0.0/24"]))
    assert "10.9.0.0" not in rules(lab.alice_ns)
    assert "10.2.0.0" in before


def test_a_packet_that_is_handed_on_is_dropped_too_in_both_families(lab: Lab) -> None:
    with host_behind(lab) as host:
        alice = lab.alice()
        alice.start(
            at_alice(
                local_subnet=["10.8.0.0/24", "2001:db8:8::/64"],
                remote_subnet=["10.2.0.0/16", "2001:db8:2::/64"],
            )
        )
        lab.join_networks()
        for source, destination in (("10.8.0.2", "10.2.0.1"), ("2001:db8:8::2", "2001:db8:2::1")):
            with Tap(lab) as tap, talking(host, source, destination):
                before = dropped(alice)
                until(lambda before=before: dropped(alice) > before + PACKETS)
            assert tap.between(f"{source}/{128 if ':' in source else 32}", f"{destination}") == 0
        alice.commit(delete=(1,))
        with Tap(lab) as tap, talking(host, "10.8.0.2", "10.2.0.1"):
            until(lambda: tap.between("10.8.0.2/32", "10.2.0.1/32") > PACKETS)


@contextmanager
def host_behind(lab: Lab) -> Iterator[Namespace]:
    """Yield a host in a network behind alice, who hands its packets on."""
    host = Namespace(f"{lab.alice_ns.name}-host")
    try:
        host.ip("link", "add", "eth0", "type", "veth", "peer", "name", "inside", "netns", lab.alice_ns.name)
        for namespace, device, one in ((host, "eth0", 2), (lab.alice_ns, "inside", 1)):
            namespace.ip("address", "add", f"10.8.0.{one}/24", "dev", device)
            namespace.ip("address", "add", f"2001:db8:8::{one}/64", "dev", device, "nodad")
            namespace.ip("link", "set", device, "up")
        host.ip("route", "add", "default", "via", "10.8.0.1")
        host.ip("-6", "route", "add", "default", "via", "2001:db8:8::1")
        lab.alice_ns.ip("-6", "address", "add", "2001:db8:ff::1/64", "dev", lab.cable_of_alice, "nodad")
        lab.alice_ns.ip(
            "-6", "route", "add", "2001:db8:2::/64", "via", "2001:db8:ff::2", "dev", lab.cable_of_alice
        )
        for setting in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            lab.alice_ns.call(partial(Path("/proc/sys/net", setting).write_text, "1"))
        yield host
    finally:
        host.close()


def test_a_tunnel_for_everything_leaves_the_connected_network_alone(lab: Lab) -> None:
    with host_behind(lab) as host:
        alice, bob = lab.both(FAST_RETRANSMIT)
        everything: Json = {"local_subnet": ["10.8.0.0/24"], "remote_subnet": ["0.0.0.0/0"]}
        alice.commit(at_alice(**everything))
        bob.commit(at_bob(local_subnet=["0.0.0.0/0"], remote_subnet=["10.8.0.0/24"]))
        until_both_are_up(alice, bob)
        assert carries(host, "10.8.0.2", lab.alice_ns, "10.8.0.1")
        assert carries(lab.alice_ns, "10.8.0.1", host, "10.8.0.2")
        assert carries(host, "10.8.0.2", lab.bob_ns, "10.2.0.1"), "the rest goes through the tunnel"
        assert carries(lab.bob_ns, "10.2.0.1", host, "10.8.0.2"), "what comes out of it does not go in again"
        assert carries(lab.alice_ns, "192.168.0.1", host, "10.8.0.2"), "by any address of the gateway"
        assert "covered-network" not in alice.state()
        alice.commit(at_alice(**everything, bypass={"connected-networks": False}))
        found = alice.wait_for(lambda state: "covered-network" in state)
        assert found["covered-network"] == ["10.8.0.0/24"]


def test_a_tunnel_of_another_near_side_does_not_swallow_what_goes_next_door(lab: Lab) -> None:
    """charon's route to everywhere goes by the destination alone; its policy is for 10.1.0.0/16."""
    with host_behind(lab) as host:
        lab.alice_ns.ip("address", "add", "10.3.0.1/32", "dev", "lo")
        lab.bob_ns.ip("address", "add", "10.8.0.77/32", "dev", "lo")
        alice, bob = lab.both({**FAST_RETRANSMIT, "kernel": "libipsec"})
        alice.commit(
            at_alice(1, remote_subnet=["0.0.0.0/0"]),
            # Another one takes a part of the network next door.
            at_alice(2, local_subnet=["10.3.0.0/16"], remote_subnet=["10.8.0.64/26"]),
        )
        bob.commit(
            at_bob(1, local_subnet=["0.0.0.0/0"]),
            at_bob(2, local_subnet=["10.8.0.64/26"], remote_subnet=["10.3.0.0/16"]),
        )
        for gateway in (bob, alice):
            gateway.wait_status("installed", tunnel=1)
            gateway.wait_status("installed", tunnel=2)
        assert carries(lab.alice_ns, "10.8.0.1", host, "10.8.0.2")
        assert carries(lab.alice_ns, "192.168.0.1", host, "10.8.0.2")
        assert carries(lab.alice_ns, "10.1.0.1", host, "10.8.0.2"), "as its own near side does"
        assert carries(host, "10.8.0.2", lab.alice_ns, "10.8.0.1")
        assert carries(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1"), "the rest goes through the tunnel"
        with Tap(lab) as tap:
            assert carries(lab.alice_ns, "10.3.0.1", lab.bob_ns, "10.8.0.77"), "and this through the other"
            assert tap.between("10.3.0.0/16", "10.8.0.0/24") == 0


def test_what_is_bypassed_passes_in_both_directions(lab: Lab) -> None:
    with host_behind(lab) as host:
        alice, bob = lab.both(FAST_RETRANSMIT)
        bypass: Json = {"network": ["10.2.0.0/16"]}
        alice.commit(at_alice(local_subnet=["10.8.0.0/24"], remote_subnet=["10.0.0.0/8"], bypass=bypass))
        bob.commit(at_bob(local_subnet=["10.0.0.0/8"], remote_subnet=["10.8.0.0/24"]))
        # bob bypasses for all tunnels what alice does for one.
        bob.gateway_commit(bypass={"10.8.0.0/24": True})
        until_both_are_up(alice, bob)
        lab.join_networks()
        lab.bob_ns.ip("route", "replace", "10.8.0.0/24", "via", "192.168.0.1")
        with Tap(lab) as tap:
            assert carries(host, "10.8.0.2", lab.bob_ns, "10.2.0.1")
            assert carries(lab.bob_ns, "10.2.0.1", host, "10.8.0.2")
            until(lambda: tap.between("10.8.0.0/24", "10.2.0.0/16") >= 2)


def test_a_rule_of_charon_that_somebody_flushes_is_there_again(lab: Lab) -> None:
    alice, bob = lab.both(FAST_RETRANSMIT)
    # The peer itself lies in the far side, so charon's own packets have to be left out of the rule.
    bob.commit(at_bob(local_subnet=["0.0.0.0/0"], remote_subnet=["10.1.0.0/16"]))
    alice.commit(at_alice(remote_subnet=["0.0.0.0/0"]))
    until_both_are_up(alice, bob)
    assert carries(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1")

    def of_charon() -> list[str]:
        shown = subprocess.run([*lab.alice_ns.exec, "ip", "rule"], capture_output=True, text=True).stdout
        return [line for line in shown.splitlines() if "lookup 220" in line]

    before = of_charon()
    lab.alice_ns.ip("rule", "del", "priority", "220")
    until(of_charon)
    assert of_charon() == before
    assert carries(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1")


def test_a_tunnel_that_takes_who_configures_the_gateway_says_so(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    alice = lab.alice()
    alice.start()
    alice.clients.append("172.16.5.9")
    everything = at_alice(local_subnet=None, remote_subnet=["0.0.0.0/0"])
    alice.commit(everything)
    assert alice.state()["covered-network"] == ["172.16.5.9/32"]
    assert "tunnel 1 takes 172.16.5.9/32" in caplog.text
    alice.commit(everything | {"bypass": {"network": ["172.16.0.0/12"]}})
    assert "covered-network" not in alice.state()
    assert "to 172.16.0.0/12 lookup main" in routing_rules(lab.alice_ns)
    alice.commit(everything)
    alice.gateway_commit(bypass={"172.16.5.0/24": True})
    assert "covered-network" not in alice.state()
    assert "from all to 172.16.5.0/24 lookup main" in routing_rules(lab.alice_ns)
    alice.gateway_commit(bypass={"172.16.5.0/24": False}, leak_protection=False)
    assert "172.16" not in routing_rules(lab.alice_ns)
    assert alice.state()["leak-protection"] == {"in-force": False, "reason": "switched-off"}


def routing_rules(namespace: Namespace) -> str:
    return subprocess.run([*namespace.exec, "ip", "rule"], capture_output=True, text=True).stdout
