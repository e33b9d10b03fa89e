"""How long another session waits for one tunnel while a session asks for much.

Requests of the other session are due at fixed times, and each counts from when it was due: one that waits for
seconds keeps those behind it waiting, and they are counted, too.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from bench.figures import Row
from bench.session import ANSWER_LIMIT_S, Late, Refused, Session
from bench.site import Site
from bench.spread import quantile

PERIOD_S = 0.02


class Work(threading.Thread):
    """Work beside the requests; ``finish`` raises what it raised. It ends with its session, or by itself."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._error: Late | Refused | None = None
        self.took_s = 0.0

    def run(self) -> None:
        begin = time.perf_counter()
        try:
            self._work()
        except (Late, Refused) as error:
            self._error = error
        self.took_s = time.perf_counter() - begin

    def finish(self) -> None:
        self.join(ANSWER_LIMIT_S)
        if self._error is not None:
            raise self._error


def latencies_ms(session: Session, message: bytes, until: Callable[[], bool]) -> list[float]:
    """Ask for ``message`` at fixed times until ``until()``; return how late each answer was.

    What was due by then is asked for and counted, too: it has waited as long as if it had been sent.
    """
    found: list[float] = []
    due = time.perf_counter()
    end = math.inf
    while due <= end:
        session.ask(message)
        found.append((time.perf_counter() - due) * 1e3)
        due += PERIOD_S
        if end == math.inf and until():
            end = time.perf_counter()
        time.sleep(max(0.0, due - time.perf_counter()))
    return found


def after(seconds: float) -> Callable[[], bool]:
    """Return what tells whether so many seconds have passed."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def while_working(probe: Session, message: bytes, work: Callable[[], object]) -> tuple[list[float], float]:
    """Return the latencies while ``work`` goes on, and for how many seconds it did."""
    thread = Work(work)
    thread.start()
    found = latencies_ms(probe, message, lambda: not thread.is_alive())
    thread.finish()
    return found, thread.took_s


def rows(site: Site, name: str, found: Sequence[float], took_s: float) -> Iterator[Row]:
    """Yield what stands for ``found`` milliseconds."""
    note = f"{len(found)} requests in {took_s:.1f} s"
    for of, share in (("p50", 0.5), ("p99", 0.99), ("worst", 1.0)):
        yield site.row(f"{name}.{of}", "ms", quantile(found, share), note=note)


def waits(site: Site, session: Session) -> Iterator[Row]:
    """While nothing else goes on, at a get of everything with state, at a dry run of a change of all tunnels,
    and while all tunnels are loaded and committed anew.

    What is waited for is a tunnel that is not among them.
    """
    words = site.peer.words
    apart = site.tunnels + 1
    message = words.one(apart)
    session.ask(words.load([apart]))
    session.ask(words.commit())
    with site.another_session() as probe:
        for kind, work in _works(site, session).items():
            if kind == "dry-run":
                session.ask(words.change_all(site.numbers, "<description>another</description>"))
            if kind == "load":
                session.ask(words.discard())
                session.ask(words.delete())
                session.ask(words.load([apart]))
                session.ask(words.commit())
            found, took_s = while_working(probe, message, work)
            yield from rows(site, f"waits.{kind}", found, took_s)
    session.ask(words.delete())
    session.ask(words.load(site.numbers))
    session.ask(words.commit())


def _works(site: Site, session: Session) -> dict[str, Callable[[], object]]:
    words = site.peer.words
    get, dry_run, load, commit = words.state(), words.dry_run(), words.load(site.numbers), words.commit()

    def again(message: bytes) -> None:
        over = after(site.plan.probe_s)
        while not over():
            session.ask(message)

    def load_all() -> None:
        session.ask(load)
        session.ask(commit)

    return {
        "nothing": lambda: time.sleep(site.plan.probe_s),
        "get": lambda: again(get),
        "dry-run": lambda: again(dry_run),
        "load": load_all,
    }
