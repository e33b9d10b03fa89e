"""An entry -> what charon must hold for it: secrets, and the load-conn message made from the table of fields.

Usually a tunnel is one connection with one child of the same name. Where the peer takes one pair of subnets
per CHILD_SA only, as IKEv1 does, there is a child for each pair, numbered from 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

from translators.strongswan.model import Json
from translators.strongswan.translation import credentials
from translators.strongswan.translation.around import Around, Value, value_at
from translators.strongswan.translation.certified import has_certificate
from translators.strongswan.translation.fields import ANY_PEER, FIELDS, FIXED_CHILD, LEAVES, Part, is_ikev1
from translators.strongswan.translation.identities import ANY
from translators.strongswan.translation.refusals import Refused, UnsupportedLeaf

NAME_PREFIX = "ipsec-"
CHILDREN_MAX = 64
ALONE = Around()
"""Nothing is known but the entry itself."""


def connection_name(tunnel: str) -> str:
    """Return the name of connection, child and secret of the tunnel with this id."""
    return f"{NAME_PREFIX}{tunnel}"


def tunnel_of(name: str) -> str | None:
    """Return the tunnel's id, None for a name that is not ours."""
    digits = name.removeprefix(NAME_PREFIX)
    # A number with a leading zero or more digits was not written by us; it belongs to somebody else.
    return digits if name != digits and digits.isdecimal() and digits == str(int(digits)) else None


def tunnel_of_secret(handle: str) -> str | None:
    """Return the tunnel that the secret loaded as ``handle`` is of, None for one that is not ours."""
    for suffix in (credentials.PPK_SUFFIX, credentials.FURTHER_SUFFIX):
        handle = handle.removesuffix(suffix)
    return tunnel_of(handle)


@dataclass(frozen=True, slots=True)
class Messages:
    """What charon must hold for one tunnel. ``secrets`` are load-shared messages and never shown;
    ``children`` are sections by name, in order."""

    name: str
    secrets: tuple[Mapping[str, object], ...] = field(repr=False)
    ike: Mapping[str, object]
    children: Mapping[str, Mapping[str, Value]]
    initiator: bool

    @property
    def peer(self) -> str | None:
        """The address of the peer, None for any."""
        addresses = self.ike.get("remote_addrs")
        return addresses[0] if isinstance(addresses, list) and addresses != ANY_PEER else None

    @property
    def is_open(self) -> bool:
        """Whether the peer may have any identity."""
        remote = self.ike["remote"]
        return isinstance(remote, Mapping) and remote.get("id") == ANY.vici

    @property
    def load_conn(self) -> dict[str, object]:
        """The load-conn message."""
        children = {name: dict(child) for name, child in self.children.items()}
        return {self.name: {**self.ike, "children": children}}

    @property
    def handles(self) -> frozenset[str]:
        """The handles of the secrets."""
        return frozenset(str(secret["id"]) for secret in self.secrets)


def messages(tunnel: str, entry: Json, around: Around = ALONE) -> Messages:
    """Return what charon must hold for ``entry``.

    Raises:
        UnsupportedLeaf: a leaf has no row in ``FIELDS``.
        Refused: a value is unsafe or makes no sense.
    """
    for leaf in _leaves(entry):
        if leaf not in LEAVES:
            raise UnsupportedLeaf(leaf)
    auth = {"auth": "pubkey" if has_certificate(entry) else "psk"}
    sections: dict[Part, dict[str, Value]] = {
        Part.IKE: {},
        Part.LOCAL: dict(auth),
        Part.REMOTE: dict(auth),
        Part.CHILD: dict(FIXED_CHILD),
    }
    for row in FIELDS:
        if row.render is not None and (value := row.render(entry, around)) is not None:
            sections[row.part][row.key] = value
    name = connection_name(tunnel)
    ike = {**sections[Part.IKE], "local": sections[Part.LOCAL], "remote": sections[Part.REMOTE]}
    return Messages(
        name=name,
        secrets=tuple(credentials.load_shared(name, entry)),
        ike=ike,
        children=_children(name, entry, sections[Part.CHILD]),
        initiator=bool(entry.get("initiator")),
    )


def _children(name: str, entry: Json, child: Mapping[str, Value]) -> dict[str, Mapping[str, Value]]:
    pairs = list(product(child["local_ts"], child["remote_ts"]))
    # A pair of two address families carries nothing.
    pairs = [(local, remote) for local, remote in pairs if _family(local) & _family(remote)]
    if len(pairs) < 2 or not (is_ikev1(entry) or value_at(entry, "esp/sa-per-subnet-pair")):
        return {name: child}
    if len(pairs) > CHILDREN_MAX:
        raise Refused(
            "local-subnet",
            f"{len(pairs)} pairs of a local and a remote subnet need a CHILD_SA each; at most {CHILDREN_MAX} "
            "are possible: use fewer, larger subnets",
            "too-many-children",
        )
    return {
        f"{name}-{index}": {**child, "local_ts": [local], "remote_ts": [remote]}
        for index, (local, remote) in enumerate(pairs, 1)
    }


def _family(selector: str) -> set[int]:
    return {4, 6} if selector == "dynamic" else {6 if ":" in selector else 4}


def _leaves(node: Json, above: str = "") -> Iterator[str]:
    """Yield the path of every leaf, down to the depth at which the table has a row."""
    for member, value in node.items():
        path = f"{above}{member}"
        if isinstance(value, Mapping) and not (above == "" and member in ("local-id", "remote-id")):
            yield from _leaves(value, f"{path}/")
        else:
            yield path
