"""A subscriber, written from the examples of RFC 8641, RFC 8072 and RFC 8040 alone: what it gets it keeps as
a document, and each patch changes that. It shares no code with the server.

Of the modules it knows the namespaces, the keys of lists and which leaf-lists there are, as who reads them
does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from lxml import etree

YP = "{urn:ietf:params:xml:ns:yang:ietf-yang-push}"
NOTIFICATION = "{urn:ietf:params:xml:ns:netconf:notification:1.0}"


@dataclass
class Subscriber:
    """``keys``: of each list, by its name; of a leaf-list ``["."]``."""

    namespaces: Mapping[str, str]
    keys: Mapping[str, Sequence[str]]
    data: Any = field(default_factory=lambda: etree.Element("all"))
    next_patch: int | None = None
    patches: int = 0
    syncs: int = 0
    incomplete: bool = False

    def take(self, message: bytes) -> None:
        """Take a whole ``<notification>``, or what is in one."""
        element = etree.fromstring(message)
        if element.tag == f"{NOTIFICATION}notification":
            (element,) = [child for child in element if child.tag != f"{NOTIFICATION}eventTime"]
        self.incomplete = element.find(f"{YP}incomplete-update") is not None
        if element.tag == f"{YP}push-update":
            contents = element.find(f"{YP}datastore-contents")
            self.data = etree.Element("all")
            self.data.extend(list(contents))
            self.syncs += 1
        elif element.tag == f"{YP}push-change-update":
            patch = element.find(f"{YP}datastore-changes/{YP}yang-patch")
            self._in_turn(int(patch.findtext(f"{YP}patch-id")))
            for edit in patch.findall(f"{YP}edit"):
                self.apply(edit)
            self.patches += 1
        else:
            raise AssertionError(f"not asked for: {element.tag}")

    def _in_turn(self, number: int) -> None:
        assert self.next_patch is None or number == self.next_patch, "a patch is missing"
        self.next_patch = number + 1

    def apply(self, edit: Any) -> None:
        operation = edit.findtext(f"{YP}operation")
        *way, (name, values) = self._steps(edit.findtext(f"{YP}target"))
        parent = self.data
        for step, keys in way:
            found = self._one(parent, step, keys)
            if found is None and not keys:
                found = etree.SubElement(parent, step)
            assert found is not None, f"nothing to change at {step}"
            parent = found
        there = self._one(parent, name, values)
        value = next(edit.iterfind(f"{YP}value/*"), None)
        assert (value is None) == (operation in ("delete", "move")), operation
        assert value is None or self._is(value, name, values), "a value of something else"
        if operation == "create":
            if there is not None:  # a container that has become empty is as good as none
                assert meaning(there) == ""
                parent.remove(there)
            parent.append(value)
        elif operation == "replace":
            parent.replace(there, value)
        elif operation == "delete":
            parent.remove(there)
        elif operation in ("insert", "move"):
            moved = value if operation == "insert" else there
            assert (there is None) == (operation == "insert")
            if operation == "move":
                parent.remove(moved)
            self._place(edit, parent, name, moved)
        else:
            raise AssertionError(f"not in RFC 8641: {operation}")

    def _place(self, edit: Any, parent: Any, name: str, element: Any) -> None:
        where, point = edit.findtext(f"{YP}where"), edit.findtext(f"{YP}point")
        same = [child for child in parent if child.tag == name]
        if where == "first":
            at = parent.index(same[0]) if same else len(parent)
        elif where == "last":
            at = parent.index(same[-1]) + 1 if same else len(parent)
        else:
            beside = self._one(parent, *list(self._steps(point))[-1])
            at = parent.index(beside) + (where == "after")
        parent.insert(at, element)

    def _steps(self, target: str) -> Iterator[tuple[str, list[str]]]:
        """Yield the tag and the keys of each step of a data resource (RFC 8040 section 3.5.3)."""
        namespace = ""
        assert target.startswith("/")
        for step in target[1:].split("/"):
            name, given, values = step.partition("=")
            module, _, local = name.rpartition(":")
            namespace = self.namespaces[module] if module else namespace
            yield f"{{{namespace}}}{local}", [unquote(v) for v in values.split(",")] if given else []

    def _one(self, parent: Any, name: str, values: list[str]) -> Any:
        found = [child for child in parent if self._is(child, name, values)]
        assert len(found) < 2, f"{name} is there more than once"
        return found[0] if found else None

    def _is(self, element: Any, name: str, values: list[str]) -> bool:
        if element.tag != name:
            return False
        keys = self.keys.get(etree.QName(element).localname, ())
        if len(values) != len(keys):
            return False
        namespace = name[: name.index("}") + 1]
        return values == [
            (element.text or "") if key == "." else (element.findtext(f"{namespace}{key}") or "")
            for key in keys
        ]


def meaning(element: Any, ordered: Sequence[str] = ()) -> Any:
    """Return what ``element`` says: the order of what is not named ``ordered`` is nothing, and neither is a
    container that is empty, if that is not all that it may be."""
    if not len(element):
        return element.text or ""
    inside = [(child.tag, meaning(child, ordered)) for child in element]
    inside = [one for one in inside if one[1] != ""]
    loose = sorted((one for one in inside if etree.QName(one[0]).localname not in ordered), key=repr)
    fixed = [one for one in inside if etree.QName(one[0]).localname in ordered]
    return (loose, sorted(fixed, key=lambda one: one[0])) if inside else ""
