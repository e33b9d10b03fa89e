"""What the page subscribes to, as the rpcs that it might have sent itself. Pure.

They are the same for all tabs, and so are the times at which a period ends: what is read and made into JSON
for one tab is there for the others.
"""

from __future__ import annotations

from collections.abc import Mapping

EVENTS = (
    b'<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"><stream>NETCONF</stream>'
    b"</create-subscription>"
)
DAMPENING_CS = 30
"""Whoever watches sees a change at once; what changes together comes together."""

_ANCHOR = "1970-01-01T00:00:00Z"
_NS = "urn:yangswan:params:xml:ns:yang:ipsec"
_CONFIGURED = ("id", "description", "enabled", "peer", "local-address", "initiator")
_STATE = (
    *("status", "limitation", "since", "applied", "local-address-present", "remote-address-in-use"),
    *("last-error", "last-down"),
)
_OF_SA = ("unique-id", "bytes-in", "bytes-out")


def of_tunnels(traffic_s: int) -> Mapping[str, bytes]:
    """Return what a tab subscribes to, by the names that its first event has for them."""
    return {"state": state(), "traffic": traffic(traffic_s)}


def state() -> bytes:
    """Return what subscribes to changes of what the table and the page of a tunnel show."""
    policy = f"<on-change><dampening-period>{DAMPENING_CS}</dampening-period></on-change>"
    return _establish(f"{_empty(_CONFIGURED)}<state>{_empty(_STATE)}</state>", policy)


def traffic(period_s: int) -> bytes:
    """Return what subscribes to counters, which always change, every so many seconds."""
    policy = f"<periodic><period>{period_s * 100}</period><anchor-time>{_ANCHOR}</anchor-time></periodic>"
    return _establish(f"<id/><state><time-since-rekey/><child-sa>{_empty(_OF_SA)}</child-sa></state>", policy)


def _empty(names: tuple[str, ...]) -> str:
    return "".join(f"<{name}/>" for name in names)


def _establish(of_tunnel: str, policy: str) -> bytes:
    tunnels = f'<tunnels xmlns="{_NS}"><ipsec>{of_tunnel}</ipsec></tunnels>'
    policy = policy.replace(">", ' xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push">', 1)
    return (
        '<establish-subscription xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"'
        ' xmlns:yp="urn:ietf:params:xml:ns:yang:ietf-yang-push"'
        ' xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">'
        "<yp:datastore>ds:operational</yp:datastore>"
        f"<yp:datastore-subtree-filter>{tunnels}</yp:datastore-subtree-filter>"
        f"{policy}</establish-subscription>"
    ).encode()
