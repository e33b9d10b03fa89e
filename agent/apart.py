"""Work in a copy of this process, which the system ends when it takes too long.

What libyang does cannot be interrupted, and it is done on threads that others wait for. How long an XPath
expression takes cannot be told from it, so it is evaluated in a copy (fork) that holds the trees as they are
now, has so much time of a processor and no more, and goes when nobody waits for it any longer. Nothing that
the copy changes is seen here; only what the work returns comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import pickle
import resource
import signal
import traceback
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from io import FileIO
from typing import Any, NoReturn

SEARCH_CPU_S = 0.5
"""What it may take of a processor to find what a filter selects."""
WORK_CPU_S = 5.0
"""For all of it: what is left to do once something is selected grows with that only."""
PATIENCE_S = 30.0
"""By the clock, for a machine that is busy with other things."""
ROOM_OCTETS = 256 * 1024 * 1024
"""Memory that a copy may take beyond what it began with."""
AT_ONCE = 4
NICE = 5

Worker = Callable[..., Awaitable[Any]]
Held = Callable[[], AbstractContextManager[Any]]

log = logging.getLogger(__name__)

_NO_ROOM = 3
"""The exit code of a copy that has found no memory."""

_in_copy = False


class TooCostly(Exception):
    """The work takes more time or memory than it may."""


class NoCopy(Exception):
    """The system makes no copy of the process at the moment."""


class CopyLost(Exception):
    """The copy has ended by a fault before its work was done, as when libyang crashes."""


def in_copy() -> bool:
    """True in a copy of the process."""
    return _in_copy


@contextmanager
def at_most(cpu_s: float) -> Iterator[None]:
    """End the copy that this runs in, if it does, when the block takes more time of a processor."""
    if not _in_copy:
        yield
        return
    before_s, _ = signal.setitimer(signal.ITIMER_PROF, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, before_s)


class FewAtOnce:
    """Admits so many at a time, and of each user one; the others wait."""

    def __init__(self, at_once: int) -> None:
        self._room = asyncio.Semaphore(at_once)
        self._users: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def admitted(self, user: str) -> AsyncIterator[None]:
        lock, waiting = self._users.get(user, (asyncio.Lock(), 0))
        self._users[user] = lock, waiting + 1
        try:
            async with lock, self._room:
                yield
        finally:
            lock, waiting = self._users.pop(user)
            if waiting > 1:
                self._users[user] = lock, waiting - 1


class Apart:
    """Carries out work in copies: of each user one piece at a time, and a few of all.

    ``alone``: entered while a copy is made; no other thread has locked then what the work needs. ``copies``:
    how many were made, for tests.
    """

    def __init__(self, alone: Held = nullcontext) -> None:
        self.copies = 0
        self._few = FewAtOnce(AT_ONCE)
        self._alone = alone

    async def done(self, user: str, worker: Worker, work: Callable[[], Any], held: Held = nullcontext) -> Any:
        """Return what ``work`` returns; it begins on the thread of ``worker``, which does not wait for it.

        ``held``: entered on that thread while the copy is made.

        Raises:
            TooCostly: it takes too much.
            NoCopy, CopyLost: it was not done, and the log says why.
            Exception: what ``work`` raised.
        """
        async with self._few.admitted(user):
            self.copies += 1
            return await _carried_out(worker, _Copy(work, held, self._alone))


async def _carried_out(worker: Worker, copy: _Copy) -> Any:
    try:
        await worker(copy.begin)
        async with asyncio.timeout(PATIENCE_S):
            answer = await copy.answer()
    except TimeoutError as problem:
        raise TooCostly from problem
    except OSError as problem:
        log.error("no copy of this process can be made to look for something: %s", problem)
        raise NoCopy from problem
    finally:
        status = await copy.end()
    _check_end(status)
    failed, result = pickle.loads(answer)
    if not failed:
        return result
    try:
        raise result
    finally:
        del result  # it holds this frame, which must not hold it


def _check_end(status: int) -> None:
    """Raise what the exit code of a copy that nobody has ended means; negative: the signal that ended it."""
    if status == 0:
        return
    if status == -signal.SIGPROF:
        raise TooCostly
    if status == _NO_ROOM:
        log.warning("a copy of this process needed more memory than it may take, and ended")
        raise TooCostly
    how = f"with the exit code {status}" if status > 0 else f"by signal {-status}"
    log.error("a copy of this process ended %s before its work was done", how)
    raise CopyLost


class _Copy:
    """One copy of this process, from ``begin`` to ``end``."""

    def __init__(self, work: Callable[[], Any], held: Held, alone: Held) -> None:
        self._work = work
        self._held = held
        self._alone = alone
        self._pid = 0
        self._pipe: FileIO | None = None
        self._given_up = self._finished = False

    def begin(self) -> None:
        """Make the copy. To be called on the thread whose work it is to do."""
        if self._given_up:
            return
        into, out = os.pipe()
        self._pipe = FileIO(into)
        try:
            self._fork(out)
        finally:
            os.close(out)

    def _fork(self, out: int) -> None:
        with warnings.catch_warnings():
            # Other threads may hold locks at this moment. The copy takes none of theirs: what it reads is not
            # changed, nobody is inside libyang, and it writes to its pipe alone.
            warnings.simplefilter("ignore", DeprecationWarning)
            with self._held():
                with self._alone():
                    self._pid = os.fork()
                if self._pid == 0:  # and it never leaves what is held: that may take a lock
                    _be_copy(self._work, out)

    async def answer(self) -> bytes:
        """Return all that the copy has written when it ends."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self._pipe
        )
        try:
            answer = await reader.read()
            self._finished = True
            return answer
        finally:
            transport.close()

    async def end(self) -> int:
        """End the copy if it goes on; returns its exit code, negative if a signal ended it."""
        self._given_up = True
        if self._pipe is not None:
            self._pipe.close()
        if not self._pid:
            return 0
        loop = asyncio.get_running_loop()
        if not self._finished:
            os.kill(self._pid, signal.SIGKILL)
        _, status = await loop.run_in_executor(None, os.waitpid, self._pid, 0)
        return os.waitstatus_to_exitcode(status)


def _be_copy(work: Callable[[], Any], out: int) -> NoReturn:
    """Carry out ``work``, write what became of it to ``out``, and end."""
    global _in_copy
    _in_copy = True
    try:
        _confine(out)
        try:
            answer = pickle.dumps((False, work()))
        except MemoryError:
            raise
        except Exception as problem:
            problem.add_note(traceback.format_exc())
            answer = pickle.dumps((True, problem))
        with os.fdopen(out, "wb", closefd=False) as file:
            file.write(answer)
    except MemoryError:
        os._exit(_NO_ROOM)
    except BaseException:
        os._exit(1)
    os._exit(0)


def _confine(out: int) -> None:
    """Give up what the copy does not need, and limit what it may take."""
    gc.disable()
    # It holds the secrets of this process, and a client that makes it crash may do so again and again.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGPROF):
        signal.signal(number, signal.SIG_DFL)
    # Neither connections nor locks of files outlive this process in a copy of it.
    os.closerange(3, out)
    os.closerange(out + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    with open("/proc/self/statm", encoding="ascii") as file:
        octets = int(file.read().split()[0]) * resource.getpagesize() + ROOM_OCTETS
    resource.setrlimit(resource.RLIMIT_AS, (octets, octets))
    with contextlib.suppress(OSError):  # hardened systems forbid even that
        os.nice(NICE)
    signal.setitimer(signal.ITIMER_PROF, WORK_CPU_S)
