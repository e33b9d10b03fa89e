"""YANG texts to the tree: what is in it, and what becomes of modules that are wrong."""
# ruff: noqa: E501  YANG reads better in one line.

from __future__ import annotations

import pytest

from console.model import compiled
from console.model.compiled import compile_schema
from console.model.schema import Choice, Kind, Node
from tests.console.served import schema, texts

TUNNEL = "yangswan-ipsec:tunnels"


def node(*path: str) -> Node:
    found = schema().roots[path[0]]
    for name in path[1:]:
        found = found.children[name]
    return found


def test_a_node_is_all_that_its_module_says() -> None:
    delay = node(TUNNEL, "ipsec", "dpd", "delay")
    assert delay.kind is Kind.LEAF
    assert delay.module == "yangswan-ipsec"
    assert delay.namespace == "urn:yangswan:params:xml:ns:yang:ipsec"
    assert delay.description.startswith("How long nothing must have been received before the peer is asked")
    assert (delay.defaults, delay.units, delay.config) == (("30",), "seconds", True)
    assert delay.type is not None
    assert (delay.type.base, delay.type.ranges) == ("uint32", (("1", "86400"),))
    assert delay.type.messages == {"range": "dpd delay is 1 to 86400 seconds"}
    tunnel = node(TUNNEL, "ipsec")
    assert (tunnel.kind, tunnel.keys) == (Kind.LIST, ("id",))
    assert node(TUNNEL, "ipsec", "secret").secret
    assert node(TUNNEL, "ipsec", "secret").case == (("authentication", "psk"),)
    assert node(TUNNEL, "ipsec", "certificate").presence
    assert node(TUNNEL, "ipsec", "local-address").mandatory
    assert not node(TUNNEL, "ipsec", "state").config
    assert node(TUNNEL, "ipsec", "restart").kind is Kind.ACTION
    assert node(TUNNEL, "ipsec", "ike", "proposal", "ke").user_ordered


def test_units_and_restrictions_of_typedefs_are_found() -> None:
    rekey = node(TUNNEL, "ipsec", "ike", "rekey-time")
    assert rekey.units == "seconds"
    assert rekey.type is not None
    assert (rekey.type.name, rekey.type.ranges) == ("types:lifetime-seconds", (("0", "0"), ("10", "2592000")))
    size = node(TUNNEL, "ipsec", "esp", "lifetime-soft", "bytes")
    assert size.type is not None
    assert size.type.ranges == (("1048576", str(2**64 - 1)),)


def test_rpcs_and_notifications_are_apart_and_have_input_and_output() -> None:
    made = schema()
    assert {"yangswan-daemon:restart-daemon", "ietf-netconf:commit"} <= made.rpcs.keys()
    assert "yangswan-ipsec:tunnel-state-changed" in made.notifications
    assert "confirmed" in made.rpcs["ietf-netconf:commit"].children["input"].children
    secret = made.rpcs["yangswan-pki:import-private-key"].children["input"].children
    assert any(child.secret for child in secret.values())
    assert made.namespaces["yangswan-pki"] == "urn:yangswan:params:xml:ns:yang:pki"
    assert made.prefixes["yangswan-pki"] == "pki"


def test_only_leaves_are_secrets_and_nothing_that_is_below_what_is_denied() -> None:
    secrets = {
        child.name
        for root in schema("hostile", "acme").roots.values()
        for child in root.walk()
        if child.secret and child.kind in (Kind.LEAF, Kind.LEAF_LIST)
    }
    assert secrets == {"secret", "key", "p", "password"}


def test_identities_are_those_that_are_derived_wherever_they_are() -> None:
    zoo = schema("zoo", "zoo-more").roots["zoo:zoo"]
    idref = zoo.children["idref"].type
    assert idref is not None
    assert {"zoo:cat", "zoo-more:cat", "zoo-more:lion"} <= {choice.name for choice in idref.choices}
    assert Choice("zoo:animal", "Base.") not in idref.choices


def test_a_leafref_knows_what_it_points_to() -> None:
    chosen = schema("every-construct", "every-augment").roots["every-construct:references"].children["chosen"]
    assert chosen.type is not None
    assert chosen.type.target == ("every-construct:top", "every-construct:entry", "every-construct:id")
    assert chosen.type.members[0].lengths == (("1", "16"),)


def test_features_that_the_server_does_not_have_take_their_nodes_with_them() -> None:
    module = """module m { namespace "urn:m"; prefix m; feature one; feature two;
      leaf a { if-feature one; type string; } leaf b { if-feature two; type string; }
      leaf c { type enumeration { enum x { if-feature one; } enum y { if-feature two; } } } }"""
    module = module.replace("module m {", "module m { yang-version 1.1;")
    assert set(compile_schema({"m": module}).roots) == {"m:a", "m:b", "m:c"}
    assert set(compile_schema({"m": module}, {"m": ["two"]}).roots) == {"m:b", "m:c"}
    assert set(compile_schema({"m": module}, {"m": []}).roots) == {"m:c"}
    left = compile_schema({"m": module}, {"m": ["two"]}).roots["m:c"].type
    assert left is not None
    assert [choice.name for choice in left.choices] == ["y"]


def test_deviations_count_and_what_is_only_imported_does_not() -> None:
    m = 'module m { namespace "urn:m"; prefix m; leaf a { type string; } leaf b { type string; } }'
    d = """module d { namespace "urn:d"; prefix d; import m { prefix m; }
      deviation /m:a { deviate not-supported; } leaf of-d { type string; } }"""
    assert set(compile_schema({"m": m, "d": d}, deviations=["d"]).roots) == {"m:b"}
    assert set(compile_schema({"m": m}, implemented=[]).roots) == set()


def test_submodules_and_augments_are_in_their_place() -> None:
    m = 'module m { yang-version 1.1; namespace "urn:m"; prefix m; include s; container c { uses g; } }'
    s = "submodule s { yang-version 1.1; belongs-to m { prefix m; } grouping g { leaf in-s { type string; } } leaf top { type int8; } }"
    a = 'module a { namespace "urn:a"; prefix a; import m { prefix m; } augment /m:c { leaf in-s { type string; } } }'
    made = compile_schema({"a": a, "s": s, "m": m})
    assert made.left_out == {}
    assert set(made.roots) == {"m:c", "m:top"}
    assert set(made.roots["m:c"].children) == {"m:in-s", "a:in-s"}
    assert made.roots["m:c"].children["a:in-s"].namespace == "urn:a"


GOOD = 'module good { namespace "urn:good"; prefix g; leaf a { type string; } }'
DEEP = "module deep { namespace 'urn:deep'; prefix d; " + "container c { " * 5000 + "} " * 5000 + "}"
BOMB = (
    "module bomb { namespace 'urn:bomb'; prefix b; grouping g0 { leaf a { type string; } leaf b { type string; } }"
    + "".join(
        f" grouping g{n} {{ container a {{ uses g{n - 1}; }} container b {{ uses g{n - 1}; }} }}"
        for n in range(1, 40)
    )
    + " uses g39; }"
)

WRONG = {
    "empty": "",
    "text": "this is no YANG",
    "open": "module open { namespace 'urn:x'; prefix x; ",
    "closed": "module closed { namespace 'urn:x'; prefix x; } }",
    "html": "<html><body>404</body></html>",
    "other": 'module another { namespace "urn:o"; prefix o; }',
    "nul": "module nul \x00 { }",
    "deep": DEEP,
    "bomb": BOMB,
    "no-namespace": "module no-namespace { prefix x; leaf a { type string; } }",
    "statement": "module statement { namespace 'urn:x'; prefix x; leaf { type string; } }",
    "self": "module self { namespace 'urn:self'; prefix s; import self { prefix t; } leaf a { type t:x; } }",
    "recursive": "module recursive { namespace 'urn:r'; prefix r; grouping g { uses g; } uses g; }",
    "typedef": "module typedef { namespace 'urn:t'; prefix t; typedef a { type b; } typedef b { type a; } leaf x { type a; } }",
    "identity": "module identity { namespace 'urn:i'; prefix i; identity a { base b; } identity b { base a; } }",
    "range": "module range { namespace 'urn:g'; prefix g; leaf a { type int8 { range 'x..y'; } } }",
    "pattern": "module pattern { namespace 'urn:p'; prefix p; leaf a { type string { pattern '('; } } }",
    "leafref": "module leafref { namespace 'urn:l'; prefix l; leaf a { type leafref { path '../../../x'; } } }",
    "fraction": "module fraction { namespace 'urn:f'; prefix f; leaf a { type decimal64 { fraction-digits 99; } } }",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_module_that_is_wrong_harms_no_other(name: str) -> None:
    made = compile_schema({name: WRONG[name], "good": GOOD})
    assert "good:a" in made.roots
    assert "good" not in made.left_out
    for said in made.left_out.values():
        assert said.isprintable()


@pytest.mark.parametrize("name", ["empty", "text", "open", "html", "nul", "deep", "bomb", "other"])
def test_it_is_left_out_and_named(name: str) -> None:
    made = compile_schema({name: WRONG[name], "good": GOOD})
    assert name in made.left_out
    assert set(made.roots) == {"good:a"}


def test_modules_that_are_too_large_or_too_many_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "LONGEST_MODULE", 200)
    assert compile_schema({"good": GOOD, "long": GOOD + " " * 200}).left_out.keys() == {"long"}
    monkeypatch.setattr(compiled, "MOST_MODULES", 1)
    assert compile_schema({"good": GOOD, "more": GOOD}).left_out.keys() == {"more"}


def test_words_of_a_server_do_nothing_to_a_terminal() -> None:
    module = (
        'module m { namespace "urn:m"; prefix m; leaf a { type enumeration { enum "x\x1b[2J"; enum y '
        '{ description "red \x1b[31m\u202e"; } } units "s\x07"; description "one\x1b]0;x\x07\ntwo\n\nthree"; } }'
    )
    leaf = compile_schema({"m": module}).roots["m:a"]
    assert leaf.type is not None
    assert [choice.name for choice in leaf.type.choices] == ["y"]
    assert leaf.type.choices[0].description == "red \ufffd[31m\ufffd"
    assert leaf.units == "s\ufffd"
    assert leaf.description == "one\ufffd]0;x\ufffd two\n\nthree"


def test_no_module_that_an_agent_serves_is_left_out() -> None:
    assert compile_schema(texts(["yangswan-ipsec", "yangswan-agent"])).left_out == {}


def test_what_the_agent_has_as_state_alone_is_offered_to_nobody_who_configures() -> None:
    roots = schema().roots
    for name in ("subscriptions", "filters", "streams"):
        assert not roots[f"ietf-subscribed-notifications:{name}"].config
    assert roots["yangswan-ipsec:tunnels"].config
