"""Who is asking: the cookie of a login on the web page, a certificate of TLS, or a password (RFC 7617); tries
are limited as those of SSH are.

A password can be guessed, a key cannot. So two things that hold for SSH do not hold here: nobody is let in
who is locked out, wherever he comes from, and no login forgives what was tried under another name.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from typing import Any

from agent.http.arrival import Guest
from agent.page.sessions import End, Over, Session, Sessions
from agent.restconf.passwords import Passwords, TooManyTries
from agent.restconf.problems import Problem
from agent.transport.accounts import Lookups, Unanswered, system_groups
from agent.transport.doorway import Favoured
from agent.transport.lockout import Lockout

log = logging.getLogger(__name__)

_CREDENTIALS_MAX = 2048
_NAME_MAX = 64
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="yangswan", charset="UTF-8"'}
TOKEN = "x-csrf-token"
"""The field in which the page shows that it is the page, and not a stranger's that a browser lets ask."""


def cookie_name(guest: Guest) -> str:
    """Return how the cookie is called; with TLS no other host, path or scheme can set one of that name."""
    return "__Host-yangswan" if guest.secure else "yangswan"


@dataclass(frozen=True, slots=True)
class Known:
    """Who is asking. ``by_password``: not with a certificate; ``session``: by the cookie of this one.
    ``by_browser``: a browser asks for him, which is sent no secrets: nobody needs them on a screen."""

    user: str
    by_password: bool
    session: Session | None = None
    by_browser: bool = False


class Logins:
    """Says who a guest is.

    Args:
        certified: users who may come with a certificate that is signed by whom the door trusts.
        lockout, favoured: as SSH has them: a source that guesses here is refused there, too.
        tries: of each name from each source, which a login under that name forgives alone.
        sessions: of the web page.
        now: the time of these.
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
        sessions: Sessions | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sessions = sessions or Sessions()
        self.now = now
        self._passwords = passwords
        self._certified = frozenset(certified)
        self._recovery_users = frozenset(recovery_users)
        self._lockout = lockout
        self._tries = tries
        self._favoured = favoured
        self._lookups = lookups

    async def known(self, guest: Guest, fields: Mapping[str, str], *, changes: bool) -> Known:
        """Return who sends a request.

        Args:
            fields: of its head, by their names in small letters.
            changes: it is none that only reads.

        Raises:
            Problem: it cannot be told (401), this source has failed too often (429), or a request that
                changes something comes with a cookie and without the token of its session (403).
        """
        session = self.session_of(guest, fields)
        if session is not None:
            if changes and not session.is_token(fields.get(TOKEN, "")):
                raise Problem(403, "access-denied", "this comes with a cookie, and not from its page")
            known = Known(session.user, by_password=True, session=session)
        elif (user := self.certified(guest)) is not None:
            known = Known(user, by_password=False)
        else:
            known = Known(await self._by_basic(guest, fields), by_password=True)
        self.vouch(guest, known.user)
        return replace(known, by_browser=_is_browser(guest, fields))

    def session_of(self, guest: Guest, fields: Mapping[str, str]) -> Session | None:
        """Return the session of the cookie that a request comes with, None if there is none such."""
        cookie = _cookie(guest, fields)
        return None if cookie is None else self.sessions.find(cookie, self.now())

    @contextmanager
    def ends_with(self, session: Session | None, end: End) -> Iterator[None]:
        """Have ``end`` called if ``session`` ends inside the block, which keeps it in use, and at its latest
        end, though nobody asks for anything then."""
        if session is None:
            yield
            return
        self.sessions.follow(session, end)
        left_s = session.until - self.now()
        timer = asyncio.get_running_loop().call_later(left_s, self.sessions.end, session, Over.EXPIRED)
        try:
            yield
        finally:
            timer.cancel()
            self.sessions.leave(session, end, self.now())

    def vouch(self, guest: Guest, user: str) -> None:
        """Have a guest that is known to be ``user`` be among those who are.

        Raises:
            Problem: there are as many as there may be (503).
        """
        if not guest.vouch(user):
            raise Problem(
                503, "resource-denied", "there are too many connections", headers={"Retry-After": "1"}
            )

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

    def refuse_over(self, user: str, session: Session | None) -> None:
        """Refuse who was known a while ago, and has gone or is logged out meanwhile.

        Raises:
            Problem: he is (401).
        """
        if not self.is_user(user) or (session is not None and session.over is not None):
            raise Problem(401, "access-denied", "your user or your login is not there any more")

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

    async def _by_basic(self, guest: Guest, fields: Mapping[str, str]) -> str:
        challenge = {} if _is_browser(guest, fields) else _CHALLENGE
        given = _credentials(fields.get("authorization"))
        if given is None:
            raise Problem(401, "access-denied", "say who you are: a name and its password", headers=challenge)
        user, password = given
        await self.refuse_wrong(guest, user, password, challenge=challenge)
        return user

    async def refuse_wrong(
        self, guest: Guest, user: str, password: bytes, *, challenge: Mapping[str, str] | None = None
    ) -> None:
        """Count a try of ``guest`` to be ``user``, and refuse one with a wrong password.

        Raises:
            Problem: it is wrong (401), this source has failed too often (429), too many try at once (503).
        """
        # It counts for itself, whoever else is in its network.
        counted = guest.source if self._favoured.remembered(guest.source) else guest.counted
        named = _named(user, counted)
        # First: what is remembered of others must tell nobody whether he has guessed it.
        self._refuse_locked_out(counted, named)
        if self._passwords.is_known(user, password):
            return
        try:
            right = await self._passwords.is_right(user, password)
        except TooManyTries:
            headers = {"Retry-After": "1"}
            raise Problem(503, "resource-denied", "too many log in at the moment", headers=headers) from None
        self._refuse_locked_out(counted, named)  # others may have failed while this one waited
        if not right:
            self._lockout.failed(counted)
            self._tries.failed(named)
            known = user if len(user) <= _NAME_MAX else f"{user[:_NAME_MAX]}..."
            log.warning("login of %r from %s refused: wrong name or password", known, guest.source)
            raise Problem(401, "access-denied", "the name or the password is wrong", headers=challenge)
        self._lockout.succeeded(counted)
        self._tries.succeeded(named)

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


def _cookie(guest: Guest, fields: Mapping[str, str]) -> str | None:
    """Return the value of our cookie (RFC 6265 section 5.4), None if it does not come with the request."""
    name = cookie_name(guest)
    pairs = (pair.strip().partition("=") for pair in fields.get("cookie", "").split(";"))
    return next((value for found, _, value in pairs if found == name), None)


def _is_browser(guest: Guest, fields: Mapping[str, str]) -> bool:
    """True if a browser asks, whatever for: it says so (Fetch Metadata), or has what the page has from here.

    What it is sent may be shown and kept, and asked for a password it would put up its own form.
    """
    says_so = any(name.startswith("sec-fetch-") for name in fields)
    return says_so or TOKEN in fields or _cookie(guest, fields) is not None


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
