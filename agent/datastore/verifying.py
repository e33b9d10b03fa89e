"""Waits until what a commit has to bring about works, or its time is over.

It looks when something has changed that may matter, at most every ``PAUSE_S`` seconds, and now and then
though nothing was said. What works has to do so for ``STEADY_S`` seconds: a peer may take leave of an SA as
soon as it has looked at who it is with.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

from agent.datastore.confirmed import NAMED_MAX
from agent.datastore.to_work import Entry, not_working
from agent.translator import Json, Notification

log = logging.getLogger(__name__)

PAUSE_S = 0.2
REST = 4.0
"""Looks take at most one part in so many of the time, however much they cost."""
STEADY_S = 1.0
LOOK_ANYWAY_S = 5.0
LAST_LOOK_S = 5.0
"""So long a look at the end of the time may take, or twice as long as one has taken before."""
ENDED_BY_S = 60.0
"""So long after the end of the time all is decided: no look takes longer than that then."""
SHOWN_MAX = 100
"""Entries that are named in one notification, or in the state."""


class Outcome(Enum):
    """What became of a commit that was waited for; the values are those of the YANG enumeration."""

    CONFIRMED = "confirmed"
    ROLLED_BACK = "rolled-back"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reason``: a sentence that names no data. ``not_working``: reasons by path, of what did not work.
    ``trouble``: why it could not be taken back at once."""

    outcome: Outcome
    reason: str
    not_working: Mapping[str, str] = field(default_factory=dict)
    trouble: str | None = None


class Verification:
    """Waits for ``entries`` on behalf of the commit ``commit_id``, None if that changed nothing.

    ``verdict`` is set once it is decided, for whoever waits for it; ``not_working`` holds what the last look
    has found.
    """

    def __init__(self, entries: Sequence[Entry], within_s: int, commit_id: int | None) -> None:
        self.commit_id = commit_id
        self.not_working: dict[str, str] = {entry.path: "not looked at yet" for entry in entries}
        self.verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._entries = {entry.path: entry for entry in entries}
        self._within_s = within_s
        self._deadline_s = _clock() + within_s
        self._changed = asyncio.Event()
        self._longest_look_s = 0.0

    def remaining_s(self) -> float:
        """Return the seconds that are left for everything to work."""
        return max(0.0, self._deadline_s - _clock())

    def on_changed(self, paths: Sequence[str]) -> None:
        """Take that state below ``paths`` may be another."""
        if any(path.count("/") == 1 or path.rpartition("/")[0] in self._entries for path in paths):
            self._changed.set()

    def to_show(self) -> dict[str, str]:
        """Return ``not_working`` without the entries whose path cannot be written: a key has both kinds of
        quotes."""
        return {
            path: why
            for path, why in self.not_working.items()
            if not any("'" in key and '"' in key for key in self._entries[path].keys)
        }

    def state(self) -> Json:
        """Return the content of the container verify of the YANG module."""
        content: Json = {"remaining-s": int(self.remaining_s())}
        if self.commit_id is not None:
            content["commit"] = self.commit_id
        if self.not_working:
            content["not-working"] = _shown(self.to_show())
        return content

    def decide(self, outcome: Outcome, reason: str, trouble: str | None = None) -> Verdict:
        """Tell whoever waits; the first verdict is the one that he gets."""
        verdict = Verdict(outcome, reason, not_working=self.to_show(), trouble=trouble)
        if not self.verdict.done():
            self.verdict.set_result(verdict)
        return verdict

    def told(self, reason: str, changed: Collection[str]) -> str:
        """Return ``reason``, and what of ``changed`` does not work, for the history."""
        those = [f"{path}: {why}" for path, why in self.not_working.items() if path in changed][:NAMED_MAX]
        others = ["and others"] if len(those) < len(self.not_working) else []
        return "; ".join([reason, *those, *others])

    @property
    def too_late(self) -> str:
        """Why it is rolled back when the time is over, in words that name no data, and do not count what not
        everybody may read who is told."""
        return f"not everything worked within {self._within_s} s"

    async def run(self) -> bool:
        """Return whether everything works, as soon as it does, or when the time is over."""
        while True:
            self._changed.clear()
            began = _clock()
            await self._look(self.not_working or self._entries)
            if not self.not_working and await self._stays():
                return True
            if _clock() >= self._deadline_s:
                return False
            await self._rest((_clock() - began) * (REST - 1))

    async def _stays(self) -> bool:
        await asyncio.sleep(min(STEADY_S, self.remaining_s()))
        await self._look(self._entries)
        return not self.not_working

    async def _rest(self, at_least_s: float) -> None:
        """Wait for a change, but not beyond the end of the time."""
        await asyncio.sleep(min(max(PAUSE_S, at_least_s), self.remaining_s()))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), min(LOOK_ANYWAY_S, self.remaining_s()))

    async def _look(self, paths: Mapping[str, object]) -> None:
        entries = [self._entries[path] for path in paths]
        began = _clock()
        limit_s = min(max(LAST_LOOK_S, 2 * self._longest_look_s), ENDED_BY_S / 3)
        try:
            async with asyncio.timeout(max(limit_s, self.remaining_s())):
                found = await not_working(entries)
        except TimeoutError:
            found = {entry.path: "whoever knows does not answer" for entry in entries}
        except Exception:
            log.exception("defect while looking whether what was committed works")
            found = {entry.path: "it could not be looked at; the log says why" for entry in entries}
        self._longest_look_s = max(self._longest_look_s, _clock() - began)
        self.not_working = found


def _shown(not_working: Mapping[str, str]) -> list[Json]:
    """Return the list not-working of the YANG module, of the first ``SHOWN_MAX``."""
    return [{"entry": path, "reason": why} for path, why in islice(not_working.items(), SHOWN_MAX)]


def ended(commit_id: int | None, verdict: Verdict) -> Notification:
    """Return the event that tells ``verdict``."""
    content: Json = {"outcome": verdict.outcome.value, "reason": verdict.reason}
    if commit_id is not None:
        content["commit"] = commit_id
    if verdict.not_working:
        content["not-working"] = _shown(verdict.not_working)
    return Notification({"yangswan-agent:verify-ended": content})


def _clock() -> float:
    return asyncio.get_running_loop().time()
