"""The words of the router's manual, and which YANG nodes they mean: a table, read in both directions.

A row is a command; ``does`` says what it sets, and ``undoes`` what its form with ``no`` does. A
configuration is written with the rows whose leaves it has (lines), and with names of YANG nodes for what no
row writes. A row whose nodes the server does not have is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_interface

from console.grammar.typed import Refused

IPSEC = "yangswan-ipsec:tunnels/ipsec"

ALIASES: Mapping[str, str] = {"yangswan-ipsec:tunnels": "tunnel"}
"""Words of the manual for nodes whose name is another."""

SOURCES: Mapping[str, tuple[str, ...]] = {
    f"{IPSEC}/certificate/own": ("yangswan-pki:certificates", "certificate"),
    f"{IPSEC}/certificate/trusted-ca": ("yangswan-pki:certificates", "certificate"),
}
"""Leaves that name an entry of a list although they are no leafref."""


@dataclass(frozen=True, slots=True)
class Put:
    """A leaf is set: to the values of the placeholder ``value``, or to that word itself.

    ``path``: below the row's node; in brackets keys, which may be placeholders.
    """

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Reset:
    """A leaf or a container is removed, so that its default counts."""

    path: str


@dataclass(frozen=True, slots=True)
class Clear:
    """All entries of a list or leaf-list are removed; with ``value``, only those that it names, if any."""

    path: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Fresh:
    """An entry takes the place of what was there."""

    path: str


Effect = Put | Reset | Clear | Fresh


@dataclass(frozen=True, slots=True)
class Row:
    """``types``: the leaf by which a placeholder is checked and described. ``reads``: placeholders that are
    read in another way first. ``joins``: placeholders that change the value before them, and how; ``ends``:
    how values of a placeholder are finished then, told whether it is the only one of the line. ``writes``:
    whether a configuration is written with it.
    """

    at: str
    syntax: str
    does: tuple[Effect, ...]
    undoes: tuple[Effect, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    joins: Mapping[str, tuple[str, Callable[[str, str], str]]] = field(default_factory=dict)
    ends: Mapping[str, Callable[[str, bool], str]] = field(default_factory=dict)
    rest: str = ""
    help: str = ""
    more: str = ""
    writes: bool = True


def subnet(text: str) -> str:
    """Return an address as it is, or a prefix without the bits of its hosts.

    Raises:
        Refused: it is neither.
    """
    try:
        if "/" not in text:
            return str(ip_address(text))
        if not text.partition("/")[2].isdigit():
            raise ValueError
        return str(ip_interface(text).network)
    except ValueError:
        raise Refused("takes ADDRESS/LENGTH, ADDRESS NETMASK or ADDRESS") from None


def netmask(text: str) -> str:
    """Return the netmask; 255.255.255.255 and 0.0.0.0 are some.

    Raises:
        Refused: its bits are not in one piece.
    """
    try:
        mask = int(ip_address(text))
        if ":" in text or mask not in _MASKS:
            raise ValueError
    except ValueError:
        raise Refused("takes a netmask such as 255.255.255.0") from None
    return text


_MASKS = frozenset(int(IPv4Network(f"0.0.0.0/{length}").netmask) for length in range(33))


def with_netmask(address: str, mask: str) -> str:
    """Return both as a prefix.

    Raises:
        Refused: the address has a length already, or is none of IPv4.
    """
    if "/" in address or ":" in address:
        raise Refused("takes a netmask behind an IPv4 address without a length")
    if int(ip_address(address)) == 0 != int(ip_address(mask)) == (1 << 32) - 1:
        raise Refused("takes a netmask for the address of a network: 0.0.0.0/0 is every address")
    if int(ip_address(mask)) == 0 != int(ip_address(address)):
        # As a wildcard mask it means one host, as a netmask all there are.
        raise Refused(f"takes the netmask 0.0.0.0 for 0.0.0.0 only: one host is {address}/32")
    return str(ip_interface(f"{address}/{mask}").network)


def whole_prefix(text: str, alone: bool) -> str:
    """Return the prefix that ``text`` is, or that of its one address.

    Raises:
        Refused: an address that may be a mask somebody mistyped: no host has it, or it stands beside others.
    """
    if "/" in text:
        return text
    address = ip_address(text)
    if (said := _as_mask(address)) or not alone:
        whole = f"/{address.max_prefixlen}"
        raise Refused(
            said or f"{text} stands beside another one without its length: {text}{whole} is that host",
            whole=True,
        )
    return str(ip_interface(text).network)


def _as_mask(address: IPv4Address | IPv6Address) -> str:
    """Return what is wrong with an address that is a mask rather than a host, "" for a host."""
    bits, number = address.max_prefixlen, int(address)
    if not number:
        return f"{address} is the address of no host: {address}/0 is every address"
    if length := _contiguous(number, bits):
        if address.version == 6:
            return f"an IPv6 network takes its length: {address} is /{length}"
        return f"{address} is a netmask (/{length}), which stands behind an address without a length"
    if address.version == 6:
        return ""
    wildcard = number ^ ((1 << bits) - 1)
    if length := _contiguous(wildcard, bits):
        netmask = IPv4Address(wildcard)
        return f"{address} is a wildcard mask: the netmask meant is {netmask} (/{length})"
    if address.packed[0] == 0 or address.packed[0] >= _FIRST_OF_NO_HOST:
        return f"{address} is no netmask, for its bits are not in one piece, and the address of no host"
    return ""


def _contiguous(number: int, bits: int) -> int:
    """Return how many ones ``number`` begins with if nothing but zeros follow, else 0."""
    length = number.bit_count()
    return length if number == ((1 << length) - 1) << (bits - length) else 0


_FIRST_OF_NO_HOST = 224
"""Groups, and what nobody was ever given (RFC 1112 section 4)."""


def _proposal(phase: str, key: str, *more: str) -> tuple[Effect, ...]:
    entry = f"{phase}/proposal[{key}]"
    names = ("cipher", *more, "dh", "ke")
    return (Fresh(entry), *(Put(f"{entry}/{name}", name.upper()) for name in names))


def _proposal_types(phase: str, *more: str) -> dict[str, str]:
    return {name.upper(): f"{phase}/proposal/{name}" for name in ("cipher", *more, "dh", "ke")}


def _subnets(side: str, what: str) -> tuple[Row, ...]:
    leaf = f"{side}-subnet"
    types = {"SUBNET": leaf, "NETMASK": leaf}
    how = {
        "types": types,
        "reads": {"SUBNET": subnet, "NETMASK": netmask},
        "joins": {"NETMASK": ("SUBNET", with_netmask)},
        "ends": {"SUBNET": whole_prefix},
    }
    return (
        Row(
            at=IPSEC,
            syntax=f"[no] {leaf} (SUBNET [NETMASK])...",
            does=(Clear(leaf), Put(leaf, "SUBNET")),
            undoes=(Clear(leaf, "SUBNET"),),
            help=f"Networks on {what}: exactly those of the line",
            more=(
                "Takes ADDRESS/LENGTH or ADDRESS NETMASK, several in one line, or one ADDRESS: a host. "
                f"They take the place of all that were there; '{leaf} add' leaves those. "
                f"'no {leaf}' removes all, 'no {leaf} SUBNET' that one."
            ),
            **how,  # type: ignore[arg-type]
        ),
        Row(
            IPSEC,
            f"{leaf} add (SUBNET [NETMASK])...",
            (Put(leaf, "SUBNET"),),
            help="Networks beside those that are there",
            writes=False,
            **how,  # type: ignore[arg-type]
        ),
    )


def _identity(side: str, absent: str) -> Row:
    kinds = ("inet", "name", "email", "key", "dn")
    placeholders = {"inet": "ADDRESS", "name": "NAME", "email": "EMAIL", "key": "KEY", "dn": "DN"}
    options = "|".join(f"{kind} {placeholders[kind]}" for kind in kinds)
    leaf = f"{side}-id"
    return Row(
        at=IPSEC,
        syntax=f"[no] {leaf} ({options})",
        does=tuple(Put(f"{leaf}/{kind}", placeholders[kind]) for kind in kinds),
        undoes=(Reset(leaf),),
        types={placeholders[kind]: f"{leaf}/{kind}" for kind in kinds},
        rest="DN",
        more=f"'no {leaf}' is {absent}.",
    )


ROWS: tuple[Row, ...] = (
    Row(
        IPSEC,
        "[no] enable",
        (Put("enabled", "true"),),
        (Put("enabled", "false"),),
        help="Enable the tunnel; 'no enable' leaves it configured and dormant",
    ),
    Row(
        IPSEC,
        "[no] description TEXT",
        (Put("description", "TEXT"),),
        (Reset("description"),),
        types={"TEXT": "description"},
        rest="TEXT",
        more="Takes all words up to the end of the line.",
    ),
    Row(
        IPSEC,
        "[no] initiator",
        (Put("initiator", "true"),),
        (Reset("initiator"),),
        help="This gateway contacts its peer; 'no initiator' is a responder",
    ),
    Row(IPSEC, "[no] peer ADDRESS", (Put("peer", "ADDRESS"),), (Reset("peer"),), {"ADDRESS": "peer"}),
    Row(
        IPSEC,
        "[no] local-address ADDRESS",
        (Put("local-address", "ADDRESS"),),
        (Reset("local-address"),),
        {"ADDRESS": "local-address"},
    ),
    Row(
        IPSEC,
        "[no] secret SECRET",
        (Put("secret", "SECRET"),),
        (Reset("secret"),),
        {"SECRET": "secret"},
        more="Without SECRET it is asked for, and not shown as it is typed.",
    ),
    _identity("local", "the local-address, or with certificates the subject of the own one"),
    _identity("remote", "the address of the peer on an initiator, and any on a responder"),
    *_subnets("local", "this side that the tunnel serves"),
    *_subnets("remote", "the peer's side that the tunnel serves"),
    Row(
        IPSEC,
        "[no] dpd-action ACTION",
        (Reset("dpd/enabled"), Put("dpd/action", "ACTION")),
        (Put("dpd/enabled", "false"), Reset("dpd/action")),
        {"ACTION": "dpd/action"},
        help="What to do when the peer does not answer; 'no dpd-action' is no dead peer detection",
        more="Without either: restart on an initiator, clear on a responder ('no dpd' brings that back).",
    ),
    Row(
        IPSEC,
        "[no] dpd-delay SEC",
        (Put("dpd/delay", "SEC"),),
        (Reset("dpd/delay"),),
        {"SEC": "dpd/delay"},
    ),
    Row(
        IPSEC,
        "[no] ike cipher CIPHER (auth AUTH|prf PRF) dh DH [ke KE]...",
        _proposal("ike", "1", "auth", "prf"),
        (Clear("ike/proposal"),),
        _proposal_types("ike", "auth", "prf"),
        help="Algorithms of phase 1, as the proposal with priority 1",
        more=(
            "An AEAD cipher (ccm, gcm, chacha20poly1305) needs prf, another one auth. "
            "'ike proposal N cipher ...' is a further proposal; 'no ike cipher' removes all of them, "
            "so that the gateway's own list counts."
        ),
    ),
    Row(
        IPSEC,
        "ike proposal N cipher CIPHER (auth AUTH|prf PRF) dh DH [ke KE]...",
        _proposal("ike", "N", "auth", "prf"),
        (),
        {"N": "ike/proposal/priority", **_proposal_types("ike", "auth", "prf")},
    ),
    Row(
        IPSEC,
        "[no] esp cipher CIPHER [auth AUTH] [dh DH] [ke KE]...",
        _proposal("esp", "1", "auth"),
        (Clear("esp/proposal"),),
        _proposal_types("esp", "auth"),
        help="Algorithms of phase 2, as the proposal with priority 1",
        more=(
            "An AEAD cipher (ccm, gcm, chacha20poly1305) needs no auth, another one does. "
            "Without dh there is no perfect forward secrecy. 'esp proposal N cipher ...' is a further "
            "proposal; 'no esp cipher' removes all of them, so that the gateway's own list counts."
        ),
    ),
    Row(
        IPSEC,
        "esp proposal N cipher CIPHER [auth AUTH] [dh DH] [ke KE]...",
        _proposal("esp", "N", "auth"),
        (),
        {"N": "esp/proposal/priority", **_proposal_types("esp", "auth")},
    ),
)
