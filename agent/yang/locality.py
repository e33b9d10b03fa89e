"""Which modules can be validated unit by unit: decided from the schema, never by hand.

A module is local when no rule of it looks outside the unit (agent.yang.units) that holds the node:
must, when and leafref stay inside, its lists of units have no unique, min- or max-elements, nothing
at the level of shells is mandatory, and no instance-identifier must exist. Changed units of local
modules are validated alone; one changed unit of any other module means validating everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from agent.yang import native
from agent.yang.native import (
    NULL,
    Pointer,
    cast_extra,
    extra,
    ffi,
    from_extra,
    lib,
    out_extra,
    sized_array,
    text,
    whens,
)
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, SchemaNode

# What reaches a sibling or an ancestor without naming it, or looks everywhere for a name, shows no schema
# node outside the unit.
_WIDE_AXES = ("sibling::", "ancestor", "following::", "preceding::", "//", "descendant", "id(", "deref(")


def local_modules(schema: Schema) -> frozenset[str]:
    """Return the names of the modules whose data may be validated unit by unit."""
    wide: set[str] = set()
    for root in schema.roots.values():
        for node in root.subtree():
            if _reaches_out(schema, node):
                # A rule that reads another module makes a change there matter here, too.
                wide.update({root.module, node.module, *_modules_read(node)})
    return frozenset(m.name for m in schema.modules if m.implemented) - wide


_MOVING: WeakKeyDictionary[Schema, frozenset[str]] = WeakKeyDictionary()


def moving_defaults(schema: Schema) -> frozenset[str]:
    """Return the names of the modules in which a default may depend on another unit than its own, and of
    those that it depends on."""
    if schema not in _MOVING:
        _MOVING[schema] = _moving_defaults(schema)
    return _MOVING[schema]


def _moving_defaults(schema: Schema) -> frozenset[str]:
    moving: set[str] = set()
    for root in schema.roots.values():
        for node in root.subtree() if root.config else ():
            if node.is_implicit and (read := _read_from_elsewhere(node)) is not None:
                moving.update({root.module, node.module, *read})
    return frozenset(moving)


def _read_from_elsewhere(node: SchemaNode) -> set[str] | None:
    """Return the modules that the conditions of ``node`` read, None if these look at its unit alone."""
    unit = _unit_of(node)
    conditions = list(_conditions(node))
    if not (unit is node and node.cases) and not any(_leaves(unit, *condition) for condition in conditions):
        return None
    return {text(_top(atom).module.name) for atoms, _ in conditions for atom in filter(None, atoms)}


def _reaches_out(schema: Schema, node: SchemaNode) -> bool:
    unit = _unit_of(node)
    if unit is None and node.mandatory_choices:
        return True
    if unit is node and (node.cases or _must_exist(node)):
        return True  # a case that is chosen drives out others, which are units of their own
    if unit is node and node.kind is Kind.LIST and _has_unique(node):
        return True
    if _requires_instance(node):
        return True
    return any(_leaves(unit, atoms, expression) for atoms, expression in _rules(node))


def _must_exist(unit: SchemaNode) -> bool:
    """True if the absence (or number) of this unit can itself be an error."""
    if unit.has_instances:
        counted_inside = unit.kind is Kind.LEAF_LIST or unit.user_ordered
        return bool(unit.min_elements) or (unit.max_elements is not None and not counted_inside)
    if unit.is_np_container:
        return bool(unit.mandatory_choices) or any(_must_exist(c) for c in unit.children.values())
    return unit.mandatory


def _unit_of(node: SchemaNode) -> SchemaNode | None:
    chain: list[SchemaNode] = []
    step: SchemaNode | None = node
    while step is not None:
        chain.append(step)
        step = step.parent
    return next((s for s in reversed(chain) if not s.shell), None)


def _leaves(unit: SchemaNode | None, atoms: list[Pointer | None], expression: str) -> bool:
    if unit is None or any(axis in expression for axis in _WIDE_AXES):
        return True
    # Above a top-level list there is only the root, which is no schema node.
    is_top_list = unit.parent is None and unit.has_instances
    if is_top_list and any(atom == unit.pointer for atom in atoms):
        return True
    return not all(_inside(atom, unit.pointer) for atom in atoms)


def _inside(atom: Pointer | None, unit: Pointer) -> bool:
    while atom is not None and atom != NULL:
        if atom == unit:
            return True
        atom = atom.parent
    return False


def _modules_read(node: SchemaNode) -> Iterator[str]:
    for atoms, _ in _rules(node):
        for atom in filter(None, atoms):
            yield text(_top(atom).module.name)


def _top(atom: Pointer) -> Pointer:
    while atom.parent != NULL:
        atom = atom.parent
    return atom


def _rules(node: SchemaNode) -> Iterator[tuple[list[Pointer | None], str]]:
    """Yield (schema nodes that the rule reads, its text) of each must, when and leafref."""
    pointer = node.pointer
    for must in sized_array(lib.lysc_node_musts(pointer)):
        yield _atoms(pointer, pointer.module, must.cond, must.prefixes), text(lib.lyxp_get_expr(must.cond))
    yield from _conditions(node)
    for kind in _leaf_types(node):
        if kind.basetype == lib.LY_TYPE_LEAFREF:
            ref = ffi.cast("struct lysc_type_leafref *", kind)
            if ref.require_instance:
                yield (
                    _atoms(pointer, pointer.module, ref.path, ref.prefixes),
                    text(lib.lyxp_get_expr(ref.path)),
                )


def _conditions(node: SchemaNode) -> Iterator[tuple[list[Pointer | None], str]]:
    """As ``_rules``, for each when."""
    pointer = node.pointer
    for when in whens(pointer):
        expression = text(lib.lyxp_get_expr(when.cond))
        yield _atoms(when.context, pointer.module, when.cond, when.prefixes), expression


def _leaf_types(node: SchemaNode) -> Iterator[Pointer]:
    if node.kind is Kind.LEAF:
        yield from _flat_types(ffi.cast("struct lysc_node_leaf *", node.pointer).type)
    elif node.kind is Kind.LEAF_LIST:
        yield from _flat_types(ffi.cast("struct lysc_node_leaflist *", node.pointer).type)


def _flat_types(kind: Pointer) -> Iterator[Pointer]:
    yield kind
    if kind.basetype == lib.LY_TYPE_UNION:
        for member in sized_array(ffi.cast("struct lysc_type_union *", kind).types):
            yield from _flat_types(member)


def _requires_instance(node: SchemaNode) -> bool:
    return any(
        kind.basetype == lib.LY_TYPE_INST and ffi.cast("struct lysc_type_instanceid *", kind).require_instance
        for kind in _leaf_types(node)
    )


def _has_unique(node: SchemaNode) -> bool:
    return bool(ffi.cast("struct lysc_node_list *", node.pointer).uniques != NULL)


def _atoms(context: Pointer, module: Pointer, expression: Pointer, prefixes: Pointer) -> list[Pointer | None]:
    box = out_extra()
    rc = extra.lys_find_expr_atoms(
        cast_extra(context), cast_extra(module), cast_extra(expression), cast_extra(prefixes), 0, box
    )
    if rc != lib.LY_SUCCESS:
        return [None]  # unknown reach counts as outside
    found = from_extra(box[0], "struct ly_set *")
    try:
        return [found.snodes[index] for index in range(found.count)]
    finally:
        lib.ly_set_free(found, native.NULL)
