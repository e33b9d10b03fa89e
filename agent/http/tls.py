"""Certificate and key of the door, looked at before anybody comes; and who signs certificates of clients."""

from __future__ import annotations

import os
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path


class TlsFault(Exception):
    """A file cannot be used; the text names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files: the certificate, with those between it and its root; its key, without a password; and the
    certificates by which those of clients are signed, None if clients need show none."""

    certificate: Path
    key: Path
    clients: Path | None = None


def context_of(tls: Tls) -> ssl.SSLContext:
    """Return what TLS is spoken with: 1.2 and later (RFC 9325 section 3.1.1).

    Raises:
        TlsFault: a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _refuse_unreadable(tls.certificate)
    _refuse_unreadable(tls.key)
    _refuse_open(tls.key)
    try:
        context.load_cert_chain(tls.certificate, tls.key, password=_no_password)
    except _Encrypted:
        raise TlsFault(f"{tls.key}: the key is encrypted, and nobody is there to ask") from None
    except ssl.SSLError as problem:
        raise TlsFault(_reason(tls, problem)) from None
    if tls.clients is not None:
        _refuse_unreadable(tls.clients)
        try:
            context.load_verify_locations(tls.clients)
        except ssl.SSLError:
            raise TlsFault(f"{tls.clients} holds no certificates in PEM") from None
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


class _Encrypted(Exception):
    """A key asks for a password."""


def _no_password() -> str:
    raise _Encrypted


def _reason(tls: Tls, problem: ssl.SSLError) -> str:
    if problem.reason == "KEY_VALUES_MISMATCH":
        return f"{tls.key} is not the key of the certificate in {tls.certificate}"
    return f"{tls.certificate} and {tls.key} do not hold a certificate and its key in PEM"


def _refuse_unreadable(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise TlsFault(f"{file} is no regular file")
    except OSError as problem:
        raise TlsFault(f"{file} cannot be read: {problem.strerror}") from None


def _refuse_open(key: Path) -> None:
    """Refuse a key that others may read or change; a group may read it, as that of Debian's ssl-cert does."""
    if key.stat().st_mode & (stat.S_IWGRP | stat.S_IRWXO):
        raise TlsFault(f"{key}: others than its owner may use this key (say: chmod o-rwx,g-w {key})")
