"""What is loaded into a charon, and live tunnels."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace

from bench import processes
from bench.figures import Row
from bench.peers.vici_loop import Wire, held, list_sas, replay
from bench.rows import waits
from bench.session import Late, Session
from bench.site import Peer, Site

STEP_S = 0.05
LOAD_LIMIT_S = 300.0


def load(site: Site, session: Session) -> Iterator[Row]:
    """All tunnels in one edit and a commit, once; they stay."""
    edit, commit = site.peer.words.load(site.numbers), site.peer.words.commit()

    def all_of_them(_: int) -> None:
        session.ask(edit)
        session.ask(commit)

    yield site.timed("charon.load", 1, all_of_them)


def started(site: Site, restart: Callable[[], Peer], wire: Callable[[], Wire]) -> Iterator[Row]:
    """A start on all tunnels and a charon that is started with it: until the first answer, and until charon
    has them all, and how long a client waits for one tunnel meanwhile. ``wire`` reaches that charon."""
    message = site.peer.words.one(site.middle)
    loading_s: list[float] = []
    loading = waits.Work(lambda: loading_s.append(_loaded_s(site.tunnels, wire)))
    begin = time.perf_counter()
    loading.start()
    peer = restart()
    with replace(site, peer=peer).another_session() as session:
        session.ask(message)
        answered_s = time.perf_counter() - begin
        found = waits.latencies_ms(session, message, lambda: not loading.is_alive())
        loading.finish()
    cpu_ms = processes.cpu_s(peer.pid) * 1e3
    yield site.row("charon.first-answer", "ms", answered_s * 1e3)
    yield site.row(
        "charon.all-loaded", "ms", loading.took_s * 1e3, cpu_ms=cpu_ms, note="since the process started"
    )
    yield site.row("charon.loading", "ms", loading_s[0] * 1e3, note="of that, since charon could be asked")
    yield from waits.rows(site, "charon.wait", found, max(loading.took_s - answered_s, 0.0))


def _loaded_s(tunnels: int, wire: Callable[[], Wire]) -> float:
    """Wait until charon has all tunnels; return the seconds since it could be asked."""
    deadline = time.monotonic() + LOAD_LIMIT_S
    while time.monotonic() < deadline:
        with suppress(OSError), closing(wire()) as reached:  # it may not have come yet
            begin = time.perf_counter()
            while held(reached) < tunnels and time.monotonic() < deadline:
                time.sleep(STEP_S)
            return time.perf_counter() - begin
        time.sleep(STEP_S)
    raise Late(f"charon did not have all tunnels in {LOAD_LIMIT_S:g} s")


def vici_load(site: Site, packets: Sequence[bytes], wire: Wire) -> Iterator[Row]:
    """The same messages on a charon that holds nothing."""
    begin = time.perf_counter()
    refused = replay(wire, packets)
    took_ms = (time.perf_counter() - begin) * 1e3
    note = f"{len(packets)} messages" + (f", {refused} refused" if refused else "")
    for name in ("charon.load", "charon.loading"):
        yield replace(site.row(name, "ms", took_ms, note=note), subject="vici")


def live(site: Site, session: Session, wire: Wire) -> Iterator[Row]:
    """A get of all tunnels with state while they are up, and beside it list-sas, to whose events ``wire``
    listens."""
    message = site.peer.words.state()
    session.ask(message)
    yield site.timed("charon.state", site.plan.large, lambda _: session.ask(message))
    one = site.peer.words.one_state(site.middle)
    yield site.timed("charon.state-one", site.plan.changes, lambda _: session.ask(one))
    times = []
    for _ in range(site.plan.large):
        begin = time.perf_counter()
        list_sas(wire)
        times.append((time.perf_counter() - begin) * 1e3)
    yield replace(site.row("charon.state", "ms", *times, note="list-sas, not decoded"), subject="vici")
