"""What the mirror of the schema is made of: its nodes, as values without any call into libyang."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from agent.yang.native import Pointer

NACM_MODULE = "ietf-netconf-acm"


class Kind(Enum):
    CONTAINER = "container"
    LEAF = "leaf"
    LEAF_LIST = "leaf-list"
    LIST = "list"
    ANYDATA = "anydata"
    RPC = "rpc"
    ACTION = "action"
    NOTIFICATION = "notification"


QName = tuple[str, str]
"""(namespace URI, local name)."""


@dataclass(eq=False, slots=True)
class SchemaNode:
    """One data node, rpc, action or notification; choices and cases are folded away.

    ``cases`` names the (choice, case) pairs between the node and its parent, outermost first, each as
    MODULE:NAME.
    ``children`` are data children; for an rpc or action they are its input, ``output`` the other.
    ``deny_all``, ``deny_write``: nacm:default-deny-all and -write here or above (RFC 8341 section 3.6).
    ``secret``: deny_all, so that no value may be quoted; access control is protected, not secret, and so
    is what other modules add to it.
    ``mandatory_choices``: MODULE:NAME of each mandatory choice directly below to the nodes of its cases.
    ``default``: canonical default of a leaf, ``defaults`` those of a leaf-list.
    ``names_data``: its values are paths of data nodes (instance-identifier).
    ``leads_somewhere``: here or below are values that are, or may be, paths of data nodes that must exist.
    ``default_lists``: true if a leaf-list with defaults is here or below.
    ``conditional``: in a choice or under a when, so that its default is in use only under conditions.
    ``shifting``: children that are, or hold, conditional nodes which nobody needs to configure.
    ``holds_names``: a value may mean something only with what is declared around it: an identity, a path.
    ``confusable``: a union of such and of texts, which may look like them.
    ``holds_nothing``: a leaf that is there or not (type empty).
    ``json_number``, ``json_boolean``: how RFC 7951 section 6 writes the value of a leaf.
    ``is_expression``: a leaf whose values are, or may be, paths or other XPath expressions.
    ``may_be_long``: a leaf whose values may be of any length: binary, or strings without a pattern.
    ``shell``: a non-presence container, with only such above it, that holds lists (see units).
    """

    kind: Kind
    name: str
    module: str
    namespace: str
    config: bool
    parent: SchemaNode | None
    pointer: Pointer = field(repr=False)
    ctx: Pointer = field(repr=False)
    children: dict[QName, SchemaNode] = field(default_factory=dict, repr=False)
    output: dict[QName, SchemaNode] = field(default_factory=dict, repr=False)
    actions: dict[QName, SchemaNode] = field(default_factory=dict, repr=False)
    keys: tuple[str, ...] = ()
    cases: tuple[tuple[str, str], ...] = ()
    is_key: bool = False
    user_ordered: bool = False
    presence: bool = False
    mandatory: bool = False
    min_elements: int = 0
    max_elements: int | None = None
    deny_all: bool = False
    deny_write: bool = False
    choices_below: bool = False
    anydata_below: bool = False
    mandatory_choices: dict[str, tuple[QName, ...]] = field(default_factory=dict, repr=False)
    shell: bool = False
    holds_names: bool = False
    confusable: bool = False
    json_number: bool = False
    json_boolean: bool = False
    holds_nothing: bool = False
    default: str | None = None
    defaults: tuple[str, ...] = ()
    names_data: bool = False
    leads_somewhere: bool = False
    default_lists: bool = False
    conditional: bool = False
    shifting: tuple[SchemaNode, ...] = field(default=(), repr=False)
    is_expression: bool = False
    may_be_long: bool = False

    @property
    def qname(self) -> QName:
        return self.namespace, self.name

    @property
    def path(self) -> str:
        """RFC 7951 style schema path, e.g. ``/yangswan-ipsec:tunnels/ipsec``."""
        above = self.parent.path if self.parent else ""
        if self.parent is None or self.parent.module != self.module:
            return f"{above}/{self.module}:{self.name}"
        return f"{above}/{self.name}"

    @property
    def secret(self) -> bool:
        return self.deny_all and self.root.module != NACM_MODULE

    @property
    def root(self) -> SchemaNode:
        """The top-level node that this one is, or is below."""
        return self if self.parent is None else self.parent.root

    @property
    def is_np_container(self) -> bool:
        return self.kind is Kind.CONTAINER and not self.presence

    @property
    def is_implicit(self) -> bool:
        """True if it may be there though nobody has configured it (RFC 6243 section 2, RFC 7950 7.5.1)."""
        return self.is_np_container or self.default is not None or bool(self.defaults)

    @property
    def is_leafy(self) -> bool:
        return self.kind in (Kind.LEAF, Kind.LEAF_LIST)

    @property
    def is_interior(self) -> bool:
        return self.kind in (Kind.CONTAINER, Kind.LIST)

    @property
    def is_outermost(self) -> bool:
        """True if it lies in nothing but shells."""
        return self.parent is None or (self.parent.shell and self.parent.is_outermost)

    @property
    def has_instances(self) -> bool:
        return self.kind in (Kind.LIST, Kind.LEAF_LIST)

    @property
    def holds_state(self) -> bool:
        """True if it is state data, or some is below it."""
        return any(not node.config for node in self.subtree())

    def subtree(self) -> Iterator[SchemaNode]:
        yield self
        for child in self.children.values():
            yield from child.subtree()
