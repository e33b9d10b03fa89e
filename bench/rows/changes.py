"""Changes of the configuration, until they are committed."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench import processes
from bench.figures import Row
from bench.session import Session
from bench.site import Site

KIB_PER_MIB = 1024


def load(site: Site, session: Session) -> Iterator[Row]:
    """All tunnels in one edit and a commit, and deleted again, some times; the last time they stay.

    Memory is what is resident: at the start, with all tunnels for the first time, and when they were deleted
    for the last time; of both also some seconds later. Nothing else was asked for by then.
    """
    words, pid = site.peer.words, site.peer.pid
    edit, commit, delete = words.load(site.numbers), words.commit(), words.delete()
    edits: list[float] = []
    commits: list[float] = []
    deletes: list[float] = []
    used_s: list[float] = []
    later_s, memory = site.plan.later_s, [processes.settled_kib(pid)]

    def note_memory() -> None:
        memory.append(processes.settled_kib(pid))
        time.sleep(later_s)
        memory.append(processes.settled_kib(pid))

    for number in range(site.plan.cycles + 1):
        before_s = processes.cpu_s(pid)
        begin = time.perf_counter()
        session.ask(edit)
        edited = time.perf_counter()
        session.ask(commit)
        edits.append((edited - begin) * 1e3)
        commits.append((time.perf_counter() - edited) * 1e3)
        used_s.append(processes.cpu_s(pid) - before_s)
        if number == 0:
            note_memory()
        if number < site.plan.cycles:
            begin = time.perf_counter()
            session.ask(delete)
            session.ask(commit)
            deletes.append((time.perf_counter() - begin) * 1e3)
        if number == site.plan.cycles - 1:
            note_memory()
    cpu_ms = sum(used_s) * 1e3 / len(used_s)
    totals = [edited + committed for edited, committed in zip(edits, commits, strict=True)]
    yield site.row("load.total", "ms", *totals, cpu_ms=cpu_ms, note="one edit-config, and its commit")
    yield site.row("load.edit", "ms", *edits)
    yield site.row("load.commit", "ms", *commits)
    if deletes:
        yield site.row("load.delete", "ms", *deletes, note="all of them, and the commit")
    later = f"{later_s:.0f} s later"
    yield site.row("memory.start", "MiB", memory[0] / KIB_PER_MIB)
    yield site.row("memory.loaded", "MiB", memory[1] / KIB_PER_MIB, note="the first time")
    if later_s:
        yield site.row("memory.loaded-later", "MiB", memory[2] / KIB_PER_MIB, note=later)
    if deletes:
        cycles = f"{site.plan.cycles} times loaded and deleted"
        yield site.row("memory.cycles", "MiB", memory[3] / KIB_PER_MIB, note=cycles)
        if later_s:
            yield site.row("memory.cycles-later", "MiB", memory[4] / KIB_PER_MIB, note=later)


def leaf(site: Site, session: Session) -> Iterator[Row]:
    """The description of one tunnel, nothing for charon, and the commit."""
    edits = [site.peer.words.leaf(site.middle, number) for number in range(site.plan.changes)]
    commit = site.peer.words.commit()

    def change(number: int) -> None:
        session.ask(edits[number])
        session.ask(commit)

    yield site.timed("leaf.total", site.plan.changes, change)


def subnet(site: Site, session: Session) -> Iterator[Row]:
    """A local subnet of one tunnel more, which charon has to load, and the commit."""
    edits = [
        site.peer.words.change(site.middle, f"<local-subnet>10.{2 + number}.0.0/16</local-subnet>")
        for number in range(site.plan.changes)
    ]
    commit = site.peer.words.commit()

    def change(number: int) -> None:
        session.ask(edits[number])
        session.ask(commit)

    yield site.timed("subnet.total", site.plan.changes, change)
