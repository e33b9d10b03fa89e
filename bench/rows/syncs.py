"""How often the disk is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.figures import Row
from bench.session import Session
from bench.site import Site


def syncs(site: Site, session: Session, count: Callable[[], int]) -> Iterator[Row]:
    """Yield how often a commit of one leaf, and of one of all tunnels, waits for the disk.

    ``count``: how often the peer did since it started.
    """
    words = site.peer.words
    ones = [words.leaf(site.middle, number) for number in range(site.plan.changes)]
    many = words.change_all(site.numbers, "<description>of all</description>")
    yield site.row("fsync.leaf", "calls", *(_committed(site, session, edit, count) for edit in ones))
    yield site.row("fsync.all", "calls", _committed(site, session, many, count))


def _committed(site: Site, session: Session, edit: bytes, count: Callable[[], int]) -> int:
    before = count()
    session.ask(edit)
    session.ask(site.peer.words.commit())
    session.ask(site.peer.words.discard())  # what is left of a large commit comes before the next change
    return count() - before
