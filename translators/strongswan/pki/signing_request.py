"""The names of a signing request: a subject and its alternatives as X.509 has them. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from cryptography import x509

from agent.errors import InvalidValue
from translators.strongswan.model import PKI
from translators.strongswan.translation import distinguished_name

RPC_PATH = f"/{PKI}:generate-signing-request"


def subject_name(text: str) -> x509.Name:
    """Return a distinguished name (RFC 4514) as a subject.

    Raises:
        InvalidValue: no certificate can hold it.
    """
    return x509.Name([_attribute(part) for part in distinguished_name.parse(text)])


def alt_names(identities: Sequence[Mapping[str, object]]) -> list[x509.GeneralName]:
    """Return subject alternative names; each identity has one member, its kind.

    Raises:
        InvalidValue: one is of a kind that no certificate can hold.
    """
    return [_alt_name(identity) for identity in identities]


def bad_subject(leaf: str, message: str) -> InvalidValue:
    """Return what to tell of a name that cannot be had; ``leaf`` is of the rpc's input."""
    return InvalidValue(message, path=f"{RPC_PATH}/{leaf}", app_tag="bad-subject")


def _attribute(part: distinguished_name.Part) -> x509.NameAttribute[str]:
    ((oid, value),) = distinguished_name.oids([part])
    if part.type == "C" and not (len(value) == 2 and value.isascii() and value.isalpha()):
        raise bad_subject("subject", f"C is the two letters of a country, not '{value}'")
    if part.type in distinguished_name.ASCII_ALONE and not value.isascii():
        raise bad_subject("subject", f"{part.type} takes ASCII characters alone, not '{value}'")
    try:
        return x509.NameAttribute(x509.ObjectIdentifier(oid), value)
    except ValueError as error:
        raise bad_subject("subject", f"{part.type} cannot be '{value}': {error}") from None


def _alt_name(identity: Mapping[str, object]) -> x509.GeneralName:
    (kind, value), *_more = identity.items()
    match kind:
        case "inet":
            return x509.IPAddress(ipaddress.ip_address(str(value)))
        case "name":
            return x509.DNSName(str(value))
        case "email":
            return x509.RFC822Name(str(value))
        case _:
            message = "a subject alternative name is an address (inet), a name or an email"
            raise bad_subject("subject-alt-name", message)
