"""SIGHUP: the settings are read again, and what can change while the agent runs is changed.

All of it or nothing: what --check would refuse changes nothing. What can change is TAKEN_OVER. All else that
has changed in the file is named, and waits for a restart. The command line counts as it did at the start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from agent import made_user
from agent.ending import Hangups
from agent.settings import Settings, SettingsError
from agent.web_settings import Web

log = logging.getLogger("agent")

TAKEN_OVER = ("users", "recovery-users", "limits", "log-level", "log-format")
PASSWORDS = "web.passwords"
"""Of its table, they alone: whoever is taken out is out."""
NAMES_MAX = 20
"""Of settings in one line of the log."""
FAULTS_MAX = 100


@dataclass(frozen=True, slots=True)
class Reread:
    """Settings that can be used, and the files of the keys of all users, by name. ``ousted``: the user whom
    the agent made while the settings named none, if he goes now that they do."""

    settings: Settings
    users: Mapping[str, Path]
    ousted: str | None = None

    def why_gone(self, user: str) -> str:
        """Return why ``user``, who could log in until now, cannot any more."""
        if user == self.ousted:
            return f"the user '{user}' was there while the settings named no users, and now they do"
        return f"the user '{user}' was taken out of the settings"


def changed(before: Settings, now: Settings) -> list[str]:
    """Return what differs, in the words of the settings file; of a table each of its keys."""
    return sorted(set(_changed(before, now)))


def _changed(before: Settings, now: Settings) -> Iterator[str]:
    for field in (one for one in fields(Settings) if one.compare):
        was, became = getattr(before, field.name), getattr(now, field.name)
        if field.name == "users":
            was, became = was or _MADE, became or _MADE
        name = _IN_THE_FILE.get(field.name, field.name.replace("_", "-"))
        if was == became:
            continue
        if field.name == "web":
            yield from _changed_in(name, _as_table(was), _as_table(became))
        elif isinstance(was, dict):
            yield from _changed_in(name, was, became)
        else:
            yield name


_MADE = {made_user.MADE_USER: "made"}
"""Who there is without users in the settings; wherever his key is."""
_IN_THE_FILE = {"host": "listen", "port": "listen", "translators": "translator"}


def _as_table(web: Web | None) -> dict[str, Any]:
    """Return the table [web], with its passwords as one value; without what it does not say."""
    if web is None:
        return {}
    return {
        "listen": (web.host, web.port),
        "certificate": web.certificate,
        "key": web.key,
        "client-authority": web.client_authority,
        "names": web.names or None,
        "page": None if web.page else False,
        "passwords": web.passwords or None,
    }


def _changed_in(table: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in {**before, **now}:
        was, became = before.get(key), now.get(key)
        if was == became:
            continue
        if table == "translator":
            yield from _changed_in(f"{table}.{key}", was or {}, became or {})
        else:
            yield f"{table}.{key}"


def merged(before: Settings, now: Settings) -> Settings:
    """Return ``before`` with what of ``now`` is taken over without a restart."""
    found = {name.replace("-", "_"): getattr(now, name.replace("-", "_")) for name in TAKEN_OVER}
    if before.web is not None:
        passwords = {} if now.web is None else now.web.passwords
        found["web"] = replace(before.web, passwords=passwords)
    return replace(before, **found)


class Rereading:
    """Reads the settings again at each hangup; several that come meanwhile are one.

    Args:
        settings: those that the agent was started with.
        read: reads them again, on a thread of its own. Raises SettingsError or OSError.
        take_over: has the agent go on with what was read; called on the event loop, and cannot fail.
        supervised: what is entered while it is done: systemd is told that the agent is reloading.
    """

    def __init__(
        self,
        hangups: Hangups,
        *,
        settings: Settings,
        read: Callable[[], Reread],
        take_over: Callable[[Reread], None],
        supervised: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._hangups = hangups
        self._settings = settings
        self._read = read
        self._take_over = take_over
        self._supervised = supervised

    @asynccontextmanager
    async def in_background(self) -> AsyncIterator[None]:
        """Read at each hangup inside the block."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        while True:
            await self._hangups.came()
            with self._supervised():
                try:
                    await self._once()
                except Exception:
                    log.exception("defect while settings were read again; they stay as they were")

    async def _once(self) -> None:
        try:
            found = await asyncio.to_thread(self._read)
            _refuse_forgotten_users(self._settings, found.settings)
        except SettingsError as problem:
            _say_refused(problem.faults)
            return
        except OSError as problem:
            _say_refused([str(problem)])
            return
        keys = changed(self._settings, found.settings)
        taken = [key for key in keys if key.partition(".")[0] in TAKEN_OVER]
        if PASSWORDS in keys and self._settings.web is not None:
            taken.append(PASSWORDS)
        log.info("the settings were read again (SIGHUP), and %s", _told(taken))
        for key in (key for key in keys if key not in taken):
            log.warning("the setting '%s' has changed and needs a restart; until then it is as it was", key)
        if made_user.goes(self._settings, found.settings):
            found = replace(found, ousted=made_user.MADE_USER)
            folder = self._settings.data_dir
            log.warning("%s. %s", found.why_gone(made_user.MADE_USER), made_user.how_to_keep(folder))
        self._settings = merged(self._settings, found.settings)
        self._take_over(found)


def _refuse_forgotten_users(before: Settings, now: Settings) -> None:
    """An editor may have emptied the file, and not yet written it: nobody is logged out by that.

    Raises:
        SettingsError: there were users, and nothing is said of any.
    """
    if before.users and not now.users and not now.says_users:
        raise SettingsError(
            f"the file does not say [users] any more, and all {len(before.users)} would be logged out; "
            "to have it so, write [users] and nothing below it"
        )


def _told(keys: list[str]) -> str:
    if not keys:
        return "nothing has changed that an agent takes over while it runs"
    more = f" and {len(keys) - NAMES_MAX} more" if len(keys) > NAMES_MAX else ""
    return f"these have changed, and are in force now: {', '.join(keys[:NAMES_MAX])}{more}"


def _say_refused(faults: Sequence[str]) -> None:
    """Say each fault in a line of its own, as --check does."""
    log.error("the settings were read again (SIGHUP) and cannot be used; all stay as they were:")
    for fault in faults[:FAULTS_MAX]:
        log.error("%s", fault)
    if len(faults) > FAULTS_MAX:
        log.error("and %d more, which --check names", len(faults) - FAULTS_MAX)
