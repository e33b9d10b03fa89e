"""Every rule that a data tree breaks, not only the first one.

libyang stops at the first error, and libyang 2 and 3 tell another place of what is missing. When it has
refused a tree, this walk looks again at each node and collects all that can be known: must, when, mandatory,
min- and max-elements, unique, leafref, with the tags, app-tags and paths of RFC 7950 section 15.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import islice

from agent.errors import FIND_ERRORS, DataMissing, OperationFailed, RpcError, UnknownElement
from agent.yang import native
from agent.yang.native import NULL, Pointer, address, cast_extra, extra, ffi, lib, sized_array, text, whens
from agent.yang.nodes import Node, children, instances, is_default, path_of, path_to_show, siblings, value_of
from agent.yang.problems import YANG_1, missing_choice
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree

_PARENTS = lib.LYS_CONTAINER | lib.LYS_LIST | lib.LYS_RPC | lib.LYS_ACTION


def violations(tree: Tree) -> list[RpcError]:
    """Return what is wrong with ``tree``, to which the defaults have been added; at most FIND_ERRORS."""
    found = list(islice(_violations(tree), FIND_ERRORS))
    native.forget_errors(tree.schema.ctx)
    return found


def missing_choices(tree: Tree, node: Node) -> Iterator[RpcError]:
    """Yield an error for each mandatory choice of which nothing is there, in ``node`` and below."""
    if node.schema.nodetype & _PARENTS:
        present = {address(child.schema) for child in children(node)}
        yield from _missing_choices(node, tree.schema.node_of(node.schema), present)
        for child in children(node):
            yield from missing_choices(tree, child)


def _violations(tree: Tree) -> Iterator[RpcError]:
    for node in siblings(tree.first):
        yield from _walk(tree, node)
    for root in tree.schema.roots.values():
        if root.has_instances and root.config:
            nodes = list(instances(tree.first, root))
            if nodes:
                yield from _list_rules(root, nodes, f"/{root.module}:{root.name}")


def _walk(tree: Tree, node: Node) -> Iterator[RpcError]:
    schema_node = tree.schema.node_of(node.schema)
    path = partial(path_to_show, node, schema_node)
    for when in whens(node.schema):
        if not is_default(node) and not _holds(node, when.cond, when.prefixes, when.context == node.schema):
            yield UnknownElement(
                schema_node.name,
                f"'{schema_node.name}' exists only when {text(lib.lyxp_get_expr(when.cond))}",
                path=path(),
            )
            return
    for must in sized_array(lib.lysc_node_musts(node.schema)):
        if not _holds(node, must.cond, must.prefixes, True):
            rule = text(lib.lyxp_get_expr(must.cond))
            yield OperationFailed(
                text(must.emsg) or f'the rule "{rule}" is not satisfied',
                path=path(),
                app_tag=text(must.eapptag) or "must-violation",
            )
    if schema_node.is_leafy:
        yield from _reference(tree, node, schema_node)
    elif schema_node.is_interior:
        yield from _children_rules(node, schema_node)
        for child in children(node):
            yield from _walk(tree, child)


def _applies(parent: Node, child: SchemaNode) -> bool:
    """True if every when of ``child``, of which ``parent`` has no instance, holds."""
    conditions = list(whens(child.pointer))
    if not conditions:
        return True
    box = native.out_extra()
    # As libyang does: a node without meaning stands where the child would, and is looked at from.
    extra.lyd_new_opaq(
        cast_extra(parent),
        native.NULL_TEXT,
        child.name.encode(),
        native.NULL_TEXT,
        native.NULL_TEXT,
        child.module.encode(),
        box,
    )
    stand_in = native.from_extra(box[0])
    try:
        return all(
            _evaluate(
                stand_in if when.context == child.pointer else parent,
                child.pointer.module,
                when.cond,
                when.prefixes,
            )
            for when in conditions
        )
    finally:
        lib.lyd_free_tree(stand_in)


def _choice_applies(parent: Node, members: Sequence[Pointer]) -> bool:
    """True if every when of the choice directly below ``parent`` that ``members`` stand in holds."""
    choice = next(iter(members), NULL)
    while (
        choice != NULL and choice.parent != NULL and choice.parent.nodetype in (lib.LYS_CHOICE, lib.LYS_CASE)
    ):
        choice = choice.parent
    return choice == NULL or all(
        _evaluate(parent, choice.module, when.cond, when.prefixes)
        for when in sized_array(lib.lysc_node_when(choice))
    )


def _holds(node: Node, condition: Pointer, prefixes: Pointer, on_node: bool) -> bool:
    """Evaluate a must or when; one that cannot be evaluated is left to libyang's own verdict."""
    context = node if on_node or node.parent == NULL else ffi.cast("struct lyd_node *", node.parent)
    return _evaluate(context, node.schema.module, condition, prefixes)


def _evaluate(context: Node, module: Pointer, condition: Pointer, prefixes: Pointer) -> bool:
    result = native.out_extra_bool()
    rc = extra.lyd_eval_xpath3(
        cast_extra(context),
        cast_extra(module),
        native.text_extra(lib.lyxp_get_expr(condition)),
        native.LY_VALUE_SCHEMA_RESOLVED,
        cast_extra(prefixes),
        native.NULL_TEXT,
        result,
    )
    return bool(rc != lib.LY_SUCCESS or result[0])


def _reference(tree: Tree, node: Node, schema_node: SchemaNode) -> Iterator[RpcError]:
    value = value_of(node).encode()
    rc, _ = native.value_validate(tree.schema.ctx, node.schema, value, context=node)
    if rc not in (lib.LY_SUCCESS, lib.LY_EINCOMPLETE):
        native.forget_errors(tree.schema.ctx)
        shown = "the value" if schema_node.secret else f"'{value.decode()}'"
        yield DataMissing(
            f"{shown} of '{schema_node.name}' refers to something that does not exist",
            path=path_to_show(node, schema_node),
            app_tag="instance-required",
        )


def _children_rules(node: Node, schema_node: SchemaNode) -> Iterator[RpcError]:
    present: dict[int, list[Node]] = defaultdict(list)
    for child in children(node):
        present[address(child.schema)].append(child)
    selected = {
        pair
        for child in schema_node.children.values()
        if any(not is_default(n) for n in present.get(address(child.pointer), ()))
        for pair in child.cases
    }
    yield from _missing_choices(node, schema_node, present)
    for child in schema_node.children.values():
        if not child.config or not set(child.cases) <= selected:
            continue
        nodes = present.get(address(child.pointer), [])
        if child.has_instances:
            needed = bool(nodes) or _applies(node, child)
            yield from _list_rules(child, nodes, _child_path(node, child), needed=needed)
        elif child.mandatory and not nodes and _applies(node, child):
            yield DataMissing(f"the mandatory node '{child.name}' is missing", path=_child_path(node, child))


def _missing_choices(node: Node, schema_node: SchemaNode, present: Collection[int]) -> Iterator[RpcError]:
    """Yield an error for each mandatory choice in ``node`` of which no case is there.

    ``present``: addresses of the schema nodes of what is there."""
    for qualified, members in schema_node.mandatory_choices.items():
        choice = qualified.partition(":")[2]
        nodes_of = [schema_node.children[m].pointer for m in members]
        if not any(address(n) in present for n in nodes_of) and _choice_applies(node, nodes_of):
            names = ", ".join(sorted(name for _, name in members))
            message = f"one of the cases of the choice '{choice}' is mandatory: {names}"
            yield missing_choice(choice, message, path_of(node))


def _list_rules(
    child: SchemaNode, nodes: list[Node], path: str, *, needed: bool = True
) -> Iterator[RpcError]:
    if len(nodes) < child.min_elements and needed:
        yield OperationFailed(
            f"'{child.name}' needs at least {child.min_elements} entries and has {len(nodes)}",
            path=path,
            app_tag="too-few-elements",
        )
    if child.max_elements is not None and len(nodes) > child.max_elements:
        yield OperationFailed(
            f"'{child.name}' may have at most {child.max_elements} entries and has {len(nodes)}",
            path=path,
            app_tag="too-many-elements",
        )
    if child.kind is Kind.LIST:
        yield from _unique_rules(child, nodes, path)


def _unique_rules(child: SchemaNode, nodes: list[Node], path: str) -> Iterator[RpcError]:
    detail = ffi.cast("struct lysc_node_list *", child.pointer)
    for unique in sized_array(detail.uniques):
        leafs = list(sized_array(unique))
        seen: dict[tuple[str, ...], list[Node]] = defaultdict(list)
        for node in nodes:
            values = [_value_below(node, ffi.cast("struct lysc_node *", leaf)) for leaf in leafs]
            if None not in values:
                seen[tuple(v or "" for v in values)].append(node)
        for same in (group for group in seen.values() if len(group) > 1):
            names = " ".join(text(ffi.cast("struct lysc_node *", leaf).name) for leaf in leafs)
            yield OperationFailed(
                f"entries of '{child.name}' have the same {names}, which must be unique",
                path=path,
                app_tag="data-not-unique",
                # Sorted: libyang 3 keeps a list that the system orders by its keys, libyang 2 as it came.
                info={f"{YANG_1}non-unique": tuple(sorted(path_of(node) for node in same))},
            )


def _value_below(entry: Node, leaf: Pointer) -> str | None:
    """Return the value of the descendant ``leaf`` of a list entry, or None if it has none."""
    chain = [leaf]
    while chain[-1].parent != entry.schema:
        chain.append(chain[-1].parent)
    node = entry
    for step in reversed(chain):
        if step.nodetype in (lib.LYS_CHOICE, lib.LYS_CASE):
            continue
        node = next((c for c in children(node) if c.schema == step), NULL)
        if node == NULL:
            return None
    return value_of(node)


def _child_path(node: Node, child: SchemaNode) -> str:
    prefix = "" if text(node.schema.module.name) == child.module else f"{child.module}:"
    return f"{path_of(node)}/{prefix}{child.name}"
