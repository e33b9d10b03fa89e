"""Secrets are left out with what they alone hold up, and kept where they still belong."""

from __future__ import annotations

from pathlib import Path

from agent.from_settings import make_schema, make_translators
from agent.offline.withheld import keep_secrets, leave_out_secrets, lost_secrets
from agent.settings import Settings
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.offline.lab import ROOT

SPACE = "urn:yangswan:params:xml:ns:yang:ipsec"
SECRET = "<secret>not-a-real-secret</secret>"


def tunnels(schema: Schema, *entries: str) -> Tree:
    rows = "".join(f"<ipsec><id>{number}</id>{entry}</ipsec>" for number, entry in enumerate(entries, 1))
    return Tree.parse(schema, f'<tunnels xmlns="{SPACE}">{rows}</tunnels>'.encode())


def test_what_was_left_out_is_kept_in_its_place(schema: Schema) -> None:
    key = "<ike><ppk><id>k</id><key>0123456789abcdef0123456789abcdef</key></ppk></ike>"
    running = tunnels(schema, SECRET, f"{SECRET}{key}", "<description>x</description>")
    content = running.duplicate()
    assert leave_out_secrets(content) == 3
    assert b"secret>" not in content.to_xml()
    paths = [
        f"/yangswan-ipsec:tunnels/ipsec[id='{tail}"
        for tail in ("1']/secret", "2']/ike/ppk/key", "2']/secret")
    ]
    assert sorted(lost_secrets(content, running)) == paths
    assert sorted(keep_secrets(content, running)) == paths
    assert lost_secrets(content, running) == []
    assert leave_out_secrets(content) == 3


def test_a_container_that_holds_nothing_else_is_made_again(schema: Schema) -> None:
    running = tunnels(schema, "<ike><ppk><key>0123456789abcdef0123456789abcdef</key></ppk></ike>")
    content = tunnels(schema, "")
    assert keep_secrets(content, running) == ["/yangswan-ipsec:tunnels/ipsec[id='1']/ike/ppk/key"]
    assert content.to_xml() == running.to_xml()


def test_nothing_is_kept_of_an_entry_that_goes_nor_beside_another_case(schema: Schema) -> None:
    certificate = "<certificate><own>gw</own></certificate>"
    running = tunnels(schema, SECRET, SECRET, SECRET)
    content = tunnels(schema, certificate, "<secret>another-secret</secret>")
    before = content.to_xml()
    assert keep_secrets(content, running) == []
    assert content.to_xml() == before


RULES = (
    b'<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><enable-nacm>true</enable-nacm>'
    b'<writers-only xmlns="urn:yangswan:params:xml:ns:yang:agent">true</writers-only></nacm>'
)


def test_access_control_is_no_secret_nor_what_other_modules_add_to_it(schema: Schema) -> None:
    content = Tree.parse(schema, RULES)
    without = RULES[: RULES.index(b"<writers")] + b"</nacm>"
    assert lost_secrets(Tree.parse(schema, without), content) == []
    assert leave_out_secrets(content) == 0
    assert content.to_xml() == RULES


def test_what_is_secret_of_all_modules(tmp_path: Path) -> None:
    """Each node that is default-deny-all is a secret, or access control."""
    names = ("acme", "hostile", "every-augment", "every-construct")
    modules = tuple(ROOT / "tests" / "modules" / f"{name}.yang" for name in names)
    settings = Settings(charon="none", data_dir=tmp_path, yang_modules=modules)
    schema = make_schema(settings, make_translators(settings))
    nodes = [
        node for root in schema.roots.values() for node in root.subtree() if node.deny_all and node.config
    ]
    assert "/ietf-netconf-acm:nacm/yangswan-agent:writers-only" in {node.path for node in nodes}
    assert {node.path for node in nodes if not node.secret} == {
        node.path for node in nodes if node.path.startswith("/ietf-netconf-acm:nacm")
    }
    outermost = {node.path for node in nodes if node.secret and not (node.parent and node.parent.secret)}
    assert outermost == {
        "/yangswan-ipsec:tunnels/ipsec/secret",
        "/yangswan-ipsec:tunnels/ipsec/ike/ppk/key",
        "/acme:interfaces/interface/password",
        "/hostile:vault",
        "/hostile:oc/p",
    }
