"""Entries to load-conn messages: golden, complete, and nothing dropped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.translators.tunnels import tunnel
from translators.strongswan.model import IPSEC
from translators.strongswan.translation import connections
from translators.strongswan.translation.around import Around
from translators.strongswan.translation.connections import (
    connection_name,
    messages,
    tunnel_of,
    tunnel_of_secret,
)
from translators.strongswan.translation.fields import FIELDS, Part
from translators.strongswan.translation.refusals import Refused, UnsupportedLeaf
from translators.strongswan.translator import find_yang_files

FULL = tunnel(
    7,
    description="to the branch",
    initiator=True,
    local_address="192.168.0.1",
    peer="192.168.0.2",
    local_id={"name": "alice"},
    remote_id={"name": "bob"},
    local_subnet=["10.1.0.0/16", "10.3.0.0/24"],
    remote_subnet=["10.2.0.0/16"],
    dpd={"enabled": True, "action": "trap", "delay": 10},
    ike={"proposal": [{"priority": 2, "cipher": "aes128", "auth": "sha256", "dh": "x25519"},
                      {"priority": 1, "cipher": "aes256gcm16", "prf": "prfsha384", "dh": "ecp384"}]},
    esp={"proposal": [{"priority": 1, "cipher": "aes128gcm16", "dh": "x25519"}]},
)  # fmt: skip


def test_a_full_tunnel_golden() -> None:
    assert messages("7", FULL).load_conn == {
        "ipsec-7": {
            "version": "2",
            "mobike": "no",
            "fragmentation": "yes",
            "encap": "no",
            "childless": "allow",
            "send_certreq": "no",
            "unique": "no",
            "dscp": "000000",
            "ppk_required": "no",
            "rekey_time": "14400s",
            "reauth_time": "0s",
            "over_time": "1440s",
            "rand_time": "1440s",
            "keyingtries": "0",
            "local_addrs": ["192.168.0.1"],
            "remote_addrs": ["192.168.0.2"],
            "dpd_delay": "10s",
            "proposals": ["aes256gcm16-prfsha384-ecp384", "aes128-sha256-x25519"],
            "local": {"auth": "psk", "id": "fqdn:#616c696365"},
            "remote": {"auth": "psk", "id": "fqdn:#626f62"},
            "children": {
                "ipsec-7": {
                    "mode": "tunnel",
                    "start_action": "none",
                    "close_action": "none",
                    "rekey_time": "3600s",
                    "life_time": "3960s",
                    "rand_time": "360s",
                    "ipcomp": "no",
                    "policies": "yes",
                    "inactivity": "0s",
                    "replay_window": "32",
                    "copy_dscp": "out",
                    "copy_df": "yes",
                    "dpd_action": "trap",
                    "local_ts": ["10.1.0.0/16", "10.3.0.0/24"],
                    "remote_ts": ["10.2.0.0/16"],
                    "esp_proposals": ["aes128gcm16-x25519"],
                }
            },
        }
    }


def value_of(key: str, **members: Any) -> object:
    made = messages("1", tunnel(**members))
    (child,) = made.children.values()
    return {**made.ike, **child, "local": made.ike["local"]}[key]


AES = {"priority": 1, "cipher": "aes128gcm16", "dh": "x25519"}
CHACHA = {"priority": 2, "cipher": "chacha20poly1305", "dh": "x25519"}


@pytest.mark.parametrize(
    ("key", "members", "value"),
    [
        ("remote_addrs", {}, ["%any"]),
        ("remote_addrs", {"peer": "2001:DB8::2", "local_address": "2001:db8::1"}, ["2001:db8::2"]),
        ("keyingtries", {}, "1"),
        ("keyingtries", {"initiator": True, "peer": "192.0.2.2"}, "0"),
        ("dpd_delay", {"dpd": {"enabled": False, "delay": 10}}, "0s"),
        ("dpd_delay", {"dpd": {}}, "30s"),
        ("dpd_action", {}, "clear"),
        # An initiator is restarted, by the supervisor.
        ("dpd_action", {"initiator": True, "peer": "192.0.2.2"}, "clear"),
        ("dpd_action", {"initiator": True, "peer": "192.0.2.2", "dpd": {"action": "clear"}}, "clear"),
        ("local_ts", {}, ["192.168.0.1/32"]),
        ("local_ts", {"local_address": "2001:db8::1"}, ["2001:db8::1/128"]),
        ("local_ts", {"local_subnet": ["10.1.2.3/16"]}, ["10.1.0.0/16"]),
        ("remote_ts", {}, ["dynamic"]),
        ("remote_ts", {"peer": "192.0.2.2"}, ["192.0.2.2/32"]),
        ("remote_ts", {"peer": "192.0.2.2", "remote_subnet": ["10.2.0.0/16"]}, ["10.2.0.0/16"]),
    ],
)
def test_what_is_absent_gets_its_default(key: str, members: Any, value: object) -> None:
    assert value_of(key, **members) == value


INITIATOR: dict[str, Any] = {"initiator": True, "peer": "192.0.2.2"}


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (INITIATOR | {"close-action": "trap"}, {"close_action": "trap"}),
        # Who negotiates again is the supervisor.
        (INITIATOR | {"close-action": "restart"}, {"close_action": "none"}),
        ({"ike": {"version": "ikev1"}}, {"version": "1"}),
        (
            {"ike": {"rekey-time": 600}},
            {"rekey_time": "600s", "over_time": "60s", "rand_time": "60s", "reauth_time": "0s"},
        ),
        ({"ike": {"reauth-time": 600}}, {"reauth_time": "600s", "rand_time": "60s", "over_time": "60s"}),
        ({"ike": {"rekey-time": 0}}, {"rekey_time": "0s", "rand_time": "0s", "over_time": "1s"}),
        ({"ike": {"over-time": 77}}, {"over_time": "77s"}),
        ({"ike": {"fragmentation": {"enabled": False}}}, {"fragmentation": "no"}),
        ({"ike": {"mobike": True}}, {"mobike": "yes"}),
        ({"ike": {"force-encapsulation": True}}, {"encap": "yes"}),
        ({"ike": {"childless": "force"}}, {"childless": "force"}),
        ({"ike": {"unique": "keep"}}, {"unique": "keep"}),
        ({"ike": {"dscp": 46}}, {"dscp": "101110"}),
        (
            {"ike": {"ppk": {"id": "k", "key": "x" * 32, "required": True}}},
            {"ppk_id": "k", "ppk_required": "yes"},
        ),
        ({"esp": {"lifetime-soft": {"time": 100}}}, {"rekey_time": "100s", "life_time": "110s"}),
        ({"esp": {"lifetime-soft": {"time": 0}}}, {"rekey_time": "0s", "life_time": "0s", "rand_time": "0s"}),
        ({"esp": {"lifetime-hard": {"time": 5000}}}, {"rekey_time": "3600s", "life_time": "5000s"}),
        (
            {"esp": {"lifetime-soft": {"bytes": "2000000", "packets": "2000"}}},
            {"rekey_bytes": "2000000", "life_bytes": "2200000", "rand_bytes": "200000"}
            | {"rekey_packets": "2000", "life_packets": "2200", "rand_packets": "200"},
        ),
        (
            {"esp": {"lifetime-soft": {"bytes": "2000000"}, "lifetime-hard": {"bytes": "9000000"}}},
            {"rekey_bytes": "2000000", "life_bytes": "9000000", "rand_bytes": "200000"},
        ),
        ({"esp": {"lifetime-soft": {"idle": 60}}}, {"inactivity": "60s"}),
        ({"esp": {"anti-replay-window-size": 0}}, {"replay_window": "0"}),
        (
            {"esp": {"proposal": [CHACHA, AES], "extended-sequence-numbers": True}},
            {"esp_proposals": ["aes128gcm16-x25519-esn", "chacha20poly1305-x25519-esn"]},
        ),
        ({"esp": {"copy-dscp": "none"}}, {"copy_dscp": "no"}),
        ({"esp": {"copy-dscp": "both"}}, {"copy_dscp": "yes"}),
        ({"esp": {"copy-dscp": "in"}}, {"copy_dscp": "in"}),
        ({"esp": {"df-bit": "clear"}}, {"copy_df": "no"}),
        ({"esp": {"mark-in": "0x2a", "mark-out": "0x1/0xf"}}, {"mark_in": "0x2a", "mark_out": "0x1/0xf"}),
        ({"esp": {"if-id-in": 7, "if-id-out": 8}}, {"if_id_in": "7", "if_id_out": "8"}),
    ],
)
def test_each_option_becomes_what_charon_calls_it(members: Any, told: dict[str, object]) -> None:
    """Where a key is in both sections, the one that the leaf is of changes."""
    named = {name.replace("-", "_"): value for name, value in members.items()}
    made, plain = messages("1", tunnel(**named)), messages("1", tunnel(**_role(named)))
    (child,), (plain_child,) = made.children.values(), plain.children.values()
    section, before = (
        (child, plain_child) if "esp" in members or "close-action" in members else (made.ike, plain.ike)
    )
    for key, value in told.items():
        assert section[key] == value
    unchanged = {key for key, value in section.items() if before.get(key) == value}
    assert section.keys() - unchanged <= told.keys() | {"rand_time", "proposals"}


def test_extended_sequence_numbers_are_in_every_automatic_proposal_and_in_none_without_them() -> None:
    for wanted in (True, False):
        ((child,),) = [messages("1", tunnel(esp={"extended-sequence-numbers": wanted})).children.values()]
        assert {proposal.endswith("-esn") for proposal in child["esp_proposals"]} == {wanted}


def test_extended_sequence_numbers_need_a_window() -> None:
    without = {"extended-sequence-numbers": True, "anti-replay-window-size": 0}
    with pytest.raises(Refused, match="anti-replay window"):
        messages("1", tunnel(esp=without))


def _role(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name in ("initiator", "peer")}


def test_ikev1_is_offered_no_aead_for_ike() -> None:
    offered = messages("1", tunnel(ike={"version": "ikev1"})).ike["proposals"]
    for proposal in offered:  # type: ignore[attr-defined]
        assert "gcm" not in proposal
        assert "prf" not in proposal


LOCAL, REMOTE = ["10.1.0.0/16", "10.3.0.0/16"], ["10.2.0.0/16", "fd00::/64"]


def test_a_child_for_each_pair_of_subnets_of_one_family() -> None:
    subnets: dict[str, Any] = {"local_subnet": [*LOCAL, "fd01::/64"], "remote_subnet": REMOTE}
    for how in ({"esp": {"sa-per-subnet-pair": True}}, {"ike": {"version": "ikev1"}}):
        children = messages("1", tunnel(**subnets, **how)).children
        assert {name: (child["local_ts"], child["remote_ts"]) for name, child in children.items()} == {
            "ipsec-1-1": (["10.1.0.0/16"], ["10.2.0.0/16"]),
            "ipsec-1-2": (["10.3.0.0/16"], ["10.2.0.0/16"]),
            "ipsec-1-3": (["fd01::/64"], ["fd00::/64"]),
        }
    assert list(messages("1", tunnel(**subnets)).children) == ["ipsec-1"]


def test_one_pair_of_subnets_is_one_child_of_the_usual_name() -> None:
    made = messages("1", tunnel(local_subnet=["10.1.0.0/16"], esp={"sa-per-subnet-pair": True}))
    assert list(made.children) == ["ipsec-1"]


def test_there_are_at_most_64_children() -> None:
    def subnets(count: int) -> list[str]:
        return [f"10.{number}.0.0/16" for number in range(count)]

    def made(local: int) -> int:
        entry = tunnel(
            local_subnet=subnets(local), remote_subnet=subnets(8), esp={"sa-per-subnet-pair": True}
        )
        return len(messages("1", entry).children)

    assert made(8) == 64
    with pytest.raises(Refused) as refused:
        made(9)
    assert refused.value.app_tag == "too-many-children"
    assert "72 pairs" in refused.value.message


def test_a_postquantum_key_is_a_secret_of_its_own() -> None:
    made = messages("1", tunnel(ike={"ppk": {"id": "k", "key": "quantum-proof-" * 3}}))
    assert made.handles == {"ipsec-1", "ipsec-1-ppk"}
    assert made.secrets[1] == {
        "id": "ipsec-1-ppk",
        "type": "PPK",
        "data": "quantum-proof-" * 3,
        "owners": ["k"],
    }
    assert "quantum-proof" not in f"{made!r} {made}"


def test_handles_of_secrets_are_ours_only_in_the_forms_that_we_write() -> None:
    assert [tunnel_of_secret(one) for one in ("ipsec-4", "ipsec-4-ppk")] == ["4", "4"]
    for handle in ("ipsec-4-ppk-ppk", "ipsec-04-ppk", "theirs-ppk", "-ppk", "ipsec--ppk"):
        assert tunnel_of_secret(handle) is None


@pytest.mark.parametrize(
    ("members", "app_tag"),
    [
        ({"close_action": "restart"}, "close-action-responder"),
        ({"dpd": {"action": "restart"}}, "dpd-action-responder"),
        ({"initiator": True}, "initiator-without-peer"),
        ({"local_address": None}, "local-address-missing"),
        ({"local_address": "eth0"}, "bad-address"),
        ({"local_subnet": ["somewhere"]}, "bad-prefix"),
        ({"esp": {"proposal": [{"priority": 1, "cipher": "aes128"}]}}, "integrity-missing"),
        ({"secret": None}, "secret-missing"),
    ],
)
def test_what_makes_no_sense_is_refused_here_too(members: Any, app_tag: str) -> None:
    with pytest.raises(Refused) as refused:
        messages("1", tunnel(**members))
    assert refused.value.app_tag == app_tag


@pytest.mark.parametrize(
    ("members", "leaf"),
    [
        ({"certificate": "x"}, "certificate"),
        ({"dpd": {"timeout": 3}}, "dpd/timeout"),
        ({"ike": {"rekey-at": 3}}, "ike/rekey-at"),
        ({"ike": {"ppk": {"note": "x"}}}, "ike/ppk/note"),
        ({"esp": {"proposal": [], "mode": "beet"}}, "esp/mode"),
        ({"local_id": {"null": [None]}}, "local-id/null"),
    ],
)
def test_a_leaf_without_a_rule_is_refused_never_dropped(members: Any, leaf: str) -> None:
    with pytest.raises(UnsupportedLeaf) as refused:
        messages("1", tunnel(**members))
    assert refused.value.leaf == leaf


def configured_leaves() -> set[str]:
    """Return the configuration below a tunnel as the model has it, to the depth of our table."""
    import libyang

    from agent.served import standard_modules

    module = next(file for file in find_yang_files() if file.stem == IPSEC)
    folders = {str(path.parent) for path in standard_modules()}
    with libyang.Context(":".join([*folders, str(module.parent)])) as context:
        context.load_module(module.stem)
        (entry,) = context.find_path("/yangswan-ipsec:tunnels/ipsec")
        return set(leaves_below(entry, ""))


def leaves_below(parent: Any, above: str) -> Iterator[str]:
    for node in parent.children():
        if node.nodetype() == node.ACTION or node.config_false():
            continue
        if node.nodetype() == node.CONTAINER and node.name() not in ("local-id", "remote-id"):
            yield from leaves_below(node, f"{above}{node.name()}/")
        else:
            yield f"{above}{node.name()}"


def test_every_leaf_of_the_model_has_a_row_and_every_row_a_leaf() -> None:
    assert {row.leaf for row in FIELDS} == configured_leaves()


def test_every_row_says_where_it_goes() -> None:
    for row in FIELDS:
        assert (row.render is not None) == bool(row.key)
        assert row.part is not Part.NOTHING or row.render is None


def test_names_are_ours_only_in_the_one_form_that_we_write() -> None:
    assert tunnel_of(connection_name("42")) == "42"
    for name in ("42", "ipsec-", "ipsec-042", "ipsec-x", "ipsec-4 2", "IPSEC-4", "ipsec-²", "theirs"):
        assert tunnel_of(name) is None


def test_no_secret_is_in_the_text_of_the_messages() -> None:
    made = messages("1", tunnel(secret="very-secret-0001"))
    assert "very-secret-0001" not in f"{made!r} {made}"
    assert [secret["data"] for secret in made.secrets] == ["very-secret-0001"]


def test_automatic_proposals_follow_the_daemon() -> None:
    available = {
        "encryption": {"AES_CBC"},
        "integrity": {"HMAC_SHA2_256_128"},
        "prf": {"PRF_HMAC_SHA2_256"},
        "dh": {"MODP_2048"},
    }
    made = connections.messages("1", tunnel(), Around(available))
    assert made.ike["proposals"] == ["aes256-aes192-aes128-sha256-modp2048"]
