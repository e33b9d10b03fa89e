"""TLS at the door for HTTP: which certificates and files are taken, and who speaks none."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import uvloop

from agent.http.door import Door, open_door
from agent.http.tls import Tls, TlsFault, context_of
from tests.agent.http.door_lab import PATIENCE_S, Authority, all_of, echo, get, said, status_of
from tests.agent.http.door_waits import HERE, LIMITS, SHORT_S, Nowhere, emptied, held, until


class Unread(Nowhere):
    def pause_reading(self) -> None:
        """There is nothing to be read."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


async def test_tls_and_who_has_shown_a_certificate(authority: Authority) -> None:
    shown: list[dict[str, Any]] = []

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        assert scope["scheme"] == "https"
        shown.append(scope["state"]["guest"].certificate)
        await echo(scope, receive, send)

    tls = Tls(*authority.issue_server(), clients=authority.file)
    ann = authority.issue("ann")
    async with open_door(app, HERE, tls, limits=LIMITS) as door:
        for context in (authority.trusting(), authority.trusting(ann)):
            assert status_of(await said(door.port, get(), tls=context)) == 200
    assert shown[0] == {}
    assert shown[1]["subject"] == ((("commonName", "ann"),),)


async def test_a_certificate_of_strangers_is_not_taken(authority: Authority, tmp_path: Path) -> None:
    eve = Authority(tmp_path, "strangers").issue("eve")
    async with open_door(
        echo, HERE, Tls(*authority.issue_server(), clients=authority.file), limits=LIMITS
    ) as door:
        with pytest.raises((ssl.SSLError, ConnectionError, IndexError)):
            status_of(await said(door.port, get(), tls=authority.trusting(eve)))
        assert status_of(await said(door.port, get(), tls=authority.trusting())) == 200


async def test_older_tls_is_not_spoken(authority: Authority) -> None:
    context = authority.trusting()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with open_door(echo, HERE, Tls(*authority.issue_server()), limits=LIMITS) as door:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await said(door.port, get(), tls=context)
        await emptied(door)


async def test_a_slow_handshake_is_given_up_and_counts_meanwhile(authority: Authority) -> None:
    limits = replace(LIMITS, connections_per_source=2)
    async with open_door(echo, HERE, Tls(*authority.issue_server()), limits=limits) as door:
        waiting = await held(door.port, 2)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await said(door.port, get(), tls=authority.trusting())
        for writer in waiting:
            writer.transport.abort()
        await emptied(door)
    async with open_door(
        echo, HERE, Tls(*authority.issue_server()), limits=replace(LIMITS, handshake_s=SHORT_S)
    ) as door:
        assert await said(door.port, b"\x16") == b""
        await emptied(door)


async def refused_in_the_middle(door: Door, authority: Authority, shut: Callable[[], None]) -> None:
    """Come through ``door``, have it ``shut``, and see that TLS leads nowhere then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    await until(lambda: bool(door._handshakes))
    shut()
    got = b""
    with suppress(ssl.SSLError, ConnectionError):
        async with asyncio.timeout(PATIENCE_S):
            await writer.start_tls(authority.trusting(), server_hostname="localhost")
            writer.write(get())
            got = await all_of(reader)
    assert got == b""
    writer.transport.abort()
    await emptied(door)


async def test_no_tls_is_agreed_upon_when_the_door_is_shut(authority: Authority) -> None:
    async with open_door(echo, HERE, Tls(*authority.issue_server()), limits=LIMITS) as door:
        await refused_in_the_middle(door, authority, door.shut)
        assert not door._handshakes


async def test_tls_that_is_agreed_upon_while_the_door_is_shut_serves_nobody(authority: Authority) -> None:
    async with open_door(echo, HERE, Tls(*authority.issue_server()), limits=LIMITS) as door:

        def shut() -> None:
            door.hall.closed = True  # a handshake whose last packet has come cannot be cancelled any more

        await refused_in_the_middle(door, authority, shut)


async def test_a_handshake_that_had_not_begun_gives_its_place_back(authority: Authority) -> None:
    async with open_door(echo, HERE, Tls(*authority.issue_server()), limits=LIMITS) as door:
        made = door._made(config=cast(Any, None), server_state=cast(Any, None))
        made.connection_made(Unread())
        assert len(door.hall) == 1
        door.shut()
        await emptied(door)


async def test_who_speaks_no_tls_is_turned_away(authority: Authority) -> None:
    async with open_door(echo, HERE, Tls(*authority.issue_server()), limits=LIMITS) as door:
        assert not (await said(door.port, get())).startswith(b"HTTP")
        assert status_of(await said(door.port, get(), tls=authority.trusting())) == 200


def test_files_that_cannot_be_used_are_named(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue_server()
    other, other_key = authority.issue("other")
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    text.chmod(0o600)
    open_key = tmp_path / "open.key"
    open_key.write_bytes(key.read_bytes())
    open_key.chmod(0o644)
    for tls, words in (
        (Tls(tmp_path / "none", key), "none cannot be read: No such file"),
        (Tls(tmp_path, key), "cannot be read: Is a directory"),
        (Tls(certificate, tmp_path / "none"), "none cannot be read"),
        (Tls(certificate, other_key), "other.key is not the key of the certificate in"),
        (Tls(text, key), "do not hold a certificate and its key"),
        (Tls(certificate, open_key), "open.key: others than its owner may use this key"),
        (Tls(other, other_key, clients=text), "text.pem holds no certificates"),
    ):
        with pytest.raises(TlsFault, match=words):
            context_of(tls)


def test_a_key_with_a_password_is_told_apart(authority: Authority, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    certificate, key = authority.issue_server()
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    encrypted = tmp_path / "encrypted.key"
    encrypted.touch(0o600)
    encrypted.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(TlsFault, match="the key is encrypted"):
        context_of(Tls(certificate, encrypted))


def test_on_uvloop_http_is_served_and_tls_is_refused(authority: Authority) -> None:
    async def plain() -> None:
        async with open_door(echo, HERE, limits=LIMITS) as door:
            assert status_of(await said(door.port, get())) == 200
            assert status_of(await said(door.port, get(host="evil.example"))) == 421

    async def secured() -> None:
        with pytest.raises(OSError, match="not on uvloop"):
            await Door(echo, HERE, tls=Tls(*authority.issue_server())).take_address()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(plain())
        runner.run(secured())
