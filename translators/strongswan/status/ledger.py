"""The facts of all tunnels, moved by the signals of charon. Pure: signals and the clock come in.

What a capture holds can be put in here again, and gives what the agent made of it then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from translators.strongswan.status import events, state
from translators.strongswan.status import facts as transitions
from translators.strongswan.status.events import Notice, Rekeying, Source
from translators.strongswan.status.exchange import GARBLED
from translators.strongswan.status.facts import Facts, Reason
from translators.strongswan.status.state import Section
from translators.strongswan.translation.connections import connection_name, tunnel_of

NO_FACTS = Facts()
"""What is known of a tunnel of which nothing has been heard."""


@dataclass(frozen=True, slots=True)
class SaEvent:
    """What an event said of an SA of ``tunnel``; ``up`` is None for a rekeying."""

    tunnel: str
    event: str
    sa: Section
    up: bool | None
    rekeyings: tuple[Rekeying, ...] = ()


class Ledger:
    """``exists`` says whether there is a tunnel of this id; ``with_peer`` returns those that are
    configured with a peer address."""

    def __init__(self, exists: Callable[[str], bool], with_peer: Callable[[str], Sequence[str]]) -> None:
        self._exists = exists
        self._with_peer = with_peer
        self._facts: dict[str, Facts] = {}
        self._touched: set[str] = set()

    def facts(self, tunnel: str) -> Facts:
        """Return what is known of ``tunnel``."""
        return self._facts.get(tunnel, NO_FACTS)

    def __contains__(self, tunnel: str) -> bool:
        return tunnel in self._facts

    def tunnel(self, name: str) -> str | None:
        """Return the tunnel that the connection ``name`` is of, None for what is not configured."""
        tunnel = tunnel_of(name)
        return tunnel if tunnel is not None and self._exists(tunnel) else None

    def put(self, tunnel: str, facts: Facts) -> None:
        """Set what is known of ``tunnel``."""
        if facts != self._facts.get(tunnel):
            self._touched.add(tunnel)
        self._facts[tunnel] = facts  # what is being said at the moment makes no difference to who looks

    def forget(self, tunnel: str) -> None:
        """Drop what was known of a tunnel that is gone."""
        self._facts.pop(tunnel, None)
        self._touched.discard(tunnel)

    def known(self) -> list[str]:
        """Return the tunnels of which something is known."""
        return list(self._facts)

    def take_touched(self) -> set[str]:
        """Return the tunnels to which something happened since this was last asked."""
        touched, self._touched = self._touched, set()
        return touched

    # --- signals ---

    def on_event(self, event: str, message: Section, now: float, *, hears_log: bool = True) -> list[SaEvent]:
        """Take an updown, rekey or alert event; return what it said of SAs of ours. ``hears_log``: what
        charon says of it in its log comes as well."""
        if event == "alert":
            for notice in events.notices_in_alert(message):
                self.on_notice(notice, now)
            return []
        found = list(self._sa_events(event, message))
        for one in found:
            facts = self.facts(one.tunnel)
            for rekeying in one.rekeyings:
                facts = events.on_rekeying(facts, rekeying, now)
            if one.up is not None:
                facts = events.on_updown(facts, event, one.sa, one.up, now)
            if not hears_log:
                facts = events.down_unheard(facts, now)
            self.put(one.tunnel, facts)
            self._touched.add(one.tunnel)
        return found

    def _sa_events(self, event: str, message: Section) -> Iterator[SaEvent]:
        for name in events.names_in(message):
            tunnel, sa = self.tunnel(name), message[name]
            if tunnel is None or not isinstance(sa, Mapping):
                continue
            if event in ("ike-rekey", "child-rekey"):
                yield SaEvent(
                    tunnel=tunnel, event=event, sa=sa, up=None, rekeyings=tuple(events.rekeyings(event, sa))
                )
            else:
                yield SaEvent(tunnel=tunnel, event=event, sa=sa, up=message.get("up") == "yes")

    def on_log(self, name: str, line: str, source: Source, now: float, *, sa: str = "") -> None:
        """Take a line of charon's log about the connection ``name``; ``sa``: the unique id of the IKE_SA."""
        if (tunnel := self.tunnel(name)) is not None:
            self.put(tunnel, events.on_log(self.facts(tunnel), line, now, source, sa=sa))

    def on_garbled(
        self, line: str, candidates: Callable[[], Sequence[str]], source: Source, now: float
    ) -> None:
        """Take a line about a peer that charon does not know yet. ``candidates`` finds the tunnels that it
        may be of, by a look at all; most lines say nothing, and each peer that begins causes several."""
        if GARBLED.search(line) and len(tunnels := candidates()) == 1:
            self.put(tunnels[0], events.on_log(self.facts(tunnels[0]), line, now, source))

    def on_notice(self, notice: Notice, now: float) -> None:
        """Take a record of error-notify.

        Before charon knows the connection there is only the peer's address, which may be that of several.
        """
        found = [self.tunnel(notice.name)] if notice.name else self._with_peer(notice.peer_address)
        if len(found) == 1 and (tunnel := found[0]) is not None:
            self.put(tunnel, events.on_notice(self.facts(tunnel), notice, now))

    def on_found(self, tunnels: Iterable[str], sas: Mapping[str, Sequence[Section]], now: float) -> list[str]:
        """Take the SAs, by connection, of a charon that was running before us or was out of sight; return
        the ``tunnels`` that are met for the first time."""
        met = []
        for tunnel in tunnels:
            of_tunnel = sas.get(connection_name(tunnel), ())
            up = {str(child.get("uniqueid")) for child in state.children_up(of_tunnel)}
            newest = state.installed_child(of_tunnel)
            age_s = 0 if newest is None else state.number(newest.get("install-time"))
            if tunnel not in self._facts:
                met.append(tunnel)
            self.put(tunnel, transitions.reseeded(self._facts.get(tunnel), up, age_s, now))
        return met

    def on_lost(self, detail: str, now: float) -> None:
        """Take that charon is gone, and every SA with it as far as one can see."""
        for tunnel, facts in list(self._facts.items()):
            self.put(tunnel, transitions.all_down(facts, Reason.DAEMON_LOST, detail, now))
            self._touched.add(tunnel)
