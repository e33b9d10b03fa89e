"""What hundreds of subscribers cost, and how late the last of them hears.

Each session has ten subscriptions: to the changes of one tunnel, half of them dampened, and one to those of
all tunnels; one session in ten reads nothing until the end, and has one to the stream of events, too. Then a
leaf of that tunnel is changed and committed, again when all have heard who are not dampened; then again and
again, and one of all tunnels, without waiting for anybody. With a charon the tunnel is live, and is cut.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from bench import processes
from bench.ears import Ears
from bench.figures import Row
from bench.rows import delays
from bench.rows.crowd import Crowd, crowd
from bench.session import Session
from bench.site import Site
from bench.table import figure

TUNNELS_MAX = 1000
BURST = 12


def subscribers(site: Site, session: Session) -> Iterator[Row]:
    """Without subscribers, and with them."""
    if site.tunnels > TUNNELS_MAX:
        return
    yield from _alone(site, session)
    yield _resident(site, "alone", "without a subscriber")
    with closing(Ears()) as ears, crowd(site, ears, site.middle, "description") as found:
        count = sum(map(len, (found.quick_ids, found.dampened_ids, found.silent_ids)))
        note = f"{count} subscriptions, {len(found.silent_ids)} of them not read"
        yield _resident(site, "joined", note)
        with found.writing(session):
            yield from _one(site, found)
            yield from _burst(site, found)
            yield from _all(site, found)
        yield from _not_read(site, session, found)


def _resident(site: Site, name: str, note: str) -> Row:
    return site.row(f"subscribers.{name}", "MiB", processes.settled_kib(site.peer.pid) / 1024, note=note)


def _alone(site: Site, session: Session) -> Iterator[Row]:
    words = site.peer.words

    def one(number: int) -> None:
        session.ask(words.leaf(site.middle, number))
        session.ask(words.commit())

    def every(number: int) -> None:
        session.ask(words.change_all(site.numbers, f"<description>alone {number}</description>"))
        session.ask(words.commit())

    yield site.timed("subscribers.alone-one", site.plan.changes, one)
    yield site.timed("subscribers.alone-all", site.plan.large, every)
    with closing(Ears()) as ears, crowd(site, ears, site.middle, "description", silent=True) as found:
        note = f"beside {len(found.silent_ids)} subscriptions, none of which is read"
        for row in (
            site.timed("subscribers.unread-one", site.plan.changes, one),
            site.timed("subscribers.unread-all", site.plan.large, every),
        ):
            yield replace(row, note=note)


def _one(site: Site, found: Crowd) -> Iterator[Row]:
    """One leaf of the one tunnel, told to all."""
    words = site.peer.words
    times: dict[str, list[float]] = {"one": [], "first": [], "last": []}
    before_s = processes.cpu_s(site.peer.pid)
    for number in range(site.plan.changes):
        found.ask(words.change(site.middle, f"<description>one {number}</description>"))
        begin = time.monotonic()
        answered = found.ask(words.commit())
        heard = found.told(f"one {number}", found.quick_ids)
        for name, when in (("one", answered), ("first", min(heard)), ("last", max(heard))):
            times[name].append((when - begin) * 1e3)
    used_ms = (processes.cpu_s(site.peer.pid) - before_s) * 1e3 / site.plan.changes
    notes = {"one": "the commit", "first": "since the commit was sent", "last": "since the commit was sent"}
    for name, values in times.items():
        note = f"{notes[name]}; worst {figure(max(values))} ms"
        cpu_ms = used_ms if name == "last" else None
        yield site.row(f"subscribers.{name}", "ms", *values, cpu_ms=cpu_ms, note=note)


def _burst(site: Site, found: Crowd) -> Iterator[Row]:
    """One leaf of the one tunnel again and again: nobody is waited for."""
    patches, text = found.patches, ""
    begin = time.monotonic()
    for number in range(site.plan.small):
        text = f"burst {number}"
        found.ask(site.peer.words.change(site.middle, f"<description>{text}</description>"))
        sent = time.monotonic()
        found.ask(site.peer.words.commit())
    rate = site.plan.small / (time.monotonic() - begin)
    yield site.row("subscribers.commits", "/s", rate, note="as fast as they go")
    yield from _heard(site, found, text, sent, "burst")
    yield _merged(site, found, "burst", patches, site.plan.small)


def _heard(site: Site, found: Crowd, text: str, sent: float, name: str) -> Iterator[Row]:
    note = "until the last has heard, since the last commit was sent"
    for kind, ids in (("last", found.quick_ids), ("dampened", found.dampened_ids)):
        heard = max(found.told(text, ids))
        yield site.row(f"subscribers.{name}-{kind}", "ms", (heard - sent) * 1e3, note=note)


def _merged(site: Site, found: Crowd, name: str, patches: int, commits: int) -> Row:
    came, due = found.patches - patches, commits * (len(found.quick_ids) + len(found.dampened_ids))
    note = f"{came} patches sent of {due} changes to tell"
    return site.row(f"subscribers.{name}-sent", "%", came * 100 / due, note=note)


def _all(site: Site, found: Crowd) -> Iterator[Row]:
    """One leaf of each tunnel, many times: nobody is waited for."""
    words = site.peer.words
    times: list[float] = []
    before_s, patches = processes.cpu_s(site.peer.pid), found.patches
    for number in range(BURST):
        begin = time.monotonic()
        found.ask(words.change_all(site.numbers, f"<description>all {number}</description>"))
        sent = time.monotonic()
        times.append((found.ask(words.commit()) - begin) * 1e3)
    used_ms = (processes.cpu_s(site.peer.pid) - before_s) * 1e3 / BURST
    yield site.row("subscribers.all", "ms", *times, cpu_ms=used_ms, note="edit and commit")
    yield from _heard(site, found, f"all {BURST - 1}", sent, "all")
    yield _merged(site, found, "all", patches, BURST)
    yield _resident(site, "after", "then")


def _not_read(site: Site, session: Session, found: Crowd) -> Iterator[Row]:
    """What has become of those who did not read, and how soon they know all when they do."""
    reply = session.ask(site.peer.words.subscriptions())
    states = re.findall(rb"<state>(\w+)</state>", reply)
    note = f"of {len(states)}; of those not read, {len(found.silent)} are to the stream of events"
    yield site.row("subscribers.suspended", "subs", states.count(b"suspended"), note=note)
    begin = time.monotonic()
    for one in found.silent:
        found.listen(one)
    heard = found.told(f"all {BURST - 1}", found.silent_ids)
    yield site.row("subscribers.read-again", "ms", (max(heard) - begin) * 1e3, note="until they know all")


def events(site: Site, line: delays.Line, number: int) -> Iterator[Row]:
    """Have a live tunnel cut and come again: from charon's event to the last who hears."""
    with crowd(site, line.ears, number, "status") as found:
        times: dict[tuple[str, str], list[float]] = {}
        for _ in range(max(1, site.plan.cuts // 2)):
            for to, kind in delays.KINDS.items():
                told_s, heard = _cut(line, found, number, to)
                for name, when in (("first", min(heard)), ("last", max(heard))):
                    times.setdefault((name, kind), []).append((when - told_s) * 1e3)
        count = len(found.quick_ids)
        for (name, kind), values in sorted(times.items()):
            note = f"of {count} who hear at once; worst {figure(max(values))} ms"
            yield site.row(f"subscribers.{kind}-{name}", "ms", *values, note=note)


def _cut(line: delays.Line, found: Crowd, number: int, to: str) -> tuple[float, list[float]]:
    """Return when charon has told that a tunnel is ``to``, and when each has heard."""
    line.far(number, "initiate" if to == "installed" else "terminate")
    told: list[float] = []

    def all_know() -> bool:
        return bool(told) and found.know(to, found.quick_ids)

    for name, value, now in line.ears.heard(all_know, f"a tunnel that becomes {to!r}"):
        if name == delays.CHARON:
            told += [now] if value == to and not told else []
        else:
            found.hear(name, value, now)
    return told[0], [found.last[one][1] for one in found.quick_ids]
