"""Pieces of an edit document, cut out so that libyang can parse them on their own.

An element is parsed inside its ancestors, of which only the tags and the list keys are kept.
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from agent.datastore.edit_elements import key_elements, schema_of_element, under_config
from agent.xml import Element, local_name, serialize
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode

_PREFIX = "_"


def open_tag(element: Element, schema_node: SchemaNode) -> bytes:
    """Return the start tag of ``element``, followed by its keys if it is a list entry.

    Its namespace has a prefix that no value uses: a default one would be in scope of the client's values.
    """
    name = f"{_PREFIX}:{schema_node.name}"
    tag = f"<{name} xmlns:{_PREFIX}={quoteattr(schema_node.namespace)}>".encode()
    if schema_node.kind is not Kind.LIST:
        return tag
    return tag + b"".join(map(serialize, key_elements(schema_node, element)))


def close_tag(element: Element) -> bytes:
    return f"</{_PREFIX}:{local_name(element)}>".encode()


def wrapped(schema: Schema, element: Element, body: bytes) -> tuple[bytes, int]:
    """Return ``body`` (which stands for ``element``) inside its ancestors, and how many there are."""
    depth = 0
    above = element.getparent()
    while above is not None and under_config(above):
        body = open_tag(above, schema_of_element(schema, above)) + body + close_tag(above)
        above = above.getparent()
        depth += 1
    return body, depth
