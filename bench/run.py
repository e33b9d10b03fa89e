"""Peers and rows brought together."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.figures import Report, Row
from bench.options import Options
from bench.peers import agent, libyang_rows, netconfd, stub
from bench.peers.failed import Failed
from bench.rows import changes, rates, reads, starts, subscribers, syncs, waits
from bench.session import Late, Refused, Session, open_session
from bench.site import Peer, Site
from bench.table import line
from bench.with_charon import WithCharon
from bench.with_doors import WithDoors

Measure = Callable[[Site, Session], Iterable[Row]]
LOADED: dict[str, Measure] = {
    "leaf": changes.leaf,
    "whole": reads.whole,
    "state": reads.state,
    "one": reads.one,
    "rpc": rates.rpc,
    "setup": rates.setup,
    "idle": rates.idle,
    "waits": waits.waits,
    "subscribers": subscribers.subscribers,
}
"""What is measured when all tunnels are there, in this order."""
WITH_DOORS = {"delays", "subscribers"}
CANNOT = (Failed, Late, Refused, OSError, RuntimeError, subprocess.SubprocessError)
OF_OTHERS = ("leaf", "whole", "state", "one", "rpc", "setup")


@dataclass(slots=True)
class Run:
    """``say`` is told each row when it is there, and what could not be measured. ``deadline``: of the
    monotonic clock; what has not begun by then is left out."""

    options: Options
    report: Report
    say: Callable[[str], object]
    deadline: float

    def all(self) -> None:
        """Measure everything that was asked for. What cannot be measured is named in the report."""
        for tunnels in self.options.sizes if self.options.only - {"charon", "delays"} else ():
            with _folder() as folder:
                self._without_charon(folder, tunnels)

        for tunnels in self.options.charon_sizes if "charon" in self.options.only else ():
            with _folder() as folder:
                here = WithCharon(folder=folder, tunnels=tunnels, plan=self.options.plan, take=self._take)
                self._try(f"charon, {tunnels} tunnels", here.all)

        for tunnels in self.options.charon_sizes if self.options.only & WITH_DOORS else ():
            with _folder() as folder:
                self._try(f"with doors, {tunnels} tunnels", self._doors(folder, tunnels).all)

    def _doors(self, folder: Path, tunnels: int) -> WithDoors:
        options = self.options
        return WithDoors(
            folder=folder,
            tunnels=tunnels,
            plan=options.plan,
            only=options.only,
            take=self._take,
            miss=self._miss,
        )

    def _without_charon(self, folder: Path, tunnels: int) -> None:
        self._try(f"yangswan, {tunnels} tunnels", lambda: self._agent(folder, tunnels))
        if self._beside(libyang_rows.SUBJECT, libyang_rows.GROUPS):
            rounds = self.options.plan.large
            self._take(f"libyang, {tunnels} tunnels", lambda: libyang_rows.measure(folder, tunnels, rounds))
        if self._beside(netconfd.SUBJECT, ("load", "memory", *OF_OTHERS)):
            self._try(f"netconfd, {tunnels} tunnels", lambda: self._netconfd(folder, tunnels))

    def _agent(self, folder: Path, tunnels: int) -> None:
        with agent.started(folder) as of:
            site = self._site(of.start(), folder, tunnels)
            if not self._load(site):
                return
            for name in LOADED:
                self._measure(name, site)
            if self._beside(stub.SUBJECT, OF_OTHERS):
                self._try(f"stub, {tunnels} tunnels", lambda: self._stub(site))
            of.stop()
            if self.options.only & {"start", "waits"}:
                self._take(_title(site, "start"), lambda: starts.starts(site, lambda: _again(of)))
            of.stop()
            if "fsync" in self.options.only:
                self._take(_title(site, "fsync"), lambda: _counted(of, site))

    def _stub(self, site: Site) -> None:
        with site.another_session() as session:
            replies = stub.record(session, site.peer.words, site.middle)
        with stub.started(site.folder, replies) as peer:
            for name in OF_OTHERS:
                self._measure(name, replace(site, peer=peer))

    def _netconfd(self, folder: Path, tunnels: int) -> None:
        with netconfd.started(folder) as peer:
            site = self._site(peer, folder, tunnels)
            # It takes minutes where others take seconds, and its memory is asked for at the start and loaded.
            site = replace(site, plan=replace(site.plan, cycles=1))
            if self._load(site):
                for name in OF_OTHERS:
                    self._measure(name, site)

    def _load(self, site: Site) -> bool:
        """Bring the tunnels, measured if that is wanted; returns whether they came."""
        if not self.options.only & {"load", "memory"}:
            site = replace(site, plan=replace(site.plan, cycles=0))
        return self._take(_title(site, "load"), lambda: _measured(changes.load, site))

    def _measure(self, name: str, site: Site) -> None:
        if name in self.options.only:
            self._take(_title(site, name), lambda: _measured(LOADED[name], site))

    def _take(self, title: str, rows: Callable[[], Iterable[Row]]) -> bool:
        """Add the rows of a measure; returns whether they are all there."""
        return self._try(title, lambda: self._add(rows()))

    def _add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if row.name.partition(".")[0] in self.options.only:
                self.report.rows.append(row)
                self.say(line(row))

    def _try(self, title: str, work: Callable[[], object]) -> bool:
        """Do ``work``; returns whether it could be done, and names it in the report if not."""
        if time.monotonic() > self.deadline:
            return self._miss(f"{title}: no time left")
        try:
            work()
        except CANNOT as error:
            return self._miss(f"{title}: {error}")
        return True

    def _miss(self, sentence: str) -> bool:
        self.report.missing.append(sentence)
        self.say(f"not measured: {sentence}")
        return False

    def _beside(self, subject: str, groups: Iterable[str]) -> bool:
        return subject in self.options.beside and not self.options.only.isdisjoint(groups)

    def _site(self, peer: Peer, folder: Path, tunnels: int) -> Site:
        return Site(peer=peer, tunnels=tunnels, plan=self.options.plan, folder=folder)


def _measured(measure: Measure, site: Site) -> Iterator[Row]:
    with site.another_session() as session:
        yield from measure(site, session)


def _again(of: agent.Agent) -> Peer:
    of.stop()
    return of.start()


def _counted(of: agent.Agent, site: Site) -> Iterator[Row]:
    peer, count = of.start_counted()
    with open_session(peer.command, site.folder) as session:
        yield from syncs.syncs(replace(site, peer=peer), session, count)


def _title(site: Site, name: str) -> str:
    return f"{site.peer.subject} {name}, {site.tunnels} tunnels"


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="yangswan-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
