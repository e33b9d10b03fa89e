"""A root directory for one run: what is cached below, what the run writes above.

Only to be called apart (``run_apart``): the mounts made here are seen by nobody else, and end with it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from script.machines import surroundings
from script.machines.apart import run_apart, run_inside
from script.machines.progress import run_quietly

DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "net/tun")
LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
# Set to anything, roots are copied as where there is no overlayfs. The tests do.
COPYING = "YANGSWAN_MACHINES_COPY"


@dataclass(frozen=True, slots=True)
class Stack:
    """Folders that make a root together, the lowest first; each complete alone where roots are copied."""

    folders: tuple[Path, ...]

    def with_top(self, folder: Path) -> Stack:
        return Stack((*self.folders, folder))


@dataclass(frozen=True, slots=True)
class Inside:
    """What is run: argv, its variables, and a file for its output if the caller shall not see that."""

    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path | None = None


def overlays_work(folder: Path) -> bool:
    """Say whether overlayfs can write to ``folder``: not if that lies on an overlay itself."""
    if COPYING in os.environ:
        return False
    parts = [folder / name for name in ("lower", "upper", "work", "root")]

    def attempt() -> int:
        for part in parts:
            part.mkdir(exist_ok=True)
        options = "lowerdir={},upperdir={},workdir={}".format(*parts)
        mount = ["mount", "-t", "overlay", "overlay", "-o", options, str(parts[3])]
        return subprocess.run(mount, capture_output=True, check=False).returncode

    return run_apart(attempt) == 0


def mount_root(stack: Stack, folder: Path, *, overlay: bool) -> Path:
    """Return a root that starts as ``stack``; what is written to it goes to ``folder``/upper."""
    upper, work, root = (folder / name for name in ("upper", "work", "root"))
    for made in (upper, work, root):
        made.mkdir(exist_ok=True)
    if overlay:
        lower = ":".join(str(layer) for layer in reversed(stack.folders))
        mount("overlay", root, "-t", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}")
    else:
        run_quietly(["cp", "--archive", "--reflink=auto", f"{stack.folders[-1]}/.", str(upper)])
        mount(upper, root, "--bind")
    return root


def run_in(root: Path, inside: Inside, *, place: str) -> int:
    """Return the status of a command in the folder ``place`` of ``root``, with the kernel's file systems."""
    _mount_kernel(root)
    _mount_packages(root)
    surroundings.write_all(root)

    def enter() -> None:
        os.chroot(root)
        os.chdir(f"/{place}")

    return run_here(inside, enter)


def run_here(inside: Inside, enter: Callable[[], None] = lambda: None) -> int:
    """Return the status of a command that starts after ``enter``."""

    def replace() -> NoReturn:
        if inside.log is not None:
            log = os.open(inside.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            nothing = os.open("/dev/null", os.O_RDONLY)
            for source, target in ((nothing, 0), (log, 1), (log, 2)):
                os.dup2(source, target)
        enter()
        try:
            os.execvpe(inside.command[0], list(inside.command), dict(inside.environment))
        except OSError as problem:
            os.write(2, f"machine: {inside.command[0]}: {problem.strerror}\n".encode())
            os._exit(127 if isinstance(problem, FileNotFoundError) else 126)  # as a shell has them

    return run_inside(replace)


def mount(source: str | Path, target: Path, *options: str) -> None:
    run_quietly(["mount", *options, str(source), str(target)])


def _mount_kernel(root: Path) -> None:
    mount("proc", root / "proc", "-t", "proc")
    mount("sysfs", root / "sys", "-t", "sysfs")
    mount("tmpfs", root / "run", "-t", "tmpfs", "-o", "mode=755")
    dev = root / "dev"
    mount("tmpfs", dev, "-t", "tmpfs", "-o", "mode=755")
    for folder, kind, options in (
        ("pts", "devpts", "newinstance,ptmxmode=0666,mode=620,gid=5"),
        ("shm", "tmpfs", "mode=1777"),
    ):
        (dev / folder).mkdir()
        mount(kind, dev / folder, "-t", kind, "-o", options)
    for name in DEVICES:
        if Path("/dev", name).exists():
            (dev / name).parent.mkdir(exist_ok=True)
            (dev / name).touch()
            mount(Path("/dev", name), dev / name, "--bind")
    for name, target in LINKS.items():
        (dev / name).symlink_to(target)
    (root / "run/lock").mkdir()


def _mount_packages(root: Path) -> None:
    for folder in surroundings.local_places():
        target = root / folder.relative_to("/")
        target.mkdir(parents=True, exist_ok=True)
        mount(folder, target, "--bind")
        mount(folder, target, "-o", "remount,bind,ro")
