"""A word that is typed for a leaf to its value, as far as the type says what is one; and the type in words.

What is not refused here the server may still refuse: rules between leaves, patterns that are not tried here.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address, ip_interface, ip_network

from console.grammar.patterns import mismatch
from console.model.schema import Choice, Type

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}\Z")
_HEXADECIMAL = re.compile(r"-?0[xX][0-9a-fA-F]{1,20}\Z")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,20})?\Z")
_ADDRESS = re.compile(r"ip(v4|v6)?-address(-no-zone)?\Z")
_PREFIX = re.compile(r"ip(v4|v6)?-prefix\Z")
_VERSIONS = {"v4": 4, "v6": 6}
_MOST_NAMED = 12


class Refused(Exception):
    """The text is no value of the type; says what would be: "takes a number 1..86400", behind a name.

    ``whole``: it is a sentence by itself, the module's own. ``several``: it could be more than one value.
    """

    def __init__(self, said: str, *, whole: bool = False, several: bool = False) -> None:
        super().__init__(said)
        self.said = said
        self.whole = whole
        self.several = several


def read(type_: Type, text: str, *, abbreviated: bool = True) -> str:
    """Return the value that ``text`` means, a choice in full; an identity as "module:name".

    Raises:
        Refused: it means none.
    """
    check_sendable(text)
    if type_.base in ("union", "leafref"):
        return _of_members(type_, text, abbreviated)
    if type_.base in ("enumeration", "boolean", "identityref"):
        return chosen(type_.choices, text, abbreviated=abbreviated)
    if type_.base == "bits":
        return " ".join(chosen(type_.choices, word, abbreviated=abbreviated) for word in text.split())
    if type_.base.startswith(("int", "uint")) and type_.base != "instance-identifier":
        return _whole(type_, text)
    if type_.base == "decimal64":
        return _decimal(type_, text)
    if type_.base == "binary":
        return _binary(type_, text)
    if type_.base == "empty":
        raise Refused("takes no value")
    if type_.base == "instance-identifier" and not text.startswith("/"):
        raise Refused("takes a path, which begins with /")
    return _string(type_, text)


def same(type_: Type | None, one: str, other: str) -> bool:
    """Return whether two texts are one value: addresses and numbers can be written in several ways."""
    if one == other:
        return True
    try:
        if any(mark in one for mark in ".:") and (":" in one or "/" in one or one.count(".") == 3):
            return ip_interface(one).network == ip_interface(other).network and ("/" in one) == ("/" in other)
        number = type_ is not None and type_.base == "decimal64"
        return number and Decimal(one) == Decimal(other)
    except (ValueError, InvalidOperation):
        return False


def chosen(choices: Iterable[Choice], text: str, *, abbreviated: bool = True) -> str:
    """Return the name of the one choice that ``text`` is, or is a beginning of.

    Raises:
        Refused: it is none, or the beginning of several.
    """
    names = [choice.name for choice in choices]
    exact = [name for name in names if text in (name, name.rpartition(":")[2])]
    # Without a colon: a name that two modules have means neither.
    if text in exact or len(exact) == 1:
        return text if text in exact else exact[0]
    found = exact or [name for name in names if abbreviated and text and _begins(name, text)]
    if len(found) == 1:
        return found[0]
    if found:
        raise Refused(f"could be {_enumerated(found, 'or')}", several=True)
    raise Refused(f"takes {_enumerated(names, 'or')}" if names else "has no value that is known")


def shown(choices: Iterable[Choice]) -> list[Choice]:
    """Return ``choices`` as they are typed: identities without their module where that is enough."""
    some = list(choices)
    short = [choice.name.rpartition(":")[2] for choice in some]
    return [
        Choice(name if short.count(name) == 1 else choice.name, choice.description)
        for name, choice in zip(short, some, strict=True)
    ]


def expectation(type_: Type, units: str = "") -> str:
    """Return in a few words what a value of the type is, "a number 1..86400 (seconds)"."""
    words = _expected(type_)
    return f"{words} ({units})" if units else words


def offered(type_: Type) -> tuple[Choice, ...]:
    """Return all words that are values of the type, those of the members of a union, too."""
    found = list(type_.choices)
    for member in type_.members:
        found += offered(member)
    unique = {choice.name: choice for choice in found}
    return tuple(unique.values())


def is_open(type_: Type) -> bool:
    """Return whether any text at all may be a value, so that a word of a command beside it goes first."""
    if type_.members:
        return any(is_open(member) for member in type_.members)
    return type_.base in ("string", "binary", "instance-identifier") and not _address_kind(type_)


def _begins(name: str, text: str) -> bool:
    return name.startswith(text) or name.rpartition(":")[2].startswith(text)


def _of_members(type_: Type, text: str, abbreviated: bool) -> str:
    """Return the value by the first type that has it; words in full go before their beginnings."""
    refused: Refused | None = None
    for short in (False, True) if abbreviated else (False,):
        for member in type_.members:
            try:
                return read(member, text, abbreviated=short)
            except Refused as problem:
                refused = refused or problem
    if refused is None:
        return text
    if len(type_.members) == 1:
        raise refused
    raise Refused(f"takes {_expected(type_)}")


def _whole(type_: Type, text: str) -> str:
    if _NUMBER.match(text):
        number = int(text)  # 010 is ten here, and to YANG it would be eight: what is sent has no zeros
    elif _HEXADECIMAL.match(text):
        number = int(text, 16)
    else:
        raise Refused(f"takes {_expected(type_)}")
    pairs = type_.ranges or (_BOUNDS[type_.base],)
    if not any(int(low) <= number <= int(high) for low, high in pairs):
        raise _refused(type_, "range")
    return str(number)


_BOUNDS = {
    **{f"int{bits}": (str(-(2 ** (bits - 1))), str(2 ** (bits - 1) - 1)) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": ("0", str(2**bits - 1)) for bits in (8, 16, 32, 64)},
}


def _decimal(type_: Type, text: str) -> str:
    try:
        number = Decimal(text) if _DECIMAL.match(text) else None
        inside = number is not None and (
            not type_.ranges or any(Decimal(low) <= number <= Decimal(high) for low, high in type_.ranges)
        )
    except InvalidOperation:
        return text  # a range that is none: the server knows
    if number is None or len(text.partition(".")[2]) > max(type_.fraction_digits, 1):
        raise Refused(f"takes {_expected(type_)}")
    if not inside:
        raise _refused(type_, "range")
    return text


def _binary(type_: Type, text: str) -> str:
    try:
        octets = len(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        raise Refused("takes octets in base64") from None
    _check_length(type_, octets)
    return text


def _string(type_: Type, text: str) -> str:
    _check_length(type_, len(text))
    kind = _address_kind(type_)
    if kind and not _is_address(kind, text):
        raise Refused(f"takes {_expected(type_)}")
    for pattern in type_.patterns:
        if mismatch(pattern, text):
            raise _refused(type_, pattern)
    return text


def check_sendable(text: str) -> None:
    """Refuse what XML cannot carry.

    Raises:
        Refused: there is a control character in it, or half of a pair.
    """
    if any(_never_in_xml(one) for one in text):
        raise Refused("takes no control characters")


def _check_length(type_: Type, length: int) -> None:
    if type_.lengths and not any(int(low) <= length <= int(high) for low, high in type_.lengths):
        raise _refused(type_, "length")


def _never_in_xml(one: str) -> bool:
    code = ord(one)
    return (code < 0x20 and one not in "\t\n\r") or 0xD800 <= code < 0xE000 or code in (0xFFFE, 0xFFFF)


def _refused(type_: Type, key: str) -> Refused:
    """Return what the module says about a wrong value, or else what its type says."""
    if said := type_.messages.get(key, ""):
        return Refused(said, whole=True)
    return Refused(
        f"takes {_expected(type_)}" if key in ("range", "length") else f"takes what matches {key[:80]}"
    )


def _address_kind(type_: Type) -> str:
    """Return "ip-prefix", "ipv4-address" or the like for a type of ietf-inet-types, else ""."""
    name = type_.name.rpartition(":")[2]
    return name if _ADDRESS.match(name) or _PREFIX.match(name) else ""


def _is_address(kind: str, text: str) -> bool:
    version = _VERSIONS.get(kind[2:4])
    try:
        if kind.endswith("-prefix"):
            if not re.match(r"[^/]+/[0-9]{1,3}\Z", text):
                return False
            return version in (None, ip_network(text, strict=False).version)
        bare, percent, zone = text.partition("%")
        if percent and (kind.endswith("-no-zone") or not zone):
            return False
        return version in (None, ip_address(bare).version)
    except ValueError:
        return False


def _expected(type_: Type) -> str:
    if kind := _address_kind(type_):
        return _ADDRESSES[kind.replace("-no-zone", "")]
    if type_.base == "leafref":
        return _expected(type_.members[0]) if type_.members else "the name of something else"
    if type_.base == "union":
        words = dict.fromkeys(_expected(member) for member in type_.members)
        return " or ".join(list(words)[:_MOST_NAMED])
    if type_.choices:
        names = _enumerated([choice.name for choice in shown(type_.choices)], "or")
        return f"one or more of {names}" if type_.base == "bits" else names
    if type_.base in _BOUNDS:
        return f"a number {_spans(type_.ranges or (_BOUNDS[type_.base],))}"
    if type_.base == "decimal64":
        digits = "1 decimal" if type_.fraction_digits == 1 else f"{type_.fraction_digits} decimals"
        return f"a number {_spans(type_.ranges)}".rstrip() + f" with up to {digits}"
    what = {"binary": "octets in base64", "instance-identifier": "a path"}.get(type_.base, "characters")
    if not type_.lengths:
        return {"characters": "a text"}.get(what, what)
    one = type_.lengths[-1][1] == "1" and what == "characters"
    return f"{_spans(type_.lengths)} {'character' if one else what}"


_ADDRESSES = {
    "ip-address": "an IP address",
    "ipv4-address": "an IPv4 address",
    "ipv6-address": "an IPv6 address",
    "ip-prefix": "an IP prefix, ADDRESS/LENGTH",
    "ipv4-prefix": "an IPv4 prefix, ADDRESS/LENGTH",
    "ipv6-prefix": "an IPv6 prefix, ADDRESS/LENGTH",
}


def _spans(pairs: Iterable[tuple[str, str]]) -> str:
    return " or ".join(low if low == high else f"{low}..{high}" for low, high in pairs)


def _enumerated(names: list[str], word: str = "and") -> str:
    short = [name.rpartition(":")[2] for name in names]
    some = short if len(set(short)) == len(short) else names
    if len(some) > _MOST_NAMED:
        return f"one of {len(some)} words: {', '.join(some[:_MOST_NAMED])}, ..."
    if len(some) < 2:
        return "".join(some)
    return f"{', '.join(some[:-1])} {word} {some[-1]}"
