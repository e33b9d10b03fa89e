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

    ``choices``: of an identityref "module:name". ``members``: of a union; of a leafref, one: the type of what
    it points to, as far as that is known. ``target``: of a leafref, the nodes from the root down to what it
    points to, as "module:name" each, () where that is not known. ``ranges`` and ``lengths``: inclusive pairs,
    as text, "min" and "max" resolved. ``messages``: what the module says about a value that is refused, by
    pattern, or by "range" or "length".
    """

    base: str
    name: str
    choices: tuple[Choice, ...] = ()
    members: tuple[Type, ...] = ()
    patterns: tuple[str, ...] = ()
    ranges: tuple[tuple[str, str], ...] = ()
    lengths: tuple[tuple[str, str], ...] = ()
    fraction_digits: int = 0
    target: tuple[str, ...] = ()
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Must:
    """A condition of a node (RFC 7950 section 7.5.3), and what its module says where it is false."""

    condition: str
    message: str


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One node; choices and cases are not nodes: ``case`` names those it is in, outermost first.

    ``secret``: NACM denies it to everybody by default (RFC 8341, default-deny-all), so it is asked for
    without echo and kept nowhere. ``units``: as the module says, "" without. ``musts``: conditions whose
    module says what is wrong where they are false. ``children``: by name, or by
    "module:name" where two modules gave the same name; of an rpc or an action, "input" and "output".
    ``description``: paragraphs of one line each, with an empty line between two.
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
    musts: tuple[Must, ...] = ()
    children: Mapping[str, Node] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """The name of its elements, as lxml has it: {namespace}name."""
        return f"{{{self.namespace}}}{self.name}"

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it."""
        yield self
        for child in self.children.values():
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Schema:
    """What a server serves. ``roots``: top-level data nodes by "module:name"; so are rpcs and notifications.

    ``prefixes``: module to its own prefix. ``namespaces``: module to namespace. ``left_out``: modules that
    could not be used, and why.
    """

    roots: Mapping[str, Node]
    rpcs: Mapping[str, Node]
    notifications: Mapping[str, Node]
    namespaces: Mapping[str, str]
    prefixes: Mapping[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict)
