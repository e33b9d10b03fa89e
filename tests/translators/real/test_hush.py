"""Packets of IKE are kept from arriving for a moment, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.lab import Gateway, Lab, Namespace, udp
from translators.strongswan.protection import hush, nft

pytestmark = pytest.mark.real

IKE, ESP = bytes(4) + b"ike", b"\x01\x02\x03\x04esp"


def arrives_first(lab: Lab) -> bytes:
    """Send a packet of IKE and one of ESP to alice, and return which of them came first."""
    receiver = lab.alice_ns.call(lambda: udp("192.168.0.1", 4500))
    sender = lab.bob_ns.call(lambda: udp("192.168.0.2"))
    with receiver, sender:
        receiver.settimeout(30)
        for packet in (IKE, ESP):
            sender.sendto(packet, ("192.168.0.1", 4500))
        return receiver.recv(100)


def table(namespace: Namespace) -> str:
    command = [*namespace.exec, "nft", "list", "tables"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


async def _hushed(lab: Lab) -> tuple[bool, bytes]:
    async with hush.hushed() as is_hushed:
        return is_hushed, arrives_first(lab)


def test_ike_is_held_back_and_esp_is_not(lab: Lab) -> None:
    gateway: Gateway = lab.alice()
    assert arrives_first(lab) == IKE
    assert gateway.run(_hushed(lab)) == (True, ESP)
    assert table(lab.alice_ns) == ""
    assert arrives_first(lab) == IKE


async def _killed(lab: Lab) -> str:
    async with hush.hushed():
        before = table(lab.alice_ns)
        os.kill(nft.own_pids[0], signal.SIGKILL)
        return before


def test_it_ends_with_the_process_whatever_happens(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    nft.own_pids.clear()
    assert "yangswan-hush" in lab.alice().run(_killed(lab))
    assert table(lab.alice_ns) == ""


def test_without_nft_it_is_done_without(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nft, "program", lambda: None)
    assert lab.alice().run(_hushed(lab)) == (False, IKE)


def test_an_nft_that_refuses_is_said(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = tmp_path / "nft"
    refusing.write_text("#!/bin/sh\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setattr(nft, "program", lambda: str(refusing))
    assert lab.alice().run(_hushed(lab)) == (False, IKE)
