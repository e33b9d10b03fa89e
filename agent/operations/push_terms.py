"""What an rpc says of a subscription to a datastore (RFC 8641 section 4.4), checked; and as it is shown
again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from xml.sax.saxutils import escape

from agent.errors import ErrorType, MissingElement, RpcError
from agent.history.edits import Change
from agent.operations.budget import MAX_ELEMENTS_SUBSCRIBED, MAX_OCTETS_SUBSCRIBED
from agent.operations.parameters import canonical_value, moment, parameter, text_of
from agent.operations.read import Filter, subtree_or_xpath
from agent.push.pace import CENTISECONDS
from agent.push.refusal import FILTER_UNSUPPORTED, Declined
from agent.push.updates import PUSH_NS
from agent.xml import Element, has_more_elements, local_name, namespace, parse, serialize
from agent.yang.schema import Schema

DATASTORES_NS = "urn:ietf:params:xml:ns:yang:ietf-datastores"
PUSH = "ietf-yang-push"
NOT_SUBSCRIBABLE = f"{PUSH}:datastore-not-subscribable"
PERIOD_UNSUPPORTED = f"{PUSH}:period-unsupported"


@dataclass(frozen=True, slots=True)
class Periodic:
    """``anchor``: updates come whole periods from there."""

    period_cs: int
    anchor: str = ""

    @property
    def period_s(self) -> float:
        return self.period_cs / CENTISECONDS

    @property
    def anchor_time(self) -> datetime | None:
        return datetime.fromisoformat(self.anchor) if self.anchor else None


@dataclass(frozen=True, slots=True)
class OnChange:
    """``excluded``: kinds of changes that are not told."""

    dampening_cs: int = 0
    sync_on_start: bool = True
    excluded: frozenset[Change] = frozenset()

    @property
    def dampening_s(self) -> float:
        return self.dampening_cs / CENTISECONDS


@dataclass(frozen=True, slots=True)
class Terms:
    """What a subscription is to. ``shown_filter``: the filter as XML, with its namespaces."""

    datastore: str
    filter: Filter
    policy: Periodic | OnChange
    shown_filter: bytes = field(default=b"", repr=False)

    def described(self) -> bytes:
        """Return it as members of a subscription, as XML."""
        start = f'<datastore xmlns="{PUSH_NS}" xmlns:ds="{DATASTORES_NS}">ds:{self.datastore}</datastore>'
        return start.encode() + self.shown_filter + _shown(self.policy)


def _shown(policy: Periodic | OnChange) -> bytes:
    if isinstance(policy, Periodic):
        anchor = f"<anchor-time>{escape(policy.anchor)}</anchor-time>" if policy.anchor else ""
        period = f"<period>{policy.period_cs}</period>"
        return f'<periodic xmlns="{PUSH_NS}">{period}{anchor}</periodic>'.encode()
    excluded = "".join(
        f"<excluded-change>{change.value}</excluded-change>" for change in Change if change in policy.excluded
    )
    return (
        f'<on-change xmlns="{PUSH_NS}"><dampening-period>{policy.dampening_cs}</dampening-period>'
        f"<sync-on-start>{str(policy.sync_on_start).lower()}</sync-on-start>{excluded}</on-change>"
    ).encode()


def read_terms(schema: Schema, operation: Element, before: Terms | None = None) -> Terms:
    """*worker* Return what ``operation`` asks for; what it does not say is as ``before``.

    Raises:
        Declined: a datastore or a filter that cannot be had.
        MissingElement, InvalidParameter: no policy, or one that cannot be.
    """
    datastore = _datastore(schema, operation)
    if before is None and datastore is None:
        raise MissingElement("datastore", "a subscription needs a <stream> or a <datastore>", type=_PROTOCOL)
    if before is not None and datastore not in (None, before.datastore):
        raise Declined(FILTER_UNSUPPORTED, "a subscription cannot be modified to be to another datastore")
    policy = _policy(schema, operation, before)
    if policy is None:
        message = "a subscription to a datastore needs <periodic> or <on-change>"
        raise MissingElement("periodic", message, type=_PROTOCOL)
    subtree, xpath = _given(operation)
    if before is not None and subtree is None and xpath is None:
        return replace(before, policy=policy)
    filter_, shown = _filter(schema, subtree, xpath)
    name = datastore or (before.datastore if before is not None else "")
    return Terms(name, filter_, policy=policy, shown_filter=shown)


_PROTOCOL = ErrorType.PROTOCOL


def _datastore(schema: Schema, operation: Element) -> str | None:
    """Return the datastore that is named.

    Raises:
        Declined: it is none of this server.
    """
    found = parameter(operation, "datastore", PUSH_NS)
    if found is None:
        return None
    prefix, _, name = (found.text or "").strip().rpartition(":")
    uri = found.nsmap.get(prefix or None, "") if prefix else DATASTORES_NS
    if uri != schema.by_name["ietf-datastores"].namespace or name not in (
        "operational",
        "running",
        "candidate",
    ):
        message = (
            f"nobody can subscribe to a datastore '{name}' here, but to operational, running and candidate"
        )
        raise Declined(NOT_SUBSCRIBABLE, message)
    return name


def _policy(schema: Schema, operation: Element, before: Terms | None) -> Periodic | OnChange | None:
    periodic = parameter(operation, "periodic", PUSH_NS)
    if periodic is not None:
        return _periodic(schema, periodic)
    on_change = parameter(operation, "on-change", PUSH_NS)
    if on_change is None:
        return None if before is None else before.policy
    known = before.policy if before is not None and isinstance(before.policy, OnChange) else None
    return _on_change(schema, on_change, known)


def _periodic(schema: Schema, element: Element) -> Periodic:
    period = _centiseconds(schema, element, "period")
    anchor = text_of(element, "anchor-time")
    if anchor:
        moment("anchor-time", anchor)
        anchor = anchor.replace("z", "Z").replace("t", "T")
    return Periodic(period, anchor)


def _on_change(schema: Schema, element: Element, before: OnChange | None) -> OnChange:
    dampening = _centiseconds(schema, element, "dampening-period")
    if before is not None:  # the others cannot be modified
        return replace(before, dampening_cs=dampening)
    excluded = [
        (child.text or "").strip()
        for child in element
        if local_name(child) == "excluded-change" and namespace(child) == PUSH_NS
    ]
    return OnChange(
        dampening,
        sync_on_start=text_of(element, "sync-on-start", "true") == "true",
        excluded=frozenset(map(Change, excluded)),
    )


def _centiseconds(schema: Schema, element: Element, name: str) -> int:
    """*worker* Return a number, which YANG may write in several ways; 0 if it is not there."""
    found = parameter(element, name)
    above = element.getparent()
    if found is None or above is None:
        return 0
    holder = schema.rpcs[namespace(above), local_name(above)].children[PUSH_NS, local_name(element)]
    return int(canonical_value(schema, holder.children[PUSH_NS, name], found))


def _given(operation: Element) -> tuple[Element | None, Element | None]:
    if parameter(operation, "selection-filter-ref", PUSH_NS) is not None:
        raise _unsupported(
            "this server has no filters by name, for none can be configured: give it in the request"
        )
    subtree, xpath = (
        parameter(operation, f"datastore-{kind}-filter", PUSH_NS) for kind in ("subtree", "xpath")
    )
    return subtree, xpath


def _filter(schema: Schema, subtree: Element | None, xpath: Element | None) -> tuple[Filter, bytes]:
    """Return the filter without the message that it stands in, and as it is shown."""
    element = subtree if subtree is not None else xpath
    if element is None:
        return Filter(), b""
    written = serialize(element)
    if len(written) > MAX_OCTETS_SUBSCRIBED or has_more_elements(element, MAX_ELEMENTS_SUBSCRIBED):
        message = (
            f"the filter of a subscription has at most {MAX_OCTETS_SUBSCRIBED} octets and "
            f"{MAX_ELEMENTS_SUBSCRIBED} elements"
        )
        raise _unsupported(message)
    alone = parse(written)
    try:
        if subtree is not None:
            return subtree_or_xpath(schema, alone, None), written
        return subtree_or_xpath(schema, None, alone), written
    except RpcError as problem:
        raise _unsupported(problem.message) from problem


def _unsupported(message: str) -> Declined:
    return Declined(FILTER_UNSUPPORTED, message, hints={"filter-failure-hint": message})
