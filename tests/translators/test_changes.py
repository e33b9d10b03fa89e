"""What becomes of tunnels when charon is told of many at once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agent.tables import SMALL_OCTETS
from agent.translator import Settings
from tests.lab import change
from tests.translators.tunnels import at_alice, at_bob
from tests.translators.upkeep.test_reconcile import FakeCharon
from translators.strongswan.assembly import make
from translators.strongswan.planning import AT_ONCE
from translators.strongswan.status.facts import Reason
from translators.strongswan.translation.connections import connection_name, tunnel_of
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translation.marked import Marked


@pytest.mark.parametrize("count", [1, 4 * AT_ONCE])
async def test_a_new_initiator_is_brought_up_when_it_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Otherwise the first look at it, between two pieces of a large change, would have it stay down."""
    parts = make(Settings(tmp_path, "external", {"vici-socket": str(tmp_path / "vici.sock")})).parts
    numbers = range(1, count + 1)
    entries = [at_bob(number, remote_subnet=[f"10.3.{number}.0/24"]) for number in numbers]
    plan = parts.planning.plan([change(None, entry) for entry in entries])
    known: dict[str, bool] = {}

    def want(name: str) -> None:
        known[name] = tunnel_of(name) in parts.shared.desired.entries

    monkeypatch.setattr(parts.live, "want", want)
    parts.shared.session = FakeCharon()  # type: ignore[assignment]
    await parts.changes.apply(plan)
    assert known == {connection_name(str(number)): True for number in numbers}


@pytest.mark.parametrize("has_charon", [False, True])
async def test_of_a_tunnel_that_becomes_another_it_is_noted_what_ends_it_where_it_can_end(
    tmp_path: Path, has_charon: bool
) -> None:
    charon = "external" if has_charon else "none"
    parts = make(Settings(tmp_path, charon, {"vici-socket": str(tmp_path / "vici.sock")})).parts
    parts.shared.session = FakeCharon() if has_charon else None  # type: ignore[assignment]
    before, after = at_alice(1), at_alice(1, remote_subnet=["10.7.0.0/16"])
    parts.shared.desired.put("1", before)
    await parts.changes.apply(parts.planning.plan([change(before, after)]))
    cause = parts.live.facts("1").cause
    assert (cause is not None and cause.reason is Reason.CONFIGURATION_CHANGED) is has_charon


def tables(desired: Desired) -> dict[str, object]:
    """Return what is kept by tunnel, or by what is a tunnel's own."""
    claims, overlaps = desired.claims, desired.overlaps
    named = {name: getattr(claims, name) for name in vars(claims)}
    marked = {name: index._alone for name, index in named.items() if isinstance(index, Marked)}
    sides = {
        f"{place}.{side}": getattr(held, side).under
        for place, held in enumerate(overlaps._sent.all())
        for side in ("_local", "_remote")
    }
    pairs = {f"pairs.{n}": p._alone for n, p in enumerate((*overlaps._sent.all(), *overlaps._received.all()))}
    own = {"entries": desired.entries, "messages": desired.messages, "made": desired._translations}
    return {**own, "claims": claims._claims, "traffic": overlaps._traffic, **marked, **sides, **pairs}


async def test_what_is_kept_of_many_tunnels_takes_little_once_they_have_gone(tmp_path: Path) -> None:
    parts = make(Settings(tmp_path, "none")).parts
    entries = [
        at_bob(
            number,
            local_id={"name": f"bob{number}"},
            remote_id={"name": f"alice{number}"},
            local_subnet=[f"10.{number >> 8}.{number & 255}.0/24"],
            remote_subnet=[f"172.{number >> 8}.{number & 255}.0/24"],
            peer=f"192.0.{number >> 8}.{number & 255}",
        )
        for number in range(1, 2001)
    ]
    await parts.changes.apply(parts.planning.plan([change(None, entry) for entry in entries]))
    desired = parts.shared.desired
    full = {name: sys.getsizeof(table) for name, table in tables(desired).items()}
    large = {name for name, octets in full.items() if octets > SMALL_OCTETS}
    assert len(large) > 12
    await parts.changes.apply(parts.planning.plan([change(entry, None) for entry in entries[1:]]))
    assert not {name for name, table in tables(desired).items() if sys.getsizeof(table) > SMALL_OCTETS}
    assert desired.entries.keys() == desired.messages.keys() == {"1"}
    # The last one is looked up as before.
    twin = {**entries[0], "id": 2, "peer": "192.0.2.77"}
    assert {refusal.other for refusal in desired.refusals([("2", twin)])} == {"1"}
