"""Many subscribers to the changes of one tunnel, some of whom do not read."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bench.ears import Ears, Stream, Words
from bench.messages import Words as Messages
from bench.session import Session
from bench.site import Site

ON_ONE = 5
"""Subscriptions to one tunnel, of each session; one less that are dampened, and one to all tunnels."""
DAMPENING_CS = 100
READS_NOTHING = 10
"""One session in so many."""
PATCH = rb"<push-(?:change-)?update[^>]*><id>(\d+)</id>(?:(?!</notification>)(?s:.))*?<%b[^>]*>([^<]*)</%b>"
ID = re.compile(rb"<id[^>]*>(\d+)</id>")
REST_S = 2.0
WRITER, READER = "writer", "reader"


@dataclass(slots=True)
class Crowd:
    """``silent``: sessions that do not read, and ``silent_ids`` their subscriptions; ``quick_ids`` and
    ``dampened_ids`` are those of the others. ``last``: what each subscription has told last, and when;
    ``patches``: how many have come."""

    ears: Ears
    leaf: str
    writer: Session | None = None
    silent: list[Session] = field(default_factory=list)
    listening: list[Session] = field(default_factory=list)
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
        self.listening.append(session)
        self.ears.add(f"{READER} {session.pid}", Stream(session.fileno(), session.take, words))

    def take(self, ears: Iterator[tuple[str, str, float]]) -> None:
        for name, value, now in ears:
            self.hear(name, value, now)

    def hear(self, name: str, value: str, now: float) -> None:
        if name == WRITER:
            self.answers += 1
        elif name.startswith(READER):
            id_, _, text = value.partition(" ")
            self.patches += 1
            self.last[int(id_)] = text, now

    def rest(self) -> None:
        """Take what comes for a while: all that is there at first, to each."""
        end = time.monotonic() + REST_S
        self.take(self.ears.heard(lambda: time.monotonic() > end))

    @contextmanager
    def writing(self, session: Session) -> Iterator[None]:
        """Have ``session`` be who asks, meanwhile."""
        self.writer = session
        self.ears.add(WRITER, Stream(session.fileno(), session.take, Words(rb"(<ok/>)")))
        try:
            yield
        finally:
            self.ears.remove(session.fileno())

    def ask(self, message: bytes) -> float:
        """Have the writer ask, and return when it was answered; all that comes meanwhile is taken."""
        assert self.writer is not None
        before = self.answers
        self.writer.send(message)
        self.take(self.ears.heard(lambda: self.answers > before, "an answer"))
        return time.monotonic()

    def told(self, text: str, wanted: set[int]) -> Sequence[float]:
        """Wait until all of ``wanted`` have told ``text``, and return when each did."""

        self.take(self.ears.heard(lambda: self.know(text, wanted), repr(text)))
        return [self.last[one][1] for one in wanted]

    def know(self, text: str, wanted: set[int]) -> bool:
        return all(self.last.get(one, ("", 0.0))[0] == text for one in wanted)


@contextmanager
def crowd(site: Site, ears: Ears, number: int, leaf: str, *, silent: bool = False) -> Iterator[Crowd]:
    """Who subscribes to the tunnel ``number``; ``leaf`` is what is looked at.

    Args:
        silent: only those sessions that do not read, and twice as many of them.
    """
    with ExitStack() as stack:
        found = Crowd(ears, leaf)
        each = READS_NOTHING // 2 if silent else 1
        for place in range(0, site.plan.subscribing, each):
            session = stack.enter_context(site.another_session())
            found.join(session, site.peer.words, number, reads=not silent and place % READS_NOTHING != 0)
        found.rest()
        try:
            yield found
        finally:
            for one in found.listening:
                ears.remove(one.fileno())


def _id(session: Session, request: bytes) -> int:
    """Return the number of a subscription that is asked for; what others are told comes before its reply."""
    reply = session.ask(request)
    while (at := reply.find(b"<rpc-reply")) < 0 or (found := ID.search(reply, at)) is None:
        reply += session.take()
    return int(found[1])
