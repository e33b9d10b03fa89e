"""A key that is written in another form than the canonical one names the same entry: in what is refused, and
in the path of the error, in a small edit as in a large one (RFC 7950 section 9.1, RFC 7951)."""

from __future__ import annotations

import json

import pytest

from agent.datastore.edit import edit
from agent.errors import RpcErrors
from agent.offline.from_json import read_config
from agent.yang.schema import Schema
from tests.agent.datastore.test_edit_at_once import at_once
from tests.agent.lab import candidate_with, config, entry

FORMS = ["+3", "03", " 3 ", "+0003\n"]
AT = "/every-construct:top/entry[id='1']/address[ip='a'][port='3']"
SMALL, LARGE = 10**9, 0


def address(port: str, body: str = "", attributes: str = "") -> str:
    return f"<address{attributes}><ip>a</ip><port>{port}</port>{body}</address>"


FAULTS = {
    "created though it is there": (' nc:operation="create"', "", AT),
    "what it holds is created though it is there": (
        "",
        '<alias nc:operation="create">x</alias>',
        f"{AT}/alias",
    ),
    "an unknown element": ("", "<bogus/>", AT),
    "a value too long in another": ("", "<alias/><alias/>", f"{AT}/alias"),
    "a text beside elements": ("", "text", AT),
    "an unknown attribute": (' bogus="1"', "", AT),
    "a place in a list that the system orders": (' yang:insert="first"', "", AT),
}


@pytest.mark.parametrize("elements", [SMALL, LARGE])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_path_of_an_error_has_the_canonical_value(
    schema: Schema, fault: str, form: str, elements: int
) -> None:
    attributes, body, path = FAULTS[fault]
    candidate = candidate_with(schema, entry(address("3", "<alias>x</alias>")))
    with at_once(elements), pytest.raises(RpcErrors) as caught:
        edit(candidate, config(entry(address(form, body, attributes))))
    assert [error.path for error in caught.value.errors] == [path]


@pytest.mark.parametrize("elements", [SMALL, LARGE])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("default_operation", ["merge", "replace"])
def test_an_entry_stands_twice_whatever_form_its_key_has(
    schema: Schema, form: str, elements: int, default_operation: str
) -> None:
    candidate = candidate_with(schema, entry(""))
    with at_once(elements), pytest.raises(RpcErrors) as caught:
        edit(candidate, config(entry(address("3") + address(form))), default_operation)
    (error,) = caught.value.errors
    assert error.tag == "bad-element"
    assert error.message == "'address' may stand only once here"
    assert error.path == AT


@pytest.mark.parametrize("elements", [SMALL, LARGE])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_deleted_has_its_key_in_any_form(schema: Schema, form: str, elements: int) -> None:
    candidate = candidate_with(schema, entry(address("3")))
    with at_once(elements):
        edit(candidate, config(entry(address(form, attributes=' nc:operation="delete"'))))
        with pytest.raises(RpcErrors) as caught:
            edit(candidate, config(entry(address(form, attributes=' nc:operation="delete"'))))
    assert [(error.tag, error.path) for error in caught.value.errors] == [("data-missing", AT)]


def test_a_text_is_no_other_for_what_stands_around_it(schema: Schema) -> None:
    candidate = candidate_with(schema, "")
    body = entry('<number nc:operation="delete"/>').replace("<id>1</id>", "<id> +1 </id>")
    with pytest.raises(RpcErrors) as caught:
        edit(candidate, config(body))
    assert caught.value.errors[0].path == "/every-construct:top/entry[id=' +1 ']/number"


@pytest.mark.parametrize("port", ["+3", "03", 3])
def test_so_it_is_where_json_is_read(schema: Schema, port: str | int) -> None:
    one: dict[str, object] = {"ip": "a", "port": port, "alias": {}}
    document = {"every-construct:top": {"entry": [{"id": "1", "address": [one]}]}}
    _, errors = read_config(schema, json.loads(json.dumps(document)), max_elements=100)
    assert {error.path for error in errors} >= {f"{AT}/alias"}
