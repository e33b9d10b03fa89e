"""Transaction ids on the wire: what a retrieval asks, and what an <ok/> says.

As draft-ietf-netconf-transaction-id has it, a client writes an id as an attribute, ``etag`` or
``last-modified``, of the operation, of its filter, or of an element in that; it holds for all below that has
none of its own (section 3.4, case 2). How replies are pruned by them is agent.operations.pruned; what edits
demand, agent.datastore.conditions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

from agent.datastore.txids import Mechanism, View, fault_of
from agent.errors import BadAttribute, ErrorType, RpcError, raise_all
from agent.operations.budget import refuse_large
from agent.operations.context import Context
from agent.operations.parameters import parameter
from agent.xml import TXID_MODULE_NS, TXID_NS, TXID_SPACES, Element, copy_of, local_name, namespace

ATTRIBUTES = {f"{{{uri}}}{one.value}": (uri, one) for uri in TXID_SPACES for one in Mechanism}
PREFIX = "txid"
"""In replies; no module of this server prints a value or an attribute with this one."""
_FILTERS = ("filter", "subtree-filter", "xpath-filter")
_PARAMETERS = {f"with-{mechanism.value}": mechanism for mechanism in Mechanism}


@dataclass(frozen=True, slots=True)
class Given:
    """The ids of a retrieval: ``root`` is the client's of the datastore, ``known`` those by the elements of
    the filter on which they stand, ``hot`` these elements and all in which they lie. ``namespace``: that of
    the client's attributes, which those of the reply have, too."""

    mechanism: Mechanism
    namespace: str
    root: str | None = None
    known: dict[Element, str] = field(default_factory=dict)
    hot: frozenset[Element] = frozenset()

    def is_known(self, value: str | None, view: View, commit_id: int | None) -> bool:
        return value is not None and view.is_known(self.mechanism, value, commit_id)

    def attribute(self, value: str) -> bytes:
        """Return the attribute with ``value``, with a space before it."""
        return f" {PREFIX}:{self.mechanism.value}={quoteattr(value)}".encode()

    @property
    def declaration(self) -> bytes:
        return f" xmlns:{PREFIX}={quoteattr(self.namespace)}".encode()

    def start(self, view: View, *, known: bool = False) -> bytes:
        """Return the attributes of <data>; ``known``: the client knows it all."""
        if self.root is None:
            return self.declaration
        value = "=" if known else view.written(self.mechanism, view.root)
        return self.declaration + self.attribute(value)


def read_given(operation: Element) -> tuple[Given | None, Element]:
    """Return the ids that stand in a retrieval and its filter, None if there are none, and the retrieval
    without them: a copy, for it may be carried out again.

    Raises:
        RpcErrors: one is no id, or there are both kinds, or two of one kind on an element.
        TooBig: the filter has too many elements.
    """
    if not any(map(_has_ids, _places(operation))):
        return None, operation
    for child in operation:
        if local_name(child) in _FILTERS:
            refuse_large(child)
    operation = copy_of(operation)
    errors: list[RpcError] = []
    taken = [one for element in _places(operation) for one in _take(element, errors)]
    mechanisms = {mechanism: element for element, _, mechanism, _ in taken}
    if len(mechanisms) > 1:
        element = local_name(mechanisms[Mechanism.LAST_MODIFIED])
        message = "a request uses etag or last-modified, not both"
        errors.append(BadAttribute("last-modified", element, message, type=ErrorType.PROTOCOL))
    raise_all(errors)
    known = {element: value for element, _, _, value in taken}
    root: str | None = None
    hot: set[Element] = set()
    for place in list(known):
        if place is operation or (place.getparent() is operation and local_name(place) in _FILTERS):
            root = known.pop(place)  # what stands on the filter comes after what stands on the operation
            continue
        above: Element | None = place
        while above is not None and above not in hot and above is not operation:
            hot.add(above)
            above = above.getparent()
    return Given(taken[0][2], namespace=taken[0][1], root=root, known=known, hot=frozenset(hot)), operation


def _places(operation: Element) -> Iterator[Element]:
    yield operation
    for child in operation:
        if local_name(child) in _FILTERS and namespace(child) == namespace(operation):
            yield from child.iter()


def _has_ids(element: Element) -> bool:
    return bool(element.attrib) and any(name in element.attrib for name in ATTRIBUTES)


def _take(element: Element, errors: list[RpcError]) -> Iterator[tuple[Element, str, Mechanism, str]]:
    """Take the ids from an element, and yield it, the namespace, the mechanism and the value of each."""
    if not element.attrib:
        return
    seen: set[Mechanism] = set()
    for name, (uri, mechanism) in ATTRIBUTES.items():
        if name not in element.attrib:
            continue
        value = str(element.attrib.pop(name))
        fault = fault_of(mechanism, value)
        if mechanism in seen:
            fault = "it stands here in two namespaces"
        seen.add(mechanism)
        if fault:
            message = f"'{mechanism.value}': {fault}"
            errors.append(
                BadAttribute(mechanism.value, local_name(element), message, type=ErrorType.PROTOCOL)
            )
        yield element, uri, mechanism, value


async def ok(context: Context, operation: Element, datastore: str) -> bytes:
    """Return the reply to what was carried out, with the id of ``datastore`` if the client wants it."""
    wanted = [mechanism for name, mechanism in _PARAMETERS.items() if _is_true(operation, name)]
    if not wanted:
        return b""
    view: View = await context.worker(context.configuration.txids, datastore)
    text = f"<ok xmlns:{PREFIX}={quoteattr(TXID_NS)}"
    for mechanism in wanted:
        text += f" {PREFIX}:{mechanism.value}={quoteattr(view.written(mechanism, view.root))}"
    return f"{text}/>".encode()


def _is_true(operation: Element, name: str) -> bool:
    found = parameter(operation, name, TXID_MODULE_NS)
    return found is not None and (found.text or "").strip() in ("true", "1")
