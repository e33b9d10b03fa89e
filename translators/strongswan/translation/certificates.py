"""X.509 certificates (RFC 5280): what a tunnel needs to know of one. Pure."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from translators.strongswan.model import Json
from translators.strongswan.translation import distinguished_name
from translators.strongswan.translation.identities import Identity, IdentityKind
from translators.strongswan.translation.refusals import Refused

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"

DnKey = frozenset[tuple[int, str, str]]
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class Certificate:
    """``pem`` is the canonical text, ``digest`` (SHA-256, hexadecimal) stands for it; ``key_digest`` stands
    for the public key (SHA-256 of its SubjectPublicKeyInfo), and ``key_id`` too, as X.509 and charon have it
    (RFC 5280 section 4.2.1.2); ``alt_names`` are the identities beside the subject. Subject and issuer are
    written as identities are configured. ``crl_uris`` and ``ocsp_uris`` are configured beside it."""

    pem: str = field(repr=False)
    subject: str
    issuer: str
    serial_number: str
    alt_names: tuple[Identity, ...]
    is_authority: bool
    key_digest: bytes
    not_before: datetime
    not_after: datetime
    _subject_key: DnKey
    digest: str = ""
    key_id: bytes = b""
    crl_uris: tuple[str, ...] = ()
    ocsp_uris: tuple[str, ...] = ()

    @property
    def identity(self) -> Identity:
        """The subject as an identity; charon is not told of it, for it takes the subject by itself."""
        return Identity(IdentityKind.DN, self.subject, "")

    def proves(self, identity: Identity) -> bool:
        """Return whether the certificate holds ``identity`` (RFC 4945 section 3.1).

        Of a subject case counts, because it does to strongSwan where the values are UTF8String.
        """
        if identity.kind is IdentityKind.DN:
            parts = distinguished_name.oids(distinguished_name.parse(identity.text))
            return _dn_key(parts) == self._subject_key
        return identity.key in {name.key for name in self.alt_names}


def parse(pem: str) -> Certificate:
    """Return the certificate of ``pem``, in which lines may be indented.

    Raises:
        Refused: it is not one certificate, or none that charon could use.
    """
    text = unindented(pem)
    if text.count(_BEGIN) != 1:
        count = text.count(_BEGIN)
        raise _refused(f"this holds {count or 'no'} certificates in PEM; it must be one")
    if not text.startswith(_BEGIN) or not text.endswith(_END):
        # Who may read the configuration reads this: a private key must not be here.
        raise _refused("there is more than a certificate here; leave only the lines from BEGIN to END")
    try:
        found = x509.load_pem_x509_certificate(text.encode())
        alternatives = _extension(found, x509.SubjectAlternativeName)
        constraints = _extension(found, x509.BasicConstraints)
        subject, issuer = parts_of(found.subject), parts_of(found.issuer)
        return Certificate(
            pem=found.public_bytes(Encoding.PEM).decode(),
            subject=shown(distinguished_name.text_of(subject)),
            issuer=shown(distinguished_name.text_of(issuer)),
            serial_number=f"{found.serial_number:x}",
            alt_names=tuple(_alt_names(alternatives)),
            is_authority=constraints is not None and bool(constraints.ca),
            key_digest=digest(found.public_key()),
            not_before=found.not_valid_before_utc,
            not_after=found.not_valid_after_utc,
            _subject_key=_dn_key(subject),
            digest=found.fingerprint(hashes.SHA256()).hex(),
            key_id=_key_id(found),
        )
    except Exception as error:
        # The parser raises many kinds for what is malformed; none of them is a fault of ours.
        raise _refused(f"this is not a certificate that can be read: {why_unreadable(error)}") from None


def of_entry(entry: Json) -> Certificate:
    """Return the certificate that ``entry`` configures.

    Raises:
        Refused: as ``parse``, or it names places of what only an authority has.
    """
    found = parse(str(entry["pem"]))
    crl_uris, ocsp_uris = _strings(entry.get("crl-uri")), _strings(entry.get("ocsp-uri"))
    if (crl_uris or ocsp_uris) and not found.is_authority:
        leaf = "crl-uri" if crl_uris else "ocsp-uri"
        raise Refused(leaf, "only the certificate of an authority has this", "certificate-not-ca")
    # charon looks for the places of a CRL by the SHA-1 of the key, and for a CRL by the identifier.
    if crl_uris and found.key_id != _sha1_key_id(x509.load_pem_x509_certificate(found.pem.encode())):
        raise Refused(
            "crl-uri",
            "the Subject Key Identifier of this authority is not the SHA-1 of its key, and charon would not "
            "look here: commit the CRL itself, or have certificates name the place",
            "crl-unsupported",
        )
    return replace(found, crl_uris=crl_uris, ocsp_uris=ocsp_uris)


def _strings(values: object) -> tuple[str, ...]:
    return tuple(map(str, values)) if isinstance(values, Sequence) else ()


def unindented(pem: str) -> str:
    """Return ``pem`` with its lines as they are when they are not indented."""
    return "\n".join(line.strip() for line in pem.strip().splitlines())


def digest(key: PublicKeyTypes) -> bytes:
    """Return what stands for a public key."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def _refused(message: str) -> Refused:
    return Refused("pem", message, "certificate-malformed")


def why_unreadable(error: Exception) -> str:
    """Return what the parser found wrong; what it says of octets and tags is for who writes parsers."""
    text = str(error)
    if "PEM" in text or "base64" in text.lower():
        return "the lines from BEGIN to END are not base64, or some are missing"
    if "asn1" in text.lower() or "{" in text or not text:
        return "what the lines from BEGIN to END hold is damaged, cut off, or something else"
    return shown(text)


def shown(text: str) -> str:
    """Return ``text`` with what cannot stand in XML or on a screen as octets in hexadecimal (RFC 4514).

    Whoever made the certificate has chosen it.
    """
    return "".join(
        one if one.isprintable() else "".join(f"\\{octet:02X}" for octet in one.encode("utf-8", "replace"))
        for one in text
    )


def _extension(found: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return found.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _key_id(found: x509.Certificate) -> bytes:
    named = _extension(found, x509.SubjectKeyIdentifier)
    return _sha1_key_id(found) if named is None else named.digest


def _sha1_key_id(found: x509.Certificate) -> bytes:
    return x509.SubjectKeyIdentifier.from_public_key(found.public_key()).digest


def _alt_names(alternatives: x509.SubjectAlternativeName | None) -> Iterator[Identity]:
    for name in alternatives or ():
        if isinstance(name, x509.DNSName):
            yield Identity(IdentityKind.NAME, shown(name.value), "")
        elif isinstance(name, x509.RFC822Name):
            yield Identity(IdentityKind.EMAIL, shown(name.value), "")
        elif isinstance(name, x509.IPAddress) and isinstance(
            name.value, ipaddress.IPv4Address | ipaddress.IPv6Address
        ):
            yield Identity(IdentityKind.INET, str(name.value), "")


def parts_of(name: x509.Name) -> list[tuple[str, str]]:
    """Return types (dotted) and values of a name, in order."""
    return [(one.oid.dotted_string, str(one.value)) for one in name]


def _dn_key(parts: list[tuple[str, str]]) -> DnKey:
    return frozenset((index, oid, value) for index, (oid, value) in enumerate(parts))
