"""A certification authority for tests."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: PrivateKeyTypes) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def name(text: str) -> x509.Name:
    return x509.Name.from_rfc4514_string(text)


class Authority:
    """Signs certificates; ``pem`` is its own."""

    def __init__(self, subject: str = "CN=root,O=ACME") -> None:
        self._key = new_key()
        self._subject = name(subject)
        self.pem = self.renewed(days=3650)

    def renewed(self, days: float = 7300) -> str:
        """Return another certificate of this authority, with the same name and key."""
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        return self._signed(self._subject, self._key.public_key(), [constraints], days)

    def subordinate(self, subject: str) -> Authority:
        """Return an authority that this one has certified."""
        made = Authority(subject)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        made.pem = self._signed(made._subject, made._key.public_key(), [constraints], days=3650)
        return made

    def certify(self, key: Key, subject: str, *alt_names: str, days: float = 365) -> str:
        """Return a certificate; an alternative name is an address, an email or a domain name."""
        extensions = [x509.SubjectAlternativeName([general_name(one) for one in alt_names])] * bool(alt_names)
        return self._signed(name(subject), key.public_key(), extensions, days)

    def sign(self, request_pem: str, days: float = 365) -> str:
        """Return the certificate that a request asks for, with its alternative names."""
        request = x509.load_pem_x509_csr(request_pem.encode())
        assert request.is_signature_valid
        key = request.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        return self._signed(request.subject, key, [one.value for one in request.extensions], days)

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        extensions: list[x509.ExtensionType],
        days: float,
    ) -> str:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(now, now + timedelta(days=days)) - timedelta(days=1))
            .not_valid_after(now + timedelta(days=days))
        )
        for one in extensions:
            builder = builder.add_extension(one, critical=isinstance(one, x509.BasicConstraints))
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def general_name(text: str) -> x509.GeneralName:
    if "@" in text:
        return x509.RFC822Name(text)
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
