"""What list-sas, list-conns and the log prove about who told charon what."""

from __future__ import annotations

from typing import Any

import pytest

from tests.translators.recorded import INSTALLED
from tests.translators.tunnels import at_bob
from translators.strongswan.status import drift
from translators.strongswan.status.drift import OwnLoads
from translators.strongswan.translation import connections
from translators.strongswan.translation.connections import Messages
from translators.strongswan.translation.plan import Replacement


def messages(**members: Any) -> Messages:
    return connections.messages("1", at_bob(**members))


LISTED: dict[str, Any] = {
    "local_addrs": ["192.168.0.2"],
    "remote_addrs": ["192.168.0.1"],
    "version": "IKEv2",
    "dpd_delay": "30",
    "local-1": {"id": "bob1", "class": "pre-shared key"},
    "remote-1": {"id": "alice1", "class": "pre-shared key"},
    "children": {
        "ipsec-1": {
            "mode": "TUNNEL",
            "dpd_action": "start",
            "local-ts": ["10.2.0.0/16"],
            "remote-ts": ["10.1.0.0/16"],
        }
    },
}


def listed(**child: Any) -> dict[str, Any]:
    return {**LISTED, "children": {"ipsec-1": {**LISTED["children"]["ipsec-1"], **child}}}


def test_a_connection_as_charon_5_9_8_lists_it_is_ours() -> None:
    assert drift.connection_disagreement(messages(), LISTED) is None


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({**LISTED, "local_addrs": ["%any"]}, "local_addrs %any"),
        ({**LISTED, "remote_addrs": []}, "remote_addrs none"),
        ({**LISTED, "children": {}}, "children none"),
        ({**LISTED, "children": {"other": {}}}, "children other"),
        (listed(**{"local-ts": ["10.9.0.0/16"]}), "local-ts 10.9.0.0/16"),
        (listed(**{"remote-ts": ["10.1.0.0/16", "10.9.0.0/16"]}), "remote-ts 10.1.0.0/16 10.9.0.0/16"),
    ],
)
def test_a_connection_of_another_is_told_by_what_differs(found: dict[str, Any], expected: str) -> None:
    assert drift.connection_disagreement(messages(), found) == expected


def test_what_charon_may_write_in_another_way_is_not_judged() -> None:
    assert drift.connection_disagreement(messages(), listed(**{"local-ts": ["dynamic"]})) is None
    assert (
        drift.connection_disagreement(messages(), listed(**{"local-ts": ["10.2.0.0/16[tcp/http]"]})) is None
    )
    several = messages(local_subnet=["10.2.0.0/16", "10.4.0.0/16"])
    other_order = listed(**{"local-ts": ["10.4.0.0/16", "10.2.0.0/16"]})
    assert drift.connection_disagreement(several, other_order) is None


WITHIN = [
    (["10.100.1.0/24", "0.0.0.0/0"], ["0.0.0.0/0"]),
    (["10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "10.4.0.0/16"], ["10.4.0.0/16", "10.1.0.0/16"]),
    (["10.1.0.0/16", "::/0", "2001:db8::/32"], ["10.1.0.0/16", "::/0"]),
]


@pytest.mark.parametrize(("configured", "found"), WITHIN)
def test_charon_keeps_no_selector_that_another_contains(configured: list[str], found: list[str]) -> None:
    wanted = messages(remote_subnet=configured)
    assert drift.connection_disagreement(wanted, listed(**{"remote-ts": found})) is None
    assert drift.connection_disagreement(wanted, listed(**{"remote-ts": configured})) is None


@pytest.mark.parametrize("found", [["10.100.1.0/24"], ["0.0.0.0/1"], ["0.0.0.0/1", "128.0.0.0/1"], ["::/0"]])
def test_less_than_the_outermost_selectors_is_of_another(found: list[str]) -> None:
    wanted = messages(remote_subnet=["10.100.1.0/24", "0.0.0.0/0"])
    why = f"remote-ts {' '.join(found)}"
    assert drift.connection_disagreement(wanted, listed(**{"remote-ts": found})) == why


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, None),
        ({"local_address": "192.168.0.9"}, "local address 192.168.0.2"),
        ({"peer": "192.168.0.9"}, "peer 192.168.0.1"),
        ({"remote_subnet": ["10.9.0.0/16"]}, "selector 10.1.0.0/16"),
        (
            {"esp": {"proposal": [{"priority": 1, "cipher": "aes256gcm16"}]}},
            "ESP cipher AES_GCM_16",
        ),
    ],
)
def test_an_sa_of_another_configuration_is_told_by_what_differs(members: Any, expected: str | None) -> None:
    assert drift.disagreement(messages(**members), INSTALLED) == expected


def hybrid(*further: str) -> dict[str, Any]:
    """Return an IKE_SA of strongSwan 6 with these key exchanges after x25519."""
    return {**INSTALLED, **{f"ake{n}": name for n, name in enumerate(further, 1)}, "child-sas": {}}


@pytest.mark.parametrize(
    ("configured", "sa", "expected"),
    [
        (["mlkem768", "ecp384"], hybrid("ML_KEM_768", "ECP_384"), None),
        ([], hybrid(), None),
        (["mlkem768"], hybrid(), "IKE key exchanges without others after CURVE_25519"),
        ([], hybrid("ML_KEM_768"), "IKE key exchanges ML_KEM_768 after CURVE_25519"),
        (
            ["mlkem768", "ecp384"],
            hybrid("ECP_384", "ML_KEM_768"),
            "IKE key exchanges ECP_384 ML_KEM_768 after CURVE_25519",
        ),
        (["mlkem768"], hybrid("FRODO"), "IKE key exchanges FRODO after CURVE_25519"),
    ],
)
def test_additional_key_exchanges_are_those_of_a_proposal_in_its_order(
    configured: list[str], sa: Any, expected: str | None
) -> None:
    one = {"priority": 1, "cipher": "aes256", "auth": "sha256", "dh": "x25519", "ke": configured}
    assert drift.disagreement(messages(ike={"proposal": [one]}), sa) == expected


def test_of_the_first_child_of_an_ike_sa_no_key_exchange_is_asked() -> None:
    one = {"priority": 1, "cipher": "aes128gcm16", "dh": "x25519", "ke": ["mlkem768"]}
    wanted = messages(esp={"proposal": [one]})
    assert drift.disagreement(wanted, INSTALLED) is None
    (name,) = INSTALLED["child-sas"]
    rekeyed = {**INSTALLED["child-sas"][name], "dh-group": "CURVE_25519"}
    why = drift.disagreement(wanted, {**INSTALLED, "child-sas": {name: rekeyed}})
    assert why == "ESP key exchanges without others after CURVE_25519"
    rekeyed["ake1"] = "ML_KEM_768"
    assert drift.disagreement(wanted, {**INSTALLED, "child-sas": {name: rekeyed}}) is None


ADDED = "added vici connection: ipsec-1"
UPDATED = "updated vici connection: ipsec-1"
REPLACED = "replaced vici connection: ipsec-1"
SECRET = "loaded IKE shared key with id 'ipsec-1' for: 'bob1'"
NO_SECRET = "unloaded shared key with id 'ipsec-1'"


def test_a_load_that_we_sent_is_ours_once() -> None:
    own = OwnLoads()
    own.sent("load-conn", {"ipsec-1": {}})
    own.sent("load-shared", {"id": "ipsec-1", "data": "x"})
    assert own.foreign(SECRET) is None
    assert own.foreign(ADDED) is None
    assert own.foreign(UPDATED) == ("load-conn", "ipsec-1")
    assert own.foreign(SECRET) == ("load-shared", "ipsec-1")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (REPLACED, ("load-conn", "ipsec-1")),
        (NO_SECRET, ("unload-shared", "ipsec-1")),
        ("added vici connection: a b", ("load-conn", "a b")),
        ("selected proposal: ESP:AES_GCM_16_256", None),
        ("vici initiate CHILD_SA 'ipsec-1'", None),
    ],
)
def test_a_load_of_another_is_told_by_the_log(line: str, expected: tuple[str, str] | None) -> None:
    assert OwnLoads().foreign(line) == expected


def test_what_charon_refused_is_not_waited_for() -> None:
    own = OwnLoads()
    own.sent("load-conn", {"ipsec-1": {}})
    own.refused("load-conn", {"ipsec-1": {}})
    own.refused("load-conn", {"ipsec-1": {}})
    assert own.foreign(ADDED) == ("load-conn", "ipsec-1")
    own.sent("unload-shared", {"id": "ipsec-1"})
    own.sent("terminate", {"ike-id": "7"})
    assert own.foreign(NO_SECRET) is None


@pytest.mark.parametrize("moved", ["local-host", "remote-host"])
def test_with_mobike_an_address_proves_nothing_as_either_end_may_have_moved(moved: str) -> None:
    sa = {**INSTALLED, moved: "203.0.113.5"}
    assert drift.disagreement(messages(), sa) is not None
    assert drift.disagreement(messages(ike={"mobike": True}), sa) is None
    # What does not move still does.
    assert drift.disagreement(messages(ike={"mobike": True}, remote_subnet=["10.99.0.0/16"]), sa) is not None


@pytest.mark.parametrize("mobike", [True, False])
def test_an_sa_of_a_former_peer_is_of_the_new_one_only_if_it_cannot_have_moved(mobike: bool) -> None:
    ike = {"mobike": mobike}
    replacement = Replacement(messages(ike=ike), messages(ike=ike, peer="192.168.0.9"))
    assert drift.negotiated_anew(replacement, {**INSTALLED, "remote-host": "192.168.0.9"}) is not mobike
