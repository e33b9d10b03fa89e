"""A configuration in a file: XML, JSON (RFC 7951), or instance data (RFC 9195) in either of them.

Whatever its form, it becomes the ``<config>`` that a client would send, so all that is found in it is what a
client would be told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from agent.errors import RpcError
from agent.netconf.messages import client_prefixes
from agent.offline import instance_data
from agent.offline.from_json import JsonError, Object, read_config, read_json, refuse_many
from agent.offline.instance_data import InstanceDataError
from agent.regular_file import read_regular
from agent.xml import (
    MAX_ELEMENTS,
    NETCONF_NS,
    Element,
    XmlError,
    apart,
    inside,
    local_name,
    namespace,
    parse,
    rename,
)
from agent.yang.schema import Schema

OCTETS_MAX = 256 * 1024 * 1024
ELEMENTS_MAX = 4_000_000
"""In XML: more than a client may send at once, for a configuration grows by many edits. JSON takes more
time and memory for each, and has the bound of a message."""

_RESTCONF = "urn:ietf:params:xml:ns:yang:ietf-restconf"
_NMDA = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
_HOLDERS = frozenset({
    ("", "config"), ("", "data"), (NETCONF_NS, "config"), (NETCONF_NS, "data"), (_NMDA, "data"),
    (_RESTCONF, "data"),
})  # fmt: skip


class Unreadable(Exception):
    """The file holds no configuration; the message says why, and quotes nothing of it."""


class Language(Enum):
    """What a file is written in."""

    XML = "xml"
    JSON = "json"
    TOML = "toml"


@dataclass(frozen=True, slots=True)
class Document:
    """``config`` holds top-level nodes. ``prefixes``: what the file calls namespaces, None if it is in JSON.
    ``modules``: what instance data says that it is of, each as NAME@REVISION. ``faults``: what JSON alone can
    get wrong, and ``config`` lacks."""

    config: Element
    prefixes: Mapping[str, str] | None
    modules: Sequence[str] = field(default=())
    faults: Sequence[RpcError] = field(default=())


def read_file(file: Path) -> bytes:
    """Return the content of ``file``.

    Raises:
        OSError: it cannot be read, is no file or too long.
    """
    return read_regular(file, OCTETS_MAX)


def language_of(file: Path, data: bytes) -> Language:
    """Return what ``file`` is written in, by how its content begins, or by its name where that is empty."""
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        return Language.XML
    if start == b"{" or (start == b"[" and file.suffix == ".json"):
        return Language.JSON
    return {".xml": Language.XML, ".json": Language.JSON}.get(file.suffix, Language.TOML)


def read_document(schema: Schema, data: bytes, language: Language) -> Document:
    """Return the configuration in ``data``.

    Raises:
        Unreadable: it holds none.
    """
    read: Callable[[Schema, bytes], Document] = _of_xml if language is Language.XML else _of_json
    try:
        return read(schema, data)
    except (XmlError, JsonError, InstanceDataError) as problem:
        raise Unreadable(str(problem)) from None


def _of_xml(_schema: Schema, data: bytes) -> Document:
    root = parse(data, ELEMENTS_MAX)
    prefixes = client_prefixes(root)
    modules: Sequence[str] = ()
    if (namespace(root), local_name(root)) == (NETCONF_NS, "rpc-reply") and len(root) == 1:
        root = root[0]
    name = namespace(root), local_name(root)
    if name == (instance_data.NAMESPACE, instance_data.SET):
        content, modules = instance_data.of_xml(root)
        root = content if content is not None else apart(NETCONF_NS, "config")
    elif name not in _HOLDERS:
        root = inside(NETCONF_NS, "config", root)
    rename(root, f"{{{NETCONF_NS}}}config")
    return Document(root, prefixes, modules)


def _of_json(schema: Schema, data: bytes) -> Document:
    refuse_many(data, MAX_ELEMENTS)
    content: Object = read_json(data)
    modules: Sequence[str] = ()
    if len(content) == 1:
        ((name, below),) = content.items()
        if name == f"{instance_data.MODULE}:{instance_data.SET}" and isinstance(below, dict):
            content, modules = instance_data.of_json(below)
        elif name in ("ietf-restconf:data", "ietf-netconf:config", "ietf-netconf:data") and isinstance(
            below, dict
        ):
            content = below
    config, faults = read_config(schema, content, max_elements=MAX_ELEMENTS)
    return Document(config, None, modules, faults=faults)
