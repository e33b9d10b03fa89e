"""How two states of the configuration differ, as compare-commits tells it, without their secrets. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from console.client.session import Element
from console.harmless import harmless_json
from console.model.schema import Node, Schema
from console.show.data import AGENT, LEAFS, elements, hide_secrets
from console.show.rfc7951 import as_json, output_of

HIDDEN = "(not shown)"
_PREDICATES = r"""(?:\[(?:[^'"\]]|'[^']*'|"(?:[^"\\]|\\.)*")*\])*"""
_VALUE = re.compile(rf"([+-] (?:/[^/\[\]= ]+{_PREDICATES})+ = )(.*)", re.DOTALL)
_STEP = re.compile(rf"/([^/\[\]= ]+){_PREDICATES}")


def difference_lines(reply: Element, schema: Schema) -> Iterator[str]:
    """Yield the lines of the answer as text; a value that is secret, or that no module has, is hidden."""
    text = next((one.text or "" for one in reply.iterfind(f"{{{AGENT}}}text")), "")
    for line in text.split("\n"):
        found = _VALUE.fullmatch(line)
        if found is None:
            # A value is behind the path of its leaf, and all else has none.
            yield line if " = " not in line else f"{line.partition(' = ')[0]} = {HIDDEN}"
            continue
        node = _node(schema, [step[1] for step in _STEP.finditer(found[1])])
        yield found[1] + (HIDDEN if node is None or node.secret else _with_letters(found[2]))


def _with_letters(value: str) -> str:
    """Return ``value`` with its letters as they are, where it is JSON.

    A server writes none but those of ASCII where one character cannot stand as it is.
    """
    if not value.startswith('"'):
        return value
    try:
        written = harmless_json(json.dumps(json.loads(value), ensure_ascii=False))
    except ValueError:
        return value
    # Blanks of other widths, and characters of private use, are in no locale what they look like.
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in written)


def difference_json(reply: Element, schema: Schema) -> dict[str, Any]:
    """Return the answer as a patch, with the values that its edits bring and replace as the data they are."""
    found = as_json(reply, schema, output_of(schema, "yangswan-agent:compare-commits"))
    edits = list(
        reply.iterfind("/".join(f"{{{AGENT}}}{name}" for name in ("differences", "yang-patch", "edit")))
    )
    written = found.get("yangswan-agent:differences", {}).get("yang-patch", {}).get("edit", [])
    for edit, member in zip(edits, written, strict=True):
        steps = edit.findtext(f"{{{AGENT}}}target", "").split("/")[1:]
        names = [unquote(step.partition("=")[0]) for step in steps if step]
        for name in ("value", "source-value"):
            holder = edit.find(f"{{{AGENT}}}{name}")
            if holder is not None:
                member[name] = _value(holder, names, schema)
    return found


def _value(holder: Element, names: list[str], schema: Schema) -> Any:
    """Return what a value of a patch holds: an instance of the node that ``names`` lead to."""
    if not names:
        hide_secrets(holder, schema)
        return as_json(holder, schema)
    parent, node = _node(schema, names[:-1]), _node(schema, names)
    if node is None or (node.secret and node.kind in LEAFS):
        return {}
    for element in elements(holder):
        hide_secrets(element, schema, node)
    return as_json(holder, schema, parent)


def _node(schema: Schema, names: list[str]) -> Node | None:
    """Return the node at ``names``, each with its module where that is another one than above it."""
    node: Node | None = None
    for at, name in enumerate(names):
        if at == 0:
            node = schema.roots.get(name)
        elif node is not None:
            node = node.children.get(name) or node.children.get(name.rpartition(":")[2])
    return node
