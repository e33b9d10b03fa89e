"""A long history is compared with its checksums in a process of its own, while it is read here.

What that process says can only save work: that all is whole, and the sum of what it has seen. Whatever else
becomes of it, as that it finds damage, ends, or says nothing for too long, has the comparison done here, and
what is said of the damage is the same. It opens the file itself, to read, once it is told to begin: what a
crash has left half written has been taken back by then.
"""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic
from typing import NoReturn

from agent.datastore.checksums import verify
from agent.datastore.progress import Progress

LONG_OCTETS = 4 * 1024 * 1024
"""A shorter file is compared sooner than a process is copied."""
SILENT_S = 30.0
"""The process is given up if it says nothing for so long."""
_LOOK_S = 0.1
_STEPS = 2000
_WHOLE = b"whole"

Seal = tuple[int, int]
"""How many rows there are, and the sum of their checksums."""


class Comparison:
    """One process that compares the history at ``path``, copied from this one: before there are threads, and
    before this process has the file open.

    Raises:
        OSError: the system makes no process.
    """

    def __init__(self, path: Path) -> None:
        begin, self._begin = os.pipe()
        self._said, say = os.pipe()
        try:
            self._pid = os.fork()
            if self._pid == 0:
                _be_copy(path, begin, say)
        except OSError:
            os.close(self._begin)
            os.close(self._said)
            raise
        finally:
            os.close(begin)
            os.close(say)

    def begin(self) -> None:
        """From now on nothing is written to the file until ``whole`` has returned."""
        with suppress(BrokenPipeError):  # it has ended: nothing will be said
            os.write(self._begin, b"\n")

    def whole(self, progress: Progress) -> Seal | None:
        """Wait for what the process says: what it has seen if all of it is whole; None if it does not say so.

        Raises:
            Ended: the agent was told to stop.
        """
        said, rows, heard_s = b"", 0, monotonic()
        while monotonic() - heard_s < SILENT_S:
            progress.step("%d rows of the history compared with their checksums", rows)
            if not select.select([self._said], [], [], _LOOK_S)[0]:
                continue
            octets = os.read(self._said, 4096)
            if not octets:
                return _seal_in(said) if self.end(kill=False) == 0 else None
            heard_s = monotonic()
            rows += octets.count(b".") * _STEPS
            said = (said + octets).replace(b".", b"")[:64]
        return None

    def end(self, *, kill: bool = True) -> int:
        """End the process; returns its exit code, negative if a signal ended it. Again, it does nothing."""
        if not self._pid:
            return -signal.SIGKILL
        if kill:
            os.kill(self._pid, signal.SIGKILL)
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        os.close(self._begin)
        os.close(self._said)
        return os.waitstatus_to_exitcode(status)


def of_long(path: Path) -> Comparison | None:
    """Return a process that waits to compare the history at ``path``; None for a short one, or none."""
    try:
        return Comparison(path) if path.stat().st_size >= LONG_OCTETS else None
    except OSError:  # without one it is compared all the same
        return None


def seal_of(database: sqlite3.Connection) -> Seal | None:
    """Return what a history says of its own rows."""
    row = database.execute("SELECT rows, total FROM seal").fetchone()
    return None if row is None else (row[0], row[1])


def _seal_in(said: bytes) -> Seal | None:
    match said.split():
        case [word, rows, total] if word == _WHOLE:
            with suppress(ValueError):
                return int(rows), int(total)
    return None


def _be_copy(path: Path, begin: int, say: int) -> NoReturn:
    """Compare, say what came of it, and end; by nothing that the process has this was copied from."""
    try:
        gc.disable()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it reads secrets
        signal.set_wakeup_fd(-1)
        for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(ending, signal.SIG_DFL)
        # The lock of the data folder, above all: it must not outlive the agent.
        for number in (int(name) for name in os.listdir("/proc/self/fd")):
            if number > 2 and number not in (begin, say):
                with suppress(OSError):
                    os.close(number)
        if os.read(begin, 1):
            seal = _compared(path, say)
            if seal is not None:
                os.write(say, b"%b %d %d" % (_WHOLE, *seal))
    except BaseException:
        os._exit(1)
    os._exit(0)


def _compared(path: Path, say: int) -> Seal | None:
    steps = 0

    def moved() -> None:
        nonlocal steps
        steps += 1
        if steps % _STEPS == 0:
            os.write(say, b".")  # if nobody hears it any more, it ends this process

    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        database.execute("BEGIN")  # what is compared is one state of the file
        verify(database, Progress(lambda: False, lambda: 0.0, moved=moved))
        return seal_of(database)
