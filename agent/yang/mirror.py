"""The mirror: every node of the served modules as a SchemaNode, made once from what libyang compiled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.yang.modules import SchemaError
from agent.yang.native import (
    NULL,
    Pointer,
    address,
    c_str,
    crashes_on,
    ffi,
    holds_expression,
    lib,
    may_be_long,
    must_lead_somewhere,
    sized_array,
    text,
    whens,
)
from agent.yang.prefixed import confusable, holds_names
from agent.yang.schema_node import NACM_MODULE, Kind, QName, SchemaNode


class Mirror:
    """The nodes of the implemented modules ``names`` of a context.

    ``roots``, ``rpcs`` and ``notifications``: those at the top. ``by_pointer``: all, by the address of their
    ``struct lysc_node``.
    """

    def __init__(self, ctx: Pointer, names: Iterable[str]) -> None:
        self._ctx = ctx
        self.roots: dict[QName, SchemaNode] = {}
        self.rpcs: dict[QName, SchemaNode] = {}
        self.notifications: dict[QName, SchemaNode] = {}
        self.by_pointer: dict[int, SchemaNode] = {}
        rooms = {Kind.RPC: self.rpcs, Kind.NOTIFICATION: self.notifications}
        for name in names:
            module = lib.ly_ctx_get_module_latest(ctx, c_str(name))
            for pointer in _siblings(NULL, module.compiled, 0):
                node = self._node(pointer, None, _cases(pointer))
                rooms.get(node.kind, self.roots)[node.qname] = node

    def _node(
        self, pointer: Pointer, parent: SchemaNode | None, cases: tuple[tuple[str, str], ...]
    ) -> SchemaNode:
        kind = _KINDS[pointer.nodetype]
        node = SchemaNode(
            kind,
            name=text(pointer.name),
            module=text(pointer.module.name),
            namespace=text(pointer.module.ns),
            config=bool(pointer.flags & lib.LYS_CONFIG_W),
            parent=parent,
            pointer=pointer,
            ctx=self._ctx,
            cases=cases,
            deny_all=bool(parent and parent.deny_all) or _has_extension(pointer, "default-deny-all"),
            deny_write=bool(parent and parent.deny_write) or _has_extension(pointer, "default-deny-write"),
            mandatory=bool(pointer.flags & lib.LYS_MAND_TRUE),
        )
        if node.is_leafy and crashes_on(pointer):
            raise SchemaError(
                f"module {node.module}: '{node.name}' is a union with an instance-identifier that must exist,"
                " which libyang 2.1 cannot check: use libyang 3 (Debian 13), or add require-instance false"
            )
        if node.is_leafy:
            node.holds_names = holds_names(pointer)
            node.confusable = confusable(pointer)
            node.is_expression = holds_expression(pointer)
            node.may_be_long = may_be_long(pointer)
            node.leads_somewhere = must_lead_somewhere(pointer)
        _fill_details(self._ctx, node, pointer)
        self.by_pointer[address(pointer)] = node
        for child in _siblings(pointer, NULL, 0):
            below = self._node(child, node, _cases(child))
            room = node.actions if below.kind is Kind.ACTION else node.children
            if below.kind is not Kind.NOTIFICATION:
                room[below.qname] = below
        if kind in (Kind.RPC, Kind.ACTION):
            for child in _siblings(pointer, NULL, lib.LYS_GETNEXT_OUTPUT):
                below = self._node(child, node, _cases(child))
                node.output[below.qname] = below
        node.conditional = bool(cases) or any(True for _ in whens(pointer))
        node.keys = tuple(c.name for c in node.children.values() if c.is_key)
        node.choices_below = any(c.cases or c.choices_below for c in node.children.values())
        node.anydata_below = any(c.kind is Kind.ANYDATA or c.anydata_below for c in node.children.values())
        node.default_lists = bool(node.defaults) or any(c.default_lists for c in node.children.values())
        inside = (*node.children.values(), *node.actions.values())
        node.leads_somewhere = node.leads_somewhere or any(c.leads_somewhere for c in inside)
        node.shifting = tuple(c for c in node.children.values() if _shifts(c))
        node.mandatory_choices = _mandatory_choices(pointer, node)
        node.shell = node.is_np_container and any(c.kind is Kind.LIST for c in node.subtree())
        return node


def _shifts(node: SchemaNode) -> bool:
    return node.config and (bool(node.shifting) or (node.conditional and node.is_implicit))


def _siblings(parent: Pointer, module: Pointer, options: int) -> Iterator[Pointer]:
    node = NULL
    options |= lib.LYS_GETNEXT_WITHCHOICE | lib.LYS_GETNEXT_WITHCASE
    while (node := lib.lys_getnext(node, parent, module, options)) != NULL:
        if node.nodetype in (lib.LYS_CHOICE, lib.LYS_CASE):
            yield from _siblings(node, NULL, options)
        else:
            yield node


def _fill_details(ctx: Pointer, node: SchemaNode, pointer: Pointer) -> None:
    flags = pointer.flags
    if node.kind is Kind.CONTAINER:
        node.presence = bool(flags & lib.LYS_PRESENCE)
    elif node.kind is Kind.LEAF:
        node.is_key = bool(flags & lib.LYS_KEY)
        base = ffi.cast("struct lysc_node_leaf *", pointer).type.basetype
        node.names_data = base == lib.LY_TYPE_INST
        node.json_number = base in _JSON_NUMBERS
        node.json_boolean = base == lib.LY_TYPE_BOOL
        node.holds_nothing = base == lib.LY_TYPE_EMPTY
        dflt = ffi.cast("struct lysc_node_leaf *", pointer).dflt
        if dflt != NULL:
            node.default = text(lib.lyd_value_get_canonical(ctx, dflt))
    elif node.has_instances:
        node.user_ordered = bool(flags & lib.LYS_ORDBY_USER)
        struct = "list" if node.kind is Kind.LIST else "leaflist"
        detail = ffi.cast(f"struct lysc_node_{struct} *", pointer)
        node.min_elements = int(detail.min)
        if node.kind is Kind.LEAF_LIST:
            node.names_data = detail.type.basetype == lib.LY_TYPE_INST
            dflts = sized_array(detail.dflts)
            node.defaults = tuple(text(lib.lyd_value_get_canonical(ctx, dflt)) for dflt in dflts)
        node.max_elements = int(detail.max) if 0 < detail.max < 0xFFFFFFFF else None


def _has_extension(pointer: Pointer, name: str) -> bool:
    return any(
        text(getattr(ext, "def").name) == name and text(getattr(ext, "def").module.name) == NACM_MODULE
        for ext in sized_array(pointer.exts)
    )


def _cases(pointer: Pointer) -> tuple[tuple[str, str], ...]:
    """Return the (choice, case) pairs between a node and its data parent, outermost first.

    Both with their module: two modules may give the same name to choices that they add to one parent, or to
    cases of one choice.
    """
    pairs: list[tuple[str, str]] = []
    node = pointer.parent
    case = ""
    while node != NULL and node.nodetype in (lib.LYS_CHOICE, lib.LYS_CASE):
        if node.nodetype == lib.LYS_CASE:
            case = _qualified(node)
        else:
            pairs.append((_qualified(node), case))
            case = ""
        node = node.parent
    return tuple(reversed(pairs))


def _mandatory_choices(pointer: Pointer, node: SchemaNode) -> dict[str, tuple[QName, ...]]:
    found: dict[str, tuple[QName, ...]] = {}
    child = NULL
    while (child := lib.lys_getnext(child, pointer, NULL, lib.LYS_GETNEXT_WITHCHOICE)) != NULL:
        if child.nodetype == lib.LYS_CHOICE and child.flags & lib.LYS_MAND_TRUE:
            choice = _qualified(child)
            members = (c.qname for c in node.children.values() if c.cases and c.cases[0][0] == choice)
            found[choice] = tuple(members)
    return found


def _qualified(pointer: Pointer) -> str:
    return f"{text(pointer.module.name)}:{text(pointer.name)}"


_JSON_NUMBERS = frozenset(
    {
        lib.LY_TYPE_INT8,
        lib.LY_TYPE_INT16,
        lib.LY_TYPE_INT32,
        lib.LY_TYPE_UINT8,
        lib.LY_TYPE_UINT16,
        lib.LY_TYPE_UINT32,
    }
)
_KINDS = {
    lib.LYS_CONTAINER: Kind.CONTAINER,
    lib.LYS_LEAF: Kind.LEAF,
    lib.LYS_LEAFLIST: Kind.LEAF_LIST,
    lib.LYS_LIST: Kind.LIST,
    lib.LYS_ANYDATA: Kind.ANYDATA,
    lib.LYS_ANYXML: Kind.ANYDATA,
    lib.LYS_RPC: Kind.RPC,
    lib.LYS_ACTION: Kind.ACTION,
    lib.LYS_NOTIF: Kind.NOTIFICATION,
}
