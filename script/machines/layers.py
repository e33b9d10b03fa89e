"""Base systems, and what commands have installed on top of them, made once."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from script.machines import checkout, surroundings
from script.machines.apart import run_apart
from script.machines.cache import Cache, key_of
from script.machines.progress import Trouble, last_lines_of, tell
from script.machines.roots import COPYING, Inside, Stack, mount_root, overlays_work, run_here, run_in

BASE_MB, LAYER_MB = 1000, 3000
# What a command depends on as well, once it names a file or a folder of the checkout: script/setup, "."
FILES = ("setup.cfg", "pyproject.toml")
UPPER = "upper"


@dataclass(frozen=True, slots=True)
class Layer:
    """A command of the shell whose work is kept, run in the checkout; its name is for people."""

    name: str
    command: str


@dataclass(frozen=True, slots=True)
class Made:
    """A root in the cache: its folders, the key over all that they depend on, and its suite."""

    stack: Stack
    key: str
    suite: str


class Layers:
    """Makes roots in ``cache``, each standing on the one before."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        with cache.run_folder() as folder:
            self.overlay = overlays_work(folder)
        if not self.overlay and COPYING not in os.environ:
            tell(f"no overlayfs on {cache.folder}: roots are copied, which takes longer")

    def base(self, release: str) -> Made:
        """Return a fresh Debian: what debootstrap's variant minbase has.

        Raises:
            Trouble: debootstrap failed.
        """
        suite = surroundings.SUITES[release]
        found = surroundings.sources(suite)
        key = key_of("base 1", self.overlay, found)
        name = f"base-{release}-{key}"
        folder = self._cache.obtain(name, BASE_MB, partial(self._bootstrap, name, found[0]))
        return Made(Stack((folder / UPPER,)), key, suite)

    def on_top(self, lower: Made, release: str, layer: Layer) -> Made:
        """Return ``lower`` with what ``layer`` did to it.

        Raises:
            Trouble: its command failed.
        """
        key = key_of("layer 1", lower.key, layer.command, depends_on(layer.command))
        name = f"layer-{release}-{layer.name}-{key}"
        folder = self._cache.obtain(name, LAYER_MB, partial(self._run_layer, name, lower, layer))
        return Made(lower.stack.with_top(folder / UPPER), key, lower.suite)

    def all_of(self, release: str, layers: Sequence[Layer]) -> Made:
        made = self.base(release)
        for layer in layers:
            made = self.on_top(made, release, layer)
        return made

    def _bootstrap(self, name: str, source: surroundings.Source, folder: Path) -> None:
        tell(f"making {name}: debootstrap of {source.suite} from {source.uri}")
        root, log = folder / UPPER, self._log(name)
        command = ["debootstrap", "--variant=minbase", source.suite, str(root), source.uri]
        inside = Inside(command, surroundings.fetching_environment(), log)
        self._require(run_apart(lambda: run_here(inside)), "debootstrap", log)
        surroundings.write_sources(root, source.suite)
        tell(f"{name} is there")

    def _run_layer(self, name: str, lower: Made, layer: Layer, folder: Path) -> None:
        tell(f"making {name}: {layer.command.splitlines()[0]}")
        log = self._log(name)
        inside = Inside(["bash", "-c", layer.command], surroundings.environment(), log)

        def work() -> int:
            root = mount_root(lower.stack, folder, overlay=self.overlay)
            checkout.copy_to(root)
            status = run_in(root, inside, place=checkout.PLACE)
            # Every run brings its own; what the command made beside it, as .venv, stays.
            checkout.remove_from(root)
            return status

        self._require(run_apart(work), f"the layer {layer.name}", log)
        tell(f"{name} is there")

    def _log(self, name: str) -> Path:
        log = self._cache.logs / f"{name}.log"
        log.unlink(missing_ok=True)
        return log

    def _require(self, status: int, what: str, log: Path) -> None:
        if status != 0:
            raise Trouble(f"{what} ended with {status}:\n{last_lines_of(log)}")


def depends_on(command: str) -> dict[str, str]:
    """Return the contents of the files of the checkout that ``command`` names, and perhaps of ``FILES``."""
    try:
        words = shlex.split(command, comments=True)
    except ValueError as problem:
        raise Trouble(f"{command}: {problem}") from problem
    named = [path for word in words if (path := checkout.ROOT / word).is_relative_to(checkout.ROOT)]
    if any(path.exists() for path in named):
        named += [checkout.ROOT / name for name in FILES]
    files = {path.relative_to(checkout.ROOT): path for path in named if path.is_file()}
    return {str(name): files[name].read_text(errors="replace") for name in sorted(files)}
