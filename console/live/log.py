"""``ipsec log``: what the IKE daemon logs, line by line, until Ctrl-C."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from console.client.session import Element
from console.grammar.command import Argument, Command, Where
from console.harmless import harmless
from console.live.following import Source, follow
from console.shell.console import Console
from console.show.data import event_time, text
from console.show.times import instant

LINES = Source("log", "log-line", "lines")
_LEAFS = (("tunnel", "ID"), ("level", "LEVEL"), ("seconds", "SECONDS"), ("lines", "LINES"))


def log(console: Console, given: Mapping[str, str]) -> int:
    """Show the log, all of it or what is about one tunnel."""
    asked = [(leaf, given[name]) for leaf, name in _LEAFS if name in given]
    return follow(console, LINES, asked, lambda event, said: line(said, event_time(event)))


def line(said: Element, time: str, zone: tzinfo | None = None) -> str:
    """Return a line of the log, with its time and the part of the daemon that speaks."""
    at = instant(time)
    clock = time if at is None else at.astimezone(zone).strftime("%H:%M:%S.%f")[:-3]
    thread, group = text(said, "thread"), text(said, "group").upper()
    who = f"{thread.zfill(2)}[{group}]" if thread else f"[{group}]"
    tunnel = text(said, "tunnel")
    return harmless(f"{clock} {who} " + (f"<ipsec {tunnel}> " if tunnel else "") + text(said, "text"))


COMMANDS = (
    Command(
        "ipsec log [ID] [level LEVEL] [seconds SECONDS] [lines LINES]",
        "show what the IKE daemon logs, until Ctrl-C",
        log,
        where=Where.EXEC | Where.TUNNEL,
        words={
            "log": "the log of the IKE daemon, as it is written",
            "level": "0: what comes up and goes down; 1: how it comes to that, too",
            "seconds": "end after this time",
            "lines": "end after so many lines",
        },
        arguments={
            "ID": Argument("only what is about this tunnel", source="tunnel", number=(1, 65535)),
            "LEVEL": Argument("0 or 1", number=(0, 1)),
            "SECONDS": Argument("seconds", number=(1, 3600)),
            "LINES": Argument("lines", number=(1, 100_000)),
        },
        json=True,
    ),
)
