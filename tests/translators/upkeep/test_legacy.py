"""Forward secrecy of IKEv1: dropped because the peer refused our offer, and for nothing else."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.translator import Settings
from tests.translators.tunnels import SECRET, at_bob
from translators.strongswan.assembly import make
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciError
from translators.strongswan.status import facts as transitions
from translators.strongswan.status.events import Source
from translators.strongswan.status.ledger import Ledger
from translators.strongswan.upkeep.legacy import ForwardSecrecy

NOW = 1000.0
MAIN_MODE = [
    "initiating Main Mode IKE_SA ipsec-1[1] to 192.168.0.1",
    "generating ID_PROT request 0 [ SA V V V V V ]",
]
OFFER = ["generating QUICK_MODE request 27123 [ HASH SA No KE ID ID ]"]
IN_CLEAR = ["parsed INFORMATIONAL_V1 request 991 [ N(NO_PROP) ]", "received NO_PROPOSAL_CHOSEN error notify"]
PROTECTED = [
    "parsed INFORMATIONAL_V1 request 991 [ HASH N(NO_PROP) ]",
    "received NO_PROPOSAL_CHOSEN error notify",
]
TAKEN = ["parsed QUICK_MODE response 27123 [ HASH SA No KE ID ID ]"]
THIRD = ["generating QUICK_MODE request 27123 [ HASH ]"]
PROBE = ["generating INFORMATIONAL_V1 request 5 [ HASH N(DPD) ]"]
PROBED = ["parsed INFORMATIONAL_V1 request 6 [ HASH N(DPD_ACK) ]"]
LEGACY = partial(at_bob, ike={"version": "ikev1"})


class Charon:
    """Tells of each load whether the offer of quick mode has groups."""

    def __init__(self) -> None:
        self.offers: list[bool] = []
        self.refuses = False

    async def request(self, command: str, message: dict[str, Any]) -> dict[str, Any]:
        assert command == "load-conn"
        if self.refuses:
            raise ViciError(command, "no")
        ((_, connection),) = message.items()
        ((_, child),) = connection["children"].items()
        self.offers.append("modp" in str(child["esp_proposals"]) or "ecp" in str(child["esp_proposals"]))
        return {}


class Initiator:
    """Tunnel 1, and what is remembered of it."""

    def __init__(self, **members: Any) -> None:
        self.shared = Shared()
        self.ledger = Ledger(lambda tunnel: tunnel in self.shared.desired.entries, lambda _: ())
        self.secrecy = ForwardSecrecy(self.shared, self.ledger)
        self.charon = Charon()
        self.shared.session = self.charon  # type: ignore[assignment]
        self.shared.desired.put("1", LEGACY(**members))

    def logged(self, *lines: str) -> None:
        for line in lines:
            self.ledger.on_log("ipsec-1", line, Source.LOG, NOW)

    def up(self) -> None:
        self.ledger.put("1", transitions.child_up(self.ledger.facts("1"), "1", NOW))

    async def next_attempt(self) -> list[bool]:
        await self.secrecy.settle(self.shared.session, "1")  # type: ignore[arg-type]
        return self.charon.offers


async def test_each_refusal_of_an_offer_turns_it_round_once() -> None:
    tunnel = Initiator()
    tunnel.logged(*MAIN_MODE, *OFFER, *PROTECTED)
    assert await tunnel.next_attempt() == [False]
    assert await tunnel.next_attempt() == [False], "it was refused once"
    tunnel.logged(*PROTECTED)
    assert await tunnel.next_attempt() == [False], "nothing was offered since"
    tunnel.logged(*OFFER, *PROTECTED)
    assert await tunnel.next_attempt() == [False, True]
    tunnel.logged(*OFFER, *PROBE, *PROBED, *PROTECTED)
    assert await tunnel.next_attempt() == [False, True, False]


@pytest.mark.parametrize(
    "lines",
    [
        [*MAIN_MODE, *IN_CLEAR],
        [*MAIN_MODE, *IN_CLEAR, *MAIN_MODE, *OFFER],
        [*MAIN_MODE, *IN_CLEAR, *MAIN_MODE, *OFFER, *TAKEN, *THIRD],
        [*MAIN_MODE, *OFFER, *IN_CLEAR],
        [*MAIN_MODE, *OFFER, *TAKEN, *PROTECTED],
        [*MAIN_MODE, *OFFER, *TAKEN, *THIRD, *PROTECTED],
        [*MAIN_MODE, *OFFER, *PROTECTED, *OFFER],
        [*MAIN_MODE, *OFFER, *PROTECTED, *OFFER, *TAKEN],
        [*MAIN_MODE, *OFFER, "no acceptable proposal found"],
        [*MAIN_MODE, *OFFER, *PROBED, *IN_CLEAR],
        [*PROTECTED],
    ],
)
async def test_nothing_else_takes_forward_secrecy_away(lines: list[str]) -> None:
    tunnel = Initiator()
    tunnel.logged(*lines)
    assert await tunnel.next_attempt() == []


async def test_a_refusal_of_before_it_was_up_counts_no_more() -> None:
    tunnel = Initiator()
    tunnel.logged(*MAIN_MODE, *OFFER, *PROTECTED)
    tunnel.up()
    assert await tunnel.next_attempt() == []


@pytest.mark.parametrize(
    "members",
    [
        {"ike": {"version": "ikev2"}},
        {"esp": {"proposal": [{"priority": 1, "cipher": "aes256gcm16", "dh": "modp2048"}]}},
        {"enabled": False},
    ],
)
async def test_other_tunnels_are_left_alone(members: dict[str, Any]) -> None:
    tunnel = Initiator(**members)
    tunnel.logged(*MAIN_MODE, *OFFER, *PROTECTED)
    assert await tunnel.next_attempt() == []


async def test_one_that_has_become_another_begins_with_forward_secrecy() -> None:
    tunnel = Initiator()
    tunnel.logged(*MAIN_MODE, *OFFER, *PROTECTED)
    await tunnel.next_attempt()
    tunnel.logged(*OFFER, *PROTECTED)
    tunnel.secrecy.forget("1")
    assert await tunnel.next_attempt() == [False], "what was refused is not its offer"
    tunnel.logged(*OFFER)
    tunnel.secrecy.forget("1")
    tunnel.logged(*PROTECTED)
    assert await tunnel.next_attempt() == [False], "nor what is refused late"
    tunnel.logged(*OFFER, *PROTECTED)
    assert await tunnel.next_attempt() == [False, False]


async def test_of_one_that_is_gone_nothing_is_kept() -> None:
    tunnel = Initiator()
    tunnel.logged(*MAIN_MODE, *OFFER, *PROTECTED)
    await tunnel.next_attempt()
    assert SECRET not in repr(vars(tunnel.secrecy)["_without"])
    tunnel.ledger.forget("1")
    tunnel.secrecy.forget("1")
    assert vars(tunnel.secrecy)["_without"] == {}
    assert "1" not in tunnel.ledger


async def test_what_charon_did_not_load_is_not_taken_for_loaded() -> None:
    tunnel = Initiator()
    tunnel.charon.refuses = True
    tunnel.logged(*MAIN_MODE, *OFFER, *PROTECTED)
    with pytest.raises(ViciError):
        await tunnel.next_attempt()
    tunnel.charon.refuses = False
    assert await tunnel.next_attempt() == [False]


async def test_it_waits_for_a_change_and_looks_again_after_it() -> None:
    tunnel = Initiator()
    tunnel.logged(*MAIN_MODE, *OFFER, *PROTECTED)
    async with tunnel.shared.changing:
        attempt = asyncio.create_task(tunnel.next_attempt())
        await asyncio.sleep(0)
        tunnel.shared.desired.put("1", None)
    assert await attempt == [], "a tunnel that is gone is not loaded"


@pytest.mark.parametrize("happens", ["forget", "reconfigured"])
async def test_what_is_remembered_goes_with_the_tunnel(
    happens: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[str] = []
    monkeypatch.setattr(ForwardSecrecy, "forget", lambda _self, tunnel: forgotten.append(tunnel))
    live = make(Settings(tmp_path, "external", {"vici-socket": str(tmp_path / "vici.sock")})).parts.live
    getattr(live, happens)("1")
    assert forgotten == ["1"]
