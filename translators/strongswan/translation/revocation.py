"""Revoked certificates: how they are looked for, and the lists of them (CRLs, RFC 5280 section 5). Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from translators.strongswan.model import Json
from translators.strongswan.translation import distinguished_name
from translators.strongswan.translation.certificates import (
    Certificate,
    parts_of,
    shown,
    unindented,
    why_unreadable,
)
from translators.strongswan.translation.refusals import Refused

CHECKER = "revocation"
"""charon's plugin that looks whether a certificate was revoked."""
FETCHERS = frozenset({"curl", "soup", "winhttp"})
"""charon's plugins that fetch over HTTP."""
CRL_OCTETS_MAX = 65535
"""A value in a message of VICI is not longer."""

_BEGIN, _END = "-----BEGIN X509 CRL-----", "-----END X509 CRL-----"


class Mode(Enum):
    """The values of ``certificates/revocation``."""

    OFF = "off"
    IF_AVAILABLE = "if-available"
    STRICT = "strict"


@dataclass(frozen=True, slots=True)
class Revocation:
    """``certificates/revocation`` and ``certificates/fetch``."""

    mode: Mode = Mode.OFF
    fetch: bool = True
    timeout_s: int = 5

    @classmethod
    def of(cls, mode: Json | None, fetch: Json | None) -> Revocation:
        """Return what the leaf ``revocation`` and the container ``fetch`` say, None for nothing."""
        found = cls()
        if mode is not None and "revocation" in mode:
            found = replace(found, mode=Mode(str(mode["revocation"])))
        if fetch is None:
            return found
        return replace(
            found, fetch=bool(fetch.get("enabled", True)), timeout_s=int(str(fetch.get("timeout", 5)))
        )

    def changed(self, mode: Json | None, fetch: Json | None) -> Revocation:
        """Return this as it is once ``mode`` and ``fetch`` are set, None for what stays."""
        if mode is None and fetch is None:
            return self
        of_mode = {"revocation": self.mode.value} if mode is None else mode
        of_fetch = {"enabled": self.fetch, "timeout": self.timeout_s} if fetch is None else fetch
        return Revocation.of(of_mode, of_fetch)

    @property
    def checks(self) -> bool:
        """Whether charon is to look at all."""
        return self.mode is not Mode.OFF


@dataclass(frozen=True, slots=True)
class Crl:
    """A list of revoked certificates. ``issuer_key_id`` is what charon finds it by."""

    der: bytes = field(repr=False)
    issuer: str
    issuer_key_id: bytes
    number: int | None
    this_update: datetime
    next_update: datetime | None
    revoked: int

    @property
    def digest(self) -> str:
        """Stands for the content."""
        return hashlib.sha256(self.der).hexdigest()

    def is_expired(self, now: datetime) -> bool:
        """Return whether it is out of force."""
        return self.next_update is not None and self.next_update <= now


def parse(pem: str) -> Crl:
    """Return the CRL of ``pem``, in which lines may be indented.

    Raises:
        Refused: it is not one CRL, or none that charon could use.
    """
    text = unindented(pem)
    if text.count(_BEGIN) != 1 or not text.startswith(_BEGIN) or not text.endswith(_END):
        raise _refused("this is not one CRL in PEM; leave only the lines from BEGIN to END", "crl-malformed")
    try:
        found = x509.load_pem_x509_crl(text.encode())
        numbers = {one.oid: one.value for one in found.extensions}
        key_id = numbers.get(x509.AuthorityKeyIdentifier.oid)
        number = numbers.get(x509.CRLNumber.oid)
        crl = Crl(
            der=found.public_bytes(Encoding.DER),
            issuer=shown(distinguished_name.text_of(parts_of(found.issuer))),
            issuer_key_id=getattr(key_id, "key_identifier", None) or b"",
            number=getattr(number, "crl_number", None),
            this_update=found.last_update_utc,
            next_update=found.next_update_utc,
            revoked=len(found),
        )
    except Exception as error:
        # The parser raises many kinds for what is malformed; none of them is a fault of ours.
        message = f"this is not a CRL that can be read: {why_unreadable(error)}"
        raise _refused(message, "crl-malformed") from None
    if x509.DeltaCRLIndicator.oid in numbers:
        raise _refused("this is a delta CRL, which changes another one: commit a full CRL", "crl-unsupported")
    if not crl.issuer_key_id:
        raise _refused(
            "the CRL does not name the key of its issuer (Authority Key Identifier, RFC 5280 section 5.2.1), "
            "and charon would never find it: have the authority make one that does",
            "crl-unsupported",
        )
    if len(crl.der) > CRL_OCTETS_MAX:
        raise _refused(
            f"the CRL has {len(crl.der)} octets, and charon takes at most {CRL_OCTETS_MAX} from a "
            "configuration: name a place in crl-uri of the authority, from which charon fetches it",
            "crl-too-large",
        )
    return crl


def check_issuer(crl: Crl, authorities: Iterable[Certificate]) -> None:
    """See that one of ``authorities`` has signed ``crl``.

    Raises:
        Refused: none has, or charon would not find the CRL by what the certificate of the authority says.
    """
    named = [one for one in authorities if one.is_authority and one.subject == crl.issuer]
    if not named:
        raise _refused(
            f"the CRL was made by {crl.issuer}, of which there is no certificate in /certificates: add it",
            "crl-issuer-missing",
        )
    list_itself = x509.load_der_x509_crl(crl.der)
    for authority in named:
        key = x509.load_pem_x509_certificate(authority.pem.encode()).public_key()
        try:
            signed = list_itself.is_signature_valid(key)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            signed = False  # a key of another kind
        if signed:
            if authority.key_id != crl.issuer_key_id:
                raise _refused(
                    "the Authority Key Identifier of the CRL is not the Subject Key Identifier of the "
                    f"certificate of {crl.issuer}, and charon would never find it",
                    "crl-unsupported",
                )
            return
    raise _refused(f"no key of {crl.issuer} has signed this CRL", "crl-signature-invalid")


def _refused(message: str, app_tag: str) -> Refused:
    return Refused("pem", message, app_tag)


AUTHORITY_PREFIX = "ipsec-ca-"


@dataclass(frozen=True, slots=True)
class Trust:
    """What charon is to hold beside tunnels: messages of load-authority by name, and CRLs by name.

    A name stands for all that its message says: charon 5.9 that is told a name again keeps the certificate
    that the name stood for before.
    """

    authorities: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    certificates: Mapping[str, str] = field(default_factory=dict)
    """Of these authorities: the subjects by the digests (SHA-256) of the certificates."""
    crls: Mapping[str, Crl] = field(default_factory=dict)


def trust(authorities: Mapping[str, Certificate], crls: Mapping[str, Crl]) -> Trust:
    """Return what charon is to hold for ``authorities`` and ``crls``."""
    messages = dict(_authority(name, one) for name, one in authorities.items())
    return Trust(messages, {one.digest: one.subject for one in authorities.values()}, dict(crls))


def authority_of(name: str) -> str:
    """Return the name of the certificate that charon was told as the authority ``name``."""
    return name.removeprefix(AUTHORITY_PREFIX).rpartition("-")[0]


def _authority(name: str, authority: Certificate) -> tuple[str, Mapping[str, object]]:
    message = {
        "cacert": authority.pem,
        "crl_uris": list(authority.crl_uris),
        "ocsp_uris": list(authority.ocsp_uris),
    }
    stands_for = hashlib.sha256(repr(message).encode()).hexdigest()[:16]
    return f"{AUTHORITY_PREFIX}{name}-{stands_for}", message


def load_crl(crl: Crl) -> Mapping[str, object]:
    """Return the load-cert message."""
    return {"type": "X509_CRL", "data": crl.der}


def additions(before: Trust, after: Trust) -> list[tuple[str, Mapping[str, object]]]:
    """Return the requests that give charon what is new in ``after``."""
    found: list[tuple[str, Mapping[str, object]]] = [
        ("load-authority", {name: message})
        for name, message in after.authorities.items()
        if name not in before.authorities
    ]
    new = (crl for name, crl in after.crls.items() if before.crls.get(name) != crl)
    return [*found, *(("load-cert", load_crl(crl)) for crl in new)]


def surplus(held: Collection[str], wanted: Trust) -> list[str]:
    """Return the names of authorities that charon is not to hold any more."""
    return sorted(set(held) - wanted.authorities.keys())


def differences(before: Trust, after: Trust) -> list[str]:
    """Return in words what a change from ``before`` to ``after`` means to charon."""
    old, new = before.authorities, after.authorities
    lines = [f"load the authority {name}" for name in new if name not in old]
    lines += [f"load the CRL {name}" for name, crl in after.crls.items() if before.crls.get(name) != crl]
    lines += [f"unload the authority {name}" for name in old if name not in new]
    return lines + [f"forget the CRL {name}" for name in before.crls if name not in after.crls]
