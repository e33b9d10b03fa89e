"""The private keys of this gateway: made or imported here, kept in a folder that only the agent reads.

A key is a file in PEM (PKCS #8), mode 0600. It is given to charon over its socket, and to nobody else; there
is no way to read one back.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from translators.strongswan.translation import certificates
from translators.strongswan.translation.refusals import Refused

log = logging.getLogger(__name__)

Secret = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

RSA_BITS_MIN = 2048
_CURVES: dict[str, ec.EllipticCurve] = {
    "ecdsa-p256": ec.SECP256R1(),
    "ecdsa-p384": ec.SECP384R1(),
    "ecdsa-p521": ec.SECP521R1(),
}
_CURVE_NAMES = frozenset(curve.name for curve in _CURVES.values())
_HASHES: dict[int, hashes.SHA384 | hashes.SHA512] = {384: hashes.SHA384(), 521: hashes.SHA512()}
_RSA = {"rsa-3072": 3072, "rsa-4096": 4096}
_SUFFIX = ".pem"
_UNFINISHED = ".new"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key by its name; ``digest`` stands for its public half, as in certificates."""

    name: str
    algorithm: str
    bits: int
    digest: bytes
    secret: Secret = field(repr=False)

    @property
    def pem(self) -> str:
        """The private key, for charon alone."""
        return self.secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def public_pem(self) -> str:
        """The public key."""
        return self.secret.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def request(self, subject: x509.Name, alt_names: Sequence[x509.GeneralName]) -> str:
        """Return a signing request in PEM (RFC 2986)."""
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        if alt_names:
            builder = builder.add_extension(x509.SubjectAlternativeName(alt_names), critical=False)
        signed = builder.sign(self.secret, _HASHES.get(self.bits, hashes.SHA256()))
        return signed.public_bytes(Encoding.PEM).decode()


_READ = "Delete it and have a new one certified; or, if nobody has read it, say: chmod 600 "


class KeyStore:
    """The keys in ``folder``, which is made when there is the first. Keys are read once, at ``load``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, PrivateKey] = {}

    def load(self, *, tidy: bool = True) -> None:
        """Read every key; one that cannot be read is left out, and the log says so.

        ``tidy``: what an agent left that ended while it wrote goes; nobody was told that there is a key.
        """
        self._keys = {}
        for path in self._folder.glob(f".*{_UNFINISHED}") if tidy else ():
            path.unlink()
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            name = path.name.removesuffix(_SUFFIX)
            try:
                if not _NAME.fullmatch(name):
                    raise Refused("name", "it is no name of a key", "credential-name-characters")
                mode = path.stat().st_mode & 0o777
                if mode & 0o077:
                    raise Refused("name", f"others may read it (mode {mode:04o}). {_READ}{path}", "")
                self._keys[name] = _key(name, path.read_bytes(), None)
            except (OSError, Refused) as error:
                reason = error.message if isinstance(error, Refused) else error.strerror
                log.error("the private key %r is left out: %s", name, reason)

    def told(self) -> list[str]:
        """Return a sentence for whoever makes a backup of the configuration, if there are keys."""
        count = len(list(self._folder.glob(f"*{_SUFFIX}")))
        if not count:
            return []
        number = "the private key in it is" if count == 1 else f"the {count} private keys in it are"
        return [f"copy {self._folder}, too: {number} no configuration, and in no export of it"]

    def __iter__(self) -> Iterator[PrivateKey]:
        return iter(self._keys.values())

    def get(self, name: str) -> PrivateKey | None:
        """Return the key ``name``, None if there is none."""
        return self._keys.get(name)

    def of(self, digest: bytes) -> PrivateKey | None:
        """Return the key of the public key that ``digest`` stands for, None if there is none."""
        return next((key for key in self._keys.values() if key.digest == digest), None)

    def digests(self) -> frozenset[bytes]:
        """Return the digests of the public keys of which there is the private half."""
        return frozenset(key.digest for key in self._keys.values())

    def demand_free(self, name: str) -> None:
        """Refuse a name that is taken.

        Raises:
            Refused: there is a key of this name already.
        """
        if name in self._keys:
            raise Refused("name", f"there is a private key '{name}' already", "private-key-exists")

    def keep(self, key: PrivateKey) -> PrivateKey:
        """Keep a key for good.

        Raises:
            Refused: there is one of this name already, or this very key has another name.
            OSError: the disk does not take it.
        """
        self.demand_free(key.name)
        if (same := self.of(key.digest)) is not None:
            raise Refused("pem", f"this is the private key '{same.name}'", "private-key-exists")
        self._write(key)
        self._keys[key.name] = key
        return key

    def delete(self, name: str) -> None:
        """Remove a key for good."""
        (self._folder / f"{name}{_SUFFIX}").unlink(missing_ok=True)
        self._keys.pop(name, None)
        with contextlib.suppress(OSError):  # gone it is; at worst it is there again after a power failure
            self._sync()

    def _write(self, key: PrivateKey) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new, kept = self._folder / f".{key.name}{_UNFINISHED}", self._folder / f"{key.name}{_SUFFIX}"
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as file:
            file.write(key.pem)
            file.flush()
            os.fsync(file.fileno())
        new.rename(kept)
        try:
            self._sync()
        except OSError:
            kept.unlink(missing_ok=True)
            raise

    def _sync(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def generate(name: str, algorithm: str) -> PrivateKey:
    """Make a key. One of RSA takes a second or more: not for the event loop."""
    if algorithm in _CURVES:
        return _described(name, ec.generate_private_key(_CURVES[algorithm]))
    return _described(name, rsa.generate_private_key(65537, _RSA[algorithm]))


def parse(name: str, pem: str, passphrase: str | None) -> PrivateKey:
    """Return a key that was made elsewhere; lines of ``pem`` may be indented.

    Raises:
        Refused: it is no key that can be used.
    """
    return _key(name, certificates.unindented(pem).encode(), passphrase)


def _key(name: str, pem: bytes, passphrase: str | None) -> PrivateKey:
    try:
        secret = load_pem_private_key(pem, None if passphrase is None else passphrase.encode())
    except TypeError:
        wanted = "is encrypted: give its passphrase" if passphrase is None else "is not encrypted"
        raise Refused("passphrase", f"the private key {wanted}", "private-key-passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        # What the parser says may quote from the key.
        raise Refused(
            "pem",
            "this is not a private key in PEM that can be read, or not with this passphrase",
            "private-key-malformed",
        ) from None
    if isinstance(secret, rsa.RSAPrivateKey) and secret.key_size >= RSA_BITS_MIN:
        return _described(name, secret)
    if isinstance(secret, ec.EllipticCurvePrivateKey) and secret.curve.name in _CURVE_NAMES:
        return _described(name, secret)
    raise Refused(
        "pem",
        f"a private key is RSA with at least {RSA_BITS_MIN} bits, or ECDSA with P-256, P-384 or P-521",
        "private-key-unsuitable",
    )


def _described(name: str, secret: Secret) -> PrivateKey:
    digest = certificates.digest(secret.public_key())
    algorithm = "RSA" if isinstance(secret, rsa.RSAPrivateKey) else "ECDSA"
    return PrivateKey(name=name, algorithm=algorithm, bits=secret.key_size, digest=digest, secret=secret)
