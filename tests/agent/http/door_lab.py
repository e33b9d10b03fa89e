"""A door that is open in a test, who talks to it word by word, and certificates."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import MutableMapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PATIENCE_S = 20


async def echo(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """An application that answers with the path and the length of the body."""
    octets, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        octets += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = f"{scope['path']} {octets}".encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    )
    await send({"type": "http.response.body", "body": body})


async def said(port: int, *words: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """Return all that comes back to ``words`` until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        for word in words:
            writer.write(word)
            await writer.drain()
        return await asyncio.wait_for(all_of(reader), PATIENCE_S)
    finally:
        writer.transport.abort()


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the end; a reset is one, too."""
    found = bytearray()
    while True:
        try:
            piece = await reader.read(65536)
        except ConnectionError:
            piece = b""
        if not piece:
            return bytes(found)
        found += piece


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def get(path: str = "/", host: str = "127.0.0.1", *fields: str) -> bytes:
    """Return a request after which the connection is closed."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Authority:
    """Signs certificates, below a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        made = self._made(self._name, self._key, []).sign(self._key, hashes.SHA256())
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def _made(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, names: list[x509.GeneralName]
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=name == self._name, path_length=None), critical=True)
        )
        return made.add_extension(x509.SubjectAlternativeName(names), critical=False) if names else made

    def issue(self, name: str, *alternatives: x509.GeneralName) -> tuple[Path, Path]:
        """Return the files of a certificate for ``name`` and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._made(subject, key, list(alternatives)).sign(self._key, hashes.SHA256())
        certificate, key_file = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        key_file.touch(0o600)
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, key_file

    def issue_server(self) -> tuple[Path, Path]:
        """Return the files of a certificate of this machine."""
        return self.issue("server", x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1")))

    def trusting(self, shown: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """Return what a client speaks TLS with that trusts it, and shows a certificate."""
        context = ssl.create_default_context(cafile=str(self.file))
        if shown is not None:
            context.load_cert_chain(*shown)
        return context
