"""JSON (RFC 7951) as the ``<config>`` that a client would send for it, so that both are looked at alike.

What JSON alone can get wrong is found here: the form of a value, a member without its module. Names and
values themselves are left to those who look at a ``<config>``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from agent.datastore.edit_attributes import DEFAULT_NS
from agent.errors import FIND_ERRORS, BadElement, InvalidValue, RpcError, UnknownElement, raise_all, shortened
from agent.xml import MAX_DEPTH, NETCONF_NS, YANG_NS, Element, Piece, parse, written
from agent.yang.json_forms import JsonForm, is_anyxml, json_forms
from agent.yang.paths import literal
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, QName, SchemaNode
from agent.yang.values import canonical, split_at_names

Object = Mapping[str, object]
Level = Mapping[QName, SchemaNode]

# Of annotations whose namespace in XML is not that of their module.
_ANNOTATION_SPACES = {
    "ietf-netconf-with-defaults": DEFAULT_NS,
    "ietf-netconf": NETCONF_NS,
    "yang": YANG_NS,
}
_CONFIGURATIONS = frozenset({("yangswan-agent", "dry-run", "config")})
"""Module, operation and name of anydata that is a whole configuration, and has its forms."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_IDENTIFIER = re.compile("[A-Za-z_][A-Za-z0-9_.-]*")
_PAIRED = re.compile(
    r"(?:[^\\]++|\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f]|\\(?!u[Dd][89A-Fa-f])(?:.|\Z))*+", re.DOTALL
)
"""What stands alone is no character: no octets can be made of it, so that a message could not quote it."""
_MODULE = re.compile(r"(?<![\w.-])([\w.-]++):")


class JsonError(Exception):
    """It is no JSON, or none that can be taken; the message says where, and quotes nothing of it."""


class JsonTooBig(JsonError):
    """It holds more than this server takes: nothing is wrong with it beside that."""


def read_json(data: bytes) -> Object:
    """Return the object that ``data`` holds.

    Raises:
        JsonTooBig: it is nested too deeply, or a number in it has too many digits.
        JsonError: it holds none.
    """
    try:
        text = data.decode("utf-8-sig")
        if not _PAIRED.fullmatch(text):
            raise JsonError("a text in it holds half a character: a surrogate alone (RFC 7493 section 2.1)")
        found = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_refuse)
    except json.JSONDecodeError as problem:
        raise JsonError(f"not JSON at line {problem.lineno}, column {problem.colno}") from None
    except UnicodeDecodeError as problem:
        raise JsonError(f"octet {problem.start + 1} is no part of UTF-8") from None
    except RecursionError:
        raise JsonTooBig(f"it is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError:  # a number of thousands of digits
        raise JsonTooBig("a number in it is too long") from None
    if not isinstance(found, dict):
        raise JsonError("a configuration in JSON is an object: {...}")
    if _is_deep(found):
        raise JsonTooBig(f"it is nested deeper than {MAX_DEPTH} levels")
    return found


_TEXTS = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


def refuse_many(data: bytes, max_elements: int) -> None:
    """Raise JsonTooBig if ``data`` holds more than ``max_elements`` members and values, before it is read."""
    if data.count(b",") + data.count(b"{") <= max_elements:
        return
    # As many at least begin or end a text, and a member and its value have two: without them it holds too
    # much in any case, and nobody interrupts what takes out millions of them.
    if data.count(b'"') - data.count(b'\\"') > 4 * (max_elements + 1):
        raise JsonTooBig(f"there are more than {max_elements} members and values")
    bare = _TEXTS.sub(b"", data)
    if bare.count(b",") + bare.count(b"{") > max_elements:
        raise JsonTooBig(f"there are more than {max_elements} members and values")


def _without_doubles(members: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(members)
    if len(found) < len(members):
        name, _ = Counter(name for name, _ in members).most_common(1)[0]
        raise JsonError(f"an object has the member '{shortened(name)}' twice")
    return found


def _refuse(constant: str) -> object:
    raise JsonError(f"{constant} is no value of JSON")


def _is_deep(found: dict[str, object]) -> bool:
    level: list[dict[str, object] | list[object]] = [found]
    for _ in range(MAX_DEPTH):
        below = (value.values() if isinstance(value, dict) else value for value in level)
        level = [inner for values in below for inner in values if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def read_config(schema: Schema, document: Object, *, max_elements: int) -> tuple[Element, Sequence[RpcError]]:
    """Return ``document`` as a ``<config>`` without what has not its form, and an error for each such thing.

    Raises:
        XmlError: there are more elements than ``max_elements``.
    """
    reading = _Reading(schema)
    pieces = list(reading.members(document, None, ""))
    config = parse(written([Piece(NETCONF_NS, "config", children=pieces)]), max_elements)
    return config, reading.errors[:FIND_ERRORS]


def elements_below(
    schema: Schema, document: Object, *, above: SchemaNode | None, max_elements: int
) -> list[Element]:
    """Return the members of ``document`` as elements: children of ``above``, None for top-level nodes.

    Raises:
        RpcErrors, XmlError: as ``config_of``.
    """
    reading = _Reading(schema)
    pieces = list(reading.members(document, above, "" if above is None else above.path))
    raise_all(reading.errors[:FIND_ERRORS])
    return list(parse(written([Piece(NETCONF_NS, "config", children=pieces)]), max_elements))


def config_of(schema: Schema, document: Object, *, max_elements: int) -> Element:
    """Return ``document``, whose members are top-level nodes, as a ``<config>``.

    Raises:
        RpcErrors: values that have not the form of their types, members that are of no module.
        XmlError: there are more elements than ``max_elements``.
    """
    config, errors = read_config(schema, document, max_elements=max_elements)
    raise_all(errors)
    return config


class _Reading:
    """A document while it is read; ``errors``: what is wrong with its form."""

    def __init__(self, schema: Schema) -> None:
        self.errors: list[RpcError] = []
        self._schema = schema
        self._spaces = {name: uri for name, (_, uri) in schema.namespaces().items()}
        self._forms: dict[SchemaNode, frozenset[JsonForm]] = {}

    def members(self, content: Object, above: SchemaNode | None, path: str) -> Iterator[Piece]:
        """Yield an element for each node in ``content``, keys first; ``path`` is that of what it is in."""
        for name in _keys_first(content, above):
            if name.startswith("@"):
                continue
            if len(self.errors) >= FIND_ERRORS:
                return
            module, _, local = name.rpartition(":")
            module = module or (above.module if above else "")
            if self._is_strange(module, local, path):
                continue
            below: Level = above.children if above else self._schema.roots
            node = below.get((self._spaces[module], local))
            piece = Piece(self._spaces[module], local)
            step = f"{path}/{local}" if above and above.module == module else f"{path}/{module}:{local}"
            noted = content.get(f"@{name}")
            if node is None:  # whoever looks at the elements has the words for it
                yield piece
            else:
                yield from self._instances(piece, node, value=content[name], noted=noted, path=step)

    def _is_strange(self, module: str, local: str, path: str) -> bool:
        """Return whether no element can have this name, and note why."""
        if module not in self._spaces:
            self.errors.append(self._of_no_module(module, local, path))
        elif not _IDENTIFIER.fullmatch(local):
            self.errors.append(
                UnknownElement(local, f"'{shortened(local)}' is no name of a node", path=path or None)
            )
        else:
            return False
        return True

    def _of_no_module(self, module: str, local: str, path: str) -> RpcError:
        module, local = shortened(module), shortened(local)
        if module:
            message = f"no module of this server has the name '{module}', which '{module}:{local}' is of"
        else:
            modules = sorted(node.module for (_, name), node in self._schema.roots.items() if name == local)
            meant = f": '{modules[0]}:{local}'" if modules else ""
            message = (
                f"the member '{local}' needs the name of its module before it{meant} (RFC 7951 section 4)"
            )
        return UnknownElement(local, message, path=path or None)

    def _instances(
        self, piece: Piece, node: SchemaNode, *, value: object, noted: object, path: str
    ) -> Iterator[Piece]:
        if node.kind is Kind.CONTAINER:
            if isinstance(value, dict):
                yield self._interior(piece, node, value, path)
            else:
                self._refuse(node, path, "an object: {...}")
        elif node.kind is Kind.LIST:
            if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
                self._refuse(node, path, "an array of objects: [{...}]")
                return
            for entry in value:
                yield self._interior(piece, node, entry, path + self._predicates(node, entry))
        elif node.kind is Kind.LEAF_LIST:
            if not isinstance(value, list):
                self._refuse(node, path, "an array: [...]")
                return
            for number, one in enumerate(value):
                yield from self._leaf(piece, node, value=one, noted=_note(noted, number), path=path)
        elif node.kind is Kind.ANYDATA:
            yield from self._anything(piece, node, value=value, noted=noted, path=path)
        else:
            yield from self._leaf(piece, node, value=value, noted=noted, path=path)

    def _predicates(self, node: SchemaNode, entry: Object) -> str:
        found = {key: entry.get(key, entry.get(f"{node.module}:{key}")) for key in node.keys}
        return "".join(
            f"[{key}={literal(self._key(node.children[node.namespace, key], value))}]"
            for key, value in found.items()
            if _form_of(value) is not None
        )

    def _key(self, leaf: SchemaNode, value: object) -> str:
        """Return the value of a key as paths have it."""
        text = _text(value)
        if isinstance(value, int) or leaf.holds_names:  # which JSON writes as paths do
            return text
        return canonical(self._schema, leaf, text, dict)

    def _interior(self, piece: Piece, node: SchemaNode, content: Object, path: str) -> Piece:
        inside = list(self.members(content, node, path))
        return self._annotated(replace(piece, children=inside), content.get("@"), path)

    def _leaf(
        self, piece: Piece, node: SchemaNode, *, value: object, noted: object, path: str
    ) -> Iterator[Piece]:
        forms = self._forms.get(node)
        if forms is None:
            forms = self._forms[node] = json_forms(node)
        if _form_of(value) not in forms:
            self._refuse(node, path, " or ".join(sorted(form.value for form in forms)))
            return
        text = _text(value)
        if _NOT_XML.search(text):
            self.errors.append(_not_text(node.name, path))
            return
        piece = self._naming(piece, node, text) if node.holds_names else replace(piece, text=text)
        yield self._annotated(piece, noted, path)

    def _naming(self, piece: Piece, node: SchemaNode, text: str) -> Piece:
        """Return a leaf whose value holds names: in XML each needs the prefix of a module."""
        pieces = split_at_names(self._schema, node, text)
        used = {*pieces[1::2], *_MODULE.findall(text)} & self._spaces.keys()
        value = "".join(pieces)
        return replace(piece, text=value, declared={name: self._spaces[name] for name in sorted(used)})

    def _annotated(self, piece: Piece, noted: object, path: str) -> Piece:
        """Return ``piece`` with the attributes that its metadata (RFC 7952) is in XML."""
        if noted is None:
            return piece
        declared, attributes = dict(piece.declared), {}
        for name, value in noted.items() if isinstance(noted, dict) else ():
            module, _, local = name.rpartition(":")
            space = _ANNOTATION_SPACES.get(module) or self._spaces.get(module)
            is_name = _IDENTIFIER.fullmatch(module) and _IDENTIFIER.fullmatch(local)
            is_value = _form_of(value) not in (None, JsonForm.EMPTY) and not _NOT_XML.search(_text(value))
            if space is None or not is_name or not is_value:
                message = (
                    f"the annotation '{shortened(name)}' is of no module of this server, or its value is none"
                )
                self.errors.append(BadElement(local or name, message, path=path))
                continue
            declared[module] = space
            attributes[f"{module}:{local}"] = _text(value)
        return replace(piece, declared=declared, attributes=attributes)

    def _anything(
        self, piece: Piece, node: SchemaNode, *, value: object, noted: object, path: str
    ) -> Iterator[Piece]:
        """Yield anydata, or anyxml, which may also hold a value (RFC 7951 sections 5.5 and 5.6)."""
        if isinstance(value, dict):
            if _is_configuration(node):
                inside = self.members(value, None, "")
            else:
                inside = self._any(value, self._schema.roots, node.module, path)
            yield replace(piece, children=list(inside))
        elif is_anyxml(node) and (value is None or _form_of(value) is not None):
            yield from self._unknown(piece, value, path, noted=noted)
        else:
            self._refuse(node, path, "an object: {...}")

    def _any(self, content: Object, level: Level, module: str, path: str) -> Iterator[Piece]:
        """Yield what anydata holds, in whatever form: a filter has its own. ``level``: the nodes there."""
        for name, value in content.items():
            if name.startswith("@"):
                continue
            own, _, local = name.rpartition(":")
            own = own or module
            if self._is_strange(own, local, path):
                continue
            node = level.get((self._spaces[own], local))
            piece, noted = Piece(self._spaces[own], local), content.get(f"@{name}")
            several = value if isinstance(value, list) and value != [None] else None
            for number, one in enumerate([value] if several is None else several):
                if isinstance(one, dict):
                    inside = list(self._any(one, self._level_below(node), own, path))
                    yield self._annotated(replace(piece, children=inside), one.get("@"), path)
                else:
                    note = noted if several is None else _note(noted, number)
                    yield from self._unknown(piece, one, path, node=node, noted=note)

    def _level_below(self, node: SchemaNode | None) -> Level:
        """Return the nodes that can lie in ``node`` of a module, None for one of which none says anything."""
        if node is None:
            return {}
        return self._schema.roots if node.kind is Kind.ANYDATA else node.children

    def _unknown(
        self, piece: Piece, value: object, path: str, *, node: SchemaNode | None = None, noted: object = None
    ) -> Iterator[Piece]:
        """Yield an element with a value of whatever form; ``node`` says whether there are names in it."""
        text = _text(value)
        if _NOT_XML.search(text):
            self.errors.append(_not_text(piece.name, path))
            return
        has_names = node is not None and node.holds_names
        piece = self._naming(piece, node, text) if node and has_names else replace(piece, text=text)
        yield self._annotated(piece, noted, path)

    def _refuse(self, node: SchemaNode, path: str, wanted: str) -> None:
        message = f"'{node.name}' is written as {wanted} in JSON (RFC 7951)"
        self.errors.append(InvalidValue(message, path=path))


def _note(noted: object, number: int) -> object:
    """Return the metadata of a value among several (RFC 7952 section 5.2.2), None if it has none."""
    return noted[number] if isinstance(noted, list) and number < len(noted) else None


def _is_configuration(node: SchemaNode) -> bool:
    return (node.module, node.root.name, node.name) in _CONFIGURATIONS


def _not_text(name: str, path: str) -> RpcError:
    message = f"the value of '{name}' holds a character that no text in YANG may hold"
    return InvalidValue(message, path=path)


def _keys_first(content: Object, node: SchemaNode | None) -> Iterable[str]:
    if node is None or node.kind is not Kind.LIST:
        return content
    keys = [name for key in node.keys for name in (key, f"{node.module}:{key}") if name in content]
    return [*keys, *(name for name in content if name not in keys)]


def _form_of(value: object) -> JsonForm | None:
    if isinstance(value, bool):
        return JsonForm.BOOLEAN
    if isinstance(value, int):
        return JsonForm.NUMBER
    if isinstance(value, str):
        return JsonForm.STRING
    return JsonForm.EMPTY if value == [None] else None


def _text(value: object) -> str:
    """Return the lexical form of a value (RFC 7950 section 9)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or isinstance(value, list) else str(value)
