"""RESTCONF and the web page behind their door, as the settings have it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.http.answers import App
from agent.http.door import Door
from agent.http.limits import DoorLimits
from agent.http.tls import Tls, TlsFault
from agent.operations.context import Context
from agent.page.beside import Beside
from agent.page.sessions import Over
from agent.release import release
from agent.restconf.app import METHODS, ROOT, Bounds, Restconf
from agent.restconf.login import Logins
from agent.restconf.monitoring import STATE_PATH, restconf_state
from agent.restconf.passwords import Passwords
from agent.settings import Settings
from agent.stopping import Stopping, going_on
from agent.translator import Json
from agent.transport.limits import Limits
from agent.transport.lockout import Lockout
from agent.transport.ssh import SshTransport
from agent.web_settings import Web

if TYPE_CHECKING:
    from agent.page.app import Page

log = logging.getLogger(__name__)

BODY_OCTETS_MAX = 16 * 1024 * 1024
BODIES_OCTETS_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class WebDoor:
    """Door, applications and what they work with; ``page``: None if the settings want none."""

    door: Door
    app: Restconf
    logins: Logins
    passwords: Passwords
    tries: Lockout
    secure: bool
    page: Page | None = None

    async def take_address(self) -> None:
        """Have address, certificate and key, without letting anybody in yet.

        Raises:
            OSError: one of them cannot be had.
        """
        try:
            await self.door.take_address()
        except TlsFault as problem:
            raise OSError(str(problem)) from None

    async def start(self) -> None:
        """Let clients in."""
        await self.door.start()
        at = f"{'https' if self.secure else 'http'}://{self.door.where}"
        log.info("RESTCONF on %s/restconf", at)
        if self.page is not None:
            log.info("the web page on %s/", at)

    def take_over(self, settings: Settings, limits: Limits) -> None:
        """Have other users, passwords and limits of tries from now on; the streams of who is gone end."""
        hashes = {} if settings.web is None else settings.web.passwords
        changed = self.passwords.changed_by(hashes)
        self.passwords.take_over(hashes)
        self.tries.bound(limits.lockout_tries, limits.lockout_s)
        self.logins.take_over(_certified(settings), settings.recovery_users)
        self.app.end_streams(self.logins.is_user, changed)
        self.logins.sessions.end_all(
            Over.CHANGED, lambda user: user in changed or not self.logins.is_user(user)
        )
        if self.page is not None:
            self.page.end_streams(Over.CHANGED, self.logins.is_user, changed)

    def shut(self) -> None:
        """Let nobody in any more, and begin nothing that changes something."""
        with going_on("RESTCONF begins nothing more"):
            self.app.shut()
        if self.page is not None:
            with going_on("the web page begins nothing more"):
                self.page.shut()
        with going_on("the door of RESTCONF is shut"):
            self.door.shut()

    async def stop(self, stopping: Stopping) -> None:
        """Let nobody in any more, and wait for edits that go on, and then for what is being answered."""
        self.shut()
        with going_on("edits of RESTCONF are waited for"):
            await self.app.stop(stopping.changes_s)  # before connections go, which carry the answers
        with going_on("the door of RESTCONF is closed"):
            await self.door.close(stopping.answers_s)
        self.passwords.close()
        await self.tries.kept.written()


def make_web(
    settings: Settings,
    web: Web,
    *,
    context: Context,
    limits: Limits,
    ssh: SshTransport,
    ids: Callable[[], int],
) -> WebDoor:
    """Put RESTCONF together; it has the tries of ``ssh``, and ``ids`` of all sessions."""
    passwords = Passwords(web.passwords)
    tries = Lockout(settings.data_dir / "lockout-names.json", limits.lockout_tries, limits.lockout_s)
    logins = Logins(
        passwords,
        certified=_certified(settings),
        recovery_users=settings.recovery_users,
        lockout=ssh.lockout,
        tries=tries,
        favoured=ssh.favoured,
        lookups=ssh.lookups,
    )
    bounds = Bounds(
        body_octets=min(limits.message_octets, BODY_OCTETS_MAX),
        bodies_octets=min(limits.unfinished_octets, BODIES_OCTETS_MAX),
        elements=limits.message_elements,
        requests_per_user=limits.sessions_per_user,
    )
    app = Restconf(context, logins, bounds, next_session_id=ids)
    page = _page(context, logins, app, ids) if web.page else None
    served: App = app if page is None else Beside(app, page)
    tls = None
    if web.certificate is not None and web.key is not None:
        tls = Tls(web.certificate, web.key, clients=web.client_authority)
    door_limits = DoorLimits(
        body_octets=bounds.body_octets,
        write_s=limits.write_timeout_s,
        methods=METHODS,
        slashes_below=f"/{ROOT}",
    )
    door = Door(served, (web.host, web.port), tls=tls, limits=door_limits, names=web.names, what="RESTCONF")

    async def state() -> Json:
        name = web.names[0] if web.names else web.host
        scheme = "http" if tls is None else "https"
        at = f"[{name}]" if ":" in name else name
        return restconf_state(context.stream, f"{scheme}://{at}:{door.port}")

    context.operational.roots[STATE_PATH] = state
    return WebDoor(
        door, app, logins=logins, passwords=passwords, tries=tries, secure=tls is not None, page=page
    )


def _page(context: Context, logins: Logins, app: Restconf, ids: Callable[[], int]) -> Page:
    from agent.page import files  # with Starlette: megabytes for who wants no page
    from agent.page.app import Page

    return Page(
        context,
        logins,
        files=files.read(),
        under_way=app.under_way,
        next_session_id=ids,
        version=release(),
    )


def _certified(settings: Settings) -> frozenset[str]:
    """Return who may come with a certificate that is signed by whom the settings name."""
    by_password = () if settings.web is None else settings.web.passwords
    return frozenset((*settings.users, *by_password, *settings.recovery_users))
