"""An entry -> what charon must hold for it: secrets, and the load-conn message made from the table of fields.

Usually a tunnel is one connection with one child of the same name. Where the peer takes one pair of subnets
per CHILD_SA only, as IKEv1 does, there is a child for each pair, numbered from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import product

from translators.strongswan.model import Json
from translators.strongswan.translation import credentials
from translators.strongswan.translation.alike import OWN, Section, Settings, whole
from translators.strongswan.translation.around import Around, Value, value_at
from translators.strongswan.translation.certified import has_certificate
from translators.strongswan.translation.fields import (
    ANY_PEER,
    FIELDS,
    FIXED_CHILD,
    LEAVES,
    Part,
    is_ikev1,
    ppk_id,
)
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
    children: Mapping[str, Mapping[str, object]]
    initiator: bool

    @property
    def peer(self) -> str | None:
        """The address of the peer, None for any."""
        addresses = self.ike.get("remote_addrs")
        return addresses[0] if isinstance(addresses, list) and addresses != ANY_PEER else None

    @property
    def is_open(self) -> bool:
        """Whether the peer may have any identity."""
        remote = self.ike.inner("remote") if type(self.ike) is Section else self.ike["remote"]
        return isinstance(remote, Mapping) and remote.get("id") == ANY.vici

    @property
    def load_conn(self) -> dict[str, object]:
        """The load-conn message."""
        children = {name: whole(child) for name, child in self.children.items()}
        return {self.name: {**whole(self.ike), "children": children}}

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
    try:
        return _messages(tunnel, entry, around)
    except Refused:
        # Of several reasons always the first in the order of the table is told.
        _demand_known(entry)
        for row in FIELDS:
            if row.render is not None:
                row.render(entry, around)
        raise


def _own(part: Part, key: str) -> Callable[[Json, Around], Value | None]:
    ((render,),) = [(row.render,) for row in FIELDS if (row.part, row.key) == (part, key)]
    assert render is not None
    return render


_LOCAL_ADDRS, _REMOTE_ADDRS = _own(Part.IKE, "local_addrs"), _own(Part.IKE, "remote_addrs")
_LOCAL_ID, _REMOTE_ID = _own(Part.LOCAL, "id"), _own(Part.REMOTE, "id")
_LOCAL_TS, _REMOTE_TS = _own(Part.CHILD, "local_ts"), _own(Part.CHILD, "remote_ts")
_ENDS = ("local_addrs", "remote_addrs", "local", "remote")
_ENDS_AND_PPK = (*_ENDS, "ppk_id")
_IDENTITY = ("id",)
_SUBNETS = ("local_ts", "remote_ts")


def _messages(tunnel: str, entry: Json, around: Around) -> Messages:
    settings = around.settings.of(entry, partial(_settings, around=around))
    ends = (
        _LOCAL_ADDRS(entry, around),
        _REMOTE_ADDRS(entry, around),
        _identified(settings.local, _LOCAL_ID(entry, around)),
        _identified(settings.remote, _REMOTE_ID(entry, around)),
    )
    subnets = _listed(_LOCAL_TS(entry, around)), _listed(_REMOTE_TS(entry, around))
    ppk = ppk_id(entry)
    name = connection_name(tunnel)
    return Messages(
        name=name,
        secrets=tuple(credentials.load_shared(name, entry)),
        ike=Section(settings.ike, _ENDS, ends)
        if ppk is None
        else Section(settings.ike, _ENDS_AND_PPK, (*ends, ppk)),
        children=_children(name, settings, subnets),
        initiator=bool(entry.get("initiator")),
    )


def _identified(section: Mapping[str, object], identity: Value | None) -> Mapping[str, object]:
    if identity is None:
        return {name: value for name, value in section.items() if name != "id"}
    return Section(section, _IDENTITY, (identity,))


def _listed(value: Value | None) -> list[str]:
    return value if isinstance(value, list) else []


def _settings(members: Json, around: Around) -> Settings:
    """Return what all tunnels with the same ``members`` (see ``alike``) are told."""
    _demand_known(members)
    auth: dict[str, Value] = {"auth": "pubkey" if has_certificate(members) else "psk"}
    sections: dict[Part, dict[str, Value]] = {
        Part.IKE: {}, Part.LOCAL: dict(auth), Part.REMOTE: dict(auth), Part.CHILD: dict(FIXED_CHILD),
    }  # fmt: skip
    for row in FIELDS:
        if row.render is None:
            continue
        if row.leaf in OWN:
            sections[row.part][row.key] = ""  # each tunnel has its own
        elif (value := row.render(members, around)) is not None:
            sections[row.part][row.key] = value
    return Settings(
        members=members,
        ike={**sections[Part.IKE], "local": "", "remote": ""},
        local=sections[Part.LOCAL],
        remote=sections[Part.REMOTE],
        child=sections[Part.CHILD],
        is_split=is_ikev1(members) or bool(value_at(members, "esp/sa-per-subnet-pair")),
    )


def _children(
    name: str, settings: Settings, subnets: tuple[list[str], list[str]]
) -> dict[str, Mapping[str, object]]:
    child = Section(settings.child, _SUBNETS, subnets)
    if not settings.is_split:
        return {name: child}
    # A pair of two address families carries nothing.
    pairs = [(local, remote) for local, remote in product(*subnets) if _family(local) & _family(remote)]
    if len(pairs) < 2:
        return {name: child}
    if len(pairs) > CHILDREN_MAX:
        raise Refused(
            "local-subnet",
            f"{len(pairs)} pairs of a local and a remote subnet need a CHILD_SA each; at most {CHILDREN_MAX} "
            "are possible: use fewer, larger subnets",
            "too-many-children",
        )
    return {
        f"{name}-{index}": Section(settings.child, _SUBNETS, ([local], [remote]))
        for index, (local, remote) in enumerate(pairs, 1)
    }


def _family(selector: str) -> set[int]:
    return {4, 6} if selector == "dynamic" else {6 if ":" in selector else 4}


def _demand_known(entry: Json) -> None:
    for leaf in _leaves(entry):
        if leaf not in LEAVES:
            raise UnsupportedLeaf(leaf)


def _leaves(node: Json, above: str = "") -> Iterator[str]:
    """Yield the path of every leaf, down to the depth at which the table has a row."""
    for member, value in node.items():
        path = f"{above}{member}"
        if isinstance(value, Mapping) and not (above == "" and member in ("local-id", "remote-id")):
            yield from _leaves(value, f"{path}/")
        else:
            yield path
