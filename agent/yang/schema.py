"""The compiled schema: which modules are served, and a Python mirror of their nodes.

The mirror is made once, at start. Everything that later decides something from the schema (edit,
filters, validation, error paths) reads the mirror and not libyang, so no C pointer of the schema is needed
outside of this package.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from agent.yang.mirror import Mirror
from agent.yang.modules import ModuleLoader, SchemaError, print_module, read_modules
from agent.yang.native import NULL, Pointer, address, ffi, lib
from agent.yang.paths import steps_of
from agent.yang.schema_node import QName, SchemaNode


class Schema:
    """A libyang context, its modules and the mirror of their nodes. ``by_file``: the name of the module in
    each of ``files``. ``hints``: where a top-level node is now that was in a module of another revision, as a
    sentence, by its namespace and name. ``names``: as ``agent.translator.Translator.names``, of all of them.
    ``states``: where the state of an entry is below it, by the path of the list, e.g. ``/state``.

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
        box = ffi.new("struct ly_ctx **")
        options = lib.LY_CTX_NO_YANGLIBRARY | lib.LY_CTX_DISABLE_SEARCHDIR_CWD
        if lib.ly_ctx_new(NULL, options, box) != lib.LY_SUCCESS:
            raise SchemaError("libyang could not make a context")
        self.ctx: Pointer = box[0]
        self._threads = {threading.get_ident()}
        self._at_once: set[int] = set()
        self._orphans: deque[Pointer] = deque()
        self.when_orphaned: Callable[[], None] | None = None
        """Hears, on any thread, that a tree was dropped which waits for a thread that frees."""
        self.freeing_s = 0.0
        """How long threads that free have taken for it until now."""
        self._loader = ModuleLoader(self.ctx, search_dirs, disabled_features or {})
        for name, features in modules:
            self._loader.load(name, features)
        self.by_file = {file: self._loader.load_file(file) for file in files}
        self.modules = tuple(read_modules(self.ctx, self._loader.cut))
        self.by_namespace = {m.namespace: m for m in self.modules if m.implemented}
        self.by_name = {m.name: m for m in self.modules if m.implemented}
        self._mirror = Mirror(self.ctx, self.by_name)
        self.roots = self._mirror.roots
        self.rpcs = self._mirror.rpcs
        self.notifications = self._mirror.notifications
        self.hints: Mapping[QName, str] = {}
        self.names: Mapping[str, str] = {}
        self.states: Mapping[str, str] = {}

    def node_of(self, pointer: Pointer) -> SchemaNode:
        """Return the mirror of a ``struct lysc_node *``."""
        return self._mirror.by_pointer[address(pointer)]

    def frees_here(self) -> None:
        """Have this thread free data trees, too."""
        self._threads.add(threading.get_ident())

    @contextmanager
    def frees_at_once(self) -> Iterator[None]:
        """Have this thread free its own trees meanwhile, which are small, and no others."""
        me = threading.get_ident()
        before = me in self._at_once
        self._at_once.add(me)
        try:
            yield
        finally:
            if not before:
                self._at_once.discard(me)

    def free(self, tree: Pointer) -> None:
        """Free a data tree now, or when a thread that does so comes by next: others have no time for it."""
        if threading.get_ident() in self._at_once:
            lib.lyd_free_all(tree)
            return
        self._orphans.append(tree)
        if threading.get_ident() in self._threads:
            self.free_orphans()
        elif self.when_orphaned is not None:
            self.when_orphaned()

    def free_orphans(self) -> None:
        """Free the data trees that were dropped by threads which have no time for it."""
        begun_s = time.perf_counter()
        with contextlib.suppress(IndexError):  # another thread may take the last
            while True:
                lib.lyd_free_all(self._orphans.popleft())
        self.freeing_s += time.perf_counter() - begun_s

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
        node, children = None, self.roots
        for module, name in steps_of(path):
            node = children[self.by_name[module].namespace, name]
            children = node.children
        if node is None:
            raise KeyError(path)
        return node

    def source(self, name: str, revision: str = "") -> str | None:
        """Return the YANG text of a module or submodule, or None if there is none such."""
        for module in self.modules:
            if module.name == name and revision in ("", module.revision):
                if module.file is None:
                    return print_module(self.ctx, module)
                return module.file.read_text(encoding="utf-8")
            for sub, sub_revision in module.submodules:
                if sub == name and revision in ("", sub_revision):
                    file = self._loader.submodule_file(sub, sub_revision, module)
                    return file.read_text(encoding="utf-8") if file else None
        return None
