"""Private keys on disk: what is kept, how, and what is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from tests.translators.authority import key_pem, name, new_key
from translators.strongswan.pki.key_store import KeyStore, generate, parse
from translators.strongswan.translation import certificates
from translators.strongswan.translation.refusals import Refused


def store(folder: Path) -> KeyStore:
    found = KeyStore(folder)
    found.load()
    return found


def encrypted(passphrase: str) -> str:
    how = BestAvailableEncryption(passphrase.encode())
    return new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode()


def test_what_a_crash_left_is_removed_and_what_is_no_key_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = store(tmp_path).keep(parse("good", key_pem(new_key()), None))
    (tmp_path / ".half.new").write_text(kept.pem)
    (tmp_path / "my key.pem").write_text(key_pem(new_key()))
    (tmp_path / "broken.pem").write_text("-----BEGIN PRIVATE KEY-----")
    (tmp_path / "broken.pem").chmod(0o600)
    assert [key.name for key in store(tmp_path)] == ["good"]
    assert not (tmp_path / ".half.new").exists()
    assert "'my key' is left out: it is no name of a key" in caplog.text
    assert "'broken' is left out: this is not a private key" in caplog.text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_may_read_is_left_out_and_its_mode_is_nobodys_to_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    for one in ("open", "kept"):
        store(tmp_path).keep(parse(one, key_pem(new_key()), None))
    (tmp_path / "open.pem").chmod(mode)
    assert [key.name for key in store(tmp_path)] == ["kept"]
    assert stat.S_IMODE((tmp_path / "open.pem").stat().st_mode) == mode
    assert f"'open' is left out: others may read it (mode {mode:04o})" in caplog.text
    assert f"chmod 600 {tmp_path / 'open.pem'}" in caplog.text
    (tmp_path / "open.pem").chmod(0o400)
    assert [key.name for key in store(tmp_path)] == ["kept", "open"]


def test_a_key_that_did_not_get_to_disk_is_not_there_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = store(tmp_path)
    keys.keep(parse("first", key_pem(new_key()), None))

    def no_sync(_self: KeyStore) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(KeyStore, "_sync", no_sync)
    with pytest.raises(OSError, match="Input/output"):
        keys.keep(parse("second", key_pem(new_key()), None))
    assert keys.get("second") is None
    keys.delete("first")
    assert keys.get("first") is None
    assert list(store(tmp_path)) == []


@pytest.mark.parametrize(
    ("algorithm", "described"),
    [
        ("ecdsa-p256", ("ECDSA", 256)),
        ("ecdsa-p384", ("ECDSA", 384)),
        ("ecdsa-p521", ("ECDSA", 521)),
        ("rsa-3072", ("RSA", 3072)),
    ],
)
def test_a_key_that_is_made_is_kept_and_signs_requests(
    algorithm: str, described: tuple[str, int], tmp_path: Path
) -> None:
    made = store(tmp_path / "keys").keep(generate("gw", algorithm))
    assert (made.algorithm, made.bits) == described
    again = store(tmp_path / "keys").get("gw")
    assert again is not None
    assert (again.digest, again.pem) == (made.digest, made.pem)
    request = x509.load_pem_x509_csr(made.request(name("CN=gw1"), [x509.DNSName("gw1")]).encode())
    assert request.is_signature_valid
    assert [one.value for one in request.extensions] == [x509.SubjectAlternativeName([x509.DNSName("gw1")])]


def test_only_the_agent_may_read_a_key(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        store(tmp_path / "keys").keep(generate("gw", "ecdsa-p256"))
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    (path,) = (tmp_path / "keys").iterdir()
    assert (path.name, stat.S_IMODE(path.stat().st_mode)) == ("gw.pem", 0o600)


def test_a_key_from_elsewhere_is_found_by_its_certificate_key(tmp_path: Path) -> None:
    keys = store(tmp_path / "keys")
    key = new_key()
    brought = keys.keep(parse("gw", "\n    " + key_pem(key).replace("\n", "\n    "), None))
    assert keys.of(brought.digest) == brought
    assert keys.of(certificates.digest(new_key().public_key())) is None
    assert list(store(tmp_path / "keys")) != []


def test_an_encrypted_key_needs_its_passphrase(tmp_path: Path) -> None:
    keys = store(tmp_path / "keys")
    text = encrypted("open sesame")
    for passphrase, app_tag in ((None, "private-key-passphrase"), ("wrong", "private-key-malformed")):
        with pytest.raises(Refused) as refused:
            parse("gw", text, passphrase)
        assert refused.value.app_tag == app_tag
    with pytest.raises(Refused, match="is not encrypted"):
        parse("gw", key_pem(new_key()), "needless")
    assert keys.keep(parse("gw", text, "open sesame")).bits == 256
    assert "ENCRYPTED" not in (tmp_path / "keys" / "gw.pem").read_text()


@pytest.mark.parametrize(
    ("text", "app_tag"),
    [
        ("hello", "private-key-malformed"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "private-key-malformed"),
        (key_pem(ed25519.Ed25519PrivateKey.generate()), "private-key-unsuitable"),
        (key_pem(ec.generate_private_key(ec.SECP256K1())), "private-key-unsuitable"),
        (key_pem(rsa.generate_private_key(65537, 1024)), "private-key-unsuitable"),
    ],
)
def test_what_is_no_key_of_use_is_refused_and_not_repeated(text: str, app_tag: str) -> None:
    with pytest.raises(Refused) as refused:
        parse("gw", text, None)
    assert refused.value.app_tag == app_tag
    assert text not in str(refused.value)


def test_a_name_and_a_key_are_there_once(tmp_path: Path) -> None:
    keys = store(tmp_path / "keys")
    text = key_pem(new_key())
    keys.keep(parse("gw", text, None))
    for attempt in (
        lambda: keys.keep(generate("gw", "ecdsa-p256")),
        lambda: keys.keep(parse("gw", key_pem(new_key()), None)),
        lambda: keys.keep(parse("other", text, None)),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.app_tag == "private-key-exists"
    assert [key.name for key in keys] == ["gw"]


def test_a_deleted_key_is_gone_for_good(tmp_path: Path) -> None:
    keys = store(tmp_path / "keys")
    keys.keep(generate("gw", "ecdsa-p256"))
    keys.delete("gw")
    assert list(keys) == []
    assert list((tmp_path / "keys").iterdir()) == []


def test_a_file_that_is_no_key_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = store(tmp_path / "keys")
    keys.keep(generate("gw", "ecdsa-p256"))
    (tmp_path / "keys" / "broken.pem").write_text("hello")
    assert [key.name for key in store(tmp_path / "keys")] == ["gw"]
    assert "'broken'" in caplog.text


def test_no_private_key_is_in_the_text_of_one(tmp_path: Path) -> None:
    made = store(tmp_path / "keys").keep(generate("gw", "ecdsa-p256"))
    assert "PRIVATE" not in f"{made!r} {made}"
