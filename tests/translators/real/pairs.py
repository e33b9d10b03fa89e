"""Two gateways with tunnels up between them, and what their charons have for these."""

from __future__ import annotations

from collections.abc import Callable

from tests.lab import FAST_RETRANSMIT, Gateway, Lab
from tests.translators.systemctls import charon_alone
from tests.translators.tunnels import Json, at_alice, at_bob
from translators.strongswan.options import Options

FOREIGN: Json = {"version": "2", "local": {"auth": "psk"}, "remote": {"auth": "psk"}}
"""A connection that is none of ours."""


def pair(lab: Lab, *tunnels: int) -> tuple[Gateway, Gateway]:
    """Return alice and bob with these tunnels up."""
    alice, bob = lab.alice(FAST_RETRANSMIT), lab.bob(FAST_RETRANSMIT)
    alice.start(*(at_alice(tunnel) for tunnel in tunnels))
    bob.start(*(at_bob(tunnel) for tunnel in tunnels))
    for tunnel in tunnels:
        bob.wait_status("installed", tunnel)
        alice.wait_status("installed", tunnel)
    return alice, bob


def installed(gateway: Gateway, tunnel: int) -> list[tuple[Json, Json]]:
    """Return every CHILD_SA that is installed for the tunnel, each behind its IKE_SA."""
    return [
        (sa, child)
        for sa in gateway.sas(f"ipsec-{tunnel}")
        for child in sa.get("child-sas", {}).values()
        if child["state"] == "INSTALLED"
    ]


def spis(gateway: Gateway, tunnel: int = 1) -> set[tuple[str, str]]:
    """Return (IKE SPI, ESP SPI) of everything installed for the tunnel."""
    return {(sa["initiator-spi"], child["spi-in"]) for sa, child in installed(gateway, tunnel)}


def selectors(gateway: Gateway) -> list[tuple[list[str], list[str]]]:
    return [(child["local-ts"], child["remote-ts"]) for _sa, child in installed(gateway, 1)]


def failed_for(reason: str) -> Callable[[Json], bool]:
    return lambda state: state.get("last-error", {}).get("reason") == reason


def octets_in(gateway: Gateway) -> int:
    return sum(int(child["bytes-in"]) for sa in gateway.sas("ipsec-1") for child in sa["child-sas"].values())


def with_charon_alone(gateway: Gateway) -> Gateway:
    """Start a charon in the gateway's folder without an agent: two would quarrel over it."""
    gateway.run(charon_alone(gateway.folder, Options.parse(FAST_RETRANSMIT)))
    return gateway
