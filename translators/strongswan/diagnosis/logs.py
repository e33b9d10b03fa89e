"""The log of charon for tunnels, on request: its lines as notifications, until a bound is met.

Over VICI charon hands out its levels 0 and 1 alone. Levels from 3 on hold raw messages and level 4 keys, so
there is no secret in what is handed out, whatever charon's own files are set to.

While charon answers the first message of a peer it does not know yet which connection that is for: the lines
of such an IKE_SA have a number and no name. They are taken for all tunnels between its two addresses, and
shown without a tunnel if there are several.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import category

from agent.errors import InvalidValue, ResourceDenied
from agent.translator import Json, Notification
from translators.strongswan.model import DAEMON
from translators.strongswan.status import unnamed
from translators.strongswan.translation.connections import tunnel_of

log = logging.getLogger(__name__)

MAX_LOGS = 4
TEXT_CHARACTERS_MAX = 2000
UNNAMED_MAX = 1024
"""Of so many IKE_SAs without a name the addresses are kept."""

_CONNECTION = re.compile(r"(?<![\w-])ipsec-\d+(?![\w-])")

Ends = tuple[str, str]
Owners = Callable[[Collection[str]], Sequence[str]]
"""Returns the tunnels that an SA between these two addresses may belong to."""


@dataclass(eq=False, slots=True)
class _Log:
    """One log that was asked for. ``tunnels`` empty: of everything."""

    number: int
    tunnels: frozenset[str]
    level: int
    lines_max: int
    timer: asyncio.TimerHandle | None = None
    lines: int = 0


class TunnelLogs:
    """All logs of this agent; ``notify`` takes a ``log-line`` or ``log-ended`` notification. ``version``
    returns something else once ``owners`` may do so."""

    def __init__(
        self, notify: Callable[[Notification], None], owners: Owners, version: Callable[[], object]
    ) -> None:
        self._notify = notify
        self._owners = owners
        self._version = version
        self._numbers = itertools.count(1)
        self._running: dict[int, _Log] = {}
        self._source: object = None
        self._unnamed: dict[str, Ends] = {}
        self._between: tuple[object, dict[Ends, Sequence[str]]] = (None, {})
        """What was found between the ends of these, and when."""

    @property
    def is_shown(self) -> bool:
        """Whether somebody is shown any of it."""
        return bool(self._running)

    def start(self, input: Json) -> Json:
        """Carry out ``start-log``.

        Raises:
            ResourceDenied: there are too many logs.
        """
        if len(self._running) >= MAX_LOGS:
            raise ResourceDenied(f"there are {MAX_LOGS} logs already: stop one first")
        started = _Log(
            number=next(self._numbers),
            tunnels=frozenset(str(tunnel) for tunnel in input.get("tunnel", [])),
            level=int(input.get("level", 1)),
            lines_max=int(input.get("lines", 1000)),
        )
        self._running[started.number] = started
        loop = asyncio.get_running_loop()
        started.timer = loop.call_later(int(input.get("seconds", 60)), self._end, started, "time")
        return {"log-id": started.number}

    def stop(self, number: int) -> None:
        """Carry out ``stop-log``.

        Raises:
            InvalidValue: there is no such log.
        """
        found = self._running.get(number)
        if found is None:
            raise InvalidValue(f"there is no log {number}", info={"bad-element": "log-id"})
        self._end(found, "stopped")

    def close(self) -> None:
        """End every log. Safe to call twice."""
        for running in list(self._running.values()):
            self._end(running, "stopped")

    def _end(self, ended: _Log, reason: str) -> None:
        if ended.timer is not None:
            ended.timer.cancel()
        del self._running[ended.number]
        if not self._running:
            self._unnamed.clear()
            self._between = (None, {})
        self._tell("log-ended", {"log-id": ended.number, "reason": reason, "lines": ended.lines})

    def _tell(self, name: str, content: Json) -> None:
        try:
            self._notify(Notification({f"{DAEMON}:{name}": content}))
        except Exception:
            # Told from the midst of handling charon's events, which must go on.
            log.exception("defect while sending a notification")

    def on_event(self, source: object, event: str, message: Mapping[str, object]) -> None:
        """Take an event of charon; ``source`` is another when it is another charon, which counts anew."""
        if event != "log" or not self._running:
            return
        if source is not self._source:
            self._source = source
            self._unnamed.clear()
        owners = self._owners_of(message)
        level = _number(message.get("level"))
        for running in list(self._running.values()):
            if level > running.level or (running.tunnels and running.tunnels.isdisjoint(owners)):
                continue
            running.lines += 1
            self._tell("log-line", line_content(running.number, owners, message))
            if running.lines >= running.lines_max:
                self._end(running, "lines")

    def _owners_of(self, message: Mapping[str, object]) -> Sequence[str]:
        name, text = str(message.get("ikesa-name", "")), str(message.get("msg", ""))
        if not name:
            # Of no SA: what is loaded and unloaded names its connection.
            found = (tunnel_of(match) for match in _CONNECTION.findall(text))
            return list(dict.fromkeys(tunnel for tunnel in found if tunnel is not None))
        sa = str(message.get("ikesa-uniqueid", ""))
        if name != unnamed.NAME:
            self._unnamed.pop(sa, None)
            tunnel = tunnel_of(name)
            return [] if tunnel is None else [tunnel]
        if sa not in self._unnamed and (ends := unnamed.ends_of(text)):
            if len(self._unnamed) >= UNNAMED_MAX:
                del self._unnamed[next(iter(self._unnamed))]
            self._unnamed[sa] = ends
        return self._owners_between(self._unnamed[sa]) if sa in self._unnamed else ()

    def _owners_between(self, ends: Ends) -> Sequence[str]:
        """Return what ``owners`` does, which takes a look at all tunnels once and not for each line."""
        version, found = self._version(), self._between[1]
        if version != self._between[0] or len(found) >= UNNAMED_MAX:
            found = {}
            self._between = version, found
        if ends not in found:
            found[ends] = self._owners(ends)
        return found[ends]


def line_content(number: int, owners: Sequence[str], message: Mapping[str, object]) -> Json:
    """Return the leaves of a ``log-line`` notification from a ``log`` event of charon."""
    content: Json = {
        "log-id": number,
        "group": _clean(str(message.get("group", ""))).lower(),
        "level": _number(message.get("level")),
        "text": _clean(str(message.get("msg", ""))),
    }
    if len(owners) == 1:
        content["tunnel"] = int(owners[0])
    for leaf, key in (("thread", "thread"), ("ike-sa", "ikesa-uniqueid")):
        if key in message:
            content[leaf] = _number(message[key])
    return content


def _number(value: object) -> int:
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 10 else 0


def _clean(text: str) -> str:
    """Return ``text`` without what has no place in XML or on a screen; a peer may have chosen parts of it."""
    shown = text[:TEXT_CHARACTERS_MAX]
    return "".join(_shown(one) for one in shown)


def _shown(one: str) -> str:
    if one.isprintable() or one in "\t\n":
        return one
    return " " if category(one) == "Zs" else "?"
