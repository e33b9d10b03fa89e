"""A start on what was stored, until a client has its first answer; and what others wait then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from bench import processes
from bench.figures import Row
from bench.rows import waits
from bench.site import Peer, Site

STARTS_MAX = 3


def starts(site: Site, restart: Callable[[], Peer]) -> Iterator[Row]:
    """``restart`` starts the peer, which does not run. A request counts from when the process is started."""
    words = site.peer.words
    message = words.one(site.middle)
    ready, answered, used = [], [], []
    found: list[float] = []
    rounds = min(site.plan.large, STARTS_MAX)
    for _ in range(rounds):
        begin = time.perf_counter()
        peer = restart()
        ready.append((time.perf_counter() - begin) * 1e3)
        with replace(site, peer=peer).another_session() as session:
            session.ask(message)
            answered.append((time.perf_counter() - begin) * 1e3)
            used.append(processes.cpu_s(peer.pid) * 1e3)
            found += waits.latencies_ms(session, message, waits.after(site.plan.probe_s))
    yield site.row("start.ready", "ms", *ready, note="says that clients may connect")
    yield site.row("start.first-answer", "ms", *answered, cpu_ms=sum(used) / rounds)
    yield from waits.rows(site, "waits.start", found, site.plan.probe_s * rounds)
