"""What is recorded and does not fit the YANG modules of this server as it is: what of it can be used.

What is of modules that are not served is left out, and said. Access control never opens by that: a rule is
left out only where nothing can be there that it keeps anybody from; what cannot be used otherwise is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agent.datastore.moved_rules import parse_path
from agent.datastore.moves import CannotMove
from agent.errors import RpcError, RpcErrors
from agent.xml import Element, XmlError, drop, local_name, namespace, parse, serialize
from agent.yang.nodes import NO_NODE, children, keys_of
from agent.yang.schema import Schema
from agent.yang.schema_node import NACM_MODULE
from agent.yang.tree import Tree

NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
RULE_LISTS = f"/{NACM_MODULE}:nacm/rule-list"
"""The unit that all rule-lists are together."""

WHAT_TO_DO = (
    "Serve the modules that it was made with, or start the version that wrote it, and change or delete it "
    "there; if it is damaged, put a copy of the data folder in its place"
)


class DoesNotFit(Exception):
    """What is recorded cannot be used. ``opens``: without it access might be open that was not."""

    def __init__(self, what: str, *, opens: bool = False) -> None:
        super().__init__(what)
        self.opens = opens


@dataclass(slots=True)
class Fitted:
    """What can be used, and sentences about what is left out; about rules by the name of their rule-list."""

    tree: Tree
    left_out: list[str] = field(default_factory=list)
    rule_lists: dict[str, str] = field(default_factory=dict)


def fitted(schema: Schema, content: bytes) -> Fitted:
    """*worker* Return what can be used of ``content`` (XML of some top-level elements).

    Raises:
        DoesNotFit: it is no XML, or something in it does not fit the modules that are served.
    """
    try:
        return Fitted(Tree.parse(schema, content))
    except RpcErrors as problem:
        where = problem.errors[0].path
    except RpcError as problem:
        where = problem.path
    try:
        root = parse(b"<all>" + content + b"</all>", max_elements=len(content) + 1)
    except XmlError as problem:
        raise DoesNotFit(str(problem), opens=NACM.encode() in content) from None
    found = Fitted(Tree(schema))
    found.left_out.extend(_without_unserved(schema, root))
    for nacm in [top for top in root if namespace(top) == NACM]:
        found.rule_lists.update(_without_rules(schema, nacm))
    rest = b"".join(serialize(top) for top in root)
    try:
        found.tree = Tree.parse(schema, rest)
    except RpcErrors as problem:
        where = problem.errors[0].path or where or "it"
        opens = any(namespace(top) == NACM for top in root)
        raise DoesNotFit(f"{where} does not fit the YANG modules of this server", opens=opens) from None
    return found


def rule_lists_of(tree: Tree) -> frozenset[str]:
    """*worker* Return the names of the rule-lists in ``tree``."""
    nacm = tree.find(f"/{NACM_MODULE}:nacm")
    if nacm == NO_NODE:
        return frozenset()
    nodes = ((node, tree.schema.node_of(node.schema)) for node in children(nacm))
    return frozenset(keys_of(node, found)[0] for node, found in nodes if found.path == RULE_LISTS)


def _without_unserved(schema: Schema, element: Element) -> Iterator[str]:
    """Take out what is of modules that are not served; yield a sentence about each."""
    for child in list(element):
        uri = namespace(child)
        if uri not in schema.by_namespace:
            drop(child)
            yield f"'{local_name(child)}' is left out: no module of this server has the namespace {uri}"
        else:
            yield from _without_unserved(schema, child)


def _without_rules(schema: Schema, nacm: Element) -> Iterator[tuple[str, str]]:
    """Take out the rules whose path means nothing here; yield the rule-list of each, and a sentence.

    Raises:
        DoesNotFit: it might keep somebody from something.
    """
    for rule_list in [child for child in nacm if local_name(child) == "rule-list"]:
        name, told = _leaves(rule_list).get("name", ""), []
        for rule in [child for child in rule_list if local_name(child) == "rule"]:
            if not _fits(schema, rule):
                what = f"rule '{_leaves(rule).get('name')}' of rule-list '{name}'"
                told.append(f"{what} is left out: {_why_it_may_go(schema, rule, f'{what} (access control)')}")
                drop(rule)
        if told:
            yield name, "; ".join(told)


def _leaves(element: Element) -> Mapping[str, str]:
    return {local_name(child): (child.text or "").strip() for child in element}


def _fits(schema: Schema, rule: Element) -> bool:
    text = f"<nacm xmlns={NACM!r}><rule-list><name>-</name>".encode()
    try:
        Tree.parse(schema, text + serialize(rule) + b"</rule-list></nacm>")
    except RpcErrors:
        return False
    return True


def _why_it_may_go(schema: Schema, rule: Element, what: str) -> str:
    leaves = _leaves(rule)
    path = next((child for child in rule if local_name(child) == "path"), None)
    try:
        uris = [] if path is None else _namespaces(path, leaves["path"])
    except CannotMove as problem:
        raise DoesNotFit(f"{what} is damaged: {problem}", opens=True) from None
    if path is None or not uris:
        raise DoesNotFit(f"{what} does not fit the YANG modules of this server", opens=True)
    for uri in uris:
        if uri not in schema.by_namespace:
            return f"it is about {leaves['path']}, and no module of this server has the namespace {uri}"
    if leaves.get("action") == "permit":
        return f"it permits {leaves['path']}, which the YANG modules of this server do not have"
    drop(path)
    if not _fits(schema, rule):
        raise DoesNotFit(f"{what} does not fit the YANG modules of this server", opens=True)
    raise DoesNotFit(
        f"{what} denies {leaves['path']}, which the YANG modules of this server do not have; whether that "
        "has another name now, and would be open, nobody knows",
        opens=True,
    )


def _namespaces(path: Element, text: str) -> list[str]:
    """Return the namespace of each step of a rule's path.

    Raises:
        CannotMove: it is none.
    """

    def of(prefix: str) -> str:
        if prefix not in path.nsmap:
            raise CannotMove(f"nothing declares the prefix '{prefix}'")
        return str(path.nsmap[prefix])

    return [each.step[0] for each in parse_path(text, of)]
