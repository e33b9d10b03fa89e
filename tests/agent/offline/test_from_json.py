"""RFC 7951: JSON becomes the <config> that a client would send."""

from __future__ import annotations

import json

import pytest

from agent.offline.document import Language, Unreadable, read_document
from agent.offline.from_json import JsonError, JsonTooBig, config_of, read_json, refuse_many
from agent.operations.write import inline_config
from agent.xml import MAX_DEPTH, XmlError, serialize
from agent.yang.nodes import JSON, print_node
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.lab import errors_of
from tests.agent.offline.lab import INSTANCES

VALID = [path for path in sorted((INSTANCES / "valid").glob("*.xml")) if "state" not in path.name]
ENTRY = "/every-construct:top/entry[id='a']"


@pytest.mark.parametrize("document", VALID, ids=lambda path: path.stem)
def test_every_valid_document_is_the_same_in_json(schema: Schema, document: object) -> None:
    tree = Tree.parse(schema, document.read_bytes())  # type: ignore[attr-defined]
    printed = print_node(tree.first, JSON, siblings=True)
    config = config_of(schema, read_json(printed), max_elements=10_000)
    assert inline_config(schema, config).to_xml() == tree.to_xml()


def entry(**members: object) -> dict[str, object]:
    return {"every-construct:top": {"entry": [{"id": "a", **members}]}}


def refusal(schema: Schema, document: dict[str, object]) -> list[tuple[str, str | None, str]]:
    found = errors_of(lambda: inline_config(schema, config_of(schema, document, max_elements=10_000)))
    return [(error.tag, error.path, error.message) for error in found]


def xml_of(schema: Schema, document: dict[str, object]) -> str:
    return serialize(config_of(schema, document, max_elements=10_000)[0]).decode()


def test_keys_come_first_wherever_they_stand(schema: Schema) -> None:
    found = xml_of(schema, {"every-construct:top": {"entry": [{"word": "w", "id": "a"}]}})
    assert found.index("<id>") < found.index("<word>")


@pytest.mark.parametrize(
    ("members", "path", "words"),
    [
        ({"number": "1"}, "/number", "'number' is written as a number without quotes"),
        ({"number": True}, "/number", "a number without quotes"),
        ({"number": 1.0}, "/number", "a number without quotes"),
        ({"number": None}, "/number", "a number without quotes"),
        ({"number": [1]}, "/number", "a number without quotes"),
        ({"word": 1}, "/word", "'word' is written as a string"),
        ({"word": {"a": 1}}, "/word", "a string"),
        ({"tag": "one"}, "/tag", "an array: [...]"),
        ({"tag": [1]}, "/tag", "a string"),
        ({"plain": []}, "/plain", "an object: {...}"),
        ({"stage": {}}, "/stage", "an array of objects"),
        ({"stage": [1]}, "/stage", "an array of objects"),
        ({"marker": True}, "/marker", "[null]"),
        ({"word": "\u0001"}, "/word", "a character that no text in YANG may hold"),
        ({"word": "\ud800"}, "/word", "a character that no text in YANG may hold"),
    ],
)
def test_a_value_has_the_form_of_its_type(
    schema: Schema, members: dict[str, object], path: str, words: str
) -> None:
    ((tag, where, message),) = refusal(schema, entry(**members))
    assert (tag, where) == ("invalid-value", f"{ENTRY}{path}")
    assert words in message


def test_an_empty_leaf_is_an_array_with_null(schema: Schema) -> None:
    assert "<marker/>" in xml_of(schema, entry(marker=[None]))


@pytest.mark.parametrize(
    ("document", "tag", "words"),
    [
        ({"top": {}}, "unknown-element", "needs the name of its module before it: 'every-construct:top'"),
        ({"nope": {}}, "unknown-element", "the member 'nope' needs the name of its module before it (RFC"),
        ({"nope:top": {}}, "unknown-element", "no module of this server has the name 'nope'"),
        ({"every-construct:nope": {}}, "unknown-element", "there is no 'nope' at the top level"),
        (entry(nope=1), "unknown-element", "there is no 'nope' below 'entry'"),
        (entry(**{"a b": 1}), "unknown-element", "'a b' is no name of a node"),
        (entry(**{"<a/>": 1}), "unknown-element", "'<a/>' is no name of a node"),
        (entry(**{"": 1}), "unknown-element", "'' is no name of a node"),
        (entry(**{"\ud800": 1}), "unknown-element", "is no name of a node"),
        (entry(**{"every-construct:word": "a", "word": "b"}), "bad-element", "only once"),
    ],
)
def test_names_are_refused_as_those_of_xml_are(
    schema: Schema, document: dict[str, object], tag: str, words: str
) -> None:
    ((found, _, message),) = refusal(schema, document)
    assert found == tag
    assert words in message


def test_every_fault_is_found_at_once(schema: Schema) -> None:
    faults = refusal(schema, {"every-construct:top": {"entry": [{"id": 1}, {"id": "b", "number": "x"}]}})
    assert [path for _, path, _ in faults] == [
        "/every-construct:top/entry[id='1']/id",
        "/every-construct:top/entry[id='b']/number",
    ]


def test_names_in_a_value_get_the_prefixes_that_they_need(schema: Schema) -> None:
    path = "/yangswan-ipsec:tunnels/ipsec[id='7']/secret"
    rule = {"name": "r", "path": path, "action": "permit"}
    nacm = {"ietf-netconf-acm:nacm": {"rule-list": [{"name": "l", "group": ["*"], "rule": [rule]}]}}
    tree = inline_config(schema, config_of(schema, nacm, max_elements=100))
    printed = json.loads(print_node(tree.first, JSON, siblings=True))
    again = inline_config(schema, config_of(schema, printed, max_elements=100))
    assert tree.to_xml() == again.to_xml()
    assert b"secret" in tree.to_xml()


def test_metadata_becomes_attributes_and_is_refused_as_they_are(schema: Schema) -> None:
    noted = entry(word="w", **{"@word": {"ietf-netconf:operation": "delete"}})
    ((tag, _, message),) = refusal(schema, noted)
    assert tag == "unknown-attribute"
    assert "a whole configuration is copied as it is" in message


def test_a_default_may_be_tagged(schema: Schema) -> None:
    tagged = {"ietf-netconf-with-defaults:default": True}
    document = {"yangswan-ipsec:tunnels": {"leak-protection": True, "@leak-protection": tagged}}
    assert 'default="true"' in xml_of(schema, document)


@pytest.mark.parametrize(
    "note",
    [
        {"nope:x": 1},
        {"x": 1},
        {"ietf-netconf-with-defaults:default": None},
        {"ietf-netconf:a b": 1},
        {"ietf-netconf:operation": "\0"},
    ],
)
def test_an_annotation_of_nobody_is_refused(schema: Schema, note: dict[str, object]) -> None:
    ((tag, _, message),) = refusal(schema, entry(word="w", **{"@word": note}))
    assert tag == "bad-element"
    assert "annotation" in message


def test_anydata_holds_nodes_of_modules_that_are_known(schema: Schema) -> None:
    found = xml_of(schema, entry(anything={"every-construct:a": [{"b": 1}, {"b": True}], "c": "x"}))
    assert "<a><b>1</b></a><a><b>true</b></a><c>x</c>" in found
    noted = {"a": [1, 2], "@a": [None, {"ietf-netconf-with-defaults:default": True}]}
    assert 'default="true">2</a>' in xml_of(schema, entry(anything=noted))
    faults: list[tuple[object, str]] = [
        ({"nope:a": 1}, "'nope'"),
        ({"a b": 1}, "no name"),
        ({"a": "\0"}, "no text"),
        ({"a": 1, "@a": {"nope:x": 1}}, "annotation"),
        ("text", "an object: {...}"),
        ([{}], "an object: {...}"),
    ]
    for inside, words in faults:
        ((_, _, message),) = refusal(schema, entry(anything=inside))
        assert words in message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "not JSON at line 1, column 2"),
        (b"{\n  'a': 1}", "not JSON at line 2, column 3"),
        (b"[]", "is an object"),
        (b"7", "is an object"),
        (b'{"a": NaN}', "NaN is no value of JSON"),
        (b'{"a": 1, "a": 2}', "the member 'a' twice"),
        (b'{"a": %s}' % (b"9" * 5000), "too long"),
        (b'{"a": "\xff"}', "octet 8 is no part of UTF-8"),
        (rb'{"a": "\ud800"}', "half a character"),
        (rb'{"\uDfff": 1}', "half a character"),
        (rb'{"a\ud800": 1, "a\ud800": 2}', "half a character"),
        (rb'{"a": "\\\ud800x"}', "half a character"),
        (rb'{"a": "\ud83d\ud83d\ude00"}', "half a character"),
        (rb'{"a": "\ude00\ud83d"}', "half a character"),
        (b'{"a": "\\', "not JSON at line 1"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, f"deeper than {MAX_DEPTH} levels"),
        (b'{"a":' + b"[" * 100_000, f"deeper than {MAX_DEPTH} levels"),
    ],
)
def test_what_is_no_json_is_said_and_not_quoted(data: bytes, words: str) -> None:
    with pytest.raises(JsonError, match=words.replace("{", r"\{")):
        read_json(data)


def test_characters_of_two_surrogates_are_read() -> None:
    assert read_json(rb'{"a\uD83D\uDE00": "\\ud800 \ud83d\ude00\n\u00e9"}') == {
        "a\U0001f600": "\\ud800 \U0001f600\n\xe9"
    }


def test_depth_that_is_permitted_is_read() -> None:
    assert read_json(b'{"a":' * (MAX_DEPTH - 1) + b"{}" + b"}" * (MAX_DEPTH - 1))


def test_there_is_an_end_to_elements(schema: Schema) -> None:
    document = {"every-construct:top": {"entry": [{"id": str(number)} for number in range(100)]}}
    with pytest.raises(XmlError, match="more than 50 elements"):
        config_of(schema, document, max_elements=50)


@pytest.mark.parametrize("rows", [b'{"id":1}', b"1", b'"a,{"', b"[]", b"{}"])
def test_more_than_a_message_holds_is_refused_before_it_is_read(rows: bytes) -> None:
    data = b'{"a:b":[' + b",".join([rows] * 60) + b"]}"
    with pytest.raises(JsonTooBig, match="more than 50 members and values"):
        refuse_many(data, 50)
    refuse_many(data, 200)


def test_what_stands_in_a_text_is_no_element() -> None:
    refuse_many(b'{"a:b":"' + b",{" * 100 + b'\\"' + b",{" * 100 + b'"}', 50)


def test_a_file_of_json_has_the_bound_of_a_message(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.offline.document.MAX_ELEMENTS", 50)
    monkeypatch.setattr("agent.offline.document.read_json", None)
    data = b'{"every-construct:top":{"entry":[' + b",".join([b'{"id":"1"}'] * 60) + b"]}}"
    with pytest.raises(Unreadable, match="more than 50 members and values"):
        read_document(schema, data, Language.JSON)
