"""A certification authority for tests."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp

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

    def certify(
        self,
        key: Key,
        subject: str,
        *alt_names: str,
        days: float = 365,
        crl_uri: str = "",
        ocsp_uri: str = "",
    ) -> str:
        """Return a certificate; an alternative name is an address, an email or a domain name."""
        extensions: list[x509.ExtensionType] = []
        if alt_names:
            extensions.append(x509.SubjectAlternativeName([general_name(one) for one in alt_names]))
        if crl_uri:
            places = [x509.UniformResourceIdentifier(crl_uri)]
            extensions.append(x509.CRLDistributionPoints([x509.DistributionPoint(places, None, None, None)]))
        if ocsp_uri:
            place = x509.UniformResourceIdentifier(ocsp_uri)
            description = x509.AccessDescription(x509.AuthorityInformationAccessOID.OCSP, place)
            extensions.append(x509.AuthorityInformationAccess([description]))
        return self._signed(name(subject), key.public_key(), extensions, days)

    def revoke(
        self,
        *pems: str,
        number: int = 1,
        days: float = 7,
        age_days: float = 0.5,
        key_id: bytes | None = None,
        extensions: Sequence[x509.ExtensionType] = (),
    ) -> str:
        """Return a CRL of the certificates ``pems``, made ``age_days`` ago; ``key_id`` is the issuer's, b""
        for none."""
        now = datetime.now(UTC)
        made = now - timedelta(days=age_days)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._subject)
            .last_update(made)
            .next_update(now + timedelta(days=days))
            .add_extension(x509.CRLNumber(number), critical=False)
        )
        named = self.key_id if key_id is None else key_id
        if named:
            builder = builder.add_extension(x509.AuthorityKeyIdentifier(named, None, None), critical=False)
        for one in extensions:
            builder = builder.add_extension(one, critical=True)
        for pem in pems:
            serial = x509.load_pem_x509_certificate(pem.encode()).serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(made)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    @property
    def key_id(self) -> bytes:
        return x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()).digest

    def answer(self, request: bytes, revoked: Sequence[str]) -> bytes:
        """Return what this authority answers to an OCSP request (RFC 6960); ``revoked`` are certificates."""
        asked = ocsp.load_der_ocsp_request(request)
        now = datetime.now(UTC)
        serials = {x509.load_pem_x509_certificate(pem.encode()).serial_number for pem in revoked}
        is_revoked = asked.serial_number in serials
        own = x509.load_pem_x509_certificate(self.pem.encode())
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                issuer_name_hash=asked.issuer_name_hash,
                issuer_key_hash=asked.issuer_key_hash,
                serial_number=asked.serial_number,
                algorithm=asked.hash_algorithm,
                cert_status=ocsp.OCSPCertStatus.REVOKED if is_revoked else ocsp.OCSPCertStatus.GOOD,
                this_update=now - timedelta(minutes=1),
                next_update=now + timedelta(hours=1),
                revocation_time=now - timedelta(minutes=1) if is_revoked else None,
                revocation_reason=None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.NAME, own)
        )
        for extension in asked.extensions:
            if isinstance(extension.value, x509.OCSPNonce):
                builder = builder.add_extension(extension.value, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.DER)

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
