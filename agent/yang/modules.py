"""The modules of a context: found in folders, loaded, and what there is to say of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.yang.native import (
    NULL,
    Pointer,
    c_str,
    error_place,
    errors,
    ffi,
    forget_errors,
    lib,
    sized_array,
    text,
)

# libyang keeps these in every context for its own use.
_BUILT_IN = frozenset({"yang", "ietf-yang-schema-mount", "ietf-yang-metadata"})
_IMPORTABLE = "ietf-yang-schema-mount"
"""The one of them that is shown where a module imports it, and as no more than imported."""


_UNSERVED = {
    "ietf-subscribed-notifications": ("configured", "choice notification-message-origin"),
}
"""By module: a statement that depends on a feature, whose leafrefs lead to modules of other things."""
_STATE_ALONE = {"ietf-subscribed-notifications": ("container filters", "container subscriptions")}
"""By module: what it marks as configuration and is state here: nobody configures subscriptions, nor their
filters. No deviation can say so: pyang takes "config false" only where it replaces something, libyang only
where it adds it."""


class SchemaError(Exception):
    """A YANG module cannot be loaded; the message says which one and why."""


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

    @property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """(name, revision) of the module and of each of its submodules."""
        return (self.name, self.revision), *self.submodules


class ModuleLoader:
    """Loads modules into a context.

    Args:
        folders: where modules are looked up, and what they import.
        disabled_features: by module, those that are left out where all are asked for.
    """

    def __init__(
        self, ctx: Pointer, folders: Sequence[Path], disabled_features: Mapping[str, Sequence[str]]
    ) -> None:
        self._ctx = ctx
        self._disabled = {name: set(features) for name, features in disabled_features.items()}
        self._folders: list[Path] = []
        self.cut: dict[str, Path] = {}
        """Files of the modules of which libyang was given a part, by name."""
        for folder in folders:
            self._search(folder)

    def _search(self, folder: Path) -> None:
        if folder not in self._folders:
            self._folders.append(folder)
            lib.ly_ctx_set_searchdir(self._ctx, c_str(str(folder)))

    def load(self, name: str, features: Sequence[str] | None) -> None:
        """Implement a module with ``features``; None enables all.

        Raises:
            SchemaError: it cannot be found or does not compile.
        """
        wanted = ["*"] if features is None else list(features)
        if name in self._disabled and features is None:
            wanted = self._not_disabled(name)
        keep = [ffi.new("char[]", c_str(feature)) for feature in wanted]
        array = ffi.new("const char *[]", [*keep, NULL])
        feature, statement = _UNSERVED.get(name, ("", ""))
        if feature and feature not in wanted and "*" not in wanted:
            self._load_without(statement, name, array)
        elif lib.ly_ctx_load_module(self._ctx, c_str(name), NULL, array) == NULL:
            raise SchemaError(f"module {name} cannot be loaded: {_last_error(self._ctx)}")

    def _load_without(self, statement: str, name: str, features: Pointer) -> None:
        """Implement a module without ``statement``, which its features leave out in any case: libyang would
        implement what leafrefs in there lead to, and clients would be told of interfaces, for instance."""
        file = self._locate(name)
        kept = without_statement(file.read_text(encoding="utf-8"), statement)
        for state in _STATE_ALONE.get(name, ()):
            kept = as_state(kept, state)
        written, source = ffi.new("char[]", kept.encode()), ffi.new("struct ly_in **")
        try:
            done = lib.ly_in_new_memory(written, source) or lib.lys_parse(
                self._ctx, source[0], lib.LYS_IN_YANG, features, NULL
            )
        finally:
            lib.ly_in_free(source[0], False)
        if done != lib.LY_SUCCESS:
            raise SchemaError(f"module {name} cannot be loaded: {_last_error(self._ctx)}")
        self.cut[name] = file

    def _not_disabled(self, name: str) -> list[str]:
        """Return the features that the text of a module declares, without the disabled ones."""
        file = self._locate(name)
        declared = re.findall(r"(?m)^\s*feature\s+([\w.-]+)", file.read_text(encoding="utf-8"))
        return [feature for feature in declared if feature not in self._disabled[name]]

    def load_file(self, file: Path) -> str:
        """Implement the module in ``file`` with all its features; return its name.

        Raises:
            SchemaError: there is no module, or it does not compile.
        """
        if not file.is_file():
            raise SchemaError(f"there is no YANG file {file}")
        match = re.search(r"(?m)^\s*module\s+\"?([\w.-]+)", file.read_text(encoding="utf-8"))
        if match is None:
            raise SchemaError(f"{file} does not hold a YANG module")
        self._search(file.parent)
        self.load(match[1], None)
        return match[1]

    def _locate(self, name: str) -> Path:
        for folder in reversed(self._folders):
            for file in sorted(folder.glob(f"{name}*.yang"), reverse=True):
                if file.stem == name or file.stem.startswith(f"{name}@"):
                    return file
        raise SchemaError(f"module {name} is in none of the module folders")

    def submodule_file(self, name: str, revision: str, beside: Module) -> Path | None:
        """Return the file of a submodule of ``beside``, None if there is none."""
        folders = [beside.file.parent] if beside.file else []
        for folder in [*folders, *self._folders]:
            for candidate in (folder / f"{name}@{revision}.yang", folder / f"{name}.yang"):
                if candidate.is_file():
                    return candidate
        return None


def without_statement(text: str, statement: str) -> str:
    """Return the text of a module without the block that begins with ``statement``.

    Raises:
        SchemaError: there is none, or more than one, so that it is another text than this was made for.
    """
    begins = re.findall(rf"(?m)^( *){statement} \{{$", text)
    found = re.subn(rf"(?ms)^( *){statement} \{{$.*?^\1\}}$", "", text) if len(begins) == 1 else (text, 0)
    if found[1] != 1:
        raise SchemaError(f"there is not one '{statement}' in a module that should have it")
    return found[0]


def as_state(text: str, statement: str) -> str:
    """Return the text of a module in which the block that begins with ``statement`` is no configuration.

    Raises:
        SchemaError: as ``without_statement``.
    """
    marked, count = re.subn(rf"(?m)^( *){statement} \{{$", r"\g<0>\n\1  config false;", text)
    if count != 1:
        raise SchemaError(f"there is not one '{statement}' in a module that should have it")
    return marked


def read_modules(ctx: Pointer, cut: Mapping[str, Path]) -> Iterator[Module]:
    """Yield every module that ``ctx`` knows, but those that libyang keeps for itself.

    ``cut``: files of modules of which libyang was given a part."""
    everything = list(_all_modules(ctx))
    imported = {
        text(used.name) for module in everything if not _built_in(module) for used in _imports_of(module)
    }
    shown = {_IMPORTABLE} & imported
    for module in everything:
        if _built_in(module) and text(module.name) not in shown:
            continue
        known = Path(text(module.filepath)) if module.filepath != NULL else None
        file = known or cut.get(text(module.name))
        source = file.read_text(encoding="utf-8") if file else ""
        yield Module(
            text(module.name),
            revision=text(module.revision),
            namespace=text(module.ns),
            prefix=text(module.prefix),
            implemented=bool(module.implemented) and not _built_in(module),
            features=tuple(_features(module)),
            submodules=tuple(_submodules(source, file)),
            deviated_by=tuple(text(m.name) for m in sized_array(module.deviated_by)),
            file=file,
            yang_version_1_1=bool(module.parsed != NULL and module.parsed.version >= 2),
        )


def _all_modules(ctx: Pointer) -> Iterator[Pointer]:
    index = ffi.new("uint32_t *", 0)
    while (module := lib.ly_ctx_get_module_iter(ctx, index)) != NULL:
        yield module


def _built_in(module: Pointer) -> bool:
    return text(module.name) in _BUILT_IN and module.filepath == NULL


def _imports_of(module: Pointer) -> Iterator[Pointer]:
    return iter(()) if module.parsed == NULL else sized_array(module.parsed.imports)


def _features(module: Pointer) -> Iterator[str]:
    if not module.implemented or _built_in(module):
        return
    index, feature = ffi.new("uint32_t *", 0), NULL
    while (feature := lib.lysp_feature_next(feature, module.parsed, index)) != NULL:
        if lib.lys_feature_value(module, feature.name) == lib.LY_SUCCESS:
            yield text(feature.name)


def _submodules(source: str, file: Path | None) -> Iterator[tuple[str, str]]:
    for name in re.findall(r"(?m)^\s*include\s+\"?([\w.-]+)", source):
        for folder in [file.parent] if file else []:
            for found in sorted(folder.glob(f"{name}*.yang"), reverse=True):
                revision = re.search(r"(?m)^\s*revision\s+\"?([\d-]+)", found.read_text(encoding="utf-8"))
                yield name, revision[1] if revision else ""
                break


def print_module(ctx: Pointer, module: Module) -> str:
    """Return a module that libyang carries inside itself, printed as YANG."""
    box = ffi.new("char **")
    pointer = lib.ly_ctx_get_module(ctx, c_str(module.name), c_str(module.revision))
    if lib.lys_print_mem(box, pointer, lib.LYS_OUT_YANG, 0) != lib.LY_SUCCESS:
        raise SchemaError(f"module {module.name} cannot be printed: {_last_error(ctx)}")
    try:
        return text(box[0])
    finally:
        lib.free(box[0])


def _last_error(ctx: Pointer) -> str:
    messages = []
    for item in errors(ctx):
        where = error_place(item)
        messages.append(text(item.msg) + (f" ({where})" if where else ""))
    forget_errors(ctx)
    return "; ".join(dict.fromkeys(messages)) or "unknown reason"
