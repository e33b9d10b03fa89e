"""Transaction ids of running: which commit changed a node last, and how that is written. Pure.

draft-ietf-netconf-transaction-id, section 3.2. Versioned nodes are the datastore, each shell and each unit
(agent.yang.units) that is a container or a list entry; every other node has the id of the closest one that it
lies in. What is not here: what a client asks or demands (agent.operations.txid).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import islice

from agent.tables import fitted

MAX_KNOWN = 10_000
"""Ids that are remembered beside those in use: one that was left behind longer ago is not known any more."""
MAX_LENGTH = 255
"""Of an id that a client gives, in characters; ours are much shorter."""
REQUEST, UNKNOWN, MATCH = "?", "!", "="
"""No ids: a client wants to know it; it is not given yet; it is the client's."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ETAG = re.compile(rf"[!#-\[\]-~]{{1,{MAX_LENGTH}}}")  # as ETags of HTTP, without a backslash
_DATE_AND_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,20})?)(Z|[+-]\d\d:\d\d)", re.ASCII)


class Mechanism(Enum):
    """The two forms of an id (sections 4.1 and 4.2); the value is the name of the attribute."""

    ETAG = "etag"
    LAST_MODIFIED = "last-modified"


def fault_of(mechanism: Mechanism, value: str) -> str | None:
    """Return what is wrong with an id that a client gives, None if it may be one."""
    if value in (REQUEST, UNKNOWN, MATCH):
        return None
    if mechanism is Mechanism.ETAG:
        if _ETAG.fullmatch(value):
            return None
        return (
            f"it is no etag: those have 1 to {MAX_LENGTH} printable ASCII characters, and no space, "
            "backslash or double quote; '?' asks for it"
        )
    if not _DATE_AND_TIME.fullmatch(value):
        return "it is no date-and-time, as 2026-11-27T10:00:00.000000Z; '?' asks for it"
    return None


def shells_of(unit_path: str) -> Iterator[str]:
    """Yield the paths of the shells that a unit lies in, the outermost first; no shell has keys."""
    plain = unit_path.partition("[")[0]
    position = plain.find("/", 1)
    while position > 0:
        yield plain[:position]
        position = plain.find("/", position + 1)


def superfluous(units: Iterable[tuple[str, int]], kept: Container[str]) -> Iterator[str]:
    """Yield the paths of entries that are gone and by which no id is known any more.

    ``units``: all that commits have changed, and the last commit that did. Of those in a shell, or anywhere,
    the one that was changed last stays: without it the id of the shell would be an old one at the next start.
    ``kept``: those that are there.
    """
    rows = list(units)
    last: dict[str, tuple[int, str]] = {}
    for path, commit_id in rows:
        for shell in ("", *shells_of(path)):
            last[shell] = max(last.get(shell, (0, "")), (commit_id, path))
    holders = {path for _, path in last.values()}
    yield from (path for path, _ in rows if "[" in path and path not in kept and path not in holders)


def transaction_id(origin: str, commit_id: int, time: str) -> str:
    """Return the etag of what a commit has changed; ``origin`` as in Txids, ``time`` as it is recorded.

    The time is part of it: a copy of the history from another day, put back, gives numbers again that clients
    have seen.
    """
    moment = _instant(time) or _EPOCH
    return f"{origin}-{commit_id}-{(moment - _EPOCH) // timedelta(milliseconds=1):x}"


@dataclass(slots=True)
class Txids:
    """The commits that changed the nodes of running last, 0 for what no commit has changed.

    ``origin``: what tells this history from others. ``units`` and ``shells``: by path. ``times``: of the
    commits that are known, as the history records them.
    """

    origin: str = ""
    units: dict[str, int] = field(default_factory=dict)
    shells: dict[str, int] = field(default_factory=dict)
    times: dict[int, str] = field(default_factory=dict)
    root: int = 0
    _instants: dict[datetime, int] = field(default_factory=dict)

    def changed(self, commit_id: int, time: str, units: Iterable[str]) -> None:
        """Take note of a commit that is in force, and of the paths of the units that it changed."""
        for path in units:
            self.units[path] = max(commit_id, self.units.get(path, 0))
            for shell in shells_of(path):
                self.shells[shell] = max(commit_id, self.shells.get(shell, 0))
        self.know(commit_id, time)

    def forget(self, units: Iterable[str]) -> None:
        """Forget units that are not there any more: they have the id of what they would lie in."""
        for path in units:
            self.units.pop(path, None)
        self.units = fitted(self.units)

    def know(self, commit_id: int, time: str) -> None:
        """Take note of a commit that is or was in force."""
        self.root = max(self.root, commit_id)
        self.times[commit_id] = time
        self._instants[self._moment(commit_id)] = commit_id
        if len(self.times) > 2 * MAX_KNOWN + 2 * len(self.units):
            self._forget_old()

    def _forget_old(self) -> None:
        newest = islice(sorted(self.times, reverse=True), MAX_KNOWN)
        kept = {*self.units.values(), *self.shells.values(), *newest}
        self.times = {commit_id: time for commit_id, time in self.times.items() if commit_id in kept}
        self._instants = {self._moment(commit_id): commit_id for commit_id in sorted(self.times)}

    def copy(self) -> Txids:
        """Return these ids as they are now."""
        return Txids(
            self.origin,
            units=dict(self.units),
            shells=dict(self.shells),
            times=dict(self.times),
            root=self.root,
            _instants=dict(self._instants),
        )

    def written(self, mechanism: Mechanism, commit_id: int) -> str:
        """Return the id of what ``commit_id`` changed last."""
        if mechanism is Mechanism.ETAG:
            return transaction_id(self.origin, commit_id, self.times.get(commit_id, ""))
        return self._moment(commit_id).isoformat(timespec="microseconds").replace("+00:00", "Z")

    def is_known(self, mechanism: Mechanism, value: str, commit_id: int) -> bool:
        """True if who gives ``value`` knows what ``commit_id`` changed (section 3.4, case 4): it is the id of
        that commit, or of a later one that was in force."""
        known = self._commit_of(mechanism, value)
        return known is not None and known >= commit_id

    def _commit_of(self, mechanism: Mechanism, value: str) -> int | None:
        if value in (REQUEST, UNKNOWN, MATCH):
            return None
        if mechanism is Mechanism.LAST_MODIFIED:
            instant = _instant(value)
            return 0 if instant == _EPOCH else self._instants.get(instant) if instant else None
        number = value.removeprefix(f"{self.origin}-").partition("-")[0]
        if not (number.isascii() and number.isdecimal()):
            return None
        found = int(number)
        there = found == 0 or found in self.times
        return found if there and value == self.written(mechanism, found) else None

    def _moment(self, commit_id: int) -> datetime:
        """Return the time of a commit, told from its neighbours': the history knows it to the millisecond."""
        instant = _instant(self.times.get(commit_id, ""))
        if instant is None:
            return _EPOCH
        return instant.replace(microsecond=instant.microsecond // 1000 * 1000 + commit_id % 1000)


def _instant(text: str) -> datetime | None:
    found = _DATE_AND_TIME.fullmatch(text)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(found[1] + found[2].replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class View:
    """The ids of a datastore: those of running, but none yet where it differs (section 3.5).

    ``units``: paths of the units that differ, ``shells`` of those that they lie in; both go on with the
    datastore, but ``root`` is that of the moment, None if the datastore has none yet.
    """

    txids: Txids
    units: Collection[str]
    shells: Collection[str]
    root: int | None

    def kept(self) -> View:
        """Return these ids as they are now, whatever is committed meanwhile."""
        return View(self.txids.copy(), frozenset(self.units), frozenset(self.shells), root=self.root)

    def of_unit(self, path: str) -> int | None:
        """Return the commit whose id a unit has, None if it has none yet."""
        return None if path in self.units else self.txids.units.get(path, 0)

    def of_shell(self, path: str) -> int | None:
        return None if path in self.shells else self.txids.shells.get(path, 0)

    def written(self, mechanism: Mechanism, commit_id: int | None) -> str:
        return UNKNOWN if commit_id is None else self.txids.written(mechanism, commit_id)

    def is_known(self, mechanism: Mechanism, value: str, commit_id: int | None) -> bool:
        return commit_id is not None and self.txids.is_known(mechanism, value, commit_id)


def view(txids: Txids, units: Collection[str] = frozenset(), shells: Collection[str] = frozenset()) -> View:
    """Return the ids of a datastore that differs from running in ``units``, which lie in ``shells``."""
    return View(txids, units, shells, root=None if units else txids.root)
