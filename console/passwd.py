"""``yangswan passwd``: makes the line of a password for the settings of an agent.

Only its hash is in that line (argon2id, RFC 9106), and nothing of it is written anywhere else. A password is
never a word of the command line, where the list of processes would show it.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from getpass import getpass, getuser
from typing import Any

from console import interrupts

NAME = "passwd"
WHAT = "make the line of a password for the settings of an agent"
PASSWORD_OCTETS_MAX = 1024
MEMORY_KIB = 19456
ITERATIONS = 2
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    description = (
        f"{WHAT[0].upper()}{WHAT[1:]}: it goes below [web.passwords]. On a terminal the password is asked "
        "for twice; else it is the first line of standard input."
    )
    parser = commands.add_parser(NAME, help=WHAT, description=description)
    parser.add_argument("user", nargs="?", metavar="USER", help="whose it is (without: your name here)")
    parser.set_defaults(carry_out=lambda options: run(getuser() if options.user is None else options.user))


def run(user: str) -> int:
    """Print the line for ``user``.

    Returns:
        0, or 1 if there is no such password; then one line on standard error says why.
    """
    try:
        key = _key(user)
        password = _asked(user) if sys.stdin.isatty() else _read()
        print(f'{key} = "{hash_of(password)}"')
    except ValueError as problem:
        print(f"yangswan {NAME}: {problem}", file=sys.stderr)
        return 1
    return 0


def hash_of(password: bytes) -> str:
    """Return the hash of a password, as the agent reads it (agent.restconf.passwords)."""
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # no other command needs it

    made = Argon2id(salt=os.urandom(16), length=32, iterations=ITERATIONS, lanes=1, memory_cost=MEMORY_KIB)
    return made.derive_phc_encoded(password)


def _asked(user: str) -> bytes:
    """Raises ValueError if the two are not the same."""
    try:
        with interrupts.raising():
            first = getpass(f"password of {user}: ")
            second = getpass("once more: ")
    except EOFError:
        raise ValueError("no password was given") from None
    if first != second:
        raise ValueError("these are two passwords: begin again")
    return _fit(first.encode(errors="surrogateescape"))


def _read() -> bytes:
    """Raises ValueError if there is no line that can be a password."""
    line = sys.stdin.buffer.readline(PASSWORD_OCTETS_MAX + 2)
    return _fit(line.removesuffix(b"\n").removesuffix(b"\r"))


def _fit(password: bytes) -> bytes:
    if not password:
        raise ValueError("a password is not empty")
    if len(password) > PASSWORD_OCTETS_MAX:
        raise ValueError(f"a password has {PASSWORD_OCTETS_MAX} octets at most")
    try:
        text = password.decode()
    except UnicodeDecodeError:
        raise ValueError("a password is in UTF-8, as clients send it") from None
    if not text.isprintable():
        raise ValueError("a password holds no control characters, which no client could send")
    return password


def _key(user: str) -> str:
    """Return a key of TOML; raises ValueError if nobody can have that name."""
    if not user or not user.isprintable() or any(map(str.isspace, user)) or ":" in user:
        raise ValueError("a name of a user is not empty, and has no white space and no colon (RFC 7617)")
    if _BARE_KEY.fullmatch(user):
        return user
    escaped = user.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
