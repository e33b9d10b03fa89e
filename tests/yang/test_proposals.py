"""Proposals: which algorithms go together (W14, W15, W16)."""

from __future__ import annotations

import pytest

from tests.yang.conftest import Validate
from tests.yang.documents import ENTRY, Content, tag, tunnel
from tests.yang.schema_source import enumeration

AEAD = {
    f"aes{bits}{mode}{icv}" for bits in (128, 192, 256) for mode in ("ccm", "gcm") for icv in (12, 16)
} | {"chacha20poly1305"}
CLASSICAL = {f"aes{bits}{mode}" for bits in (128, 192, 256) for mode in ("", "ctr")}


def proposal(**leaves: str | None) -> Content:
    return {"proposal": {"priority": "1", **leaves}}


def test_the_tables_of_this_test_are_the_ciphers_of_the_model() -> None:
    assert set(enumeration("cipher")) == AEAD | CLASSICAL
    assert not AEAD & CLASSICAL


@pytest.mark.parametrize("cipher", sorted(AEAD | CLASSICAL))
@pytest.mark.parametrize("auth", [None, *["sha1", "sha256", "sha384", "sha512"]])
@pytest.mark.parametrize("prf", [None, "prfsha256"])
def test_an_ike_proposal_is_accepted_only_when_it_is_sound(
    cipher: str, auth: str | None, prf: str | None, validate: Validate
) -> None:
    refusal = validate(tunnel({"ike": proposal(cipher=cipher, auth=auth, prf=prf, dh="x25519")}))
    if cipher in AEAD:
        wrong = {"ike-auth-forbidden"} if auth else set()
        wrong |= set() if prf else {"ike-prf-required"}
    else:
        wrong = {"ike-prf-forbidden"} if prf else set()
        wrong |= set() if auth else {"ike-auth-required"}
    # libyang names the first; which of two that is, is its own affair.
    assert (refusal.app_tag in wrong) if refusal else not wrong


@pytest.mark.parametrize("cipher", sorted(AEAD | CLASSICAL))
@pytest.mark.parametrize("dh", [None, "x25519"])
def test_esp_without_integrity_is_impossible(cipher: str, dh: str | None, validate: Validate) -> None:
    bare = tag(validate, {"esp": proposal(cipher=cipher, dh=dh)}, "esp/proposal[priority='1']")
    assert bare == (None if cipher in AEAD else "esp-integrity-required")
    beside = tag(
        validate, {"esp": proposal(cipher=cipher, auth="sha256", dh=dh)}, "esp/proposal[priority='1']/auth"
    )
    assert beside == ("esp-auth-forbidden" if cipher in AEAD else None)


def test_esp_without_integrity_is_found_among_sound_proposals(validate: Validate) -> None:
    sound: Content = {"priority": "1", "cipher": "aes128gcm16"}
    unsound: Content = {"priority": "2", "cipher": "aes256", "dh": "x25519"}
    document: dict[str, Content] = {"esp": {"proposal": [sound, unsound]}, "enabled": "false"}
    assert tag(validate, document, "esp/proposal[priority='2']") == "esp-integrity-required"


@pytest.mark.parametrize(
    "dh", ["modp2048", "modp3072", "modp4096", "ecp256", "ecp384", "ecp521", "x25519", "curve448"]
)
def test_each_group_serves_both_phases(dh: str, validate: Validate) -> None:
    sound = proposal(cipher="aes128", auth="sha256", dh=dh)
    assert validate(tunnel({"ike": sound, "esp": sound})) is None


@pytest.mark.parametrize("ke", [*enumeration("dh"), "mlkem512", "mlkem768", "mlkem1024"])
def test_each_key_exchange_may_follow_another_in_both_phases(ke: str, validate: Validate) -> None:
    sound = proposal(cipher="aes128", auth="sha256", dh="ecp256" if ke != "ecp256" else "x25519", ke=ke)
    assert validate(tunnel({"ike": sound, "esp": sound})) is None


@pytest.mark.parametrize("prf", ["prfsha256", "prfsha384", "prfsha512"])
def test_each_prf_serves_an_aead_cipher(prf: str, validate: Validate) -> None:
    assert validate(tunnel({"ike": proposal(cipher="aes128gcm16", prf=prf, dh="x25519")})) is None


@pytest.mark.parametrize(
    ("leaf", "word"),
    [
        ("cipher", "3des"),
        ("cipher", "aees128gcm12"),
        ("cipher", "AES128"),
        ("cipher", "null"),
        ("auth", "md5"),
        ("dh", "modp1024"),
        ("dh", "none"),
        ("dh", "x448"),
        ("dh", "mlkem768"),
        ("ke", "mlkem"),
        ("ke", "none"),
    ],
)
def test_a_word_that_is_not_in_the_tables_is_refused(leaf: str, word: str, validate: Validate) -> None:
    sound: dict[str, str | None] = {"cipher": "aes128", "auth": "sha256", "dh": "x25519"}
    refusal = validate(tunnel({"ike": proposal(**sound | {leaf: word})}))
    assert refusal is not None
    assert word in refusal.message


def test_proposals_that_differ_in_one_leaf_are_not_the_same(validate: Validate) -> None:
    base = {"priority": "1", "cipher": "aes128", "auth": "sha256", "dh": "x25519"}
    for phase in ("ike", "esp"):
        others: list[Content] = [
            base | {"priority": "2", "cipher": "aes256"},
            base | {"priority": "3", "auth": "sha512"},
            base | {"priority": "4", "dh": "ecp256"},
        ]
        assert validate(tunnel({phase: {"proposal": [base, *others]}})) is None
        refusal = validate(tunnel({phase: {"proposal": [base, *others, base | {"priority": "9"}]}}))
        assert refusal is not None
        assert (refusal.app_tag, refusal.path) == (
            f"{phase}-proposal-duplicate", f"{ENTRY}/{phase}/proposal[priority='9']"
        )  # fmt: skip


def test_aead_proposals_that_differ_in_prf_or_have_a_group_more_are_not_the_same(validate: Validate) -> None:
    ike = [{"priority": str(n), "cipher": "aes128gcm16", "prf": prf, "dh": "x25519"}
           for n, prf in enumerate(("prfsha256", "prfsha512"), 1)]  # fmt: skip
    esp = [
        {"priority": "1", "cipher": "aes128gcm16"},
        {"priority": "2", "cipher": "aes128gcm16", "dh": "x25519"},
    ]
    assert validate(tunnel({"ike": {"proposal": [*ike]}, "esp": {"proposal": [*esp]}})) is None
