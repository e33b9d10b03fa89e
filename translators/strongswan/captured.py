"""A session that a change would cut off, in words. Pure."""

from __future__ import annotations

from agent.translator import Captured, Route
from translators.strongswan.model import entry_path
from translators.strongswan.translation.prefixes import written
from translators.strongswan.translation.ways_back import Fate, Kind, Turn

TOLD_OF = ("local-subnet", "remote-subnet", "local-address", "peer", "leak-protection")


def captured(route: Route, turned: Turn) -> Captured:
    """Return what is told of the session, which ``turned`` cuts off."""
    reason = turned.now if turned.then.kind is Kind.CLEAR else turned.then
    tunnels = dict.fromkeys(fate.tunnel for fate in (reason, turned.now) if fate.tunnel)
    paths = [entry_path(tunnel) for tunnel in tunnels]
    return Captured(
        route,
        path=entry_path(reason.tunnel),
        prefix="" if reason.pair is None else written(reason.pair[1]),
        why=_why(turned, f"what goes between {route.local} and {route.remote}"),
        instead=_instead(turned, route.remote),
        tells=tuple(one for path in paths for one in (path, *(f"{path}/{leaf}" for leaf in TOLD_OF))),
    )


def _why(turned: Turn, packets: str) -> str:
    now, then = turned.now, turned.then
    came = f", which comes through tunnel {now.tunnel} now" if now.kind is Kind.TUNNEL else ""
    if then.kind is Kind.TUNNEL:
        return f"{_named(then)} would take {packets}{came}"
    if then.kind is Kind.DROPPED:
        return f"leak protection of {_named(then)} would drop {packets} in clear{came}"
    if then.kind is Kind.ASTRAY:
        lost = "though its local subnets are others, so that it is lost"
        return f"the route into {_named(then)} would draw in {packets}, {lost}{came}"
    return f"{_named(now)} would take {packets} no longer"


def _named(fate: Fate) -> str:
    sides = "" if fate.pair is None else f" (from {' to '.join(map(written, fate.pair))})"
    return f"tunnel {fate.tunnel}{sides}"


def _instead(turned: Turn, client: str) -> str:
    if turned.now.kind is not Kind.CLEAR:
        return ""
    return f"have {client}, or its network, in bypass/network of the tunnel or in /tunnels/bypass"
