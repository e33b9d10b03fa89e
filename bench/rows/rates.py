"""Requests in a second, and sessions. A request is a get-config of one tunnel by its key."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from bench import processes
from bench.figures import Row
from bench.messages import END
from bench.session import ANSWER_LIMIT_S, Late, Session
from bench.site import ROUNDS_LIMIT_S, Site

DEPTH = 16
SESSIONS = 8
RATES = 3
"""rounds of each rate"""


def rpc(site: Site, session: Session) -> Iterator[Row]:
    """One after the other, with 16 unanswered, and one after the other in 8 sessions at once; and each for
    another tunnel than the one before, one after the other."""
    message, count = site.peer.words.one(site.middle), site.plan.requests
    others = [site.peer.words.one(number) for number in site.numbers][:count]

    def serial() -> None:
        for _ in range(count):
            session.ask(message)

    def serial_others() -> None:
        for number in range(count):
            session.ask(others[number % len(others)])

    yield _rate(site, "rpc.serial", [session], serial)
    yield _rate(site, "rpc.serial-others", [session], serial_others)
    yield _rate(site, f"rpc.deep-{DEPTH}", [session], lambda: session.ask_deep(message, count, DEPTH))
    with ExitStack() as stack:
        many = [stack.enter_context(site.another_session()) for _ in range(SESSIONS)]
        yield _rate(site, f"rpc.sessions-{SESSIONS}", many, lambda: ask_all(many, message, count))


def _rate(site: Site, name: str, sessions: Sequence[Session], work: Callable[[], None]) -> Row:
    rates = []
    client_before_s = _client_s(sessions)
    before_s = processes.cpu_s(site.peer.pid)
    for _ in range(RATES):
        begin = time.perf_counter()
        work()
        took_s = time.perf_counter() - begin
        rates.append(site.plan.requests / took_s)
        if took_s * (len(rates) + 1) > ROUNDS_LIMIT_S:
            break
    requests = len(rates) * site.plan.requests
    cpu_ms = (processes.cpu_s(site.peer.pid) - before_s) * 1e3 / requests
    client_ms = (_client_s(sessions) - client_before_s) * 1e3 / requests
    note = f"of a processor, each: {cpu_ms:.2f} ms, of the client {client_ms:.2f} ms"
    return site.row(name, "rpc/s", *rates, cpu_ms=cpu_ms, note=note)


def _client_s(sessions: Sequence[Session]) -> float:
    return time.process_time() + sum(processes.cpu_s(session.pid) for session in sessions)


def ask_all(sessions: Sequence[Session], message: bytes, count: int) -> None:
    """Ask ``count`` times in all, with one request unanswered in each session.

    Raises:
        Late: no session had an answer for too long.
    """
    ready = select.epoll()
    of = {session.fileno(): session for session in sessions}
    for session in sessions:
        ready.register(session.fileno(), select.EPOLLIN)
        session.send(message)
    sent, answered = len(sessions), 0
    tails = dict.fromkeys(of, b"")
    try:
        while answered < max(count, len(sessions)):
            came = ready.poll(ANSWER_LIMIT_S)
            if not came:
                raise Late("no answer in time")
            for number, _ in came:
                tails[number] = (tails[number] + of[number].take())[-len(END) :]
                if tails[number] != END:
                    continue
                answered += 1
                if sent < count:
                    of[number].send(message)
                    sent += 1
    finally:
        ready.close()


def setup(site: Site, _session: Session) -> Iterator[Row]:
    """A session set up, until its first request is answered; the time includes the start of an ssh."""
    message = site.peer.words.one(site.middle)
    times = []
    before_s = processes.cpu_s(site.peer.pid)
    for _ in range(site.plan.sessions):
        begin = time.perf_counter()
        with site.another_session() as another:
            another.ask(message)
            times.append((time.perf_counter() - begin) * 1e3)
    cpu_ms = (processes.cpu_s(site.peer.pid) - before_s) * 1e3 / site.plan.sessions
    yield site.row("setup.first-rpc", "ms", *times, cpu_ms=cpu_ms, note="with the start of an ssh process")


def idle(site: Site, _session: Session) -> Iterator[Row]:
    """What each session more costs that asked once and is silent since: resident memory, and processor."""
    message = site.peer.words.one(site.middle)
    pid = site.peer.pid
    with site.another_session() as first:  # what is loaded once is not counted
        first.ask(message)
    before = processes.settled_kib(pid)
    with ExitStack() as stack:
        for _ in range(site.plan.sessions):
            stack.enter_context(site.another_session()).ask(message)
        each = (processes.settled_kib(pid) - before) / site.plan.sessions
        before_s = processes.cpu_s(pid)
        time.sleep(site.plan.probe_s)
        used = (processes.cpu_s(pid) - before_s) / site.plan.probe_s
        yield site.row("idle.session", "KiB", each, note=f"{site.plan.sessions} sessions")
        yield site.row("idle.processor", "ms/s", used * 1e3, note=f"{site.plan.sessions} sessions together")
