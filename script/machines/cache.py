"""The folder of what is made once, with a lock for each thing in it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from script.machines.progress import Trouble, run_quietly, tell

MEGABYTE = 1_000_000
UNUSED_DAYS = 14
MAKING = ".making"


def key_of(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:12]


class Cache:
    """What is ready stands in ``things``; what a run writes in ``runs``, until it ends.

    Whoever uses a thing holds its lock shared, whoever makes or removes it holds it alone. The locks
    go with the process, so a thing whose lock is free is in nobody's hands.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.things, self.runs, self.logs = folder / "things", folder / "runs", folder / "logs"
        self._locks = folder / "locks"
        for made in (self.things, self.runs, self.logs, self._locks):
            made.mkdir(parents=True, exist_ok=True)
        self._held: dict[str, int] = {}

    def close(self) -> None:
        """Let go of the things that were obtained."""
        while self._held:
            os.close(self._held.popitem()[1])

    def obtain(self, name: str, needed_mb: int, make: Callable[[Path], None]) -> Path:
        """Return the folder ``name``, made by ``make`` if it is not there; it stays while this process does.

        Raises:
            Trouble: it could not be made.
        """
        ready = self.things / name
        if name in self._held:
            return ready
        lock = os.open(self._locks / name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        self._held[name] = lock
        while True:
            fcntl.flock(lock, fcntl.LOCK_SH)
            if ready.exists():
                os.utime(ready)
                return ready
            self._take(lock, name)
            if not ready.exists():
                self._make(ready, needed_mb, make)

    def _take(self, lock: int, name: str) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(f"waiting for another run, which is making {name}")
            fcntl.flock(lock, fcntl.LOCK_EX)

    def _make(self, ready: Path, needed_mb: int, make: Callable[[Path], None]) -> None:
        making = ready.with_name(ready.name + MAKING)
        self.require_space(needed_mb)
        remove_tree(making)
        making.mkdir()
        try:
            make(making)
        except BaseException:
            remove_tree(making)
            raise
        making.rename(ready)

    def require_space(self, needed_mb: int) -> None:
        """Raises:
        Trouble: the disk has less than ``needed_mb`` megabytes.
        """
        free = shutil.disk_usage(self.folder).free // MEGABYTE
        if free < needed_mb:
            raise Trouble(
                f"{needed_mb} MB are needed below {self.folder}, and {free} are free "
                "(script/machine clean --all removes what is cached; YANGSWAN_MACHINES names another folder)"
            )

    @contextmanager
    def run_folder(self) -> Iterator[Path]:
        """A folder for one run, gone with it."""
        self.sweep()
        name = f"run-{os.getpid()}-{secrets.token_hex(3)}"
        lock = os.open(self._locks / name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = self.runs / name
        folder.mkdir()
        try:
            yield folder
        finally:
            remove_tree(folder)
            (self._locks / name).unlink(missing_ok=True)
            os.close(lock)

    def sweep(self) -> int:
        """Remove what killed runs left, and return how many there were."""
        left = [*self.runs.iterdir(), *self.things.glob(f"*{MAKING}")]
        return sum(self._remove_if_free(path, path.name.removesuffix(MAKING)) for path in left)

    def clean(self, *, everything: bool) -> None:
        """Remove leftovers, and things that nobody used for a while; ``everything`` that is not in use."""
        tell(f"leftovers of killed runs: {self.sweep()}")
        oldest = time.time() - UNUSED_DAYS * 24 * 3600
        for path in self._ready():
            if everything or _used_at(path) < oldest:
                removed = self._remove_if_free(path, path.name)
                tell(f"{path.name}: {'removed' if removed else 'in use, kept'}")
        if everything:
            remove_tree(self.logs)

    def sizes(self) -> list[tuple[str, int, float]]:
        """Return (name, megabytes on disk, days since it was used) of everything that is ready."""
        now = time.time()
        looked_at = [(path, _used_at(path), _megabytes(path)) for path in self._ready()]
        return [
            (path.name, megabytes, (now - used_at) / (24 * 3600))
            for path, used_at, megabytes in looked_at
            if path.exists()
        ]

    def _ready(self) -> list[Path]:
        """Return what is ready; what another run makes at the moment is its own."""
        return sorted(path for path in self.things.iterdir() if not path.name.endswith(MAKING))

    def _remove_if_free(self, path: Path, name: str) -> bool:
        lock = os.open(self._locks / name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_tree(path)
            # The lock files of things stay: whoever waits for one would else hold another than who comes.
            if path.parent == self.runs:
                (self._locks / name).unlink(missing_ok=True)
            return True
        except BlockingIOError:
            return False
        finally:
            os.close(lock)


def remove_tree(path: Path) -> None:
    """Remove ``path``, and never what is mounted below it.

    Raises:
        Trouble: something is mounted there and stays.
    """
    for mounted in reversed(mounts_below(path)):
        run_quietly(["umount", "--lazy", mounted])
    if left := mounts_below(path):
        raise Trouble(f"{left[0]} is mounted and cannot be unmounted: {path} is left as it is")
    if path.exists():
        shutil.rmtree(path)


def mounts_below(path: Path) -> list[str]:
    """Return the places at or below ``path`` where this process sees something mounted, in order."""
    folder = str(path.absolute())
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    # Blanks and backslashes in a name are written in octal (fstab(5)).
    places = [line.split()[1].encode().decode("unicode_escape") for line in lines]
    return [place for place in places if place == folder or place.startswith(folder + "/")]


def _used_at(path: Path) -> float:
    """Return when it was used (s since 1970); a time to come if another run has removed it meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _megabytes(path: Path) -> int:
    """Return how much is there; what another run removes meanwhile, or makes unreadable, does not count."""
    done = subprocess.run(
        ["du", "-s", "-B1000000", str(path)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return int(done.stdout.split()[0]) if done.stdout else 0
