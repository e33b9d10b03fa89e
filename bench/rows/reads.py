"""What is read, with all tunnels there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bench.figures import Row
from bench.session import Session
from bench.site import Site

OCTETS_PER_MIB = 1024 * 1024


def _large(site: Site, name: str, session: Session, message: bytes) -> Row:
    octets = len(session.ask(message))
    row = site.timed(name, site.plan.large, lambda _: session.ask(message))
    return replace(row, note=f"{octets / OCTETS_PER_MIB:.1f} MiB")


def whole(site: Site, session: Session) -> Iterator[Row]:
    """A get-config of everything, without a filter and with one on all tunnels."""
    yield _large(site, "whole.plain", session, site.peer.words.whole())
    yield _large(site, "whole.filter", session, site.peer.words.tunnels())


def state(site: Site, session: Session) -> Iterator[Row]:
    """A get of all tunnels with their state, and of one."""
    yield _large(site, "state.all", session, site.peer.words.state())
    message = site.peer.words.one_state(site.middle)
    yield site.timed("state.one", site.plan.small, lambda _: session.ask(message))


def one(site: Site, session: Session) -> Iterator[Row]:
    """A get-config of one tunnel by its key."""
    message = site.peer.words.one(site.middle)
    yield site.timed("one.get-config", site.plan.small, lambda _: session.ask(message))
