"""Who is asking: a password (RFC 7617), or a certificate of TLS; tries are limited as those of SSH are.

A password can be guessed, a key cannot. So two things that hold for SSH do not hold here: nobody is let in
who is locked out, wherever he comes from, and no login forgives what was tried under another name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from math import ceil
from typing import Any

from agent.http.arrival import Guest
from agent.restconf.passwords import Passwords, TooManyTries
from agent.restconf.problems import Problem
from agent.transport.accounts import Lookups, Unanswered, system_groups
from agent.transport.doorway import Favoured
from agent.transport.lockout import Lockout

log = logging.getLogger(__name__)

_CREDENTIALS_MAX = 2048
_NAME_MAX = 64
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="yangswan", charset="UTF-8"'}


class Logins:
    """Says who a guest is.

    Args:
        certified: users who may come with a certificate that is signed by whom the door trusts.
        lockout, favoured: as SSH has them: a source that guesses here is refused there, too.
        tries: of each name from each source, which a login under that name forgives alone.
    """

    def __init__(
        self,
        passwords: Passwords,
        *,
        certified: Collection[str],
        recovery_users: Collection[str],
        lockout: Lockout,
        tries: Lockout,
        favoured: Favoured,
        lookups: Lookups,
    ) -> None:
        self._passwords = passwords
        self._certified = frozenset(certified)
        self._recovery_users = frozenset(recovery_users)
        self._lockout = lockout
        self._tries = tries
        self._favoured = favoured
        self._lookups = lookups

    async def user_of(self, guest: Guest, authorization: str | None) -> str:
        """Return the name of the user.

        Raises:
            Problem: it cannot be told (401), or this source has failed too often (429).
        """
        user = self.certified(guest)
        if user is None:
            user = await self._by_password(guest, authorization)
        if not guest.vouch(user):
            raise Problem(
                503, "resource-denied", "there are too many connections", headers={"Retry-After": "1"}
            )
        return user

    def certified(self, guest: Guest) -> str | None:
        """Return whom the certificate of ``guest`` makes him, None if nobody: then a password says it."""
        return next((name for name in _names_in(guest.certificate) if name in self._certified), None)

    def take_over(self, certified: Collection[str], recovery_users: Collection[str]) -> None:
        """Have other users from now on."""
        self._certified = frozenset(certified)
        self._recovery_users = frozenset(recovery_users)

    def is_user(self, user: str) -> bool:
        """Return whether somebody of this name could log in now."""
        return user in self._certified or self._passwords.has(user)

    async def groups_of(self, user: str) -> tuple[str, ...]:
        """Return the groups of the system that ``user`` is in.

        Raises:
            Problem: the system does not tell (503).
        """
        try:
            return await self._lookups.ask(partial(system_groups, user))
        except Unanswered as problem:
            if user in self._recovery_users:
                return ()  # no rule holds for him
            log.warning("refused a request of %s: %s", user, problem)
            raise Problem(503, "resource-denied", str(problem), headers={"Retry-After": "5"}) from None

    async def _by_password(self, guest: Guest, authorization: str | None) -> str:
        given = _credentials(authorization)
        if given is None:
            raise Problem(
                401, "access-denied", "say who you are: a name and its password", headers=_CHALLENGE
            )
        user, password = given
        # It counts for itself, whoever else is in its network.
        counted = guest.source if self._favoured.remembered(guest.source) else guest.counted
        named = _named(user, counted)
        # First: what is remembered of others must tell nobody whether he has guessed it.
        self._refuse_locked_out(counted, named)
        if self._passwords.is_known(user, password):
            return user
        try:
            right = await self._passwords.is_right(user, password)
        except TooManyTries:
            headers = {"Retry-After": "1"}
            raise Problem(503, "resource-denied", "too many log in at the moment", headers=headers) from None
        self._refuse_locked_out(counted, named)  # others may have failed while this one waited
        if not right:
            self._lockout.failed(counted)
            self._tries.failed(named)
            log.warning("login of %r from %s refused: wrong name or password", user, guest.source)
            raise Problem(401, "access-denied", "the name or the password is wrong", headers=_CHALLENGE)
        self._lockout.succeeded(counted)
        self._tries.succeeded(named)
        return user

    def _refuse_locked_out(self, counted: str, named: str) -> None:
        remaining_s = max(self._lockout.remaining_s(counted), self._tries.remaining_s(named))
        if remaining_s:
            headers = {"Retry-After": str(ceil(remaining_s))}
            raise Problem(
                429, "access-denied", "this address has failed to log in too often", headers=headers
            )


def _named(user: str, source: str) -> str:
    """Return what the tries of one name from one source are counted under, which may stand in a log."""
    name = user if len(user) <= _NAME_MAX else hashlib.sha256(user.encode()).hexdigest()
    return f"{name!r} from {source}"


def _credentials(authorization: str | None) -> tuple[str, bytes] | None:
    """Return name and password of an Authorization field, None if it holds none."""
    scheme, _, text = (authorization or "").partition(" ")
    if scheme.lower() != "basic" or len(text) > _CREDENTIALS_MAX:
        return None
    try:
        name, colon, password = base64.b64decode(text.strip(), validate=True).partition(b":")
        return (name.decode(), password) if colon else None
    except (binascii.Error, ValueError):
        return None


def _names_in(certificate: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names in a certificate that may be of a user (RFC 7407 section 4.1): alternative names, then
    the common name."""
    yield from (value for kind, value in certificate.get("subjectAltName", ()) if kind in ("email", "DNS"))
    for attributes in certificate.get("subject", ()):
        yield from (value for kind, value in attributes if kind == "commonName")
