"""What a client reads of an error: one line, with paths in its own prefixes."""

from __future__ import annotations

import pytest

from agent.errors import OperationFailed
from agent.netconf.messages import rpc_error
from agent.yang.schema import Schema
from agent.yang.validate import validate
from tests.agent.lab import MODULES, candidate_with, errors_of, make_schema

NAMESPACES = {"acme": ("ac", "http://example.com/ns/acme"), "other": ("o", "urn:other")}
CLIENT = {"http://example.com/ns/acme": "client"}
TEXTS = {
    "no path at all": ("1/2 of it", "1/2 of it"),
    "a path": ("\"/acme:a/b[k='1']/other:c\" is wrong", "\"/client:a/client:b[client:k='1']/o:c\" is wrong"),
    "two paths": ("in /acme:a and /other:b.", "in /client:a and /o:b."),
    "a module that is not there": ("see /nothing:a/b", "see /nothing:a/b"),
    "a file": ("/var/lib/acme:a is full", "/var/lib/acme:a is full"),
    "an address": ("http://example.com/acme:a", "http://example.com/acme:a"),
}


@pytest.mark.parametrize(("message", "shown"), TEXTS.values(), ids=TEXTS)
def test_a_message_quotes_paths_with_the_prefixes_of_the_client(message: str, shown: str) -> None:
    text = rpc_error(OperationFailed(message), NAMESPACES, CLIENT).decode()
    assert f">{shown}</error-message>" in text.replace("&quot;", '"')


@pytest.mark.parametrize("written", ["a\n      rule", "a \r\n\trule", "a\nrule\n", "\n a\n\n rule"])
def test_a_message_has_one_line(written: str) -> None:
    assert b">a rule</error-message>" in rpc_error(OperationFailed(written), {}, {})


def test_what_a_module_says_in_several_lines_is_told_in_one() -> None:
    schema: Schema = make_schema("wordy")
    assert "\n" in (MODULES / "wordy.yang").read_text().partition("error-message")[2].partition(";")[0]
    candidate = candidate_with(schema, '<box xmlns="urn:yangswan:test:wordy"><size>2</size></box>')
    errors = errors_of(lambda: validate(candidate.tree, everything=True))
    (told,) = [rpc_error(error, schema.namespaces(), {}) for error in errors]
    assert b">the size of a box is one, and never two</error-message>" in told
