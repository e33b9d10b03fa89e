"""Paths of data resources (RFC 8040 section 3.5.3): steps through the schema, with the keys of entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from agent.restconf.problems import Problem
from agent.yang.paths import MAX_KEY_OCTETS, literal
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, QName, SchemaNode
from agent.yang.units import is_group
from agent.yang.values import canonical

STEPS_MAX = 64


@dataclass(frozen=True, slots=True)
class Step:
    """A node on the way. ``keys``: of an entry, or the value of an entry of a leaf-list, as JSON writes them;
    () if none were given."""

    node: SchemaNode
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads; without steps to the datastore."""

    steps: tuple[Step, ...] = ()

    @property
    def node(self) -> SchemaNode | None:
        return self.steps[-1].node if self.steps else None

    @property
    def above(self) -> Place:
        return Place(self.steps[:-1])

    @property
    def is_many(self) -> bool:
        """True if it may be several nodes: a list or leaf-list without the key of an entry."""
        last = self.steps[-1] if self.steps else None
        return last is not None and last.node.has_instances and not last.keys

    @property
    def path(self) -> str | None:
        """The instance-identifier, as RFC 7951 writes it, None for the datastore."""
        text, module = "", ""
        for step in self.steps:
            node = step.node
            text += f"/{node.name}" if node.module == module else f"/{node.module}:{node.name}"
            text += _predicates(step)
            module = node.module
        return text or None

    @property
    def versioned(self) -> tuple[str, bool] | None:
        """The path of the unit or shell by which transaction ids are kept, and whether it is a shell; None
        for the datastore (agent.datastore.txids)."""
        if any("'" in key and '"' in key for step in self.steps for key in step.keys):
            return None  # no path can be written with it
        for number, step in enumerate(self.steps):
            node = step.node
            if node.shell:
                continue
            unit = Place(self.steps[: number + 1])
            if is_group(node) or self.is_many:
                unit = Place((*self.steps[:number], Step(node)))
            if node.kind is Kind.LIST and not unit.steps[-1].keys and not is_group(node):
                break  # all entries: what they lie in has the newest id of theirs
            return unit.path or "", False
        shells = [step for step in self.steps if step.node.shell]
        return (Place(tuple(shells)).path or "", True) if shells else None

    def uri(self) -> str:
        """Return the path as a client writes it."""
        text, module = "", ""
        for step in self.steps:
            node = step.node
            text += f"/{node.name}" if node.module == module else f"/{node.module}:{node.name}"
            if step.keys:
                text += "=" + ",".join(quote(key, safe="") for key in step.keys)
            module = node.module
        return text


def _predicates(step: Step) -> str:
    if not step.keys:
        return ""
    if step.node.kind is Kind.LEAF_LIST:
        return f"[.={literal(step.keys[0])}]"
    return "".join(f"[{key}={literal(value)}]" for key, value in zip(step.node.keys, step.keys, strict=True))


def place_of(schema: Schema, segments: Sequence[str], *, actions: bool = False) -> Place:
    """Return where ``segments`` lead, which are still encoded; ``actions``: also to an action.

    Raises:
        Problem: to nothing (404), or they are written wrongly (400).
    """
    if len(segments) > STEPS_MAX:
        raise Problem(400, "invalid-value", f"a path has {STEPS_MAX} steps at most")
    steps: list[Step] = []
    module = ""
    level: Mapping[QName, SchemaNode] = schema.roots
    for segment in segments:
        name, equals, keys = segment.partition("=")
        prefix, colon, local = unquote(name).rpartition(":")
        module = prefix if colon else module
        if not module:
            raise Problem(
                400, "invalid-value", f"'{local}' needs the name of its module before it: MODULE:{local}"
            )
        served = schema.by_name.get(module)
        node = None if served is None else level.get((served.namespace, local))
        if node is None or (node.kind is Kind.ACTION and not actions):
            raise Problem(404, "invalid-value", f"there is no '{module}:{local}' in this place")
        steps.append(Step(node, _keys(schema, node, keys, given=bool(equals))))
        below = {**node.children, **node.actions} if actions else node.children
        level = {} if node.kind is Kind.ACTION else below
    place = Place(tuple(steps))
    for step in place.steps[:-1]:
        if step.node.has_instances and not step.keys:
            raise Problem(400, "missing-attribute", f"'{step.node.name}' needs its keys: {_form(step.node)}")
    return place


def _keys(schema: Schema, node: SchemaNode, text: str, *, given: bool) -> tuple[str, ...]:
    if not given:
        return ()
    count = len(node.keys) if node.kind is Kind.LIST else 1
    if not node.has_instances or not count:
        raise Problem(400, "invalid-value", f"'{node.name}' has no key")
    keys = tuple(unquote(one) for one in text.split(","))
    if len(keys) != count:
        raise Problem(
            400, "invalid-value", f"'{node.name}' is written as {_form(node)}; a comma in a key as %2C"
        )
    if any(len(key) > MAX_KEY_OCTETS for key in keys):
        raise Problem(400, "invalid-value", "a key in it is too long")
    leafs = (
        [node] if node.kind is Kind.LEAF_LIST else [node.children[node.namespace, one] for one in node.keys]
    )
    return tuple(_canonical(schema, leaf, key) for leaf, key in zip(leafs, keys, strict=True))


def _canonical(schema: Schema, leaf: SchemaNode, value: str) -> str:
    """Return a key as data has it: what is kept by paths is found by no other form of it."""

    def declared() -> dict[str | None, str]:
        modules: dict[str | None, str] = {None: leaf.namespace}
        modules |= {name: uri for name, (_, uri) in schema.namespaces().items() if f"{name}:" in value}
        return modules

    return canonical(schema, leaf, value, declared) or value


def _form(node: SchemaNode) -> str:
    names = ",".join(f"<{key}>" for key in node.keys) if node.kind is Kind.LIST else "<value>"
    return f"{node.name}={names}"
