"""``python -m bench.peers.sync_counter FILE COMMAND...``: counts how often a command waits for the disk.

The kernel tells: a filter of system calls (seccomp(2), SECCOMP_RET_USER_NOTIF) has it ask another process
about each fsync, fdatasync, sync, syncfs and sync_file_range, of every thread and child, whoever makes it.
That process counts it in FILE, eight octets, and lets it go on. COMMAND keeps the process's id. What is so
counted is slower; nothing is timed meanwhile.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import sys
from pathlib import Path

# seccomp, then fsync, fdatasync, sync, syncfs, sync_file_range: of each machine's own table.
NUMBERS = {
    "x86_64": (317, (74, 75, 162, 306, 277)),
    "aarch64": (277, (82, 83, 81, 267, 84)),
}
COUNT = struct.Struct("=Q")
_NOTIFIED = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=QqiI")
_RULE = struct.Struct("=HBBI")

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_SET_MODE_FILTER, _NEW_LISTENER = 1, 1 << 3
_SET_NO_NEW_PRIVS = 38
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE = 1


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("rules", ctypes.c_char_p))


def count_of(path: Path) -> int:
    """Return what was counted in the file at ``path`` up to now."""
    (found,) = COUNT.unpack(path.read_bytes())
    return int(found)


def _rules(numbers: tuple[int, ...]) -> bytes:
    """Return a filter that notifies of these calls and lets all others pass."""
    jumps = [_RULE.pack(_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    ends = [_RULE.pack(_RETURN, 0, 0, _ALLOW), _RULE.pack(_RETURN, 0, 0, _NOTIFY)]
    return b"".join([_RULE.pack(_LOAD, 0, 0, 0), *jumps, *ends])


def _listen() -> int:
    """Put this process under the filter, for good; return what the kernel asks at."""
    seccomp, numbers = NUMBERS[platform.machine()]
    libc = ctypes.CDLL(None, use_errno=True)
    rules = _rules(numbers)
    program = _Program(len(rules) // _RULE.size, rules)
    if libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    listener = libc.syscall(seccomp, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return int(listener)


def _count(listener: int, path: Path) -> None:
    """Count until nobody is left under the filter."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    found = 0
    ready = select.poll()
    ready.register(listener, select.POLLIN)
    with path.open("r+b", buffering=0) as file:
        while ready.poll()[0][1] & select.POLLIN:
            asked = bytearray(_NOTIFIED.size)
            try:
                fcntl.ioctl(listener, _RECEIVE, asked)
                number = _NOTIFIED.unpack(asked)[0]
                found += 1
                os.pwrite(file.fileno(), COUNT.pack(found), 0)
                fcntl.ioctl(listener, _SEND, bytearray(_ANSWER.pack(number, 0, 0, _CONTINUE)))
            except FileNotFoundError:
                continue  # whoever asked was killed meanwhile


def main(file: str, command: list[str]) -> None:
    path = Path(file)
    path.write_bytes(COUNT.pack(0))
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        _, (listener,), _, _ = socket.recv_fds(theirs, 1, 1)
        # Whoever waits for the command's last word is not to wait for this process.
        for number in (0, 1, 2):
            os.close(number)
        _count(listener, path)
        os._exit(0)
    theirs.close()
    listener = _listen()
    socket.send_fds(ours, [b"x"], [listener])
    os.close(listener)
    ours.close()
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
