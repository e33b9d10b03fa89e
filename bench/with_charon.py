"""Peers and rows brought together where there is a charon: in network namespaces of their own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from bench.figures import Row
from bench.lab import Take, lab_below
from bench.messages import Words, far_address
from bench.peers import agent
from bench.peers.vici_loop import Tap, Wire, charon, installed, listen_to_sas
from bench.rows import changes, on_charon
from bench.session import open_session
from bench.site import Peer, Plan, Site
from tests.lab import Lab, charon_folder

LIVE_MAX = 1000
LIVE_LIMIT_S = 300.0
STEP_S = 0.5
"""Between two looks at all SAs, which cost charon some milliseconds each."""


@dataclass(frozen=True, slots=True)
class WithCharon:
    """``take`` adds the rows of a measure, or names it in the report."""

    folder: Path
    tunnels: int
    plan: Plan
    take: Take

    def all(self) -> None:
        """Measure all that needs a charon.

        Raises:
            Failed: there can be none here.
        """
        with lab_below(self.folder) as lab:
            self.take(self._title("charon"), lambda: self._agent(lab))
            self.take(self._title("vici loop"), lambda: self._vici(lab))
            self.take(self._title("live tunnels"), lambda: self._live(lab))

    def _agent(self, lab: Lab) -> Iterator[Row]:
        with agent.started(self.folder / "agent", "managed", lab.alice_ns.exec) as of:
            site = self._site(of.start())
            with site.another_session() as session:
                yield from on_charon.load(site, session)
                for row in (*changes.leaf(site, session), *changes.subnet(site, session)):
                    yield replace(row, name=f"charon.{row.name.partition('.')[0]}")
            of.stop()
            yield from on_charon.started(site, of.start, lambda: _wire(of))

    def _vici(self, lab: Lab) -> Iterator[Row]:
        packets = self._taken(lab)
        with charon(lab.alice_ns, self.folder / "sent") as sent, closing(Wire(sent / "vici.sock")) as wire:
            yield from on_charon.vici_load(self._site(_NOBODY), packets, wire)

    def _taken(self, lab: Lab) -> tuple[bytes, ...]:
        """Return what an agent sends to a charon to load all tunnels."""
        with (
            charon(lab.alice_ns, self.folder / "taken") as taken,
            closing(Tap(self.folder / "tap.sock", taken / "vici.sock")) as tap,
        ):
            self._load_through(lab, taken)
            return tuple(tap.packets)

    def _load_through(self, lab: Lab, of: Path) -> None:
        """Have an agent load all tunnels into the charon in ``of``, by the tap."""
        settings = (
            f'[translator.strongswan]\nvici-socket = "{self.folder}/tap.sock"\n'
            f'error-notify-socket = "{of}/notify.sock"\n'
        )
        folder = self.folder / "through"
        with agent.started(folder, "external", lab.alice_ns.exec, settings=settings) as through:
            site = self._site(through.start())
            with site.another_session() as session:
                session.ask(site.peer.words.load(site.numbers))
                session.ask(site.peer.words.commit())

    def _live(self, lab: Lab) -> Iterator[Row]:
        site = self._site(_NOBODY)
        site = replace(site, tunnels=min(site.tunnels, LIVE_MAX))
        with ExitStack() as stack:
            # Where charon does ESP itself, it needs an address in each network that it protects.
            lab.bob_ns.addresses([far_address(number) for number in site.numbers], "lo")
            ends = [
                stack.enter_context(agent.started(self.folder / name, "managed", namespace.exec))
                for name, namespace in (("responder", lab.alice_ns), ("initiator", lab.bob_ns))
            ]
            peers = [end.start() for end in ends]
            begin = 0.0
            for peer, initiator in zip(peers, (False, True), strict=True):
                begin = time.monotonic()
                with open_session(peer.command, self.folder) as session:
                    session.ask(peer.words.load_ends(site.numbers, initiator=initiator))
                    session.ask(peer.words.commit())
            wire = stack.enter_context(closing(_wire(ends[0])))
            listen_to_sas(wire)
            while (found := installed(wire)) < site.tunnels and time.monotonic() < begin + LIVE_LIMIT_S:
                time.sleep(STEP_S)
            took_ms = (time.monotonic() - begin) * 1e3
            site = replace(site, peer=peers[0])
            yield site.row(
                "charon.up",
                "ms",
                took_ms,
                note=f"{found} of {site.tunnels} came up, since the initiator was told",
            )
            session = stack.enter_context(site.another_session())
            for row in on_charon.live(site, session, wire):
                yield replace(row, note=f"{row.note} {found} live".strip())

    def _site(self, peer: Peer) -> Site:
        return Site(peer=peer, tunnels=self.tunnels, plan=self.plan, folder=self.folder)

    def _title(self, name: str) -> str:
        return f"{name}, {self.tunnels} tunnels"


_NOBODY = Peer(subject=agent.SUBJECT, command=(), pid=os.getpid(), words=Words())


def _wire(of: agent.Agent) -> Wire:
    return Wire(charon_folder(of.data_dir) / "vici.sock")
