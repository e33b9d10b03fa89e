"""Who may log in: names that an SSH client can give, and the files of their public keys."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import asyncssh

from agent.regular_file import read_regular

KEYS_OCTETS_MAX = 1_000_000
NAME_CHARACTERS_MAX = 255


def read_keys(file: Path) -> asyncssh.SSHAuthorizedKeys:
    """Return the public keys in ``file`` (sshd(8), AUTHORIZED_KEYS FILE FORMAT).

    Raises:
        OSError: it cannot be read.
        ValueError: there is none in it.
    """
    try:
        # Of an empty text asyncssh says nothing.
        return asyncssh.import_authorized_keys(read_regular(file, KEYS_OCTETS_MAX).decode() or "\n")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except ValueError:
        raise ValueError("it holds no public key") from None


def keyless(users: Mapping[str, Path]) -> list[str]:
    """Return a sentence for each of ``users``, by name, whose file holds no public key that can be read."""
    found = []
    for user, file in users.items():
        try:
            read_keys(file)
            continue
        except OSError as problem:
            reason = problem.strerror or os.strerror(problem.errno or 0)
        except ValueError as problem:
            reason = str(problem)
        found.append(f"the user '{user}' cannot log in: {file}, the file of his public keys: {reason}")
    return found


def misnamed(users: Iterable[str]) -> list[str]:
    """Return a sentence for each of ``users`` with whose name nobody can log in."""
    return [
        f"{user!r} cannot be the name of a user: {reason}"
        for user in dict.fromkeys(users)
        if (reason := _fault_of(user))
    ]


def _fault_of(name: str) -> str | None:
    if not name:
        return "it is empty"
    if any(character.isspace() or not character.isprintable() for character in name):
        return "there is white space in it, or what cannot be seen"
    if len(name) > NAME_CHARACTERS_MAX:
        return f"it is longer than {NAME_CHARACTERS_MAX} characters"
    # What a client sends is prepared so (RFC 4252 section 5), and then compared with this name.
    try:
        prepared = asyncssh.saslprep.saslprep(name)
    except asyncssh.saslprep.SASLPrepError:
        return "SSH does not allow it (RFC 4013)"
    return None if prepared == name else f"SSH makes it {prepared!r} (RFC 4013)"
