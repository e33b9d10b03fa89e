"""The input of an operation, checked against its YANG rpc before any handler sees it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice

from agent.datastore.edit_attributes import mixed_content
from agent.datastore.txids import Mechanism
from agent.errors import (
    BadElement,
    ErrorType,
    InvalidParameter,
    MissingElement,
    OperationFailed,
    OperationNotSupported,
    RpcError,
    UnknownAttribute,
    UnknownElement,
    UnknownNamespace,
    raise_all,
)
from agent.nacm.rules import quote_variable
from agent.xml import (
    NETCONF_NS,
    TXID_MODULE_NS,
    TXID_NS,
    TXID_SPACES,
    Element,
    attribute_names,
    holds_text,
    local_name,
    namespace,
)
from agent.yang.cases import excluded, exclusions
from agent.yang.paths import MAX_KEY_OCTETS
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, QName, SchemaNode
from agent.yang.values import canonical, value_problem

NACM_NS = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
AGENT_NS = "urn:yangswan:params:xml:ns:yang:agent"
NMDA_NS = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
NAMES_MODULES = frozenset(
    f"urn:ietf:params:xml:ns:yang:{module}" for module in ("ietf-subscribed-notifications", "ietf-yang-push")
)
ENTRIES_MAX = 1000
"""As the YANG module says of each list of entries that a parameter of the agent's names."""


def check_input(schema: Schema, operation: SchemaNode, element: Element) -> None:
    """Check the parameters of ``element`` against the rpc ``operation``.

    Of anyxml parameters (config, filter) the content is not looked at, only that there is no text in it.

    Raises:
        RpcErrors: unknown, missing, repeated or ill-typed parameters.
    """
    raise_all(_check(schema, operation, element))


def _check(schema: Schema, node: SchemaNode, element: Element) -> Iterator[RpcError]:
    yield from _strays(node, element)
    seen: dict[str, SchemaNode] = {}
    known: list[tuple[Element, SchemaNode]] = []
    times: Counter[str] = Counter()
    for child in element:
        name, uri = local_name(child), namespace(child)
        found = node.children.get((uri, name))
        if found is None:
            yield _unknown(schema, name, uri, local_name(element))
            continue
        if name in seen and not found.has_instances:
            yield BadElement(name, f"<{name}> may stand only once", type=ErrorType.PROTOCOL)
        seen[name] = found
        times[name] += 1
        if times[name] > ENTRIES_MAX:
            continue  # its handler refuses that many; their values do not matter
        known.append((child, found))
        yield from _check_parameter(schema, found, child)
    for _, later, first in exclusions(known):
        yield excluded(later, first, type=ErrorType.PROTOCOL)
    chosen = {pair for found in seen.values() for pair in found.cases}
    for required in node.children.values():
        if required.mandatory and set(required.cases) <= chosen and required.name not in seen:
            yield _missing(required.name, element)
    unknown = len(seen) < len(element)  # it was reported, and may be what was meant to be chosen
    for choice, members in node.mandatory_choices.items():
        if not unknown and all(choice != one for one, _ in chosen):
            names = " or ".join(f"<{name}>" for _, name in members)
            name = members[0][1] if len(members) == 1 else choice.partition(":")[2]
            yield _missing(name, element, names)


def moment(name: str, text: str) -> datetime:
    """Return the time that a parameter ``name`` has, a date-and-time.

    Raises:
        InvalidParameter: it is no point in time, or one that UTC has no year for.
    """
    try:
        return datetime.fromisoformat(text.replace("z", "Z").replace("t", "T")).astimezone(UTC)
    except (ValueError, OverflowError):  # the pattern of date-and-time lets a 13th month through
        raise InvalidParameter(name, f"'{text}' is no point in time") from None


def declared_with_modules(schema: Schema, element: Element) -> Mapping[str | None, str]:
    """Return what is declared for an XPath filter of a subscription: names of modules are prefixes there,
    too, unless ``element`` declares them otherwise (RFC 8639 section 4, RFC 8641 section 5)."""
    return {**{name: module.namespace for name, module in schema.by_name.items()}, **element.nsmap}


def _check_parameter(schema: Schema, node: SchemaNode, element: Element) -> Iterator[RpcError]:
    if node.is_leafy and len(element):
        message = f"<{node.name}> holds a value, not elements"
        yield BadElement(node.name, message, type=ErrorType.PROTOCOL)
    elif node.is_leafy:
        yield from _strays(node, element)
        value = element.text or ""
        problem = value_problem(schema, node, value, lambda: element.nsmap)
        if problem is not None and node.holds_names and ":" not in value:
            # ncclient writes <ncm:format>yang</ncm:format>, which can only mean one of the same module.
            problem = value_problem(schema, node, value, lambda: {None: node.namespace}) and problem
        if problem is not None and node.is_expression and node.namespace in NAMES_MODULES:
            problem = value_problem(schema, node, value, lambda: declared_with_modules(schema, element))
        if problem is not None:
            problem.type = ErrorType.PROTOCOL
            problem.info = {"bad-element": node.name}
            yield problem
    elif node.is_interior:
        yield from _check(schema, node, element)
    else:
        yield from _strays(node, element)


XML_NS = "http://www.w3.org/XML/1998/namespace"
_FILTER_ATTRIBUTES = ("type", "select", f"{{{NETCONF_NS}}}type", f"{{{NETCONF_NS}}}select")
_HINTS = {
    "config": " (it goes on elements of data; for all of them there is <default-operation>)",
}


def strays(element: Element, *, known: Collection[str] = (), text: bool = False) -> Iterator[RpcError]:
    """Yield an error for each attribute of ``element`` that means nothing, and for text that does not.

    Args:
        known: attributes that mean something; those of XML itself, as xml:lang, always may stand there.
        text: text does.
    """
    name = local_name(element)
    for key in attribute_names(element):
        uri, _, attribute = key.rpartition("}")
        if key not in known and uri[1:] != XML_NS:
            hint = _HINTS.get(name, "") if attribute == "operation" else ""
            message = f"attribute '{attribute}' is not known on <{name}>{hint}"
            yield UnknownAttribute(attribute, name, message, type=ErrorType.PROTOCOL)
    if not text and holds_text(element):
        yield BadElement(name, f"<{name}> holds elements, not text", type=ErrorType.PROTOCOL)


def refuse_attributes(schema: Schema, operation: Element) -> None:
    """*worker* Refuse attributes, and a second action, in the payload of an rpc or an ``<action>``.

    Those of XML itself are taken off: libyang does not know them. Of what anydata holds, only what libyang
    would not keep is refused.

    Raises:
        RpcErrors: there are some, of which libyang would pass over those of modules that it knows.
    """
    known = list(_known(schema, operation))
    raise_all(error for element, _ in known for error in strays(element, text=True))
    held = (element for element, node in known if node is not None and node.kind is Kind.ANYDATA)
    raise_all(error for element in held for error in mixed_content(element))
    for element, _ in known:
        element.attrib.clear()
    actions = (element for element, node in known if node is not None and node.kind is Kind.ACTION)
    message = "an action stands alone, with the keys of the entry that it belongs to"
    raise_all(BadElement(local_name(element), message) for element in islice(actions, 1, None))


def _known(schema: Schema, operation: Element) -> Iterator[tuple[Element, SchemaNode | None]]:
    """Yield those elements of a payload, with their schema nodes, that have an attribute, are an action or
    are anydata."""
    level: Mapping[QName, SchemaNode] = {**schema.roots, **schema.rpcs}
    waiting = deque([(operation, level)])
    while waiting:
        element, level = waiting.popleft()
        node = level.get((namespace(element), local_name(element)))
        if element.attrib or (node is not None and node.kind in (Kind.ACTION, Kind.ANYDATA)):
            yield element, node
        if len(element) and (node is None or node.kind is not Kind.ANYDATA):
            below = {} if node is None else {**node.children, **node.actions}
            waiting.extend((child, below) for child in element)


_RETRIEVALS = ("get", "get-config", "get-data")
_TXIDS = tuple(f"{{{uri}}}{mechanism.value}" for uri in TXID_SPACES for mechanism in Mechanism)


def _strays(node: SchemaNode, element: Element) -> Iterator[RpcError]:
    is_filter = node.name == "filter" and node.kind is Kind.ANYDATA
    known = _FILTER_ATTRIBUTES if is_filter else ()
    return strays(element, known=known + _TXIDS if _has_txids(node) else known, text=node.is_leafy)


def _has_txids(node: SchemaNode) -> bool:
    """True if a transaction id may stand there: on a retrieval, its filter, and a configuration."""
    if node.kind is Kind.RPC:
        return node.name in _RETRIEVALS
    if node.parent is not None and node.parent.name in _RETRIEVALS:
        return node.name in ("filter", "subtree-filter", "xpath-filter")
    return node.kind is Kind.ANYDATA and node.name == "config"


_OPTIONAL = {
    "running": "running cannot be edited directly (no :writable-running): edit the candidate and commit",
    "startup": "this server has no startup datastore: what is committed is there after a restart",
    "url": "this server takes no <url> (no :url capability): put the content into <config>",
}


def _unknown(schema: Schema, name: str, uri: str, above: str) -> RpcError:
    if above in ("source", "target") and uri == NETCONF_NS and name in _OPTIONAL:
        return OperationNotSupported(_OPTIONAL[name], type=ErrorType.PROTOCOL)
    if uri not in schema.by_namespace:
        return UnknownNamespace(name, uri, type=ErrorType.PROTOCOL)
    hint = ""
    if uri == TXID_MODULE_NS and above in _RETRIEVALS:
        attribute = name.removeprefix("with-")
        hint = f": it takes the attribute {attribute} of the namespace {TXID_NS}, with '?' as its value"
    return UnknownElement(name, f"<{above}> has no parameter <{name}>{hint}", type=ErrorType.PROTOCOL)


def _missing(name: str, element: Element, names: str = "") -> RpcError:
    return MissingElement(
        name, f"<{local_name(element)}> needs {names or f'<{name}>'}", type=ErrorType.PROTOCOL
    )


def parameter(element: Element, name: str, uri: str | None = None) -> Element | None:
    """Return the parameter ``name`` of an operation, or None; of the same namespace if ``uri`` is none."""
    uri = namespace(element) if uri is None else uri
    for child in element:
        if local_name(child) == name and namespace(child) == uri:
            return child
    return None


def text_of(element: Element, name: str, default: str = "") -> str:
    """Return the text of the parameter ``name`` without surrounding white space."""
    found = parameter(element, name)
    return default if found is None else (found.text or "").strip()


def canonical_text(schema: Schema, operation: Element, name: str, default: str = "") -> str:
    """*worker* Return the parameter ``name`` in its canonical form."""
    found = parameter(operation, name)
    if found is None:
        return default
    node = schema.rpcs[namespace(operation), local_name(operation)]
    return canonical_value(schema, node.children[node.namespace, name], found)


def as_path(schema: Schema, element: Element) -> str:
    """*worker* Return the path that ``element`` names: an instance-identifier (RFC 7950 section 9.13) whose
    prefixes are declared there, or one with names of modules, as it stands."""
    leaf = schema.rpcs[NETCONF_NS, "commit"].children[AGENT_NS, "verify"].children[AGENT_NS, "entry"]
    return canonical_value(schema, leaf, element) or (element.text or "").strip()


def canonical_value(schema: Schema, node: SchemaNode, element: Element) -> str:
    """*worker* Return the value of ``element``, a ``node``, in its canonical form."""
    value = (element.text or "").strip()
    if node.is_key and len(value) > MAX_KEY_OCTETS:
        return value  # no data has it
    return canonical(schema, node, value, lambda: element.nsmap)


def quote_variables(data: Element) -> None:
    """Make the variable of access control acceptable to libyang, in the one leaf that may hold it."""
    for path in data.iter(f"{{{NACM_NS}}}path"):
        path.text = quote_variable(path.text or "")


def datastore_of(element: Element, name: str) -> Element:
    """Return the child of ``<source>`` or ``<target>``: <running/>, <candidate/>, <config>."""
    holder = parameter(element, name)
    if holder is None or len(holder) != 1:
        raise MissingElement(name, f"<{name}> must name one datastore", type=ErrorType.PROTOCOL)
    return holder[0]


def datastore_name(schema: Schema, element: Element, name: str) -> str:
    """Return the name of the datastore in ``<source>`` or ``<target>``, also if it is given as an
    ``ietf-datastores`` identity (RFC 8526 section 3.2).

    Raises:
        InvalidParameter: it is given so, and this server has none such.
    """
    holder = datastore_of(element, name)
    if local_name(holder) != "datastore" or namespace(holder) != NMDA_NS:
        return local_name(holder)
    found = _identity(schema, holder)
    if found not in ("running", "candidate"):
        raise InvalidParameter(
            "datastore", f"the datastore '{(holder.text or '').strip()}' cannot be used here"
        )
    return found


def datastore_identity(schema: Schema, operation: Element) -> str:
    """*worker* Return what ``<datastore>`` of get-data or edit-data names, "" if it is no standard one."""
    return identity_of(schema, operation, "datastore")


def identity_of(schema: Schema, operation: Element, name: str) -> str:
    """*worker* Return the datastore that the parameter ``name`` names, "" if it is no standard one."""
    found = parameter(operation, name)
    return "" if found is None else _identity(schema, found)


def _identity(schema: Schema, element: Element) -> str:
    """Return the name of an identity of ietf-datastores, "" for any other."""
    prefix, _, name = (element.text or "").strip().rpartition(":")
    uri = element.nsmap.get(prefix or None, NMDA_NS)
    return name if uri == schema.by_name["ietf-datastores"].namespace else ""


def named_entries(element: Element, instead: str) -> list[Element]:
    """Return each <entry> in ``element``, a parameter of the agent's own.

    Raises:
        OperationFailed: there are more than the model permits (RFC 7950 section 15.2); ``instead`` is what
            to leave all of them out for.
    """
    found = [c for c in element if local_name(c) == "entry" and namespace(c) == AGENT_NS]
    if len(found) > ENTRIES_MAX:
        raise OperationFailed(
            f"<{local_name(element)}> may name {ENTRIES_MAX} entries at most, and names {len(found)}: leave "
            f"all of them out {instead}",
            app_tag="too-many-elements",
            type=ErrorType.PROTOCOL,
        )
    return found
