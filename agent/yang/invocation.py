"""rpcs, actions and notifications of served modules: their input read, their output written."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from agent.errors import FIND_ERRORS, BadElement, InvalidValue, RpcErrors
from agent.yang.native import NULL, Pointer, ffi, forget_errors, lib
from agent.yang.nodes import (
    JSON,
    XML,
    Node,
    children,
    first_child,
    first_sibling,
    json_document,
    keys_of,
    parent_of,
    path_of,
    print_node,
    siblings,
    to_json,
    upwards,
)
from agent.yang.problems import check
from agent.yang.repeated import repeated
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree
from agent.yang.violations import missing_choices
from agent.yang.wording import reword

Changing = Callable[[], AbstractContextManager[Tree]]
"""Gives running to be changed for a moment, in which others wait for it."""


@dataclass(slots=True)
class Invocation:
    """A parsed rpc or action. ``keys``: of the list entry that an action stands in, else ()."""

    node: SchemaNode
    input: dict[str, Any]
    keys: tuple[str, ...]
    holder: SchemaNode | None
    tree: Tree
    operation: Node

    @classmethod
    def parse(cls, schema: Schema, data: bytes, changing: Changing) -> Invocation:
        """Parse the payload of an rpc, or the content of ``<action>`` with its parents.

        ``changing``: entered while the rules of the input are looked at, which may be about running.

        Raises:
            RpcErrors: unknown nodes, wrong values, a broken rule of the input.
        """
        try:
            tree, operation = _parse(schema, NULL, data, XML, lib.LYD_TYPE_RPC_YANG)
            if twice := [*repeated(schema, tree.first), *repeated(schema, first_child(operation))]:
                raise RpcErrors(twice)
            forget_errors(schema.ctx)
            _validate(tree, operation, changing)
        except RpcErrors as problem:
            for error in problem.errors:
                reword(schema, error)
            raise
        _refuse_more(schema, operation)
        node = schema.node_of(operation.schema)
        holder_node = parent_of(operation)
        holder = schema.node_of(holder_node.schema) if holder_node != NULL else None
        keys: tuple[str, ...] = ()
        if holder is not None and holder.kind is Kind.LIST:
            keys = keys_of(holder_node, holder)
        return cls(node, input=_input_of(operation), keys=keys, holder=holder, tree=tree, operation=operation)

    @property
    def holder_path(self) -> str | None:
        """Path of the data node that an action belongs to."""
        return None if self.holder is None else path_of(parent_of(self.operation))

    def exists_in(self, running: Tree) -> bool:
        """True if the data node that the action belongs to exists."""
        return self.holder is None or running.find_like(parent_of(self.operation)) != NULL

    def output_xml(self, schema: Schema, output: dict[str, Any]) -> bytes:
        """Return the output as XML children of ``<rpc-reply>``; b"" for none.

        Raises:
            RpcErrors: the output does not fit the schema, which is our own fault.
        """
        if not output:
            return b""
        for name, value in output.items():
            # One at a time: libyang 2 takes a reply of one node only.
            document = json_document({f"{self.node.module}:{name}": value})
            _parse(schema, self.operation, document, JSON, lib.LYD_TYPE_REPLY_YANG)
        input_names = {child.pointer for child in self.node.children.values()}
        return b"".join(
            print_node(child, XML) for child in children(self.operation) if child.schema not in input_names
        )


def notification_tree(schema: Schema, data: bytes, *, xml: bool = False) -> tuple[Tree, SchemaNode]:
    """Parse one notification, RFC 7951 JSON or XML.

    Raises:
        RpcErrors: it does not fit its YANG module.
    """
    tree, operation = _parse(schema, NULL, data, XML if xml else JSON, lib.LYD_TYPE_NOTIF_YANG)
    return tree, schema.node_of(operation.schema)


def _refuse_more(schema: Schema, operation: Node) -> None:
    """Refuse data beside the one action and the keys on its way (RFC 7950 section 7.15.2).

    Raises:
        BadElement: there is some.
    """
    for node in upwards(operation):
        for other in siblings(first_sibling(node)):
            if other != node and not schema.node_of(other.schema).is_key:
                name = schema.node_of(other.schema).name
                message = "an action stands alone, with the keys of the entry that it belongs to"
                raise BadElement(name, message, path=path_of(other))


def _validate(tree: Tree, operation: Node, changing: Changing) -> None:
    """Refuse input that breaks a rule.

    Raises:
        RpcErrors: it does.
    """
    with changing() as running:  # libyang puts the input into it meanwhile
        rc = lib.lyd_validate_op(tree.first, running.first, lib.LYD_TYPE_RPC_YANG, NULL)
    try:
        check(tree.schema, rc)
    except RpcErrors as problem:
        if not any(error.app_tag == "missing-choice" for error in problem.errors):
            raise
        # libyang names the first one, and not its place.
        raise RpcErrors([*islice(missing_choices(tree, operation), FIND_ERRORS)] or problem.errors) from None


def _input_of(operation: Node) -> dict[str, Any]:
    if first_child(operation) == NULL:
        return {}
    return to_json(operation)


def _parse(schema: Schema, parent: Pointer, data: bytes, format: int, kind: int) -> tuple[Tree, Node]:
    if b"\0" in data:
        raise InvalidValue("a NUL character cannot be part of a message")
    source = ffi.new("struct ly_in **")
    text = ffi.new("char[]", data)
    check(schema, lib.ly_in_new_memory(text, source))
    tree, operation = ffi.new("struct lyd_node **"), ffi.new("struct lyd_node **")
    forget_errors(schema.ctx)
    try:
        rc = lib.lyd_parse_op(
            schema.ctx, parent, source[0], format, kind, tree if parent == NULL else NULL, operation
        )
    finally:
        lib.ly_in_free(source[0], False)
    owned = Tree(schema, tree[0]) if parent == NULL else Tree(schema)
    check(schema, rc)
    return owned, operation[0]
