"""Values on either side of each limit, one tunnel at a time."""

from __future__ import annotations

import itertools
import string

import pytest

from tests.yang.conftest import Validate
from tests.yang.documents import Content, tag, tunnel

SECRET_CHARACTERS = set(string.ascii_letters + string.digits + string.punctuation) - {"#"}


# --- the secret (W11) ---


@pytest.mark.parametrize(
    ("characters", "refused"),
    [(0, "secret-length"), (7, "secret-length"), (8, None), (63, None), (64, "secret-length")],
)
def test_a_secret_has_8_to_63_characters(characters: int, refused: str | None, validate: Validate) -> None:
    assert tag(validate, {"secret": "s" * characters}, "secret") == refused


@pytest.mark.parametrize("character", [chr(code) for code in range(33, 127)])
def test_a_secret_takes_ascii_33_to_126_without_the_hash(character: str, validate: Validate) -> None:
    refused = None if character in SECRET_CHARACTERS else "secret-characters"
    for secret in (f"{character}2345678", f"1234{character}678", f"1234567{character}"):
        assert tag(validate, {"secret": secret}, "secret") == refused


@pytest.mark.parametrize(
    "character", [" ", "\t", "\n", "\r", "\x7f", "\x85", "\xa0", "é", "\u2028", "\u20ac", "\U0001f511"]
)
def test_a_secret_takes_no_blank_control_or_foreign_character(character: str, validate: Validate) -> None:
    for secret in (f"{character}2345678", f"1234{character}678", f"1234567{character}"):
        assert tag(validate, {"secret": secret}, "secret") == "secret-characters"


@pytest.mark.parametrize(
    "secret", ["short!!", "x" * 64, "with blank and more", "hash#hash", "trailing-line-feed\n"]
)
def test_a_refused_secret_is_not_repeated(secret: str, validate: Validate) -> None:
    refusal = validate(tunnel({"secret": secret}))
    assert refusal is not None
    assert secret.strip() not in refusal.message


# --- texts and numbers ---


@pytest.mark.parametrize(
    ("number", "accepted"), [("0", False), ("1", True), ("65535", True), ("65536", False), ("-1", False)]
)
def test_a_tunnel_has_a_number_from_1_to_65535(number: str, accepted: bool, validate: Validate) -> None:
    assert (validate(tunnel({"id": number})) is None) == accepted


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("", "description-length"),
        ("x", None),
        ("x" * 255, None),
        ("x" * 256, "description-length"),
        ("é" * 255, None),
        ("Åland · ✓ \U0001f512", None),
        ("one\ttwo", "description-characters"),
        ("one\ntwo", "description-characters"),
        ("one\rtwo", "description-characters"),
        ("one\x7ftwo", "description-characters"),
        ("one\x9btwo", "description-characters"),
        ("one\u2028two", "description-characters"),
        ("one\u2029two", "description-characters"),
        ("trailing\n", "description-characters"),
    ],
)
def test_a_description_is_one_printable_line(text: str, refused: str | None, validate: Validate) -> None:
    assert tag(validate, {"description": text}, "description") == refused


@pytest.mark.parametrize(
    ("delay", "refused"),
    [("0", "dpd-delay-range"), ("1", None), ("86400", None), ("86401", "dpd-delay-range")],
)
def test_the_dpd_delay_is_up_to_a_day(delay: str, refused: str | None, validate: Validate) -> None:
    assert tag(validate, {"dpd": {"delay": delay}}, "dpd/delay") == refused


@pytest.mark.parametrize("action", ["clear", "trap", "restart"])
@pytest.mark.parametrize("enabled", ["true", "false"])
def test_a_responder_only_clears(action: str, enabled: str, validate: Validate) -> None:
    dpd: Content = {"enabled": enabled, "action": action}
    assert tag(validate, {"dpd": dpd}, "dpd/action") == (
        None if action == "clear" else "dpd-action-responder"
    )
    assert tag(validate, {"dpd": dpd, "initiator": "true", "peer": "192.0.2.2"}, "dpd/action") is None


# --- addresses and subnets ---

NOT_UNICAST = [
    "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "0:0:0::0", "::0.0.0.0", "ff02::1", "FF0E::1",
]  # fmt: skip
UNICAST = ["1.0.0.1", "223.255.255.254", "2001:db8::9", "fe80::1", "fd00::1", "::1:2", "2001:DB8::FF02"]


@pytest.mark.parametrize("address", NOT_UNICAST)
def test_an_address_that_is_not_of_one_host_is_refused(address: str, validate: Validate) -> None:
    assert tag(validate, {"local-address": address}, "local-address") == "local-address-not-unicast"
    local = "2001:db8::1" if ":" in address else "192.0.2.1"
    assert tag(validate, {"local-address": local, "peer": address}, "peer") == "peer-not-unicast"


@pytest.mark.parametrize("address", UNICAST)
def test_an_address_of_one_host_is_accepted(address: str, validate: Validate) -> None:
    assert tag(validate, {"local-address": address}, "local-address") is None
    local = "2001:db8::1" if ":" in address else "192.0.2.1"
    assert tag(validate, {"local-address": local, "peer": address}, "peer") is None


@pytest.mark.parametrize(
    "address", ["", "alice", "192.0.2.256", "192.0.2", "192.0.2.1/32", "fe80::1%eth0", "192.0.2.1 "]
)
def test_what_is_not_an_address_is_refused(address: str, validate: Validate) -> None:
    assert validate(tunnel({"local-address": address})) is not None


def test_the_same_address_in_another_spelling_is_still_the_same(validate: Validate) -> None:
    spelled: dict[str, Content] = {"local-address": "2001:db8::1", "peer": "2001:0DB8:0::0:1"}
    assert tag(validate, spelled, "peer") == "peer-is-local"


V4, V6 = "10.1.0.0/16", "2001:db8:1::/48"
SIDES: list[list[str]] = [[], [V4], [V6], [V4, V6]]


@pytest.mark.parametrize(("local", "remote"), list(itertools.product(SIDES, SIDES)))
@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_the_two_sides_need_an_address_family_in_common(
    local: list[str], remote: list[str], address: str, validate: Validate
) -> None:
    in_force = [{":" in one for one in (side or [address])} for side in (local, remote)]
    subnets: dict[str, Content] = {"local-subnet": [*local], "remote-subnet": [*remote]}
    refused = tag(validate, {"local-address": address, **subnets}, "")
    assert refused == (None if in_force[0] & in_force[1] else "subnet-family-mismatch")


@pytest.mark.parametrize("leaf", ["local-subnet", "remote-subnet"])
def test_there_are_up_to_32_subnets(leaf: str, validate: Validate) -> None:
    subnets: list[Content] = [f"10.{n}.0.0/16" for n in range(33)]
    assert validate(tunnel({leaf: subnets[:32]})) is None
    refusal = validate(tunnel({leaf: subnets}))
    assert refusal is not None
    assert refusal.app_tag == "too-many-elements"


# --- role and peer (W4, W5) ---


@pytest.mark.parametrize(
    ("initiator", "peer", "refused"),
    [
        (None, None, None),
        ("false", None, None),
        ("true", None, "peer-required"),
        ("true", "192.0.2.2", None),
        ("false", "192.0.2.2", None),
    ],
)
def test_only_an_initiator_needs_a_peer(
    initiator: str | None, peer: str | None, refused: str | None, validate: Validate
) -> None:
    assert tag(validate, {"initiator": initiator, "peer": peer}, "initiator") == refused


def test_a_dormant_tunnel_must_be_sound_too(validate: Validate) -> None:
    """It is there to be enabled."""
    assert tag(validate, {"enabled": "false", "initiator": "true"}, "initiator") == "peer-required"
