"""One table: what every leaf of a tunnel means to charon, and the load-conn message made from it.

What strongSwan gives a default that differs between versions, or that we rely on, is written out in
``FIXED_IKE`` and ``FIXED_CHILD``. Times and limits equal those of the router's manual: an IKE SA is
rekeyed after 4 hours, a child after 1 hour.

start_action and close_action are always none: who initiates and who repairs is the agent's supervisor
alone, and so replacing or unloading a connection never touches SAs behind the agent's back.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from translators.strongswan import credentials, proposals
from translators.strongswan.identities import address, local_identity, remote_identity
from translators.strongswan.proposals import Available, Phase
from translators.strongswan.refusals import Refused, UnsupportedLeaf

Json = Mapping[str, object]
Value = str | list[str]

NAME_PREFIX = "ipsec-"
DPD_DELAY_DEFAULT_S = 30


def connection_name(tunnel: str) -> str:
    """Return the name of connection, child and secret of the tunnel with this id."""
    return f"{NAME_PREFIX}{tunnel}"


def tunnel_of(name: str) -> str | None:
    """Return the tunnel's id, None for a name that is not ours."""
    digits = name.removeprefix(NAME_PREFIX)
    # A number with a leading zero or more digits was not written by us; it belongs to somebody else.
    return digits if name != digits and digits.isdecimal() and digits == str(int(digits)) else None


class Part(Enum):
    """The section of the message that a field belongs to; NOTHING is not for charon."""

    NOTHING = "nothing"
    SECRET = "secret"
    IKE = "ike"
    LOCAL = "local"
    REMOTE = "remote"
    CHILD = "child"


Render = Callable[[Json, "Available | None"], Value]


@dataclass(frozen=True, slots=True)
class Field:
    """``leaf`` (a path below the entry) decides ``key`` of ``part``; no key: another row reads it."""

    leaf: str
    part: Part
    key: str = ""
    render: Render | None = None


def _local_addrs(entry: Json, _available: Available | None) -> Value:
    if "local-address" not in entry:
        raise Refused("local-address", "the tunnel needs a local address", "local-address-missing")
    return [address("local-address", str(entry["local-address"]))]


def _remote_addrs(entry: Json, _available: Available | None) -> Value:
    return [address("peer", str(entry["peer"]))] if "peer" in entry else ["%any"]


def _keyingtries(entry: Json, _available: Available | None) -> Value:
    # 0: an initiator goes on for as long as the peer is silent.
    return "0" if entry.get("initiator") else "1"


def _dpd(entry: Json) -> Mapping[str, object]:
    node = entry.get("dpd", {})
    return node if isinstance(node, Mapping) else {}


def _dpd_delay(entry: Json, _available: Available | None) -> Value:
    dpd = _dpd(entry)
    return f"{dpd.get('delay', DPD_DELAY_DEFAULT_S)}s" if dpd.get("enabled", True) else "0s"


def dpd_action(entry: Json) -> str:
    """Return clear, trap or restart; absent means restart on an initiator, clear on a responder."""
    action = str(_dpd(entry).get("action", "restart" if entry.get("initiator") else "clear"))
    if not entry.get("initiator") and action != "clear":
        raise Refused("dpd/action", "a responder can only clear", "dpd-action-responder")
    return action


def _charons_dpd_action(entry: Json) -> str:
    # Who restarts is the supervisor: charon would restart all tunnels to a dead peer at once, and when that
    # is back it refuses most of them (block_threshold), which are then asked for again only after long.
    action = dpd_action(entry)
    return "clear" if action == "restart" else action


def _selectors(entry: Json, leaf: str, default_from: str) -> Value:
    subnets = entry.get(leaf)
    if isinstance(subnets, Sequence) and subnets and not isinstance(subnets, str):
        return [_prefix(leaf, str(subnet)) for subnet in subnets]
    if default_from in entry:
        return [_prefix(default_from, str(entry[default_from]))]
    return ["dynamic"]  # the address that the peer turns out to have


def _prefix(leaf: str, text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise Refused(leaf, f"'{text}' is not an IP prefix", "bad-prefix") from None


def _proposals(entry: Json, phase: Phase, available: Available | None) -> Value:
    node = entry.get(phase.value)
    if isinstance(node, Mapping):
        if unknown := node.keys() - {"proposal"}:
            raise UnsupportedLeaf(f"{phase.value}/{min(unknown)}")
        configured = node.get("proposal")
        if isinstance(configured, Sequence) and configured:
            return [proposals.render(phase, proposal) for proposal in proposals.by_priority(configured)]
    return proposals.auto(phase, available)


FIELDS = (
    Field("id", Part.NOTHING),
    Field("enabled", Part.NOTHING),
    Field("description", Part.NOTHING),
    Field("secret", Part.SECRET),
    Field("initiator", Part.IKE, "keyingtries", _keyingtries),
    Field("local-address", Part.IKE, "local_addrs", _local_addrs),
    Field("peer", Part.IKE, "remote_addrs", _remote_addrs),
    Field("dpd/enabled", Part.IKE),
    Field("dpd/delay", Part.IKE, "dpd_delay", _dpd_delay),
    Field("ike", Part.IKE, "proposals", lambda entry, able: _proposals(entry, Phase.IKE, able)),
    Field("local-id", Part.LOCAL, "id", lambda entry, _able: local_identity(entry).vici),
    Field("remote-id", Part.REMOTE, "id", lambda entry, _able: remote_identity(entry).vici),
    Field("dpd/action", Part.CHILD, "dpd_action", lambda entry, _able: _charons_dpd_action(entry)),
    Field(
        "local-subnet", Part.CHILD, "local_ts", lambda e, _a: _selectors(e, "local-subnet", "local-address")
    ),
    Field("remote-subnet", Part.CHILD, "remote_ts", lambda e, _a: _selectors(e, "remote-subnet", "peer")),
    Field("esp", Part.CHILD, "esp_proposals", lambda entry, able: _proposals(entry, Phase.ESP, able)),
)

FIXED_IKE: Mapping[str, Value] = {
    "version": "2",
    # Both ends are configured addresses; MOBIKE would move the tunnel to others.
    "mobike": "no",
    "fragmentation": "yes",
    "encap": "no",
    "childless": "allow",
    "send_certreq": "no",
    # INITIAL_CONTACT is sent and honoured, so that a restarted peer's old SAs do not linger.
    "unique": "no",
    "rekey_time": "14400s",
    "reauth_time": "0s",
    "over_time": "1440s",
    "rand_time": "1440s",
}
FIXED_CHILD: Mapping[str, Value] = {
    "mode": "tunnel",
    "start_action": "none",
    "close_action": "none",
    "rekey_time": "3600s",
    "life_time": "3960s",
    "rand_time": "360s",
    "ipcomp": "no",
    "policies": "yes",
}
FIXED_AUTH: Mapping[str, Value] = {"auth": "psk"}


@dataclass(frozen=True, slots=True)
class Messages:
    """What charon must hold for one tunnel. ``shared`` holds the secret and is never shown."""

    name: str
    shared: Mapping[str, object] = field(repr=False)
    ike: Mapping[str, object]
    child: Mapping[str, Value]
    initiator: bool

    @property
    def load_conn(self) -> dict[str, object]:
        """The load-conn message."""
        return {self.name: {**self.ike, "children": {self.name: dict(self.child)}}}


def messages(tunnel: str, entry: Json, available: Available | None = None) -> Messages:
    """Return what charon must hold for ``entry``; ``available`` limits the automatic proposals.

    Raises:
        UnsupportedLeaf: a leaf has no row in ``FIELDS``.
        Refused: a value is unsafe or makes no sense.
    """
    for leaf in _leaves(entry):
        if leaf not in _LEAVES:
            raise UnsupportedLeaf(leaf)
    sections: dict[Part, dict[str, object]] = {
        Part.IKE: dict(FIXED_IKE),
        Part.LOCAL: dict(FIXED_AUTH),
        Part.REMOTE: dict(FIXED_AUTH),
        Part.CHILD: dict(FIXED_CHILD),
    }
    for row in FIELDS:
        if row.render is not None:
            sections[row.part][row.key] = row.render(entry, available)
    name = connection_name(tunnel)
    ike = {**sections[Part.IKE], "local": sections[Part.LOCAL], "remote": sections[Part.REMOTE]}
    child: dict[str, Value] = sections[Part.CHILD]  # type: ignore[assignment]
    return Messages(name, credentials.load_shared(name, entry), ike, child, bool(entry.get("initiator")))


_LEAVES = frozenset(row.leaf for row in FIELDS)


def _leaves(node: Json, above: str = "") -> Iterator[str]:
    """Yield the path of every leaf, down to the depth at which the table has a row."""
    for member, value in node.items():
        path = f"{above}{member}"
        if path not in _LEAVES and isinstance(value, Mapping):
            yield from _leaves(value, f"{path}/")
        else:
            yield path
