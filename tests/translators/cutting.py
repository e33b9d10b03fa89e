"""Sessions that changes of tunnels may cut off, and tunnels that are in force for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from agent.translator import Captured, EntryChange, Route
from tests.translators.tunnels import Json, at_alice
from translators.strongswan.translator import StrongSwanTranslator

SERVER, CLIENT = "10.1.0.1", "172.16.5.9"
ROUTE = Route(SERVER, CLIENT)
OTHER = Route("192.168.0.1", CLIENT)
EVERYTHING = at_alice(remote_subnet=["0.0.0.0/0"])


def in_force(translator: StrongSwanTranslator, *entries: Json, up: bool = False) -> None:
    """Have ``entries`` in force, as if charon held them."""
    parts = translator.parts
    by_tunnel = {str(entry["id"]): entry for entry in entries}
    parts.shared.desired.replace(by_tunnel)
    parts.protection.guards.put(parts.protection.guards.wanted(by_tunnel))
    for tunnel in by_tunnel if up else ():
        facts = parts.live.facts(tunnel)
        parts.live._ledger.put(tunnel, replace(facts, children=frozenset({f"ipsec-{tunnel}"})))


async def captured(
    translator: StrongSwanTranslator, *changes: EntryChange, routes: tuple[Route, ...] = (ROUTE, OTHER)
) -> Mapping[Route, Captured]:
    return {one.route: one for one in await translator.captured(changes, routes)}


def with_sas(translator: StrongSwanTranslator, **far_sides: str) -> list[Sequence[str]]:
    """Have SAs of tunnels (``t5``) between the near side and these; return who is asked for."""
    asked: list[Sequence[str]] = []

    def of_child(name: str, remote: str) -> dict[str, object]:
        return {"name": name, "state": "INSTALLED", "local-ts": ["10.1.0.0/16"], "remote-ts": [remote]}

    async def sas(names: Sequence[str]) -> dict[str, list[Json]]:
        asked.append(names)
        found = {f"ipsec-{tunnel[1:]}": remote for tunnel, remote in far_sides.items()}
        return {
            name: [{"state": "ESTABLISHED", "child-sas": {"1": of_child(name, remote)}}]
            for name, remote in found.items()
            if name in names
        }

    translator.parts.live.sas = sas  # type: ignore[assignment,method-assign]
    return asked


def of_certificates(path: str, name: str, after: Json | None) -> EntryChange:
    return EntryChange((name,) if name else (), path, {"name": name}, after, path)
