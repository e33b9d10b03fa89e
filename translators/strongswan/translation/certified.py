"""Tunnels that prove themselves with certificates: what they name, and what charon is told of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from translators.strongswan.model import Json
from translators.strongswan.translation.around import Around, Value, value_at
from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.identities import Identity, local_identity
from translators.strongswan.translation.refusals import Refused
from translators.strongswan.translation.revocation import CHECKER, Mode

CANNOT_CHECK = (
    "charon has not loaded the plugin revocation and cannot see whether a certificate was revoked: load it "
    "(package libstrongswan), or set certificates/revocation to off"
)


def has_certificate(entry: Json) -> bool:
    """Return whether the gateways of this tunnel have certificates in place of a secret."""
    return "certificate" in entry


def trusted_by(entry: Json) -> list[str]:
    """Return the names of the authorities that the tunnel trusts."""
    named = value_at(entry, "certificate/trusted-ca", ())
    return [str(one) for one in named] if isinstance(named, Sequence) else []


def named_certificates(entry: Json) -> set[str]:
    """Return the names of the certificates that the tunnel refers to."""
    if not has_certificate(entry):
        return set()
    return {str(value_at(entry, "certificate/own")), *trusted_by(entry)}


def own_identity(entry: Json, around: Around) -> Identity:
    """Return who we are: ``local-id``, or the subject of our certificate, or the local address.

    Raises:
        Refused: it cannot be sent safely, or is not in our certificate.
    """
    if not has_certificate(entry):
        return local_identity(entry)
    own = _certificate(around, "certificate/own", str(value_at(entry, "certificate/own")))
    if not entry.get("local-id"):
        if not own.subject:
            raise Refused(
                "local-id",
                "the certificate has no subject: set local-id to one of its subject alternative names, "
                + ", ".join(str(name) for name in own.alt_names),
                "identity-not-in-certificate",
            )
        return own.identity
    identity = local_identity(entry)
    if not own.proves(identity):
        names = ", ".join(str(name) for name in (own.identity, *own.alt_names))
        raise Refused(
            "local-id",
            f"the certificate does not hold the identity {identity}; it holds: {names}. Absent, local-id is "
            "the subject",
            "identity-not-in-certificate",
        )
    return identity


def _certificate(around: Around, leaf: str, name: str) -> Certificate:
    found = around.certificates.get(name)
    if found is None:
        raise Refused(leaf, f"there is no certificate '{name}' in /certificates", "certificate-missing")
    return found


def own_certificate(entry: Json, around: Around) -> Value | None:
    """Return the certificate by which we prove ourselves. Raises: Refused."""
    if not has_certificate(entry):
        return None
    name = str(value_at(entry, "certificate/own"))
    own = _certificate(around, "certificate/own", name)
    if around.keys is not None and own.key_digest not in around.keys:
        raise Refused(
            "certificate/own",
            f"this gateway has no private key of the certificate '{name}': call import-private-key, or have "
            "a key certified that generate-key-pair made",
            "private-key-missing",
        )
    return [own.pem]


def authorities(entry: Json, around: Around) -> Value | None:
    """Return the certificates of those whom the tunnel trusts. Raises: Refused."""
    if not has_certificate(entry):
        return None
    found = []
    for name in sorted(trusted_by(entry)):
        leaf = f"certificate/trusted-ca[.='{name}']"
        authority = _certificate(around, leaf, str(name))
        if not authority.is_authority:
            raise Refused(leaf, f"the certificate '{name}' is not that of an authority", "certificate-not-ca")
        found.append((leaf, name, authority))
    subjects = {authority.subject for _, _, authority in found}
    for leaf, name, authority in found:
        # charon takes nothing for proven that does not end in a root, whoever else it knows.
        if authority.issuer not in subjects:
            raise Refused(
                leaf,
                f"the authority '{name}' was certified by {authority.issuer}, which is not in trusted-ca: "
                "add the certificate of that authority too",
                "certificate-issuer-missing",
            )
    return [authority.pem for _, _, authority in found]


def revocation(entry: Json, around: Around) -> Value | None:
    """Return what charon must know of the revocation of a certificate to accept it. Raises: Refused."""
    # "relaxed", charon's default, is our "if-available"; and with "off" charon does not look.
    if not has_certificate(entry) or around.revocation is not Mode.STRICT:
        return None
    if around.plugins is not None and CHECKER not in around.plugins:
        # Without the plugin charon takes the condition for fulfilled.
        raise Refused("certificate", CANNOT_CHECK, "revocation-unavailable")
    return "strict"
