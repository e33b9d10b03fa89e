"""The tunnels as a table that is kept true by notifications. Pure: events, data and the clock come in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import tzinfo

from lxml import etree

from console.client.session import Element
from console.harmless import harmless
from console.model.schema import Schema
from console.show.data import AGENT, DAEMON, IPSEC, contents, event_time, missed, number, text
from console.show.status import is_disabled, reason_words, status, status_words
from console.show.times import instant, since_rekey

CONFIGURED = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"
TOLD_MAX = 5
"""Of what happened, the last lines are kept."""
_OF_TUNNELS = ("tunnel-state-changed", "negotiation-failed", "rekeyed", "drift-repaired")


@dataclass(slots=True)
class Tunnel:
    """One line. ``rekeyed_at``: on the clock of ``Followed``; None while it is not up."""

    description: str
    status: str
    disabled: bool
    rekeyed_at: float | None

    def cells(self, number: int, now: float) -> tuple[str, str, str, str]:
        since = "" if self.rekeyed_at is None else since_rekey(max(int(now - self.rekeyed_at), 0))
        return str(number), self.description, status_words(self.status), since


@dataclass(slots=True)
class Followed:
    """All tunnels, what has to be asked for again, and what happened last."""

    schema: Schema
    tunnels: dict[int, Tunnel] = field(default_factory=dict)
    stale: set[int] = field(default_factory=set)
    all_stale: bool = True
    told: deque[str] = field(default_factory=lambda: deque(maxlen=TOLD_MAX))

    def take(self, found: Iterable[Element], now: float) -> list[str]:
        """Take tunnels as they were found; returns a line for each whose status is another than was known."""
        lines = []
        for element in found:
            one = number(element, "id") or 0
            before, after = self.tunnels.get(one), _tunnel(element, now)
            self.tunnels[one] = after
            if before is not None and before.status != after.status:
                said = f"ipsec {one}  {status_words(before.status)} -> {status_words(after.status)}"
                lines.append(harmless(said))
        return lines

    def forget(self, gone: Iterable[int]) -> None:
        for one in gone:
            self.tunnels.pop(one, None)

    def hear(self, notification: Element, zone: tzinfo | None = None) -> list[str]:
        """Take an event; returns the lines that tell of it."""
        at = instant(event_time(notification))
        clock = "" if at is None else at.astimezone(zone).strftime("%H:%M:%S")
        said = [harmless(one) for one in map(self._said, contents(notification))]
        lines = [f"{clock}  {one}".strip() for one in said if one]
        self.told.extend(lines)
        return lines

    def _said(self, content: Element) -> str:
        name = etree.QName(content)
        if name.namespace == IPSEC and name.localname in _OF_TUNNELS:
            return self._of_tunnel(name.localname, content)
        if name.namespace == DAEMON and name.localname in ("daemon-started", "daemon-stopped"):
            self.all_stale = True
            more = text(content, "version") or text(content, "detail")
            return f"the IKE daemon {name.localname.removeprefix('daemon-')}" + (f": {more}" if more else "")
        if name.namespace == AGENT and name.localname == "notifications-missed":
            self.all_stale = True
            return missed(content)
        if name.namespace == CONFIGURED and name.localname == "netconf-config-change":
            self.all_stale = True
            return f"{text(content, 'changed-by/username') or 'the server'} committed"
        return ""

    def _of_tunnel(self, event: str, content: Element) -> str:
        one = number(content, "id") or 0
        self.stale.add(one)
        who = f"ipsec {one}"
        why = reason_words(content, self.schema)
        if event == "tunnel-state-changed":
            old, new = (status_words(text(content, f"{which}-status")) for which in ("old", "new"))
            if one in self.tunnels:
                self.tunnels[one].status = text(content, "new-status")
            return f"{who}  {old} -> {new}" + (f": {why}" if why else "")
        if event == "negotiation-failed":
            return f"{who}  not negotiated" + (f": {why}" if why else "")
        if event == "rekeyed":
            return f"{who}  rekeyed ({'IKE SA' if text(content, 'sa') == 'ike-sa' else 'CHILD_SA'})"
        return f"{who}  repaired: {text(content, 'what').replace('-', ' ')}"

    def shown(self, room: int) -> list[int]:
        """Return the tunnels for ``room`` lines: all, or where there is no room those in trouble first."""
        every = sorted(self.tunnels)
        if len(every) <= room:
            return every
        first = sorted(every, key=lambda one: (self._is_well(one), one))
        return sorted(first[: max(room, 0)])

    def _is_well(self, one: int) -> bool:
        tunnel = self.tunnels[one]
        return tunnel.status == "installed" or tunnel.disabled

    def up(self) -> int:
        return sum(one.status == "installed" for one in self.tunnels.values())


def _tunnel(element: Element, now: float) -> Tunnel:
    since = number(element, "state/time-since-rekey")
    return Tunnel(
        text(element, "description"),
        status(element),
        disabled=is_disabled(element),
        rekeyed_at=None if since is None else now - since,
    )
