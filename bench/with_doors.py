"""Rows of what comes by itself: agents with all their doors, and who listens at them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from bench.ears import Ears, Scrape, Stream, Web, Words
from bench.figures import Row
from bench.lab import Take, lab_below
from bench.messages import far_address
from bench.peers import agent
from bench.peers.failed import Failed
from bench.peers.vici_events import ViciEvents
from bench.rows import delays, subscribers
from bench.session import Session, open_session
from bench.site import Plan, Site
from console.passwd import hash_of
from tests.lab import Lab, charon_folder

METRICS_PORT, WEB_PORT = 9731, 8443
USER, PASSWORD = "admin", "not-a-real-password"
DOORS = """
[metrics]
listen = "127.0.0.1:{metrics}"
[web]
listen = "127.0.0.1:{web}"
[web.passwords]
{user} = "{hash}"
"""
IN_PUSH = rb"<status[^>]*>([a-z-]+)</status>"
IN_EVENT = rb"<new-status>([a-z-]+)</new-status>"
IN_JSON_EVENT = rb'"new-status": ?"([a-z-]+)"'
IN_JSON_PUSH = rb'"(?:yangswan-ipsec:)?status": ?"([a-z-]+)"'
OK, NOT_FOUND = 200, 404
SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class WithDoors:
    """``only``: the groups that are wanted. ``take`` adds the rows of a measure, or names it in the report;
    ``miss`` names something there."""

    folder: Path
    tunnels: int
    plan: Plan
    only: frozenset[str]
    take: Take
    miss: Callable[[str], object]

    def all(self) -> None:
        """Measure all that needs a charon.

        Raises:
            Failed: there can be none here.
        """
        with lab_below(self.folder) as lab:
            self.take(f"delays, {self.tunnels} tunnels", lambda: self._rows(lab))

    def _rows(self, lab: Lab) -> Iterator[Row]:
        with ExitStack() as stack:
            site, line = self._ready(stack, lab)
            if "delays" in self.only:
                yield from delays.delays(site, line)
            if "subscribers" in self.only:
                yield from subscribers.events(site, line, delays.tunnels(site)[-1])

    def _ready(self, stack: ExitStack, lab: Lab) -> tuple[Site, delays.Line]:
        """Return an agent with all doors, no tunnel of which is live, and who listens."""
        far = self._end(stack, lab, "far")
        near = self._end(stack, lab, "near")
        peer, far_peer = near.start(), far.start()
        site = Site(peer=peer, tunnels=self.tunnels, plan=self.plan, folder=self.folder)
        live = delays.tunnels(site)
        for number in live:  # where charon does ESP itself, it needs an address in what it protects
            lab.bob_ns.ip("address", "add", far_address(number), "dev", "lo")
        for each, numbers in ((peer, site.numbers), (far_peer, live)):
            with open_session(each.command, self.folder) as session:
                # Neither begins it by itself: the far charon is told when.
                session.ask(each.words.load_ends(numbers, initiator=each is far_peer, begins=False))
                session.ask(each.words.commit())
        others = stack.enter_context(closing(ViciEvents(charon_folder(far.data_dir) / "vici.sock", ())))
        ears = stack.enter_context(closing(Ears()))
        ears.add("far", others)
        charon = ViciEvents(charon_folder(near.data_dir) / "vici.sock")
        ears.add(delays.CHARON, stack.enter_context(closing(charon)))
        names = set(self._listening(stack, lab, site, ears))
        web = _inside(lab, METRICS_PORT, stack)
        scrape = Scrape(web, rb"\nyangswan_tunnel_up\{[^}]*\} 1", ("installed", "down"))
        ears.add(delays.SCRAPE, scrape)

        def tell(number: int, what: str) -> None:
            name = f"ipsec-{number}"
            others.tell(what, {"child": name} if what == "initiate" else {"ike": name})

        line = delays.Line(ears, tell, scrape, names=frozenset({*names, delays.SCRAPE}))
        line.pause(SETTLE_S)
        return site, line

    def _end(self, stack: ExitStack, lab: Lab, name: str) -> agent.Agent:
        namespace = lab.bob_ns if name == "far" else lab.alice_ns
        doors = DOORS.format(metrics=METRICS_PORT, web=WEB_PORT, user=USER, hash=hash_of(PASSWORD.encode()))
        return stack.enter_context(
            agent.started(
                self.folder / name, "managed", namespace.exec, settings="" if name == "far" else doors
            )
        )

    def _listening(self, stack: ExitStack, lab: Lab, site: Site, ears: Ears) -> Iterator[str]:
        """Have somebody listen at each door; yields what he is called."""
        words = site.peer.words
        for name, request, pattern in (
            ("push", words.on_change(), IN_PUSH),
            (delays.DAMPENED, words.on_change(dampening_cs=delays.DAMPENING_CS), IN_PUSH),
            ("rfc5277", words.events(), IN_EVENT),
        ):
            session = stack.enter_context(site.another_session())
            session.ask(request)
            ears.add(name, _stream(session, pattern))
            yield name
        web = _inside(lab, WEB_PORT, stack)
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        web.ask("/restconf/streams/NETCONF/json", f"Authorization: Basic {basic}")
        status, head, _ = web.head()
        if status != OK:
            raise Failed(f"the stream of RESTCONF: {head.partition(chr(13))[0]}")
        ears.add("restconf", Stream(web.fileno(), web.read, Words(IN_JSON_EVENT)))
        yield "restconf"
        page = self._page(lab, stack) if "delays" in self.only else None
        if page is not None:
            ears.add("page", page)
            yield "page"

    def _page(self, lab: Lab, stack: ExitStack) -> Stream | None:
        """Return the stream of the page, None if there is none, which is named then."""
        web = _inside(lab, WEB_PORT, stack)
        login = json.dumps({"user": USER, "password": PASSWORD}).encode()
        web.ask("/session", "Content-Type: application/json", method="POST", body=login)
        status, head, _ = web.head()
        cookie = re.search(r"(?i)set-cookie: *([^;\r]+)", head)
        if status == NOT_FOUND or cookie is None:
            self.miss(f"the page's stream: no login there, {head.partition(chr(13))[0]}")
            return None
        web = _inside(lab, WEB_PORT, stack)
        web.ask("/events", f"Cookie: {cookie[1]}")
        status, head, _ = web.head()
        if status != OK:
            self.miss(f"the page's stream: {head.partition(chr(13))[0]}")
            return None
        return Stream(web.fileno(), web.read, Words(IN_JSON_PUSH))


def _inside(lab: Lab, port: int, stack: ExitStack) -> Web:
    return stack.enter_context(closing(lab.alice_ns.call(lambda: Web(port))))


def _stream(session: Session, pattern: bytes) -> Stream:
    return Stream(session.fileno(), session.take, Words(pattern))
