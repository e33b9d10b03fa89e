"""Passwords against their hashes: a few at a time, off the event loop, and those of nobody cost as much.

A hash is written as PHC strings are, by argon2id (RFC 9106). Clients of RESTCONF send the password with each
request, so that it is remembered for a while which were right, by a code that is worth nothing elsewhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

MEMORY_KIB = 19456
ITERATIONS = 2
"""OWASP's choice of both: some fifty milliseconds of a processor."""
MEMORY_KIB_MAX = 1024 * 1024
ITERATIONS_MAX = 100
LANES_MAX = 16
PASSWORD_OCTETS_MAX = 1024
AT_ONCE = 2
WAITING_MAX = 32
REMEMBERED = 256
REMEMBERED_S = 300.0
_SALT_OCTETS = 16
_HASH_OCTETS = 32
_USUAL = f"$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p=1${'A' * 22}${'A' * 43}"
_PHC = re.compile(
    r"\$argon2id\$v=19\$m=(?P<memory>[0-9]{1,8}),t=(?P<iterations>[0-9]{1,4}),p=(?P<lanes>[0-9]{1,3})"
    r"\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,172}"
)


class TooManyTries(Exception):
    """More passwords wait to be looked at than are looked at."""


def hash_of(password: bytes) -> str:
    """Return the hash of a password; each time another one."""
    made = Argon2id(
        salt=os.urandom(_SALT_OCTETS),
        length=_HASH_OCTETS,
        iterations=ITERATIONS,
        lanes=1,
        memory_cost=MEMORY_KIB,
    )
    return made.derive_phc_encoded(password)


def fault_of(written: str) -> str | None:
    """Return why ``written`` cannot be the hash of a password, None if it can."""
    found = _PHC.fullmatch(written)
    if found is None:
        return "it is no argon2id hash: 'yangswan passwd' makes one"
    lanes = int(found["lanes"])
    memory, iterations = int(found["memory"]), int(found["iterations"])
    if not (
        1 <= lanes <= LANES_MAX
        and 1 <= iterations <= ITERATIONS_MAX
        and 8 * lanes <= memory <= MEMORY_KIB_MAX
    ):
        return (
            f"a try would cost too much or nothing: at most m={MEMORY_KIB_MAX}, t={ITERATIONS_MAX}, "
            f"p={LANES_MAX}, and m is 8 times p at least"
        )
    return None


def is_right(password: bytes, written: str) -> bool:
    """Return whether ``written`` is the hash of ``password``; takes a while."""
    try:
        Argon2id.verify_phc_encoded(password, written)
    except InvalidKey:
        return False
    return True


class Passwords:
    """Those of all users, by name.

    Args:
        now: seconds, which only go on.
    """

    def __init__(self, hashes: Mapping[str, str], now: Callable[[], float] = time.monotonic) -> None:
        self._hashes = dict(hashes)
        self._now = now
        self._pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="passwords")
        self._waiting = 0
        self._code_key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, float] = OrderedDict()

    async def is_right(self, user: str, password: bytes) -> bool:
        """Return whether it is the password of ``user``, and still is when that is known.

        Raises:
            TooManyTries: ask again later.
        """
        if len(password) > PASSWORD_OCTETS_MAX:
            return False
        written = self._hashes.get(user)
        code = self._code(user, password, written or "")
        if self._is_remembered(code):
            return True
        if self._waiting >= WAITING_MAX:
            raise TooManyTries
        self._waiting += 1
        try:
            # The same work for who is not there: an answer takes as long.
            looked_at = written or _of_nobody(user, self._hashes.values())
            looked = asyncio.get_running_loop().run_in_executor(self._pool, is_right, password, looked_at)
            right = await asyncio.shield(looked) and written is not None
            right = right and self._hashes.get(user) == written
        finally:
            self._waiting -= 1
        if right:
            self._right[code] = self._now() + REMEMBERED_S
            while len(self._right) > REMEMBERED:
                self._right.popitem(last=False)
        return right

    def take_over(self, hashes: Mapping[str, str]) -> None:
        """Have others from now on; what is remembered of those that have changed means nothing."""
        self._hashes = dict(hashes)

    def changed_by(self, hashes: Mapping[str, str]) -> frozenset[str]:
        """Return whose password is another in ``hashes``, or is not there any more."""
        return frozenset(user for user, written in self._hashes.items() if hashes.get(user) != written)

    def has(self, user: str) -> bool:
        return user in self._hashes

    def is_known(self, user: str, password: bytes) -> bool:
        """Return whether it was right a while ago, without any work."""
        return self._is_remembered(self._code(user, password, self._hashes.get(user, "")))

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _code(self, user: str, password: bytes, written: str) -> bytes:
        text = b"\0".join((user.encode(), written.encode(), password))
        return hmac.new(self._code_key, text, hashlib.sha256).digest()

    def _is_remembered(self, code: bytes) -> bool:
        until = self._right.get(code)
        if until is None or until < self._now():
            self._right.pop(code, None)
            return False
        return True


def _of_nobody(user: str, hashes: Iterable[str]) -> str:
    """Return a hash that no password has that anybody knows, for a name that is no user's.

    It costs what one of ``hashes`` does, for a name always the same one: users whose hashes differ in that
    are told from nobody by neither the time of an answer nor how it varies.
    """

    def weight(written: str) -> bytes:
        return hmac.digest(written.encode(), user.encode(), "sha256")

    head, _, _ = max(hashes, key=weight, default=_USUAL).rpartition("$")
    return f"{head}${secrets.token_urlsafe(32)[:43].translate(str.maketrans('-_', '+/'))}"
