"""What the system knows of its users: names, numbers and groups."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd


def name_of(uid: int) -> str | None:
    """Return the name of the user with this number, None if the system has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OSError, OverflowError):
        return None


def number_of(user: str) -> int | None:
    """Return the number of the user with this name, None if the system has none."""
    try:
        return pwd.getpwnam(user).pw_uid
    except (KeyError, OSError, ValueError):
        return None


def system_groups(user: str) -> tuple[str, ...]:
    """Return the names of the groups that the system's user of this name is in; () without such a user."""
    try:
        account = pwd.getpwnam(user)
        numbers = os.getgrouplist(user, account.pw_gid)
    except (KeyError, OSError, ValueError):
        return ()
    found = []
    for number in numbers:
        with contextlib.suppress(KeyError):
            found.append(grp.getgrgid(number).gr_name)
    return tuple(found)
