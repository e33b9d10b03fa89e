"""Nodes of the schema tree as a command line needs them: names, types, words with their descriptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """What a node is; the values are YANG's words (RFC 7950 section 7)."""

    CONTAINER = "container"
    LIST = "list"
    LEAF = "leaf"
    LEAF_LIST = "leaf-list"
    ANYDATA = "anydata"
    RPC = "rpc"
    ACTION = "action"
    NOTIFICATION = "notification"


@dataclass(frozen=True, slots=True)
class Choice:
    """A word that a value may be: an enum, a bit, an identity."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Type:
    """A leaf's type. ``base``: the built-in type; ``name``: as the module writes it, with its prefix.

    ``members``: of a union. ``target``: of a leafref, the path as the module writes it. ``ranges`` and
    ``lengths``: inclusive pairs, as text, "min" and "max" resolved.
    """

    base: str
    name: str
    choices: tuple[Choice, ...] = ()
    members: tuple[Type, ...] = ()
    patterns: tuple[str, ...] = ()
    ranges: tuple[tuple[str, str], ...] = ()
    lengths: tuple[tuple[str, str], ...] = ()
    fraction_digits: int = 0
    target: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One node; choices and cases are not nodes: ``case`` names those it is in, outermost first.

    ``secret``: NACM denies it to everybody by default (RFC 8341, default-deny-all), so it is asked for
    without echo and kept nowhere. ``units``: as the module says, "" without.
    """

    name: str
    module: str
    namespace: str
    kind: Kind
    config: bool = True
    description: str = ""
    type: Type | None = None
    keys: tuple[str, ...] = ()
    defaults: tuple[str, ...] = ()
    mandatory: bool = False
    presence: bool = False
    user_ordered: bool = False
    secret: bool = False
    units: str = ""
    case: tuple[tuple[str, str], ...] = ()
    children: Mapping[str, Node] = field(default_factory=dict)

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it."""
        yield self
        for child in self.children.values():
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Schema:
    """What a server serves. ``roots``: top-level data nodes by "module:name"; so are rpcs and notifications.

    ``prefixes``: module to its own prefix. ``namespaces``: module to namespace.
    """

    roots: Mapping[str, Node]
    rpcs: Mapping[str, Node]
    notifications: Mapping[str, Node]
    namespaces: Mapping[str, str]
    prefixes: Mapping[str, str]
