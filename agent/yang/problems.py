"""libyang's error list, read from C and turned into RpcErrors.

The binding's exceptions keep only a message; tag, app-tag and data path are in the C list, so it is
read here before anything cleans it. Messages of libyang may quote a value: for a node that is
default-deny-all the message is replaced.
"""

from __future__ import annotations

import re
from collections import ChainMap

from agent.errors import (
    BadElement,
    DataMissing,
    ErrorType,
    InvalidValue,
    MalformedMessage,
    MissingElement,
    OperationFailed,
    RpcError,
    RpcErrors,
    UnknownElement,
    UnknownNamespace,
    shortened,
)
from agent.yang.expected import expected
from agent.yang.native import TOLD_OCTETS, error_path, errors, forget_errors, lib, text
from agent.yang.paths import steps_of, without_predicates
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode

YANG_1 = "{urn:ietf:params:xml:ns:yang:1}"

_NOT_FOUND = re.compile(r'Node "(?P<name>[^"]+)" not found as a child of "(?P<parent>[^"]+)" node')
_NO_ROOT = re.compile(r'Node "(?P<name>[^"]+)" not found in the')
_NO_NAMESPACE = re.compile(r'No module with namespace "(?P<ns>[^"]*)"')
_NO_KEY = re.compile(r'List instance is missing its key "(?P<name>[^"]+)"')
_MANDATORY = re.compile(r'Mandatory node "(?P<name>[^"]+)" instance does not exist')
_ELEMENTS = re.compile(
    r'(?:Child element|Text value) ".*" inside an? [\w ]*node "(?P<name>[^"]+)" found', re.DOTALL
)
_NO_CHOICE = re.compile(r'Mandatory choice "(?P<name>[^"]+)" data do not exist')
_LEAFREF = re.compile(r"Invalid leafref value|target instance|required instance", re.IGNORECASE)


def check(schema: Schema, rc: int) -> None:
    """Raise RpcErrors with libyang's error list, which is cleared, unless ``rc`` is success.

    Raises:
        MemoryError: libyang has found no memory, whatever it was given.
    """
    if rc == lib.LY_EMEM:
        forget_errors(schema.ctx)
        raise MemoryError
    if rc != lib.LY_SUCCESS:
        raise RpcErrors(take_problems(schema))


def take_problems(schema: Schema) -> list[RpcError]:
    """Return the errors in libyang's list, at least one, and clear the list."""
    found = [_problem(schema, item) for item in errors(schema.ctx) if item.level == lib.LY_LLERR]
    forget_errors(schema.ctx)
    return found or [OperationFailed("libyang refused the data without saying why")]


def _problem(schema: Schema, item: object) -> RpcError:
    message = shortened(text(item.msg, TOLD_OCTETS))  # type: ignore[attr-defined]
    app_tag = text(item.apptag) or None  # type: ignore[attr-defined]
    path = error_path(item)
    if path == "/":
        path = None
    error = _by_message(message, path, app_tag)
    if path and is_secret(schema, path) and isinstance(error, InvalidValue):
        quotes = app_tag is None or message.startswith("Unsatisfied")  # libyang's own words, with the value
        hidden = _without_value(node_at(schema, path)) if quotes else message
        return InvalidValue(hidden, path=path, app_tag=app_tag)
    if item.vecode == lib.LYVE_SYNTAX_XML:  # type: ignore[attr-defined]
        return MalformedMessage(message)
    return error


def _without_value(node: SchemaNode | None) -> str:
    words = expected(node) if node is not None and node.is_leafy else ""
    return f"the value is not {words}" if words else "the value does not fit the type of this node"


def _by_message(message: str, path: str | None, app_tag: str | None) -> RpcError:
    if m := _NOT_FOUND.search(message) or _NO_ROOT.search(message):
        return UnknownElement(m["name"], message, path=path)
    if m := _NO_NAMESPACE.search(message):
        return UnknownNamespace("", m["ns"], path=path)
    if m := _NO_KEY.search(message):
        return MissingElement(m["name"], message, path=path)
    if m := _MANDATORY.search(message):
        return DataMissing(message, path=path, app_tag=app_tag)
    if m := _NO_CHOICE.search(message):
        return missing_choice(m["name"], message, path)
    if app_tag == "instance-required" or _LEAFREF.search(message):
        return DataMissing(message, path=path, app_tag=app_tag or "instance-required")
    if app_tag in ("must-violation", "data-not-unique", "too-many-elements", "too-few-elements"):
        return OperationFailed(message, path=path, app_tag=app_tag)
    if m := _ELEMENTS.match(message):
        told = "elements, not text" if message.startswith("Text") else "a value, not elements"
        return BadElement(m["name"], f"'{m['name']}' holds {told}", path=path)
    if message.startswith("Data for both cases"):
        return BadElement("choice", message, path=path)
    return InvalidValue(message, path=path, app_tag=app_tag, type=ErrorType.APPLICATION)


def missing_choice(name: str, message: str, path: str | None) -> DataMissing:
    """Return what is told of a mandatory choice; ``path`` is that of what it belongs into (RFC 7950 15.6)."""
    return DataMissing(message, path=path, app_tag="missing-choice", info={f"{YANG_1}missing-choice": name})


def is_secret(schema: Schema, path: str) -> bool:
    """True if ``path`` (instance-identifier) names a node that is nacm:default-deny-all, or one that cannot
    be found, so that nothing is shown by mistake."""
    node = node_at(schema, path)
    return node is None or node.secret


def node_at(schema: Schema, path: str) -> SchemaNode | None:
    """Return what ``path`` names, also in an rpc, action or notification; None if there is none such.

    A path of libyang may have steps that name a choice or case; they are passed over.
    """
    plain = without_predicates(path)
    if plain is None:
        return None
    below = ChainMap(schema.roots, schema.rpcs, schema.notifications)
    found = None
    for module, name in steps_of(plain):
        if module not in schema.by_name:
            return None
        found = below.get((schema.by_name[module].namespace, name))
        if found is not None:
            below = ChainMap(found.children, found.actions, found.output)
    return found
