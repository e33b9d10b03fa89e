"""``watch``: the tunnels in a table that follows the notifications, until Ctrl-C.

On a terminal the table stands still, and only what changed is written; elsewhere each event is a line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from time import monotonic

from console.client.session import Element
from console.grammar.command import Command, Where
from console.harmless import harmless
from console.live.ending import Ended, ends_in_order
from console.live.feed import Feed, Ticks
from console.live.followed import CONFIGURED, Followed
from console.live.following import say
from console.live.picture import BEGIN, CLEAR, END, redrawn
from console.shell.console import Console
from console.show.data import AGENT, DAEMON, IPSEC, contents, number, subtree, tree
from console.show.layout import counted, cut, table
from console.show.screen import width_of
from console.show.tunnels import COLUMNS, CUTTABLE, every_page, ids, pages, tunnels_in

TICK_S = 1.0
"""How often the times go on, and what is stale is asked for: many events in a moment cost one question."""
FRAME_S = 0.25
"""How often it is drawn: a burst of events costs a slow terminal no more."""
_LEAST_ROWS = 3


def watch(console: Console, given: Mapping[str, str]) -> int:
    """Follow the tunnels; the exit status is 0 after Ctrl-C."""
    followed = Followed(console.schema)
    in_place = console.out.rich.is_terminal and not console.out.rich.is_dumb_terminal
    show = Screen(console, followed) if in_place and not console.out.as_json else Lines(console, followed)
    wanted = subtree(
        *(tree(IPSEC, name) for name in _TUNNEL_EVENTS),
        *(tree(DAEMON, name) for name in ("daemon-started", "daemon-stopped")),
        tree(AGENT, "notifications-missed"),
        tree(CONFIGURED, "netconf-config-change"),
    )
    # Subscribed before the first look, so that nothing between the two is missed.
    with ends_in_order(), console.client.events(wanted) as events:
        feed = Feed(events)
        try:
            _run(console, followed, feed, show)
        except Ended as signal:
            return signal.status
        except KeyboardInterrupt:
            return 0
        finally:
            feed.close()
            show.end()
    return 0


_TUNNEL_EVENTS = ("tunnel-state-changed", "negotiation-failed", "rekeyed", "drift-repaired")


def _run(console: Console, followed: Followed, feed: Feed, show: Screen | Lines) -> None:
    with console.out.progress("asking for the tunnels"):
        refresh(console, followed)
    show.begin()
    frames, ticks = Ticks(FRAME_S), Ticks(TICK_S)
    while True:
        for event in feed.take(frames.left()):
            show.event(event, followed.hear(event))
        if ticks.due():
            show.lines(refresh(console, followed))
        if frames.due():
            show.draw()


def refresh(console: Console, followed: Followed, clock: Callable[[], float] = monotonic) -> list[str]:
    """Ask again for what is stale; returns lines about tunnels that no event has told of."""
    everything = followed.all_stale
    asked = ids(console.client) if everything else sorted(followed.stale)
    followed.all_stale = False
    followed.stale.clear()
    lines: list[str] = []
    there: set[int] = set()
    for data in (every_page if everything else pages)(console.client, asked):
        found = tunnels_in(data)
        there.update(number(one, "id") or 0 for one in found)
        lines += followed.take(found, clock())
    followed.forget((followed.tunnels.keys() if everything else set(asked)) - there)
    return lines


class Lines:
    """Where it is not a terminal: the table once, then a line for each event."""

    def __init__(self, console: Console, followed: Followed) -> None:
        self._console = console
        self._followed = followed

    def begin(self) -> None:
        if self._console.out.as_json:
            return
        now = monotonic()
        rows = [one.cells(number, now) for number, one in sorted(self._followed.tunnels.items())]
        self.lines(table(COLUMNS, rows, width_of(self._console), CUTTABLE).splitlines())

    def event(self, event: Element, lines: list[str]) -> None:
        if self._console.out.as_json and next(contents(event), None) is not None:
            say(self._console, event, "")
        else:
            self.lines(lines)

    def lines(self, lines: list[str]) -> None:
        if lines and not self._console.out.as_json:
            self._console.out.text("\n".join(lines))
            self._console.out.rich.file.flush()

    def draw(self) -> None:
        """Nothing stands still."""

    def end(self) -> None:
        """Nothing has to be put back."""


class Screen:
    """On a terminal: the table in place, and the last events below it."""

    def __init__(self, console: Console, followed: Followed) -> None:
        self._console = console
        self._followed = followed
        self._shown: list[str] = []
        self._size = (0, 0)
        self._begun = False

    def begin(self) -> None:
        self._begun = True
        self._write(BEGIN + CLEAR)
        self.draw()

    def event(self, event: Element, lines: list[str]) -> None:
        """The last ones are kept by ``Followed``."""

    def lines(self, lines: list[str]) -> None:
        self._followed.told.extend(lines)

    def draw(self) -> None:
        size = self._console.out.rich.size
        if (size.width, size.height) != self._size:
            self._size, self._shown = (size.width, size.height), []
            self._write(CLEAR)
        after = self._picture(size.width, size.height)
        self._write(redrawn(self._shown, after))
        self._shown = after

    def end(self) -> None:
        if self._begun:
            self._write(END)

    def _picture(self, width: int, height: int) -> list[str]:
        followed, now = self._followed, monotonic()
        told = list(followed.told)[-max(min(len(followed.told), height - _LEAST_ROWS - 4), 0) :]
        numbers = followed.shown(height - 4 - len(told))
        rows = [followed.tunnels[one].cells(one, now) for one in numbers]
        lines = table(COLUMNS, rows, width, CUTTABLE).splitlines()
        total = len(followed.tunnels)
        left = total - len(numbers)
        more = f"; {left} more {'is' if left == 1 else 'are'} not shown" if left else ""
        head = f"{harmless(self._console.gateway)}  {datetime.now().astimezone():%H:%M:%S}"
        lines = [f"{head}  {counted(total, 'tunnel')}, {followed.up()} up{more}  (Ctrl-C ends)", "", *lines]
        if told:
            lines += ["", *told]
        return [cut(line, width) for line in lines[:height]]

    def _write(self, sent: str) -> None:
        if sent:
            self._console.out.rich.file.write(sent)
            self._console.out.rich.file.flush()


COMMANDS = (
    Command(
        "watch",
        "the tunnels in a table that follows what happens, until Ctrl-C",
        watch,
        where=Where.EXEC | Where.TUNNEL,
        json=True,
    ),
)
