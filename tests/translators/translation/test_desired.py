"""What is wanted, what stands against a change, and what an SA proves to be another's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.translators.recorded import INSTALLED
from tests.translators.translation.test_proposals import EVERYTHING, MINIMAL
from tests.translators.tunnels import tunnel
from translators.strongswan.pieces import at_once
from translators.strongswan.status import drift
from translators.strongswan.translation.connections import messages
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translation.refusals import Refused

B, C = {"name": "b"}, {"name": "c"}
GCM = {"proposal": [{"priority": 1, "cipher": "aes128gcm16", "prf": "prfsha256", "dh": "modp2048"}]}


def desired(*entries: Any, available: Any = EVERYTHING) -> Desired:
    made = Desired()
    made.available = available
    made.replace({str(entry["id"]): entry for entry in entries})
    return made


def test_a_dormant_tunnel_has_no_messages_and_claims_nothing() -> None:
    made = desired(tunnel(1, remote_id=B, enabled=False))
    assert made.messages == {}
    assert made.refusals([("2", tunnel(2, remote_id=B, secret="another-secret"))]) == []


def test_enabling_a_tunnel_that_is_shadowed_is_refused_with_its_id() -> None:
    made = desired(tunnel(1, remote_id=B), tunnel(2, remote_id=B, secret="another-secret", enabled=False))
    (refusal, *_more) = made.refusals([("2", tunnel(2, remote_id=B, secret="another-secret"))])
    assert (refusal.tunnel, refusal.leaf, refusal.app_tag) == ("2", "", "identity-conflict")


def test_disabling_one_and_enabling_the_other_in_one_change_is_fine() -> None:
    made = desired(tunnel(1, remote_id=B), tunnel(2, remote_id=B, secret="another-secret", enabled=False))
    changes = [
        ("1", tunnel(1, remote_id=B, enabled=False)),
        ("2", tunnel(2, remote_id=B, secret="another-secret")),
    ]
    assert made.refusals(changes) == []


def test_an_algorithm_that_is_not_loaded_is_refused_for_an_enabled_tunnel_only() -> None:
    made = desired(available=MINIMAL)
    (refusal,) = made.refusals([("1", tunnel(1, ike=GCM))])
    assert refusal.app_tag == "algorithm-not-loaded"
    assert refusal.leaf == "ike/proposal[priority='1']/cipher"
    assert made.refusals([("1", tunnel(1, ike=GCM, enabled=False))]) == []
    assert desired(available=None).refusals([("1", tunnel(1, ike=GCM))]) == []


def test_a_dormant_tunnel_with_a_leaf_that_has_no_rule_is_refused_too() -> None:
    (refusal,) = desired().refusals([("1", tunnel(1, enabled=False, certificate="x"))])
    assert refusal.app_tag == "unsupported-leaf"


def test_all_reasons_are_told_at_once() -> None:
    changes = [("1", tunnel(1, ike=GCM)), ("2", tunnel(2, certificate="x")), ("3", None)]
    assert len(desired(available=MINIMAL).refusals(changes)) == 2


def test_a_committed_tunnel_that_a_daemon_cannot_hold_stays_wanted() -> None:
    made = desired(tunnel(1), available={})
    assert made.refused == {"1"}
    assert made.entries.keys() == {"1"}
    made.available = EVERYTHING
    assert made.replace(made.entries) == []
    assert made.messages.keys() == {"1"}


def test_a_change_compares_with_what_was_loaded_not_with_what_would_be_now() -> None:
    made = desired(tunnel(1), available=MINIMAL)
    made.available = EVERYTHING
    change = made.change("1", tunnel(1, description="x"))
    assert change.before is made.messages["1"]
    assert change.after is not None
    assert change.before.ike["proposals"] != change.after.ike["proposals"]


def test_what_cannot_be_translated_cannot_be_put() -> None:
    with pytest.raises(Refused):
        desired().put("1", tunnel(1, certificate="x"))


# --- drift ---

AGREEING = {
    "local_address": "192.168.0.2",
    "peer": "192.168.0.1",
    "local_subnet": ["10.2.0.0/16"],
    "remote_subnet": ["10.1.0.0/16"],
}


def test_an_sa_negotiated_with_this_configuration_agrees() -> None:
    assert drift.disagreement(messages("1", tunnel(**AGREEING)), INSTALLED) is None


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"local_address": "192.168.0.9"}, "local address 192.168.0.2"),
        ({"peer": "192.168.0.9"}, "peer 192.168.0.1"),
        ({"local_subnet": ["10.2.0.0/24"]}, "selector 10.2.0.0/16"),
        ({"remote_subnet": ["10.9.0.0/16"]}, "selector 10.1.0.0/16"),
        ({"ike": GCM}, "IKE cipher AES_CBC"),
        ({"esp": {"proposal": [{"priority": 1, "cipher": "aes256gcm16"}]}}, "ESP cipher AES_GCM_16"),
        ({"peer": None}, None),
        ({"remote_subnet": ["10.0.0.0/8"]}, None),
        ({"remote_subnet": None, "peer": None}, None),
    ],
)
def test_what_an_sa_shows_to_be_another_configuration_is_named(members: Any, expected: str | None) -> None:
    assert drift.disagreement(messages("1", tunnel(**{**AGREEING, **members})), INSTALLED) == expected


EXPLICIT = {
    "ike": GCM,
    "esp": {"proposal": [{"priority": 1, "cipher": "aes128", "auth": "sha256", "dh": "modp2048"}]},
}


def adapted(made: Desired) -> list[str]:
    """Have ``made`` translated for the charon at hand; return the tunnels that are refused."""
    return [refusal.tunnel for refusal in at_once(made.adapt_in_pieces())]


def test_where_charon_makes_no_difference_nothing_is_translated_anew() -> None:
    made = desired(tunnel(1, remote_id=B, **EXPLICIT), tunnel(2, remote_id=C, enabled=False), available=None)
    before, version = made.messages["1"], made.version
    made.available, made.plugins = EVERYTHING, ["vici"]
    assert adapted(made) == []
    assert made.messages["1"] is before
    assert made.version > version


@pytest.mark.parametrize("other", [{}, EXPLICIT], ids=["automatic proposals", "explicit ones"])
def test_entries_are_adapted_as_they_are_replaced(other: Any) -> None:
    entries = [tunnel(1, remote_id=B, **EXPLICIT), tunnel(2, remote_id=C, **other)]
    made, expected = desired(*entries, available=EVERYTHING), desired(*entries, available=MINIMAL)
    made.available = MINIMAL
    assert adapted(made) == []
    assert made.messages == expected.messages
    assert made.change("1", None) == expected.change("1", None)


def test_a_tunnel_that_was_refused_is_tried_with_the_next_charon() -> None:
    made = desired(tunnel(1, remote_id=B, **EXPLICIT))
    made.refuse("1")
    assert adapted(made) == []
    assert made.messages.keys() == {"1"}
    assert made.refused == set()


def test_a_tunnel_with_certificates_depends_on_what_is_beside_it() -> None:
    made = desired(tunnel(1, remote_id=B, **EXPLICIT))
    translated, around = made._translations["1"], made.around()
    made.plugins = []
    for entry, expected in (
        (made.entries["1"], True),
        ({**made.entries["1"], "certificate": {"own": "a", "trusted-ca": ["b"]}}, False),
        ({**made.entries["1"], "ike": {}}, False),
    ):
        assert made.around() is not around
        assert made.around().would_give(translated.around, entry, whatever=False) is expected
