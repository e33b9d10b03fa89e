"""The compiled schema: which modules are served, and a Python mirror of their nodes.

The mirror is made once, at start. Everything that later decides something from the schema (edit,
filters, validation, error paths) reads the mirror and not libyang, so no C pointer leaves this
package.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from agent.yang.native import NULL, Pointer, c_str, ffi, first_error, forget_errors, lib, text

NACM_MODULE = "ietf-netconf-acm"
# libyang keeps these in every context for its own use; this server serves none of their data.
_BUILT_IN = frozenset({"yang", "ietf-yang-schema-mount", "ietf-yang-structure-ext", "ietf-yang-metadata"})


class SchemaError(Exception):
    """A YANG module cannot be loaded; the message says which one and why."""


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

    ``cases`` names the (choice, case) pairs between the node and its parent, outermost first.
    ``children`` are data children; for an rpc or action they are its input, ``output`` the other.
    ``deny_all``, ``deny_write``: nacm:default-deny-all and -write here or above (RFC 8341 section 3.6).
    ``secret``: deny_all, so that no value may be quoted; access control itself is protected, not secret.
    ``mandatory_choices``: name of each mandatory choice directly below to the nodes of its cases.
    ``default``: canonical default of a leaf, ``defaults`` those of a leaf-list.
    ``conditional``: in a choice or under a when, so that its default is in use only under conditions.
    ``json_number``, ``json_boolean``: how RFC 7951 section 6 writes the value of a leaf.
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
    json_number: bool = False
    json_boolean: bool = False
    default: str | None = None
    defaults: tuple[str, ...] = ()
    conditional: bool = False

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
        return self.deny_all and self.module != NACM_MODULE

    @property
    def is_np_container(self) -> bool:
        return self.kind is Kind.CONTAINER and not self.presence

    @property
    def is_leafy(self) -> bool:
        return self.kind in (Kind.LEAF, Kind.LEAF_LIST)

    @property
    def has_instances(self) -> bool:
        return self.kind in (Kind.LIST, Kind.LEAF_LIST)

    def subtree(self) -> Iterator[SchemaNode]:
        yield self
        for child in self.children.values():
            yield from child.subtree()


@dataclass(frozen=True, slots=True)
class Module:
    """A module or submodule known to the context. ``implemented`` is False for import-only ones."""

    name: str
    revision: str
    namespace: str
    prefix: str
    implemented: bool
    features: tuple[str, ...] = ()
    submodules: tuple[tuple[str, str], ...] = ()
    deviated_by: tuple[str, ...] = ()
    file: Path | None = None
    yang_version_1_1: bool = False


def sized_array(pointer: Pointer) -> Iterator[Pointer]:
    """Yield the items of a libyang sized array (its length stands before its first item)."""
    if pointer != NULL:
        for index in range(int(ffi.cast("uint64_t *", pointer)[-1])):
            yield pointer[index]


class Schema:
    """A libyang context, its modules and the mirror of their nodes. ``by_file``: the name of the module in
    each of ``files``.

    Args:
        search_dirs: where imports are looked up.
        modules: (name, features) of modules to implement; features None enables all.
        files: YANG files to implement with all their features, except those in ``disabled_features``.

    Raises:
        SchemaError: a module cannot be found or does not compile.
    """

    def __init__(
        self,
        search_dirs: Sequence[Path],
        modules: Iterable[tuple[str, Sequence[str] | None]] = (),
        files: Iterable[Path] = (),
        disabled_features: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._disabled = {name: set(features) for name, features in (disabled_features or {}).items()}
        box = ffi.new("struct ly_ctx **")
        options = lib.LY_CTX_NO_YANGLIBRARY | lib.LY_CTX_DISABLE_SEARCHDIR_CWD
        if lib.ly_ctx_new(NULL, options, box) != lib.LY_SUCCESS:
            raise SchemaError("libyang could not make a context")
        self.ctx: Pointer = box[0]
        self._thread = threading.get_ident()
        self._orphans: deque[Pointer] = deque()
        self._dirs = list(dict.fromkeys(search_dirs))
        for folder in self._dirs:
            lib.ly_ctx_set_searchdir(self.ctx, c_str(str(folder)))
        for name, features in modules:
            self._load(name, features)
        self.by_file = {file: self._load_file(file) for file in files}
        self.roots: dict[QName, SchemaNode] = {}
        self.rpcs: dict[QName, SchemaNode] = {}
        self.notifications: dict[QName, SchemaNode] = {}
        self.modules = tuple(self._read_modules())
        self.by_namespace = {m.namespace: m for m in self.modules if m.implemented}
        self.by_name = {m.name: m for m in self.modules if m.implemented}
        self._by_pointer: dict[int, SchemaNode] = {}
        self._mirror()

    def node_of(self, pointer: Pointer) -> SchemaNode:
        """Return the mirror of a ``struct lysc_node *``."""
        return self._by_pointer[int(ffi.cast("uintptr_t", pointer))]

    def free(self, tree: Pointer) -> None:
        """Free a data tree now, or when the thread that owns libyang comes by next."""
        self._orphans.append(tree)
        if threading.get_ident() == self._thread:
            while self._orphans:
                lib.lyd_free_all(self._orphans.popleft())

    def close(self) -> None:
        if self.ctx != NULL:
            lib.ly_ctx_destroy(self.ctx)
            self.ctx = NULL

    def namespaces(self) -> dict[str, tuple[str, str]]:
        """Return module name to (prefix, namespace), for error paths."""
        return {m.name: (m.prefix, m.namespace) for m in self.modules if m.namespace}

    def find(self, path: str) -> SchemaNode:
        """Return the data node at the RFC 7951 schema path ``path``.

        Raises:
            KeyError: there is none.
        """
        module, node, children = "", None, self.roots
        for step in path.strip("/").split("/"):
            prefix, _, name = step.rpartition(":")
            module = prefix or module
            node = children[self.by_name[module].namespace, name]
            children = node.children
        if node is None:
            raise KeyError(path)
        return node

    def source(self, name: str, revision: str = "") -> str | None:
        """Return the YANG text of a module or submodule, or None if there is none such."""
        for module in self.modules:
            if module.name == name and revision in ("", module.revision):
                return module.file.read_text(encoding="utf-8") if module.file else self._print(module)
            for sub, sub_revision in module.submodules:
                if sub == name and revision in ("", sub_revision):
                    file = self._find_file(sub, sub_revision, module)
                    return file.read_text(encoding="utf-8") if file else None
        return None

    def _print(self, module: Module) -> str:
        """Return a module that libyang carries inside itself, printed as YANG."""
        box = ffi.new("char **")
        pointer = lib.ly_ctx_get_module(self.ctx, c_str(module.name), c_str(module.revision))
        if lib.lys_print_mem(box, pointer, lib.LYS_OUT_YANG, 0) != lib.LY_SUCCESS:
            raise SchemaError(f"module {module.name} cannot be printed: {self._last_error()}")
        try:
            return text(box[0])
        finally:
            lib.free(box[0])

    # -- loading ---------------------------------------------------------------------------

    def _load(self, name: str, features: Sequence[str] | None) -> Pointer:
        wanted = ["*"] if features is None else list(features)
        if name in self._disabled and features is None:
            return self._load_without(name)
        keep = [ffi.new("char[]", c_str(feature)) for feature in wanted]
        array = ffi.new("const char *[]", [*keep, NULL])
        module = lib.ly_ctx_load_module(self.ctx, c_str(name), NULL, array)
        if module == NULL:
            raise SchemaError(f"module {name} cannot be loaded: {self._last_error()}")
        return module

    def _load_without(self, name: str) -> Pointer:
        file = self._locate(name)
        declared = re.findall(r"(?m)^\s*feature\s+([\w.-]+)", file.read_text(encoding="utf-8"))
        return self._load(name, [f for f in declared if f not in self._disabled[name]])

    def _load_file(self, file: Path) -> str:
        if not file.is_file():
            raise SchemaError(f"there is no YANG file {file}")
        match = re.search(r"(?m)^\s*module\s+\"?([\w.-]+)", file.read_text(encoding="utf-8"))
        if match is None:
            raise SchemaError(f"{file} does not hold a YANG module")
        if file.parent not in self._dirs:
            self._dirs.append(file.parent)
            lib.ly_ctx_set_searchdir(self.ctx, c_str(str(file.parent)))
        self._load(match[1], None)
        return match[1]

    def _locate(self, name: str) -> Path:
        for folder in reversed(self._dirs):
            for file in sorted(folder.glob(f"{name}*.yang"), reverse=True):
                if file.stem == name or file.stem.startswith(f"{name}@"):
                    return file
        raise SchemaError(f"module {name} is in none of the module folders")

    def _find_file(self, name: str, revision: str, beside: Module) -> Path | None:
        folders = [beside.file.parent] if beside.file else []
        for folder in [*folders, *self._dirs]:
            for candidate in (folder / f"{name}@{revision}.yang", folder / f"{name}.yang"):
                if candidate.is_file():
                    return candidate
        return None

    def _last_error(self) -> str:
        messages, item = [], first_error(self.ctx)
        while item != NULL:
            where = f" ({text(item.path)})" if item.path != NULL else ""
            messages.append(text(item.msg) + where)
            item = item.next
        forget_errors(self.ctx)
        return "; ".join(dict.fromkeys(messages)) or "unknown reason"

    def _read_modules(self) -> Iterator[Module]:
        index = ffi.new("uint32_t *", 0)
        while (module := lib.ly_ctx_get_module_iter(self.ctx, index)) != NULL:
            if text(module.name) in _BUILT_IN and module.filepath == NULL:
                continue
            file = Path(text(module.filepath)) if module.filepath != NULL else None
            source = file.read_text(encoding="utf-8") if file else ""
            yield Module(
                text(module.name),
                text(module.revision),
                text(module.ns),
                text(module.prefix),
                bool(module.implemented),
                tuple(self._features(module)),
                tuple(self._submodules(source, file)),
                tuple(text(m.name) for m in sized_array(module.deviated_by)),
                file,
                yang_version_1_1=bool(module.parsed != NULL and module.parsed.version >= 2),
            )

    def _features(self, module: Pointer) -> Iterator[str]:
        if not module.implemented:
            return
        index, feature = ffi.new("uint32_t *", 0), NULL
        while (feature := lib.lysp_feature_next(feature, module.parsed, index)) != NULL:
            if lib.lys_feature_value(module, feature.name) == lib.LY_SUCCESS:
                yield text(feature.name)

    def _submodules(self, source: str, file: Path | None) -> Iterator[tuple[str, str]]:
        for name in re.findall(r"(?m)^\s*include\s+\"?([\w.-]+)", source):
            for folder in [file.parent] if file else []:
                for found in sorted(folder.glob(f"{name}*.yang"), reverse=True):
                    revision = re.search(r"(?m)^\s*revision\s+\"?([\d-]+)", found.read_text(encoding="utf-8"))
                    yield name, revision[1] if revision else ""
                    break

    # -- the mirror ------------------------------------------------------------------------

    def _mirror(self) -> None:
        for module in self.modules:
            if not module.implemented:
                continue
            pointer = lib.ly_ctx_get_module_latest(self.ctx, c_str(module.name))
            for node in self._siblings(NULL, pointer.compiled, 0):
                mirrored = self._node(node, None, ())
                room = {Kind.RPC: self.rpcs, Kind.NOTIFICATION: self.notifications}
                room.get(mirrored.kind, self.roots)[mirrored.qname] = mirrored

    def _siblings(self, parent: Pointer, module: Pointer, options: int) -> Iterator[Pointer]:
        node = NULL
        options |= lib.LYS_GETNEXT_WITHCHOICE | lib.LYS_GETNEXT_WITHCASE
        while (node := lib.lys_getnext(node, parent, module, options)) != NULL:
            if node.nodetype in (lib.LYS_CHOICE, lib.LYS_CASE):
                yield from self._siblings(node, NULL, options)
            else:
                yield node

    def _node(
        self, pointer: Pointer, parent: SchemaNode | None, cases: tuple[tuple[str, str], ...]
    ) -> SchemaNode:
        kind = _KINDS[pointer.nodetype]
        node = SchemaNode(
            kind,
            text(pointer.name),
            text(pointer.module.name),
            text(pointer.module.ns),
            bool(pointer.flags & lib.LYS_CONFIG_W),
            parent,
            pointer,
            self.ctx,
            cases=cases,
            deny_all=bool(parent and parent.deny_all) or _has_extension(pointer, "default-deny-all"),
            deny_write=bool(parent and parent.deny_write) or _has_extension(pointer, "default-deny-write"),
            mandatory=bool(pointer.flags & lib.LYS_MAND_TRUE),
        )
        _fill_details(self.ctx, node, pointer)
        self._by_pointer[int(ffi.cast("uintptr_t", pointer))] = node
        for child in self._siblings(pointer, NULL, 0):
            below = self._node(child, node, _cases(child))
            room = node.actions if below.kind is Kind.ACTION else node.children
            if below.kind is not Kind.NOTIFICATION:
                room[below.qname] = below
        if kind in (Kind.RPC, Kind.ACTION):
            for child in self._siblings(pointer, NULL, lib.LYS_GETNEXT_OUTPUT):
                below = self._node(child, node, _cases(child))
                node.output[below.qname] = below
        node.conditional = bool(cases) or any(True for _ in whens(pointer))
        node.keys = tuple(c.name for c in node.children.values() if c.is_key)
        node.choices_below = any(c.cases or c.choices_below for c in node.children.values())
        node.anydata_below = any(c.kind is Kind.ANYDATA or c.anydata_below for c in node.children.values())
        node.mandatory_choices = _mandatory_choices(pointer, node)
        node.shell = node.is_np_container and any(c.kind is Kind.LIST for c in node.subtree())
        return node


def _fill_details(ctx: Pointer, node: SchemaNode, pointer: Pointer) -> None:
    flags = pointer.flags
    if node.kind is Kind.CONTAINER:
        node.presence = bool(flags & lib.LYS_PRESENCE)
    elif node.kind is Kind.LEAF:
        node.is_key = bool(flags & lib.LYS_KEY)
        base = ffi.cast("struct lysc_node_leaf *", pointer).type.basetype
        node.json_number = base in _JSON_NUMBERS
        node.json_boolean = base == lib.LY_TYPE_BOOL
        dflt = ffi.cast("struct lysc_node_leaf *", pointer).dflt
        if dflt != NULL:
            node.default = text(lib.lyd_value_get_canonical(ctx, dflt))
    elif node.kind in (Kind.LIST, Kind.LEAF_LIST):
        node.user_ordered = bool(flags & lib.LYS_ORDBY_USER)
        struct = "list" if node.kind is Kind.LIST else "leaflist"
        detail = ffi.cast(f"struct lysc_node_{struct} *", pointer)
        node.min_elements = int(detail.min)
        if node.kind is Kind.LEAF_LIST:
            dflts = sized_array(detail.dflts)
            node.defaults = tuple(text(lib.lyd_value_get_canonical(ctx, dflt)) for dflt in dflts)
        node.max_elements = int(detail.max) if 0 < detail.max < 0xFFFFFFFF else None


def _has_extension(pointer: Pointer, name: str) -> bool:
    return any(
        text(getattr(ext, "def").name) == name and text(getattr(ext, "def").module.name) == NACM_MODULE
        for ext in sized_array(pointer.exts)
    )


def _cases(pointer: Pointer) -> tuple[tuple[str, str], ...]:
    """Return the (choice, case) pairs between a node and its data parent, outermost first."""
    pairs: list[tuple[str, str]] = []
    node = pointer.parent
    case = ""
    while node != NULL and node.nodetype in (lib.LYS_CHOICE, lib.LYS_CASE):
        if node.nodetype == lib.LYS_CASE:
            case = text(node.name)
        else:
            pairs.append((text(node.name), case))
            case = ""
        node = node.parent
    return tuple(reversed(pairs))


def whens(pointer: Pointer) -> Iterator[Pointer]:
    """Yield each when on a data node and on the choices and cases between it and its parent."""
    while pointer != NULL:
        yield from sized_array(lib.lysc_node_when(pointer))
        pointer = pointer.parent
        if pointer != NULL and pointer.nodetype not in (lib.LYS_CHOICE, lib.LYS_CASE):
            return


def _mandatory_choices(pointer: Pointer, node: SchemaNode) -> dict[str, tuple[QName, ...]]:
    found: dict[str, tuple[QName, ...]] = {}
    child = NULL
    while (child := lib.lys_getnext(child, pointer, NULL, lib.LYS_GETNEXT_WITHCHOICE)) != NULL:
        if child.nodetype == lib.LYS_CHOICE and child.flags & lib.LYS_MAND_TRUE:
            name = text(child.name)
            members = (c.qname for c in node.children.values() if c.cases and c.cases[0][0] == name)
            found[name] = tuple(members)
    return found


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
