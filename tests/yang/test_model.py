"""What the model promises as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyang.statements import Statement

from agent.served import SERVED, standard_modules
from agent.yang.locality import local_modules
from agent.yang.schema import Schema
from tests.yang.conftest import TUNNELS, TUNNELS_FILE, TYPES, WITH_DATA, YANG_DIR
from tests.yang.schema_source import all_nodes, app_tag, modules, path_of, top_level, written
from tests.yang.test_coverage import restrictions

ENTRY = f"/{TUNNELS}:tunnels/ipsec"
DONE_IN_THIS_VERSION = {"restart", "initiate", "terminate"}
DENIED_BY_DEFAULT = {
    f"{ENTRY}/secret",
    f"{ENTRY}/ike/ppk/key",
    "/yangswan-pki:generate-key-pair",
    "/yangswan-pki:import-private-key",
    "/yangswan-pki:import-private-key/pem",
    "/yangswan-pki:import-private-key/passphrase",
    "/yangswan-pki:delete-private-key",
    "/yangswan-pki:generate-signing-request",
    f"{ENTRY}/restart",
    f"{ENTRY}/initiate",
    f"{ENTRY}/terminate",
    "/yangswan-daemon:restart-daemon",
    "/yangswan-daemon:start-monitor",
    "/yangswan-daemon:stop-monitor",
    "/yangswan-daemon:packet",
    "/yangswan-daemon:monitor-ended",
    "/yangswan-daemon:start-log",
    "/yangswan-daemon:stop-log",
    "/yangswan-daemon:log-line",
    "/yangswan-daemon:log-ended",
}


def musts() -> list[Statement]:
    return [one for one in written() if one.keyword == "must"]


def config_leaves() -> Iterator[Statement]:
    for node in all_nodes():
        if node.keyword in ("leaf", "leaf-list") and node.i_config and path_of(node).startswith(ENTRY):
            yield node


@pytest.mark.parametrize("rule", musts(), ids=lambda rule: app_tag(rule) or "no app-tag")
def test_a_must_has_an_app_tag_and_one_line_for_a_human(rule: Statement) -> None:
    assert app_tag(rule)
    message = rule.search_one("error-message").arg
    assert "\n" not in message
    assert "  " not in message


def test_no_two_musts_share_an_app_tag() -> None:
    tags = [app_tag(rule) for rule in musts()]
    assert len(tags) == len(set(tags))


def test_what_has_an_app_tag_has_a_message_too() -> None:
    tagged = [one for one in restrictions().values() if app_tag(one)]
    assert len(tagged) > len(musts())
    assert all(one.search_one("error-message") is not None for one in tagged)


def test_every_text_that_is_configured_is_bounded_with_an_app_tag() -> None:
    """Plain strings would let line feeds and megabytes through."""
    for leaf in config_leaves():
        assert leaf.search_one("type").arg != "string" or leaf.search_one("type").search_one("length")


def test_every_leaf_of_the_secret_is_denied_by_default_and_nothing_else_by_accident() -> None:
    denied = {
        path_of(node)
        for node in all_nodes()
        if any(sub.keyword == ("ietf-netconf-acm", "default-deny-all") for sub in node.substmts)
    }
    assert denied == DENIED_BY_DEFAULT


def test_what_this_version_does_not_do_is_a_feature_that_can_be_left_out() -> None:
    """Actions and state are done; each rpc and notification of the modules waits for its feature."""
    top = [node for node in top_level() if node.keyword in ("rpc", "notification")]
    assert {node.arg: bool(node.search("if-feature")) for node in top} == {node.arg: True for node in top}
    features = {name: {one.arg for one in module.search("feature")} for name, module in modules().items()}
    assert features == {
        "yangswan-types": set(),
        "yangswan-ipsec": {"tunnel-notifications"},
        "yangswan-pki": {"private-keys"},
        "yangswan-daemon": {"restart-daemon", "monitor", "tunnel-log", "daemon-notifications"},
    }
    actions = {node.arg for node in all_nodes() if node.keyword == "action"}
    assert actions == DONE_IN_THIS_VERSION


def _local(file: Path) -> bool:
    schema = Schema([*standard_modules(), YANG_DIR], SERVED, [file])
    try:
        return file.stem in local_modules(schema)
    finally:
        schema.close()


def test_no_rule_reaches_outside_a_list_entry() -> None:
    """The agent then validates a changed tunnel alone, whatever the number of tunnels."""
    assert all(_local(YANG_DIR / f"{name}.yang") for name in WITH_DATA)


def test_a_rule_that_reaches_another_tunnel_would_be_seen(tmp_path: Path) -> None:
    wide = tmp_path / TUNNELS_FILE.name
    text = TUNNELS_FILE.read_text()
    wide.write_text(text.replace("\". = 'false' or ../peer\"", "\". = 'false' or ../../ipsec[id='1']/peer\""))
    assert wide.read_text() != text
    assert not _local(wide)


def test_the_names_that_others_rely_on_are_there() -> None:
    for name, module in modules().items():
        short = name.removeprefix("yangswan-")
        assert module.search_one("namespace").arg == f"urn:yangswan:params:xml:ns:yang:{short}"
        assert module.search_one("prefix").arg == short
        assert module.search_one("yang-version").arg == "1.1"
    leaves = {path_of(leaf).removeprefix(f"{ENTRY}/") for leaf in config_leaves()}
    kinds = ("inet", "name", "email", "key", "dn")
    identities = {f"{side}-id/{kind}" for side in ("local", "remote") for kind in kinds}
    assert leaves == identities | {
        "id", "enabled", "description", "initiator", "secret", "local-address", "peer",
        "local-subnet", "remote-subnet", "leak-protection", "bypass/network", "bypass/connected-networks",
        "dpd/enabled", "dpd/action", "dpd/delay",
        "ike/proposal/priority", "ike/proposal/cipher", "ike/proposal/auth", "ike/proposal/prf",
        "ike/proposal/dh", "ike/proposal/ke", "esp/proposal/priority", "esp/proposal/cipher",
        "esp/proposal/auth", "esp/proposal/dh", "esp/proposal/ke",
        "certificate/own", "certificate/trusted-ca", "close-action",
        "ike/version", "ike/rekey-time", "ike/reauth-time", "ike/over-time", "ike/fragmentation/enabled",
        "ike/mobike", "ike/force-encapsulation", "ike/childless", "ike/unique", "ike/dscp",
        "ike/ppk/id", "ike/ppk/key", "ike/ppk/required",
        "esp/lifetime-soft/time", "esp/lifetime-soft/bytes", "esp/lifetime-soft/packets",
        "esp/lifetime-soft/idle",
        "esp/lifetime-hard/time", "esp/lifetime-hard/bytes", "esp/lifetime-hard/packets",
        "esp/sa-per-subnet-pair", "esp/anti-replay-window-size", "esp/extended-sequence-numbers",
        "esp/copy-dscp", "esp/df-bit",
        "esp/mark-in", "esp/mark-out", "esp/if-id-in", "esp/if-id-out",
    }  # fmt: skip


def test_defaults_are_those_of_the_router() -> None:
    defaults = {
        path_of(leaf).removeprefix(f"{ENTRY}/"): leaf.search_one("default").arg
        for leaf in config_leaves()
        if leaf.search_one("default")
    }
    assert defaults == {
        "enabled": "true", "initiator": "false", "dpd/enabled": "true", "dpd/delay": "30",
        # The router has no words for these, and behaves so.
        "ike/version": "ikev2", "ike/rekey-time": "14400", "ike/reauth-time": "0",
        "ike/fragmentation/enabled": "true", "ike/mobike": "false", "ike/force-encapsulation": "false",
        "ike/childless": "allow", "ike/unique": "no", "ike/dscp": "0", "ike/ppk/required": "false",
        "esp/lifetime-soft/time": "3600", "esp/sa-per-subnet-pair": "false",
        "esp/anti-replay-window-size": "32", "esp/extended-sequence-numbers": "false",
        "esp/copy-dscp": "out", "esp/df-bit": "copy",
    }  # fmt: skip


def test_all_tunnels_are_protected_from_leaks_unless_somebody_says_otherwise() -> None:
    (for_all,) = (node for node in all_nodes() if path_of(node) == f"/{TUNNELS}:tunnels/leak-protection")
    assert for_all.search_one("default").arg == "true"


def test_the_imports_come_from_what_is_installed_with_pyang() -> None:
    imported = {one.arg for module in modules().values() for one in module.search("import")}
    assert imported == {"ietf-inet-types", "ietf-yang-types", "ietf-netconf-acm", TYPES}
    assert not list(YANG_DIR.glob("ietf-*"))


def test_of_our_modules_only_the_types_are_imported_and_they_hold_no_data() -> None:
    assert {path.stem for path in YANG_DIR.glob("*.yang")} == set(modules())
    for name in WITH_DATA:
        ours = {one.arg for one in modules()[name].search("import")} & set(modules())
        assert ours == {TYPES}
    assert modules()[TYPES].i_children == []
