"""Entries to load-conn messages: golden, complete, and nothing dropped."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.translators.tunnels import tunnel
from translators.strongswan import connections
from translators.strongswan.connections import connection_name, messages, tunnel_of
from translators.strongswan.fields import FIELDS, Part
from translators.strongswan.refusals import Refused, UnsupportedLeaf
from translators.strongswan.translator import find_yang_file

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


@pytest.mark.parametrize(
    ("members", "app_tag"),
    [
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
        ({"ike": {"rekey-time": 3}}, "ike/rekey-time"),
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

    module = find_yang_file()
    folders = {str(path.parent) for path in standard_modules()}
    with libyang.Context(":".join([*folders, str(module.parent)])) as context:
        context.load_module(re.sub(r"\.yang$", "", module.name))
        (entry,) = context.find_path("/yangswan-ipsec:tunnels/ipsec")
        found = set()
        for node in entry.children():
            if node.nodetype() == node.ACTION or node.config_false():
                continue
            inner = list(node.children()) if node.nodetype() == node.CONTAINER else []
            atomic = not inner or node.name() in ("ike", "esp", "local-id", "remote-id")
            found |= {node.name()} if atomic else {f"{node.name()}/{leaf.name()}" for leaf in inner}
    return found


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
    assert made.shared["data"] == "very-secret-0001"


def test_automatic_proposals_follow_the_daemon() -> None:
    available = {
        "encryption": {"AES_CBC"},
        "integrity": {"HMAC_SHA2_256_128"},
        "prf": {"PRF_HMAC_SHA2_256"},
        "dh": {"MODP_2048"},
    }
    made = connections.messages("1", tunnel(), available)
    assert made.ike["proposals"] == ["aes256-aes192-aes128-sha256-modp2048"]
