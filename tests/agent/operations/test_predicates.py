"""XPath predicates without "and" and "or" mean the same, also where there is nothing to look at."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agent.apart import in_copy
from agent.errors import InvalidValue
from agent.operations.predicates import called, identities, may_divide_by_nought, run_on, without_logic
from agent.operations.xpath import read_expression, select_xpath
from agent.yang.finding import find_all
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.handlers import Lab
from tests.agent.lab import EC, entry, top

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
STREAM = "urn:ietf:params:xml:ns:netconf:notification:1.0"
ENTRY = "/every-construct:top/every-construct:entry"
A, B = "every-construct:number='1'", "every-construct:word='b'"


@pytest.mark.parametrize(
    ("expression", "other"),
    [
        ("/a/b", "/a/b"),
        ("/a[b='c and d']", "/a[b='c and d']"),
        ("/a[b or c]", "/a[number(boolean(b)) + number(boolean(c)) > 0]"),
        ("/a[b and c]/d", "/a[number(boolean(b)) * number(boolean(c)) > 0]/d"),
        ("/a[not(b or c)]", "/a[not(number(boolean(b)) + number(boolean(c)) > 0)]"),
        # Names that are words of the language, wildcards, and what comes before a bracket.
        ("/or/and[or and and]", "/or/and[number(boolean(or)) * number(boolean(and)) > 0]"),
        ("/a[* or *]", "/a[number(boolean(*)) + number(boolean(*)) > 0]"),
        ("/a[b * 2 = c]", "/a[b * 2 = c]"),
        ("/a[b < -8 or c]", "/a[number(boolean(b < -8)) + number(boolean(c)) > 0]"),
        ("/a[b -1 and ..]", "/a[number(boolean(b -1)) * number(boolean(..)) > 0]"),
        ("/a[self::p:* or c-1]", "/a[number(boolean(self::p:*)) + number(boolean(c-1)) > 0]"),
        ("/p:a[p:and-more='1']", "/p:a[p:and-more='1']"),
        ("/a[contains(b, 'x') or c[d and e]]",
         "/a[number(boolean(contains(b, 'x'))) + "
         "number(boolean(c[number(boolean(d)) * number(boolean(e)) > 0])) > 0]"),
        # At the top it is no filter, and refused as before.
        ("/a or /b", "/a or /b"),
        # Not well-formed is for libyang to refuse.
        ("/a[b or", "/a[number(boolean(b)) + number(boolean()) > 0"),
        ("", ""),
    ],
)  # fmt: skip
def test_golden(expression: str, other: str) -> None:
    assert without_logic(expression) == other


@pytest.mark.parametrize(
    "predicates",
    [f"[{A} or {B}]", f"[{A} and {B}]", f"[({A}) or not({B} and {A})]", f"[{A}][{B} or {A}]"],
)
def test_what_selects_nothing_is_no_error(schema: Schema, predicates: str) -> None:
    empty = Tree.parse(schema, top("<flag>false</flag>").encode())
    for whole in (f"{ENTRY}{predicates}", f"{ENTRY}{predicates}/every-construct:id"):
        assert find_all(empty, without_logic(whole)) == []
    both = f"/every-construct:top | {ENTRY}{predicates}"
    assert len(find_all(empty, without_logic(both))) == 1


@pytest.mark.parametrize("predicate", ["[a and]", "[a='1' or b < ]", "[nofun(a) or b]"])
def test_an_error_is_about_what_the_client_wrote(schema: Schema, predicate: str) -> None:
    tree = Tree.parse(schema, top("<flag>false</flag>").encode())
    with pytest.raises(InvalidValue) as caught:
        select_xpath(tree, read_expression(schema, f"{ENTRY}{predicate}", {"every-construct": EC}))
    assert "> 0" not in caught.value.message
    assert "number" not in caught.value.message


@pytest.mark.parametrize(
    ("expression", "divides"),
    [
        ("/a[b mod 2 = 1]", False),
        ("/a[b mod  07 mod 3]", False),
        ("/a[mod = 0]", False),
        ("/mod/mod[mod mod 2]", False),
        ("/a[b = 'x mod 0']", False),
        ("/a[b mod 0]", True),
        ("/a[b mod 0.9]", True),
        ("/a[b mod .5]", True),
        ("/a[b mod -1]", True),
        ("/a[b mod c]", True),
        ("/a[b mod (0)]", True),
        ("/a[b mod mod]", True),
        ("/a[mod mod 0]", True),
        ("/a[b mod 9999999999999999999]", True),
        ("/a[b mod 2 mod 0]", True),
        ("/a[b mod]", True),
        ("/a[b mod 2[c]]", True),
        ("/a[b mod 2. [c]]", True),
        ("/a[b mod 2/c]", True),
        ("/a[b mod 2 | c]", True),
        ("/a[b mod 2][c]", False),
        ("1mod 0", True),
        ("\N{EURO SIGN} mod 0", True),
        ("a\N{MIDDLE DOT} mod 0", True),
        ("1 mod \N{ARABIC-INDIC DIGIT ONE}", True),
    ],
)
def test_a_divisor_is_a_whole_number_from_1_on(expression: str, divides: bool) -> None:
    assert may_divide_by_nought(expression) == divides


async def test_a_division_by_nought_is_refused(lab: Lab) -> None:
    """libyang would die of it."""
    for operation in ("get", "create-subscription"):
        uri = STREAM if operation != "get" else BASE
        filter_ = f'<filter xmlns="{uri}" type="xpath" select="/ec:top[1 mod 0]"/>'
        (error,) = await lab.refused(f'<{operation} xmlns="{uri}">{filter_}</{operation}>')
        assert (error.tag, "mod" in error.message) == ("invalid-value", True)


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("1 mod0", "mod0"),
        ("1 mod-0", "mod-0"),
        ("1 mod.5", "mod.5"),
        ("1mod0", "mod0"),
        ("/a[b]mod0", "mod0"),
        ("/* mod0", "mod0"),
        ("'x'mod0", "mod0"),
        ("..mod0", "mod0"),
        ("\N{EURO SIGN} mod0", "mod0"),
        ("1 div0", "div0"),
        ("1 andderef(/)", "andderef"),
        ("1 orp:deref(/)", "orp:deref"),
        ("1 orderived-from(/, 'x')", "orderived-from"),
        ("/a[count(b) orself::c]", "orself"),
        ("/order/mode[android and divided or @origin]/self::model", ""),
        ("2 * order mod 2", ""),
        ("'1 mod0'", ""),
        ("count(a)mod 2", ""),
        ("1 or'x'", ""),
        ("1 and(2)", ""),
    ],
)
def test_a_name_behind_an_operand_that_begins_with_an_operator_is_found(expression: str, name: str) -> None:
    assert run_on(expression) == name


def test_every_call_is_found() -> None:
    assert list(called("a(-p:b (c), 'd(') or e[f()]/g")) == ["a", "b", "f"]


@pytest.mark.parametrize(
    "expression",
    [
        "1 mod0",
        "1 mod-0",
        "1 mod.5",
        "1 andderef(/)",
        "1 andenum-value(/)=0",
        "1 andbit-is-set(/,'x')",
        "1 orderived-from(/, 'cat')",
        "1 -deref(/)",
        "-enum-value(/)",
        "1-bit-is-set(/, 'x')",
        "\N{EURO SIGN} mod 0",
        "1 mod 2[0]",
    ],
)
async def test_no_operator_without_a_space_behind_it_brings_in_what_libyang_dies_of(
    lab: Lab, expression: str
) -> None:
    for select in (expression, f"/ec:top[{expression}]"):
        for operation in ("get", "create-subscription"):
            uri = STREAM if operation != "get" else BASE
            filter_ = f'<filter xmlns="{uri}" type="xpath" select="{select}"/>'
            (error,) = await lab.refused(f'<{operation} xmlns="{uri}">{filter_}</{operation}>')
            assert (error.tag, error.info["bad-attribute"]) == ("invalid-value", "select")


async def test_a_subscription_is_tried_in_a_copy(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.operations.xpath.at_most", _crash)
    filter_ = f'<filter xmlns="{STREAM}" type="xpath" select="/*[1]"/>'
    await lab.refused(f'<create-subscription xmlns="{STREAM}">{filter_}</create-subscription>')
    assert lab.context.apart.copies == 1


def _crash(_cpu_s: float) -> None:
    assert in_copy()
    os.abort()


CALL = "derived-from-or-self"


@pytest.mark.parametrize(
    ("expression", "literals"),
    [
        ("/a[b = 'derived-from(c, d)']", []),
        (f"/a[{CALL}(b, 'p:c')]", ["p:c"]),
        ('/a[derived-from ( b , "c" )]', ["c"]),
        (f"/a[{CALL}(b[c = 'x,y'][contains(d, ',')], 'p:c')]", ["p:c"]),
        (f"/a[{CALL}(b[{CALL}(c, 'p:d')], 'p:e') or derived-from(f, 'g')]", ["p:e", "p:d", "g"]),
        (f"/a[{CALL}(b, c)]", [None]),
        (f"/a[{CALL}(b, concat('c', ''))]", [None]),
        (f"/a[{CALL}(b, 'c' | d)]", [None]),
        (f"/a[{CALL}(b)]", [None]),
        (f"/a[p:{CALL}(b, c)]", [None]),
        (f"/a[{CALL}(b", [None]),
        (f"/a[{CALL}(b, 'c", [None]),
        (f"/a[{CALL}(b, '", [None]),
        ("/a/derived-from[b = 'c']", []),
    ],
)
def test_the_literals_that_name_identities_are_found(expression: str, literals: list[str | None]) -> None:
    found = [None if span is None else expression[slice(*span)] for span in identities(expression)]
    assert found == literals


@pytest.mark.parametrize(
    "identity", ["'cat'", "''", "' '", "ec:word", "string(ec:pet)", "':cat'", "'ec:'", "'a b'"]
)
async def test_an_identity_that_libyang_3_would_die_of_is_refused(lab: Lab, identity: str) -> None:
    await lab.commit(entry("<pet>ec:cat</pet>"))
    for function in ("derived-from", CALL, f"ec:{CALL}"):
        select = f"/ec:top/ec:entry[{function}(ec:pet, {identity})]"
        filter_ = f'<nc:filter type="xpath" select="{select}"/>'
        for operation in (
            f'<nc:get xmlns="">{filter_}</nc:get>',
            f'<nc:create-subscription xmlns="" xmlns:nc="{STREAM}">{filter_}</nc:create-subscription>',
        ):
            (error,) = await lab.refused(operation)
            assert error.tag == "invalid-value"


names = st.sampled_from(["a", "b", "or", "and", "*", "@x", "div"])
operands = st.one_of(
    names,
    st.builds("{}='{}'".format, names, st.sampled_from(["1", "a or b", ""])),
    st.builds("count({}) {} {}".format, names, st.sampled_from([">", "= -", "- 1 >"]), st.integers(-2, 2)),
    st.sampled_from([". > -1", "-1 < a", "- a = -1", "a -1 = 0", "../a", ".", "a/.. = 1", ".5 < a", "a-1"]),
)
conditions = st.recursive(
    operands,
    lambda inner: st.one_of(
        st.builds("{} or {}".format, inner, inner),
        st.builds("{} and {}".format, inner, inner),
        st.builds("({})".format, inner),
        st.builds("not({})".format, inner),
        st.builds("a[{}]".format, inner),
        st.builds("contains(a[{}], '1') or b".format, inner),
    ),
    max_leaves=8,
)
DOCUMENT = etree.fromstring(
    "<r><a x='1'>1<a>2<b/></a><or/></a><b><and>1</and><div/></b><or>a or b</or><a><and/><b>1</b></a></r>"
)


@given(conditions)
def test_another_engine_selects_the_same(condition: str) -> None:
    expression = f"//*[{condition}]"
    assert DOCUMENT.xpath(without_logic(expression)) == DOCUMENT.xpath(expression)
