"""What hundreds of subscribers cost, and how late the last of them hears.

Each session has ten subscriptions: to the changes of one tunnel, half of them dampened, and one to those of
all tunnels; one session in ten reads nothing until the end, and has one to the stream of events, too. Then a
leaf of that tunnel is changed and committed, again when all have heard who are not dampened; and one of all
tunnels, many times without waiting for anybody.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

from bench import processes
from bench.ears import Ears, Stream, Words
from bench.figures import Row
from bench.messages import Words as Messages
from bench.session import Session
from bench.site import Site
from bench.table import figure

TUNNELS_MAX = 1000
ON_ONE = 5
"""Subscriptions to one tunnel, of each session; one less that are dampened, and one to all tunnels."""
DAMPENING_CS = 100
READS_NOTHING = 10
"""One session in so many."""
PATCH = rb"<push-(?:change-)?update[^>]*><id>(\d+)</id>(?:(?!</notification>)(?s:.))*?<%b[^>]*>([^<]*)</%b>"
ID = re.compile(rb"<id[^>]*>(\d+)</id>")
WRITER = "writer"
BURST = 20


@dataclass(slots=True)
class Crowd:
    """``silent``: sessions that do not read, and ``silent_ids`` their subscriptions; ``quick_ids`` and
    ``dampened_ids`` are those of the others. ``last``: what each subscription has told last, and when;
    ``patches``: how many have come."""

    ears: Ears
    writer: Session
    leaf: str
    silent: list[Session] = field(default_factory=list)
    quick_ids: set[int] = field(default_factory=set)
    dampened_ids: set[int] = field(default_factory=set)
    silent_ids: set[int] = field(default_factory=set)
    last: dict[int, tuple[str, float]] = field(default_factory=dict)
    patches: int = 0
    answers: int = 0

    def join(self, session: Session, words: Messages, number: int, *, reads: bool) -> None:
        """Have a session subscribe; all is established before anything is read on."""
        quick = {_id(session, words.on_change(number)) for _ in range(ON_ONE)}
        requests = [words.on_change(number, DAMPENING_CS)] * (ON_ONE - 1) + [
            words.on_change(None, DAMPENING_CS)
        ]
        dampened = {_id(session, request) for request in requests}
        if reads:
            self.quick_ids |= quick
            self.dampened_ids |= dampened
            self.listen(session)
        else:
            session.ask(words.stream())
            self.silent_ids |= quick | dampened
            self.silent.append(session)

    def listen(self, session: Session) -> None:
        name = self.leaf.encode()
        words = Words(PATCH % (name, name))
        self.ears.add(f"session {session.pid}", Stream(session.fileno(), session.take, words))

    def take(self, ears: Iterator[tuple[str, str, float]]) -> None:
        for name, value, now in ears:
            if name == WRITER:
                self.answers += 1
                continue
            id_, _, text = value.partition(" ")
            self.patches += 1
            self.last[int(id_)] = text, now

    def ask(self, message: bytes) -> float:
        """Have the writer ask, and return when it was answered; all that comes meanwhile is taken."""
        before = self.answers
        self.writer.send(message)
        self.take(self.ears.heard(lambda: self.answers > before, "an answer"))
        return time.monotonic()

    def told(self, text: str, wanted: set[int]) -> Sequence[float]:
        """Wait until all of ``wanted`` have told ``text``, and return when each did."""

        def have() -> bool:
            return all(self.last.get(one, ("", 0.0))[0] == text for one in wanted)

        self.take(self.ears.heard(have, repr(text)))
        return [self.last[one][1] for one in wanted]


@contextmanager
def crowd(site: Site, writer: Session, number: int, leaf: str) -> Iterator[Crowd]:
    """Who subscribes to the tunnel ``number``; ``leaf`` is what is looked at."""
    words = site.peer.words
    with ExitStack() as stack, closing(Ears()) as ears:
        found = Crowd(ears, writer, leaf)
        for place in range(site.plan.subscribing):
            session = stack.enter_context(site.another_session())
            found.join(session, words, number, reads=place % READS_NOTHING != 0)
        yield found


def subscribers(site: Site, session: Session) -> Iterator[Row]:
    """Without subscribers, and with them."""
    if site.tunnels > TUNNELS_MAX:
        return
    yield from _alone(site, session)
    before_kib = processes.settled_kib(site.peer.pid)
    with crowd(site, session, site.middle, "description") as found:
        count = sum(map(len, (found.quick_ids, found.dampened_ids, found.silent_ids)))
        note = f"{count} subscriptions, {len(found.silent_ids)} of them not read"
        after_kib = processes.settled_kib(site.peer.pid)
        yield site.row("subscribers.memory", "KiB", (after_kib - before_kib) / count, note=f"each; {note}")
        found.ears.add(WRITER, Stream(session.fileno(), session.take, Words(rb"(<ok/>)")))
        yield from _one(site, found)
        yield from _all(site, found)
        found.ears.remove(session)
        yield from _not_read(site, session, found)


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
    quick, dampened = (found.told(f"all {BURST - 1}", ids) for ids in (found.quick_ids, found.dampened_ids))
    used_ms = (processes.cpu_s(site.peer.pid) - before_s) * 1e3 / BURST
    came, due = found.patches - patches, BURST * (len(quick) + len(dampened))
    yield site.row("subscribers.all", "ms", *times, cpu_ms=used_ms, note="edit and commit")
    for name, heard in (("all-last", quick), ("all-dampened", dampened)):
        note = "until the last has heard, since the last commit was sent"
        yield site.row(f"subscribers.{name}", "ms", (max(heard) - sent) * 1e3, note=note)
    yield site.row("subscribers.patches", "%", came * 100 / due, note=f"{came} sent of {due} changes to tell")
    resident = processes.resident_kib(site.peer.pid) / 1024
    yield site.row("subscribers.resident", "MiB", resident, note="then")


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


def _id(session: Session, request: bytes) -> int:
    """Return the number of a subscription that is asked for; what others are told comes before its reply."""
    reply = session.ask(request)
    while (at := reply.find(b"<rpc-reply")) < 0 or (found := ID.search(reply, at)) is None:
        reply += session.take()
    return int(found[1])
