"""Algorithms: keywords to tokens, names back to keywords, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from translators.strongswan.translation import proposals
from translators.strongswan.translation.proposals import (
    CIPHERS,
    GROUPS,
    INTEGRITY,
    KEY_EXCHANGES,
    PRFS,
    Phase,
)
from translators.strongswan.translation.refusals import Refused, UnsupportedLeaf

# What get-algorithms of strongSwan 5.9.8 says with the plugins openssl and curve25519, as far as needed.
EVERYTHING = {
    "encryption": {"AES_CBC", "AES_CTR", "3DES_CBC"},
    "aead": {"AES_GCM_16", "AES_GCM_12", "AES_CCM_16", "AES_CCM_12", "CHACHA20_POLY1305"},
    "integrity": {"HMAC_SHA1_96", "HMAC_SHA2_256_128", "HMAC_SHA2_384_192", "HMAC_SHA2_512_256"},
    "prf": {"PRF_HMAC_SHA1", "PRF_HMAC_SHA2_256", "PRF_HMAC_SHA2_384", "PRF_HMAC_SHA2_512"},
    "dh": {
        "MODP_2048",
        "MODP_3072",
        "MODP_4096",
        "ECP_256",
        "ECP_384",
        "ECP_521",
        "CURVE_25519",
        "CURVE_448",
    },
}
# The package libstrongswan alone: no openssl, gcm, curve25519.
MINIMAL = {
    "encryption": {"AES_CBC"},
    "integrity": {"HMAC_SHA1_96", "HMAC_SHA2_256_128"},
    "prf": {"PRF_HMAC_SHA2_256"},
    "dh": {"MODP_2048", "MODP_3072"},
}


@pytest.mark.parametrize(
    ("phase", "proposal", "written"),
    [
        (Phase.IKE, {"cipher": "aes128", "auth": "sha256", "dh": "x25519"}, "aes128-sha256-x25519"),
        (
            Phase.IKE,
            {"cipher": "aes128gcm16", "prf": "prfsha256", "dh": "x25519"},
            "aes128gcm16-prfsha256-x25519",
        ),
        (Phase.IKE, {"cipher": "aes256ctr", "auth": "sha1", "dh": "curve448"}, "aes256ctr-sha1-x448"),
        (Phase.ESP, {"cipher": "aes128gcm12"}, "aes128gcm12"),
        (Phase.ESP, {"cipher": "aes192", "auth": "sha512", "dh": "ecp521"}, "aes192-sha512-ecp521"),
        (Phase.ESP, {"cipher": "chacha20poly1305", "dh": "modp4096"}, "chacha20poly1305-modp4096"),
        (
            Phase.IKE,
            {"cipher": "aes256", "auth": "sha384", "dh": "x25519", "ke": ["mlkem768", "curve448"]},
            "aes256-sha384-x25519-ke1_mlkem768-ke2_x448",
        ),
        (
            Phase.ESP,
            {"cipher": "aes256gcm16", "dh": "ecp384", "ke": ["mlkem1024"]},
            "aes256gcm16-ecp384-ke1_mlkem1024",
        ),
    ],
)
def test_a_proposal_is_written_as_strongswan_reads_it(phase: Phase, proposal: Any, written: str) -> None:
    assert proposals.render(phase, {"priority": 1, **proposal}) == written


@pytest.mark.parametrize(
    ("phase", "proposal", "app_tag", "leaf"),
    [
        (Phase.ESP, {"cipher": "aes128"}, "integrity-missing", "esp/proposal[priority='7']"),
        (
            Phase.ESP,
            {"cipher": "aes128ctr", "dh": "x25519"},
            "integrity-missing",
            "esp/proposal[priority='7']",
        ),
        (
            Phase.ESP,
            {"cipher": "aes128gcm16", "prf": "prfsha256"},
            "esp-prf",
            "esp/proposal[priority='7']/prf",
        ),
        (
            Phase.ESP,
            {"cipher": "aes128gcm16", "auth": "sha256"},
            "aead-with-auth",
            "esp/proposal[priority='7']/auth",
        ),
        (Phase.IKE, {"cipher": "aes128gcm16", "dh": "x25519"}, "prf-missing", "ike/proposal[priority='7']"),
        (Phase.IKE, {"cipher": "aes128", "dh": "x25519"}, "integrity-missing", "ike/proposal[priority='7']"),
        (Phase.IKE, {"cipher": "aes128", "auth": "sha256"}, "dh-missing", "ike/proposal[priority='7']"),
        (
            Phase.IKE,
            {"cipher": "aes128", "auth": "sha256", "prf": "prfsha256", "dh": "x25519"},
            "prf-with-auth",
            "ike/proposal[priority='7']/prf",
        ),
        (Phase.IKE, {"auth": "sha256", "dh": "x25519"}, "proposal-incomplete", "ike/proposal[priority='7']"),
        (
            Phase.IKE,
            {"cipher": "3des", "auth": "sha256", "dh": "x25519"},
            "unknown-algorithm",
            "ike/proposal[priority='7']/cipher",
        ),
        (
            Phase.ESP,
            {"cipher": "aes128gcm16", "ke": ["mlkem768"]},
            "esp-ke-without-dh",
            "esp/proposal[priority='7']/ke",
        ),
        (
            Phase.ESP,
            {"cipher": "aes128gcm16", "dh": "x25519", "ke": ["frodo"]},
            "unknown-algorithm",
            "esp/proposal[priority='7']/ke",
        ),
        (
            Phase.ESP,
            {"cipher": "aes128gcm16", "dh": "x25519", "ke": ["mlkem768", "x25519"]},
            "ke-twice",
            "esp/proposal[priority='7']/ke",
        ),
        (
            Phase.ESP,
            {"cipher": "aes128gcm16", "dh": "x25519", "ke": [*GROUPS, "mlkem768"][:8]},
            "too-many-elements",
            "esp/proposal[priority='7']/ke",
        ),
    ],
)
def test_an_unsafe_or_senseless_proposal_is_refused(
    phase: Phase, proposal: Any, app_tag: str, leaf: str
) -> None:
    with pytest.raises(Refused) as refused:
        proposals.render(phase, {"priority": 7, **proposal})
    assert (refused.value.app_tag, refused.value.leaf) == (app_tag, leaf)


def test_esp_without_integrity_cannot_be_written_with_any_classical_cipher() -> None:
    for cipher in CIPHERS.values():
        if not cipher.aead:
            with pytest.raises(Refused, match="does not protect integrity"):
                proposals.render(Phase.ESP, {"priority": 1, "cipher": cipher.keyword})


def test_an_unknown_leaf_of_a_proposal_is_refused_not_dropped() -> None:
    with pytest.raises(UnsupportedLeaf, match="ike/proposal"):
        proposals.render(Phase.IKE, {"priority": 1, "cipher": "aes128", "esn": True})


@pytest.mark.parametrize(
    ("leaf", "table"),
    [("cipher", CIPHERS), ("auth", INTEGRITY), ("prf", PRFS), ("dh", GROUPS), ("ke", KEY_EXCHANGES)],
)
def test_every_name_that_list_sas_shows_leads_back_to_its_keyword(leaf: str, table: Any) -> None:
    for algorithm in table.values():
        assert proposals.keyword(leaf, algorithm.name, algorithm.key_bits) == algorithm.keyword
        assert proposals.token(leaf, algorithm.name, algorithm.key_bits) == algorithm.token


def test_chacha20_is_known_with_and_without_its_key_size() -> None:
    assert proposals.keyword("cipher", "CHACHA20_POLY1305", 256) == "chacha20poly1305"
    assert proposals.keyword("cipher", "CHACHA20_POLY1305") == "chacha20poly1305"


def test_a_name_that_is_not_ours_has_no_keyword() -> None:
    assert proposals.keyword("cipher", "3DES_CBC") is None
    assert proposals.keyword("cipher", "AES_CBC", 512) is None
    assert proposals.token("dh", "MODP_1024") is None


def test_the_lowest_priority_number_comes_first() -> None:
    ordered = proposals.by_priority([{"priority": 20}, {"priority": 3}, {"priority": 100}])
    assert [proposal["priority"] for proposal in ordered] == [3, 20, 100]


def test_the_automatic_proposals_golden() -> None:
    groups = "x25519-ecp256-ecp384-ecp521-modp3072-modp4096-modp2048"
    assert proposals.auto(Phase.IKE, EVERYTHING) == [
        f"aes256gcm16-aes128gcm16-chacha20poly1305-prfsha512-prfsha384-prfsha256-{groups}",
        f"aes256-aes192-aes128-sha512-sha384-sha256-{groups}",
    ]
    assert proposals.auto(Phase.ESP, EVERYTHING) == [
        f"aes256gcm16-aes128gcm16-chacha20poly1305-{groups}-none",
        f"aes256-aes192-aes128-sha512-sha384-sha256-{groups}-none",
    ]
    assert proposals.auto(Phase.IKE) == proposals.auto(Phase.IKE, EVERYTHING)


def test_the_automatic_proposals_hold_only_what_the_daemon_has() -> None:
    assert proposals.auto(Phase.IKE, MINIMAL) == ["aes256-aes192-aes128-sha256-modp3072-modp2048"]
    assert proposals.auto(Phase.ESP, MINIMAL) == ["aes256-aes192-aes128-sha256-modp3072-modp2048-none"]


@pytest.mark.parametrize("phase", Phase)
def test_the_automatic_proposals_hold_nothing_that_is_deprecated(phase: Phase) -> None:
    tokens = {token for proposal in proposals.auto(phase, EVERYTHING) for token in proposal.split("-")}
    assert not tokens & {"3des", "sha1", "prfsha1", "md5", "modp1024", "modp1536"}


def test_a_daemon_without_integrity_algorithms_has_no_automatic_proposals() -> None:
    with pytest.raises(Refused) as refused:
        proposals.auto(Phase.ESP, {**MINIMAL, "integrity": set()})
    assert refused.value.app_tag == "algorithm-not-loaded"


def test_what_no_plugin_provides_is_named_with_its_leaf() -> None:
    proposal = {"priority": 2, "cipher": "aes128gcm16", "prf": "prfsha384", "dh": "x25519"}
    found = proposals.missing(Phase.IKE, proposal, MINIMAL)
    assert [refused.leaf for refused in found] == [
        f"ike/proposal[priority='2']/{leaf}" for leaf in ("cipher", "prf", "dh")
    ]
    assert proposals.missing(Phase.IKE, proposal, EVERYTHING) == []


def test_key_exchange_methods_are_found_under_the_name_of_strongswan_6_too() -> None:
    available = {"ke": EVERYTHING["dh"]}
    check: Callable[..., list[Refused]] = proposals.missing
    assert [r.leaf for r in check(Phase.ESP, {"priority": 1, "dh": "x25519"}, available)] == []


HYBRID = {"priority": 1, "cipher": "aes256gcm16", "dh": "x25519", "ke": ["ecp384", "mlkem768"]}


def test_an_additional_key_exchange_that_no_plugin_provides_is_named() -> None:
    available = {**EVERYTHING, "ke": EVERYTHING["dh"]}
    (refused,) = proposals.missing(Phase.ESP, HYBRID, available)
    assert (refused.leaf, refused.app_tag) == (
        "esp/proposal[priority='1']/ke[.='mlkem768']",
        "algorithm-not-loaded",
    )
    for word in ("mlkem768 (ML_KEM_768)", "ml,", "openssl", "6.0.2"):
        assert word in refused.message
    assert proposals.missing(Phase.ESP, HYBRID, {**available, "ke": {*EVERYTHING["dh"], "ML_KEM_768"}}) == []


def test_a_charon_before_6_has_no_additional_key_exchanges() -> None:
    (refused,) = proposals.missing(Phase.ESP, HYBRID, EVERYTHING)
    assert (refused.leaf, refused.app_tag) == ("esp/proposal[priority='1']/ke", "ke-not-supported")
    assert "strongSwan 6.0" in refused.message
    assert proposals.missing(Phase.ESP, {**HYBRID, "ke": []}, EVERYTHING) == []


@pytest.mark.parametrize("phase", Phase)
def test_the_automatic_proposals_have_one_key_exchange(phase: Phase) -> None:
    words = {word for proposal in proposals.auto(phase) for word in proposal.split("-")}
    assert not any(map(proposals.is_further, words))


@pytest.mark.parametrize("phase", list(Phase))
def test_ikev1_is_offered_suites_of_one_algorithm_of_each_kind(phase: Phase) -> None:
    offered = proposals.auto_ikev1(phase)
    *suites, _ = offered if phase is Phase.IKE else offered[:-1]
    assert {"aes128-sha256-modp2048", "aes256-sha256-ecp256", "aes256-sha512-modp3072"} <= {*suites}
    assert all(len(suite.split("-")) == (2 if "gcm" in suite else 3) for suite in suites)
    assert len({*offered}) == len(offered)
    assert offered[-1] == proposals.auto(phase, aead=phase is Phase.ESP)[-1], "what a peer offers, as before"
    assert 40 * len(suites) < 1200 or phase is Phase.ESP, "the first message is not fragmented"


def test_ikev1_is_offered_what_charon_has() -> None:
    available = {"encryption": ["AES_CBC"], "integrity": ["HMAC_SHA2_256_128"], "dh": ["MODP_2048"]}
    assert proposals.auto_ikev1(Phase.ESP, available)[:2] == [
        "aes256-sha256-modp2048",
        "aes128-sha256-modp2048",
    ]


def test_esp_without_groups() -> None:
    offered = ["aes256gcm16-ecp256", "aes256-sha256-ecp256", "aes256-sha256-modp2048-none"]
    assert proposals.without_groups(offered) == ["aes256gcm16", "aes256-sha256"]
