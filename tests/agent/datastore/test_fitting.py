"""What is recorded and does not fit the modules of this server: what of it is used, left out, refused."""

from __future__ import annotations

import pytest

from agent.datastore.fitting import NACM, DoesNotFit, Fitted, fitted, rule_lists_of
from agent.yang.schema import Schema
from tests.agent.lab import EC, entry, top

GONE = 'xmlns:x="urn:gone"'
HERE = f'xmlns:x="{EC}"'


def rule(name: str, path: str, declared: str = "", action: str = "deny") -> str:
    return f"<rule><name>{name}</name><path {declared}>{path}</path><action>{action}</action></rule>"


def rule_list(name: str, *rules: str) -> str:
    return f"<rule-list><name>{name}</name><group>g</group>{''.join(rules)}</rule-list>"


def nacm(*bodies: str) -> bytes:
    return f'<nacm xmlns="{NACM}">{"".join(bodies)}</nacm>'.encode()


FITS = rule("stays", "/x:top", HERE)


def of(schema: Schema, content: bytes) -> Fitted:
    return fitted(schema, content)


def test_what_fits_is_as_it_is(schema: Schema) -> None:
    found = of(schema, nacm(rule_list("a", FITS)) + top("<flag>true</flag>").encode())
    assert (found.left_out, found.rule_lists) == ([], {})
    assert b"<name>stays</name>" in found.tree.to_xml()
    assert b"<flag>true</flag>" in found.tree.to_xml()
    assert rule_lists_of(found.tree) == {"a"}
    assert rule_lists_of(of(schema, top("<flag>true</flag>").encode()).tree) == frozenset()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('<box xmlns="urn:gone"><lid/></box>', "box"),
        (top('<box xmlns="urn:gone"><lid/></box>'), "box"),
        (entry('<lid xmlns="urn:gone">1</lid>'), "lid"),
        ("<box/>", "box"),
    ],
)
def test_what_is_of_a_module_that_is_not_served_is_left_out_and_said(
    content: str, name: str, schema: Schema
) -> None:
    found = of(schema, content.encode() + top("<flag>true</flag>").encode())
    assert b"<flag>true</flag>" in found.tree.to_xml()
    assert b"gone" not in found.tree.to_xml()
    (said,) = found.left_out
    assert said.startswith(f"'{name}' is left out: no module of this server has the namespace")


def test_a_rule_about_a_module_that_is_not_served_is_left_out_alone(schema: Schema) -> None:
    gone = (rule("gone", "/x:box", GONE), rule("below", "/y:top/x:box", f'{GONE} xmlns:y="{EC}"'))
    found = of(schema, nacm(rule_list("a", gone[0], FITS, gone[1]), rule_list("b", FITS)))
    assert found.tree.to_xml() == of(schema, nacm(rule_list("a", FITS), rule_list("b", FITS))).tree.to_xml()
    assert found.left_out == []
    assert found.rule_lists == {
        "a": "rule 'gone' of rule-list 'a' is left out: it is about /x:box, and no module of this server has "
        "the namespace urn:gone; rule 'below' of rule-list 'a' is left out: it is about /y:top/x:box, and no "
        "module of this server has the namespace urn:gone"
    }


def test_a_rule_that_permits_what_is_not_there_is_left_out_too(schema: Schema) -> None:
    """Without it there is less that somebody may do, or as much."""
    found = of(schema, nacm(rule_list("a", FITS, rule("old", "/x:top/x:older", HERE, "permit"))))
    assert found.tree.to_xml() == of(schema, nacm(rule_list("a", FITS))).tree.to_xml()
    assert "rule 'old' of rule-list 'a' is left out: it permits /x:top/x:older" in found.rule_lists["a"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (rule_list("a", rule("old", "/x:top/x:older", HERE)), "'old' of .* denies /x:top/x:older.* another"),
        (rule_list("a", rule("torn", "/x:top", "")), "'torn' of rule-list 'a' .* damaged: .* prefix 'x'"),
        (rule_list("a", rule("torn", "/x:top[", GONE)), "rule 'torn' .* is damaged"),
        (rule_list("a", rule("torn", "/x:top[", HERE, "permit")), "rule 'torn' .* is damaged"),
        (rule_list("a", rule("torn", "", HERE)), "rule 'torn' .* does not fit"),
        (rule_list("a", FITS.replace("deny", "dnny")), "rule 'stays' .* does not fit"),
        (rule_list("a", "<rule><name>torn</name><actoin/></rule>"), "rule 'torn' .* does not fit"),
        (rule_list("a", "<gruop>g</gruop>"), "nacm/rule-list.* does not fit"),
        ("<enable-nacm>tru</enable-nacm>", "/ietf-netconf-acm:nacm/enable-nacm does not fit"),
        ("<groups><group><naem>g</naem></group></groups>", "groups.* does not fit"),
    ],
)
def test_access_control_that_cannot_be_used_is_refused_by_name(
    content: str, said: str, schema: Schema
) -> None:
    with pytest.raises(DoesNotFit, match=said) as caught:
        of(schema, nacm(content))
    assert caught.value.opens


def test_access_control_that_is_no_xml_is_refused(schema: Schema) -> None:
    with pytest.raises(DoesNotFit, match="not well-formed") as caught:
        of(schema, nacm(rule_list("a", FITS))[:-3])
    assert caught.value.opens


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (top("<flag>9</flag>"), "/every-construct:top/flag does not fit"),
        (top("<falg>true</falg>"), "/every-construct:top does not fit"),
        (top("<secret>hush</secret>")[:-3], "not well-formed"),
    ],
)
def test_other_content_that_does_not_fit_is_refused_and_opens_nothing(
    content: str, said: str, schema: Schema
) -> None:
    with pytest.raises(DoesNotFit, match=said) as caught:
        of(schema, content.encode())
    assert not caught.value.opens
    assert "hush" not in str(caught.value)
