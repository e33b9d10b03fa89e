"""The host key as a credential of systemd's (systemd.exec(5), LoadCredential=).

It lies in a folder of its own, in memory, that systemd makes for this service alone. It is read, and never
written: who gives it makes another.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Mapping
from pathlib import Path

from agent.transport.files import damaged

NAME = "host_key"
GIVE_ANOTHER = "give another one with LoadCredential=, or none"
_ACL = "system.posix_acl_access"
_ENTRY = struct.Struct("<HHI")
"""Of an access control list (acl(5)), after four octets: kind, permissions, user or group."""
_USER, _GROUP_OBJECT, _GROUP, _MASK = 0x02, 0x04, 0x08, 0x10
_OPEN_BITS = 0o7


def host_key(environment: Mapping[str, str]) -> Path | None:
    """Return the file with the host key that systemd gives this process, None if it gives none."""
    folder = environment.get("CREDENTIALS_DIRECTORY", "")
    file = Path(folder) / NAME
    return file if folder and os.path.lexists(file) else None


def faults(file: Path) -> list[str]:
    """Return in a sentence why the credential cannot be used as a host key."""
    try:
        status = os.stat(file)
        if not stat.S_ISREG(status.st_mode):
            return [f"the credential {file} is no file: {GIVE_ANOTHER}"]
        if who := _further_readers(file, status):
            return [f"the credential {file} may be read by {who}: {GIVE_ANOTHER}"]
        with open(file, "rb"):
            pass
    except OSError as problem:
        return [f"the credential {file} cannot be read: {problem.strerror}"]
    return damaged(file, GIVE_ANOTHER)


def _further_readers(file: Path, status: os.stat_result) -> str | None:
    """Return who may read ``file`` beside root and this user; None: nobody.

    systemd lets a service's own user in by an access control list where the file system has them; the bits of
    the group are then the most that it grants anybody.
    """
    if status.st_uid not in (0, os.geteuid()):
        return f"user {status.st_uid}, whose it is"
    others = stat.S_IMODE(status.st_mode) & _OPEN_BITS
    try:
        granted = os.getxattr(file, _ACL)
    except OSError:
        return f"others (mode {stat.S_IMODE(status.st_mode):04o})" if status.st_mode & 0o077 else None
    entries = list(_ENTRY.iter_unpack(granted[4:]))
    mask = next((permissions for kind, permissions, _ in entries if kind == _MASK), _OPEN_BITS)
    for kind, permissions, number in entries:
        if kind == _USER and number not in (0, os.geteuid()) and permissions & mask:
            return f"user {number}"
        if kind in (_GROUP_OBJECT, _GROUP) and permissions & mask:
            return "a group"
    return "others" if others else None
