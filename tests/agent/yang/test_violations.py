"""All rules that a configuration breaks are reported, with the tags of RFC 7950 section 15."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import RpcError, RpcErrors
from agent.served import SERVED, standard_modules
from agent.yang.nodes import Defaults
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.validate import validate
from agent.yang.violations import YANG_1
from tests.agent.lab import EC, entry, errors_of, top

E1 = "/every-construct:top/entry[id='1']"


def tree_of(schema: Schema, body: str) -> Tree:
    declared = body.replace("<top ", f'<top xmlns:ec="{EC}" xmlns:et="urn:yangswan:test:every-third" ', 1)
    return Tree.parse(schema, declared.encode())


def refs(body: str) -> str:
    return f'<references xmlns="{EC}">{body}</references>'


BROKEN = {
    "must with its own app-tag (15.4)": (
        entry("<number>2</number><twice>5</twice>"),
        [("operation-failed", "twice-wrong", f"{E1}/twice", "twice must be two times number")],
    ),
    "must without app-tag (15.4)": (
        entry("<et:foreign>x</et:foreign>"),
        [("operation-failed", "must-violation", f"{E1}/every-third:foreign", "foreign needs a number")],
    ),
    "mandatory leaf of a presence container": (
        entry("<present/>"),
        [("data-missing", None, f"{E1}/present/needed", "the mandatory node 'needed' is missing")],
    ),
    "too many elements (15.2)": (
        entry("<tag>a</tag><tag>b</tag><tag>c</tag><tag>d</tag>"),
        [
            (
                "operation-failed",
                "too-many-elements",
                f"{E1}/tag",
                "'tag' may have at most 3 entries and has 4",
            )
        ],
    ),
    "too many list entries (15.2)": (
        refs("".join(f"<pair><name>{n}</name></pair>" for n in "abc")),
        [
            (
                "operation-failed",
                "too-many-elements",
                "/every-construct:references/pair",
                "'pair' may have at most 2 entries and has 3",
            )
        ],
    ),
    "leafref without target (15.5)": (
        refs("<chosen>nobody</chosen>"),
        [
            (
                "data-missing",
                "instance-required",
                "/every-construct:references/chosen[.='nobody']",
                "'nobody' of 'chosen' refers to something that does not exist",
            )
        ],
    ),
    "unique (15.1)": (
        entry(
            "<address><ip>a</ip><port>1</port><alias>x</alias></address>"
            "<address><ip>b</ip><port>1</port><alias>x</alias></address>"
        ),
        [
            (
                "operation-failed",
                "data-not-unique",
                f"{E1}/address",
                "entries of 'address' have the same alias, which must be unique",
            )
        ],
    ),
    "when is false": (
        entry("<only-with-word>x</only-with-word>"),
        [("unknown-element", None, f"{E1}/only-with-word", "'only-with-word' exists only when ../word")],
    ),
    "several rules in several entries": (
        top(
            "<entry><id>1</id><number>2</number><twice>5</twice><present/></entry>"
            "<entry><id>2</id><twice>1</twice></entry>"
        ),
        [
            ("operation-failed", "twice-wrong", f"{E1}/twice", "twice must be two times number"),
            ("data-missing", None, f"{E1}/present/needed", "the mandatory node 'needed' is missing"),
            (
                "operation-failed",
                "twice-wrong",
                "/every-construct:top/entry[id='2']/twice",
                "twice must be two times number",
            ),
        ],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_every_broken_rule_is_reported_exactly(schema: Schema, name: str) -> None:
    body, expected = BROKEN[name]
    errors = errors_of(lambda: validate(tree_of(schema, body), everything=False))
    assert [(e.tag, e.app_tag, e.path, e.message) for e in errors] == expected


def test_unique_names_all_entries_that_clash(schema: Schema) -> None:
    errors = errors_of(lambda: validate(tree_of(schema, BROKEN["unique (15.1)"][0]), everything=False))
    assert errors[0].info[f"{YANG_1}non-unique"] == (
        f"{E1}/address[ip='a'][port='1']",
        f"{E1}/address[ip='b'][port='1']",
    )


def test_a_valid_tree_gets_its_defaults(schema: Schema) -> None:
    tree = tree_of(schema, entry("<number>2</number><twice>4</twice>"))
    validate(tree, everything=False)
    assert b"<speed>100</speed>" in tree.to_xml(Defaults.REPORT_ALL)
    assert b"speed" not in tree.to_xml()


def test_an_empty_scratch_is_valid(schema: Schema) -> None:
    validate(Tree(schema), everything=False)


def test_errors_of_one_validation_do_not_show_in_the_next(schema: Schema) -> None:
    with pytest.raises(RpcErrors):
        validate(tree_of(schema, entry("<present/>")), everything=False)
    errors = errors_of(lambda: validate(tree_of(schema, entry("<twice>1</twice>")), everything=False))
    assert [e.app_tag for e in errors] == ["twice-wrong"]


CONDITIONAL = """module conditional {
  yang-version 1.1; namespace "urn:conditional"; prefix c;
  list e {
    key k;
    leaf k { type string; }
    leaf w { type string; }
    leaf leaf { when "../w='a'"; type string; mandatory true; }
    leaf-list many { when "../w='b'"; type string; min-elements 2; }
    list entries { when "../w='c'"; key k; leaf k { type string; } min-elements 1; }
    choice ch {
      case one { when "w='d'"; leaf first { type string; } leaf second { type string; mandatory true; } }
    }
    uses group { when "w='e'"; }
  }
  grouping group { leaf used { type string; mandatory true; } }
}"""


@pytest.fixture(scope="module")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    file = tmp_path_factory.mktemp("modules") / "conditional.yang"
    file.write_text(CONDITIONAL)
    return Schema(standard_modules(), SERVED, [file])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<w>a</w>", [("data-missing", None, "leaf")]),
        ("<w>b</w>", [("operation-failed", "too-few-elements", "many")]),
        ("<w>b</w><many>x</many>", [("operation-failed", "too-few-elements", "many")]),
        ("<w>c</w>", [("operation-failed", "too-few-elements", "entries")]),
        ("<w>d</w><first>x</first>", [("data-missing", None, "second")]),
        ("<w>e</w>", [("data-missing", None, "used")]),
        ("<w>none</w>", []),
        ("<w>d</w>", []),
    ],
)
def test_what_is_missing_under_a_condition_is_told_with_its_place(
    conditional: Schema, body: str, expected: list[tuple[str, str | None, str]]
) -> None:
    others = "<e><k>0</k><w>b</w><many>1</many><many>2</many></e>"
    document = "".join(
        part.replace("<e>", '<e xmlns="urn:conditional">') for part in (others, f"<e><k>1</k>{body}</e>")
    )
    tree = Tree.parse(conditional, document.encode())
    try:
        validate(tree, everything=True)
        errors: list[RpcError] = []
    except RpcErrors as caught:
        errors = list(caught.errors)
    place = "/conditional:e[k='1']"
    assert [(e.tag, e.app_tag, e.path) for e in errors] == [
        (tag, app_tag, f"{place}/{name}") for tag, app_tag, name in expected
    ]


CHOICES = """module choices {
  yang-version 1.1; namespace "urn:choices"; prefix c;
  list e {
    key k;
    leaf k { type string; }
    leaf w { type string; }
    leaf wrong { must "../w='always'"; type string; }
    choice ch {
      when "w='a'"; mandatory true;
      leaf one { type string; }
      case other { choice within { leaf two { type string; } } }
    }
    uses group { when "w='b'"; }
  }
  grouping group { choice grouped { mandatory true; leaf three { type string; } leaf four { type string; } } }
}"""


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ("<w>none</w>", []),
        ("<w>a</w>", ["ch"]),
        ("<w>a</w><one>x</one>", []),
        ("<w>a</w><two>x</two>", []),
        ("<w>b</w>", ["grouped"]),
        ("<w>b</w><four>x</four>", []),
    ],
)
def test_a_mandatory_choice_is_missing_only_where_its_own_when_holds(
    tmp_path: Path, body: str, missing: list[str]
) -> None:
    """Beside another fault: else libyang alone decides, and finds nothing wrong."""
    file = tmp_path / "choices.yang"
    file.write_text(CHOICES)
    schema = Schema(standard_modules(), SERVED, [file])
    document = f'<e xmlns="urn:choices"><k>1</k><wrong>x</wrong>{body}</e>'
    errors = errors_of(lambda: validate(Tree.parse(schema, document.encode()), everything=False))
    assert [e.info[f"{YANG_1}missing-choice"] for e in errors if e.app_tag == "missing-choice"] == missing
    assert [e.path for e in errors if e.app_tag == "must-violation"] == ["/choices:e[k='1']/wrong"]


def test_entries_that_clash_are_named_in_one_order(schema: Schema) -> None:
    """libyang 3 keeps them ordered by their keys, libyang 2 as they came."""
    later = "<address><ip>b</ip><port>1</port><alias>x</alias></address>"
    earlier = later.replace("<ip>b", "<ip>a")
    found = [
        errors_of(lambda body=body: validate(tree_of(schema, entry(body)), everything=False))[0].info
        for body in (later + earlier, earlier + later)
    ]
    assert found[0] == found[1]
