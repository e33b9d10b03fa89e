"""Whether the files that the options name are what they are taken for: only of those that are in use."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from translators.strongswan.options import Options

_SOCKET_OCTETS_MAX = 80
"""Of a name without its folder, before which /proc/self/fd/N/ stands; both fit sun_path (unix(7))."""


def faults(options: Options, backend: str) -> list[str]:
    """Return a sentence for each option that names what a charon of ``backend`` cannot be run with, or
    reached at."""
    return [f"[translator.strongswan] {key}: {path}: {why}" for key, path, why in _found(options, backend)]


def _found(options: Options, backend: str) -> Iterator[tuple[str, Path, str]]:
    asked: list[tuple[str, Path | None, Callable[[Path], str | None]]] = []
    if backend == "managed":
        asked = [
            ("charon-binary", options.charon_binary, _no_program),
            ("plugin-dir", options.plugin_dir, _no_plugins),
        ]
    elif backend == "external":
        asked = [
            ("vici-socket", options.vici_socket, _no_socket),
            ("error-notify-socket", options.error_notify_socket, _no_socket),
        ]
    for key, path, look in asked:
        if path is not None:
            try:
                why = look(path)
            except OSError as problem:
                why = os.strerror(problem.errno or 0)
            if why is not None:
                yield key, path, why


def _no_program(path: Path) -> str | None:
    if not stat.S_ISREG(path.stat().st_mode):
        return "it is no program"
    return None if os.access(path, os.X_OK) else os.strerror(errno.EACCES)


def _no_plugins(path: Path) -> str | None:
    if any(name.startswith("libstrongswan-") and name.endswith(".so") for name in os.listdir(path)):
        return None
    return "there is no plugin of strongSwan in it"


def _no_socket(path: Path) -> str | None:
    """One that is not there comes with charon."""
    if len(os.fsencode(path.name)) > _SOCKET_OCTETS_MAX:
        return "the name is too long for a socket"
    if path.exists() and not path.is_socket():
        return "it is no socket"
    return None
