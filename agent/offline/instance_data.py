"""YANG instance data (RFC 9195): a file that says of what and from when its content is.

It is read as far as it matters here: the content, the datastore, and the revisions of the modules. The module
ietf-yang-instance-data is none that is served: it describes files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.xml import Element, Piece, local_name, namespace

MODULE = "ietf-yang-instance-data"
NAMESPACE = f"urn:ietf:params:xml:ns:yang:{MODULE}"
SET = "instance-data-set"
DATASTORES = "ietf-datastores"
DATASTORES_NAMESPACE = f"urn:ietf:params:xml:ns:yang:{DATASTORES}"
_OF_CONFIGURATION = ("running", "candidate", "startup", "intended")


class InstanceDataError(Exception):
    """It is instance data, but none that holds a configuration; the message says why."""


@dataclass(frozen=True, slots=True)
class Described:
    """What a file says of itself. ``modules``: each as NAME@REVISION; ``time``: date-and-time."""

    name: str
    modules: Sequence[str]
    time: str
    descriptions: Sequence[str] = ()


def of_xml(root: Element) -> tuple[Element | None, Sequence[str]]:
    """Return the content of ``<instance-data-set>``, None if there is none, and its modules.

    Raises:
        InstanceDataError: it holds no configuration.
    """
    schema = _child(root, "content-schema")
    named = [] if schema is None else [e for e in schema if local_name(e) == "module"]
    datastore = _child(root, "datastore")
    _refuse_state("" if datastore is None else (datastore.text or ""))
    return _child(root, "content-data"), [(element.text or "").strip() for element in named]


def _child(root: Element, name: str) -> Element | None:
    found = [e for e in root if local_name(e) == name and namespace(e) == NAMESPACE]
    if len(found) > 1:
        raise InstanceDataError(f"'{name}' stands {len(found)} times in it")
    return found[0] if found else None


def of_json(members: Mapping[str, object]) -> tuple[Mapping[str, object], Sequence[str]]:
    """Return the content of an instance-data-set and its modules.

    Raises:
        InstanceDataError: it holds no configuration.
    """
    content, schema = members.get("content-data", {}), members.get("content-schema")
    _refuse_state(str(members.get("datastore", "")))
    if not isinstance(content, dict):
        raise InstanceDataError("'content-data' is no object")
    modules = schema.get("module", ()) if isinstance(schema, dict) else ()
    return content, [str(module) for module in (modules if isinstance(modules, list) else [modules])]


def _refuse_state(datastore: str) -> None:
    name = datastore.strip().rpartition(":")[2]
    if name and name not in _OF_CONFIGURATION:
        raise InstanceDataError(f"it holds the datastore '{name}', which is no configuration")


def json_of(described: Described, content: Mapping[str, object]) -> dict[str, object]:
    """Return the document of a file in JSON."""
    return {
        f"{MODULE}:{SET}": {
            "name": described.name,
            "includes-defaults": "explicit",
            "content-schema": {"module": list(described.modules)},
            **({"description": list(described.descriptions)} if described.descriptions else {}),
            "datastore": f"{DATASTORES}:running",
            "timestamp": described.time,
            "content-data": content,
        }
    }


def xml_of(described: Described, content: Piece) -> Piece:
    """Return the document of a file in XML."""
    modules = [Piece(NAMESPACE, "module", module) for module in described.modules]
    return Piece(
        NAMESPACE,
        SET,
        children=[
            Piece(NAMESPACE, "name", described.name),
            Piece(NAMESPACE, "includes-defaults", "explicit"),
            Piece(NAMESPACE, "content-schema", children=modules),
            *(Piece(NAMESPACE, "description", text) for text in described.descriptions),
            Piece(NAMESPACE, "datastore", "ds:running", declared={"ds": DATASTORES_NAMESPACE}),
            Piece(NAMESPACE, "timestamp", described.time),
            Piece(NAMESPACE, "content-data", children=[content]),
        ],
    )
