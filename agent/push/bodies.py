"""The notifications and the state of subscriptions as XML (RFC 8639 sections 2.7 and 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from agent.push.refusal import SN, SN_NS
from agent.push.source import Counters
from agent.push.subscription import State

MISSED_NS = "urn:yangswan:params:xml:ns:yang:subscriptions"


@dataclass(frozen=True, slots=True)
class Described:
    """What there is to say of a subscription. ``members``: as ``Source.described``; ``receiver``: whose."""

    id: int
    members: bytes
    stop_time: str | None
    receiver: str
    state: State
    counters: Counters


def leaf(name: str, value: str) -> bytes:
    """Return a leaf of ietf-subscribed-notifications; its namespace is the default one where it stands."""
    return f"<{name}>{escape(value)}</{name}>".encode()


def identity_leaf(name: str, identity: str, namespaces: Mapping[str, str]) -> bytes:
    """Return a leaf with an identity "module:name"; ``namespaces``: by module."""
    module, _, local = identity.partition(":")
    if module == SN:
        return f'<{name} xmlns:sn="{SN_NS}">sn:{local}</{name}>'.encode()
    return f'<{name} xmlns:i="{namespaces[module]}">i:{local}</{name}>'.encode()


def changed(name: str, id: int, rest: bytes = b"") -> bytes:
    """Return a state change notification (RFC 8639 section 2.7)."""
    return f'<{name} xmlns="{SN_NS}">'.encode() + leaf("id", str(id)) + rest + f"</{name}>".encode()


def terms(described: Described) -> bytes:
    """Return what was agreed: target, filter, stop-time, encoding."""
    stop = b"" if described.stop_time is None else leaf("stop-time", described.stop_time)
    return described.members + stop + leaf("encoding", "encode-xml")


def subscriptions(rows: Iterable[bytes]) -> bytes:
    """Return ``/subscriptions``; b"" if there is none."""
    inside = b"".join(rows)
    return f'<subscriptions xmlns="{SN_NS}">'.encode() + inside + b"</subscriptions>" if inside else b""


def row(described: Described) -> bytes:
    """Return ``/subscriptions/subscription``."""
    counters = described.counters
    receiver = (
        leaf("name", described.receiver)
        + leaf("sent-event-records", str(counters.sent))
        + leaf("excluded-event-records", str(counters.excluded))
        + leaf("state", described.state.value)
        + f'<missed-event-records xmlns="{MISSED_NS}">{counters.missed}</missed-event-records>'.encode()
    )
    return (
        b"<subscription>"
        + leaf("id", str(described.id))
        + terms(described)
        + b"<receivers><receiver>"
        + receiver
        + b"</receiver></receivers></subscription>"
    )
