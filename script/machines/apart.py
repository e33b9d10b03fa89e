"""Processes with mounts of their own, which end with the process that wanted them."""

from __future__ import annotations

import ctypes
import os
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from script.machines.progress import Trouble

CLONE_NEWNS, CLONE_NEWPID = 0x00020000, 0x20000000  # linux/sched.h
MS_REC, MS_PRIVATE = 0x4000, 0x40000  # linux/mount.h
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WATCHED = (*ENDING, signal.SIGCHLD)
GRACE_S = 10.0
STATUS_LIMIT, STATUS_TROUBLE = 124, 125  # as timeout(1) and env(1) have them

_libc = ctypes.CDLL(None, use_errno=True)


class Interrupted(BaseException):
    """A signal ended the run; not an Exception, so that nothing on the way swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_status = 128 + number


class LimitReached(Exception):
    """What ran was ended because its time was over."""


def die_with_parent() -> None:
    """Have the kernel kill the calling process when the one that started it ends, however it ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run_apart(body: Callable[[], int], limit_s: float | None = None) -> int:
    """Return the status of ``body``, run as process 1 of its own list of mounts and processes.

    When ``body`` returns, or this process ends, the kernel ends what is left of its processes, and
    with the last of them its mounts go.

    Raises:
        Interrupted: one of ``ENDING`` came; it was passed on, and all has ended.
        LimitReached: it took longer than ``limit_s`` seconds, and all has ended.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    try:
        # If the child is killed, process 1 becomes ours; it is there until all of its processes are gone.
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
        child = _fork(lambda: _enter(body))
        return _supervise(child, limit_s)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_inside(program: Callable[[], NoReturn]) -> int:
    """Return the status of ``program``, which replaces a child of process 1 by exec."""

    def start() -> int:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        program()

    return _reap_until(_fork(start))


def _enter(body: Callable[[], int]) -> int:
    if _libc.unshare(CLONE_NEWNS | CLONE_NEWPID) != 0:
        raise Trouble(f"this machine permits no namespaces: {os.strerror(ctypes.get_errno())}")
    # Without this, systemd's way of sharing mounts would carry ours to this machine.
    if _libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise Trouble(f"mounts cannot be made private: {os.strerror(ctypes.get_errno())}")
    return _reap_until(_fork(body))


def _fork(body: Callable[[], int]) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    status = STATUS_TROUBLE
    try:
        die_with_parent()
        # Process 1 of a new namespace sees its parent as 0; that one watches it by the line above.
        if os.getppid() not in (parent, 0):
            os._exit(status)
        status = body()
    except Trouble as trouble:
        os.write(2, f"machine: {trouble}\n".encode())
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(status)


def _reap_until(child: int) -> int:
    """Return the status of ``child``; pass signals on to it, and take in whatever else ends."""
    while True:
        status = _reaped(child)
        if status is not None:
            return status
        number = signal.sigwait(WATCHED)
        if number != signal.SIGCHLD:
            os.kill(child, number)


def _reaped(child: int) -> int | None:
    status = None
    while True:
        try:
            pid, raw = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == child:
            code = os.waitstatus_to_exitcode(raw)
            status = code if code >= 0 else 128 - code


def _wait_for_all() -> None:
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _supervise(child: int, limit_s: float | None) -> int:
    deadline = None if limit_s is None else time.monotonic() + limit_s
    ended_by: int | None = None
    limit_reached = False
    while (status := _reaped(child)) is None:
        if deadline is None:
            number: int | None = signal.sigwait(WATCHED)
        else:
            info = signal.sigtimedwait(WATCHED, max(0.0, deadline - time.monotonic()))
            number = None if info is None else info.si_signo
        if number == signal.SIGCHLD:
            continue
        if number is None:  # the limit first, then the time of grace
            first = not limit_reached and ended_by is None
            limit_reached = limit_reached or first
            os.kill(child, signal.SIGTERM if first else signal.SIGKILL)
        else:
            ended_by = number
            # A terminal has sent Ctrl-C to all of them already.
            if number != signal.SIGINT or not os.isatty(0):
                os.kill(child, number)
        deadline = time.monotonic() + GRACE_S
    _wait_for_all()
    if ended_by is not None:
        raise Interrupted(ended_by)
    if limit_reached:
        raise LimitReached(f"ended after the limit of {limit_s:.0f} s")
    return status
