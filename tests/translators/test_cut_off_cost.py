"""What it costs to see whom a change would cut off: no tunnel is looked at that concerns nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from agent.translator import Route
from tests.lab import change
from tests.translators.cutting import EVERYTHING, ROUTE, SERVER, captured, in_force, of_certificates, with_sas
from tests.translators.test_for_all import bypass
from tests.translators.tunnels import Json, at_alice
from translators.strongswan.model import CRLS_PATH
from translators.strongswan.translation import nested
from translators.strongswan.translation.guards import ForAll, Guard
from translators.strongswan.translation.overlaps import Prefix, prefix
from translators.strongswan.translation.ways_back import Taker
from translators.strongswan.translator import StrongSwanTranslator


async def test_charon_is_asked_about_no_tunnel_that_concerns_nobody(translator: StrongSwanTranslator) -> None:
    one, other = (at_alice(n, remote_subnet=[f"10.9.{n}.0/24"]) for n in (1, 2))
    in_force(translator, one, other, EVERYTHING | {"id": 3}, up=True)
    asked = with_sas(translator)
    assert await captured(translator, change(one, None), change(other, {**other, "description": "x"})) == {}
    assert asked == []
    assert await captured(translator, *bypass("172.16.5.0/24")) != {}
    assert asked == [["ipsec-3"]]


def looked_at_by(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the tunnels that are looked at."""
    looked_at: list[str] = []
    original = Taker.of

    def counted(tunnel: str, *rest: Any) -> Taker | None:
        looked_at.append(tunnel)
        return original(tunnel, *rest)

    monkeypatch.setattr("translators.strongswan.cut_off.Taker.of", counted)
    return looked_at


async def test_a_change_that_concerns_nobody_looks_at_no_other_tunnel(
    translator: StrongSwanTranslator, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [at_alice(number, remote_subnet=[f"10.9.{number}.0/24"]) for number in range(2, 60)]
    in_force(translator, *many)
    looked_at = looked_at_by(monkeypatch)
    assert await captured(translator, change(None, at_alice())) == {}
    # Nor is one that is always bypassed of interest.
    translator.parts.protection.guards.for_all = ForAll(bypass=(prefix("172.16.0.0/12"),))
    in_force(translator, *many)
    assert await captured(translator, change(None, at_alice())) == {}
    translator.parts.protection.guards.for_all = ForAll()
    in_force(translator, *many)
    assert set(looked_at) == {"1"}
    assert (await captured(translator, change(None, EVERYTHING))).keys() == {ROUTE}
    assert len(set(looked_at)) == 59


async def test_a_change_that_turns_nothing_looks_at_no_other_tunnel(
    translator: StrongSwanTranslator, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [at_alice(number, remote_subnet=["172.16.0.0/12"]) for number in range(2, 60)]
    in_force(translator, EVERYTHING, *many, up=True)
    looked_at, asked = looked_at_by(monkeypatch), with_sas(translator)
    for members in ({"description": "branch"}, {"secret": "another-secret"}, {"rekey-time": 3600}):
        assert await captured(translator, change(EVERYTHING, {**EVERYTHING, **members})) == {}
    crl = of_certificates(CRLS_PATH, "crl", None)
    assert await captured(translator, crl, *bypass("198.51.100.0/24")) == {}
    assert set(looked_at) == {"1"}
    assert asked == []


async def test_each_tunnel_is_looked_at_once_for_however_many_sessions(
    translator: StrongSwanTranslator, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [at_alice(n, remote_subnet=["0.0.0.0/0"], local_subnet=[f"10.9.{n}.0/24"]) for n in range(2, 200)]
    in_force(translator, *many)
    looked_at, cuts, real = looked_at_by(monkeypatch), 0, nested.cut

    def counted(one: Prefix, length: int) -> Prefix:
        nonlocal cuts
        cuts += 1
        return real(one, length)

    monkeypatch.setattr(nested, "cut", counted)
    routes = tuple(Route(SERVER, f"172.16.5.{n}") for n in range(1, 65))
    assert (await captured(translator, change(None, EVERYTHING), routes=routes)).keys() == set(routes)
    # What changes is so before and after.
    assert Counter(looked_at) == {"1": 2, **{str(one["id"]): 1 for one in many}}
    # To find each of them by its prefixes takes 33; to tell its way by the few lengths in use, less.
    assert cuts < len(routes) * 33 * 4


async def test_what_all_tunnels_ask_for_is_told_in_pieces(
    translator: StrongSwanTranslator, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [at_alice(number, remote_subnet=[f"10.9.{number}.0/24"]) for number in range(2, 60)]
    in_force(translator, *many)
    sizes: list[int] = []
    guards = translator.parts.protection.guards
    real = guards.wanted

    def counted(entries: Mapping[str, Json | None], for_all: ForAll | None = None) -> dict[str, Guard]:
        sizes.append(len(entries))
        return real(entries, for_all)

    monkeypatch.setattr(guards, "wanted", counted)
    monkeypatch.setattr("translators.strongswan.cut_off.PIECE", 10)
    # Of each, and for all.
    for changes in ([change(one, {**one, "description": "x"}) for one in many], bypass("198.51.100.0/24")):
        sizes.clear()
        assert await captured(translator, *changes) == {}
        assert sizes == [0, 10, 10, 10, 10, 10, 8]
