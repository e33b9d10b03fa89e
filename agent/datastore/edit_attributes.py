"""The attributes of an edit document: what is to be done with an element, and where it goes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from agent.datastore.edit_elements import path_of_element, under_config
from agent.datastore.edit_outline import Outline
from agent.datastore.insertion import InsertRequest
from agent.datastore.txids import Mechanism, fault_of
from agent.errors import FIND_ERRORS, BadAttribute, BadElement, RpcError, UnknownAttribute
from agent.xml import NETCONF_NS, TXID_SPACES, YANG_NS, Element, attribute_names, local_name, mixed, namespace
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.values import confusion

DEFAULT_NS = "urn:ietf:params:xml:ns:netconf:default:1.0"
TXIDS = {f"{uri} {mechanism.value}": mechanism for uri in TXID_SPACES for mechanism in Mechanism}
OPERATIONS = ("merge", "replace", "create", "delete", "remove")
INSERTS = ("first", "last", "before", "after")
_OPERATION = f"{{{NETCONF_NS}}}operation"


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
        if outline is None or not outline.plain or not self._only_operations(config, outline.attributed):
            self._walk(config)
        else:
            self.empty = outline.empty
        self.any = bool(self.hot)
        self.tagged = self.all_claimed()
        self.empty = self.empty or bool(self.tagged)

    def _only_operations(self, config: Element, attributed: Sequence[Element]) -> bool:
        """Take off the attributes of a document that has only operations; of another nothing is taken off."""
        for element in attributed:
            value = element.get(_OPERATION)
            if len(element.attrib) > 1 or value not in OPERATIONS:
                return False
        # As a walk comes by them.
        for element in sorted(attributed, key=lambda element: sum(1 for _ in element.iterancestors())):
            self._operation(element, str(element.get(_OPERATION)))
            element.attrib.clear()
            self._heat(element, config)
        return True

    def _walk(self, config: Element) -> None:
        schema = self._schema
        waiting = deque((child, schema.roots) for child in config)
        while waiting and len(self.errors) < FIND_ERRORS:
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
            if len(self.errors) >= FIND_ERRORS:
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
