"""What can be known of an edit document before it is applied: attributes, names, values, keys.

libyang stops at the first fault of a document; this walk finds all of them, and names each with its
exact tag and with a path that carries the keys.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import chain

from agent.datastore.edit_outline import Outline
from agent.datastore.insertion import InsertRequest
from agent.datastore.txids import Mechanism, fault_of
from agent.errors import (
    KEY_CHARACTERS_MAX,
    MAX_ERRORS,
    BadAttribute,
    BadElement,
    InvalidValue,
    MissingElement,
    RpcError,
    RpcErrors,
    UnknownAttribute,
    UnknownElement,
    UnknownNamespace,
    raise_all,
)
from agent.xml import (
    NETCONF_NS,
    TXID_SPACES,
    YANG_NS,
    Element,
    attribute_names,
    holds_text,
    local_name,
    mixed,
    namespace,
)
from agent.yang.cases import excluded, exclusions
from agent.yang.paths import key_names, literal
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, QName, SchemaNode
from agent.yang.values import canonical, confusion, is_default_value, value_problem

DEFAULT_NS = "urn:ietf:params:xml:ns:netconf:default:1.0"
TXIDS = {f"{uri} {mechanism.value}": mechanism for uri in TXID_SPACES for mechanism in Mechanism}
OPERATIONS = ("merge", "replace", "create", "delete", "remove")
INSERTS = ("first", "last", "before", "after")
_OPERATION = f"{{{NETCONF_NS}}}operation"


def under_config(element: Element) -> bool:
    """True for an element of data, False for the <config> that holds it."""
    return namespace(element) != NETCONF_NS


def is_key_of(schema_node: SchemaNode, child: Element) -> bool:
    """True if ``child`` of an entry of the list ``schema_node`` is one of its keys."""
    return local_name(child) in schema_node.keys and namespace(child) == schema_node.namespace


def key_elements(schema_node: SchemaNode, element: Element) -> list[Element]:
    """Return the keys that an entry of the list ``schema_node`` holds, without a look at all its children."""
    found = (next(element.iterchildren(f"{{{schema_node.namespace}}}{k}"), None) for k in schema_node.keys)
    return [key for key in found if key is not None]


def schema_of_element(schema: Schema, element: Element) -> SchemaNode:
    """Return the configuration node that ``element`` instantiates.

    Raises:
        RpcErrors: the module or node does not exist, or is state data.
    """
    above = element.getparent()
    name, uri = local_name(element), namespace(element)
    if above is None or not under_config(above):
        parent, found = None, schema.roots.get((uri, name))
    else:
        parent = schema_of_element(schema, above)
        found = parent.children.get((uri, name))
    if found is None:
        raise RpcErrors([_unknown(schema, element, parent)])
    if not found.config:
        path = path_of_element(schema, element)
        raise RpcErrors([UnknownElement(name, f"'{name}' is state data and cannot be configured", path=path)])
    return found


def _unknown(schema: Schema, element: Element, parent: SchemaNode | None) -> RpcError:
    name, uri = local_name(element), namespace(element)
    above = element.getparent()
    path = path_of_element(schema, above) if parent is not None and above is not None else None
    if uri not in schema.by_namespace:
        return UnknownNamespace(name, uri, path=path)
    if parent is None and (hint := schema.hints.get((uri, name))):
        return UnknownElement(name, f"'{name}' is not in this namespace: {hint}", path=path)
    where = f"below '{parent.name}'" if parent else "at the top level"
    return UnknownElement(name, f"there is no '{name}' {where}", path=path)


def path_of_element(schema: Schema, element: Element) -> str:
    """Return the RFC 7951 instance-identifier of ``element``, with the keys that it carries."""
    above = element.getparent()
    module = schema.by_namespace[namespace(element)].name if namespace(element) in schema.by_namespace else ""
    step = local_name(element)
    prefix = ""
    if above is not None and under_config(above):
        prefix = path_of_element(schema, above)
        if namespace(above) == namespace(element):
            module = ""
    step = f"{module}:{step}" if module else step
    return f"{prefix}/{step}{_predicates(schema, element)}"


def _predicates(schema: Schema, element: Element) -> str:
    try:
        schema_node = schema_of_element(schema, element)
    except (RpcErrors, RecursionError):
        return ""
    if schema_node.kind is Kind.LEAF_LIST:
        return "" if schema_node.secret else f"[.={_literal(schema, schema_node, element)}]"
    if schema_node.kind is not Kind.LIST:
        return ""
    found = ((local_name(key), key) for key in key_elements(schema_node, element))
    leafs = schema_node.children
    return "".join(f"[{k}={_literal(schema, leafs[schema_node.namespace, k], key)}]" for k, key in found)


def _literal(schema: Schema, schema_node: SchemaNode, element: Element) -> str:
    # What is that long is left out of an error's path: no need to copy it once for each error.
    value = (element.text or "").strip()[: KEY_CHARACTERS_MAX + 1]
    if schema_node.holds_names:  # as all paths have it; what fits no type is shown as it is
        value = canonical(schema, schema_node, value, lambda: element.nsmap) or value
    return literal(value)


def mixed_content(element: Element, path: str | None = None) -> Iterator[RpcError]:
    """Yield an error if anydata or anyxml holds text beside elements, of which libyang would keep a part."""
    if (found := mixed(element)) is not None:
        name = local_name(found)
        inside = "" if found is element else f" in '{local_name(element)}'"
        message = f"'{name}'{inside} holds text beside elements, which this server does not keep"
        yield BadElement(name, message, path=path)


class EditAttributes:
    """The operation and insert attributes of an edit, taken off its elements.

    ``hot`` holds every element with such an attribute on itself or below, ``above`` those with one below.
    ``claimed`` holds those that the
    default attribute says to be defaults (RFC 6243 section 4.5.2), ``tagged`` those of them that are: a value
    of a leaf-list is none beside others that are no defaults (RFC 7950 section 7.7.2). ``txids``: the
    transaction ids that stand on elements and on the <config> itself. ``empty``: a container has nothing in
    it, or nothing but these. ``errors``: what is wrong with attributes.

    Args:
        outline: that of ``config``, if it is known.
    """

    def __init__(self, schema: Schema, config: Element, outline: Outline | None = None) -> None:
        self.operation: dict[Element, str] = {}
        self.insert: dict[Element, InsertRequest] = {}
        self.hot: set[Element] = set()
        self.above: set[Element] = set()
        self.claimed: set[Element] = set()
        self.txids: dict[Element, dict[Mechanism, str]] = {}
        self.errors: list[RpcError] = []
        self.empty = False
        self._schema = schema
        for name in attribute_names(config):  # what else stands there was refused with the parameters
            uri, _, local = name.rpartition("}")
            if mechanism := TXIDS.get(f"{uri[1:]} {local}"):
                self._txid(config, mechanism, str(config.attrib[name]))
        if outline is None or not outline.plain or not self._only_operations(config):
            self._walk(config)
        else:
            self.empty = outline.empty
        self.any = bool(self.hot)
        self.tagged = self.all_claimed()
        self.empty = self.empty or bool(self.tagged)

    def _only_operations(self, config: Element) -> bool:
        """Take off the attributes of a document that has nothing but operations; else nothing is taken off."""
        found = [element for element in config.iterdescendants() if element.attrib]
        for element in found:
            value = element.get(_OPERATION)
            if len(element.attrib) > 1 or value not in OPERATIONS:
                return False
        found.sort(key=lambda element: sum(1 for _ in element.iterancestors()))  # as a walk comes by them
        for element in found:
            self._operation(element, str(element.get(_OPERATION)))
            element.attrib.clear()
            self._heat(element, config)
        return True

    def _walk(self, config: Element) -> None:
        schema = self._schema
        waiting = deque((child, schema.roots) for child in config)
        while waiting and len(self.errors) < MAX_ERRORS:
            element, level = waiting.popleft()
            if element.attrib:
                self._read(element, config)
            node = level.get((namespace(element), local_name(element)))
            if node is not None and node.confusable:
                self._refuse_confusion(node, element)
            if node is not None and node.kind is Kind.ANYDATA:  # what it holds is not ours to read
                self.errors += mixed_content(element, path_of_element(schema, element))
            else:
                below = node.children if node is not None else {}
                if not len(element) and node is not None and node.kind is Kind.CONTAINER:
                    self.empty = True
                waiting.extend((child, below) for child in element)

    def _read(self, element: Element, config: Element) -> None:
        taken: dict[str, str] = {}
        for name in attribute_names(element):
            if len(self.errors) >= MAX_ERRORS:
                break
            uri, _, local = name.rpartition("}")
            key = f"{uri[1:]} {local}"
            if key == f"{NETCONF_NS} operation":
                self._operation(element, str(element.attrib[name]))
            elif key in (f"{YANG_NS} insert", f"{YANG_NS} key", f"{YANG_NS} value"):
                taken[local] = str(element.attrib[name])
            elif key == f"{DEFAULT_NS} default":
                self._default(element, str(element.attrib[name]))
            elif key in TXIDS:
                self._txid(element, TXIDS[key], str(element.attrib[name]))
            else:
                hint = " (write it with the prefix of the NETCONF namespace)" if local == "operation" else ""
                message = f"attribute '{local}' is not known on <{local_name(element)}>{hint}"
                self._refuse(UnknownAttribute, local, element, message)
        if taken:
            self._insert(element, taken)
        only_txids = len(element.attrib) == len(self.txids.get(element, ()))
        element.attrib.clear()
        if not only_txids:  # which change nothing of the edit
            self._heat(element, config)

    def _heat(self, element: Element, config: Element) -> None:
        self.hot.add(element)
        above = element.getparent()
        while above is not None and above is not config and above not in self.above:
            self.hot.add(above)
            self.above.add(above)
            above = above.getparent()

    def _refuse_confusion(self, node: SchemaNode, element: Element) -> None:
        problem = confusion(self._schema, node, element.text or "", lambda: element.nsmap)
        if problem is not None:
            problem.path = path_of_element(self._schema, element)
            self.errors.append(problem)

    def all_claimed(self) -> set[Element]:
        """Return the claimed elements beside which no value of the same leaf-list is not."""
        others = {
            above: {
                other.tag
                for other in (above if above is not None else ())
                if not len(other) and other not in self.claimed
            }
            for above in {element.getparent() for element in self.claimed}
        }
        return {element for element in self.claimed if element.tag not in others[element.getparent()]}

    def _refuse(self, kind: type[BadAttribute], attribute: str, element: Element, message: str) -> None:
        path = path_of_element(self._schema, element) if under_config(element) else None
        self.errors.append(kind(attribute, local_name(element), message, path=path))

    def _default(self, element: Element, value: str) -> None:
        if value in ("true", "1"):
            self.claimed.add(element)
        elif value not in ("false", "0"):
            message = f"'{value}' is not a boolean"
            self._refuse(BadAttribute, "default", element, message)

    def _txid(self, element: Element, mechanism: Mechanism, value: str) -> None:
        if fault := fault_of(mechanism, value):
            self._refuse(BadAttribute, mechanism.value, element, f"'{mechanism.value}': {fault}")
        self.txids.setdefault(element, {})[mechanism] = value

    def _operation(self, element: Element, value: str) -> None:
        if value not in OPERATIONS:
            message = f"'{value}' is not an operation: use one of {', '.join(OPERATIONS)}"
            self._refuse(BadAttribute, "operation", element, message)
        self.operation[element] = value

    def _insert(self, element: Element, taken: dict[str, str]) -> None:
        insert = taken.get("insert")
        if insert not in INSERTS:
            message = f"'insert' must be one of {', '.join(INSERTS)}"
            self._refuse(BadAttribute, "insert", element, message)
            return
        self.insert[element] = InsertRequest(
            insert,
            local_name(element),
            key=taken.get("key"),
            value=taken.get("value"),
            prefixes=lambda: element.nsmap,
        )


def check_document(schema: Schema, config: Element, attributes: EditAttributes) -> None:
    """Check names, keys and values of the whole edit.

    Raises:
        RpcErrors: all faults that were found.
    """
    inside = (e for element in config for e in _check(schema, element, attributes, removing=False))
    repeated = _check_repeated(schema, config, schema.roots, "here")
    raise_all(chain(repeated, check_cases(schema, config, schema.roots, attributes), inside))


def _check(
    schema: Schema, element: Element, attributes: EditAttributes, *, removing: bool
) -> Iterator[RpcError]:
    try:
        schema_node = schema_of_element(schema, element)
    except RpcErrors as problem:
        yield from problem.errors
        return
    operation = attributes.operation.get(element)
    removing = operation in ("delete", "remove") or (removing and operation is None)
    yield from _check_attributes(schema, element, schema_node, attributes)
    if schema_node.is_leafy:
        if not removing or schema_node.kind is Kind.LEAF_LIST or schema_node.is_key:
            yield from _check_leaf(schema, element, schema_node)
        return
    if schema_node.kind is Kind.ANYDATA:
        return
    if holds_text(element):
        message = f"'{schema_node.name}' holds elements, not text"
        yield BadElement(schema_node.name, message, path=path_of_element(schema, element))
    yield from _check_keys(schema, element, schema_node)
    yield from _check_repeated(schema, element, schema_node.children, f"in '{schema_node.name}'")
    if not removing:
        yield from check_cases(schema, element, schema_node.children, attributes)
    for child in element:
        yield from _check(schema, child, attributes, removing=removing)


def _check_attributes(
    schema: Schema, element: Element, schema_node: SchemaNode, attributes: EditAttributes
) -> Iterator[RpcError]:
    operation = attributes.operation.get(element)
    if schema_node.is_key and operation in ("delete", "remove"):
        message = f"'{schema_node.name}' is a list key and cannot be deleted alone: delete the list entry"
        yield BadAttribute("operation", schema_node.name, message, path=path_of_element(schema, element))
    if element in attributes.insert and not schema_node.user_ordered:
        message = f"'{schema_node.name}' is not ordered by the user, so it has no place to insert at"
        yield UnknownAttribute("insert", schema_node.name, message, path=path_of_element(schema, element))
    request = attributes.insert.get(element)
    if request is not None and request.key is not None and schema_node.kind is Kind.LIST:
        yield from _check_anchor(schema, element, schema_node, request.key)
    if element in attributes.claimed and not _is_default(schema, schema_node, element):
        message = f"the value of '{schema_node.name}' is not its default, as the attribute 'default' says"
        yield InvalidValue(message, path=path_of_element(schema, element))


def _check_anchor(
    schema: Schema, element: Element, schema_node: SchemaNode, predicates: str
) -> Iterator[RpcError]:
    """Check the names of the keys in the attribute key, which a value alone does not show to be wrong."""
    names = key_names(predicates.strip())
    uris = {element.nsmap.get(prefix) if prefix else schema_node.namespace for prefix, _ in names or ()}
    given = [name for _, name in names or ()]
    wanted = "".join(f"[{key}='...']" for key in schema_node.keys)
    if names is None or sorted(given) != sorted(schema_node.keys):
        message = f"'key' must name each key of '{schema_node.name}' once: {wanted}"
    elif uris != {schema_node.namespace}:
        message = f"a prefix in 'key' is not declared, or not that of the keys of '{schema_node.name}'"
    else:
        return
    yield BadAttribute("key", schema_node.name, message, path=path_of_element(schema, element))


def _is_default(schema: Schema, schema_node: SchemaNode, element: Element) -> bool:
    value = element.text or ""
    if schema_node.kind is not Kind.LEAF_LIST:
        return is_default_value(schema, schema_node, value, lambda: element.nsmap)
    return canonical(schema, schema_node, value, lambda: element.nsmap) in schema_node.defaults


def _check_leaf(schema: Schema, element: Element, schema_node: SchemaNode) -> Iterator[RpcError]:
    if len(element):
        message = f"'{schema_node.name}' holds a value, not elements"
        yield BadElement(schema_node.name, message, path=path_of_element(schema, element))
        return
    problem = value_problem(schema, schema_node, element.text or "", lambda: element.nsmap)
    if problem is not None:
        problem.path = path_of_element(schema, element)
        yield problem


def _check_keys(schema: Schema, element: Element, schema_node: SchemaNode) -> Iterator[RpcError]:
    present = {local_name(child) for child in element if is_key_of(schema_node, child)}
    for key in schema_node.keys:
        if key not in present:
            message = f"the key '{key}' of the list '{schema_node.name}' is missing"
            yield MissingElement(key, message, path=path_of_element(schema, element))


def _check_repeated(
    schema: Schema, element: Element, level: Mapping[QName, SchemaNode], where: str
) -> Iterator[RpcError]:
    seen: set[tuple[str, str]] = set()
    for child in element:
        qname = (namespace(child), local_name(child))
        below = level.get(qname)
        if below is None or below.has_instances:
            continue
        if qname in seen:
            message = f"'{below.name}' may stand only once {where}"
            yield BadElement(below.name, message, path=path_of_element(schema, child))
        seen.add(qname)


def check_cases(
    schema: Schema, parent: Element, level: Mapping[QName, SchemaNode], attributes: EditAttributes
) -> Iterator[RpcError]:
    """Yield an error for each child of ``parent`` that brings data of another case of a choice than one
    before it (RFC 7950 section 8.3.1); ``level`` are the nodes that children may be of."""
    known = ((child, level.get((namespace(child), local_name(child)))) for child in parent)
    choosing = ((child, node) for child, node in known if node is not None and node.cases)
    brought = ((child, node) for child, node in choosing if _brings(child, node, attributes))
    for child, node, first in exclusions(brought):
        yield excluded(node, first, path=path_of_element(schema, child))


def _brings(element: Element, node: SchemaNode, attributes: EditAttributes) -> bool:
    """True if ``element`` is there after the edit: it is not removed, nor a container that all is removed
    from."""
    if attributes.operation.get(element) in ("delete", "remove") or element in attributes.tagged:
        return False
    if not node.is_np_container or len(element) == 0:
        return True
    below = ((child, node.children.get((namespace(child), local_name(child)))) for child in element)
    return any(found is not None and _brings(child, found, attributes) for child, found in below)
