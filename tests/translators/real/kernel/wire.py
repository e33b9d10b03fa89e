"""Packets with a mark, a DSCP and a DF bit, what becomes of them on the cable, and what the kernel counts."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.lab import STATUS_LIMIT_S, Lab, Namespace, udp
from tests.translators.tunnels import Json

ETH_P_ALL, ETH_P_IP = 0x0003, 0x0800  # linux/if_ether.h
IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_DO = 10, 0, 2  # linux/in.h
DONT_FRAGMENT = 0x4000  # RFC 791 section 3.1: of flags and fragment offset
ESP = 50
LAST = b"the last"


@dataclass(frozen=True, slots=True)
class Packet:
    """An IPv4 packet as it was on the cable."""

    octets: bytes

    @property
    def dscp(self) -> int:
        return self.octets[1] >> 2

    @property
    def dont_fragment(self) -> bool:
        return bool(int.from_bytes(self.octets[6:8], "big") & DONT_FRAGMENT)

    @property
    def protocol(self) -> int:
        return self.octets[9]

    @property
    def source(self) -> str:
        return socket.inet_ntoa(self.octets[12:16])


class Cable:
    """Sees the IPv4 packets on bob's end of the cable, and can put one on alice's again."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._socket = lab.bob_ns.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM))
        self._socket.bind((lab.cable_of_bob, ETH_P_ALL))
        self._socket.settimeout(STATUS_LIMIT_S)

    def next(self, protocol: int, source: str) -> Packet:
        """Return the next packet of this protocol of IP from this address."""
        while True:
            octets = self._socket.recv(65535)
            if octets[0] >> 4 == 4:
                packet = Packet(octets)
                if (packet.protocol, packet.source) == (protocol, source):
                    return packet

    def again(self, packet: Packet) -> None:
        """Send a packet of alice to bob once more."""
        bob = self._lab.bob_ns.call(lambda: hardware_address(self._lab.cable_of_bob))
        sender = self._lab.alice_ns.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM))
        with sender:
            sender.sendto(packet.octets, (self._lab.cable_of_alice, ETH_P_IP, 0, 0, bob))

    def close(self) -> None:
        self._socket.close()


@contextmanager
def watched(lab: Lab) -> Iterator[Cable]:
    cable = Cable(lab)
    try:
        yield cable
    finally:
        cable.close()


def hardware_address(interface: str) -> bytes:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as probe:
        probe.bind((interface, 0))
        return bytes(probe.getsockname()[4])


def send(
    lab: Lab, *, source: str = "10.2.0.1", destination: str = "10.1.0.1",
    mark: int = 0, dscp: int = 0, dont_fragment: bool = False,
) -> int:  # fmt: skip
    """Send one packet from bob to alice; return the DSCP that it has when it arrives."""
    receiver = lab.alice_ns.call(lambda: udp(destination))
    sender = lab.bob_ns.call(lambda: udp(source))
    with receiver, sender:
        receiver.settimeout(STATUS_LIMIT_S)
        receiver.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        prepare(sender, mark=mark, dscp=dscp, dont_fragment=dont_fragment)
        sender.sendto(LAST, receiver.getsockname())
        payload, ancillary, _flags, _address = receiver.recvmsg(100, 100)
        assert payload == LAST
        ((_level, _kind, tos),) = ancillary
        return tos[0] >> 2


def send_until_it_arrives(lab: Lab) -> None:
    """Send from bob to alice again and again: the kernel throws away what no SA is there for yet."""
    deadline = time.monotonic() + STATUS_LIMIT_S
    receiver = lab.alice_ns.call(lambda: udp("10.1.0.1"))
    sender = lab.bob_ns.call(lambda: udp("10.2.0.1"))
    with receiver, sender:
        receiver.settimeout(0.2)
        while time.monotonic() < deadline:
            sender.sendto(LAST, receiver.getsockname())
            with suppress(TimeoutError):
                assert receiver.recv(100) == LAST
                return
    raise AssertionError("no packet arrived")


def prepare(sender: socket.socket, *, mark: int = 0, dscp: int = 0, dont_fragment: bool = False) -> None:
    """Have ``sender`` send packets like this."""
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
    fragment = IP_PMTUDISC_DO if dont_fragment else IP_PMTUDISC_DONT
    sender.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, fragment)


def told(namespace: Namespace, *command: str) -> str:
    """Return what a command prints that runs in ``namespace`` and must succeed."""
    done = subprocess.run([*namespace.exec, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def states(namespace: Namespace) -> dict[str, str]:
    """Return what ``ip -s xfrm state`` says of each SA, by its SPI in hexadecimal digits."""
    text = told(namespace, "ip", "-s", "xfrm", "state")
    found = re.split(r"^(?=src )", text, flags=re.MULTILINE)[1:]
    return {match[1]: one for one in found if (match := re.search(r"spi 0x([0-9a-f]+)", one))}


def counted(namespace: Namespace) -> dict[str, int]:
    """Return why the kernel has thrown packets away, and how many (/proc/net/xfrm_stat)."""
    lines = told(namespace, "cat", "/proc/net/xfrm_stat").splitlines()
    return {name: int(number) for name, number in (line.split() for line in lines)}


def packets(state: Json) -> tuple[int, int]:
    """Return how many packets came in and went out through the CHILD_SAs of a tunnel, by its state."""
    children = state["child-sa"]
    return sum(int(one["packets-in"]) for one in children), sum(int(one["packets-out"]) for one in children)
