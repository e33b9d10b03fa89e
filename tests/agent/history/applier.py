"""A YANG patch applied to a document by the letter of RFC 8072, on plain XML and without libyang.

It knows of the schema only which nodes are keys, containers that say nothing by themselves, and ordered.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from lxml import etree

from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode


def document(body: bytes) -> Any:
    return etree.fromstring(b"<all>" + body + b"</all>")


def applied(schema: Schema, before: bytes, differences: bytes) -> Any:
    """Return the document ``before`` (some top-level elements) after all edits."""
    root, source = document(before), document(before)
    patch = etree.fromstring(differences).find("{*}yang-patch")
    numbers = [edit.findtext("{*}edit-id") for edit in patch.findall("{*}edit")]
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    for edit in patch.findall("{*}edit"):
        _check_source(schema, source, edit)
        _apply(schema, root, edit)
    return root


def _check_source(schema: Schema, root: Any, edit: Any) -> None:
    """Compare ``source-value`` with what the source holds (RFC 9144)."""
    told = _content(edit, "source-value")
    assert (told is None) == (edit.findtext("{*}operation") in ("create", "insert"))
    if told is not None:
        parent, node, keys = _located(schema, root, edit.findtext("{*}target"))
        there = _instance(parent, node, keys)
        assert canonical(schema, told, node) == canonical(schema, there, node)


def _apply(schema: Schema, root: Any, edit: Any) -> None:
    operation = edit.findtext("{*}operation")
    parent, node, keys = _located(schema, root, edit.findtext("{*}target"))
    there = _instance(parent, node, keys)
    value = _content(edit, "value")
    assert (there is None) == (operation in ("create", "insert")), operation
    assert (value is None) == (operation in ("delete", "move")), operation
    if operation == "replace":
        parent.replace(there, value)
    elif operation == "create":
        parent.append(value)
    else:
        if there is not None:
            parent.remove(there)
        if operation != "delete":
            _place(schema, root, edit, (parent, node), value if there is None else there)


def _content(edit: Any, name: str) -> Any:
    holder = edit.find(f"{{*}}{name}")
    if holder is None:
        return None
    (child,) = holder
    return child


def _place(schema: Schema, root: Any, edit: Any, where: tuple[Any, SchemaNode], element: Any) -> None:
    parent, node = where
    point, place = edit.findtext("{*}point"), edit.findtext("{*}where")
    assert (point is None) == (place == "first")
    if place == "first":
        found = [child for child in parent if _is(child, node)]
        parent.insert(parent.index(found[0]) if found else len(parent), element)
        return
    assert place == "after"
    holder, of, keys = _located(schema, root, point)
    assert (holder, of) == (parent, node)
    other = _instance(parent, node, keys)
    assert other is not None
    parent.insert(parent.index(other) + 1, element)


def _located(schema: Schema, root: Any, target: str) -> tuple[Any, SchemaNode, list[str]]:
    """Return what a target stands in, its node and its keys; containers without presence are made."""
    parent, level, module = root, schema.roots, ""
    steps = target.removeprefix("/").split("/")
    for at, step in enumerate(steps):
        name, _, given = step.partition("=")
        prefix, _, name = name.rpartition(":")
        assert bool(prefix) == (prefix != "" and prefix != module), "a module is named where it changes"
        module = prefix or module
        node = level[schema.by_name[module].namespace, name]
        keys = [unquote(key) for key in given.split(",")] if "=" in step else []
        if at == len(steps) - 1:
            return parent, node, keys
        found = _instance(parent, node, keys)
        if found is None:
            assert node.is_np_container, f"{step} of {target} is not there"
            found = etree.SubElement(parent, f"{{{node.namespace}}}{node.name}")
        parent, level = found, node.children
    raise AssertionError(target)


def _is(element: Any, node: SchemaNode) -> bool:
    return bool(element.tag == f"{{{node.namespace}}}{node.name}")


def _instance(parent: Any, node: SchemaNode, keys: list[str]) -> Any:
    found = [child for child in parent if _is(child, node) and _keys(child, node) == keys]
    assert len(found) <= 1
    return found[0] if found else None


def _keys(element: Any, node: SchemaNode) -> list[str]:
    if node.kind is Kind.LEAF_LIST:
        return [element.text or ""]
    return [element.findtext(f"{{{node.namespace}}}{key}") or "" for key in node.keys]


def canonical(schema: Schema, element: Any, node: SchemaNode | None = None) -> Any:
    """Return what an element means: order counts where the user gives it, empty containers do not."""
    if node is not None and node.kind is Kind.ANYDATA:
        return _anything(element)
    level = schema.roots if node is None else node.children
    if node is not None and node.is_leafy:
        return element.text or ""
    ordered: dict[str, list[Any]] = {}
    unordered = []
    for child in element:
        name = etree.QName(child)
        below = level[name.namespace or "", name.localname]
        meaning = canonical(schema, child, below)
        if below.is_np_container and meaning == ((), ()):
            continue
        if below.user_ordered:
            ordered.setdefault(below.path, []).append(meaning)
        else:
            unordered.append((below.path, meaning))
    return tuple(sorted(unordered, key=repr)), tuple(sorted((k, tuple(v)) for k, v in ordered.items()))


def _anything(element: Any) -> Any:
    return element.tag, (element.text or "").strip(), tuple(map(_anything, element))
