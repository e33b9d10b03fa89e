"""What is told apart between libyang 2 and 3 comes out the same on both."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.errors import RpcErrors
from agent.served import SERVED, standard_modules
from agent.yang import native
from agent.yang.modules import SchemaError
from agent.yang.native import NULL, ffi, forget_errors, lib
from agent.yang.nodes import children
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.lab import EC, entry

ENTRY = "/every-construct:top/entry[id='1']"


def test_the_canonical_value_comes_back(schema: Schema) -> None:
    radius = schema.roots[EC, "top"].children[EC, "entry"].children[EC, "radius"]
    assert native.value_validate(schema.ctx, radius.pointer, b"1.50") == (lib.LY_SUCCESS, "1.5")


def test_a_value_that_does_not_fit_has_no_canonical_one(schema: Schema) -> None:
    number = schema.roots[EC, "top"].children[EC, "entry"].children[EC, "number"]
    rc, canonical = native.value_validate(schema.ctx, number.pointer, b"many")
    forget_errors(schema.ctx)
    assert (rc != lib.LY_SUCCESS, canonical) == (True, "")


def test_a_reference_is_followed_from_its_node(schema: Schema) -> None:
    body = f'<references xmlns="{EC}"><chosen>1</chosen></references>'
    alone, whole = Tree.parse(schema, body.encode()), Tree.parse(schema, (entry("") + body).encode())
    codes = []
    for tree in (alone, whole):
        (chosen,) = (
            child
            for top in tree.top_level()
            for child in children(top)
            if native.text(child.schema.name) == "chosen"
        )
        codes.append(native.value_validate(schema.ctx, chosen.schema, b"1", context=chosen)[0])
        forget_errors(schema.ctx)
    assert [code == lib.LY_SUCCESS for code in codes] == [False, True]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("<number {}>1</number>", ENTRY),
        ("<address {}><ip>a</ip><port>1</port></address>", ENTRY),
        (
            "<address><ip>a</ip><port>1</port><alias {}>x</alias></address>",
            f"{ENTRY}/address[ip='a'][port='1']",
        ),
    ],
)
@pytest.mark.parametrize("attribute", ['xmlns:z="urn:z" z:q="1"', 'q="1"'])
def test_an_attribute_that_cannot_be_read_has_the_same_path(
    schema: Schema, body: str, path: str, attribute: str
) -> None:
    with pytest.raises(RpcErrors) as caught:
        Tree.parse(schema, entry(body.format(attribute)).encode())
    assert [(error.tag, error.path) for error in caught.value.errors] == [("invalid-value", path)]


def test_an_attribute_at_the_top_has_no_path(schema: Schema) -> None:
    with pytest.raises(RpcErrors) as caught:
        Tree.parse(schema, f'<top xmlns="{EC}" xmlns:z="urn:z" z:q="1"/>'.encode())
    assert [error.path for error in caught.value.errors] == [None]


@pytest.fixture(scope="module")
def pointing(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    file = tmp_path_factory.mktemp("modules") / "pointing.yang"
    file.write_text(
        """module pointing {
          namespace "urn:pointing"; prefix p;
          container c { leaf a { type instance-identifier; } leaf b { type uint8; } }
        }"""
    )
    return Schema(standard_modules(), SERVED, [file])


@pytest.mark.parametrize("value", ["/p:c[", "/p:nothing", "/c", "p:c", "/nobody:c", ""])
def test_a_malformed_instance_identifier_is_one_error(pointing: Schema, value: str) -> None:
    document = f'<c xmlns="urn:pointing" xmlns:p="urn:pointing"><a>{value}</a></c>'
    with pytest.raises(RpcErrors) as caught:
        Tree.parse(pointing, document.encode())
    (error,) = caught.value.errors
    assert (error.tag, error.app_tag, error.path) == ("invalid-value", None, "/pointing:c/a")
    assert f'Invalid instance-identifier "{value}" value' in error.message


class Listed(SimpleNamespace):
    """An error as libyang 2 lists it."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(msg=c_text(message), path=c_text(f'Data location "{path}".'), next=NULL)


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ([("Unexpected end.", "/m:c/a"), ('Invalid instance-identifier "x" value - syntax error.', "/m:c/a")],
         [1]),
        ([("Unexpected end.", "/m:c/b"), ('Invalid instance-identifier "x" value - syntax error.', "/m:c/a")],
         [0, 1]),
        ([("Unexpected end.", "/m:c/a"), ('Invalid type uint8 value "x".', "/m:c/a")], [0, 1]),
        ([], []),
    ],
)  # fmt: skip
def test_what_libyang_2_says_twice_is_one_error(
    monkeypatch: pytest.MonkeyPatch, listed: list[tuple[str, str]], told: list[int]
) -> None:
    items = [Listed(*one) for one in listed]
    for item, following in pairwise(items):
        item.next = following
    monkeypatch.setattr(native, "ONE_SENTENCE", True)
    monkeypatch.setattr(native, "lib", SimpleNamespace(ly_err_first=lambda _ctx: items[0] if items else NULL))
    assert list(native.errors(NULL)) == [items[index] for index in told]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (entry("<number>many</number>"), f"{ENTRY}/number"),
        (entry("<tag>a</tag><unheard-of/>"), ENTRY),
        (entry("<tag>a</tag><colour>mauve</colour>"), f"{ENTRY}/colour"),
        (f'<nothing xmlns="{EC}"/>', None),
    ],
)
def test_an_error_of_the_parser_has_the_same_path(schema: Schema, body: str, path: str | None) -> None:
    with pytest.raises(RpcErrors) as caught:
        Tree.parse(schema, body.encode())
    assert [error.path for error in caught.value.errors] == [path]


def test_a_broken_module_is_refused_with_the_place(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yang"
    broken.write_text('module broken {\n namespace "urn:b"; prefix b;\n leaf x { type nosuch; }\n}\n')
    with pytest.raises(SchemaError, match=r"\(.*/?broken.*\)|line"):
        Schema(standard_modules(), SERVED, [broken])


def c_text(value: str) -> object:
    return ffi.new("char[]", value.encode()) if value else NULL


@pytest.mark.parametrize(
    ("sentence", "path"),
    [
        ('Schema location "/m:c/ch/ca/l", data location "/m:c"', "/m:c/ch/ca/l"),
        ('Data location "/m:c/l", line number 3.', "/m:c/l"),
        ('Schema location "/m:c/l", Data location "/m:c/l[.=\'a\']".', "/m:c/l[.='a']"),
        ("Line number 1.", None),
        ("", None),
    ],
)
def test_the_sentence_of_libyang_2_is_read(
    monkeypatch: pytest.MonkeyPatch, sentence: str, path: str | None
) -> None:
    monkeypatch.setattr(native, "ONE_SENTENCE", True)
    item = SimpleNamespace(path=c_text(sentence))
    assert native.error_path(item) == path
    assert native.error_place(item) == sentence


@pytest.mark.parametrize(
    ("data", "schema_path", "line", "path", "place"),
    [
        ("/m:c/l", "/m:c/l", 3, "/m:c/l", 'location "/m:c/l", line number 3'),
        ("", "/m:c/l", 0, "/m:c/l", 'location "/m:c/l"'),
        ("", "", 1, None, "line number 1"),
        ("", "", 0, None, ""),
    ],
)
def test_the_paths_of_libyang_3_are_read(
    monkeypatch: pytest.MonkeyPatch, data: str, schema_path: str, line: int, path: str | None, place: str
) -> None:
    monkeypatch.setattr(native, "ONE_SENTENCE", False)
    item = SimpleNamespace(data_path=c_text(data), schema_path=c_text(schema_path), line=line, msg=NULL)
    assert native.error_path(item) == path
    assert native.error_place(item) == place


UNIONS = """module unions {{
  yang-version 1.1; namespace "urn:unions"; prefix u;
  container c {{
    {kind} x {{ type union {{ type uint8; type union {{ type instance-identifier {{ {require} }} }} }} }}
  }}
}}"""


@pytest.mark.parametrize("kind", ["leaf", "leaf-list"])
@pytest.mark.parametrize(
    ("libyang_2", "require", "served"),
    [(True, "", False), (True, "require-instance false;", True), (False, "", True)],
)
def test_a_module_that_could_crash_libyang_2_is_not_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, libyang_2: bool, require: str, served: bool
) -> None:
    file = tmp_path / "unions.yang"
    file.write_text(UNIONS.format(kind=kind, require=require))
    monkeypatch.setattr(native, "ONE_SENTENCE", libyang_2)
    if served:
        assert "unions" in Schema(standard_modules(), SERVED, [file]).by_name
    else:
        with pytest.raises(SchemaError, match=r"module unions: 'x' .* require-instance false"):
            Schema(standard_modules(), SERVED, [file])
